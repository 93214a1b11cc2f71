//! One way to talk to both databases: values, rows, transactions and bulk statements. One SQL text with `$1`
//! serves SQLite and PostgreSQL. Knows no table's meaning. Used by the rest of the directory only.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Decode, Postgres, Row as _, Sqlite, Transaction, Type};

use super::Error;
use crate::api::Kind;

/// A value on its way into the database. Each carries its type, so that an absent one does too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    /// Shared: documents are large, and go to several tables.
    Json(Option<Arc<Value>>),
    Bytes(Vec<u8>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(Some(text.to_owned()))
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(Some(text))
    }
}
impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Cell::Text(text)
    }
}
impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Int(Some(number))
    }
}
impl From<bool> for Cell {
    fn from(truth: bool) -> Self {
        Cell::Bool(truth)
    }
}
impl From<Timestamp> for Cell {
    fn from(at: Timestamp) -> Self {
        Cell::Int(Some(at.as_microsecond()))
    }
}
impl From<Option<Timestamp>> for Cell {
    fn from(at: Option<Timestamp>) -> Self {
        Cell::Int(at.map(Timestamp::as_microsecond))
    }
}
impl From<Value> for Cell {
    fn from(json: Value) -> Self {
        Cell::Json(Some(Arc::new(json)))
    }
}
impl From<&Arc<Value>> for Cell {
    fn from(json: &Arc<Value>) -> Self {
        Cell::Json(Some(json.clone()))
    }
}

/// A row out of either database.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read out of both.
pub trait Column: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}
impl<T> Column for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row {
    /// The value of a column, by its place.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        match self {
            Row::Sqlite(row) => row.try_get(index),
            Row::Postgres(row) => row.try_get(index),
        }
        .map_err(|error| match error {
            sqlx::Error::ColumnDecode { source, .. } => {
                let column = self.column(index);
                Error::Corrupt(format!("the column `{column}` can't be read: {source}; repair it by SQL, or from a backup"))
            }
            error => error.into(),
        })
    }

    /// The name of a column, by its place.
    fn column(&self, index: usize) -> &str {
        match self {
            Row::Sqlite(row) => sqlx::Column::name(row.column(index)),
            Row::Postgres(row) => sqlx::Column::name(row.column(index)),
        }
    }

    /// A text.
    pub fn text(&self, index: usize) -> Result<String, Error> {
        self.get(index)
    }

    /// An instant.
    pub fn instant(&self, index: usize) -> Result<Timestamp, Error> {
        timestamp(self.get(index)?)
    }

    /// An instant, if there is one.
    pub fn maybe_instant(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        self.get::<Option<i64>>(index)?.map(timestamp).transpose()
    }

    /// A JSON value.
    pub fn json(&self, index: usize) -> Result<Value, Error> {
        Ok(self.get::<Json<Value>>(index)?.0)
    }

    /// A JSON value, if there is one.
    pub fn maybe_json(&self, index: usize) -> Result<Option<Value>, Error> {
        Ok(self.get::<Option<Json<Value>>>(index)?.map(|json| json.0))
    }
}

fn timestamp(micros: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(micros).map_err(|error| Error::Corrupt(format!("{micros} is no instant: {error}")))
}

