//! What services and administrators write to the directory beside the manifests, as the commands of `rollcall record`,
//! `device`, `requests` and `billing` write it. Returns nothing: what follows is folded in by the engine.

use std::sync::Arc;

use jiff::Timestamp;
use rollcall::api::member::{DeviceAction, DeviceOrderState};
use rollcall::api::{Confidential, Handle, Kind};
use rollcall::credentials::{Hasher, own};
use rollcall::directory::accounts::{self, Choice, Seen};
use rollcall::directory::cells::handle_keys;
use rollcall::directory::outbox::{self, Ended, Which};
use rollcall::directory::records::{self, By};
use rollcall::directory::sql::Tx;
use rollcall::directory::{Directory, charges, contacts, facts, links, registrations};
use rollcall::lifecycle::member::account::easy_login_disabled;
use rollcall::record::account::{DeviceReport, Reported, device_order_id};
use rollcall::record::charge::month_of;
use rollcall::record::registration::OPEN_FOR;
use rollcall::record::{ContactRecord, Mail, MemberRecord, Record, Request, RequestState, Sought, TenantRecord};

use crate::intents::Report;
use crate::walk::{OWN, SECRET};

/// Whoever writes beside the manifests: the services, and the links that people got by mail.
#[derive(Default)]
pub struct Services {
    tokens: Vec<String>,
}

async fn load(tx: &mut Tx, kind: Kind, name: &str) -> Option<Record> {
    records::load(tx, kind, By::Handle, handle_keys([&Handle::new("hr", name)])).await.unwrap().pop()
}

async fn member(tx: &mut Tx, name: &str) -> Option<Arc<MemberRecord>> {
    match load(tx, Kind::Member, name).await {
        Some(Record::Member(member)) => Some(member),
        _ => None,
    }
}

async fn contact(tx: &mut Tx, name: &str) -> Option<Arc<ContactRecord>> {
    match load(tx, Kind::ExternalContact, name).await {
        Some(Record::ExternalContact(contact)) => Some(contact),
        _ => None,
    }
}

async fn tenant(tx: &mut Tx, name: &str) -> Option<Arc<TenantRecord>> {
    match load(tx, Kind::Tenant, name).await {
        Some(Record::Tenant(tenant)) if tenant.cancelled_at.is_none() => Some(tenant),
        _ => None,
    }
}

fn identifier() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Services {
    /// Writes a report, if whoever takes it would.
    pub async fn write(&mut self, directory: &Directory, hasher: &Hasher, report: &Report, now: Timestamp) {
        match report {
            Report::OwnPassword(member) => {
                let (present, new) = (Confidential::new(SECRET), Confidential::new(OWN));
                own::change(directory, hasher, &Handle::new("hr", *member), present, new, now).await.unwrap();
            }
            Report::Links => {
                for token in std::mem::take(&mut self.tokens) {
                    own::change_by_link(directory, hasher, Confidential::new(token), Confidential::new(OWN), now).await.unwrap();
                }
            }
            _ => {
                let mut tx = directory.write().await.unwrap();
                match report {
                    Report::Mails => self.send(&mut tx, now).await,
                    _ => fact(&mut tx, report, now).await.unwrap_or_default(),
                }
                tx.commit().await.unwrap();
            }
        }
    }

    /// Sends every mail that is due, as the sender does.
    async fn send(&mut self, tx: &mut Tx, now: Timestamp) {
        for due in outbox::take(tx, now, 100).await.unwrap() {
            let to = records::load(tx, Kind::Member, By::Uid, rollcall::directory::sql::keys([&due.uid])).await.unwrap().pop();
            let ended = match (&to, due.mail.link()) {
                (Some(Record::Member(member)), Some(purpose)) if member.state.phase.may_sign_in() => {
                    let token = identifier();
                    links::make(tx, &token, &due.uid, purpose, now).await.unwrap();
                    links::sent(tx, &token, now).await.unwrap();
                    self.tokens.push(token);
                    Ended::Done
                }
                (Some(_), None) => Ended::Done,
                (Some(_), Some(_)) => Ended::PutOff("the member may not sign in now".to_owned()),
                (None, _) if due.mail == Mail::ExternalInvitation => Ended::Done,
                (None, _) => Ended::Dropped("the member is gone"),
            };
            outbox::end(tx, &due.id, &ended, now).await.unwrap();
        }
    }
}

