//! What every page is made of: tables of Markdown.

/// A table. Cells are Markdown; what would end one is escaped.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let under = vec!["---".to_owned(); header.len()];
    [header, under].into_iter().chain(rows).map(|row| row.iter().map(|cell| in_cell(cell)).collect::<String>() + "|\n").collect()
}

/// Text in the face of code.
pub fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Several of them.
pub fn codes<'t>(list: impl IntoIterator<Item = &'t str>) -> String {
    list.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

/// A cell and the bar before it: on one line, with nothing that ends it. `\|` is a bar also within code.
fn in_cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    if text.is_empty() { "| ".to_owned() } else { format!("| {text} ") }
}
