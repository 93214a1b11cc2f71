//! External contacts between companies in different namespaces: what changes on one side arrives on the other.

use crate::support::{becomes, company, member, started};

const CONTACT: &str = "---\napiVersion: rollcall.dev/v1alpha1\nkind: ExternalContact\nmetadata: {name: taro, namespace: hr}\nspec:\n  \
     tenantRef: {name: acme}\n  ownerRef: {name: jane}\n  lookup: {messageId: taro@far.example}\n";

/// A company that allows connections.
fn open(namespace: &str, member: &str) -> String {
    company(namespace, &[member]).replace("  products:", "  externalConnections: {allowed: true}\n  products:")
}

// X1, X2, X4
#[test]
fn a_nickname_follows_a_rename_in_the_other_company_within_a_second() {
    let (plane, directory, _operator) = started();
    plane.namespace("far");
    plane.apply(&(open("hr", "jane") + CONTACT));
    plane.wait_ready("hr", &["member/jane"]);
    becomes(10, "False TargetNotFound".to_owned(), || plane.ready("externalcontact", "hr", "taro"));
    plane.apply(&open("far", "taro"));
    plane.wait_ready("hr", &["externalcontact/taro"]);
    let status = |field: &str| plane.status("externalcontact", "hr", "taro", field);
    assert_eq!((status("phase"), status("nickname"), status("company")), ("Connected".into(), "taro Doe".into(), "Acme".into()));
    let table = plane.kubectl(&["get", "externalcontacts", "-n", "hr"]);
    for value in ["NAME", "COMPANY", "OWNER", "PHASE", "taro Doe", "Acme", "jane", "Connected", "InDirectory"] {
        assert!(table.contains(value), "{table}");
    }

    plane.apply(&member("far", "taro", "").replace("given: taro", "given: Tom"));
    becomes(5, "Tom Doe".to_owned(), || status("nickname"));
    let late = "SELECT CAST(max(CASE WHEN kind = 'ExternalContact' THEN at END) - max(CASE WHEN kind = 'Member' THEN at END) AS TEXT) \
                FROM audit WHERE action = 'update'";
    let late: i64 = directory.rows(late)[0].parse().unwrap();
    assert!((0..1_000_000).contains(&late), "{late} microseconds late");

    // Who leaves is gone for the other company, too; the trash keeps a contact that is deleted.
    let uid = status("uid");
    plane.kubectl(&["delete", "externalcontact", "taro", "-n", "hr"]);
    becomes(15, 1, || directory.count("contacts WHERE phase = 'Trashed'"));
    plane.apply(CONTACT);
    plane.wait_ready("hr", &["externalcontact/taro"]);
    assert_eq!(status("uid"), uid);
}

// X4
#[test]
fn a_contact_stays_while_a_room_is_shared_and_goes_by_itself_afterwards() {
    let (plane, directory, _operator) = started();
    plane.namespace("far");
    plane.apply(&(open("hr", "jane") + &open("far", "taro") + CONTACT));
    plane.wait_ready("hr", &["externalcontact/taro"]);
    directory.execute("INSERT INTO rooms (room, member) SELECT 'r1', uid FROM members WHERE name = 'taro' OR (name = 'boss' AND namespace = 'hr')");
    plane.kubectl(&["delete", "externalcontact", "taro", "-n", "hr"]);
    becomes(15, 1, || directory.count("declarations WHERE removal = 'InSharedRoom'"));
    assert_eq!(directory.count("contacts WHERE phase = 'Connected'"), 1);
    directory.execute("DELETE FROM rooms");
    becomes(2, 1, || directory.count("contacts WHERE phase = 'Trashed'"));
}
