//! `rollcall record room` and `rollcall record accept-invitation`: what services report of message rooms and of
//! invitations of external contacts (X3, X4).

use std::sync::Arc;

use clap::Args;

use super::{load_still, said};
use crate::api::{Handle, Kind};
use crate::cli::{Failure, Global, PARTLY, unknown};
use crate::directory::cells::handle_keys;
use crate::directory::records::By;
use crate::directory::sql::Tx;
use crate::directory::{Directory, contacts, records};
use crate::record::{ContactRecord, MemberRecord, Record, Sought};

/// Reports who came into a message room, and who left it.
#[derive(Debug, Args)]
pub struct Room {
    /// The room, as the service calls it
    room: String,
    /// Who came into it: names of members, or NAMESPACE/NAME
    #[arg(long, num_args = 1.., value_name = "MEMBER", required_unless_present = "leave")]
    join: Vec<String>,
    /// Who left it: names of members, or NAMESPACE/NAME
    #[arg(long, num_args = 1.., value_name = "MEMBER")]
    leave: Vec<String>,
}

/// Reports that a member accepted the invitation of an external contact.
#[derive(Debug, Args)]
pub struct AcceptInvitation {
    /// The contact's name, or NAMESPACE/NAME
    contact: String,
    /// Who accepted: the member's name, or NAMESPACE/NAME
    member: String,
}

/// A name in the default namespace, or `NAMESPACE/NAME`; as elsewhere, `KIND/NAME` is a name too.
fn handle(text: &str, global: &Global) -> Handle {
    match text.split_once('/') {
        Some((before, name)) if before.parse::<Kind>().is_err() => Handle::new(before, name),
        Some((_, name)) => Handle::new(global.default_namespace(), name),
        None => Handle::new(global.default_namespace(), text),
    }
}

impl Room {
    pub async fn run(self, directory: &Directory, global: &Global) -> Result<u8, Failure> {
        let Room { room, join, leave } = self;
        let mut tx = directory.write().await?;
        for (names, joins) in [(&join, true), (&leave, false)] {
            for name in names {
                let handle = handle(name, global);
                let found = load_still(&mut tx, &handle).await?.filter(|member| !joins || !member.is_deleted());
                let Some(member) = found else {
                    note!("error: there is no member {}; nothing was written", unknown(&handle));
                    return Ok(PARTLY);
                };
                if joins {
                    contacts::join_room(&mut tx, &room, &member.uid).await?;
                } else {
                    contacts::leave_room(&mut tx, &room, &member.uid).await?;
                }
            }
        }
        tx.commit().await?;
        said(Ok(format!("{} came into the room {room}, {} left it", join.len(), leave.len())))
    }
}

impl AcceptInvitation {
    pub async fn run(self, directory: &Directory, global: &Global) -> Result<u8, Failure> {
        let (invited, accepting) = (handle(&self.contact, global), handle(&self.member, global));
        let mut tx = directory.write().await?;
        let found = (contact(&mut tx, &invited).await?, load_still(&mut tx, &accepting).await?);
        let (contact, member) = match found {
            (Some(contact), Some(member)) => (contact, member),
            (None, _) => return said(Err(format!("there is no external contact {invited}"))),
            (_, None) => return said(Err(format!("there is no member {}", unknown(&accepting)))),
        };
        if contact.invited().is_none() {
            return said(Err(format!("no invitation of {invited} is open (X3)")));
        }
        if contact.tenant == member.tenant {
            return said(Err(format!("{accepting} is a colleague: an external contact is a person of another company (X1)")));
        }
        if !may_accept(&contact, &member) {
            return said(Err(format!("{accepting} has not the address that {invited} invites (X3)")));
        }
        contacts::accept(&mut tx, &contact.uid, &member, global.now()).await?;
        tx.commit().await?;
        said(Ok(format!("{accepting} accepted the invitation of {invited}")))
    }
}

/// Whether a member has the address that was invited, and an account.
fn may_accept(contact: &ContactRecord, member: &MemberRecord) -> bool {
    let invited = Sought::of(&contact.intent.spec);
    member.state.phase.may_sign_in() && invited.is_some_and(|invited| invited.leads_to(member))
}

async fn contact(tx: &mut Tx, handle: &Handle) -> Result<Option<Arc<ContactRecord>>, Failure> {
    let found = records::load(tx, Kind::ExternalContact, By::Handle, handle_keys([handle])).await?;
    Ok(found.into_iter().find_map(|record| match record {
        Record::ExternalContact(contact) => Some(contact),
        Record::Tenant(_) | Record::Organization(_) | Record::Member(_) => None,
    }))
}
