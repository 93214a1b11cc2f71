//! The way to the mail server: from its URL to a transport, and from its answers to what becomes of a mail. Called by
//! the sender.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use lettre::message::Mailbox;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;

use crate::directory::outbox::Ended;

/// How many mails are on their way at once.
pub const AT_ONCE: usize = 4;
/// How long the server may take for one command, and for one mail.
const COMMAND: Duration = Duration::from_secs(15);
const MAIL: Duration = Duration::from_secs(45);
/// The most characters of an error that are kept.
const TOLD: usize = 200;

/// A server that takes mails, and what stands in each of them.
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// Who the mails are from.
    pub from: Mailbox,
    /// What links in mails begin with, without a slash at the end.
    pub link_base: String,
    /// What no error may show (R7).
    secrets: Vec<String>,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").field("from", &self.from).field("link_base", &self.link_base).finish_non_exhaustive()
    }
}

/// What the server made of a mail.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub ended: Ended,
    /// Whether the next mail would fare the same: the server is away, or does not let Rollcall in.
    pub away: bool,
}

impl Post {
    /// A server by its URL: `smtps://USER:PASSWORD@HOST:PORT` (TLS from the start, port 465), or `smtp://…` (STARTTLS,
    /// port 587), which takes `?tls=required`, `opportunistic` or `none`. Without that, TLS is required where a password
    /// would be sent, and taken where it is offered otherwise.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting. The URL, which may hold a password, is not repeated.
    pub fn new(url: &str, from: &str, link_base: &str) -> Result<Post, String> {
        let misread = || {
            "the SMTP server's URL (--smtp) is not understood; write smtps://USER:PASSWORD@HOST:PORT, or smtp://… for STARTTLS"
                .to_owned()
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(misread)?;
        let (user, host) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let secrets = user.and_then(|user| user.split_once(':')).map(|(user, password)| forms(user, password));
        let (bare, query) = match host.split_once('?') {
            Some((_, query)) => (&url[..url.len() - query.len() - 1], Some(query)),
            None => (url, None),
        };
        let url = match (scheme, query) {
            ("smtps", None) | ("smtp", Some("tls=none")) => bare.to_owned(),
            ("smtp", Some("tls=required" | "tls=opportunistic")) => url.to_owned(),
            ("smtp", None) => format!("{bare}?tls={}", if user.is_some() { "required" } else { "opportunistic" }),
            _ => return Err(misread()),
        };
        let from: Mailbox = from.parse().map_err(|error| format!("the sender's address (--mail-from): {error}"))?;
        if !link_base.starts_with("https://") && !link_base.starts_with("http://") {
            return Err("what links begin with (--link-base) is a URL, such as https://login.example.com".to_owned());
        }
        let domain = ClientId::Domain(from.email.domain().to_owned());
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
            .map_err(|_| misread())?
            .hello_name(domain)
            .timeout(Some(COMMAND))
            .pool_config(PoolConfig::new().max_size(AT_ONCE as u32))
            .build();
        Ok(Post { transport, from, link_base: link_base.trim_end_matches('/').to_owned(), secrets: secrets.unwrap_or_default() })
    }

    /// Hands a mail to the server. `token` is the secret in it, if there is one.
    pub async fn send(&self, message: Message, token: Option<&str>) -> Answer {
        let told = |text: String| self.told(&text, token);
        match tokio::time::timeout(MAIL, self.transport.send(message)).await {
            Ok(Ok(_)) => Answer { ended: Ended::Done, away: false },
            Ok(Err(error)) => {
                let code = error.status().map(|code| code.to_string()).unwrap_or_default();
                // A server that wants another password, or more of TLS, says nothing about the mail.
                let locked = matches!(code.as_str(), "530" | "534" | "535" | "538");
                if error.is_permanent() && !locked {
                    Answer { ended: Ended::Refused(told(error.to_string())), away: false }
                } else {
                    Answer { away: !error.is_transient(), ended: Ended::PutOff(told(error.to_string())) }
                }
            }
            Err(_) => Answer { ended: Ended::PutOff("the mail server took too long".to_owned()), away: true },
        }
    }

    /// An error on one line, short, without what must not be shown (R7).
    fn told(&self, text: &str, token: Option<&str>) -> String {
        let secrets = self.secrets.iter().map(String::as_str).chain(token);
        let text = secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        text.chars().take(TOLD).collect()
    }
}

/// The forms in which a server may repeat the password of a URL: as it stands there, as it is meant, and as LOGIN and
/// PLAIN send it. The longest come first, for one may hold another.
fn forms(user: &str, password: &str) -> Vec<String> {
    let meant = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (name, secret) = (meant(user), meant(password));
    // A server that leaves out what fills up the last four letters says as much.
    let sent = [secret.clone(), format!("\0{name}\0{secret}")].map(|text| BASE64_STANDARD_NO_PAD.encode(text));
    let mut forms: Vec<String> = [password.to_owned(), secret].into_iter().chain(sent).collect();
    forms.retain(|form| !form.is_empty());
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_is_read_or_refused_without_being_repeated() {
        for url in ["smtps://u:s3cret@mail.example:465", "smtp://mail.example", "smtp://u:s3cret@[::1]:25?tls=none"] {
            assert!(Post::new(url, "Acme <hr@acme.example>", "https://login.acme.example/").is_ok(), "{url}");
        }
        for url in [
            "mail.example:25",
            "http://u:s3cret@mail.example",
            "smtp://u:s3cret@mail.example:port",
            "smtp://u:s3cret@mail.example?tls=no",
        ] {
            let error = Post::new(url, "hr@acme.example", "https://login.acme.example").unwrap_err();
            assert!(error.contains("--smtp") && !error.contains("s3cret"), "{error}");
        }
        assert!(Post::new("smtp://mail.example", "nobody", "https://a.example").unwrap_err().contains("--mail-from"));
        assert!(Post::new("smtp://mail.example", "a@b.example", "a.example").unwrap_err().contains("--link-base"));
    }

    #[tokio::test]
    async fn what_is_told_holds_no_secret() {
        let post = Post::new("smtp://u:s3cret@mail.example", "a@b.example", "https://a.example").unwrap();
        assert_eq!(post.told("no  s3cret\nat t0ken", Some("t0ken")), "no … at …");
        assert!(!format!("{post:?}").contains("s3cret"));
        let post = Post::new("smtp://u%40b:p%40ss%21wordZZ@mail.example", "a@b.example", "https://a.example").unwrap();
        for echo in [
            "p%40ss%21wordZZ",
            "p@ss!wordZZ",
            // As LOGIN sends it, and PLAIN.
            "cEBzcyF3b3JkWlo=",
            "AHVAYgBwQHNzIXdvcmRaWg==",
            "AHVAYgBwQHNzIXdvcmRaWg",
        ] {
            let told = post.told(&format!("535 bad credentials {echo}"), None);
            assert_eq!(told.trim_end_matches('='), "535 bad credentials …", "{echo}");
        }
    }
}
