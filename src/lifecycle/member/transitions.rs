//! What time does to a member: activation, suspension, leave, departure, purge (M20–M25), each as of its own
//! instant. Pure. Called by the decision about a member, once for every instant that fell due.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::api::member::{DeviceOrderState, MemberPhase};
use crate::api::{Length, MemberSpec, When};
use crate::record::account::DeviceOrder;
use crate::record::{Fired, LeaveInForce, Lived, MemberState, member};

/// What may not happen to a member now, whatever its dates say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// The supreme administrator is not suspended, sent on leave or deleted (T4).
    pub supreme: bool,
    /// An administrator is not deleted (M23).
    pub administrator: bool,
}

impl Guard {
    /// Whether the member may be deleted.
    pub fn allows_deletion(self) -> bool {
        !self.supreme && !self.administrator
    }
}

/// A period: a missed beginning is the beginning of time, a missing end is none.
pub type Period = (Timestamp, Option<Timestamp>);

/// The instants that a spec declares, in a time zone, and the values that declare them.
#[derive(Clone, Debug, PartialEq)]
pub struct Dates {
    /// Whether there is an account that could begin: a temporary ID is none (M31).
    pub is_account: bool,
    pub activation: Option<Timestamp>,
    pub suspension: Option<Period>,
    pub leave: Option<Period>,
    pub departure: Option<Timestamp>,
    pub leave_message: Option<String>,
    /// The assignments with dates, by their place in the spec (M4).
    pub assignments: Vec<Dated>,
    pub declared: Values,
}

/// An assignment with dates.
#[derive(Clone, Debug, PartialEq)]
pub struct Dated {
    pub place: usize,
    pub period: Period,
    /// What declares it: organization and dates.
    pub declared: Value,
}

impl Dated {
    fn is_in_force(&self, at: Timestamp, fired: &Fired) -> bool {
        let among = |list: &[Value]| list.contains(&self.declared).then_some(&self.declared);
        in_force(Some(self.period), at, Some(&self.declared), among(&fired.assigned), among(&fired.unassigned))
    }

    /// Whether it is over, by its dates or since it was once.
    fn is_over(&self, at: Timestamp, fired: &Fired) -> bool {
        let known = fired.assigned.contains(&self.declared) || fired.unassigned.contains(&self.declared);
        (known || self.period.1.is_some_and(|until| until <= at)) && !self.is_in_force(at, fired)
    }
}

/// The declared values behind the dates, as they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub activation: Option<Value>,
    pub suspension: Option<Value>,
    pub leave: Option<Value>,
    pub departure: Option<Value>,
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
        let value = |field: &str| json.get(field).cloned();
        Dates {
            is_account: !spec.is_temporary(),
            activation: spec.activation.as_ref().and_then(|activation| activation.at).map(|at| at.start(zone)),
            suspension,
            leave: spec.leave_of_absence.as_ref().map(|leave| period(leave.from, leave.until)),
            departure,
            assignments: spec
                .organizations
                .iter()
                .enumerate()
                .filter_map(|(place, assignment)| {
                    let declared = member::dates(assignment)?;
                    Some(Dated { place, period: period(assignment.from, assignment.until), declared })
                })
                .collect(),
            leave_message: spec
                .leave_of_absence
                .as_ref()
                .and_then(|leave| leave.message.as_ref())
                .map(|message| message.0.clone()),
            declared: Values {
                activation: value("activation"),
                suspension: value("suspension").or_else(|| value("suspended")),
                leave: value("leaveOfAbsence"),
                departure: value("departure"),
            },
        }
    }
}

/// Whether a period is in force at an instant. What began under the value that is declared now has begun,
/// and what ended under it has ended, wherever a change of the time zone puts it (R4).
fn in_force(
    period: Option<Period>,
    at: Timestamp,
    declared: Option<&Value>,
    begun: Option<&Value>,
    ended: Option<&Value>,
) -> bool {
    let Some((from, until)) = period else { return false };
    let same = |fired: Option<&Value>| fired.is_some() && fired == declared;
    !same(ended) && (from <= at || same(begun)) && until.is_none_or(|until| at < until)
}

/// What holds of a member at an instant, given what was so far. `now` is when it is carried out.
pub fn advance(lived: &Lived, dates: &Dates, grace: Length, guard: Guard, at: Timestamp, now: Timestamp) -> Lived {
    let mut next = lived.clone();
    if next.deleted_at.is_some() {
        return next;
    }
    let declared = &dates.declared;
    if let Some(departure) = dates.departure
        && departure <= at
        && guard.allows_deletion()
    {
        delete(&mut next, grace, departure, now);
        next.departed = true;
        next.fired.departure = declared.departure.clone();
        return next;
    }
    if next.activated_at.is_none() && dates.is_account && dates.activation.is_none_or(|activation| activation <= at) {
        next.activated_at = Some(at);
        next.fired.activation = declared.activation.clone();
    }
    let those = |holds: &dyn Fn(&Dated) -> bool| {
        dates.assignments.iter().filter(|dated| holds(dated)).map(|dated| dated.declared.clone()).collect()
    };
    next.fired.assigned = those(&|dated| dated.is_in_force(at, &lived.fired));
    next.fired.unassigned = those(&|dated| dated.is_over(at, &lived.fired));
    let active = next.activated_at.is_some() && !guard.supreme;

    let (period, value) = (dates.suspension.filter(|_| active), declared.suspension.as_ref());
    let Fired { suspension: begun, suspension_ended: ended, .. } = &mut next.fired;
    let suspended = note(period, at, value, &mut next.suspended_at, begun, ended);
    // M21: a suspension clears all leave for good, present and to come; only another value counts again.
    let is_over = next.fired.leave_ended.is_some() && next.fired.leave_ended == declared.leave;
    let is_left = dates.leave.is_some_and(|(_, until)| until.is_none_or(|until| at < until)) && !is_over;
    if suspended && is_left {
        next.spent_leave = declared.leave.clone();
    } else if next.spent_leave != declared.leave {
        next.spent_leave = None;
    }
    let (period, value) = (leave(&next, dates, guard).filter(|_| active && !suspended), declared.leave.as_ref());
    let Fired { leave: begun, leave_ended: ended, .. } = &mut next.fired;
    let is_known = next.leave_at.is_some() && begun.as_ref() == value;
    note(period, at, value, &mut next.leave_at, begun, ended);
    // It is dated once, as it is declared; only another value dates it anew (R4).
    if let (Some(since), Some((from, _))) = (&mut next.leave_at, period)
        && !is_known
        && from != Timestamp::MIN
    {
        *since = from.min(at);
    }
    // M32: an invitation that nobody followed in its time is over.
    next.welcome.expired_at = next.welcome.expired_at.or(next.invitation_ends_at().filter(|ends_at| *ends_at <= at));
    next
}

