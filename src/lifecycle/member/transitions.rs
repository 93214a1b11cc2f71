//! What time does to a member: activation, suspension, leave, departure, purge (M20–M25), each as of its own
//! instant. Pure. Called by the decision about a member, once for every instant that fell due.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::api::member::MemberPhase;
use crate::api::{Length, MemberSpec, When};
use crate::record::{LeaveInForce, Lived, MemberState};

/// What may not happen to a member now, whatever its dates say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// The supreme administrator is not suspended, sent on leave or deleted (T4).
    pub supreme: bool,
    /// An administrator is not deleted (M23).
    pub administrator: bool,
    /// Nothing irreversible happens: the tenant is unmanaged (T14), or the clocks differ (R4).
    pub keep: bool,
}

impl Guard {
    /// Whether the member may be deleted.
    pub fn allows_deletion(self) -> bool {
        !self.supreme && !self.administrator
    }
}

/// The instants that a spec declares, in a time zone. A change of the zone re-dates them (R4).
#[derive(Clone, Debug, PartialEq)]
pub struct Dates {
    pub activation: Option<Timestamp>,
    /// From and until; a missing `from` is the beginning of time.
    pub suspension: Option<(Timestamp, Option<Timestamp>)>,
    pub leave: Option<(Timestamp, Option<Timestamp>)>,
    pub departure: Option<Timestamp>,
    leave_message: Option<String>,
    leave_value: Option<Value>,
}

impl Dates {
    /// The dates of a spec.
    pub fn of(spec: &MemberSpec, json: &Value, zone: &TimeZone) -> Self {
        let period = |from: Option<When>, until: Option<When>| {
            (from.map_or(Timestamp::MIN, |from| from.start(zone)), until.map(|until| until.end(zone)))
        };
        let suspension = match (&spec.suspension, spec.suspended) {
            (Some(suspension), _) => Some(period(suspension.from, suspension.until)),
            (None, Some(true)) => Some((Timestamp::MIN, None)),
            (None, Some(false) | None) => None,
        };
        let departure = spec.departure.as_ref().and_then(|departure| {
            departure.at.map(|at| at.start(zone)).or(departure.last_day.map(|day| When::Day(day.0).end(zone)))
        });
        Dates {
            activation: spec.activation.as_ref().and_then(|activation| activation.at).map(|at| at.start(zone)),
            suspension,
            leave: spec.leave_of_absence.as_ref().map(|leave| period(leave.from, leave.until)),
            departure,
            leave_message: spec
                .leave_of_absence
                .as_ref()
                .and_then(|leave| leave.message.as_ref())
                .map(|message| message.0.clone()),
            leave_value: json.get("leaveOfAbsence").cloned(),
        }
    }
}

/// Whether an instant lies in a period.
fn within((from, until): (Timestamp, Option<Timestamp>), at: Timestamp) -> bool {
    from <= at && until.is_none_or(|until| at < until)
}

/// What holds of a member at an instant, given what was so far. `now` is when it is carried out.
pub fn advance(lived: &Lived, dates: &Dates, grace: Length, guard: Guard, at: Timestamp, now: Timestamp) -> Lived {
    let mut next = lived.clone();
    if next.deleted_at.is_some() {
        return next;
    }
    if let Some(departure) = dates.departure
        && departure <= at
        && guard.allows_deletion()
    {
        delete(&mut next, grace, departure, now);
        next.departed = true;
        return next;
    }
    if next.activated_at.is_none() && dates.activation.is_none_or(|activation| activation <= at) {
        next.activated_at = Some(at);
    }
    let suspended = next.activated_at.is_some() && !guard.supreme && dates.suspension.is_some_and(|period| within(period, at));
    match (suspended, next.suspended_at) {
        (true, None) => next.suspended_at = Some(at),
        (false, Some(_)) => next.suspended_at = None,
        (true, Some(_)) | (false, None) => {}
    }
    // M21: a suspension clears all leave for good; only another value counts again.
    if suspended {
        next.spent_leave = dates.leave_value.clone();
    } else if next.spent_leave != dates.leave_value {
        next.spent_leave = None;
    }
    let on_leave =
        next.activated_at.is_some() && !suspended && leave(&next, dates, guard).is_some_and(|period| within(period, at));
    next.leave_at = if on_leave { next.leave_at.or(Some(at)) } else { None };
    next
}

/// The leave that counts: none that a suspension cleared, none of the supreme administrator.
fn leave(lived: &Lived, dates: &Dates, guard: Guard) -> Option<(Timestamp, Option<Timestamp>)> {
    let spent = lived.spent_leave.is_some() && lived.spent_leave == dates.leave_value;
    dates.leave.filter(|_| !spent && !guard.supreme)
}

/// Deletes a member as of an instant (M23): restorable for the grace period, and for no less than the
/// smaller of that and a day after it was carried out.
pub fn delete(lived: &mut Lived, grace: Length, due: Timestamp, now: Timestamp) {
    lived.deleted_at = Some(due.min(now));
    lived.purge_at = Some(grace.after(due.min(now)).max(grace.min(Length::DAY).after(now)));
}

/// What a member is at an instant, and when time alone will next change it.
pub fn state(lived: &Lived, dates: &Dates, guard: Guard, at: Timestamp) -> MemberState {
    if lived.deleted_at.is_some() {
        let wake_at = if guard.keep { None } else { lived.purge_at };
        return MemberState { phase: MemberPhase::Deleted, on_leave: None, wake_at };
    }
    let mut instants: Vec<Option<Timestamp>> = Vec::new();
    // A departure that is overdue waits for the guard to fall, not for time.
    instants.push(dates.departure.filter(|departure| *departure > at));
    if lived.activated_at.is_none() {
        instants.push(dates.activation);
        return MemberState { phase: MemberPhase::Scheduled, on_leave: None, wake_at: instants.into_iter().flatten().min() };
    }
    let mut bounds = |period: Option<(Timestamp, Option<Timestamp>)>| {
        if let Some((from, until)) = period {
            instants.push(Some(from).filter(|from| *from > at));
            instants.push(until.filter(|until| *until > at));
        }
    };
    if !guard.supreme {
        bounds(dates.suspension);
    }
    let leave = leave(lived, dates, guard);
    bounds(leave);
    let wake_at = instants.into_iter().flatten().min();
    if lived.suspended_at.is_some() {
        return MemberState { phase: MemberPhase::Suspended, on_leave: None, wake_at };
    }
    let on_leave = leave.zip(lived.leave_at).map(|((from, until), began)| LeaveInForce {
        from: if from == Timestamp::MIN { began } else { from },
        until,
        message: dates.leave_message.clone(),
    });
    let phase = if lived.first_sign_in_at.is_some() { MemberPhase::Active } else { MemberPhase::Pending };
    MemberState { phase, on_leave, wake_at }
}