/// Writes one fact; nothing, where it is refused.
async fn fact(tx: &mut Tx, report: &Report, now: Timestamp) -> Option<()> {
    match report {
        Report::SignIn(name, app) => {
            let member = member(tx, name).await.filter(|member| member.state.phase.may_sign_in())?;
            if member.apps_blocked() && *app != "Web" {
                return None;
            }
            let (id, app, location) = (identifier(), (*app).to_owned(), Some("Seoul".to_owned()));
            facts::sign_in(tx, &facts::SignIn { id, member: member.uid.clone(), app, at: now, location }).await.unwrap();
        }
        Report::Choices(name) => {
            let member = member(tx, name).await?;
            accounts::choose(tx, &member.uid, Choice::SecondStep, Some("Otp"), now).await.unwrap();
            accounts::choose(tx, &member.uid, Choice::Language, Some("ko_KR"), now).await.unwrap();
            let line = Some("Line").filter(|_| !easy_login_disabled(&member.intent.spec));
            accounts::choose(tx, &member.uid, Choice::EasyLogin, line, now).await.unwrap();
            accounts::tell(tx, identifier(), &member.uid).await.unwrap();
        }
        Report::Device(name, managed) => {
            let member = member(tx, name).await?;
            let (id, app, managed) = ("phone".to_owned(), "Mobile".to_owned(), *managed);
            accounts::device(tx, &member.uid, Seen { id, app, app_version: None, managed, at: now }).await.unwrap();
        }
        Report::Order(name) => order(tx, name, now).await?,
        Report::Acknowledge => {
            for order in outbox::list(tx, Which::Open, None, None).await.unwrap() {
                if order.consumer != "mail" {
                    outbox::acknowledge(tx, &order.id, now).await.unwrap();
                }
            }
        }
        Report::Room(name, joins) => {
            let member = member(tx, name).await.filter(|member| !joins || !member.is_deleted())?;
            if *joins {
                contacts::join_room(tx, "room", &member.uid).await.unwrap();
            } else {
                contacts::leave_room(tx, "room", &member.uid).await.unwrap();
            }
        }
        Report::Accept(name, accepting) => {
            let (contact, member) = (contact(tx, name).await?, member(tx, accepting).await?);
            contact.invited()?;
            let leads = Sought::of(&contact.intent.spec).is_some_and(|sought| sought.leads_to(&member));
            if leads && member.state.phase.may_sign_in() {
                contacts::accept(tx, &contact.uid, &member, now).await.unwrap();
            }
        }
        Report::Request(_) | Report::Reject | Report::Charge(_) | Report::Pay(_) => of_tenant(tx, report, now).await?,
        Report::OwnPassword(_) | Report::Links | Report::Mails => {}
    }
    Some(())
}

/// An administrator orders something for the device of a member in grace; or the service finds an order done.
async fn order(tx: &mut Tx, name: &str, now: Timestamp) -> Option<()> {
    let member = member(tx, name).await?;
    for order in &member.lived.account.orders {
        if order.state == DeviceOrderState::Ordered {
            outbox::acknowledge(tx, &device_order_id(&member.uid, order), now).await.unwrap();
        }
    }
    let known = accounts::devices(tx, &member.uid).await.unwrap();
    if member.is_deleted() && !known.is_empty() {
        let (action, token) = (DeviceAction::DeviceReset, now.to_string());
        let report = DeviceReport { device: "phone".into(), action, token, what: Reported::Requested, at: now };
        accounts::request(tx, &member.uid, &report).await.unwrap();
        accounts::tell(tx, identifier(), &member.uid).await.unwrap();
    }
    Some(())
}

async fn of_tenant(tx: &mut Tx, report: &Report, now: Timestamp) -> Option<()> {
    match report {
        Report::Request(name) => {
            let tenant = tenant(tx, name).await?;
            tenant.intent.spec.registration_link.as_ref().filter(|link| link.enabled)?;
            let text = |text: &str| text.to_owned();
            let request = Request {
                id: identifier(),
                tenant: tenant.uid.clone(),
                family_name: text("Asking"),
                given_name: text("Given"),
                wished_id: text("asking"),
                email: text("asking@home.example"),
                requested_at: now,
                expires_at: OPEN_FOR.after(now),
                state: RequestState::Open,
                decided_at: None,
                revision: 1,
                told: 0,
                member: None,
            };
            registrations::add(tx, &request).await.unwrap();
        }
        Report::Reject => {
            let open = "SELECT id FROM registration_requests WHERE state = 'Open' ORDER BY id";
            let id = tx.fetch_one(open, vec![]).await.unwrap()?.text(0).unwrap();
            registrations::reject(tx, &id, now).await.unwrap();
        }
        Report::Charge(name) => {
            let tenant = tenant(tx, name).await?;
            let month = month_of(now, &tenant.zone);
            charges::add(tx, &tenant.uid, &month, 500, "KRW", now).await.unwrap();
        }
        Report::Pay(name) => {
            let tenant = tenant(tx, name).await?;
            let month = month_of(now, &tenant.zone);
            charges::pay(tx, &tenant.uid, &month, now).await.unwrap();
        }
        _ => {}
    }
    Some(())
}
