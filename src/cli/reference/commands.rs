//! The page of the commands, from their own definition.

use clap::{Arg, Command};

use super::markdown::{code, codes, table};

/// The page of a command and all below it.
pub fn page(mut command: Command) -> String {
    command.build();
    let name = command.get_name().to_owned();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let global = command.get_arguments().filter(|arg| arg.is_global_set() && !arg.is_hide_set()).map(|arg| row(&command, arg));
    let mut text = format!(
        "# Commands\n\n{about}.\n\nData goes to standard output, everything else to standard error. Exit codes are in \
         [operations.md](../operations.md#exit-codes).\n\n## Every command\n\nThese options may stand in any place.\n\n{}",
        table(HEADER, global)
    );
    below(&command, &name, &mut text);
    text
}

const HEADER: &[&str] = &["Argument", "Default", "Meaning"];

/// Tells the commands below a command; of those that group others only the ones that also do something by themselves.
fn below(command: &Command, name: &str, text: &mut String) {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        let name = format!("{name} {}", inner.get_name());
        let groups = inner.get_subcommands().any(|inner| inner.get_name() != "help");
        if !groups || !inner.is_subcommand_required_set() {
            section(inner, &name, text);
        }
        if groups {
            below(inner, &name, text);
        }
    }
}

fn section(command: &Command, name: &str, text: &mut String) {
    let about = command.get_about().map(|about| format!("{about}.\n\n")).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage:").trim();
    text.push_str(&format!("\n## {name}\n\n{about}```text\n{usage}\n```\n"));
    let own: Vec<&Arg> =
        command.get_arguments().filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && !is_common(arg)).collect();
    if !own.is_empty() {
        let (positional, options): (Vec<&Arg>, Vec<&Arg>) = own.into_iter().partition(|arg| arg.is_positional());
        let rows = positional.into_iter().chain(options).map(|arg| row(command, arg));
        text.push_str(&format!("\n{}", table(HEADER, rows)));
    }
}

/// `--help` and `--version` of the program, not an option that happens to have such a name.
fn is_common(arg: &Arg) -> bool {
    !arg.get_action().takes_values() && matches!(arg.get_id().as_str(), "help" | "version")
}

fn row(command: &Command, arg: &Arg) -> Vec<String> {
    let takes = arg.get_action().takes_values();
    let values: Vec<String> = arg
        .get_value_names()
        .into_iter()
        .flatten()
        .map(|name| if arg.is_positional() { name.to_string() } else { format!(" {name}") })
        .collect();
    let value = if takes { values.concat() } else { String::new() };
    let names = [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let mut names: Vec<String> = names.into_iter().flatten().collect();
    match names.last_mut() {
        Some(last) => last.push_str(&value),
        None => names.push(value),
    }
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let possible = arg.get_possible_values();
    if takes && !possible.is_empty() {
        meaning.push_str(&format!(": {}", codes(possible.iter().map(|value| value.get_name()))));
    }
    let others = command.get_arg_conflicts_with(arg).into_iter().filter_map(Arg::get_long).map(|long| format!("--{long}"));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        meaning.push_str(&format!("; not with {}", codes(others.iter().map(String::as_str))));
    }
    if arg.is_required_set() {
        meaning.push_str("; required");
    }
    if let Some(variable) = arg.get_env() {
        meaning.push_str(&format!("; else from {}", code(&variable.to_string_lossy())));
    }
    let defaults = arg.get_default_values().iter().filter(|_| takes).map(|value| code(&value.to_string_lossy()));
    vec![codes(names.iter().map(String::as_str)), defaults.collect::<Vec<_>>().join(", "), meaning]
}
