//! The Secret of an initial password: until when it is there, and under which name (M32), offline. Run by `make test`.

use std::fs;
use std::path::PathBuf;

use crate::life::{START, count};
use crate::passwords::{answer, change, secret};
use crate::support::{Report, Roster, boss, member, on_both, set, tenant};

const LATER: &str = "2027-03-02T09:00:00Z";
const AFTER: &str = "2027-03-03T09:00:00Z";

/// The company with a member of this name, whose password is generated.
fn with(name: &str) -> String {
    let jane = member(name, "acme", "  id: jane\n  externalKey: k1\n  password: {mode: Generate}");
    set(&[tenant("acme", ""), boss("acme"), jane])
}

fn apply(roll: &Roster, now: &str, yaml: &str) -> Report {
    roll.apply_with(now, yaml, &["--prune", "--secrets-out", "secrets"]).expect_code(0)
}

fn initial(roll: &Roster, name: &str) -> PathBuf {
    roll.folder().join(format!("secrets/hr.{name}-initial-password.yaml"))
}

/// The password in the Secret of a member.
fn password(roll: &Roster, name: &str) -> String {
    let text = fs::read_to_string(initial(roll, name)).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("password: ").map(str::to_owned));
    line.unwrap_or_else(|| panic!("no password in\n{text}")).trim_matches(['\'', '"']).to_owned()
}

// M32: whoever signed in without it needs it no more; it is still the password, and to be changed.
#[test]
fn the_secret_goes_with_the_first_sign_in() {
    on_both(|roll| {
        apply(roll, START, &with("jane"));
        let initial_password = password(roll, "jane");
        roll.sign_in(LATER, "jane").ok();
        apply(roll, AFTER, &with("jane"));
        assert!(!initial(roll, "jane").exists());
        assert_eq!((count(roll, "password_orders"), answer(roll, AFTER, "jane", &initial_password).as_str()), (0, "MustChange"));
    });
}

// M32, M11: a renamed manifest takes the Secret along; the password is the same.
#[test]
fn the_secret_follows_its_member_to_another_name() {
    on_both(|roll| {
        apply(roll, START, &with("june"));
        let initial_password = password(roll, "june");
        // Without a place for Secrets it waits, and nothing is lost.
        roll.apply_with(LATER, &with("jane"), &["--prune"]).expect_code(0);
        assert!(initial(roll, "june").exists());
        apply(roll, LATER, &with("jane"));
        assert_eq!((initial(roll, "june").exists(), password(roll, "jane")), (false, initial_password.clone()));
        assert_eq!(change(roll, AFTER, &initial_password, "Rz4-Pv9-Bn").0, "Changed");
        apply(roll, AFTER, &with("jane"));
        assert_eq!((initial(roll, "jane").exists(), count(roll, "password_orders")), (false, 0));
    });
}

// M32, M30, M40: the Secret says how to sign in, so it follows the message ID; the password is the same.
#[test]
fn the_secret_tells_the_message_id_of_today() {
    on_both(|roll| {
        let with = |id: &str, of: &str| {
            let umbra = tenant("umbra", "  corporateGroup: Blue\n  supremeAdminRef: {name: chief}");
            let jane = member("jane", of, &format!("  id: {id}\n  password: {{mode: Generate}}"));
            let chief = member("chief", "umbra", "");
            set(&[tenant("acme", "  corporateGroup: Blue"), boss("acme"), umbra, chief, jane])
        };
        let username = || {
            let text = fs::read_to_string(initial(roll, "jane")).unwrap();
            text.lines().find_map(|line| line.trim().strip_prefix("username: ").map(str::to_owned)).unwrap_or_default()
        };
        apply(roll, START, &with("jane", "acme"));
        let initial_password = password(roll, "jane");
        assert_eq!(username(), "jane@acme.example");
        apply(roll, LATER, &with("jane.doe", "acme"));
        assert_eq!((username().as_str(), password(roll, "jane")), ("jane.doe@acme.example", initial_password.clone()));
        apply(roll, AFTER, &with("jane.doe", "umbra"));
        assert_eq!((username().as_str(), password(roll, "jane")), ("jane.doe@umbra.example", initial_password.clone()));
        assert_eq!(answer(roll, AFTER, "jane", &initial_password), "MustChange");
    });
}

// M32, M24: who comes back before the first sign-in, and whose Secret is lost, gets another initial password.
#[test]
fn a_secret_that_is_lost_is_made_anew_when_the_member_comes_back() {
    on_both(|roll| {
        apply(roll, START, &with("jane"));
        let before = password(roll, "jane");
        let gone = set(&[tenant("acme", ""), boss("acme")]);
        apply(roll, LATER, &gone);
        apply(roll, LATER, &with("jane"));
        assert_eq!(password(roll, "jane"), before);
        apply(roll, LATER, &gone);
        fs::remove_file(initial(roll, "jane")).unwrap();
        apply(roll, AFTER, &with("jane"));
        let initial_password = password(roll, "jane");
        assert_eq!(answer(roll, AFTER, "jane", &before), "Refused");
        assert_eq!(answer(roll, AFTER, "jane", &initial_password), "MustChange");
    });
}

