//! `rollcall validate`: check manifests without a directory.

use clap::Args;

use super::{Failure, Files, Global, OK, PARTLY, output};
use crate::manifests;

/// Checks manifests without a directory.
#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    files: Files,
}

impl Validate {
    pub fn run(self, global: &Global) -> Result<u8, Failure> {
        if self.files.files.is_empty() {
            return Err(Failure::Usage("name what to check: -f PATH".into()));
        }
        let roster = manifests::read(&self.files.files, global.default_namespace());
        let mut complaints = roster.complaints.clone();
        for submission in &roster.submissions {
            let spec = serde_json::from_str(&submission.spec).unwrap_or_default();
            for problem in manifests::check(submission.key.kind, &spec) {
                complaints.push(roster.complaint(&submission.key, &problem.to_string()));
            }
        }
        output::complaints(&complaints);
        output::skipped(&roster);
        let objects = roster.present.len();
        if complaints.is_empty() {
            say!("{}, all valid", output::counted(objects, "object"))?;
            return Ok(OK);
        }
        say!("{} in {}", output::counted(complaints.len(), "problem"), output::counted(objects, "object"))?;
        Ok(PARTLY)
    }
}
