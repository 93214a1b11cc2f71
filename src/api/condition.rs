//! What people are told: reasons, what each means for `Ready` (R11), and the conditions built from them.
//! No I/O. Used by the decisions, by the reports and by the generated reference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::APPROVE_ANNOTATION;

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
    /// The reason of the condition `PasswordSet`, which holds or not, beside `Ready`.
    Password,
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
    /// The tenant will be cancelled at `effectiveAt`; nothing blocks it (T12).
    Cancelling: Ready, "Nothing, or take `spec.cancellation` out to withdraw it.";
    /// The tenant is cancelled as declared: everything of it is erased, its name is not used again (T12).
    Cancelled: Ready, "Nothing. The manifests of it can be removed.";
    /// The tenant's declared cancellation waits for what the condition `CancellationBlocked` lists (T12).
    CancellationBlocked: Waits, "Do what is left, or take `spec.cancellation` out to withdraw it.";
    /// Charges of earlier months are not paid; a cancellation waits for them (T12).
    UnpaidCharges: Waits, "Pay them; the billing system notes it with `rollcall billing pay`.";
    /// The charge of the current month is not paid, or there is none yet; a cancellation waits for it (T12).
    CurrentMonthUnpaid: Waits, "Pay it. An amount of 0 counts as paid; Free and Trial alone need none.";
    /// The confirmation of a cancellation is not the supreme administrator's password, or can't be read (T12).
    ConfirmationRejected: Waits, "Put the password into the Secret key that `confirmation` names.";
    /// The supreme administrator has no password to confirm a cancellation with (T12).
    ConfirmationImpossible: Waits, "Give that member a password, or name another member in `supremeAdminRef`.";
    /// The tenant is to be cancelled and takes no new member (T12).
    TenantCancelling: Waits, "Withdraw the tenant's `spec.cancellation`, or remove the Member.";
    /// The tenant was cancelled; nothing of it comes back, and its name is not used again (T12).
    TenantCancelled: Stalled, "Remove the manifest, or give a new tenant another name.";
    /// An invitation was sent; the person has not accepted yet (X3).
    Invited: Ready, "Nothing; the contact is connected once a member with that address accepts.";
    /// The tenant is not in the directory yet (O4).
    TenantNotFound: Waits, "Apply the Tenant, in the same namespace.";
    /// The organization above is not in the directory yet (O4).
    ParentNotFound: Waits, "Apply the parent Organization, or correct `parentRef`.";
    /// An organization of the member is not in the directory yet (O4).
    OrganizationNotFound: Waits, "Apply the Organization, or correct `organizationRef`.";
    /// The member named by `concurrentOf`, whose ID is to be followed, has no account in the directory yet (M30).
    ConcurrentMemberNotFound: Waits, "Apply that Member with an ID, correct `concurrentOf`, or give an `id`.";
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
    /// The resource is gone, but a manifest of another name has the same `externalKey` and is not taken yet: the record stays for
    /// it (M11).
    RenamePending: Waits, "Correct that manifest, or take it out.";
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
    /// The organization would be above itself (O2), or the member's ID would follow itself (M30).
    CycleDetected: Stalled, "Correct `parentRef` of one organization, or `concurrentOf` of one member, on the path.";
    /// The organization, or one below it, would be deeper than 15 (O2).
    TooDeep: Stalled, "Move it further up.";
    /// The supreme administrator can't be suspended, deleted, sent on leave or transferred (T4).
    SupremeAdminProtected: Stalled, "Name another member in the tenant's `supremeAdminRef` first.";
    /// An administrator can't be deleted (M23).
    AdministratorProtected: Stalled, "Set `administrator: None` first.";
    /// The supreme administrator needs a `personalEmail` (T4). As a condition of its own beside `Ready`: a member that
    /// is to choose its password through a link has none, so nothing is sent (M32).
    PersonalEmailRequired: Stalled, "Give the member a `personalEmail`.";
    /// A different person stands under the handle: the record has another `externalKey` (M11).
    IdentityConflict: Stalled, "Give the new person a manifest of another name, or restore the `externalKey` if it is the same person.";
    /// A temporary ID becomes an account by an `id` in its place, and then needs a password too (M31).
    PasswordRequired: Stalled, "Declare `password` together with the `id`.";
    /// Something of the member does not fit in the tenant it is to go to; until it does, the member stays in the old one (M40).
    TransferBlocked: Waits, "Make it fit: apply the organizations, list the values, free the ID or a place; or restore `tenantRef`.";
    /// Only a live member is transferred, and only to a group company (M41).
    TransferRefused: Stalled, "Restore `tenantRef`; or give both tenants the same `corporateGroup` in one namespace.";
    /// The transfer would erase data of services that the new tenant does not use; it is held for approval (M40, R12).
    TransferNeedsConsent: Waits, "Approve it on the Member with the annotation that the condition `Held` names, or restore `tenantRef`.";
    /// More members would lose access than the tenant's `accessBudget` allows at once; all of it is held for approval (T11, R12).
    AccessLossHeld: Waits, "Approve it on the Tenant with the annotation that its condition `Held` names; or apply again what should not be lost.";
    /// The object is declared by another source: a cluster, or files (R9).
    DeclaredElsewhere: Stalled, "Change it there, or run `rollcall apply --take-over`.";
    /// The object or its tenant is frozen: nothing of it changes, and what is declared waits. As a condition of its own it tells what
    /// fell due and what drifted (R14).
    Frozen: Waits, "Remove the annotation `rollcall.dev/frozen` from what the message names.";
    /// Nobody declares the tenant; while that is so, removals, purges and cancellation wait (T14).
    TenantUnmanaged: Waits, "Apply the Tenant again.";
    /// Organizations below are still declared (O5).
    ChildrenRemain: Waits, "Move or delete the organizations below.";
    /// Members are still assigned to it or below it (O5), or still in the directory, those in grace included (T12).
    MembersRemain: Waits, "Move or remove the members, or wait for the end of their grace.";
    /// The database refused what was decided, again and again; somebody else writes to it.
    DatabaseConflict: Waits, "Look into the log, and at who else writes to the directory.";
    /// The named annotations are Rollcall's, and this version knows nothing of them: they have no effect.
    NotYetSupported: Warning, "Correct their names, take them out, or install a later version.";
    /// The member has neither `mobilePhone` nor `personalEmail`, so a lost password can't be recovered (M7).
    NotRecoverable: Warning, "Give one of the two.";
    /// The account had begun before `activation.at` was changed; the change is ignored (M20).
    AlreadyActivated: Warning, "Restore the former date, or use `suspension`.";
    /// A suspension cleared the declared leave for good; it does not come back by itself (M21).
    LeaveSpent: Warning, "Declare another `leaveOfAbsence`, or take it out.";
    /// A field is declared that has no effect here: what it orders is for another policy, mode or state (M26).
    NotApplicable: Warning, "Take the field out, or change what it depends on and give a new token.";
    /// A device for which something was ordered was not known as one of the member's; nothing is done (M28).
    DeviceUnknown: Warning, "Correct `id`, or give a new `token` once the device is reported.";
    /// A device for which a deletion was ordered is not managed; nothing is done (M28).
    DeviceUnmanaged: Warning, "Order `SignedOut`, or have the device managed and give a new `token`.";
    /// The picture is not where the manifest says (M3).
    PhotoNotFound: Warning, "Put the picture there, or correct `photo`.";
    /// What `photo` refers to is no PNG or JPEG of less than 10 MB; the picture kept before stays (M3).
    PhotoInvalid: Warning, "Put another picture there.";
    /// The picture is not 640x640; it is kept as it is (M3).
    PhotoSize: Warning, "Nothing, or scale it.";
    /// The member named by `concurrentOf`, whose ID was followed, has no account any more; the ID stays as it is (M30).
    ConcurrentMemberGone: Warning, "Correct `concurrentOf`, or give an `id`.";
    /// A member named in `relatedContacts` is not in the directory.
    RelatedContactNotFound: Warning, "Apply the Member, or correct `relatedContacts`.";
    /// The member has a password (M32).
    PasswordSet: Password, "Nothing.";
    /// No password is declared, and none is made: the person signs in through the company's single sign-on (M32). Where
    /// `PasswordSet` is `True`, the member has one from before, which still signs in.
    NoPasswordDeclared: Password, "Nothing, or declare `password`; with a new `resetToken`, another takes the place of the one from before.";
    /// The record is no account yet, so that it has no password (M31).
    NoAccountYet: Password, "Nothing, or give `id` in the place of `temporaryId`.";
    /// The password is being made; that follows within a second (M32).
    PasswordPending: Password, "Wait.";
    /// The person has not chosen a password through the creation link yet (M32).
    NotRegistered: Password, "Wait, or use `resendInvitation`.";
    /// The Secret of `secretKeyRef`, or the key in it, is not there (M32).
    SecretNotFound: Password, "Make the Secret; offline, put its manifest into the set that is applied.";
    /// What the manifest of the Secret of `secretKeyRef` holds under the key is not base64, or not text (M32).
    SecretInvalid: Password, "Correct the manifest of the Secret.";
    /// The member had a password before the manifest named the Secret, or before that was there: what it held then was not taken,
    /// other content is (M33).
    SecretPassedOver: Password, "Nothing, or give a new `resetToken`, or put another password into the Secret.";
    /// A Secret of the name of the initial password's is there and is not this member's, so that it is left alone (M32).
    SecretExists: Password, "Delete or rename that Secret.";
    /// Rollcall may neither read nor write Secrets in the namespace (M32).
    SecretsNotEnabled: Password, "Add the namespace to `secretNamespaces` of the chart.";
    /// A password was to be generated, and it was not said where to write it to (M32).
    NowhereToWrite: Password, "Run `rollcall apply` with `--secrets-out DIR`.";
    /// The password in the Secret is not what the tenant's policy asks for (T5).
    PolicyViolated: Password, "Put another password into the Secret.";
    /// The Secret could not be read or written; it is tried again.
    SecretFailed: Password, "Look into the log.";
    /// One batch of declarations would send more than 100 mails; they are held for approval (T15, R12).
    MailsHeld: Waits, "Approve it on the Tenant with the annotation that its condition `Held` names; or set `notifications: Disabled` and acknowledge them.";
    /// The member has no `personalEmail`, and no mailbox that it has signed in to: no mail reaches it (M34).
    NoAddress: Warning, "Give the member a `personalEmail`.";
    /// The link of the invitation ended before the member chose a password (M32). The account is there: only the link is over.
    RegistrationExpired: Warning, "Give `resendInvitation` a new value.";
    /// The mail server refused a mail for good; it is set aside (M34).
    MailRefused: Warning, "Correct `personalEmail`, or the address that is invited, which tries it again; or see to the mailbox, and `rollcall outbox retry ID`; or acknowledge it.";
    /// Mails wait in the outbox: no server to send them through is configured, or it does not take them yet (M34).
    MailWaits: Warning, "Configure `--smtp`, or look into `rollcall outbox` for why.";
    /// The request that `registration` names is not there, or was rejected or has ended (M35).
    RegistrationNotFound: Warning, "Correct `registration`, or take it out.";
    /// A member named in `visibility` is not in the directory, or in another company (X3).
    VisibilityMemberNotFound: Warning, "Apply the Member, or correct `visibility.memberRefs`.";
    /// The host's clock differs from the database's by more than 60 s; irreversible steps wait (R4).
    ClockSkewed: Warning, "Set the clocks.";
}

