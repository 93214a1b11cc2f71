//! The record of a member: declared columns, which follow from the manifest; lived ones, which are what
//! happened; and the state that both give at an instant. Plain data; nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Account, Claim, Data, Intent, Space, Uid, Welcome, instant, long_tail, push_tail};
use crate::api::member::{AppUsage, Assignment, MemberPhase};
use crate::api::{Handle, Key, Kind, MemberSpec, Reason};

/// A member as the directory keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRecord {
    pub uid: Uid,
    pub tenant: Uid,
    pub handle: Handle,
    pub intent: Arc<Intent<MemberSpec>>,
    pub declared: MemberDeclared,
    pub lived: Lived,
    pub state: MemberState,
    pub created_at: Timestamp,
    pub revision: i64,
}

/// What of a member follows from its manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberDeclared {
    pub id: String,
    pub family_name: String,
    pub given_name: String,
    pub personal_email: Option<String>,
    /// In E.164 (M7).
    pub mobile_phone: Option<String>,
    pub employee_number: Option<String>,
    pub external_key: Option<String>,
    pub language: Option<String>,
    pub administrator: String,
    pub user_type: Option<String>,
    pub job_level: Option<String>,
    /// The organizations of the present, the primary one first (M4).
    pub assignments: Vec<AssignmentRecord>,
    /// The message ID, `id@domain` (M37).
    pub message_id: String,
    /// The fields without a column of their own.
    pub profile: Value,
}

/// A member's place in an organization.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentRecord {
    pub organization: Uid,
    pub primary: bool,
    pub position: Option<String>,
    pub leader: bool,
    pub private: bool,
    pub include_in_team_sharing: bool,
}

/// What happened to a member. The directory is its only truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lived {
    /// When the account began (M20).
    pub activated_at: Option<Timestamp>,
    /// The declared values that took effect, or came to their end, by field: a change of the time zone
    /// re-dates only what is not among them (R4).
    pub fired: Fired,
    /// When the person first signed in.
    pub first_sign_in_at: Option<Timestamp>,
    /// Since when access is suspended (M21).
    pub suspended_at: Option<Timestamp>,
    /// Since when the leave in force is in force (M22).
    pub leave_at: Option<Timestamp>,
    /// The declared leave that a suspension cleared for good (M21).
    pub spent_leave: Option<Value>,
    /// Since when the member is deleted (M23).
    pub deleted_at: Option<Timestamp>,
    /// Whether a departure deleted it, rather than the removal of its resource.
    pub departed: bool,
    /// Until when it can be restored (M24).
    pub purge_at: Option<Timestamp>,
    /// The token of the contact link (M37).
    pub contact_token: String,
    /// The token of the QR code (M37).
    pub qr_token: String,
    /// The values that act once and did, or were noted as done, by field (R13).
    pub spent: Spent,
    /// What services erased as the member was transferred last (M40).
    pub erased: Vec<Data>,
    /// When the password was last changed; nothing while there is none.
    pub password_changed_at: Option<Timestamp>,
    /// Why the declared password could not be set, and what was said of it.
    pub password_trouble: Option<(Reason, String)>,
    /// What became of the first mail, and of the invitation (M32, M34).
    pub welcome: Welcome,
    /// Second step, easy login, language, photo and device orders (M3, M9, M26–M28).
    pub account: Account,
}

impl Lived {
    /// Whether the member has a password, however it came about. Who has none may still be waiting for the first one.
    pub fn has_password(&self) -> bool {
        self.password_changed_at.is_some()
    }

    /// When the invitation will end by time alone: with a password the member needs it no more (M32).
    pub fn invitation_ends_at(&self) -> Option<Timestamp> {
        self.welcome.invited_until.filter(|_| !self.has_password() && self.welcome.expired_at.is_none())
    }
}

/// Values that act once, by the field that declares them: `resendInvitation`, `devices/DEVICE/ACTION`.
pub type Spent = BTreeMap<String, BTreeSet<String>>;