macro_rules! bound {
    ($db:ty, $sql:expr, $cells:expr) => {{
        let mut query = sqlx::query::<$db>(AssertSqlSafe($sql));
        for cell in $cells {
            query = match cell {
                Cell::Text(text) => query.bind(text),
                Cell::Int(number) => query.bind(number),
                Cell::Bool(truth) => query.bind(truth),
                Cell::Json(json) => query.bind(json.map(Json)),
                Cell::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

/// The connections to a directory.
#[derive(Clone, Debug)]
pub enum Pool {
    /// One connection that writes, some that only read.
    Sqlite {
        writer: SqlitePool,
        reader: SqlitePool,
    },
    Postgres(PgPool),
}

impl Pool {
    /// A transaction that reads one consistent state.
    pub async fn read(&self) -> Result<Tx, Error> {
        let pool = self.clone();
        whole(async move {
            Ok(match &pool {
                Pool::Sqlite { reader, .. } => Tx::Sqlite(reader.begin().await?),
                Pool::Postgres(pool) => Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?),
            })
        })
        .await
    }

    /// A transaction that writes.
    pub async fn write(&self) -> Result<Tx, Error> {
        let pool = self.clone();
        whole(async move {
            Ok(match &pool {
                Pool::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
                Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
            })
        })
        .await
    }

    /// Every row of one query that stands by itself: it sees one consistent state without a transaction, which would
    /// ask the database twice more.
    pub async fn look(&self, sql: &'static str, cells: Vec<Cell>) -> Result<Vec<Row>, Error> {
        Ok(match self {
            Pool::Sqlite { reader, .. } => {
                bound!(Sqlite, sql, cells).fetch_all(reader).await?.into_iter().map(Row::Sqlite).collect()
            }
            Pool::Postgres(pool) => bound!(Postgres, sql, cells).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect(),
        })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Pool::Sqlite { writer, reader } => {
                reader.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins or ends a transaction, whoever still waits for it. Given up halfway, the driver for PostgreSQL would put the
/// connection back as if it were in no transaction, or still in one: the next one on it would go on in that transaction,
/// with all its locks, or begin with a rollback of nothing, of which the database warns.
async fn whole<T: Send + 'static>(step: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static) -> Result<T, Error> {
    match tokio::spawn(step).await {
        Ok(done) => Ok(done?),
        // The runtime ends.
        Err(_) => Err(sqlx::Error::PoolClosed.into()),
    }
}

/// A transaction on either database. Dropped, it is rolled back.
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Every row of a query.
    pub async fn fetch(&mut self, sql: impl Into<String>, cells: Vec<Cell>) -> Result<Vec<Row>, Error> {
        let sql = sql.into();
        Ok(match self {
            Tx::Sqlite(tx) => bound!(Sqlite, sql, cells).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect(),
            Tx::Postgres(tx) => bound!(Postgres, sql, cells).fetch_all(&mut **tx).await?.into_iter().map(Row::Postgres).collect(),
        })
    }

    /// The first row of a query, if there is one.
    pub async fn fetch_one(&mut self, sql: impl Into<String>, cells: Vec<Cell>) -> Result<Option<Row>, Error> {
        Ok(self.fetch(sql, cells).await?.into_iter().next())
    }

    /// Carries out a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: impl Into<String>, cells: Vec<Cell>) -> Result<u64, Error> {
        let sql = sql.into();
        Ok(match self {
            Tx::Sqlite(tx) => bound!(Sqlite, sql, cells).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx) => bound!(Postgres, sql, cells).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Makes what was done last.
    pub async fn commit(self) -> Result<(), Error> {
        whole(async move {
            match self {
                Tx::Sqlite(tx) => tx.commit().await,
                Tx::Postgres(tx) => tx.commit().await,
            }
        })
        .await
    }

    /// Adds rows to a table.
    pub async fn insert(&mut self, table: &Table, rows: Vec<Vec<Cell>>) -> Result<(), Error> {
        self.insert_in_chunks(table, rows, "").await
    }

    /// Adds rows to a table, or replaces those with the same key.
    pub async fn upsert(&mut self, table: &Table, rows: Vec<Vec<Cell>>) -> Result<(), Error> {
        let update: Vec<String> =
            table.columns.iter().filter(|column| !table.key.contains(column)).map(|c| format!("{c} = excluded.{c}")).collect();
        let conflict = format!(" ON CONFLICT ({}) DO UPDATE SET {}", table.key.join(", "), update.join(", "));
        self.insert_in_chunks(table, rows, &conflict).await
    }

    async fn insert_in_chunks(&mut self, table: &Table, rows: Vec<Vec<Cell>>, conflict: &str) -> Result<(), Error> {
        // Chunks of one size are prepared once and used again.
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<Vec<Cell>> = rows.by_ref().take(CHUNK).collect();
            let values = self.tuples(chunk.len(), table.columns.len());
            let sql = format!("INSERT INTO {} ({}) VALUES {values}{conflict}", table.name, table.columns.join(", "));
            self.execute(sql, chunk.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }

    /// Takes away the rows with these values in these columns.
    pub async fn delete(&mut self, table: &str, columns: &[&str], keys: Vec<Vec<Cell>>) -> Result<u64, Error> {
        let mut deleted = 0;
        for chunk in keys.chunks(LOOKUP) {
            let sql = format!("DELETE FROM {table} WHERE {}", self.matching(columns, chunk.len(), 0));
            deleted += self.execute(sql, chunk.iter().flatten().cloned().collect()).await?;
        }
        Ok(deleted)
    }

    /// Takes away the rows with these values in a column, and returns the values that were there.
    pub async fn take(&mut self, table: &str, column: &str, keys: Vec<Vec<Cell>>) -> Result<Vec<Row>, Error> {
        let mut taken = Vec::new();
        for chunk in keys.chunks(LOOKUP) {
            let sql = format!("DELETE FROM {table} WHERE {} RETURNING {column}", self.matching(&[column], chunk.len(), 0));
            taken.extend(self.fetch(sql, chunk.iter().flatten().cloned().collect()).await?);
        }
        Ok(taken)
    }

    /// Sets columns of the rows with these values in these columns, as far as a condition holds, which is SQL
    /// without parameters.
    pub async fn update(
        &mut self,
        table: &str,
        set: &[(&str, Cell)],
        columns: &[&str],
        keys: Vec<Vec<Cell>>,
        condition: &str,
    ) -> Result<u64, Error> {
        let mut names = String::new();
        for (index, (column, _)) in set.iter().enumerate() {
            names.push_str(if index == 0 { "" } else { ", " });
            names.push_str(column);
            names.push_str(" = ");
            self.push_parameter(&mut names, index + 1);
        }
        let mut updated = 0;
        for chunk in keys.chunks(LOOKUP) {
            let matching = self.matching(columns, chunk.len(), set.len());
            let sql = format!("UPDATE {table} SET {names} WHERE {matching} AND {condition}");
            let cells = set.iter().map(|(_, value)| value).chain(chunk.iter().flatten()).cloned().collect();
            updated += self.execute(sql, cells).await?;
        }
        Ok(updated)
    }

    /// Keeps a row as it is until the transaction ends; whether it is there. SQLite has one writer at a time anyway.
    pub async fn keep_still(&mut self, table: &str, columns: &[&str], key: Vec<Cell>) -> Result<bool, Error> {
        let lock = match self {
            Tx::Sqlite(_) => "",
            Tx::Postgres(_) => " FOR SHARE",
        };
        let matching = self.matching(columns, 1, 0);
        Ok(self.fetch_one(format!("SELECT 1 FROM {table} WHERE {matching}{lock}"), key).await?.is_some())
    }

    /// These columns of the rows of a table that have one of these keys, each once. The keys are gone through one by one,
    /// so that each is a look into an index, however large the table is.
    pub async fn lookup(&mut self, select: &str, table: &str, columns: &[&str], keys: Vec<Vec<Cell>>) -> Result<Vec<Row>, Error> {
        let (mut rows, mut wanted) = (Vec::new(), HashSet::with_capacity(keys.len()));
        let keys: Vec<&Vec<Cell>> = keys.iter().filter(|key| wanted.insert(*key)).collect();
        for chunk in keys.chunks(LOOKUP) {
            let values = self.tuples(chunk.len(), columns.len());
            let matching: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(index, column)| format!("found.{column} = wanted.column{}", index + 1))
                .collect();
            let sql = format!(
                "SELECT {select} FROM (VALUES {values}) AS wanted CROSS JOIN {table} AS found WHERE {}",
                matching.join(" AND ")
            );
            rows.extend(self.fetch(sql, chunk.iter().copied().flatten().cloned().collect()).await?);
        }
        Ok(rows)
    }

    /// `($1, $2), ($3, $4), …`, for statements with no other parameters.
    pub fn tuples(&self, rows: usize, columns: usize) -> String {
        self.tuples_after(0, rows, columns)
    }

    /// The same, for statements with so many other parameters before them.
    fn tuples_after(&self, before: usize, rows: usize, columns: usize) -> String {
        let mut text = String::with_capacity(rows * columns * 6);
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..columns {
                if column > 0 {
                    text.push_str(", ");
                }
                self.push_parameter(&mut text, before + row * columns + column + 1);
            }
            text.push(')');
        }
        text
    }

    /// Adds the parameter in this place to a statement whose parameters stand in their order. On SQLite they go
    /// without numbers: it finds each numbered one by searching all of them.
    fn push_parameter(&self, text: &mut String, place: usize) {
        match self {
            Tx::Sqlite(_) => text.push('?'),
            Tx::Postgres(_) => drop(write!(text, "${place}")),
        }
    }

    /// That a row has one of these keys, after so many other parameters.
    fn matching(&self, columns: &[&str], rows: usize, before: usize) -> String {
        match columns {
            [column] => format!("{column} IN {}", self.tuples_after(before, 1, rows)),
            columns => format!("({}) IN (VALUES {})", columns.join(", "), self.tuples_after(before, rows, columns.len())),
        }
    }
}

/// Rows in one statement of a bulk write.
const CHUNK: usize = 50;
/// Keys in one statement of a look-up.
const LOOKUP: usize = 500;

/// A table as bulk statements see it.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    pub key: &'static [&'static str],
}

/// The table that holds the records of a kind.
pub fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::Tenant => "tenants",
        Kind::Organization => "organizations",
        Kind::Member => "members",
        Kind::ExternalContact => "contacts",
    }
}

/// One column of keys.
pub fn keys<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<Vec<Cell>> {
    values.into_iter().map(|value| vec![Cell::from(value.to_string())]).collect()
}