/// A condition of its own type that holds or not, whatever `Ready` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub condition: &'static str,
    pub holds: bool,
    pub reason: Reason,
    pub message: String,
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
    /// Conditions of their own that hold or not.
    pub states: Vec<State>,
    /// What a cancellation waits for, told in the condition `CancellationBlocked` (T12).
    pub blocks: Vec<(Reason, String)>,
    /// What is wrong with the manifest, each at its path, where the message sums it up.
    pub problems: Vec<super::Problem>,
    /// What needs a person's word, and is approved on this object (R12).
    pub holds: Vec<Hold>,
}

/// What needs a person's word (R12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub reason: Reason,
    /// What would happen, in a sentence.
    pub what: String,
    /// Whom it concerns: the first names, and how many there are.
    pub names: Vec<String>,
    pub count: usize,
    /// Tells exactly this from anything else that could happen.
    pub fingerprint: String,
}

impl Hold {
    /// What is said of it.
    pub fn message(&self) -> String {
        let Hold { reason: _, what, names, count, fingerprint } = self;
        let more = count.saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.join(", ");
        format!(
            "{what} ({count}: {names}{more}); to let exactly that happen, annotate this object with {APPROVE_ANNOTATION}: \"{fingerprint}\" (R12)"
        )
    }
}