/// The declared values that took effect or came to their end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Fired {
    pub activation: Option<Value>,
    pub suspension: Option<Value>,
    pub suspension_ended: Option<Value>,
    pub leave: Option<Value>,
    pub leave_ended: Option<Value>,
    pub departure: Option<Value>,
    /// Assignments with dates that began, and those that ended (M4).
    pub assigned: Vec<Value>,
    pub unassigned: Vec<Value>,
    /// How often the member lost access by a declaration (T11): a word that was given for one does not count for the next of
    /// its kind (R12).
    pub losses: u32,
    /// How often values that act once were noted as done: another source took the member over with them, or the directory comes
    /// from a backup (R13).
    pub noted: u32,
}

/// What a member is at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberState {
    pub phase: MemberPhase,
    pub on_leave: Option<LeaveInForce>,
    /// The next instant at which time alone changes something.
    pub wake_at: Option<Timestamp>,
}

/// A leave in force (M22).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveInForce {
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub message: Option<String>,
}

const COLUMNS: &[&str] = &[
    "tenantRef",
    "id",
    "name",
    "personalEmail",
    "mobilePhone",
    "employeeNumber",
    "externalKey",
    "language",
    "administrator",
    "userType",
    "jobLevel",
    "organizations",
];

impl MemberDeclared {
    /// The declared columns of a spec with an ID, its organizations resolved, in the tenant's domain.
    pub fn of(spec: &MemberSpec, json: &Value, id: &str, domain: &str, assignments: Vec<AssignmentRecord>) -> Self {
        let text = |label: &Option<crate::api::text::Label>| label.as_ref().map(|label| label.0.clone());
        MemberDeclared {
            id: id.to_owned(),
            family_name: spec.name.family.to_string(),
            given_name: spec.name.given.to_string(),
            personal_email: spec.personal_email.as_ref().map(|email| email.0.clone()),
            mobile_phone: spec.mobile_phone.as_ref().map(|phone| phone.normalized()),
            employee_number: text(&spec.employee_number),
            external_key: spec.external_key.as_ref().map(|key| key.0.clone()),
            language: spec.language.map(|language| language.tag().to_owned()),
            administrator: spec.administrator.unwrap_or_default().name().to_owned(),
            user_type: text(&spec.user_type),
            job_level: text(&spec.job_level),
            assignments,
            message_id: format!("{id}@{domain}"),
            profile: long_tail(json, COLUMNS),
        }
    }
}

impl LeaveInForce {
    /// The leave of such JSON as it is stored.
    pub fn of_json(json: &Value) -> Option<Self> {
        let at = |field: &str| -> Option<Timestamp> { json[field].as_str()?.parse().ok() };
        Some(LeaveInForce { from: at("from")?, until: at("until"), message: json["message"].as_str().map(str::to_owned) })
    }

    /// The leave as JSON: `{from, until, message}`.
    pub fn to_json(&self) -> Value {
        json!({"from": instant(Some(self.from)), "until": instant(self.until), "message": self.message})
    }
}

impl MemberRecord {
    /// The kind and handle of its resource.
    pub fn key(&self) -> Key {
        Key::new(Kind::Member, self.handle.clone())
    }

    /// The person's name as it is shown: given name first, or family name first where the script wants it.
    pub fn display_name(&self) -> String {
        shown_name(&self.declared.family_name, &self.declared.given_name)
    }

    /// The path of the contact link (M37); the domain comes from the message ID.
    pub fn contact_url(&self) -> String {
        let domain = self.declared.message_id.rsplit('@').next().unwrap_or_default();
        format!("https://{domain}/contact/{}", self.lived.contact_token)
    }

    /// The organization that is primary, if there is any.
    pub fn primary_organization(&self) -> Option<&Uid> {
        self.declared.assignments.first().map(|assignment| &assignment.organization)
    }

