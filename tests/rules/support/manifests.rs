//! Manifests as YAML text, valid as they are, which a test extends by the one thing that it is about.
//! Never parses YAML: what a test writes reaches `rollcall` as it stands. Used by the tests.

/// A tenant with the domain `NAME.example`, core on `Advanced` and the supreme administrator `boss`.
///
/// `extra` is YAML under `spec`, indented by two spaces or more; a field that it gives takes the default's place.
#[track_caller]
pub fn tenant(name: &str, extra: &str) -> String {
    let defaults = [
        ("displayName", capitalised(name)),
        ("domain", format!("{name}.example")),
        ("products", "{core: {plan: Advanced}}".to_owned()),
        ("supremeAdminRef", "{name: boss}".to_owned()),
    ];
    manifest("Tenant", name, &defaults, extra)
}

/// The member `boss`, fit to be a tenant's supreme administrator.
#[track_caller]
pub fn boss(tenant: &str) -> String {
    member("boss", tenant, "")
}

/// An organization at the top of a tenant's tree. `extra` as in `tenant`.
#[track_caller]
pub fn organization(name: &str, tenant: &str, extra: &str) -> String {
    let defaults = [("tenantRef", format!("{{name: {tenant}}}")), ("displayName", capitalised(name))];
    manifest("Organization", name, &defaults, extra)
}

/// A member whose ID is its name: Jane Doe, `jane@home.example`, for `jane`. `extra` as in `tenant`.
#[track_caller]
pub fn member(name: &str, tenant: &str, extra: &str) -> String {
    let mut defaults = vec![
        ("tenantRef", format!("{{name: {tenant}}}")),
        ("id", name.to_owned()),
        ("name", format!("{{family: Doe, given: {}}}", capitalised(name))),
        ("personalEmail", format!("{name}@home.example")),
    ];
    // These two stand in the place of an ID (M30, M31), and there is no way to write that a field is not there.
    if keys(extra).any(|key| key == "temporaryId" || key == "concurrentOf") {
        defaults.retain(|(key, _)| *key != "id");
    }
    manifest("Member", name, &defaults, extra)
}

/// A manifest with an annotation of Rollcall's: `approve`, `frozen`.
#[track_caller]
pub fn annotated(manifest: &str, name: &str, value: &str) -> String {
    assert!(manifest.contains("metadata: {name: "), "one plain manifest is annotated:\n{manifest}");
    manifest.replacen("metadata: {name: ", &format!("metadata: {{annotations: {{rollcall.dev/{name}: \"{value}\"}}, name: "), 1)
}

/// Several manifests in one text.
pub fn set(documents: &[String]) -> String {
    documents.join("---\n")
}

#[track_caller]
fn manifest(kind: &str, name: &str, defaults: &[(&str, String)], extra: &str) -> String {
    if let Some(line) = extra.lines().find(|line| !line.trim().is_empty() && !line.starts_with("  ")) {
        panic!("`{line}` is not indented under spec (a backslash at the end of a line of Rust eats the next one's spaces)");
    }
    let mut text = format!("apiVersion: rollcall.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n");
    for (key, value) in defaults {
        if keys(extra).all(|given| given != *key) {
            text += &format!("  {key}: {value}\n");
        }
    }
    text += extra;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The fields directly under `spec`: what stands before the colon on lines indented by exactly two spaces.
fn keys(extra: &str) -> impl Iterator<Item = &str> {
    extra
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with([' ', '-', '#']))
        .filter_map(|line| line.split_once(':').map(|(key, _)| key.trim_matches('"')))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
