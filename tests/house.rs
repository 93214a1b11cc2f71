//! Holds the house together: which module of `src/` may use which, and what its pure core never touches.
//! Reads the source as text, never compiles it; strings and comments are left out. Run by `make test`.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules from top to bottom, each with what it may use besides itself.
const HOUSE: [(&str, &[&str]); 12] = [
    (
        "main",
        &[
            "cli",
            "operator",
            "service",
            "mail",
            "manifests",
            "reconcile",
            "credentials",
            "lifecycle",
            "directory",
            "record",
            "api",
        ],
    ),
    ("cli", &["operator", "service", "mail", "manifests", "reconcile", "credentials", "lifecycle", "directory", "record", "api"]),
    // The two shells are beside each other: what both need belongs below them.
    ("operator", &["mail", "manifests", "reconcile", "credentials", "lifecycle", "directory", "record", "api"]),
    ("service", &["manifests", "reconcile", "credentials", "lifecycle", "directory", "record", "api"]),
    // Below the operator, which sends what it leads; beside the manifests.
    ("mail", &["reconcile", "lifecycle", "directory", "record", "api"]),
    ("manifests", &["reconcile", "credentials", "lifecycle", "directory", "record", "api"]),
    // Passwords are beside the engine, which never waits for one.
    ("credentials", &["lifecycle", "directory", "record", "api"]),
    ("reconcile", &["lifecycle", "directory", "record", "api"]),
    // The decisions never see the database, although it lies below them.
    ("lifecycle", &["record", "api"]),
    ("directory", &["record", "api"]),
    ("record", &["api"]),
    ("api", &[]),
];

/// The modules in which an answer depends on nothing but the arguments.
const CORE: [&str; 3] = ["lifecycle", "record", "api"];

/// What would make an answer of the core depend on something else; found anywhere in a path.
const IMPURE: [(&[&str], &str); 13] = [
    (&["tokio"], "waits for nothing"),
    (&["sqlx"], "knows no database"),
    (&["std", "fs"], "reads no files"),
    (&["Timestamp", "now"], "reads no clock: the instant is an argument"),
    (&["Zoned", "now"], "reads no clock: the instant is an argument"),
    (&["Instant", "now"], "reads no clock: the instant is an argument"),
    (&["SystemTime"], "reads no clock: the instant is an argument"),
    (&["Uuid", "new*"], "makes no identifiers: the shell does at commit"),
    (&["Uuid", "now_v*"], "makes no identifiers: the shell does at commit"),
    (&["rand"], "draws no lots"),
    (&["rand_core"], "draws no lots"),
    (&["fastrand"], "draws no lots"),
    (&["getrandom"], "draws no lots"),
];

#[test]
fn modules_use_only_what_lies_below_them_and_the_core_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    assert!(!files.is_empty(), "src/ holds no Rust");
    let complaints: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            complaints(&file.strip_prefix(root).expect("the file is under the root").to_string_lossy(), &source)
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry of a folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What a source file does that the house forbids, each with file, line and import. `file` begins with `src/`.
fn complaints(file: &str, source: &str) -> Vec<String> {
    let module = module_of(file);
    // main.rs and lib.rs have an empty path: both stand at the top.
    let own = module.first().map_or("main", String::as_str);
    let Some((_, allowed)) = HOUSE.iter().find(|(name, _)| *name == own) else {
        return vec![format!(
            "{file}:1: `{own}` has no place in the house: give it one in tests/house.rs, or move it into a module that has"
        )];
    };
    let mut complaints = Vec::new();
    for Found { line, within, path } in paths(&tokens(source), &module) {
        let written = path.join("::");
        if let Some(used) = top_module(&path, &within)
            && used != own
            && !allowed.contains(&used)
            && !used.ends_with('!')
        {
            let may = if allowed.is_empty() { "nothing else".to_owned() } else { format!("only {}", allowed.join(", ")) };
            complaints.push(format!("{file}:{line}: `{written}` is forbidden: {own} may use {may}"));
        }
        if CORE.contains(&own)
            && let Some((_, why)) = IMPURE.iter().find(|(impure, _)| holds(&path, impure))
        {
            complaints.push(format!("{file}:{line}: `{written}` is forbidden: {own} {why}"));
        }
    }
    complaints
}

