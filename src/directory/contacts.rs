//! External contacts in the directory: their rows, who is found by what, whose contacts follow a person or a company,
//! accepted invitations and shared message rooms. Called by the engine, and where records are stored.

use jiff::Timestamp;

use super::Error;
use super::cells::{intent, phase_of};
use super::sql::{Cell, Row, Table, Tx, keys};
use crate::api::contact::ContactPhase;
use crate::api::{Handle, Key, Kind};
use crate::record::{ContactDeclared, ContactLived, ContactRecord, ContactState, MemberRecord, Severed, Sought, Synced, Uid};

pub const CONTACTS: Table = Table {
    name: "contacts",
    columns: &[
        "uid",
        "tenant",
        "namespace",
        "name",
        "owner",
        "sought",
        "target",
        "severed",
        "display_name",
        "nickname",
        "company",
        "photo",
        "classification",
        "profile",
        "phase",
        "created_at",
        "with_owner",
        "trashed_at",
        "purge_at",
        "intent",
        "digest",
        "generation",
        "revision",
    ],
    key: &["uid"],
};

/// Who accepted a contact's present invitation (X3): a fact, of which the last counts.
pub const ACCEPTANCES: Table = Table { name: "acceptances", columns: &["contact", "member", "at", "folded"], key: &["contact"] };

/// A row as a record.
pub fn contact(row: &Row) -> Result<ContactRecord, Error> {
    let phase = row.text(14)?;
    Ok(ContactRecord {
        uid: row.text(0)?.into(),
        tenant: row.text(1)?.into(),
        handle: Handle::new(row.text(2)?, row.text(3)?),
        declared: ContactDeclared { owner: row.text(4)?.into(), classification: row.text(12)?, profile: row.json(13)? },
        lived: ContactLived {
            sought: row.text(5)?,
            target: row.get::<Option<String>>(6)?.map(Uid::from),
            severed: row.get::<Option<String>>(7)?.as_deref().and_then(Severed::read),
            synced: Synced { nickname: row.get(9)?, company: row.get(10)?, photo: row.get(11)? },
            with_owner: row.get(16)?,
            trashed_at: row.maybe_instant(17)?,
            purge_at: row.maybe_instant(18)?,
        },
        state: ContactState { phase: phase_of(phase, ContactPhase::Disconnected), name: row.get(8)? },
        created_at: row.instant(15)?,
        intent: intent(row, 19)?,
        revision: row.get(22)?,
    })
}

/// A record as a row.
pub fn contact_row(record: &ContactRecord) -> Vec<Cell> {
    let ContactRecord { uid, tenant, handle, intent, declared, lived, state, created_at, revision } = record;
    let ContactDeclared { owner, classification, profile } = declared;
    let ContactLived { sought, target, severed, synced, with_owner, trashed_at, purge_at } = lived;
    let Synced { nickname, company, photo } = synced;
    let ContactState { phase, name } = state;
    vec![
        uid.as_str().into(),
        tenant.as_str().into(),
        handle.namespace.as_ref().into(),
        handle.name.as_ref().into(),
        owner.as_str().into(),
        sought.as_str().into(),
        target.as_ref().map(Uid::to_string).into(),
        severed.map(|severed| severed.name().to_owned()).into(),
        name.clone().into(),
        nickname.clone().into(),
        company.clone().into(),
        (*photo).into(),
        classification.as_str().into(),
        profile.clone().into(),
        phase.name().into(),
        (*created_at).into(),
        (*with_owner).into(),
        (*trashed_at).into(),
        (*purge_at).into(),
        (&intent.json).into(),
        intent.digest.as_str().into(),
        intent.generation.into(),
        (revision + 1).into(),
    ]
}

/// The members to whom one of these may lead (X1), but for message IDs, which are addresses that only one may hold.
/// Whether one may be found is decided elsewhere.
pub async fn sought(tx: &mut Tx, sought: &[Sought]) -> Result<Vec<Uid>, Error> {
    let (mut numbers, mut tokens) = (Vec::new(), Vec::new());
    for sought in sought {
        match sought {
            Sought::PhoneNumber(number) => numbers.push(number),
            Sought::QrToken(token) => tokens.push(token),
            Sought::MessageId(_) | Sought::Invitation(_) => {}
        }
    }
    let mut found = Vec::new();
    for (column, values) in [("mobile_phone", numbers), ("qr_token", tokens)] {
        for row in tx.lookup("uid", "members", &[column], keys(values)).await? {
            found.push(row.text(0)?.into());
        }
    }
    Ok(found)
}

/// The contacts whose person, or whose owner, is one of these members.
pub async fn of_members(tx: &mut Tx, members: &[Uid]) -> Result<Vec<Key>, Error> {
    let mut found = Vec::new();
    for column in ["target", "owner"] {
        for row in tx.lookup("namespace, name", "contacts", &[column], keys(members)).await? {
            found.push(Key::new(Kind::ExternalContact, Handle::new(row.text(0)?, row.text(1)?)));
        }
    }
    Ok(found)
}

