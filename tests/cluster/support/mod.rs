//! The harness of the cluster tests: a real control plane, the real kubectl and helm, and the operator as a
//! process with the token of the chart's ServiceAccount. Tests judge by kubectl, by the directory's trail and by
//! the API server's audit log, never by the operator's own word. Used by every module of `tests/cluster/`.

#![allow(dead_code, unused_imports, reason = "a harness offers more than each of its users uses")]

mod directory;
mod operator;
mod plane;
#[path = "../../rules/support/post.rs"]
pub mod post;

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use directory::Directory;
pub use operator::{Operator, program};
pub use plane::Plane;

/// The namespace of the operator itself.
pub const HOME: &str = "rollcall-system";

/// A control plane with the namespace `hr`, and the operator on an embedded directory.
pub fn started() -> (Plane, Directory, Operator) {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    let operator = Operator::start(&plane, &directory);
    plane.namespace("hr");
    (plane, directory, operator)
}

/// A control plane with the namespace `hr`, whose Secrets are open to the operator.
pub fn with_secrets() -> (Plane, Directory, Operator) {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    plane.namespace("hr");
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/rollcall");
    plane.helm(&["upgrade", "rollcall", chart, "-n", HOME, "--set", "secretNamespaces={hr}"]);
    let operator = Operator::spawn(&plane, &directory, &["--secrets-namespace", "hr"]);
    operator.wait_ready(30);
    (plane, directory, operator)
}

/// Waits until something holds; fails with what it said last after so many seconds.
#[track_caller]
pub fn within<T, E: Display>(seconds: u64, mut look: impl FnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if Instant::now() > end => panic!("not within {seconds} s: {why}"),
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

/// Waits until two values are equal.
#[track_caller]
pub fn becomes<T: PartialEq + std::fmt::Debug>(seconds: u64, wanted: T, mut look: impl FnMut() -> T) {
    within(seconds, || {
        let found = look();
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    });
}

/// A company: a tenant, a team, its supreme administrator and these members, in a namespace.
pub fn company(namespace: &str, members: &[&str]) -> String {
    let mut text = tenant(namespace);
    text += &organization(namespace, "platform");
    text += &member(namespace, "boss", "  personalEmail: boss@home.example");
    for name in members {
        text += &member(namespace, name, "");
    }
    text
}

pub fn tenant(namespace: &str) -> String {
    format!(
        "---\napiVersion: rollcall.dev/v1alpha1\nkind: Tenant\nmetadata: {{name: acme, namespace: {namespace}}}\nspec:\n  \
         displayName: Acme\n  domain: {namespace}.example\n  supremeAdminRef: {{name: boss}}\n  products: {{core: {{plan: Advanced}}}}\n"
    )
}

pub fn organization(namespace: &str, name: &str) -> String {
    format!(
        "---\napiVersion: rollcall.dev/v1alpha1\nkind: Organization\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         tenantRef: {{name: acme}}\n  displayName: {name}\n"
    )
}

/// A member of the team `platform`, with further lines of its spec.
pub fn member(namespace: &str, name: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("{more}\n") };
    format!(
        "---\napiVersion: rollcall.dev/v1alpha1\nkind: Member\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         tenantRef: {{name: acme}}\n  id: {name}\n  name: {{family: Doe, given: {name}}}\n  organizations: [{{organizationRef: {{name: platform}}}}]\n{more}"
    )
}
