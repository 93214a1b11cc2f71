//! What people are told: reasons, what each means for `Ready` (R11), and the conditions built from them.
//! No I/O. Used by the decisions, by the reports and by the generated reference.

use serde_json::{Value, json};

/// What a reason means for the condition `Ready` (R11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `Ready=True`: the directory holds this generation, or only a date is outstanding.
    Ready,
    /// `Ready=False`, `Reconciling=True`: it waits for something and goes on by itself.
    Waits,
    /// `Ready=False`, `Stalled=True`: the manifest must change.
    Stalled,
    /// A condition of its own beside `Ready`.
    Warning,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $class:ident, $remedy:literal;)+) => {
        /// Why an object is, or is not, in the directory as declared. The list is complete: no other
        /// reason is ever given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason there is, in the order of the reference.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),+];

            /// The reason as it stands in conditions.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)+ }
            }

            /// What the reason means for `Ready`.
            pub fn class(self) -> Class {
                match self { $(Reason::$name => Class::$class,)+ }
            }

            /// What it says, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Reason::$name => $remedy,)+ }
            }
        }
    };
}

reasons! {
    /// The directory holds this generation.
    InDirectory: Ready, "Nothing.";
    /// Only a date is outstanding: the account begins on it (M20).
    Scheduled: Ready, "Nothing, or change `activation.at`.";
    /// The person has departed as declared (M23).
    Departed: Ready, "Nothing. Move or remove `departure` before `purgeAt` to restore the member; afterwards it makes a new record.";
    /// An invitation was sent; the person has not accepted yet (X3).
    Invited: Ready, "Nothing; the contact is connected once a member with that address accepts.";
    /// The tenant is not in the directory yet (O4).
    TenantNotFound: Waits, "Apply the Tenant, in the same namespace.";
    /// The organization above is not in the directory yet (O4).
    ParentNotFound: Waits, "Apply the parent Organization, or correct `parentRef`.";
    /// An organization of the member is not in the directory yet (O4).
    OrganizationNotFound: Waits, "Apply the Organization, or correct `organizationRef`.";
    /// The member named by `supremeAdminRef` is not in the directory yet; everything else goes on (T4).
    SupremeAdminNotFound: Waits, "Apply the Member, or correct `supremeAdminRef`.";
    /// The member named by `supremeAdminRef` is scheduled, suspended, on leave or deleted; the present holder stays (T4).
    SupremeAdminUnfit: Waits, "Name another member, or activate that one.";
    /// The tenant's plan has no place left (T3).
    QuotaExceeded: Waits, "Delete a member, wait for the end of a grace period, or change the plan.";
    /// The mail domain belongs to another tenant (T1).
    DomainTaken: Waits, "Choose another domain.";
    /// An ID or mail address belongs to another record of the tenant, deleted ones in grace included (M1).
    IdTaken: Waits, "Choose another, or free the one that is named.";
    /// The employee number belongs to another member of the tenant (M7).
    EmployeeNumberTaken: Waits, "Correct `employeeNumber` of one of the two.";
    /// The external key belongs to another record of the tenant whose manifest is still there (M11).
    ExternalKeyTaken: Waits, "Correct `externalKey`; after a rename, remove the old manifest.";
    /// A sibling organization has the same name (O3).
    NameTaken: Waits, "Choose another `displayName`, or another parent.";
    /// The contact's owner is not in the directory, or deleted; the contact goes and returns with it (X5).
    OwnerNotFound: Waits, "Apply the Member, or correct `ownerRef`.";
    /// The contact's own tenant does not allow external connections, or uses neither core nor approval (T7, X1).
    NotAllowedHere: Waits, "Set `externalConnections: {allowed: true}` in the Tenant, and use core or approval.";
    /// The person's company does not allow external connections, or uses neither core nor approval (T7, X1).
    NotAllowedThere: Waits, "Ask the other company; it goes on by itself when it allows them.";
    /// Nobody who can be connected with is found by the look-up; whether anybody is there is not told (X1).
    TargetNotFound: Waits, "Correct `lookup`, or ask the person; it goes on by itself.";
    /// Several people let themselves be found by the phone number (X1).
    TargetAmbiguous: Waits, "Use the person's `messageId` or `qrToken`.";
    /// The person belongs to the contact's own tenant now (X5).
    TargetInOwnTenant: Waits, "Remove the contact: the person is a colleague.";
    /// The person's account is gone for good, and what was known of it with it (X5).
    TargetGone: Stalled, "Remove the contact, or give another `lookup`.";
    /// The person shares a message room with another member of the tenant, so the contact can't be deleted yet (X4).
    InSharedRoom: Waits, "Nothing; it goes once they share no room any more.";
    /// The manifest breaks a rule of its schema, or names a value, language, zone or date that does not exist.
    Invalid: Stalled, "Correct the field that is named.";
    /// The organization would be above itself (O2).
    CycleDetected: Stalled, "Correct `parentRef` of one organization on the path.";
    /// The organization, or one below it, would be deeper than 15 (O2).
    TooDeep: Stalled, "Move it further up.";
    /// The supreme administrator can't be suspended, deleted, sent on leave or transferred (T4).
    SupremeAdminProtected: Stalled, "Name another member in the tenant's `supremeAdminRef` first.";
    /// An administrator can't be deleted (M23).
    AdministratorProtected: Stalled, "Set `administrator: None` first.";
    /// The supreme administrator needs a `personalEmail` (T4).
    PersonalEmailRequired: Stalled, "Give the member a `personalEmail`.";
    /// A different person stands under the handle: the record has another `externalKey` (M11).
    IdentityConflict: Stalled, "Give the new person a manifest of another name, or restore the `externalKey` if it is the same person.";
    /// The member's record belongs to another tenant; transfers between group companies follow (M40, M41).
    TransferBlocked: Stalled, "Restore `tenantRef`.";
    /// The object is declared by another source: a cluster, or files (R9).
    DeclaredElsewhere: Stalled, "Change it there, or run `rollcall apply --take-over`.";
    /// Nobody declares the tenant; while that is so, removals, purges and cancellation wait (T14).
    TenantUnmanaged: Waits, "Apply the Tenant again.";
    /// Organizations below are still declared (O5).
    ChildrenRemain: Waits, "Move or delete the organizations below.";
    /// Members are still assigned to it or below it (O5).
    MembersRemain: Waits, "Move the members, or wait for their deletion.";
    /// The database refused what was decided, again and again; somebody else writes to it.
    DatabaseConflict: Waits, "Look into the log, and at who else writes to the directory.";
    /// What is declared is not built yet; without it nothing can be made, or the named fields have no effect.
    NotYetSupported: Warning, "Leave the fields out, or wait for a later version.";
    /// The member has neither `mobilePhone` nor `personalEmail`, so a lost password can't be recovered (M7).
    NotRecoverable: Warning, "Give one of the two.";
    /// The account had begun before `activation.at` was changed; the change is ignored (M20).
    AlreadyActivated: Warning, "Restore the former date, or use `suspension`.";
    /// A suspension cleared the declared leave for good; it does not come back by itself (M21).
    LeaveSpent: Warning, "Declare another `leaveOfAbsence`, or take it out.";
    /// A member named in `relatedContacts` is not in the directory.
    RelatedContactNotFound: Warning, "Apply the Member, or correct `relatedContacts`.";
    /// A member named in `visibility` is not in the directory (X3).
    VisibilityMemberNotFound: Warning, "Apply the Member, or correct `visibility.memberRefs`.";
    /// The host's clock differs from the database's by more than 60 s; irreversible steps wait (R4).
    ClockSkewed: Warning, "Set the clocks.";
}

