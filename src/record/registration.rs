//! A request for an account (M35): what a person wrote by the tenant's link. It holds no place and is no
//! account. Plain data and its difference for the trail; nothing is decided here.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Action, Cause, Change, FieldChange, Uid};
use crate::api::Length;

/// How long a request stays open.
pub const OPEN_FOR: Length = Length::days(30);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    Open,
    /// A Member manifest named it.
    Approved,
    Rejected,
    /// Nobody decided it in time.
    Ended,
}

impl RequestState {
    pub const ALL: [RequestState; 4] = [RequestState::Open, RequestState::Approved, RequestState::Rejected, RequestState::Ended];

    /// The state as it stands in the directory and in the trail.
    pub fn name(self) -> &'static str {
        match self {
            RequestState::Open => "Open",
            RequestState::Approved => "Approved",
            RequestState::Rejected => "Rejected",
            RequestState::Ended => "Ended",
        }
    }
}

/// A request for an account. A decided one keeps nothing of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    pub tenant: Uid,
    pub family_name: String,
    pub given_name: String,
    pub wished_id: String,
    pub email: String,
    pub requested_at: Timestamp,
    pub expires_at: Timestamp,
    pub state: RequestState,
    pub decided_at: Option<Timestamp>,
    /// Counts what was written of it.
    pub revision: i64,
    /// The revision that the trail and the tenant's status know of.
    pub told: i64,
    /// The member that it made, if it was approved.
    pub member: Option<Uid>,
}

impl Request {
    /// Whether something was written of it that the trail does not know.
    pub fn is_news(&self) -> bool {
        self.told < self.revision
    }

    /// Whether it can still be decided.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.state == RequestState::Open && at < self.expires_at
    }

    /// Whether a member is the one that it made, or may become that.
    pub fn is_of(&self, member: &Uid, at: Timestamp) -> bool {
        match self.state {
            RequestState::Open => self.is_open(at),
            RequestState::Approved => self.member.as_ref() == Some(member),
            RequestState::Rejected | RequestState::Ended => false,
        }
    }

    /// The request approved by making a member.
    #[must_use]
    pub fn approved(&self, member: &Uid, at: Timestamp) -> Request {
        Request { member: Some(member.clone()), ..self.decided(RequestState::Approved, at) }
    }

    /// The request decided: what it said of the person is gone.
    #[must_use]
    pub fn decided(&self, state: RequestState, at: Timestamp) -> Request {
        Request {
            state,
            decided_at: Some(at),
            family_name: String::new(),
            given_name: String::new(),
            wished_id: String::new(),
            email: String::new(),
            ..self.clone()
        }
    }
}

/// A transition of a request, as of its own instant.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestStep {
    pub cause: Cause,
    pub due: Timestamp,
    /// As it was gathered.
    pub before: Request,
    pub after: Request,
}

impl RequestStep {
    /// Whether a member is made of the request.
    pub fn approves(&self) -> bool {
        self.after.state == RequestState::Approved
    }

    /// The row of the tenant's trail: which request, from which state to which; nothing of the person.
    pub fn change(&self) -> Change {
        let from = if self.before.told == 0 { Value::Null } else { json!(RequestState::Open.name()) };
        let path = format!("registrationRequests.{}", self.before.id);
        Change { action: Action::Update, fields: vec![FieldChange { path, from, to: json!(self.after.state.name()) }] }
    }
}
