//! Tables, JSON and YAML on standard output; complaints on standard error. Knows no command.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, Write};

use jiff::{Timestamp, Unit};
use serde::Serialize;
use tabwriter::TabWriter;

use super::{Failure, fields};
use crate::api::text::one_line;
use crate::api::time::rfc3339;
use crate::api::{Handle, Hold, Kind, Reason, Verdict};
use crate::credentials::Told;
use crate::directory::audit::Entry;
use crate::manifests::{self, Complaint, Roster};
use crate::reconcile::{Done, Outcome};

/// The most rows and complaints that are shown to people at once.
pub const MOST: usize = 60;

/// For people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// Prints aligned columns. What people wrote stays in its cell.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), Failure> {
    let mut writer = TabWriter::new(std::io::stdout().lock()).padding(3);
    writeln!(writer, "{}", header.join("\t"))?;
    for row in rows {
        let row: Vec<Cow<'_, str>> = row.iter().map(|cell| one_line(cell)).collect();
        writeln!(writer, "{}", row.join("\t").trim_end())?;
    }
    writer.flush()?;
    Ok(())
}

/// Prints JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// Prints YAML.
pub fn yaml(value: &impl Serialize) -> Result<(), Failure> {
    let text = manifests::yaml::write(value).map_err(std::io::Error::other)?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Whether colours are wanted on standard error.
pub fn colored() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// How many there are of something: `1 member`, `2 members`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Prints complaints, the first of them.
pub fn complaints<'c>(list: impl IntoIterator<Item = &'c Complaint>) {
    let mut more = 0;
    for (index, complaint) in list.into_iter().enumerate() {
        if index < MOST {
            note!("{}", complaint.render(colored()).trim_end_matches('\n'));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        note!("… and {more} more");
    }
}

/// Prints what the engine said of the objects that are not as declared, each at its place in the files.
pub fn refused(roster: &Roster, refused: &[Outcome]) {
    let mut list = Vec::new();
    for Outcome { key, verdict } in refused {
        if verdict.problems.is_empty() {
            list.push(roster.complaint(key, &one_line(&format!("{}: {}", verdict.message, verdict.reason.name()))));
        }
        list.extend(verdict.problems.iter().map(|problem| roster.complaint(key, &one_line(&problem.to_string()))));
    }
    complaints(&list);
}

/// Says what of a set is not done that is not whole.
pub fn left_out(roster: &Roster, prune: bool) {
    if roster.unread > 0 {
        if prune {
            note!("warning: nothing is removed, since a document could not be read (R9)");
        }
        note!("warning: purges and cancellations wait, since a document could not be read (R4)");
    } else if prune && roster.set().complete.is_empty() {
        note!("warning: nothing is removed, since no Tenant is in the set: only with it is what is declared of it complete (R9)");
    }
}

/// Prints what of the files was left alone.
pub fn skipped(roster: &Roster) {
    if roster.skipped > 0 {
        note!("{} of other kinds skipped", counted(roster.skipped, "document"));
    }
}

/// Prints what a cancellation erases, and how to keep a copy first (T12).
pub fn cancellations(done: &Done) {
    for entry in done.changes.iter().filter(|entry| entry.action == "cancel") {
        let Some(handle) = &entry.handle else { continue };
        let of_it = |kind: Kind| {
            let gone = |other: &&Entry| other.tenant.as_ref() == Some(&entry.uid) && other.kind == kind && other.due >= entry.due;
            let gone = done.changes.iter().filter(gone).filter(|other| matches!(other.action.as_str(), "purge" | "delete"));
            gone.map(|other| &other.uid).collect::<HashSet<_>>().len()
        };
        note!(
            "warning: cancelling the tenant {handle} erases everything of it for good: {}, {}, its contacts, charges and \
             requests. Keep a copy first: `rollcall get KIND -n {} -o yaml` (T12)",
            counted(of_it(Kind::Member), "member"),
            counted(of_it(Kind::Organization), "organization"),
            handle.namespace
        );
    }
}

/// Prints what is told beside `Ready`.
pub fn warnings(done: &Done) {
    let all = done.outcomes.values().flat_map(|outcome| outcome.verdict.warnings.iter().map(move |told| (&outcome.key, told)));
    let mut more = 0;
    for (index, (key, (reason, message))) in all.enumerate() {
        if index < MOST {
            note!("warning: {key}: {} ({})", one_line(message), reason.name());
        } else {
            more += 1;
        }
    }
    if more > 0 {
        note!("… and {more} more warnings");
    }
}

/// Prints what needs a person's word, and how it is given; what was refused with it is told there.
pub fn held(done: &Done) {
    let told = |key, hold: &Hold| done.outcomes.get(key).is_some_and(|outcome| outcome.verdict.reason == hold.reason);
    for (key, hold) in done.held().filter(|(key, hold)| !told(*key, hold)) {
        note!("held: {key}: {} ({})", one_line(&hold.message()), hold.reason.name());
    }
}

/// Prints what came to its end by the way: nobody is to learn that from the trail.
pub fn ended(done: &Done) {
    let ends = done.changes.iter().filter(|entry| ["cancel", "delete", "purge"].contains(&entry.action.as_str()));
    for entry in ends.take(MOST) {
        note!("with it: {} {} {}, due {}", entry.action, entry.kind, name(entry), rfc3339(entry.due));
    }
}

/// Prints what became of passwords: why some were not set, how many were or, of a plan, are to be `set`, and how many wait.
pub fn passwords(told: &[Told], set: &str) {
    let mut troubles: BTreeMap<(&str, &str), Vec<&Handle>> = BTreeMap::new();
    for told in told {
        if let Some((reason, message)) = &told.trouble {
            troubles.entry((reason.name(), message)).or_default().push(&told.member);
        }
    }
    for ((reason, message), members) in troubles.iter().take(MOST) {
        let more = if members.len() > 1 { format!(" and {} more", members.len() - 1) } else { String::new() };
        note!("warning: Member {}{more}: no password is set: {message} ({reason})", members[0]);
    }
    let settled = told.iter().filter(|told| told.trouble.is_none()).count();
    match (told.iter().filter(|told| told.waits).count(), settled) {
        (0, 0) => {}
        (0, settled) => note!("{} {set}", counted(settled, "password")),
        (some, settled) => note!("{} {set}, {some} waiting", counted(settled, "password")),
    }
}

/// How long ago something was, as kubectl says it: `5d`, `3h`, `12m`, `30s`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now - then).total(Unit::Second).map_or(0, |seconds| seconds.max(0.0) as i64);
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// What an object of the trail goes by.
pub fn name(entry: &Entry) -> String {
    entry.handle.as_ref().map_or_else(|| entry.uid.to_string(), ToString::to_string)
}

/// Prints changes as a table: what is done, to what, and how. `dated` adds the instants of a forecast.
pub fn changes(done: &Done, dated: bool) -> Result<(), Failure> {
    let mut header = vec!["ACTION", "KIND", "NAME", "CHANGES"];
    if dated {
        header.insert(0, "AT");
    }
    let row = |entry: &Entry| {
        let mut row = vec![entry.action.clone(), entry.kind.name().to_owned(), name(entry), fields::told(entry)];
        if dated {
            row.insert(0, rfc3339(entry.due));
        }
        row
    };
    if done.changes.is_empty() {
        return Ok(());
    }
    table(&header, done.changes.iter().take(MOST).map(row))?;
    if done.rows() > MOST {
        say!("… and {} more; `rollcall history` has them all", done.rows() - MOST)?;
    }
    Ok(())
}

/// What was done, in a line: `3 create, 1 update; 2 refused or waiting; 40 unchanged`.
pub fn summary(done: &Done, refused: usize, roster: &Roster) -> String {
    let mut parts: Vec<String> = done.counts.iter().map(|(action, count)| format!("{count} {action}")).collect();
    if parts.is_empty() {
        parts.push("no changes".to_owned());
    }
    let mut text = parts.join(", ");
    if refused > 0 {
        text.push_str(&format!("; {refused} refused or waiting"));
    }
    if !done.unchanged.is_empty() {
        text.push_str(&format!("; {} unchanged", done.unchanged.len()));
    }
    if roster.unread > 0 {
        text.push_str(&format!("; {} could not be read", counted(roster.unread, "document")));
    }
    text
}

/// Everything that is not as declared: what the engine refused, and what could not be handed to it.
pub fn all_refused(roster: &Roster, done: &Done) -> Vec<Outcome> {
    let mut list: Vec<Outcome> = done.refused().cloned().collect();
    let unread = roster.complaints.iter().filter_map(|complaint| {
        let key = complaint.key.clone()?;
        let position = complaint.position().map(|position| format!("{position}: ")).unwrap_or_default();
        let verdict = Verdict::new(Reason::Invalid, format!("{position}{}", complaint.message));
        Some(Outcome { key, verdict })
    });
    list.extend(unread);
    list
}
