//! `rollcall reference`: write the reference pages of the documentation from what the code says of itself.
//! Hidden, for those who change Rollcall. Needs neither a directory nor a cluster.

mod commands;
mod kinds;
mod markdown;
mod tables;

use std::path::PathBuf;

use clap::Args;

use super::{Failure, OK};
use crate::api::Kind;

/// Writes the reference pages of the documentation.
#[derive(Debug, Args)]
pub struct Reference {
    /// Write the pages into this folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// What stands above every page.
const MARK: &str = "<!-- Written by `make reference` from the code: change it there. -->";

impl Reference {
    pub fn run(self) -> Result<u8, Failure> {
        std::fs::create_dir_all(&self.out)?;
        for (name, text) in pages() {
            std::fs::write(self.out.join(name), format!("{MARK}\n\n{}\n", text.trim_end()))?;
        }
        Ok(OK)
    }
}

/// Every page: the name of its file, and its text.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> = Kind::ALL.map(|kind| (kinds::file(kind), kinds::page(kind))).into();
    pages.extend([
        ("commands.md".to_owned(), commands::page(super::command())),
        ("conditions.md".to_owned(), tables::conditions()),
        ("events.md".to_owned(), tables::events()),
        ("metrics.md".to_owned(), tables::metrics()),
        ("README.md".to_owned(), tables::index()),
    ]);
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        pages().into_iter().find(|(file, _)| file == name).map(|(_, text)| text).unwrap_or_default()
    }

    #[test]
    fn a_field_is_told_with_its_type_bounds_rules_and_meaning() {
        let member = page("member.md");
        let row = |field: &str| {
            let begin = format!("| `{field}` |");
            member.lines().find(|line| line.starts_with(&begin)).unwrap_or_default().to_owned()
        };
        assert!(row("id").contains("2–40 characters; [rule "), "{}", row("id"));
        assert!(row("tenantRef.name").contains("| yes |"), "{}", row("tenantRef.name"));
        assert!(row("administrator").contains("`None`, `Operations`"), "{}", row("administrator"));
        assert!(row("organizations[].position").contains("string"), "{}", row("organizations[].position"));
        assert!(row("names.*.family").contains("1–80 characters"), "{}", row("names.*.family"));
        assert!(!row("nickname").contains("**"), "{}", row("nickname"));
    }

    #[test]
    fn every_command_reason_and_metric_has_its_place() {
        let commands = page("commands.md");
        for name in ["apply", "get", "record sign-in", "operator"] {
            assert!(commands.contains(&format!("## rollcall {name}\n")), "{name}");
        }
        assert!(!commands.contains("reference"), "it is hidden");
        for reason in crate::api::Reason::ALL {
            assert!(page("conditions.md").contains(&format!("| `{}` |", reason.name())), "{}", reason.name());
        }
        for metric in ["rollcall_leader", "rollcall_changes_total", "rollcall_status_patches_total", "rollcall_batch_seconds"] {
            assert!(page("metrics.md").contains(&format!("| `{metric}` |")), "{metric}");
        }
    }
}