/// Notes what a period comes to at an instant: since when it is in force, under which value it began, and under which
/// it ended. Whether it is in force.
fn note(
    period: Option<Period>,
    at: Timestamp,
    declared: Option<&Value>,
    since: &mut Option<Timestamp>,
    begun: &mut Option<Value>,
    ended: &mut Option<Value>,
) -> bool {
    let holds = in_force(period, at, declared, since.and(begun.as_ref()), ended.as_ref());
    match (holds, *since) {
        (true, None) => *since = Some(at),
        (false, Some(_)) => {
            *since = None;
            *ended = begun.take();
        }
        (true, Some(_)) | (false, None) => {}
    }
    // What was withdrawn counts anew when it is declared again.
    ended.take_if(|ended| declared != Some(ended));
    if holds {
        *begun = declared.cloned();
    }
    holds
}

/// The leave that counts: none that a suspension cleared, none of the supreme administrator.
fn leave(lived: &Lived, dates: &Dates, guard: Guard) -> Option<Period> {
    let spent = lived.spent_leave.is_some() && lived.spent_leave == dates.declared.leave;
    dates.leave.filter(|_| !spent && !guard.supreme)
}

/// Deletes a member as of an instant (M23): restorable for the grace period, and for no less than the
/// smaller of that and a day after it was carried out.
pub fn delete(lived: &mut Lived, grace: Length, due: Timestamp, now: Timestamp) {
    lived.deleted_at = Some(due.min(now));
    lived.purge_at = Some(grace.after(due.min(now)).max(grace.min(Length::DAY).after(now)));
}

/// The instants after another at which a period begins or ends.
fn bounds(period: Option<Period>, at: Timestamp, began: bool, ended: bool) -> [Option<Timestamp>; 2] {
    let Some((from, until)) = period.filter(|_| !ended) else { return [None, None] };
    [Some(from).filter(|from| *from > at && !began), until.filter(|until| *until > at)]
}

/// What a deleted member is, and when it is looked at again. What was ordered for devices is finished first (M25): what waits
/// is to be sent, and a report of the rest brings the member back.
pub fn deleted(lived: &Lived) -> Option<MemberState> {
    let deleted_at = lived.deleted_at?;
    let wake_at = if lived.account.has_order(DeviceOrderState::Waiting) {
        Some(deleted_at)
    } else {
        lived.purge_at.filter(|_| !lived.account.orders.iter().any(DeviceOrder::is_in_progress))
    };
    Some(MemberState { phase: MemberPhase::Deleted, on_leave: None, wake_at })
}

/// What a member is at an instant, and when time alone will next change it.
pub fn state(lived: &Lived, dates: &Dates, guard: Guard, at: Timestamp) -> MemberState {
    if let Some(deleted) = deleted(lived) {
        return deleted;
    }
    // One that is overdue is still to come, unless it waits for the guard to fall.
    let mut instants: Vec<Option<Timestamp>> =
        vec![dates.departure.filter(|departure| *departure > at || guard.allows_deletion())];
    for Dated { place: _, period, declared } in &dates.assignments {
        let (began, ended) = (lived.fired.assigned.contains(declared), lived.fired.unassigned.contains(declared));
        instants.extend(bounds(Some(*period), at, began, ended));
    }
    instants.push(lived.invitation_ends_at());
    if lived.activated_at.is_none() {
        instants.push(dates.activation.filter(|_| dates.is_account));
        return MemberState { phase: MemberPhase::Scheduled, on_leave: None, wake_at: instants.into_iter().flatten().min() };
    }
    let declared = &dates.declared;
    let ended = |fired: &Option<Value>, declared: &Option<Value>| fired.is_some() && fired == declared;
    if !guard.supreme {
        let is_over = ended(&lived.fired.suspension_ended, &declared.suspension);
        instants.extend(bounds(dates.suspension, at, lived.suspended_at.is_some(), is_over));
    }
    let leave = leave(lived, dates, guard);
    let is_over = ended(&lived.fired.leave_ended, &declared.leave);
    instants.extend(bounds(leave, at, lived.leave_at.is_some(), is_over));
    let wake_at = instants.into_iter().flatten().min();
    if lived.suspended_at.is_some() {
        return MemberState { phase: MemberPhase::Suspended, on_leave: None, wake_at };
    }
    let on_leave = leave.zip(lived.leave_at).map(|((_, until), began)| LeaveInForce {
        from: began,
        until,
        message: dates.leave_message.clone(),
    });
    let phase = if lived.first_sign_in_at.is_some() { MemberPhase::Active } else { MemberPhase::Pending };
    MemberState { phase, on_leave, wake_at }
}
