//! A disk that is full: one clear message, the directory whole, and everything done once there is room. On a small
//! file system of its own, in a mount namespace that ends with the test. Run by `make test`.

#[path = "../benches/roster.rs"]
mod roster;

use std::process::Command;

/// Too large for the small disk, and no trouble for the large one.
const MEMBERS: usize = 2_000;

#[test]
fn a_full_disk_is_told_and_the_directory_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    roster::write(&folder.path().join("roster"), MEMBERS).unwrap();
    let script = r#"
        mount -t tmpfs -o size=4m tmpfs "$DISK" || exit 99
        apply() { "$ROLLCALL" apply --yes -f "$FOLDER/roster" --directory "sqlite:$DISK/rollcall.db"; }
        count() { "$ROLLCALL" get members -A -o name --directory "sqlite:$DISK/rollcall.db" | wc -l; }
        apply >/dev/null; echo "full: $?, $(count) members"
        mount -o remount,size=256m "$DISK"
        apply >/dev/null; echo "room: $?, $(count) members"
    "#;
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "bash", "-c", script])
        .env("ROLLCALL", env!("CARGO_BIN_EXE_rollcall"))
        .env("FOLDER", folder.path())
        .env("DISK", &disk)
        .output()
        .expect("unshare is there");
    let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_ne!(output.status.code(), Some(99), "a small file system can't be mounted here: {complained}");
    let lines: Vec<&str> = told.lines().collect();
    let [full, room] = lines.as_slice() else { panic!("{told}{complained}") };
    let members = full.strip_prefix("full: 2, ").and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    assert!(members.is_some_and(|members| members < MEMBERS), "{told}{complained}");
    assert!(complained.contains("full"), "{complained}");
    assert_eq!(*room, format!("room: 0, {MEMBERS} members"), "{complained}");
}
