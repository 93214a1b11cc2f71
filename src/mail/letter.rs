//! A mail as it is sent: to whom, in which language, with which headers. Reads the record as it is when the mail goes
//! out. Called by the sender.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, header};

use super::smtp::Post;
use super::text::{Facts, text};
use crate::api::{Kind, Language};
use crate::directory::outbox::{Due, Ended};
use crate::directory::random;
use crate::directory::records::{By, load};
use crate::directory::sql::{Tx, keys};
use crate::directory::{Directory, Error, links};
use crate::lifecycle::tenant::languages;
use crate::record::mail::{Purpose, address};
use crate::record::{ContactRecord, Mail, MemberRecord, Record, TenantRecord, Uid};

/// A mail, ready to be sent, and the token of the link in it.
pub struct Letter {
    pub message: Message,
    pub token: Option<String>,
}

/// Writes the mail that was ordered, or says what becomes of it instead.
pub async fn write(post: &Post, directory: &Directory, due: &Due, now: Timestamp) -> Result<Result<Letter, Ended>, Error> {
    let mut tx = directory.read().await?;
    let member = member(&mut tx, &due.uid).await?;
    // Who was transferred meanwhile is written to by the present company (M40).
    let company = member.as_ref().map_or(&due.tenant, |member| &member.tenant);
    let Some(tenant) = tenant(&mut tx, company).await? else { return Ok(Err(Ended::Dropped("the tenant is gone"))) };
    if !tenant.notifies() {
        return Ok(Err(Ended::Dropped("the tenant wants no mails")));
    }
    if let Some(to) = &due.to {
        let contact = contact(&mut tx, &due.uid).await?;
        if contact.as_ref().and_then(|contact| contact.invited()) != Some(to) {
            return Ok(Err(Ended::Dropped("the invitation was withdrawn")));
        }
        // It goes out once connections are allowed (again), if it still stands then (X1, T7).
        if !tenant.connects() {
            return Ok(Err(Ended::PutOff("the tenant does not allow external connections now (T7)".to_owned())));
        }
        let message = invitation(post, due, &tenant, to, now);
        return Ok(message.map(|message| Letter { message, token: None }).map_err(Ended::Refused));
    }
    drop(tx);
    let Some(member) = member else { return Ok(Err(Ended::Dropped("the member is gone"))) };
    if let Some(ended) = idle(due.mail, &member) {
        return Ok(Err(ended));
    }
    let Some(to) = address(&member, tenant.plan()) else {
        return Ok(Err(Ended::PutOff("NoAddress: the member has no personalEmail, and no mailbox yet".to_owned())));
    };
    let token = match due.mail.link() {
        Some(purpose) => Some(new_link(directory, &member.uid, purpose, now).await?),
        None => None,
    };
    let message = message(post, due, &member, &tenant, to, token.as_deref(), now);
    Ok(message.map(|message| Letter { message, token }).map_err(Ended::Refused))
}

/// Why a mail has nothing to say any more, or not now.
fn idle(mail: Mail, member: &MemberRecord) -> Option<Ended> {
    if member.is_deleted() {
        Some(Ended::Dropped("the member is gone"))
    } else if mail == Mail::Invitation && !member.registers_by_link() {
        Some(Ended::Dropped("the member has another way to a password"))
    } else if mail == Mail::Invitation && member.lived.has_password() {
        Some(Ended::Dropped("the member has a password"))
    } else if !member.state.phase.may_sign_in() {
        Some(Ended::PutOff("the member may not sign in now".to_owned()))
    } else {
        None
    }
}

/// Makes a link: its token goes into the mail, its digest into the directory.
async fn new_link(directory: &Directory, member: &Uid, purpose: Purpose, now: Timestamp) -> Result<String, Error> {
    let token = random::text::<32>();
    let mut tx = directory.write().await?;
    links::make(&mut tx, &token, member, purpose, now).await?;
    tx.commit().await?;
    Ok(token)
}

