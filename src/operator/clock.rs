//! The API server's clock against this host's (R4). Asked when a session begins, every ten minutes, and when this
//! host's clock was moved; irreversible steps wait until the answer is known.

use std::time::{Duration, Instant, SystemTime};

use kube::Client;
use kube::client::Body;
use tokio::sync::watch::{Receiver, channel};

use super::now;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(600);
/// How often this host's clock is looked at, and by how much it may go astray meanwhile.
const LOOK: Duration = Duration::from_secs(1);
const ASTRAY: Duration = Duration::from_secs(5);
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How far this host's clock is before the API server's, in microseconds, as long as somebody listens; nothing
/// while it is not known.
pub async fn follow(client: Client) -> Receiver<Option<i64>> {
    let (told, skew) = channel(ask(&client).await);
    tokio::spawn(async move {
        while !told.is_closed() {
            let known = told.borrow().is_some();
            wait(if known { INTERVAL } else { LOOK }).await;
            told.send_replace(ask(&client).await);
        }
    });
    skew
}

/// Waits for so long, or until this host's clock was moved.
async fn wait(time: Duration) {
    let (began, wall) = (Instant::now(), SystemTime::now());
    while began.elapsed() < time {
        tokio::time::sleep(LOOK).await;
        let (passed, shown) = (began.elapsed(), wall.elapsed());
        if shown.map_or(true, |shown| shown.abs_diff(passed) > ASTRAY) {
            return;
        }
    }
}

async fn ask(client: &Client) -> Option<i64> {
    let request = http::Request::get("/version").body(Body::empty()).ok()?;
    let answer = tokio::time::timeout(TIMEOUT, client.send(request)).await.ok()?.ok()?;
    let date = answer.headers().get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    // The header tells whole seconds.
    Some(now().as_microsecond() - date.timestamp().as_microsecond() - 500_000)
}