/// The path of a file's module: `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["main"] || module == ["lib"] {
        module.pop();
    }
    module
}

/// The module at the top of the crate into which a path leads that was written in the module `within`; none if it leads
/// into another crate, or names something near.
fn top_module<'a>(path: &'a [String], within: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|segment| *segment == "super").count();
    let (module, rest): (&[String], &[String]) = match path.first()?.as_str() {
        // `rollcall` is how main.rs calls the library.
        "crate" | "rollcall" => (&[], &path[1..]),
        "super" => (&within[..within.len().saturating_sub(supers)], &path[supers..]),
        _ => return None,
    };
    module.first().or(rest.first()).map(String::as_str)
}

/// Whether these segments stand in a path one after another; one that ends in `*` is a beginning.
fn holds(path: &[String], segments: &[&str]) -> bool {
    path.windows(segments.len()).any(|window| {
        window.iter().zip(segments).all(|(given, sought)| match sought.strip_suffix('*') {
            Some(beginning) => given.starts_with(beginning),
            None => given == sought,
        })
    })
}

/// A path somewhere in the source, groups of a `use` taken apart, and the module in which it was written.
struct Found {
    line: usize,
    within: Vec<String>,
    path: Vec<String>,
}

/// A word, `::`, or one other character. Literals are a lone `"`.
struct Token {
    line: usize,
    text: String,
}

