//! What a command left behind, and what tests ask of it.
//! Never runs anything. Used by `Roster` and the tests.

use std::fmt;

use serde_json::Value;

/// What a command printed, and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Panics with everything unless the exit code is 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.code == 0, "the command failed\n{self}");
        self
    }

    /// Standard output as JSON. Panics with everything if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("standard output is no JSON: {error}\n{self}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code: {}\nstandard output:\n{}\nstandard error:\n{}", self.code, self.stdout, self.stderr)
    }
}

/// What `apply -o json` or `plan -o json` told.
#[derive(Clone, Debug)]
pub struct Report {
    pub code: i32,
    pub json: Value,
    pub stderr: String,
}

impl Report {
    /// Reads a report; a command that printed nothing has the JSON null.
    #[track_caller]
    pub fn read(output: Output) -> Report {
        let json = if output.stdout.trim().is_empty() { Value::Null } else { output.json() };
        Report { code: output.code, json, stderr: output.stderr }
    }

    /// Panics with everything unless this is the exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "the exit code is {}, not {code}\n{:#}\nstandard error:\n{}",
            self.code,
            self.json,
            self.stderr
        );
        self
    }

    /// The actions done to an object, in order.
    pub fn actions(&self, kind: &str, name: &str) -> Vec<String> {
        self.entries("changes").filter(|change| is(change, kind, name)).map(|change| text(change, "action").to_owned()).collect()
    }

    /// Every action as `action Kind/name`, in order.
    pub fn all_actions(&self) -> Vec<String> {
        self.entries("changes")
            .map(|change| format!("{} {}/{}", text(change, "action"), text(change, "kind"), text(change, "name")))
            .collect()
    }

    /// The reason for which an object was refused or waits.
    pub fn refused(&self, kind: &str, name: &str) -> Option<String> {
        self.refusal(kind, name).map(|refusal| text(refusal, "reason").to_owned())
    }

    /// What was said with it.
    pub fn refused_message(&self, kind: &str, name: &str) -> Option<String> {
        self.refusal(kind, name).map(|refusal| text(refusal, "message").to_owned())
    }

    /// What is held on an object: `(reason, count, fingerprint)`.
    pub fn held(&self, kind: &str, name: &str) -> Option<(String, i64, String)> {
        let hold = self.entries("held").find(|hold| is(hold, kind, name))?;
        Some((text(hold, "reason").to_owned(), hold["count"].as_i64().unwrap_or(0), text(hold, "fingerprint").to_owned()))
    }

    fn refusal(&self, kind: &str, name: &str) -> Option<&Value> {
        self.entries("refused").find(|refusal| is(refusal, kind, name))
    }

    fn entries(&self, list: &str) -> impl Iterator<Item = &Value> {
        self.json[list].as_array().into_iter().flatten()
    }
}

fn is(entry: &Value, kind: &str, name: &str) -> bool {
    entry["kind"] == kind && entry["name"] == name
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// `status.phase`, or nothing.
pub fn phase(object: &Value) -> &str {
    text(&object["status"], "phase")
}

/// Status and reason of the condition `Ready`; both empty if there is none.
pub fn ready(object: &Value) -> (&str, &str) {
    condition(object, "Ready").map_or(("", ""), |ready| (text(ready, "status"), text(ready, "reason")))
}

/// The condition of this type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}
