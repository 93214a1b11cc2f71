//! What is wrong with a manifest, for the reader: file, line, column, object, field, rule and remedy in one
//! message, with the line and a caret. Made by reading and by the commands; printed by the command line.

use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, SourceSpan};

use super::Origin;
use super::locate::{Place, locate};
use crate::api::Key;
use crate::api::confidential::{REGISTRATION_LINK, is_confidential};

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// The object, where it is known.
    pub key: Option<Key>,
    pub message: String,
    file: Option<Arc<str>>,
    place: Option<Place>,
    /// Empty where nothing of it may be shown: what can't be read may hold secrets (R7).
    text: Arc<str>,
}

impl Complaint {
    /// Something about an object whose file is not known.
    pub fn placeless(key: &Key, message: &str) -> Self {
        Complaint { key: Some(key.clone()), message: message.to_owned(), file: None, place: None, text: Arc::from("") }
    }

    /// A file that can't be read at all.
    pub fn unreadable(file: &str, error: &str) -> Self {
        let message = format!("can't be read: {error}");
        Complaint { key: None, message, file: Some(file.into()), place: None, text: Arc::from("") }
    }

    /// Something at a path of a document. The text is that of the whole file.
    pub fn at(origin: &Origin, text: &Arc<str>, key: Option<&Key>, path: &str, message: &str) -> Self {
        let is_confidential = is_confidential(path);
        let offset = line_offset(text, origin.line);
        let document = text.get(offset..).unwrap_or_default();
        let path = match origin.within {
            Some(item) => format!("items[{item}].{path}"),
            None => path.to_owned(),
        };
        let found = locate(document, &path).or_else(|| locate(document, "metadata.name")).or_else(|| locate(document, "kind"));
        let place = found.unwrap_or(Place { line: 1, column: 1, offset: 0, length: 1 });
        let place = Place { line: place.line + origin.line - 1, offset: place.offset + offset, ..place };
        let complaint = Complaint {
            key: key.cloned(),
            message: message.to_owned(),
            file: Some(origin.file.clone()),
            place: Some(place),
            text: text.clone(),
        };
        let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
        if is_confidential || line.contains(REGISTRATION_LINK) { complaint.concealed() } else { complaint }
    }

    /// Something at a line and column of a file.
    pub fn at_place(file: &Arc<str>, text: &Arc<str>, line: usize, column: usize, message: &str) -> Self {
        let offset = line_offset(text, line);
        let within: usize = text[offset..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        let place = Place { line, column, offset: (offset + within).min(text.len()), length: 1 };
        Complaint { key: None, message: message.to_owned(), file: Some(file.clone()), place: Some(place), text: text.clone() }
    }

    /// File, line and column, as far as they are known: `roster/jane.yaml:7:15`.
    pub fn position(&self) -> Option<String> {
        match (&self.file, &self.place) {
            (Some(file), Some(place)) => Some(format!("{file}:{}:{}", place.line, place.column)),
            (Some(file), None) => Some(file.to_string()),
            (None, _) => None,
        }
    }

    /// The same, without the line itself: it may hold what nobody should see.
    pub fn concealed(self) -> Self {
        Complaint { text: Arc::from(""), ..self }
    }

    /// The message with its object; with its place, where the line itself is not shown.
    pub fn headline(&self) -> String {
        let place = if self.text.is_empty() { self.position().map(|at| format!("{at}: ")) } else { None };
        match &self.key {
            Some(key) => format!("{}{key}: {}", place.unwrap_or_default(), self.message),
            None => format!("{}{}", place.unwrap_or_default(), self.message),
        }
    }

    /// The complaint as people read it: the headline, the lines around, a caret.
    pub fn render(&self, colored: bool) -> String {
        let theme = if colored { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_context_lines(0).with_links(false);
        let mut text = String::new();
        match handler.render_report(&mut text, &Shown(self)) {
            Ok(()) => text,
            Err(_) => format!("{}: {}\n", self.position().unwrap_or_default(), self.headline()),
        }
    }
}

fn line_offset(text: &str, line: usize) -> usize {
    text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum()
}

/// A complaint as miette shows it: only the lines around its place are handed over.
#[derive(Debug)]
struct Shown<'c>(&'c Complaint);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.headline())
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.place.as_ref().filter(|_| !self.0.text.is_empty()).map(|_| self as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let place = self.0.place.filter(|_| !self.0.text.is_empty())?;
        let span = SourceSpan::new(place.offset.into(), place.length);
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(None, span))))
    }
}

impl miette::SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        // The line itself and no other: its neighbours may be another object's, and secret.
        let name = self.0.file.as_deref().unwrap_or_default();
        let text: &str = &self.0.text;
        let start = text[..span.offset()].rfind('\n').map_or(0, |end| end + 1);
        let end = text[span.offset()..].find('\n').map_or(text.len(), |end| span.offset() + end);
        let line = SourceSpan::new(start.into(), end - start);
        let contents = text.read_span(&line, 0, 0)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            name.to_owned(),
            contents.data(),
            *contents.span(),
            contents.line(),
            // The place that the headline names, not that of the line's beginning.
            self.0.place.map_or(contents.column(), |place| place.column - 1),
            contents.line_count(),
        )))
    }
}