/// Every path of two segments or more, and whatever is named in a `use`.
fn paths(tokens: &[Token], module: &[String]) -> Vec<Found> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    // Modules written out within the file, each with the depth of braces inside it: `super` counts from there.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let begins_path =
            is_word(text(at)) && text(at + 1) == "::" && !(at > 1 && text(at - 1) == "::" && ends_path(text(at - 2)));
        if text(at) == "use" || begins_path {
            let begin = if text(at) == "use" { at + 1 } else { at };
            let mut leaves = Vec::new();
            at = tree(tokens, begin, &[], &mut leaves).max(at + 1);
            let within: Vec<String> = module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
            found.extend(leaves.into_iter().map(|(line, path)| Found { line, within: within.clone(), path }));
            continue;
        }
        match text(at) {
            "{" => {
                depth += 1;
                if at > 1 && text(at - 2) == "mod" {
                    inline.push((text(at - 1).to_owned(), depth));
                }
            }
            "}" => {
                if inline.last().is_some_and(|(_, inside)| *inside == depth) {
                    inline.pop();
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads a path or a tree of paths from a token on, and tells where it ended.
fn tree(tokens: &[Token], mut at: usize, before: &[String], leaves: &mut Vec<(usize, Vec<String>)>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut path = before.to_vec();
    if text(at) == "::" {
        at += 1;
    }
    while at < tokens.len() {
        let line = tokens[at].line;
        match text(at) {
            "{" => {
                at += 1;
                while at < tokens.len() && text(at) != "}" {
                    at = tree(tokens, at, &path, leaves).max(at + 1);
                    while at < tokens.len() && text(at) != "," && text(at) != "}" {
                        at += 1; // `as name`
                    }
                    if text(at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => {
                path.push("*".to_owned());
                leaves.push((line, path));
                return at + 1;
            }
            word if is_word(word) => {
                // `a::{self}` is `a`.
                if word != "self" || path.is_empty() {
                    path.push(word.to_owned());
                }
                at += 1;
                if text(at) == "::" && (is_word(text(at + 1)) || text(at + 1) == "{" || text(at + 1) == "*") {
                    at += 1;
                    continue;
                }
                if text(at) == "!" {
                    // A macro lives at the root of its crate, whichever module it was written in.
                    path.last_mut().expect("a segment was pushed").push('!');
                }
                leaves.push((line, path));
                return at;
            }
            _ => return at,
        }
    }
    at
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn ends_path(text: &str) -> bool {
    is_word(text) || text == ">"
}

/// Takes source apart, roughly as Rust does.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let is = |at: usize, text: &str| text.chars().enumerate().all(|(offset, char)| chars.get(at + offset) == Some(&char));
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let begin = at;
        let mut text = String::new();
        if chars[at].is_whitespace() {
            at += 1;
        } else if is(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if is(at, "/*") {
            at = end_of_comment(&chars, at);
        } else if let Some(end) = end_of_literal(&chars, at) {
            text.push('"');
            at = end;
        } else if chars[at].is_alphanumeric() || chars[at] == '_' {
            at += if is(at, "r#") { 2 } else { 0 };
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                text.push(chars[at]);
                at += 1;
            }
        } else if is(at, "::") {
            text.push_str("::");
            at += 2;
        } else {
            text.push(chars[at]);
            at += 1;
        }
        if !text.is_empty() {
            tokens.push(Token { line, text });
        }
        line += chars[begin..at.min(chars.len())].iter().filter(|char| **char == '\n').count();
    }
    tokens
}

/// Where a block comment ends; they nest.
fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where a string or character ends that begins here; none if none does.
fn end_of_literal(chars: &[char], begin: usize) -> Option<usize> {
    let quote = begin + chars[begin..].iter().take(2).take_while(|char| matches!(char, 'r' | 'b' | 'c')).count();
    let hashes = chars[quote..].iter().take_while(|char| **char == '#').count();
    let mut at = quote + hashes;
    let raw = chars[begin..quote].contains(&'r');
    match chars.get(at)? {
        '"' if raw => loop {
            at += 1;
            match chars.get(at) {
                Some('"') if chars[at + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes => {
                    return Some(at + 1 + hashes);
                }
                Some(_) => {}
                None => return Some(at),
            }
        },
        '"' if hashes == 0 => {}
        // A lifetime has no second quote where a character has one.
        '\'' if hashes == 0 && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')) => {}
        _ => return None,
    }
    let mark = chars[at];
    at += 1;
    while at < chars.len() && chars[at] != mark {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// The lines of a file that are complained of, each once.
fn lines(file: &str, source: &str) -> Vec<usize> {
    let number = |complaint: &String| complaint.split(':').nth(1).and_then(|line| line.parse().ok());
    let mut lines: Vec<usize> =
        complaints(file, source).iter().map(|complaint| number(complaint).expect("a complaint gives the line")).collect();
    lines.dedup();
    lines
}

#[test]
fn a_use_of_a_module_above_is_found_however_it_is_written() {
    for source in [
        "use crate::cli;",
        "use crate::cli::get::{self, Table};",
        "use crate::{api, cli};",
        "use crate::{api::{Kind, Member}, cli::{get}};",
        "use {std::fmt, crate::cli::get};",
        "pub(crate) use crate::cli as shell;",
        "use super::cli;",
        "use super::{super::cli::get};",
        "fn f() -> crate::cli::Table { todo!() }",
        "fn f() { run(&crate::cli::run) }",
        "fn f() { Vec::<crate::cli::Table>::new() }",
        "#[derive(crate::cli::Derived)] struct S;",
        "macro_rules! m { () => { $crate::cli::run() } }",
        "use crate::*;",
        "use crate::Reexported;",
        "const C: char = '\"'; use crate::cli; const D: char = '\"';",
        "fn f<'a>(a: &'a str) { crate::cli::run(a, 'a') }",
        "const R: &str = r#\"\"\"#; use crate::cli;",
    ] {
        let file = if source.contains("super::{super") { "src/reconcile/a.rs" } else { "src/reconcile/mod.rs" };
        assert_eq!(lines(file, source), [1], "{source}");
    }
}

#[test]
fn a_complaint_names_file_line_and_import() {
    let source = "//! Decides.\n\nuse crate::{\n    api::Kind,\n    directory::{self, Query},\n};\n";
    let expected = [
        "src/lifecycle/member.rs:5: `crate::directory` is forbidden: lifecycle may use only record, api",
        "src/lifecycle/member.rs:5: `crate::directory::Query` is forbidden: lifecycle may use only record, api",
    ];
    assert_eq!(complaints("src/lifecycle/member.rs", source), expected);
    assert_eq!(complaints("src/clock.rs", "").len(), 1, "a module without a place");
}

#[test]
fn what_is_allowed_and_what_is_only_written_about_passes() {
    for (file, source) in [
        ("src/main.rs", "use rollcall::cli; fn main() { rollcall::operator::run() }"),
        ("src/lib.rs", "pub mod api; pub mod cli; pub use cli::run;"),
        ("src/cli/get.rs", "use crate::{operator, service::Health, directory::Query}; use super::table;"),
        ("src/lifecycle/member/mod.rs", "use super::tenant; use super::super::record::Member; use crate::api::Kind;"),
        ("src/record/member.rs", "mod tests { use super::*; use super::super::Tenant; use super::super::super::api::Kind; }"),
        (
            "src/record/mod.rs",
            "// use crate::cli;\n/* use crate::cli; /* nested */ crate::cli */ const S: &str = \"crate::cli \\\" crate::cli\";",
        ),
        ("src/record/mod.rs", "const S: &str = r##\"a \"# crate::cli\"##; const B: &[u8] = b\"crate::cli\";"),
        ("src/directory/mod.rs", "fn f() { crate::on_either!(pool, sqlx::query(\"\")); other::crate_::cli::run() }"),
        ("src/operator/mod.rs", "use kube::runtime::{reflector, controller::Config as cli}; use std::{fs, io};"),
        ("src/api/mod.rs", "pub(super) fn r#use() {} pub(in crate::api) struct S; use self::time::When;"),
        (
            "src/api/time.rs",
            "fn f(now: Timestamp) { let rand = Instant { now }; surroundings.now(); Uuid::parse_str(\"\"); Uuid::nil(); }",
        ),
    ] {
        assert_eq!(complaints(file, source), [""; 0], "{file}");
    }
}

#[test]
fn the_neighbours_and_the_modules_that_skip_a_floor_are_held_apart() {
    for (file, source) in [
        ("src/operator/mod.rs", "use crate::service;"),
        ("src/service/mod.rs", "use crate::operator;"),
        ("src/service/mod.rs", "use crate::cli;"),
        ("src/service/mod.rs", "use crate::mail;"),
        ("src/mail/mod.rs", "use crate::manifests;"),
        ("src/manifests/mod.rs", "use crate::mail;"),
        ("src/lifecycle/mod.rs", "use crate::directory;"),
        ("src/lifecycle/mod.rs", "use crate::reconcile;"),
        ("src/directory/mod.rs", "use crate::lifecycle;"),
        ("src/record/mod.rs", "use crate::directory;"),
        ("src/api/mod.rs", "use crate::record;"),
        ("src/api/mod.rs", "mod tests { mod deeper { use super::super::super::record; } }"),
        ("src/cli/mod.rs", "use crate::main;"),
    ] {
        assert_eq!(lines(file, source), [1], "{file}: {source}");
    }
}

#[test]
fn the_core_touches_no_clock_no_chance_and_nothing_outside() {
    for source in [
        "#[tokio::test] async fn t() {}",
        "use sqlx::FromRow;",
        "#[derive(sqlx::FromRow)] struct S;",
        "use std::{fs, io};",
        "fn f() { ::std::fs::read(p) }",
        "fn f() { jiff::Timestamp::now() }",
        "fn f() { Timestamp::now() }",
        "fn f() { let now = Zoned::now(); }",
        "use std::time::SystemTime;",
        "fn f() { Uuid::new_v4() }",
        "fn f() { uuid::Uuid::now_v7() }",
        "use rand;",
        "fn f() { rand::random::<u8>() }",
        "use ring::rand::SystemRandom;",
    ] {
        for module in CORE {
            assert_eq!(lines(&format!("src/{module}/mod.rs"), source), [1], "{module}: {source}");
        }
        assert_eq!(complaints("src/reconcile/mod.rs", source), [""; 0], "{source}");
    }
}
