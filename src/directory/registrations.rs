//! Requests for an account (M35): written by anyone who has the tenant's link, decided by the leader. Decides
//! nothing. Called by `rollcall record` and `rollcall requests`, by the engine's gathering and committing.

use jiff::Timestamp;

use super::Error;
use super::sql::{Cell, Row, Table, Tx, keys};
use crate::record::{Request, RequestState, Uid};

pub const REQUESTS: Table = Table {
    name: "registration_requests",
    columns: &[
        "id",
        "tenant",
        "family_name",
        "given_name",
        "wished_id",
        "email",
        "requested_at",
        "expires_at",
        "state",
        "decided_at",
        "revision",
        "told",
        "member",
    ],
    key: &["id"],
};

fn read(row: &Row) -> Result<Request, Error> {
    let state = row.text(8)?;
    let known = RequestState::ALL.into_iter().find(|known| known.name() == state);
    Ok(Request {
        id: row.text(0)?,
        tenant: row.text(1)?.into(),
        family_name: row.text(2)?,
        given_name: row.text(3)?,
        wished_id: row.text(4)?,
        email: row.text(5)?,
        requested_at: row.instant(6)?,
        expires_at: row.instant(7)?,
        state: known.ok_or_else(|| Error::Corrupt(format!("`{state}` is no state of a request")))?,
        decided_at: row.maybe_instant(9)?,
        revision: row.get(10)?,
        told: row.get(11)?,
        member: row.get::<Option<String>>(12)?.map(Uid::from),
    })
}

fn row(request: &Request) -> Vec<Cell> {
    let Request {
        id,
        tenant,
        family_name,
        given_name,
        wished_id,
        email,
        requested_at,
        expires_at,
        state,
        decided_at,
        revision,
        told,
        member,
    } = request;
    vec![
        id.as_str().into(),
        tenant.as_str().into(),
        family_name.as_str().into(),
        given_name.as_str().into(),
        wished_id.as_str().into(),
        email.as_str().into(),
        (*requested_at).into(),
        (*expires_at).into(),
        state.name().into(),
        (*decided_at).into(),
        (*revision).into(),
        (*told).into(),
        member.as_ref().map(|member| member.as_str().to_owned()).into(),
    ]
}

/// Writes a request.
pub async fn add(tx: &mut Tx, request: &Request) -> Result<(), Error> {
    tx.insert(&REQUESTS, vec![row(request)]).await
}

/// Refuses a request that is open, and whose time is not over; whether it was. What it said of the person is gone at once.
pub async fn reject(tx: &mut Tx, id: &str, at: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(REJECT, vec![id.into(), at.into()]).await? > 0)
}

const REJECT: &str = "UPDATE registration_requests SET state = 'Rejected', decided_at = $2, revision = revision + 1, \
     family_name = '', given_name = '', wished_id = '', email = '' WHERE id = $1 AND state = 'Open' AND expires_at > $2";

/// The requests of tenants that are open or that the trail does not know, the oldest first.
pub async fn of_tenants(tx: &mut Tx, tenants: &[Uid]) -> Result<Vec<Request>, Error> {
    let open = format!("(SELECT * FROM registration_requests WHERE {CONCERNS})");
    load(tx, &open, "tenant", keys(tenants)).await
}

const CONCERNS: &str = "(state = 'Open' OR told < revision)";

/// The requests with these identifiers.
pub async fn by_id(tx: &mut Tx, ids: &[String]) -> Result<Vec<Request>, Error> {
    load(tx, "registration_requests", "id", keys(ids)).await
}

async fn load(tx: &mut Tx, from: &str, column: &str, wanted: Vec<Vec<Cell>>) -> Result<Vec<Request>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.lookup(&REQUESTS.columns.join(", "), from, &[column], wanted).await?;
    let mut list: Vec<Request> = rows.iter().map(read).collect::<Result<_, _>>()?;
    list.sort_by(|one, other| (one.requested_at, &one.id).cmp(&(other.requested_at, &other.id)));
    Ok(list)
}

/// Writes what became of a request, unless somebody wrote to it since it was gathered.
///
/// # Errors
///
/// A conflict in that case: the batch is gathered again.
pub async fn store(tx: &mut Tx, before: &Request, after: &Request) -> Result<(), Error> {
    let mut cells = row(&Request { told: before.revision, ..after.clone() });
    cells.drain(1..2);
    // Nothing of when it came changes.
    cells.drain(5..7);
    if tx.execute(STORE, cells).await? == 0 {
        return Err(Error::Corrupt(format!("the request {} was decided meanwhile", before.id)));
    }
    Ok(())
}

const STORE: &str = "UPDATE registration_requests SET family_name = $2, given_name = $3, wished_id = $4, email = $5, state = $6, \
     decided_at = $7, told = $9, member = $10 WHERE id = $1 AND revision = $8";

/// Every statement of this file that stands by itself.
pub const STATEMENTS: &[&str] = &[REJECT, STORE];
