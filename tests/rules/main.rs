//! What the directory must do, rule by rule: black-box tests of the built `rollcall` on SQLite and PostgreSQL.
//! Never sleeps (time is an argument), never looks inside the library. Run by `make test`.

mod smoke;
mod support;
