//! `apply --watch` as it runs: it follows the files, and what falls due happens within a second of its
//! instant by the real clock. Waits for what the directory shows, never for a while. Run by `make test`.

#[path = "rules/support/mod.rs"]
mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use support::post::Post;
use support::{Roster, boss, member, on_both, set, tenant};

/// The most that anything here may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A watching process, ended by its own id whatever happens.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(roll: &Roster, args: &[&str]) -> Watching {
    let child = Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(["apply", "--watch", "--yes", "-n", "hr", "--directory", roll.url(), "-f"])
        .arg(roll.folder().join("roster"))
        .args(args)
        .env_remove("ROLLCALL_DIRECTORY")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Watching(child.unwrap())
}

/// Waits until a query has an answer.
fn until(roll: &Roster, sql: &str, wanted: &str) {
    let begun = Instant::now();
    loop {
        let there = !roll.url().starts_with("sqlite:") || roll.folder().join("rollcall.db").exists();
        let asked = std::panic::AssertUnwindSafe(|| roll.query(sql));
        let found = there.then(|| std::panic::catch_unwind(asked).ok()).flatten().flatten();
        if found.as_deref() == Some(wanted) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{sql}: {found:?}, not {wanted}");
        std::thread::yield_now();
    }
}

// R4, R5, I2
#[test]
fn what_falls_due_happens_within_a_second_and_files_are_followed() {
    on_both(|roll| {
        let folder = roll.folder().join("roster");
        std::fs::create_dir(&folder).unwrap();
        let begins = Timestamp::now() + 6.seconds();
        let jane = member("jane", "acme", &format!("  activation: {{at: \"{begins}\"}}"));
        std::fs::write(folder.join("a.yaml"), set(&[tenant("acme", ""), boss("acme"), jane])).unwrap();
        let watching = watch(roll, &[]);
        until(roll, "SELECT phase FROM members WHERE name = 'jane'", "Pending");
        // What the kernel says of a connection that is closed amid a write ends nothing.
        let id = watching.0.id().to_string();
        assert!(Command::new("kill").args(["-s", "PIPE", &id]).status().unwrap().success());
        let late = "SELECT CAST(at - due AS TEXT) FROM audit WHERE action = 'activate'";
        let late: i64 = roll.query(late).unwrap().parse().unwrap();
        assert!((0..1_000_000).contains(&late), "{late} microseconds late");

        std::fs::write(folder.join("b.yaml"), member("sam", "acme", "")).unwrap();
        until(roll, "SELECT phase FROM members WHERE name = 'sam'", "Pending");
        // Who leads folds a sign-in in, while the service that reports it leads nothing.
        roll.run(&["record", "sign-in", "sam", "-n", "hr"], "").ok();
        until(roll, "SELECT phase FROM members WHERE name = 'sam'", "Active");
        // Drift is set back at once.
        roll.sql("UPDATE members SET family_name = 'Drifted' WHERE name = 'sam'").unwrap();
        until(roll, "SELECT cause FROM audit WHERE cause = 'Drift'", "Drift");
        assert_eq!(roll.query("SELECT family_name FROM members WHERE name = 'sam'").as_deref(), Some("Doe"));
        drop(watching);
    });
}

// M34
#[test]
fn mails_leave_while_it_watches() {
    on_both(|roll| {
        let post = Post::start();
        let folder = roll.folder().join("roster");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("a.yaml"), set(&[tenant("acme", ""), boss("acme")])).unwrap();
        let url = post.url();
        let watching = watch(roll, &["--smtp", &url, "--mail-from", "hr@acme.example", "--link-base", "https://a.example"]);
        until(roll, "SELECT CAST(count(*) AS TEXT) FROM outbox WHERE acknowledged_at IS NOT NULL", "1");
        std::fs::write(folder.join("b.yaml"), member("sam", "acme", "  password: {mode: CreationLink}")).unwrap();
        // The record learns that its invitation was sent.
        until(roll, "SELECT CAST(count(*) AS TEXT) FROM audit WHERE cause = 'Service'", "1");
        assert_eq!(post.subjects("sam@home.example"), ["Invitation to Acme"]);
        assert_eq!(post.subjects("boss@home.example"), ["Your account at Acme"]);
        drop(watching);
    });
}

// M32, M3
#[test]
fn what_time_orders_is_done_without_any_change_of_the_files() {
    on_both(|roll| {
        let folder = roll.folder().join("roster");
        std::fs::create_dir(&folder).unwrap();
        let out = roll.folder().join("secrets");
        let company =
            [tenant("acme", "  deletionGrace: 4s"), boss("acme"), member("old", "acme", "").replace("id: old", "id: jane")];
        std::fs::write(folder.join("a.yaml"), set(&company)).unwrap();
        let watching = watch(roll, &["--prune", "--secrets-out", out.to_str().unwrap()]);
        until(roll, "SELECT phase FROM members WHERE name = 'old'", "Pending");
        // The ID is free once the grace period is over.
        let more = "  password: {mode: Generate}\n  photo: {file: jane.png}";
        std::fs::write(folder.join("jane.png"), "GIF89a").unwrap();
        std::fs::write(folder.join("a.yaml"), set(&[company[0].clone(), company[1].clone(), member("jane", "acme", more)]))
            .unwrap();
        until(roll, "SELECT phase FROM members WHERE name = 'jane'", "Pending");
        until(roll, "SELECT CAST(count(*) AS TEXT) FROM credentials", "1");
        until(roll, "SELECT problem FROM photos", "by its content neither PNG nor JPEG");
        assert!(out.join("hr.jane-initial-password.yaml").exists());
        drop(watching);
    });
}
