//! What services and the shell report of a member, folded into its record: first sign-in, account, password, mails. Pure.
//! Called by the decision about a member, also about one that is frozen.

use std::sync::Arc;

use super::{account, mail, member_of, transitions};
use crate::api::MemberPhase;
use crate::lifecycle::{Decision, PasswordNews, World};
use crate::record::{Cause, Lived, MemberRecord, MemberState, Record, TenantRecord};

/// Folds in what was reported. `settle` makes the record of what happened to it.
pub fn fold(
    world: &World,
    tenant: &TenantRecord,
    decision: &mut Decision,
    settle: &dyn Fn(&MemberRecord, Lived) -> MemberRecord,
) {
    let next = |member: &MemberRecord, lived| Some(Record::Member(Arc::new(settle(member, lived))));
    if let Some(member) = member_of(decision)
        && let Some(first) = world.first_sign_ins.get(&member.uid)
        && member.lived.first_sign_in_at.is_none()
    {
        let lived = Lived { first_sign_in_at: Some(*first), ..member.lived.clone() };
        decision.step(Cause::Service, *first, next(&member, lived));
    }
    if let Some(member) = member_of(decision) {
        for (cause, at, lived) in account::folded(world, tenant, &member) {
            decision.step(cause, at, next(&member, lived));
        }
    }
    if let Some(member) = member_of(decision)
        && let Some(PasswordNews { id: _, changed_at, trouble, cause, at }) = world.passwords.get(&member.uid)
    {
        let lived = Lived { password_changed_at: *changed_at, password_trouble: trouble.clone(), ..member.lived.clone() };
        decision.step(*cause, *at, next(&member, lived));
    }
    if let Some(member) = member_of(decision)
        && let Some(news) = world.mail_news.get(&member.uid)
        && let Some((at, welcome)) = mail::heard(&member.lived.welcome, news)
    {
        let lived = Lived { welcome, ..member.lived.clone() };
        decision.step(Cause::Service, at, next(&member, lived));
    }
}

/// Folds in what was reported and nothing else: neither time nor intent moves the record (R14).
pub fn fold_only(world: &World, decision: &mut Decision) {
    let Some(tenant) = member_of(decision).and_then(|member| world.tenants.get(&member.tenant).cloned()) else { return };
    fold(world, &tenant, decision, &|member, lived| {
        let phase = match member.state.phase {
            MemberPhase::Pending if lived.first_sign_in_at.is_some() => MemberPhase::Active,
            phase => phase,
        };
        let state = transitions::deleted(&lived).unwrap_or_else(|| MemberState { phase, ..member.state.clone() });
        MemberRecord { lived, state, ..member.clone() }
    });
}