impl Verdict {
    /// A verdict without warnings.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        let (warnings, states, blocks, problems, holds) = Default::default();
        Verdict { reason, message, warnings, states, blocks, problems, holds }
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
        let mut push_named = |kind: &str, status: &str, reason: &str, message: &str| {
            let since = before
                .iter()
                .find(|old| old["type"] == kind && old["status"] == status)
                .and_then(|old| old["lastTransitionTime"].as_str())
                .unwrap_or(at);
            list.push(json!({
                "type": kind, "status": status, "reason": reason, "message": message,
                "observedGeneration": generation, "lastTransitionTime": since,
            }));
        };
        let mut push = |kind: &str, status: &str, reason: Reason, message: &str| push_named(kind, status, reason.name(), message);
        match class {
            Class::Ready => push("Ready", "True", self.reason, &self.message),
            Class::Waits => {
                push("Ready", "False", self.reason, &self.message);
                push("Reconciling", "True", self.reason, &self.message);
            }
            Class::Stalled | Class::Warning | Class::Password => {
                push("Ready", "False", self.reason, &self.message);
                push("Stalled", "True", self.reason, &self.message);
            }
        }
        if let Some(first) = self.holds.first() {
            let messages: Vec<String> = self.holds.iter().map(Hold::message).collect();
            push("Held", "True", first.reason, &messages.join("; "));
        }
        // A type stands once in a list of conditions.
        let mut told: BTreeMap<Reason, Vec<&str>> = BTreeMap::new();
        for (reason, message) in &self.warnings {
            told.entry(*reason).or_default().push(message);
        }
        for (reason, messages) in told {
            push(reason.name(), "True", reason, &messages.join("; "));
        }
        for State { condition, holds, reason, message } in &self.states {
            push(condition, if *holds { "True" } else { "False" }, *reason, message);
        }
        if !self.blocks.is_empty() {
            // All at once: a condition has one reason, and its reason may be a list.
            let reasons: Vec<&str> = self.blocks.iter().map(|(reason, _)| reason.name()).collect();
            let told: Vec<String> = self.blocks.iter().map(|(reason, message)| format!("{}: {message}", reason.name())).collect();
            push_named(Reason::CancellationBlocked.name(), "True", &reasons.join(","), &told.join(". "));
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