    /// The names of the organizations whose assignments to the member are to come: they neither began nor are over (M4).
    pub fn organizations_to_come(&self) -> impl Iterator<Item = &str> {
        let Fired { assigned, unassigned, .. } = &self.lived.fired;
        let dated = self.intent.spec.organizations.iter().filter_map(|assignment| Some((assignment, dates(assignment)?)));
        let to_come = dated.filter(|(_, dates)| !assigned.contains(dates) && !unassigned.contains(dates));
        to_come.map(|(assignment, _)| assignment.organization_ref.name())
    }

    /// Whether only the web is open to the member (M27).
    pub fn apps_blocked(&self) -> bool {
        self.intent.spec.app_usage == Some(AppUsage::Blocked)
    }

    /// Whether the member is deleted and in its grace period.
    pub fn is_deleted(&self) -> bool {
        self.lived.deleted_at.is_some()
    }

    /// Whether the member departed by what a spec says of the departure, if it says anything (M23).
    pub fn departed_by(&self, departure: Option<&Value>) -> bool {
        self.lived.departed && departure.is_some() && self.lived.fired.departure.as_ref() == departure
    }

    /// The fields whose value acts now: one that was not spent before. Nothing acts in a record that is made, restored or
    /// taken over with it, or comes from a backup (R13).
    pub fn newly_spent<'a>(&'a self, before: &'a MemberRecord) -> impl Iterator<Item = &'a str> {
        let acts = before.lived.fired.noted == self.lived.fired.noted;
        let live = acts && !before.is_deleted() && !self.is_deleted();
        let is_new = |field: &str, values: &BTreeSet<String>| before.lived.spent.get(field).is_none_or(|spent| spent != values);
        let spent = self.lived.spent.iter().filter(move |(field, values)| live && is_new(field, values));
        spent.map(|(field, _)| field.as_str())
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let tenant = &self.tenant;
        let declared = &self.declared;
        let secondary = self.intent.spec.secondary_emails.iter().map(|part| part.as_str());
        let mut claims: Vec<Claim> = std::iter::once(declared.id.as_str())
            .chain(secondary)
            .map(|part| Claim::within(tenant, Space::Address, part))
            .collect();
        claims.extend(declared.employee_number.as_deref().map(|number| Claim::within(tenant, Space::EmployeeNumber, number)));
        claims.extend(declared.external_key.as_deref().map(|key| Claim::within(tenant, Space::MemberKey, key)));
        claims.sort();
        claims.dedup();
        claims
    }

    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let MemberRecord { uid: _, tenant, handle, intent, declared, lived, state, created_at, revision: _ } = self;
        let MemberDeclared {
            id,
            family_name,
            given_name,
            personal_email,
            mobile_phone,
            employee_number,
            external_key,
            language,
            administrator,
            user_type,
            job_level,
            assignments,
            message_id,
            profile,
        } = declared;
        let Lived {
            activated_at,
            // What was declared is told with the fields it changed.
            fired: _,
            first_sign_in_at,
            suspended_at,
            // Told by `onLeave`.
            leave_at: _,
            spent_leave,
            deleted_at,
            departed,
            purge_at,
            contact_token: _,
            qr_token,
            // Told by the fields that declare them.
            spent: _,
            // Told by the transfer that erases it.
            erased: _,
            password_changed_at,
            // Told by the condition `PasswordSet`.
            password_trouble: _,
            welcome,
            account,
        } = lived;
        // That a first mail was ordered is told by the outbox.
        let Welcome { at: _, invited_at, invited_until, expired_at, registered_at, unsent: _ } = welcome;
        // The next waking is no change of the record: it follows from the dates that are told.
        let MemberState { phase, on_leave, wake_at: _ } = state;
        let mut fields: Vec<(String, Value)> = vec![
            ("handle".into(), handle.to_string().into()),
            ("tenant".into(), tenant.to_string().into()),
            ("phase".into(), phase.name().into()),
            ("id".into(), id.clone().into()),
            ("name.family".into(), family_name.clone().into()),
            ("name.given".into(), given_name.clone().into()),
            ("personalEmail".into(), personal_email.clone().into()),
            ("mobilePhone".into(), mobile_phone.clone().into()),
            ("employeeNumber".into(), employee_number.clone().into()),
            ("externalKey".into(), external_key.clone().into()),
            ("language".into(), language.clone().into()),
            ("administrator".into(), administrator.clone().into()),
            ("userType".into(), user_type.clone().into()),
            ("jobLevel".into(), job_level.clone().into()),
            ("organizations".into(), Value::Array(assignments.iter().map(AssignmentRecord::to_json).collect())),
            ("organizations.dated".into(), dated(&intent.json)),
            ("messageId".into(), message_id.clone().into()),
            ("contactUrl".into(), self.contact_url().into()),
            ("qrToken".into(), qr_token.clone().into()),
            ("createdAt".into(), instant(Some(*created_at))),
            ("activatedAt".into(), instant(*activated_at)),
            ("firstSignInAt".into(), instant(*first_sign_in_at)),
            ("suspendedAt".into(), instant(*suspended_at)),
            ("onLeave".into(), on_leave.as_ref().map_or(Value::Null, LeaveInForce::to_json)),
            ("spentLeave".into(), spent_leave.clone().unwrap_or(Value::Null)),
            ("deletedAt".into(), instant(*deleted_at)),
            ("departed".into(), departed.then_some(true).into()),
            ("purgeAt".into(), instant(*purge_at)),
            ("passwordChangedAt".into(), instant(*password_changed_at)),
            ("invitedAt".into(), instant(*invited_at)),
            ("invitedUntil".into(), instant(*invited_until)),
            ("registrationExpiredAt".into(), instant(*expired_at)),
            ("registeredAt".into(), instant(*registered_at)),
        ];
        fields.extend(account.fields());
        push_tail(&mut fields, profile);
        fields
    }
}

