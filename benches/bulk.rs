//! The bare bulk insert that applies are measured against: the same rows into the same tables, and nothing else.
//! Used by benchmarks only.

use rollcall::directory::sql::{Cell, Table};
use rollcall::directory::{Absent, Directory, copy};

/// Rows, by their tables.
pub type Rows = Vec<(&'static Table, Vec<Vec<Cell>>)>;

/// Every row that an apply writes.
pub async fn rows(directory: &Directory) -> Rows {
    let mut tx = directory.read().await.expect("a transaction");
    let mut rows = Vec::new();
    for table in copy::RECORDED.iter().chain(copy::TRAIL) {
        rows.push((*table, copy::rows(&mut tx, table).await.expect("the rows are read")));
    }
    rows
}

/// A directory with its tables and no rows, where there is none yet.
pub async fn empty(url: &str) -> Directory {
    let directory = Directory::open(url.parse().expect("an address"), Absent::Create).await.expect("a directory");
    directory.migrate().await.expect("a schema");
    directory
}

/// Inserts rows in one transaction.
pub async fn insert(directory: &Directory, rows: Rows) {
    let mut tx = directory.write().await.expect("a transaction");
    for (table, rows) in rows {
        tx.insert(table, rows).await.expect("the rows are inserted");
    }
    tx.commit().await.expect("they stay");
}
