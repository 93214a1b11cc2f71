//! What is wrong with a manifest, for the reader: file, line, column, object, field, rule and remedy in one
//! message, with the line and a caret. Made by reading and by the commands; printed by the command line.

use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, SourceSpan};

use super::Origin;
use super::locate::{Place, locate};
use super::shown::{self, Line};
use crate::api::{Key, Kind};

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// The object, where it is known.
    pub key: Option<Key>,
    pub message: String,
    file: Option<Arc<str>>,
    place: Option<Place>,
    /// What of it may be shown (R7).
    line: Option<Line>,
}

/// What a complaint is about.
#[derive(Clone, Copy, Debug)]
pub enum About<'k> {
    /// An object that can be told.
    Object(&'k Key),
    /// One that can't; its kind, if it is one of Rollcall's.
    Unnamed(Option<Kind>),
}

impl Complaint {
    /// Something about an object whose file is not known.
    pub fn placeless(key: &Key, message: &str) -> Self {
        Complaint { key: Some(key.clone()), message: message.to_owned(), file: None, place: None, line: None }
    }

    /// A file that can't be read at all.
    pub fn unreadable(file: &str, error: &str) -> Self {
        let message = format!("can't be read: {error}");
        Complaint { key: None, message, file: Some(file.into()), place: None, line: None }
    }

    /// Something at a path of a document. The text is that of the whole file.
    pub fn at(origin: &Origin, text: &str, about: About<'_>, path: &str, message: &str) -> Self {
        let document = text.get(line_offset(text, origin.line)..).unwrap_or_default();
        let path = match origin.within {
            Some(item) => format!("items[{item}].{path}"),
            None => path.to_owned(),
        };
        let found = locate(document, &path).or_else(|| locate(document, "metadata.name")).or_else(|| locate(document, "kind"));
        let place = found.unwrap_or(Place { line: 1, column: 1, offset: 0, length: 1 });
        let (key, kind) = match about {
            About::Object(key) => (Some(key.clone()), Some(key.kind)),
            About::Unnamed(kind) => (None, kind),
        };
        let line = shown::in_manifest(document, place, kind, origin.within);
        let place = Place { line: place.line + origin.line - 1, ..place };
        Complaint { key, message: message.to_owned(), file: Some(origin.file.clone()), place: Some(place), line }
    }

    /// Something at a line and column of a file.
    pub fn at_place(file: &Arc<str>, text: &str, line: usize, column: usize, message: &str) -> Self {
        let offset = line_offset(text, line);
        let within: usize = text[offset..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        let place = Place { line, column, offset: (offset + within).min(text.len()), length: 1 };
        let line = shown::in_text(text, place);
        Complaint { key: None, message: message.to_owned(), file: Some(file.clone()), place: Some(place), line }
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
        Complaint { line: None, ..self }
    }

    /// The message with its object; with its place, where the line itself is not shown.
    pub fn headline(&self) -> String {
        let place = if self.line.is_none() { self.position().map(|at| format!("{at}: ")) } else { None };
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

/// A complaint as miette shows it: only the line of its place is handed over, as far as it may be shown.
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
        self.0.line.as_ref().map(|_| self as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let line = self.0.line.as_ref()?;
        let span = SourceSpan::new(line.meant.start.into(), line.meant.len());
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(None, span))))
    }
}

impl miette::SourceCode for Shown<'_> {
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let (Some(line), Some(place)) = (&self.0.line, &self.0.place) else { return Err(miette::MietteError::OutOfBounds) };
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.0.file.as_deref().unwrap_or_default().to_owned(),
            line.text.as_bytes(),
            SourceSpan::new(0.into(), line.text.len()),
            place.line - 1,
            place.column - 1,
            1,
        )))
    }
}