// M25, M32: nothing is left of who never signed in; the Secret is found by the uid alone.
#[test]
fn the_secret_goes_with_the_purge() {
    on_both(|roll| {
        apply(roll, START, &with("jane"));
        apply(roll, LATER, &set(&[tenant("acme", ""), boss("acme")]));
        roll.tick("2027-03-20T09:00:00Z").expect_code(0);
        assert_eq!((count(roll, "members WHERE name = 'jane'"), count(roll, "password_orders")), (0, 1));
        roll.apply_with("2027-03-20T09:00:00Z", "", &["--secrets-out", "secrets"]).expect_code(0);
        assert_eq!((initial(roll, "jane").exists(), count(roll, "password_orders")), (false, 0));
    });
}

/// Jane under a name, with this password; and a Secret that holds one.
fn jane_with(name: &str, password: &str, content: &str) -> String {
    let jane = member(name, "acme", &format!("  id: jane\n  externalKey: k1\n  password: {{{password}}}"));
    set(&[tenant("acme", ""), boss("acme"), jane, secret(content)])
}

const REFERENCE: &str = "mode: FromSecret, secretKeyRef: {name: jane-password, key: password}";

// M32, M33: a password from elsewhere voids the initial one, and its Secret goes.
#[test]
fn the_secret_goes_when_another_password_is_taken() {
    on_both(|roll| {
        apply(roll, START, &with("jane"));
        let reset = |token: &str| format!("{REFERENCE}, resetToken: {token}");
        apply(roll, LATER, &jane_with("jane", &reset("one"), "Kx7Tm2Qw"));
        assert_eq!((initial(roll, "jane").exists(), answer(roll, LATER, "jane", "Kx7Tm2Qw").as_str()), (false, "MustChange"));
        apply(roll, LATER, &jane_with("jane", &reset("two"), "Kx7Tm2Qw"));
        let void = password(roll, "jane");
        apply(roll, AFTER, &jane_with("jane", &reset("two"), "Wd5Gh8Yj"));
        assert_eq!(answer(roll, AFTER, "jane", &void), "Refused");
        assert_eq!((initial(roll, "jane").exists(), count(roll, "password_orders")), (false, 0));
    });
}

// M32, M33, M11: a reset of who has another name leaves no Secret under the one before.
#[test]
fn the_secret_of_a_renamed_manifest_with_a_token_is_the_only_one() {
    on_both(|roll| {
        apply(roll, START, &with("june"));
        let void = password(roll, "june");
        apply(roll, LATER, &jane_with("jane", "mode: Generate, resetToken: one", "Kx7Tm2Qw"));
        assert_eq!((initial(roll, "june").exists(), count(roll, "password_orders")), (false, 0));
        assert_eq!(answer(roll, LATER, "jane", &void), "Refused");
        assert_eq!(answer(roll, LATER, "jane", &password(roll, "jane")), "MustChange");
    });
}

// M25, M32: what a purge leaves goes in the run that carries it out.
#[test]
fn the_secret_goes_with_the_purge_of_its_member() {
    on_both(|roll| {
        apply(roll, START, &with("jane"));
        let company = set(&[tenant("acme", ""), boss("acme")]);
        apply(roll, LATER, &company);
        assert!(initial(roll, "jane").exists());
        let purged = apply(roll, "2027-03-20T09:00:00Z", &company);
        assert_eq!(purged.actions("Member", "jane"), ["purge"]);
        assert!(!initial(roll, "jane").exists());
        assert_eq!(count(roll, "password_orders"), 0);
    });
}

// M32, M11, R2: names that go down a chain take their Secrets along in one run, whatever the order; the place that falls
// free is there for a newcomer. A plan tells of nothing in the way, either.
#[test]
fn secrets_follow_along_a_chain_of_names() {
    on_both(|roll| {
        let with = |first: u32| {
            let named = |key: u32| {
                let spec = format!("  id: p{key}\n  externalKey: k{key}\n  password: {{mode: Generate}}");
                member(&format!("m{}", key + 1 - first), "acme", &spec)
            };
            let company = [tenant("acme", ""), boss("acme")];
            set(&company.into_iter().chain((first..=6).map(named)).collect::<Vec<_>>())
        };
        // Of k2 to k6, named m1 to m5, each goes one name on, and k1 comes as m1.
        apply(roll, START, &with(2));
        let before: Vec<String> = (1..=5).map(|name| password(roll, &format!("m{name}"))).collect();
        let planned = roll.plan(LATER, &with(1), &["--prune", "--secrets-out", "secrets"]).expect_code(1);
        assert!(planned.stderr.contains("1 password to be set"), "{}", planned.stderr);
        assert!(!planned.stderr.contains("SecretExists"), "{}", planned.stderr);
        let done = apply(roll, LATER, &with(1));
        assert_eq!(done.json["fingerprint"], planned.json["fingerprint"]);
        assert!(!done.stderr.contains("SecretExists"), "{}", done.stderr);
        let after: Vec<String> = (2..=6).map(|name| password(roll, &format!("m{name}"))).collect();
        assert_eq!((after, count(roll, "password_orders")), (before, 0));
        assert_eq!(answer(roll, LATER, "m1", &password(roll, "m1")), "MustChange");
    });
}