/// The contacts whose person belongs to one of these tenants.
pub async fn of_companies(tx: &mut Tx, tenants: &[Uid]) -> Result<Vec<Key>, Error> {
    let mut found = Vec::new();
    for tenant in tenants {
        let rows = tx.fetch(OF_COMPANY, vec![tenant.as_str().into()]).await?;
        found.extend(rows.iter().map(key).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

const OF_COMPANY: &str = "SELECT c.namespace, c.name FROM contacts c JOIN members m ON m.uid = c.target WHERE m.tenant = $1";

fn key(row: &Row) -> Result<Key, Error> {
    Ok(Key::new(Kind::ExternalContact, Handle::new(row.text(0)?, row.text(1)?)))
}

/// Writes that a member accepted a contact's invitation (X3).
pub async fn accept(tx: &mut Tx, contact: &Uid, member: &MemberRecord, at: Timestamp) -> Result<(), Error> {
    let row = vec![contact.as_str().into(), member.uid.as_str().into(), at.into(), false.into()];
    tx.upsert(&ACCEPTANCES, vec![row]).await
}

/// Who accepted the invitations of these contacts, and whether that was looked at.
pub async fn accepted(tx: &mut Tx, contacts: &[Uid]) -> Result<Vec<(Uid, Uid, bool)>, Error> {
    let rows = tx.lookup("contact, member, folded", "acceptances", &["contact"], keys(contacts)).await?;
    rows.iter().map(|row| Ok((row.text(0)?.into(), row.text(1)?.into(), row.get(2)?))).collect()
}

/// Notes that these contacts were looked at since their invitations were accepted.
pub async fn fold(tx: &mut Tx, contacts: &[Uid]) -> Result<(), Error> {
    tx.update("acceptances", &[("folded", true.into())], &["contact"], keys(contacts), "NOT folded").await?;
    Ok(())
}

/// What was accepted of these contacts' invitations counts no more.
pub async fn forget_acceptances(tx: &mut Tx, contacts: &[Uid]) -> Result<(), Error> {
    tx.delete("acceptances", &["contact"], keys(contacts)).await.map(drop)
}

/// Which of these contacts can't go, since the person shares a message room with a colleague of the owner (X4).
pub async fn in_shared_room(tx: &mut Tx, contacts: &[Uid]) -> Result<Vec<Uid>, Error> {
    let sharing = format!("(SELECT c.uid FROM contacts c WHERE {SHARED})");
    let rows = tx.lookup("uid", &sharing, &["uid"], keys(contacts)).await?;
    rows.iter().map(|row| Ok(row.text(0)?.into())).collect()
}

/// A room in which the person is with another live member of the contact's tenant, not its owner.
const SHARED: &str = "EXISTS (SELECT 1 FROM rooms t JOIN rooms o ON o.room = t.room JOIN members m ON m.uid = o.member \
     WHERE t.member = c.target AND m.tenant = c.tenant AND m.uid NOT IN (c.owner, c.target) AND m.deleted_at IS NULL)";

/// Contacts about which something is known that no record knows of yet: an invitation was accepted, or refused by the mail
/// server, or a person left the room for which a removal waits.
pub async fn with_news(tx: &mut Tx, limit: i64) -> Result<Vec<Key>, Error> {
    let mut found = Vec::new();
    for sql in [ACCEPTED.to_owned(), MAILED.to_owned(), format!("{LET_GO} AND NOT {SHARED} LIMIT $1")] {
        let rows = tx.fetch(sql, vec![limit.into()]).await?;
        found.extend(rows.iter().map(key).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

const ACCEPTED: &str = "SELECT c.namespace, c.name FROM acceptances a JOIN contacts c ON c.uid = a.contact \
     WHERE NOT a.folded LIMIT $1";
const MAILED: &str = "SELECT c.namespace, c.name FROM outbox o JOIN contacts c ON c.uid = o.uid WHERE NOT o.folded LIMIT $1";
const LET_GO: &str = "SELECT d.namespace, d.name FROM declarations d JOIN contacts c ON c.uid = d.uid \
     WHERE d.removal = 'InSharedRoom' AND d.kind = 'ExternalContact'";

/// These members have left all message rooms (M23, M40).
pub async fn leave_rooms(tx: &mut Tx, members: &[Uid]) -> Result<(), Error> {
    tx.delete("rooms", &["member"], keys(members)).await.map(drop)
}

/// A member came into a message room.
pub async fn join_room(tx: &mut Tx, room: &str, member: &Uid) -> Result<(), Error> {
    tx.execute(JOIN, vec![room.into(), member.as_str().into()]).await?;
    Ok(())
}

/// A member left a message room.
pub async fn leave_room(tx: &mut Tx, room: &str, member: &Uid) -> Result<(), Error> {
    tx.execute(LEAVE, vec![room.into(), member.as_str().into()]).await?;
    Ok(())
}

const JOIN: &str = "INSERT INTO rooms (room, member) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const LEAVE: &str = "DELETE FROM rooms WHERE room = $1 AND member = $2";

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[OF_COMPANY, ACCEPTED, MAILED, LET_GO, JOIN, LEAVE];
