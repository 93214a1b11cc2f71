//! What the directory must do, rule by rule: black-box tests of the built `rollcall` on SQLite and PostgreSQL.
//! Never sleeps (time is an argument), never looks inside the library. Run by `make test`.

mod access;
mod activation;
mod assignments;
mod bad_input;
mod commands;
mod contacts;
mod contacts_end;
mod contacts_invited;
mod contacts_trash;
mod deletion;
mod departure;
mod examples;
mod hard_days;
mod identity;
mod leave;
mod life;
mod organizations;
mod profile;
mod smoke;
mod support;
mod suspension;
mod tenants;
mod trail;
mod walk;
