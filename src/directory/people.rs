//! People as others see them (M4, M5, M27): found by search and autocompletion, listed in an organization. Private
//! assignments are administrators' business. Only reads. Called by the commands that show.

use std::collections::HashMap;

use super::Error;
use super::sql::{Row, Tx, keys};
use crate::api::Handle;
use crate::record::LeaveInForce;
use crate::record::claim::normalized;
use crate::record::member::shown_name;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody of the tenant.
    Colleague,
    /// Who may see private assignments, too (M5).
    Administrator,
}

/// A person as somebody sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub handle: Handle,
    pub id: String,
    pub display_name: String,
    pub nickname: Option<String>,
    pub phase: String,
    pub on_leave: Option<LeaveInForce>,
    /// Where the person works, the primary place first.
    pub places: Vec<Place>,
}

/// A person's place in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The organization's name in manifests.
    pub organization: String,
    pub display_name: String,
    pub position: Option<String>,
    pub leader: bool,
    pub private: bool,
}

/// The members of a namespace, or of one tenant in it, whom a colleague finds by these words: each begins a part of the
/// name in any language, of the nickname or of the ID. Whoever wants not to be found is not (M27), and nobody is by an
/// assignment that is private.
pub async fn search(tx: &mut Tx, namespace: &str, tenant: Option<&str>, words: &str) -> Result<Vec<Person>, Error> {
    let wanted: Vec<String> = words.split_whitespace().map(normalized).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<(String, Person)> = Vec::new();
    for row in tx.fetch(SEARCHED, vec![namespace.into(), tenant.unwrap_or_default().into()]).await? {
        let profile = row.json(8)?;
        if profile["searchAutocomplete"] == false {
            continue;
        }
        let person = person(&row, &profile)?;
        let mut texts = vec![person.id.clone(), row.text(4)?, row.text(5)?, person.display_name.clone()];
        texts.extend(person.nickname.clone());
        for name in profile["names"].as_object().into_iter().flat_map(|names| names.values()) {
            let part = |part: &str| name[part].as_str().unwrap_or_default().to_owned();
            texts.extend([part("family"), part("given"), shown_name(&part("family"), &part("given"))]);
        }
        let parts: Vec<String> = texts.iter().map(|text| normalized(text)).collect();
        let begins = |word: &String| {
            parts.iter().any(|text| text.starts_with(word) || text.split([' ', '.', '-', '_']).any(|part| part.starts_with(word)))
        };
        if wanted.iter().all(begins) {
            found.push((row.text(0)?, person));
        }
    }
    with_places(tx, found, Viewer::Colleague).await
}

const SEARCHED: &str = "SELECT m.uid, m.namespace, m.name, m.id, m.family_name, m.given_name, m.phase, m.on_leave, m.profile \
     FROM members m JOIN tenants t ON t.uid = m.tenant \
     WHERE m.namespace = $1 AND ($2 = '' OR t.name = $2) AND m.deleted_at IS NULL AND m.phase <> 'Scheduled' \
     ORDER BY m.family_name, m.given_name, m.namespace, m.name";

/// The members of an organization, leaders first. Search and autocompletion make no difference here (M27).
pub async fn listing(tx: &mut Tx, organization: &str, viewer: Viewer) -> Result<Vec<Person>, Error> {
    let mut found = Vec::new();
    for row in tx.fetch(LISTED, vec![organization.into(), (viewer == Viewer::Administrator).into()]).await? {
        let profile = row.json(8)?;
        found.push((row.text(0)?, person(&row, &profile)?));
    }
    with_places(tx, found, viewer).await
}

const LISTED: &str = "SELECT m.uid, m.namespace, m.name, m.id, m.family_name, m.given_name, m.phase, m.on_leave, m.profile \
     FROM assignments a JOIN members m ON m.uid = a.member \
     WHERE a.organization = $1 AND ($2 OR NOT a.private) AND m.deleted_at IS NULL \
     ORDER BY a.leader DESC, m.family_name, m.given_name, m.name";

fn person(row: &Row, profile: &serde_json::Value) -> Result<Person, Error> {
    Ok(Person {
        handle: Handle::new(row.text(1)?, row.text(2)?),
        id: row.text(3)?,
        display_name: shown_name(&row.text(4)?, &row.text(5)?),
        nickname: profile["nickname"].as_str().map(str::to_owned),
        phase: row.text(6)?,
        on_leave: row.maybe_json(7)?.and_then(|json| LeaveInForce::of_json(&json)),
        places: Vec::new(),
    })
}

async fn with_places(tx: &mut Tx, found: Vec<(String, Person)>, viewer: Viewer) -> Result<Vec<Person>, Error> {
    let uids = found.iter().map(|(uid, _)| uid);
    let columns = "member, ordinal, organization, position, leader, private";
    let mut places: HashMap<String, Vec<(i64, Place)>> = HashMap::new();
    let mut organizations: HashMap<String, (String, String)> = HashMap::new();
    let rows = tx.lookup(columns, "assignments", &["member"], keys(uids)).await?;
    let mut named: Vec<String> = rows.iter().map(|row| row.text(2)).collect::<Result<_, _>>()?;
    named.sort();
    named.dedup();
    for row in tx.lookup("uid, name, display_name", "organizations", &["uid"], keys(named)).await? {
        organizations.insert(row.text(0)?, (row.text(1)?, row.text(2)?));
    }
    for row in rows {
        let (organization, display_name) = organizations.get(&row.text(2)?).cloned().unwrap_or_default();
        let place = Place { organization, display_name, position: row.get(3)?, leader: row.get(4)?, private: row.get(5)? };
        if viewer == Viewer::Administrator || !place.private {
            places.entry(row.text(0)?).or_default().push((row.get(1)?, place));
        }
    }
    let with = |(uid, person): (String, Person)| {
        let mut places = places.remove(&uid).unwrap_or_default();
        places.sort_by_key(|(ordinal, _)| *ordinal);
        Person { places: places.into_iter().map(|(_, place)| place).collect(), ..person }
    };
    Ok(found.into_iter().map(with).collect())
}

/// Every statement of this file.
pub const STATEMENTS: &[&str] = &[SEARCHED, LISTED];
