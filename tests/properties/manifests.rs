//! What may be declared in a walk: every object with what it says at first, and the values that its fields may get. Plain
//! data; a text that begins with `@` is filled in when its time comes (`walk`).

use serde_json::{Value, json};

/// Everything that is ever declared, but for the crowd: kind and name.
pub const OBJECTS: &[(&str, &str)] = &[
    ("Member", "m0"),
    ("Member", "m1"),
    ("Member", "m2"),
    ("Member", "m3"),
    ("Member", "m4"),
    ("Member", "m5"),
    ("Member", "boss-acme"),
    ("Member", "boss-beta"),
    ("Member", "boss-zeta"),
    ("Tenant", "acme"),
    ("Tenant", "beta"),
    ("Tenant", "zeta"),
    ("Organization", "o0"),
    ("Organization", "o1"),
    ("Organization", "o2"),
    ("Organization", "o3"),
    ("ExternalContact", "c0"),
    ("ExternalContact", "c1"),
    ("ExternalContact", "c2"),
];

/// What is declared from the beginning.
pub const FIRST: &[&str] =
    &["acme", "beta", "zeta", "boss-acme", "boss-beta", "boss-zeta", "o0", "o1", "o2", "m0", "m1", "m3", "m4", "c0", "c1"];

/// How many further members fill a company whose plan has 30 places, but for the last.
pub const CROWD: usize = 26;

/// What an object says at first.
pub fn first(kind: &str, name: &str) -> Value {
    let of = |tenant: &str| json!({ "tenantRef": {"name": tenant} });
    let mut spec = match (kind, name) {
        ("Tenant", _) => {
            let plan = [("acme", "Standard"), ("beta", "Free")].into_iter().find(|(tenant, _)| *tenant == name);
            json!({
                "displayName": name, "domain": format!("{name}.example"), "deletionGrace": "2d",
                "products": {"core": {"plan": plan.map_or("Trial", |(_, plan)| plan)}}, "externalConnections": {"allowed": true},
                "supremeAdminRef": {"name": format!("boss-{name}")}, "jobLevels": ["Senior"], "positions": ["Lead"],
            })
        }
        ("Organization", "o2") => of("beta"),
        ("ExternalContact", "c1") => of("zeta"),
        ("Member", "m3" | "boss-beta") => of("beta"),
        ("Member", "m4" | "boss-zeta") => of("zeta"),
        ("Member", name) if name.starts_with('f') => of("beta"),
        _ => of("acme"),
    };
    match (kind, name) {
        ("Tenant", "zeta") => {}
        ("Tenant", _) => spec["corporateGroup"] = json!("group"),
        ("Organization", _) => spec["displayName"] = json!(format!("Team {name}")),
        ("Member", _) => {
            spec["id"] = json!(name);
            spec["name"] = json!({"family": "@mark", "given": "Given"});
            spec["personalEmail"] = json!(format!("{name}@home.example"));
            if name.starts_with("boss") {
                spec["password"] = from_secret();
            }
        }
        _ => {
            let (owner, lookup) = if name == "c1" { ("m4", "m0@acme.example") } else { ("m0", "m4@zeta.example") };
            spec["ownerRef"] = json!({ "name": owner });
            spec["lookup"] = json!({ "messageId": lookup });
        }
    }
    if name == "o1" {
        spec["parentRef"] = json!({"name": "o0"});
    }
    spec
}

fn from_secret() -> Value {
    json!({"mode": "FromSecret", "secretKeyRef": {"name": "password", "key": "password"}})
}

/// Who a member is, and where.
fn identities() -> Vec<(&'static str, Value)> {
    let id = |name: &str| ("id", json!(name));
    let tenant = |name: &str| ("tenantRef", json!({ "name": name }));
    vec![
        ("", Value::Null),
        tenant("acme"),
        tenant("beta"),
        tenant("zeta"),
        id("m0"),
        id("m1"),
        id("ann"),
        id("team"),
        ("id", Value::Null),
        ("temporaryId", json!(true)),
        ("temporaryId", Value::Null),
        ("concurrentOf", json!({"name": "m0"})),
        ("concurrentOf", json!({"name": "m3"})),
        ("concurrentOf", Value::Null),
    ]
}

