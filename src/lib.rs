//! Rollcall keeps a company's staff roster as code: what people declare in YAML becomes accounts in a
//! directory, time does the rest, and losing YAML never loses a person.
//!
//! Data flows down this list and never back up; a module uses only modules below it, `lifecycle` only
//! `record` and `api` (a test holds that):
//!
//! - [`cli`]: one file a command; turns arguments into calls and outcomes into tables, JSON and exit codes
//! - [`operator`]: the Kubernetes shell: watchers, presence, the status writer, events
//! - [`service`]: the HTTP shell: probes and metrics
//! - [`mail`]: the mail shell: from the outbox to an SMTP server
//! - [`manifests`]: a roster from files: read, check, watch, with line and column
//! - [`credentials`]: passwords: hashing, the work that is ordered, verification
//! - [`reconcile`]: the engine: gather → decide → commit → report, in batches; planning, removals, the timer
//! - [`lifecycle`]: the decisions, pure
//! - [`directory`]: the database: connections, queries, the transaction, leadership, the trail
//! - [`record`]: what the directory keeps, as plain data
//! - [`api`]: what people declare and what they are told: the four kinds, their status and reasons

// Output is written where it may fail: see `say!` and `note!`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod api;
pub mod cli;
pub mod credentials;
pub mod directory;
pub mod lifecycle;
pub mod mail;
pub mod manifests;
pub mod operator;
pub mod reconcile;
pub mod record;
pub mod service;
