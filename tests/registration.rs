//! The seam through which a service registers a member (M32): a link is checked and used up in the transaction that
//! sets the password, once. Through the library, on both databases.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use rollcall::api::{Handle, Kind};
use rollcall::directory::links::{self, Useless};
use rollcall::directory::records::{By, handle_keys, load};
use rollcall::directory::{Absent, Directory, Error};
use rollcall::record::Uid;
use rollcall::record::mail::Purpose;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const ROSTER: &str = "
apiVersion: rollcall.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {displayName: Acme, domain: acme.example, products: {core: {plan: Advanced}}, supremeAdminRef: {name: jane}}
---
apiVersion: rollcall.dev/v1alpha1
kind: Member
metadata: {name: jane}
spec:
  tenantRef: {name: acme}
  id: jane
  name: {family: Doe, given: Jane}
  personalEmail: jane@home.example
  password: {mode: CreationLink}
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn apply(url: &str, now: &str, yaml: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    command.args(["apply", "-f", "-", "--yes", "--now", now, "--directory", url]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(yaml.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

async fn jane(directory: &Directory) -> rollcall::record::Record {
    let handle = Handle::new("default", "jane");
    let mut tx = directory.read().await.unwrap();
    load(&mut tx, Kind::Member, By::Handle, handle_keys([&handle])).await.unwrap().pop().unwrap()
}

async fn link(directory: &Directory, token: &str, member: &Uid, now: Timestamp) {
    let mut tx = directory.write().await.unwrap();
    links::make(&mut tx, token, member, Purpose::Registration, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn scenario(url: &str) {
    apply(url, "2027-03-01T09:00:00Z", ROSTER);
    let directory = Directory::open(url.parse().unwrap(), Absent::Refuse).await.unwrap();
    let uid = jane(&directory).await.uid().clone();
    link(&directory, "first", &uid, at("2027-03-01T09:00:00Z")).await;
    link(&directory, "second", &uid, at("2027-03-02T09:00:00Z")).await;
    let look = async |token: &str, now: &str| {
        let mut tx = directory.read().await.unwrap();
        links::look(&mut tx, token, Purpose::Registration, at(now)).await.unwrap()
    };
    assert_eq!(look("second", "2027-03-02T10:00:00Z").await, Ok(uid.clone()), "looking does not use it up");
    let register =
        async |token: &str, now: &str| links::registered(&directory, token, at(now), async |_, _| Ok(())).await.unwrap();
    assert_eq!(register("none", "2027-03-02T10:00:00Z").await, Err(Useless::Unknown));
    assert_eq!(register("first", "2027-03-02T10:00:00Z").await, Err(Useless::Ended));
    assert_eq!(register("second", "2027-04-01T09:00:00Z").await, Err(Useless::Expired));
    // What sets the password fails: nothing happened.
    let failing = async |_: &mut _, _: &Uid| Err(Error::Corrupt("no".into()));
    assert!(links::registered(&directory, "second", at("2027-03-02T10:00:00Z"), failing).await.is_err());
    assert_eq!(register("second", "2027-03-02T11:00:00Z").await, Ok(uid.clone()));
    assert_eq!(register("second", "2027-03-02T12:00:00Z").await, Err(Useless::Used));
    // One who may not sign in can't register either.
    link(&directory, "third", &uid, at("2027-03-02T13:00:00Z")).await;
    let mut tx = directory.write().await.unwrap();
    tx.execute("UPDATE members SET suspended_at = 1, revision = revision + 1", vec![]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(register("third", "2027-03-02T14:00:00Z").await, Err(Useless::NoAccess));
    // The record learns of it when the leader looks.
    apply(url, "2027-03-03T09:00:00Z", "");
    let rollcall::record::Record::Member(member) = jane(&directory).await else { panic!("a member") };
    assert_eq!(member.lived.welcome.registered_at, Some(at("2027-03-02T11:00:00Z")));
    directory.close().await;
}

// M32
#[tokio::test]
async fn a_link_registers_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&format!("sqlite:{}", folder.path().join("rollcall.db").display())).await;
}

// M32
#[tokio::test]
async fn a_link_registers_once_on_postgres() {
    let server = std::env::var("ROLLCALL_TEST_POSTGRES").expect("run `make test`: it starts PostgreSQL");
    let name = format!("rollcall_registration_{}", uuid::Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    scenario(&format!("{server}/{name}")).await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
}