fn message(
    post: &Post,
    due: &Due,
    member: &MemberRecord,
    tenant: &TenantRecord,
    to: &str,
    token: Option<&str>,
    now: Timestamp,
) -> Result<Message, String> {
    let language = language(member, tenant);
    let company = company(tenant, language);
    let named = member.intent.spec.names.get(language.tag());
    let name = named.map_or_else(
        || member.display_name(),
        |name| crate::record::member::shown_name(name.family.as_str(), name.given.as_str()),
    );
    let path = due.mail.link().map(|purpose| match purpose {
        Purpose::Registration => "register",
        Purpose::PasswordChange => "password",
    });
    let link = match (path, token) {
        (Some(path), Some(token)) => format!("{}/{path}/{token}", post.link_base),
        _ => post.link_base.clone(),
    };
    // A link that ends as a day begins does not work on that day.
    let last = due.mail.link().and_then(|purpose| purpose.ends(now).checked_sub(SignedDuration::from_micros(1)).ok());
    let until = last.map_or_else(String::new, |last| last.to_zoned(tenant.zone.clone()).date().to_string());
    let facts = Facts { name: &name, company, login: &member.declared.message_id, link: &link, until: &until };
    build(post, due, text(due.mail, language, &facts), company, to, now)
}

/// The mail to a person who is no member (X3). Who accepts it proves the address by being the member who has it.
fn invitation(post: &Post, due: &Due, tenant: &TenantRecord, to: &str, now: Timestamp) -> Result<Message, String> {
    let language = languages(&tenant.intent.spec).first().copied().unwrap_or(Language::en_US);
    let company = company(tenant, language);
    let link = format!("{}/contact/{}", post.link_base, due.uid);
    let facts = Facts { name: to, company, login: "", link: &link, until: "" };
    build(post, due, text(due.mail, language, &facts), company, to, now)
}

/// A tenant's name in a language.
fn company(tenant: &TenantRecord, language: Language) -> &str {
    tenant.intent.spec.display_names.get(language.tag()).map_or(tenant.declared.display_name.as_str(), |name| &name.0)
}

fn build(
    post: &Post,
    due: &Due,
    (subject, body): (String, String),
    company: &str,
    to: &str,
    now: Timestamp,
) -> Result<Message, String> {
    let to = to.parse().map_err(|error| format!("the address is not understood: {error}"))?;
    let from = Mailbox::new(post.from.name.clone().or_else(|| Some(company.to_owned())), post.from.email.clone());
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(std::time::SystemTime::from(now))
        // Of the row: whoever gets it twice can tell.
        .message_id(Some(format!("<{}@{}>", due.id, post.from.email.domain())))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .header(header::ContentTransferEncoding::Base64)
        .body(body)
        .map_err(|error| format!("the mail can't be written: {error}"))
}

/// The language of a mail: the member's, else the tenant's first.
fn language(member: &MemberRecord, tenant: &TenantRecord) -> Language {
    let own = Language::ALL.into_iter().find(|language| member.declared.language.as_deref() == Some(language.tag()));
    own.or_else(|| languages(&tenant.intent.spec).first().copied()).unwrap_or(Language::en_US)
}

/// No person wrote it, and no out-of-office reply should answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

async fn member(tx: &mut Tx, uid: &Uid) -> Result<Option<Arc<MemberRecord>>, Error> {
    let found = load(tx, Kind::Member, By::Uid, keys([uid])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Record::Member(member) => Some(member),
        Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_) => None,
    }))
}

async fn contact(tx: &mut Tx, uid: &Uid) -> Result<Option<Arc<ContactRecord>>, Error> {
    let found = load(tx, Kind::ExternalContact, By::Uid, keys([uid])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Record::ExternalContact(contact) => Some(contact),
        Record::Tenant(_) | Record::Organization(_) | Record::Member(_) => None,
    }))
}

async fn tenant(tx: &mut Tx, uid: &Uid) -> Result<Option<Arc<TenantRecord>>, Error> {
    let found = load(tx, Kind::Tenant, By::Uid, keys([uid])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Record::Tenant(tenant) => Some(tenant),
        Record::Member(_) | Record::Organization(_) | Record::ExternalContact(_) => None,
    }))
}
