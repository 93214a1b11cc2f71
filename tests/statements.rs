//! Every SQL constant is understood by both databases: each is prepared, none is carried out.

use rollcall::directory::{
    self, Absent, Address, Directory, accounts, audit, charges, contacts, copy, declarations, facts, figures, holds, leadership,
    links, outbox, passwords, pending, people, photos, registrations, unattended, unfinished,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

fn shared() -> Vec<&'static str> {
    [
        directory::STATEMENTS,
        unattended::STATEMENTS,
        unfinished::STATEMENTS,
        declarations::STATEMENTS,
        pending::STATEMENTS,
        audit::STATEMENTS,
        facts::STATEMENTS,
        passwords::STATEMENTS,
        accounts::STATEMENTS,
        photos::STATEMENTS,
        people::STATEMENTS,
        contacts::STATEMENTS,
        figures::STATEMENTS,
        holds::STATEMENTS,
        links::STATEMENTS,
        outbox::STATEMENTS,
        charges::STATEMENTS,
        registrations::STATEMENTS,
    ]
    .concat()
}

async fn make(address: Address) {
    let directory = Directory::open(address, Absent::Create).await.unwrap();
    let leader = leadership::take(&directory).await.unwrap();
    directory.migrate().await.unwrap();
    leader.release().await.unwrap();
    directory.close().await;
}

#[tokio::test]
async fn every_statement_is_understood_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollcall.db");
    make(Address::Sqlite(path.clone())).await;
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    for sql in shared() {
        let prepared = connection.prepare(AssertSqlSafe(sql).into_sql_str()).await;
        assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn every_statement_is_understood_by_postgres() {
    let server = std::env::var("ROLLCALL_TEST_POSTGRES").expect("run `make test`: it starts PostgreSQL");
    let name = format!("rollcall_statements_{}", uuid::Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    make(format!("{server}/{name}").parse().unwrap()).await;
    let mut connection = PgConnection::connect(&format!("{server}/{name}")).await.unwrap();
    for sql in shared().iter().chain(leadership::POSTGRES_STATEMENTS).chain(copy::POSTGRES_STATEMENTS) {
        let prepared = connection.prepare(AssertSqlSafe(*sql).into_sql_str()).await;
        assert!(prepared.is_ok(), "{sql}: {:?}", prepared.err());
    }
    connection.close().await.unwrap();
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
}