/// What is said of an object after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The reason of the condition `Ready`.
    pub reason: Reason,
    /// Its message, written for the reader.
    pub message: String,
    /// Conditions of their own, whose type is the reason's name.
    pub warnings: Vec<(Reason, String)>,
    /// What is wrong with the manifest, each at its path, where the message sums it up.
    pub problems: Vec<super::Problem>,
}

impl Verdict {
    /// A verdict without warnings.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Verdict { reason, message: message.into(), warnings: Vec::new(), problems: Vec::new() }
    }

    /// Whether the object is ready (R11).
    pub fn is_ready(&self) -> bool {
        self.reason.class() == Class::Ready
    }

    /// The conditions (R11) for a generation at an instant. A transition time moves only when the
    /// condition's status does; `before` is the list that was stored.
    pub fn conditions(&self, generation: i64, at: &str, before: &[Value]) -> Vec<Value> {
        let class = self.reason.class();
        let mut list = Vec::new();
        let mut push = |kind: &str, status: &str, reason: Reason, message: &str| {
            let since = before
                .iter()
                .find(|old| old["type"] == kind && old["status"] == status)
                .and_then(|old| old["lastTransitionTime"].as_str())
                .unwrap_or(at);
            list.push(json!({
                "type": kind, "status": status, "reason": reason.name(), "message": message,
                "observedGeneration": generation, "lastTransitionTime": since,
            }));
        };
        match class {
            Class::Ready => push("Ready", "True", self.reason, &self.message),
            Class::Waits => {
                push("Ready", "False", self.reason, &self.message);
                push("Reconciling", "True", self.reason, &self.message);
            }
            Class::Stalled | Class::Warning => {
                push("Ready", "False", self.reason, &self.message);
                push("Stalled", "True", self.reason, &self.message);
            }
        }
        for (reason, message) in &self.warnings {
            push(reason.name(), "True", *reason, message);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_time_moves_only_with_the_status() {
        let first = Verdict::new(Reason::TenantNotFound, "no tenant").conditions(1, "2027-01-01T00:00:00Z", &[]);
        let again = Verdict::new(Reason::QuotaExceeded, "no place").conditions(2, "2027-02-01T00:00:00Z", &first);
        assert_eq!(again[0]["lastTransitionTime"], "2027-01-01T00:00:00Z");
        let ready = Verdict::new(Reason::InDirectory, "").conditions(2, "2027-03-01T00:00:00Z", &again);
        assert_eq!(ready[0]["lastTransitionTime"], "2027-03-01T00:00:00Z");
        assert_eq!(ready.len(), 1);
    }

    #[test]
    fn every_reason_says_what_it_means_and_what_to_do() {
        for reason in Reason::ALL {
            assert!(!reason.meaning().is_empty() && !reason.remedy().is_empty(), "{}", reason.name());
        }
    }
}
