//! Passwords over standard input: a sign-in with one, and a member's own new one (M36). What the outside is answered
//! is kept apart from why. Called by `rollcall record`.

use std::io::{BufRead, Read};

use super::App;
use crate::api::{Confidential, Handle};
use crate::cli::{Failure, Global, OK, PARTLY};
use crate::credentials::own::{self, Changed, change};
use crate::credentials::{Answer, may_sign_in};
use crate::directory::Directory;
use crate::lifecycle::password::sentence;

/// The longest line that is read of standard input, in bytes.
const LONGEST: u64 = 4_096;

/// Signs in with the password on standard input; prints what the outside is answered.
pub async fn sign_in(
    directory: &Directory,
    global: &Global,
    handle: &Handle,
    app: App,
    location: Option<String>,
) -> Result<u8, Failure> {
    super::catch_up(directory, handle, global.now()).await?;
    let answer = with_password(directory, global, handle, app, location).await?;
    say!("{}", answer.name())?;
    Ok(if answer == Answer::Granted { OK } else { PARTLY })
}

/// A sign-in with a password. What the outside is answered does not tell an ID that is wrong from a password that is.
async fn with_password(
    directory: &Directory,
    global: &Global,
    handle: &Handle,
    app: App,
    location: Option<String>,
) -> Result<Answer, Failure> {
    let password = lines(1)?.remove(0);
    let message_id = super::load(&mut directory.read().await?, handle).await?.map(|member| member.declared.message_id.clone());
    // Nobody's ID is verified as long as anybody's.
    let (id, domain) = message_id.as_deref().and_then(|id| id.rsplit_once('@')).unwrap_or_default();
    let verified = may_sign_in(directory, &global.hasher()?, domain, id, &password, global.now()).await?;
    if verified.answer != Answer::Granted {
        return Ok(verified.answer);
    }
    match super::sign_in(directory, handle, app, location, global.now()).await? {
        Ok(_) => Ok(Answer::Granted),
        Err(why) => {
            tracing::info!(member = %handle, %why, "a sign-in was refused");
            Ok(Answer::Refused)
        }
    }
}

/// A member's own password (M36), by the present one.
pub async fn change_own(directory: &Directory, global: &Global, handle: &Handle) -> Result<u8, Failure> {
    super::catch_up(directory, handle, global.now()).await?;
    let mut lines = lines(2)?;
    let (new, present) = (lines.remove(1), lines.remove(0));
    let changed = change(directory, &global.hasher()?, handle, present, new, global.now()).await?;
    told(&changed)
}

/// A member's own password (M32, M33, M36), by the link of a mail.
pub async fn change_by_link(directory: &Directory, global: &Global) -> Result<u8, Failure> {
    let mut lines = lines(2)?;
    let (new, token) = (lines.remove(1), lines.remove(0));
    let changed = own::change_by_link(directory, &global.hasher()?, token, new, global.now()).await?;
    told(&changed)
}

fn told(changed: &Changed) -> Result<u8, Failure> {
    match changed {
        Changed::Done => {
            say!("Changed")?;
            return Ok(OK);
        }
        Changed::Refused => say!("Refused")?,
        Changed::Useless(useless) => {
            say!("Refused")?;
            note!("error: {useless}");
        }
        Changed::Violates(violations) => {
            say!("Refused")?;
            note!("error: the new password: {} (T5)", sentence(violations));
        }
    }
    Ok(PARTLY)
}

/// So many lines of standard input; those that are missing are empty.
fn lines(count: usize) -> Result<Vec<Confidential>, Failure> {
    let mut input = std::io::stdin().lock();
    let mut lines = Vec::with_capacity(count);
    for _ in 0..count {
        let mut line = Vec::new();
        (&mut input).take(LONGEST).read_until(b'\n', &mut line)?;
        lines.push(Confidential::new(line).without_line_break());
    }
    Ok(lines)
}
