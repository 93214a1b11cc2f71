//! Sends what is due: some mails at once, each told by what became of it; stops for a while where the server is away.
//! At least once: a mail that was sent and not acknowledged goes out again under the same Message-ID. Called by the shells.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;

use super::letter::{self, Letter};
use super::smtp::{AT_ONCE, Answer, Post};
use crate::directory::outbox::{self, Due, Ended, Sends};
use crate::directory::{Directory, Error, links};

/// How many mails are taken at once.
const TAKEN: i64 = 20;
/// How often it is looked for mails, by who stays.
const LOOK: Duration = Duration::from_millis(500);
/// How long it is waited after the server, or the directory, was away.
const PAUSE: Duration = Duration::from_secs(10);

/// What became of mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub sent: usize,
    pub refused: usize,
    pub put_off: usize,
    /// The server is away, or does not let Rollcall in.
    pub away: bool,
}

/// Sends what is due at an instant until there is nothing more, the server is away, or the time is over: what is left
/// then is tried again at its own time.
pub async fn deliver(post: &Post, directory: &Directory, now: Timestamp, patience: Duration) -> Result<Round, Error> {
    let mut round = Round::default();
    let all = async {
        while !round.away && send_some(post, directory, now, &mut round).await? > 0 {}
        Ok::<_, Error>(())
    };
    match tokio::time::timeout(patience, all).await {
        Ok(done) => done?,
        Err(_) => round.away = true,
    }
    Ok(round)
}

/// Sends whatever falls due, for as long as it is polled. What fails is said, and tried again. `clock` tells the instant;
/// `told` hears what became of mails.
pub async fn follow(post: &Post, directory: &Directory, clock: impl Fn() -> Timestamp, told: impl Fn(&Round)) {
    let mut was_away = false;
    loop {
        match step(post, directory, clock()).await {
            Ok(round) => {
                told(&round);
                if round.refused > 0 {
                    tracing::warn!(mails = round.refused, "the mail server refused mails; `rollcall outbox` tells which");
                }
                if round.away != was_away {
                    was_away = round.away;
                    if was_away {
                        tracing::warn!(
                            "the mail server can't be used; mails wait, and are tried again: `rollcall outbox` tells why"
                        );
                    } else {
                        tracing::info!("the mail server takes mails again");
                    }
                }
                tokio::time::sleep(if round.away { PAUSE } else { LOOK }).await;
            }
            Err(error) => {
                tracing::warn!(%error, "mails could not be taken from the outbox; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn step(post: &Post, directory: &Directory, now: Timestamp) -> Result<Round, Error> {
    let mut round = Round::default();
    while !round.away && outbox::any_due(&mut directory.read().await?, now).await? {
        send_some(post, directory, now, &mut round).await?;
    }
    Ok(round)
}

/// Takes some mails and sends them; how many were taken.
async fn send_some(post: &Post, directory: &Directory, now: Timestamp, round: &mut Round) -> Result<usize, Error> {
    let mut tx = directory.write().await?;
    let due = outbox::take(&mut tx, now, TAKEN).await?;
    tx.commit().await?;
    let taken = due.len();
    let mut sending = futures::stream::iter(due).map(|due| send(post, directory, due, now)).buffer_unordered(AT_ONCE);
    while let Some(answer) = sending.next().await {
        let Answer { ended, away } = answer?;
        match ended {
            Ended::Done => round.sent += 1,
            Ended::Refused(_) => round.refused += 1,
            Ended::PutOff(_) => round.put_off += 1,
            Ended::Dropped(_) => {}
        }
        round.away |= away;
    }
    Ok(taken)
}

/// Sends one mail, and notes what became of it.
async fn send(post: &Post, directory: &Directory, due: Due, now: Timestamp) -> Result<Answer, Error> {
    let (mut answer, token) = match letter::write(post, directory, &due, now).await? {
        Ok(Letter { message, token }) => (post.send(message, token.as_deref()).await, token),
        Err(ended) => (Answer { ended, away: false }, None),
    };
    tracing::debug!(id = due.id, mail = due.mail.name(), attempts = due.attempts, ended = ?answer.ended, "a mail");
    let mut tx = directory.write().await?;
    if let (Ended::Done, Some(token)) = (&answer.ended, &token)
        && !links::sent(&mut tx, token, now).await?
    {
        answer.ended = Ended::PutOff("the link ended while its mail was on the way".to_owned());
    }
    outbox::end(&mut tx, &due.id, &answer.ended, now).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Notes whether mails are sent from here, where that is another than before.
pub async fn note(directory: &Directory, sends: Sends) -> Result<(), Error> {
    if outbox::sends(&mut directory.read().await?).await? != sends {
        let mut tx = directory.write().await?;
        outbox::note_sends(&mut tx, sends).await?;
        tx.commit().await?;
    }
    Ok(())
}
