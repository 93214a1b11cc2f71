//! Transfers between group companies (M40, M41): whether one may be, what must fit, what services erase. Pure.
//! Called by the decision about a member.

use std::collections::BTreeMap;

use super::assignments::{Unassigned, assignments};
use super::check;
use super::declared::claiming_field;
use crate::api::tenant::{Plan, Products};
use crate::api::{Handle, Hold, Kind, MemberSpec, Reason};
use crate::lifecycle::hold::hold;
use crate::lifecycle::tenant::places;
use crate::lifecycle::{Block, Manifest, World, cancellation, place_key, record_key};
use crate::record::{Data, MemberRecord, TenantRecord};

use Data::{Mailbox, Messages, PersonalCalendar, PersonalDriveFolder};
use Plan::{Advanced, Free, Lite, Standard, StandardPlus, Trial};

/// What is erased when core was in use on one of these plans, and is not in use in the new tenant (M40).
const CORE_ENDS: &[(&[Plan], &[Data])] = &[
    (&[Standard, StandardPlus, Advanced, Trial], &[Messages, PersonalCalendar, Mailbox, PersonalDriveFolder]),
    (&[Lite, Free], &[Messages, PersonalCalendar]),
];
/// What is erased when Drive was in use, and is not in use in the new tenant (M40).
const DRIVE_ENDS: &[Data] = &[PersonalDriveFolder];

/// What services erase of a member that moves from one set of products to another.
pub fn erased(from: &Products, to: &Products) -> Vec<Data> {
    let core = from.core.as_ref().filter(|_| to.core.is_none());
    let of_core = CORE_ENDS.iter().filter(|(plans, _)| core.is_some_and(|core| plans.contains(&core.plan)));
    let drive = if from.drive.is_some() && to.drive.is_none() { DRIVE_ENDS } else { &[] };
    let ends: Vec<Data> = of_core.flat_map(|(_, data)| *data).chain(drive).copied().collect();
    Data::ALL.into_iter().filter(|data| ends.contains(data)).collect()
}

/// What becomes of a transfer.
pub enum Transfer {
    /// It can't be (M41).
    Refused(Reason, String),
    /// Something does not fit yet; these keys bring it back.
    Blocked(String, Vec<String>),
    /// It needs a person's word.
    Held(Hold),
    /// It goes on; services erase this.
    Goes(Vec<Data>),
}

/// A transfer that is declared.
pub struct Wish<'w> {
    pub member: &'w MemberRecord,
    pub to: &'w TenantRecord,
    pub handle: &'w Handle,
    pub spec: &'w MemberSpec,
    pub manifest: &'w Manifest,
}

/// Decides about a transfer. `counts` tells which of the declared organizations count.
pub fn consider(world: &World, wish: &Wish, blocked: Option<&Block>, counts: impl Fn(usize) -> bool) -> Transfer {
    let Wish { member, to, handle, spec, manifest } = wish;
    let Some(from) = world.tenants.get(&member.tenant) else {
        return Transfer::Blocked("spec.tenantRef: the tenant of the member is not known".into(), Vec::new());
    };
    let refused = |message: &str| Transfer::Refused(Reason::TransferRefused, format!("spec.tenantRef: {message} (M41)"));
    if world.is_supreme(member) {
        let message = "spec.tenantRef: the supreme administrator can't be transferred; name another in the tenant first (T4)";
        return Transfer::Refused(Reason::SupremeAdminProtected, message.into());
    }
    if member.is_deleted() {
        return refused("the member is deleted; restore it in its tenant first");
    }
    let group = |tenant: &TenantRecord| tenant.intent.spec.corporate_group.clone();
    if group(from).is_none() || group(from) != group(to) {
        let (from, to) = (&from.handle.name, &to.handle.name);
        return refused(&format!(
            "the member belongs to `{from}`, and `{to}` is no company of its group: spec.corporateGroup of both must be the same"
        ));
    }

    let (mut unfit, mut keys) = (Vec::new(), Vec::new());
    unfit.extend(check::against(spec, &to.intent.spec).iter().map(ToString::to_string));
    unfit.extend(cancellation::takes_nobody(to));
    match assignments(world, spec, to, handle, counts) {
        Ok(_) => {}
        Err(Unassigned::Elsewhere(problem)) => unfit.push(problem.to_string()),
        Err(Unassigned::Missing(missing)) => {
            let names: Vec<&str> = missing.iter().map(|key| &*key.handle.name).collect();
            unfit.push(format!("spec.organizations: `{}` is not in the directory yet", names.join("`, `")));
            keys.extend(missing.iter().map(record_key));
        }
    }
    if let Some(block) = blocked {
        unfit.push(format!("{}: {}", claiming_field(spec, &block.claim), block.told(world)));
        keys.extend(block.keys());
    }
    if let Some(limit) = places(to.plan(), Kind::Member)
        && world.places.get(&(to.uid.clone(), Kind::Member)).copied().unwrap_or(0) >= limit
    {
        unfit.push(format!("the plan of `{}` has {limit} places for members, and all are taken", to.handle.name));
        keys.push(place_key(&to.uid, Kind::Member));
    }
    let erased = erased(&from.intent.spec.products, &to.intent.spec.products);
    if !(from.managed || erased.is_empty()) {
        unfit.push(format!("nobody declares `{}` now, and meanwhile nothing of it is erased (T14)", from.handle.name));
    }
    if !unfit.is_empty() {
        let (from, to) = (&from.handle.name, &to.handle.name);
        return Transfer::Blocked(format!("stays in `{from}` until it fits in `{to}`: {} (M40)", unfit.join("; ")), keys);
    }

    let data: Vec<String> = erased.iter().map(|data| data.shown().to_owned()).collect();
    // Each move is a loss of access: how many there were tells it from the next of its kind (R12).
    let (uid, losses) = (&member.uid, member.lived.fired.losses);
    let what = format!("{uid}, after {losses} losses of access, from {} to {} erases {}", from.uid, to.uid, data.join(", "));
    let held = hold(
        Reason::TransferNeedsConsent,
        format!("the move from `{}` to `{}` erases {}", from.handle.name, to.handle.name, data.join(", ")),
        &BTreeMap::from([(handle.name.to_string(), what)]),
    );
    if erased.is_empty() || manifest.approves(&held.fingerprint) { Transfer::Goes(erased) } else { Transfer::Held(held) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tenant::{CoreProduct, Product};

    // M40
    #[test]
    fn what_is_erased_follows_from_the_services_that_end() {
        let products = |core: Option<Plan>, drive: bool| Products {
            core: core.map(|plan| CoreProduct { plan }),
            drive: drive.then(Product::default),
            approval: Some(Product::default()),
        };
        for plan in [Standard, StandardPlus, Advanced, Trial] {
            assert_eq!(erased(&products(Some(plan), false), &products(None, false)), Data::ALL);
            assert_eq!(erased(&products(Some(plan), true), &products(None, true)), Data::ALL);
            assert_eq!(erased(&products(Some(plan), true), &products(Some(Free), true)), []);
        }
        for plan in [Lite, Free] {
            assert_eq!(erased(&products(Some(plan), false), &products(None, false)), [Messages, PersonalCalendar]);
        }
        assert_eq!(erased(&products(Some(Lite), true), &products(Some(Lite), false)), [PersonalDriveFolder]);
        assert_eq!(erased(&products(None, true), &products(None, true)), []);
    }
}
