//! The sender of mails: takes those whose time has come from the outbox, sends them by SMTP, and acknowledges them
//! (M34). Never decides who gets a mail, never keeps a link, never shows a password. Called by `apply` and the operator.

mod letter;
mod sender;
mod smtp;
mod text;

pub use sender::{Round, deliver, follow, note};
pub use smtp::Post;