/// What time does to a member.
fn lives() -> Vec<(&'static str, Value)> {
    vec![
        ("suspended", json!(true)),
        ("suspended", Value::Null),
        ("suspension", json!({"from": "@day 1", "until": "@day 9", "reason": "@mark"})),
        ("suspension", Value::Null),
        ("leaveOfAbsence", json!({"from": "@day 0", "until": "@day 5", "message": "@mark"})),
        ("leaveOfAbsence", json!({"from": "@day 3"})),
        ("leaveOfAbsence", Value::Null),
        ("activation", json!({"at": "@day 2"})),
        ("activation", Value::Null),
        ("departure", json!({"at": "@day 0"})),
        ("departure", json!({"lastDay": "@day 1", "devices": "DeviceReset"})),
        ("departure", json!({"at": "@hour 1"})),
        ("departure", Value::Null),
    ]
}

fn profiles() -> Vec<(&'static str, Value)> {
    let organizations = |list: Value| ("organizations", list);
    vec![
        ("administrator", json!("Operations")),
        ("administrator", Value::Null),
        ("personalEmail", Value::Null),
        ("personalEmail", json!("ann@home.example")),
        ("externalKey", json!("key-1")),
        ("externalKey", json!("key-2")),
        ("externalKey", Value::Null),
        ("employeeNumber", json!("7")),
        ("secondaryEmails", json!(["m1", "ann"])),
        ("secondaryEmails", json!(["second"])),
        ("mobilePhone", json!("+82 10-1234-5678")),
        ("phoneSearchable", json!(true)),
        ("nickname", json!("@mark")),
        ("responsibilities", json!("@mark")),
        ("jobLevel", json!("Senior")),
        ("relatedContacts", json!([{"memberRef": {"name": "m1"}}])),
        organizations(json!([{"organizationRef": {"name": "o0"}}, {"organizationRef": {"name": "o1"}, "primary": true}])),
        organizations(json!([{"organizationRef": {"name": "o1"}, "position": "Lead", "includeInTeamSharing": false}])),
        organizations(json!([{"organizationRef": {"name": "o2"}, "leader": true}])),
        organizations(
            json!([{"organizationRef": {"name": "o0"}, "until": "@day 2"}, {"organizationRef": {"name": "o3"}, "from": "@day 1"}]),
        ),
        organizations(Value::Null),
    ]
}

fn accounts() -> Vec<(&'static str, Value)> {
    let password = |mode: &str, field: &str, token: &str| ("password", json!({"mode": mode, field: token}));
    let device = |action: &str, token: &str| ("devices", json!([{"id": "phone", "action": action, "token": token}]));
    vec![
        ("password", from_secret()),
        ("password", json!({"mode": "Generate"})),
        password("Generate", "resetToken", "one"),
        password("Generate", "resetToken", "two"),
        password("Generate", "requestChange", "one"),
        ("password", json!({"mode": "CreationLink"})),
        password("CreationLink", "requestChange", "two"),
        ("password", Value::Null),
        ("resendInvitation", json!("one")),
        ("resendInvitation", json!("two")),
        ("resetTwoStepVerification", json!("one")),
        ("twoStepVerification", json!(true)),
        ("notifyUpdate", json!("one")),
        ("notifyUpdate", json!("two")),
        ("appUsage", json!("Blocked")),
        ("appUsage", Value::Null),
        ("easyLogin", json!("Disabled")),
        device("SignedOut", "one"),
        device("DeviceReset", "one"),
        device("DeviceReset", "two"),
        ("registration", json!("@request")),
        ("@frozen", json!("busy")),
        ("@frozen", Value::Null),
    ]
}

/// A field of a member, and a value of it; without a field, the object is declared as it was.
pub fn of_member() -> Vec<(&'static str, Value)> {
    [identities(), lives(), profiles(), accounts()].concat()
}

