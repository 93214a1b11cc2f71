//! Which test shows which rule: `docs/rules.md`, made of the comments above the tests. Holds that the table is of
//! today, that every rule has a test or a word of why not, and that no test cites a rule that is none.
//! `make reference` writes it. Run by `make test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const TABLE: &str = "docs/rules.md";

/// The rules by the parts of the house that they are about: the number, and what the rule says in one line.
const PARTS: &[(&str, &[(&str, &str)])] = &[
    (
        "Records, intent, effective state",
        &[
            ("R1", "Four kinds, all namespaced; a reference never leaves its namespace"),
            ("R2", "Manifests hold intent, the directory records and every declaration; an intent is taken or refused whole"),
            ("R3", "A record's `uid` never changes, whatever else does"),
            ("R4", "What falls due happens within a second or is caught up with, in order; dates are the tenant's"),
            ("R5", "Twice is once; what drifted is set back and told"),
            ("R6", "Every change is a row of the trail, which the database lets nobody alter"),
            ("R7", "No password, token or Secret is ever shown"),
            ("R8", "One bad object never holds up another"),
            (
                "R9",
                "No finalizers; missing is only what a complete list of the same source lacks; what may not go yet is pending",
            ),
            ("R10", "No value is a word that YAML 1.1 reads as a boolean"),
            ("R11", "`Ready` tells the truth: holds, waits or stalled; warnings beside it; figures at most once a second"),
            ("R12", "What needs a person's word is held, until the fingerprint of exactly that is approved"),
            ("R13", "Each new value of a field that acts once acts once, and never as its record is made or restored"),
            ("R14", "Frozen: told and not acted on, until it thaws"),
        ],
    ),
    (
        "Tenant",
        &[
            ("T1", "Names, domain (unique, no holder named), time zone and languages"),
            ("T2", "Products by presence, one at least; the plan decides whether there is mail; nobody is removed by a change"),
            ("T3", "Places for members and organizations by plan; who came first keeps the place, who waits is taken up"),
            ("T4", "One supreme administrator, protected, with a personal e-mail; naming another hands over"),
            ("T5", "What a password must be, and for how long"),
            ("T6", "Two-step verification disabled, left to members, or required"),
            ("T7", "Connections with persons of other companies are allowed or not"),
            ("T8", "Job levels, positions and types of users are the company's own lists"),
            ("T9", "Tenants of one namespace that name the same group are group companies"),
            ("T10", "How long the deleted can be restored: 7 days, or up to 30"),
            ("T11", "More losses of access than the budget are held; a loosening takes effect a window later"),
            ("T12", "A cancellation is carried out only when nothing blocks it, and tells all that does"),
            ("T13", "Charges are the billing system's; what is outstanding is shown"),
            ("T14", "A Tenant whose resource is gone is unmanaged, never cancelled; what is irreversible waits"),
            ("T15", "Mails can be turned off; a flood of them is held"),
        ],
    ),
    (
        "Organization",
        &[
            ("O1", "Names, description, order, mail addresses unique with those of members, visibility"),
            ("O2", "15 levels at most; no cycles; no parent in another tenant"),
            ("O3", "Siblings have different names; a rename or move keeps uid and members"),
            ("O4", "The tree may come in any order; what waits goes on by itself"),
            ("O5", "Only an organization without members in it or below goes; else it is pending"),
            ("O6", "Its status tells members, leaders, depth and path"),
        ],
    ),
    (
        "Member: fields",
        &[
            ("M1", "The login ID: its form, unique in the tenant over all addresses, exchanged in one set"),
            ("M2", "Family and given name, further languages, nickname"),
            ("M3", "The photo: PNG or JPEG by content, its size"),
            ("M4", "Up to 20 organizations, one of them primary and first, each within its dates"),
            ("M5", "Private assignments are hidden; an assignment may be left out of team functions"),
            ("M6", "Type of user and job level are of the tenant's lists"),
            (
                "M7",
                "Phones, employee number (unique), related contacts and the rest of the profile; a warning where nothing recovers",
            ),
            ("M8", "Ten secondary addresses at most; the personal e-mail is lowercase or refused"),
            ("M9", "The language of the first sign-in, one of five"),
            ("M10", "Administrators are made and unmade in the trail"),
            ("M11", "An external key finds the record of a renamed manifest, and tells two persons apart"),
            ("M12", "A field that is left out is emptied, but what the directory made"),
        ],
    ),
    (
        "Member: lifecycle",
        &[
            ("M20", "An account begins at its date, or at once; a date that has come is changed no more"),
            ("M21", "A suspension signs out and clears leave for good; afterwards the member is what it was"),
            ("M22", "A leave is shown while it lasts, and takes nothing away"),
            ("M23", "A departure or a vanished resource deletes and signs out; administrators are protected"),
            ("M24", "Declared again before the purge, it is the same person; later a new one"),
            ("M25", "The purge erases the person and leaves the redacted trail"),
            ("M26", "Two-step verification of a member, and its reset"),
            ("M27", "Apps blocked but the web, easy login, found by search or not"),
            ("M28", "Orders for single devices, each carried out once"),
            ("M30", "A new ID keeps uid and data, signs out, frees the old one; a concurrent post follows"),
            ("M31", "A temporary ID is no account yet"),
            ("M32", "How the first password comes about"),
            ("M33", "How a password is renewed"),
            ("M34", "Mails leave through an outbox, at least once"),
            ("M35", "Registration by request, approved by a manifest"),
            ("M36", "A member's own password is the member's"),
            ("M37", "Message ID, contact link and QR token, made at creation"),
            ("M40", "A transfer between group companies, whole or not at all"),
            ("M41", "No transfer outside the group, of the supreme administrator or of the deleted"),
        ],
    ),
    (
        "Member information",
        &[
            ("I1", "One page tells everything about a member"),
            ("I2", "Services write what happened; a first sign-in follows at once"),
        ],
    ),
    (
        "External contact",
        &[
            ("X1", "A contact is found by message ID, phone or QR token, where both sides allow it"),
            ("X2", "It starts as the target's name and company, and follows them"),
            ("X3", "Who sees it; an invitation in place of a lookup"),
            ("X4", "To the trash, restored or emptied; not while a room is shared"),
            ("X5", "Disconnected for good or until given back"),
        ],
    ),
    (
        "Bulk",
        &[
            ("B1", "Tables are imported as manifests and exported; samples"),
            ("B2", "Rows match by key and handle; blank empties, absent keeps; every bad cell is named"),
            ("B3", "There and back changes nothing"),
        ],
    ),
];

