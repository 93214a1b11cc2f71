//! What the directory must do, rule by rule: black-box tests of the built `rollcall` on SQLite and PostgreSQL.
//! Never sleeps (time is an argument), never looks inside the library. Run by `make test`.

mod access;
mod activation;
mod addresses;
mod assignments;
mod bad_input;
mod branches;
mod budget;
mod commands;
mod crossings;
mod deletion;
mod departure;
mod examples;
mod files;
mod hard_days;
mod identity;
mod kept;
mod leave;
mod life;
mod limits;
mod mail;
mod namespaces;
mod organizations;
mod passwords;
mod profile;
mod smoke;
mod sources;
mod support;
mod suspension;
mod tenants;
mod trail;
mod transfers;
mod walk;
mod wording;
