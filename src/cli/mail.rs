//! How mails leave: the settings that `apply` and `operator` share, and what `apply` says at its end.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::Failure;
use crate::directory::outbox::{self, Sends};
use crate::directory::{Directory, Error};
use crate::mail::{self, Post};
use crate::reconcile::Engine;

/// How long `apply` sends mails at its end. What is left then waits for the next one.
const PATIENCE: Duration = Duration::from_secs(60);
/// Why mails wait where nobody sends any.
const UNSENT: &str = "no server to send them through is configured (--smtp)";

/// How mails leave (M34).
#[derive(Debug, Args)]
pub struct Mailing {
    /// Send mails through this server, with --mail-from and --link-base: smtps://USER:PASSWORD@HOST:PORT, or smtp://… for
    /// STARTTLS; without it, mails wait in the outbox
    #[arg(long, env = "ROLLCALL_SMTP", hide_env_values = true, value_name = "URL")]
    smtp: Option<Secret>,
    /// Who mails are from: hr@example.com, or "Example HR <hr@example.com>"
    #[arg(long, env = "ROLLCALL_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// What links in mails begin with, such as https://login.example.com
    #[arg(long, env = "ROLLCALL_LINK_BASE", value_name = "URL")]
    link_base: Option<String>,
}

/// A text that is not shown, also not when the arguments are (R7).
#[derive(Clone)]
struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Mailing {
    /// The server to send mails through, if one is given. An empty text is none: a chart may set it so.
    pub fn post(&self) -> Result<Option<Post>, Failure> {
        let Some(Secret(url)) = self.smtp.as_ref().filter(|url| !url.0.is_empty()) else { return Ok(None) };
        let given = |value: &Option<String>, name: &str| {
            let missing = || Failure::Usage(format!("mails are to be sent (--smtp): {name} is missing"));
            value.clone().filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        let (from, link_base) = (given(&self.mail_from, "--mail-from")?, given(&self.link_base, "--link-base")?);
        Post::new(url, &from, &link_base).map(Some).map_err(Failure::Usage)
    }
}

/// Sends what is due, in bounded time, and has the records know of it; says what waits.
pub async fn deliver(engine: &mut Engine, post: Option<&Post>, now: Timestamp) -> Result<(), Error> {
    let directory = engine.directory.clone();
    let Some(post) = post else {
        mail::note(&directory, Sends::No).await?;
        return tell_waiting(&directory, UNSENT).await;
    };
    mail::note(&directory, Sends::Yes).await?;
    let round = mail::deliver(post, &directory, now, PATIENCE).await?;
    if round.sent > 0 || round.refused > 0 {
        engine.advance(now).await?;
    }
    if round.sent > 0 {
        note!("{} sent", counted(round.sent as i64, "mail", "mails"));
    }
    if round.refused > 0 {
        let refused = counted(round.refused as i64, "mail was", "mails were");
        note!("warning: {refused} refused; `rollcall outbox` tells why (MailRefused)");
    }
    tell_waiting(&directory, "`rollcall outbox` tells why").await
}

/// Sends mails whenever they fall due, until the task is ended.
pub async fn follow(directory: &Directory, post: Option<Post>) -> Result<JoinHandle<()>, Error> {
    let directory = directory.clone();
    match post {
        Some(post) => {
            mail::note(&directory, Sends::Yes).await?;
            Ok(tokio::spawn(async move { mail::follow(&post, &directory, Timestamp::now, |_| ()).await }))
        }
        None => {
            mail::note(&directory, Sends::No).await?;
            tell_waiting(&directory, UNSENT).await?;
            Ok(tokio::spawn(std::future::ready(())))
        }
    }
}

/// Says how many mails are not sent yet, if there are any.
async fn tell_waiting(directory: &Directory, why: &str) -> Result<(), Error> {
    let open = outbox::open(&mut directory.read().await?, Sends::No).await?;
    let mails: i64 = open.values().map(|open| open.mails).sum();
    if mails > 0 {
        note!("warning: {} in the outbox: {why} (MailWaits)", counted(mails, "mail waits", "mails wait"));
    }
    Ok(())
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