/// The rules that no test shows yet, and why.
const TO_COME: &[(&str, &str)] =
    &[("B1", "there is no import yet"), ("B2", "there is no import yet"), ("B3", "there is no export yet")];

/// A rule cited by a test.
#[derive(Debug, PartialEq)]
struct Citation {
    rule: String,
    test: String,
    /// Where the test begins.
    line: usize,
}

/// The rules with which a comment begins: `M4, R4: …`, `M20–M25.`, `M21, also …`. None if it begins otherwise.
fn rules_of(comment: &str) -> Vec<String> {
    let mut rest = comment.trim_start_matches('/').trim_start();
    let mut rules: Vec<String> = Vec::new();
    while let Some((rule, after)) = rule_at(rest) {
        rules.push(rule.to_owned());
        rest = after;
        if let Some((last, after)) = rest.strip_prefix(['–', '-']).and_then(rule_at) {
            rules.extend(between(rule, last));
            rules.push(last.to_owned());
            rest = after;
        }
        let Some(next) = rest.strip_prefix(',').or_else(|| rest.strip_prefix(" and")) else { break };
        rest = next.trim_start();
    }
    rules
}

/// A rule's number at the start of a text, and what follows it; no longer word such as `R2D2`.
fn rule_at(text: &str) -> Option<(&str, &str)> {
    let digits = text.strip_prefix(|letter: char| letter.is_ascii_uppercase())?;
    let length = digits.len() - digits.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (rule, rest) = text.split_at(1 + length);
    (length > 0 && !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')).then_some((rule, rest))
}

/// The rules that stand between two of the list.
fn between(first: &str, last: &str) -> Vec<String> {
    let all = || rules().map(|(rule, _)| rule);
    let place = |wanted: &str| all().position(|rule| rule == wanted);
    match (place(first), place(last)) {
        (Some(first), Some(last)) if first < last => all().take(last).skip(first + 1).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Every rule and what it says, in order.
fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARTS.iter().flat_map(|(_, rules)| rules.iter().copied())
}

/// What the tests of a file cite: each comment directly above a test, other attributes in between or not.
fn citations(source: &str) -> Vec<Citation> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_test = |line: &str| line.starts_with("#[test]") || (line.starts_with("#[") && line.contains("::test"));
    let mut citations = Vec::new();
    for place in (0..lines.len()).filter(|place| is_test(lines[*place])) {
        let Some(test) = lines[place..].iter().find_map(|line| name(line)) else { continue };
        let above = lines[..place].iter().rev().take_while(|line| line.starts_with("//") || line.starts_with("#["));
        let below = lines[place + 1..].iter().take_while(|line| line.starts_with("//") || line.starts_with("#["));
        let mut cited = BTreeSet::new();
        for comment in above.chain(below).filter(|line| line.starts_with("//")) {
            cited.extend(rules_of(comment));
        }
        citations.extend(cited.into_iter().map(|rule| Citation { rule, test: test.to_owned(), line: place + 1 }));
    }
    citations
}

/// The name of the function that a line begins.
fn name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, in the order of their names.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder of this house").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    let below = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.into_iter().flat_map(below).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The tests that show each rule, and what is wrong with the citations, as `FILE:LINE: …`.
fn shown() -> (BTreeMap<String, BTreeSet<String>>, Vec<String>) {
    let mut shown: BTreeMap<String, BTreeSet<String>> = rules().map(|(rule, _)| (rule.to_owned(), BTreeSet::new())).collect();
    let mut complaints = Vec::new();
    let all = ["src", "tests"].into_iter().flat_map(|folder| sources(&root().join(folder)));
    // Here stand examples of comments, which show nothing.
    for path in all.filter(|path| !path.ends_with(file!())) {
        let file = path.strip_prefix(root()).unwrap_or(&path).display();
        for Citation { rule, test, line } in citations(&fs::read_to_string(&path).expect("a source is text")) {
            match shown.get_mut(&rule) {
                Some(tests) => _ = tests.insert(test),
                None => complaints.push(format!("{file}:{line}: {rule} is no rule, but `{test}` cites it")),
            }
        }
    }
    (shown, complaints)
}

/// What is wrong with the list of rules to come.
fn owed(shown: &BTreeMap<String, BTreeSet<String>>, to_come: &[(&str, &str)]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (rule, tests) in shown {
        match (to_come.iter().find(|(to_come, _)| to_come == rule), tests.first()) {
            (None, None) => complaints.push(format!("{rule} has no test: write one that cites it above `#[test]`")),
            (Some(_), Some(test)) => complaints.push(format!("{rule} has a test by now, `{test}`: take it out of TO_COME")),
            (Some((_, "")), None) => complaints.push(format!("{rule} is to come, without a word of why")),
            (None, Some(_)) | (Some(_), None) => {}
        }
    }
    let unknown = to_come.iter().filter(|(rule, _)| !shown.contains_key(*rule));
    complaints.extend(unknown.map(|(rule, _)| format!("{rule} in TO_COME is no rule")));
    complaints
}

/// The page.
fn page(shown: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut page = "# Rules and their tests

Each rule of behaviour has a number, which tests, messages and commits cite. This page names the tests that show it; each is a sentence.
[concepts.md](concepts.md) tells of the rules in full words. It is made of the comments above the tests (`make reference`); don't edit it.
"
    .to_owned();
    for (part, rules) in PARTS {
        _ = write!(page, "\n## {part}\n\n| Rule | What it says | Tests |\n| --- | --- | --- |\n");
        for (rule, says) in *rules {
            let why = TO_COME.iter().find(|(to_come, _)| to_come == rule).map(|(_, why)| format!("*to come: {why}*"));
            let tests: Vec<String> = shown[*rule].iter().map(|test| format!("`{test}`")).collect();
            _ = writeln!(page, "| {rule} | {says} | {} |", why.into_iter().chain(tests).collect::<Vec<_>>().join(", "));
        }
    }
    page
}

#[test]
fn every_rule_has_a_test_and_the_table_names_it() {
    let (shown, mut complaints) = shown();
    complaints.extend(owed(&shown, TO_COME));
    let (path, page) = (root().join(TABLE), page(&shown));
    if env::var_os("ROLLCALL_WRITE").is_some() {
        fs::write(&path, page).expect("the table is written");
    } else if fs::read_to_string(&path).unwrap_or_default() != page {
        complaints.push(format!("{TABLE} differs from the comments above the tests: run `make reference`"));
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_comment_cites_the_rules_that_it_begins_with() {
    for (comment, expected) in [
        ("// M21", &["M21"][..]),
        ("// M21.", &["M21"]),
        ("/// M4, R4: a plain date is inclusive.", &["M4", "R4"]),
        ("// M21, also of a first sign-in (I2).", &["M21"]),
        ("// R4, M20–M22.", &["R4", "M20", "M21", "M22"]),
        ("// T1-T3", &["T1", "T2", "T3"]),
        ("// R4 and R5: in order.", &["R4", "R5"]),
        ("// Q7: no rule, and so told.", &["Q7"]),
        ("// Section 4: any phase.", &[]),
        ("// as M21 has it", &[]),
        ("// R2D2, M", &[]),
        ("//", &[]),
    ] {
        assert_eq!(rules_of(comment), expected, "{comment}");
    }
}

#[test]
fn a_citation_stands_directly_above_its_test() {
    let source = "
// M1

#[test]
fn a_heading_is_no_citation() {}

// M2: as it
// goes on, and
// R8.
#[cfg(unix)]
#[test]
fn several_lines_are_read() {
    // M3: no.
}

proptest! {
    /// M4
    #[test]
    fn within_a_macro(roster in rosters()) {}
}

// M5
#[tokio::test(flavor = \"multi_thread\")]
// M6
#[should_panic]
async fn with_a_runtime() {}

// M7
fn no_test() {}
";
    let found: Vec<_> = citations(source).into_iter().map(|citation| (citation.rule, citation.test, citation.line)).collect();
    let expected = [
        ("M2", "several_lines_are_read", 11),
        ("R8", "several_lines_are_read", 11),
        ("M4", "within_a_macro", 18),
        ("M5", "with_a_runtime", 23),
        ("M6", "with_a_runtime", 23),
    ];
    assert_eq!(found, expected.map(|(rule, test, line)| (rule.to_owned(), test.to_owned(), line)));
}

#[test]
fn what_is_owed_is_told() {
    let tests = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let shown = BTreeMap::from([
        ("M1".to_owned(), tests(&["one"])),
        ("M2".to_owned(), tests(&[])),
        ("M3".to_owned(), tests(&["three"])),
        ("M4".to_owned(), tests(&[])),
        ("M5".to_owned(), tests(&[])),
    ]);
    let complaints = owed(&shown, &[("M3", "not built"), ("M4", "not built"), ("M5", ""), ("M6", "not built")]);
    let expected = ["M2 has no test", "M3 has a test by now, `three`", "M5 is to come, without", "M6 in TO_COME is no rule"];
    assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.starts_with(expected), "{complaint}");
    }
}
