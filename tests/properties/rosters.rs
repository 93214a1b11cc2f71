//! Rosters made by chance: one tenant, a tree of organizations, members with dates. No two of one roster
//! contend for an ID, a name or a place, so that any order of arrival must give the same.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// A manifest: kind, name and spec.
pub type Manifest = (&'static str, String, Value);

/// A roster made by chance.
#[derive(Clone, Debug)]
pub struct Roster {
    organizations: Vec<Option<usize>>,
    members: Vec<Member>,
    zone: &'static str,
    plan: &'static str,
}

#[derive(Clone, Debug)]
struct Member {
    given: String,
    id: usize,
    organizations: Vec<usize>,
    activation: Option<&'static str>,
    suspension: Option<(&'static str, Option<&'static str>)>,
    leave: Option<(&'static str, Option<&'static str>)>,
    departure: Option<&'static str>,
    administrator: bool,
    key: bool,
}

const DAYS: &[&str] = &["2027-01-05", "2027-01-12", "2027-01-20", "2027-02-12", "2027-03-01T09:00:00+09:00", "2028-06-01"];
const ENDS: &[&str] = &["2028-07-01", "2028-08-15", "2028-12-31"];

fn period() -> impl Strategy<Value = Option<(&'static str, Option<&'static str>)>> {
    prop::option::weighted(0.3, (select(DAYS), prop::option::of(select(ENDS))))
}

fn member() -> impl Strategy<Value = (Member, Vec<Index>)> {
    let dates = (prop::option::weighted(0.3, select(DAYS)), period(), period(), prop::option::weighted(0.25, select(DAYS)));
    let rest = ("[A-Zé가-나]{1,6}", 0_usize..4, prop::collection::vec(any::<Index>(), 0..3), any::<bool>(), any::<bool>());
    (dates, rest).prop_map(|((activation, suspension, leave, departure), (given, id, places, administrator, key))| {
        let administrator = administrator && departure.is_none();
        let member =
            Member { given, id, organizations: Vec::new(), activation, suspension, leave, departure, administrator, key };
        (member, places)
    })
}

/// Rosters of up to six organizations and seven members.
pub fn rosters() -> impl Strategy<Value = Roster> {
    let tree = prop::collection::vec(prop::option::of(any::<Index>()), 0..6);
    let members = prop::collection::vec(member(), 0..7);
    (tree, members, select(&["UTC", "Asia/Seoul", "America/Sao_Paulo"][..]), select(&["Free", "Lite", "Advanced"][..])).prop_map(
        |(tree, members, zone, plan)| {
            let parent = |(number, parent): (usize, Option<Index>)| parent.filter(|_| number > 0).map(|p| p.index(number));
            let organizations: Vec<Option<usize>> = tree.into_iter().enumerate().map(parent).collect();
            let members = members
                .into_iter()
                .map(|(mut member, places)| {
                    if !organizations.is_empty() {
                        member.organizations = places.into_iter().map(|place| place.index(organizations.len())).collect();
                        member.organizations.sort_unstable();
                        member.organizations.dedup();
                    }
                    member
                })
                .collect();
            Roster { organizations, members, zone, plan }
        },
    )
}

impl Roster {
    /// Every manifest, in the order of kinds.
    pub fn manifests(&self) -> Vec<Manifest> {
        let tenant = json!({
            "displayName": "Acme", "domain": "acme.example", "timeZone": self.zone, "deletionGrace": "7d",
            "products": {"core": {"plan": self.plan}}, "supremeAdminRef": {"name": "boss"},
            // Nobody is held up (T11): what of six may go at once is not what these properties are about.
            "accessBudget": {"maxPercent": 100, "maxCount": 100},
        });
        let boss = json!({
            "tenantRef": {"name": "acme"}, "id": "boss", "name": {"family": "Doe", "given": "Boss"},
            "personalEmail": "boss@home.example",
        });
        let mut list: Vec<Manifest> = vec![("Tenant", "acme".into(), tenant), ("Member", "boss".into(), boss)];
        for (number, parent) in self.organizations.iter().enumerate() {
            let mut spec = json!({"tenantRef": {"name": "acme"}, "displayName": format!("Team {number}")});
            if let Some(parent) = parent {
                spec["parentRef"] = json!({"name": format!("o{parent}")});
            }
            list.push(("Organization", format!("o{number}"), spec));
        }
        list.extend(
            self.members.iter().enumerate().map(|(number, member)| ("Member", format!("m{number}"), member.spec(number))),
        );
        list
    }
}

impl Member {
    fn spec(&self, number: usize) -> Value {
        let organizations: Vec<Value> =
            self.organizations.iter().map(|number| json!({"organizationRef": {"name": format!("o{number}")}})).collect();
        let mut spec = json!({
            "tenantRef": {"name": "acme"}, "id": format!("user{number}-{}", self.id),
            "name": {"family": "Doe", "given": self.given}, "organizations": organizations,
        });
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                spec[field] = value;
            }
        };
        let period = |(from, until): (&str, Option<&str>)| match until {
            Some(until) => json!({"from": from, "until": until}),
            None => json!({"from": from}),
        };
        set("activation", self.activation.map(|at| json!({"at": at})));
        set("suspension", self.suspension.map(period));
        set("leaveOfAbsence", self.leave.map(period));
        set("departure", self.departure.map(|at| json!({"at": at})));
        set("administrator", self.administrator.then(|| json!("Operations")));
        set("externalKey", self.key.then(|| json!(format!("hr-{number}"))));
        spec
    }
}

/// The manifests of a roster in any order.
pub fn manifest_orders(roster: &Roster) -> impl Strategy<Value = Vec<Manifest>> + use<> {
    Just(roster.manifests()).prop_shuffle()
}