/// The same of a tenant.
pub fn of_tenant() -> Vec<(&'static str, Value)> {
    let plan = |plan: &str| ("products", json!({"core": {"plan": plan}}));
    let budget = |count: u8, window: &str| ("accessBudget", json!({"maxPercent": 0, "maxCount": count, "window": window}));
    let cancellation = |at: Value| {
        let confirmation = json!({"secretKeyRef": {"name": "password", "key": "password"}});
        let mut cancellation = json!({"reason": "CompanyClosed", "confirmation": confirmation, "purgeDeletedMembers": true});
        if !at.is_null() {
            cancellation["effectiveAt"] = at;
        }
        ("cancellation", cancellation)
    };
    vec![
        ("", Value::Null),
        plan("Free"),
        plan("Lite"),
        plan("Advanced"),
        ("products", json!({"drive": {}})),
        ("supremeAdminRef", json!({"name": "m0"})),
        ("supremeAdminRef", json!({"name": "m3"})),
        ("supremeAdminRef", json!({"name": "m4"})),
        ("supremeAdminRef", json!({"name": "boss-acme"})),
        ("supremeAdminRef", json!({"name": "boss-zeta"})),
        budget(0, "1h"),
        budget(1, "2d"),
        ("accessBudget", Value::Null),
        cancellation(Value::Null),
        cancellation(json!("@day 3")),
        ("cancellation", Value::Null),
        ("corporateGroup", json!("group")),
        ("corporateGroup", Value::Null),
        ("externalConnections", Value::Null),
        ("externalConnections", json!({"allowed": true})),
        ("deletionGrace", json!("0")),
        ("deletionGrace", json!("30d")),
        ("contactRetention", json!("0")),
        ("contactRetention", json!("1d")),
        ("notifications", json!("Disabled")),
        ("passwordPolicy", json!({"minLength": 20, "forbidReuse": 3})),
        ("twoStepVerification", json!("Required")),
        ("twoStepVerification", json!("Optional")),
        ("registrationLink", json!({"enabled": true, "token": "link"})),
        ("timeZone", json!("Asia/Seoul")),
        ("timeZone", json!("America/Sao_Paulo")),
        ("domain", json!("beta.example")),
        ("domain", json!("other.example")),
        ("displayName", json!("Renamed")),
        ("jobLevels", Value::Null),
        ("@frozen", json!("busy")),
        ("@frozen", Value::Null),
    ]
}

/// The same of an organization.
pub fn of_organization() -> Vec<(&'static str, Value)> {
    let parent = |name: &str| ("parentRef", json!({ "name": name }));
    vec![
        ("", Value::Null),
        parent("o0"),
        parent("o1"),
        parent("o3"),
        ("parentRef", Value::Null),
        ("tenantRef", json!({"name": "beta"})),
        ("displayName", json!("Team o0")),
        ("displayName", json!("Renamed")),
        ("mailId", json!("team")),
        ("mailAliases", json!(["ann", "m1"])),
        ("externalKey", json!("key-1")),
    ]
}

/// The same of an external contact.
pub fn of_contact() -> Vec<(&'static str, Value)> {
    vec![
        ("", Value::Null),
        ("lookup", json!({"messageId": "m4@zeta.example"})),
        ("lookup", json!({"messageId": "m3@beta.example"})),
        ("lookup", json!({"phoneNumber": "+821012345678"})),
        ("lookup", json!({"qrToken": "@qr m4"})),
        ("lookup", json!({"qrToken": "@qr m0"})),
        ("@invite", json!({"email": "m4@home.example"})),
        ("@invite", json!({"email": "ann@home.example"})),
        ("ownerRef", json!({"name": "m1"})),
        ("ownerRef", json!({"name": "boss-zeta"})),
        ("name", json!("Typed")),
        ("name", Value::Null),
        ("memo", json!("Typed")),
        ("visibility", json!({"scope": "Members", "memberRefs": [{"name": "m1"}]})),
    ]
}
