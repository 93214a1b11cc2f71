//! What passwords cost: a verification against the bare hash of the same cost on a thread of its own, and generating for
//! 1,000 members against the bare hash on all cores. Each figure is the median of ratios of two times, one measured right
//! after the other, against the limit that is named beside it.
//! The exit code is 1 where a limit is not kept. `make bench` runs it.

mod pairs;
#[allow(dead_code, reason = "its files are written here in another way")]
mod roster;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use jiff::Timestamp;
use rollcall::api::Confidential;
use rollcall::credentials::{Answer, Cost, Hasher, Worker, may_sign_in};
use rollcall::directory::passwords::Which;
use rollcall::directory::{Absent, Address, Directory, leadership};
use rollcall::manifests::{self, secrets};
use rollcall::reconcile::Engine;

use pairs::Pairs;

/// A verification is to take no more than so many times as long as the hash alone.
const VERIFICATION: f64 = 1.05;
/// Generating is to reach this share of the bare rate.
const RATE: f64 = 0.9;
/// How many members get a password, unless an argument says otherwise.
const MEMBERS: usize = 1_000;
/// How many of them at a time.
const TURN: usize = 100;
/// How often one is verified.
const SIGN_INS: usize = 200;

#[tokio::main]
async fn main() -> ExitCode {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(MEMBERS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = folder.path().join("roster.yaml");
    let members = (0..count).map(|number| {
        let text = roster::member(number, count);
        text.replace("  personalEmail:", "  password: {mode: Generate}\n  personalEmail:")
    });
    let documents: Vec<String> = std::iter::once(roster::tenant(count)).chain(members).collect();
    std::fs::write(&files, documents.join("---\n")).expect("the roster is written");
    let address = Address::Sqlite(folder.path().join("rollcall.db"));
    let directory = Directory::open(address, Absent::Create).await.expect("the directory opens");
    let leader = leadership::take(&directory).await.expect("the directory is led");
    directory.migrate().await.expect("the schema is made");
    let now = Timestamp::now();
    let mut engine = Engine::new(directory.clone(), leader).await.expect("an engine");
    let hasher = Hasher::new(Cost::default());
    let out = folder.path().join("secrets");
    let secrets = secrets::Files { set: Arc::default(), out: Some(out.clone()), rehearsal: None };
    let worker = Worker::new(directory.clone(), hasher.clone(), secrets).await.expect("a worker");
    let (mut generating, mut total) = (Pairs::default(), 0);
    let found = manifests::read(&[files], "hr");
    for turn in found.submissions.chunks(TURN) {
        engine.apply(turn.to_vec(), now, &mut |_| ()).await.expect("the roster is applied");
        let started = Instant::now();
        let told = worker.carry_out(Which::All, now).await.expect("passwords are made");
        let generated = started.elapsed();
        let made = told.iter().filter(|told| told.trouble.is_none()).count();
        generating.0.push((generated, all_cores(made, hasher.at_once())));
        total += made;
    }
    assert_eq!(total, count);
    engine.advance(now).await.expect("it is folded in");

    let manifest = std::fs::read_to_string(out.join("hr.m000001-initial-password.yaml")).expect("a Secret was written");
    let password = manifest.lines().find_map(|line| line.trim().strip_prefix("password: ")).expect("with a password");
    let password = Confidential::new(password.trim_matches(['\'', '"']));
    let argon2 = Argon2::default();
    let hash: PasswordHash = argon2.hash_password_with_salt(password.expose(), b"0123456789abcdef").expect("a hash");
    let mut verifying = Pairs::default();
    for _ in 0..SIGN_INS {
        // The bare hash where every server computes it: on a thread on which nobody waits.
        let (argon2, hash, tried) = (argon2.clone(), hash.clone(), password.clone());
        let started = Instant::now();
        let bare = tokio::task::spawn_blocking(move || argon2.verify_password(tried.expose(), &hash).is_ok());
        assert!(bare.await.expect("it is computed"), "it is right");
        let alone = started.elapsed();
        let started = Instant::now();
        let told = may_sign_in(&directory, &hasher, "big.example", "user.000001", &password, now).await;
        verifying.0.push((started.elapsed(), alone));
        assert_eq!(told.expect("it is verified").answer, Answer::MustChange);
    }
    let (cost, rate) = (verifying.ratio(), 1.0 / generating.ratio());
    let told = |pairs: &Pairs| {
        let (ours, bare) = pairs.seconds();
        format!("{ours:.4} s, the hash alone {bare:.4} s (medians of {})", pairs.0.len())
    };
    println!("verification {}, ratio {cost:.3}", told(&verifying));
    println!("generating for {count} members, {TURN} at a time {}, rate {rate:.3}", told(&generating));
    println!("limits: verification at most {VERIFICATION}, rate at least {RATE}");
    if cost <= VERIFICATION && rate >= RATE { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// As many hashes, with nothing around them, on all cores.
fn all_cores(count: usize, cores: usize) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || {
                for number in (core..count).step_by(cores) {
                    let password = format!("Kx7Tm2Qw{number}");
                    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), b"0123456789abcdef");
                    let _: PasswordHash = hash.expect("a hash");
                }
            });
        }
    });
    started.elapsed()
}