impl AssignmentRecord {
    fn to_json(&self) -> Value {
        let AssignmentRecord { organization, primary, position, leader, private, include_in_team_sharing } = self;
        json!({
            "organization": organization.to_string(), "primary": primary, "position": position, "leader": leader,
            "private": private, "includeInTeamSharing": include_in_team_sharing,
        })
    }
}

/// What tells an assignment with dates from others, if it has any: organization and dates.
pub fn dates(assignment: &Assignment) -> Option<Value> {
    let Assignment { organization_ref, from, until, .. } = assignment;
    let dated = from.is_some() || until.is_some();
    dated.then(|| json!({"organization": organization_ref.name(), "from": from, "until": until}))
}

/// The assignments of a manifest that have dates, as they are declared: they count when their time has come.
fn dated(spec: &Value) -> Value {
    let assignments = spec["organizations"].as_array().into_iter().flatten();
    assignments.filter(|assignment| !(assignment["from"].is_null() && assignment["until"].is_null())).cloned().collect()
}

/// A name in the order in which its script puts it: family name first, unspaced, for names that are
/// wholly Han, Hangul or Kana; given name first otherwise.
pub fn shown_name(family: &str, given: &str) -> String {
    let east_asian = |text: &str| {
        text.chars().all(|c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'))
    };
    if east_asian(family) && east_asian(given) { format!("{family}{given}") } else { format!("{given} {family}") }
}

#[cfg(test)]
mod tests {
    use super::shown_name;

    #[test]
    fn names_are_shown_in_the_order_of_their_script() {
        assert_eq!(shown_name("Doe", "Jane"), "Jane Doe");
        assert_eq!(shown_name("김", "지우"), "김지우");
        assert_eq!(shown_name("佐々木", "さくら"), "佐々木さくら");
        assert_eq!(shown_name("Müller", "Jörg"), "Jörg Müller");
    }
}
