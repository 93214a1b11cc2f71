//! Gathering what is frozen (R14): by the annotations of the objects of a batch, and of the tenants around them. Only
//! reads. Called by the gathering.

use super::gathered::Gathered;
use crate::api::{FROZEN_ANNOTATION, Key, TenantPhase};
use crate::directory::sql::Tx;
use crate::directory::{Error, declarations};
use crate::lifecycle::{Declared, may_be_frozen};

/// Gathers the reasons why objects are frozen.
pub(super) async fn gather(tx: &mut Tx, gathered: &mut Gathered) -> Result<(), Error> {
    let Gathered { world, visits, stored, submitted: _, elsewhere: _, accepted: _ } = gathered;
    let tenants = world.tenants.values().map(|tenant| tenant.key());
    // Who would go with a tenant that is to be cancelled (T12).
    let cancelling = world.tenants.values().filter(|tenant| tenant.phase() == TenantPhase::Cancelling);
    let supreme = cancelling.filter_map(|tenant| world.members.get(tenant.supreme_admin.as_ref()?));
    let around: Vec<Key> = tenants.chain(supreme.map(|member| member.key())).collect();
    world.frozen = declarations::frozen(tx, &around).await?;
    for visit in visits.iter().filter(|visit| may_be_frozen(visit.key.kind)) {
        let reason = match &visit.declared {
            Declared::Present(manifest) => manifest.annotations.get(FROZEN_ANNOTATION).cloned(),
            Declared::Removed => stored.get(&visit.key).and_then(|stored| stored.annotations_by_name().remove(FROZEN_ANNOTATION)),
            Declared::Nothing => None,
        };
        match reason {
            Some(reason) => drop(world.frozen.insert(visit.key.clone(), reason)),
            None => drop(world.frozen.remove(&visit.key)),
        }
    }
    Ok(())
}
