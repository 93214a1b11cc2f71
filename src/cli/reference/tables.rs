//! The pages of conditions, events and metrics, and the list of all pages: each a table from what the code
//! says, with the words that it takes to read it.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds;
use super::markdown::{code, codes, table};
use crate::api::{Class, Kind, Reason};
use crate::operator::events::{DRIFT, TRANSITIONS};
use crate::operator::health::{By, Health};

/// The list of all pages.
pub fn index() -> String {
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| format!("[{kind}]({})", kinds::file(*kind))).collect();
    format!(
        "# Reference\n\n\
         | | |\n| --- | --- |\n\
         | {} | every field of each kind, with its bounds and rules |\n\
         | [Commands](commands.md) | every command and option |\n\
         | [Conditions](conditions.md) | every reason, what it means for `Ready`, and its remedy |\n\
         | [Events](events.md) | what the operator tells as events |\n\
         | [Metrics](metrics.md) | what the operator counts |\n",
        kinds.join(", ")
    )
}

/// The page of the conditions.
pub fn conditions() -> String {
    let rows = Reason::ALL.iter().map(|reason| {
        vec![code(reason.name()), class(reason.class()).to_owned(), reason.meaning().to_owned(), reason.remedy().to_owned()]
    });
    format!(
        "# Conditions\n\n\
         Why an object is, or is not, in the directory as declared (R11). The second column says what a reason means:\n\n\
         | | |\n| --- | --- |\n\
         | ready | `Ready=True` |\n\
         | waits | `Ready=False` and `Reconciling=True`: it goes on by itself |\n\
         | stalled | `Ready=False` and `Stalled=True`: the manifest must change |\n\
         | warning | a condition of its own beside `Ready`, whose type is the reason |\n\
         | password | the reason of a member's condition `PasswordSet`, which is `True` while the member has a password, also where another could not be set |\n\n\
         Each condition carries the generation that it speaks of in `observedGeneration`; `lastTransitionTime` moves only when \
         `status` does. The list is complete.\n\n{}",
        table(&["Reason", "`Ready`", "Meaning", "Remedy"], rows)
    )
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Ready => "ready",
        Class::Waits => "waits",
        Class::Stalled => "stalled",
        Class::Warning => "warning",
        Class::Password => "password",
    }
}

/// The page of the events.
pub fn events() -> String {
    let mut rows: Vec<Vec<String>> = TRANSITIONS
        .iter()
        .map(|(action, reason, words)| vec![code(reason), "Normal".to_owned(), format!("{}: {words}", code(action))])
        .collect();
    rows.push(vec![
        code(DRIFT),
        "Warning".to_owned(),
        "somebody had changed the directory; the named fields are set back (R5)".to_owned(),
    ]);
    let refused = "the manifest must change (`Stalled=True`); the note is the condition's message".to_owned();
    rows.push(vec!["a [reason](conditions.md)".to_owned(), "Warning".to_owned(), refused]);
    format!(
        "# Events\n\n\
         The operator writes events on resources (`kubectl events --for member/jane`). They are for people who look on: the API \
         server keeps them for an hour, the operator drops them when it has more to tell than the API server takes, and a \
         resource that is gone gets none. The trail (`rollcall history`) has everything. A new account is no event.\n\n{}",
        table(&["Reason", "Type", "Action of the trail, or what happened"], rows)
    )
}

/// The page of the metrics.
pub fn metrics() -> String {
    let rows = described().into_iter().map(|(name, metric)| {
        let Metric { help, kind, labels } = metric;
        // As they are asked for: a counter has a suffix, a histogram three.
        let (name, kind) = match kind.as_str() {
            "counter" => (format!("{name}_total"), kind),
            "histogram" => (name, "histogram: `_bucket`, `_sum`, `_count`".to_owned()),
            _ => (name, kind),
        };
        vec![code(&name), kind, codes(labels.iter().map(String::as_str)), help]
    });
    format!(
        "# Metrics\n\n\
         What the operator serves under `/metrics`, in the OpenMetrics text format. It tells nothing of memory or CPU. A \
         process counts from its own start. The actions of `rollcall_changes_total` are those of the \
         [trail](../concepts.md#transitions).\n\n{}",
        table(&["Metric", "Type", "Labels", "Meaning"], rows)
    )
}

#[derive(Default)]
struct Metric {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

/// What the operator registers, by its own description of it.
fn described() -> BTreeMap<String, Metric> {
    let health = Health::default();
    // Metrics with a label are told once they have a value.
    for family in [&health.changes, &health.patches, &health.mails] {
        drop(family.get_or_create(&By { by: String::new() }));
    }
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut last = String::new();
    for line in health.metrics().lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what), Some(name), Some(text)) => {
                last = name.to_owned();
                let metric = metrics.entry(last.clone()).or_default();
                match what {
                    "HELP" => metric.help = text.to_owned(),
                    "TYPE" => metric.kind = text.to_owned(),
                    _ => {}
                }
            }
            (Some(sample), _, _, _) => {
                let labels = sample.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
                let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name);
                metrics.entry(last.clone()).or_default().labels.extend(names.filter(|name| *name != "le").map(str::to_owned));
            }
            _ => {}
        }
    }
    // The end is told like a metric.
    metrics.retain(|_, metric| !metric.kind.is_empty());
    metrics
}
