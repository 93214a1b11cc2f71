//! Properties of the engine, on rosters, orders and instants made by chance: any order of arrival gives the
//! same directory, twice is once, a plan equals its apply, a kill at any commit loses nothing, every change
//! is in the trail; and whatever happens, the invariants hold. On SQLite in memory and on PostgreSQL. Run by `make test`.

mod intents;
mod invariants;
mod manifests;
mod rosters;
mod services;
mod walk;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rosters::{Roster, manifest_orders, rosters};
use world::{Database, World};

/// Cases on each database; PostgreSQL makes a database for each.
const CASES: [(Database, u32); 2] = [(Database::Memory, 64), (Database::Postgres, 10)];

/// Checks a property on both databases.
fn holds<S: Strategy>(strategy: impl Fn() -> S, property: impl AsyncFn(Database, S::Value)) {
    holds_in(CASES, strategy, property);
}

/// Checks a property in so many cases on each database.
fn holds_in<S: Strategy>(cases: [(Database, u32); 2], strategy: impl Fn() -> S, property: impl AsyncFn(Database, S::Value)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (database, cases) in cases {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
        TestRunner::new(config)
            .run(&strategy(), |value| {
                runtime.block_on(property(database, value));
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("on {database:?}: {failure}"));
    }
}

const AT: &str = "2027-01-10T00:00:00Z";
const LATER: &str = "2027-02-10T00:00:00Z";

// O4
#[test]
fn any_order_of_arrival_gives_the_same_directory() {
    holds(
        || {
            rosters().prop_flat_map(|roster| {
                let orders = manifest_orders(&roster);
                (Just(roster), orders)
            })
        },
        async |database, (roster, order)| {
            let at_once = World::new(database).await;
            at_once.apply(&roster.manifests(), AT).await;
            let one_by_one = World::new(database).await;
            for manifest in order {
                one_by_one.apply(&[manifest], AT).await;
            }
            assert_eq!(at_once.dump().await, one_by_one.dump().await);
            at_once.end().await;
            one_by_one.end().await;
        },
    );
}

// R5
#[test]
fn twice_is_once() {
    holds(rosters, async |database, roster: Roster| {
        let world = World::new(database).await;
        world.apply(&roster.manifests(), AT).await;
        let before = world.everything().await;
        let again = world.apply(&roster.manifests(), AT).await;
        assert_eq!(again.rows(), 0, "{:?}", again.changes);
        assert_eq!(world.everything().await, before);
        world.end().await;
    });
}

// R2
#[test]
fn a_plan_equals_the_apply_that_follows() {
    holds(
        || (rosters(), rosters()),
        async |database, (first, second): (Roster, Roster)| {
            let world = World::new(database).await;
            world.apply(&first.manifests(), AT).await;
            let before = world.everything().await;
            let planned = world.plan(&second.manifests(), LATER, true).await;
            assert_eq!(world.everything().await, before, "a plan writes nothing");
            let done = world.apply_and_prune(&second.manifests(), LATER).await;
            assert_eq!(world::told(&planned), world::told(&done));
            world.end().await;
        },
    );
}

// R2, R6: each change has its one row, also after a kill, and everything that follows from it happens.
#[test]
fn a_kill_at_any_commit_and_another_run_give_the_same_end() {
    holds(
        || (rosters(), rosters(), 0_usize..12),
        async |database, (first, second, commits): (Roster, Roster, usize)| {
            let whole = World::new(database).await;
            let killed = World::new(database).await;
            for world in [&whole, &killed] {
                world.apply(&first.manifests(), AT).await;
            }
            whole.apply_in_batches_of(2, &second.manifests(), AT, None).await;
            killed.apply_in_batches_of(2, &second.manifests(), AT, Some(commits)).await;
            let planned = killed.plan(&second.manifests(), AT, false).await;
            let done = killed.apply(&second.manifests(), AT).await;
            assert_eq!(world::told(&planned), world::told(&done));
            assert_eq!(whole.dump().await, killed.dump().await);
            assert_eq!(whole.trail().await, killed.trail().await, "no row is missing, none is double");
            whole.end().await;
            killed.end().await;
        },
    );
}

// R6
#[test]
fn every_change_is_in_the_trail() {
    holds(
        || (rosters(), rosters(), rosters()),
        async |database, rosters: (Roster, Roster, Roster)| {
            let world = World::new(database).await;
            world.apply(&rosters.0.manifests(), AT).await;
            world.advance(LATER).await;
            world.apply_and_prune(&rosters.1.manifests(), LATER).await;
            world.advance("2027-02-14T00:00:00Z").await;
            world.apply(&rosters.2.manifests(), "2027-02-15T00:00:00Z").await;
            world.advance("2029-01-01T00:00:00Z").await;
            world.assert_trail_tells_all().await;
            world.assert_invariants().await;
            world.end().await;
        },
    );
}

// A connection whose transaction was given up halfway serves the next one.
#[test]
fn a_transaction_that_is_given_up_at_any_instant_leaves_nothing_behind() {
    holds(
        || (rosters(), prop::collection::vec((any::<bool>(), 0_u64..600), 1..12)),
        async |database, (roster, given_up): (Roster, Vec<(bool, u64)>)| {
            let world = World::new(database).await;
            for (writes, micros) in given_up {
                world.give_up(writes, Duration::from_micros(micros)).await;
            }
            world.apply(&roster.manifests(), AT).await;
            assert_eq!(world.count("SELECT name FROM tenants").await, 1);
            world.end().await;
        },
    );
}

// T14: removals and what is irreversible wait; the manifest's return takes the tenant up again.
#[test]
fn while_a_tenant_has_no_manifest_nobody_is_removed_or_purged() {
    holds(rosters, async |database, roster: Roster| {
        let world = World::new(database).await;
        let manifests = roster.manifests();
        world.apply(&manifests, AT).await;
        let (tenant, boss): (Vec<_>, Vec<_>) = (vec![manifests[0].clone()], vec![manifests[1].clone()]);
        let deleted = "SELECT name FROM members WHERE name <> 'boss' AND phase = 'Deleted'";
        let before = world.count(deleted).await;
        world.remove("Tenant", "acme", AT).await;
        assert_eq!(world.remove_all_members_but_boss(AT).await, before);
        // One that is removed while the tenant has a manifest is deleted, and purged no earlier than that is so again.
        world.apply(&tenant, AT).await;
        let gone = world.count(deleted).await;
        world.remove("Tenant", "acme", AT).await;
        world.advance("2028-01-01T00:00:00Z").await;
        assert_eq!(world.count(deleted).await, gone);
        world.apply(&[tenant, boss].concat(), "2028-01-02T00:00:00Z").await;
        world.advance("2028-01-02T00:00:01Z").await;
        assert_eq!(world.count("SELECT name FROM members WHERE phase = 'Deleted'").await, 0);
        world.assert_invariants().await;
        world.end().await;
    });
}
