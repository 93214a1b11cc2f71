//! A roster from files: found, read, checked for everything that needs no directory, with the line and
//! column of what is wrong. Never talks to a directory. Called by the commands that take `-f`.

mod complaint;
mod document;
mod locate;
mod pictures;
pub mod secrets;
mod shown;
pub mod watch;
pub mod yaml;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use complaint::{About, Complaint};
pub use document::{Document, check};

use crate::api::secret::Contents;
use crate::api::{Handle, Key, Kind};
use crate::reconcile::pictures::Picture;
use crate::reconcile::{Set, Submission};

/// Where a manifest stands.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file, or `<stdin>`.
    pub file: Arc<str>,
    /// The line of the document's first line in the file, from 1.
    pub line: usize,
    /// The place within the document, where it is a `List`: `items[3].`.
    pub within: Option<usize>,
}

/// Everything that was found under some paths.
#[derive(Debug, Default)]
pub struct Roster {
    pub submissions: Vec<Arc<Submission>>,
    pub origins: HashMap<Key, Origin>,
    /// What is wrong, in the order of files and lines.
    pub complaints: Vec<Complaint>,
    /// Objects that are there, whether they can be read or not.
    pub present: Arc<HashSet<Key>>,
    /// The Secrets of the set, from which passwords may be taken (M32).
    pub secrets: Arc<Contents>,
    /// Documents of other API groups, left alone.
    pub skipped: usize,
    /// Files and documents that could not be read. While there are any, nothing can be missed (R9).
    pub unread: usize,
    /// The pictures that members refer to.
    pictures: Arc<Vec<Picture>>,
    /// What was read from standard input, which can't be read again.
    stdin: Option<Arc<str>>,
}

impl Roster {
    /// The set that the roster is: complete for the tenants whose manifest is in it, if all of it could be read.
    pub fn set(&self) -> Set {
        let tenants = self.present.iter().filter(|key| key.kind == Kind::Tenant);
        let complete: HashSet<Handle> =
            if self.unread == 0 { tenants.map(|key| key.handle.clone()).collect() } else { HashSet::new() };
        Set { objects: self.present.clone(), complete, is_partial: self.unread > 0, pictures: self.pictures.clone() }
    }

    /// What the engine said of an object, at its place in the files. `message` may begin with a field's path.
    pub fn complaint(&self, key: &Key, message: &str) -> Complaint {
        let Some(origin) = self.origins.get(key) else { return Complaint::placeless(key, message) };
        let path = message.split_once(": ").map_or("", |(path, _)| path);
        let path = if path.starts_with("spec") || path.starts_with("metadata") { path } else { "" };
        let text = match (&*origin.file, &self.stdin) {
            ("<stdin>", Some(text)) => text.clone(),
            (file, _) => std::fs::read_to_string(file).map(Arc::from).unwrap_or_else(|_| Arc::from("")),
        };
        Complaint::at(origin, &text, About::Object(key), path, message)
    }
}

/// A file's text, before it is taken apart.
struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

/// Reads a roster from files, folders and `-`. `namespace` is for manifests that name none.
pub fn read(paths: &[PathBuf], namespace: &str) -> Roster {
    let mut roster = Roster::default();
    let mut sources = Vec::new();
    let mut named = HashSet::new();
    for path in paths {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            match std::io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string()).and_then(|_| utf8(bytes)) {
                Ok(text) => {
                    roster.stdin = Some(text.clone());
                    sources.push(Source { name: "<stdin>".into(), text });
                }
                Err(error) => roster.unreadable("<stdin>", &error),
            }
            continue;
        }
        match files(path) {
            Ok(files) => {
                for file in files {
                    // The same file under two paths is one file.
                    let known = file.canonicalize().unwrap_or_else(|_| file.clone());
                    if !named.insert(known) {
                        continue;
                    }
                    let name = file.display().to_string();
                    match std::fs::read(&file).map_err(|error| error.to_string()).and_then(utf8) {
                        Ok(text) => sources.push(Source { name: name.into(), text }),
                        Err(error) => roster.unreadable(&name, &error),
                    }
                }
            }
            Err((path, error)) => roster.unreadable(&path.display().to_string(), &error),
        }
    }
    roster.take(&sources, &namespace.into());
    roster.pictures = pictures::of(&roster, paths, namespace).into();
    roster
}

fn utf8(bytes: Vec<u8>) -> Result<Arc<str>, String> {
    String::from_utf8(bytes).map(Arc::from).map_err(|error| format!("not a text in UTF-8: {error}"))
}

/// The files of a path: itself, or all YAML and JSON files below it, in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let failed = |error: std::io::Error| (path.to_owned(), error.to_string());
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    let mut list = Vec::new();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if entry.is_dir() {
            list.extend(files(&entry)?);
        } else if entry.extension().is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json"))) {
            list.push(entry);
        }
    }
    Ok(list)
}

impl Roster {
    fn unreadable(&mut self, file: &str, error: &str) {
        self.unread += 1;
        self.complaints.push(Complaint::unreadable(file, error));
    }

    /// Takes the documents of all sources, on every core.
    fn take(&mut self, sources: &[Source], namespace: &Arc<str>) {
        let mut parts: Vec<(usize, document::Part<'_>)> = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            parts.extend(document::parts(&source.text).into_iter().map(|part| (index, part)));
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = parts.len().div_ceil(cores).max(64);
        let read = |chunk: &[(usize, document::Part<'_>)]| -> Vec<Document> {
            chunk
                .iter()
                .flat_map(|(index, part)| document::read(&sources[*index].name, &sources[*index].text, part, namespace))
                .collect()
        };
        let documents: Vec<Document> = if parts.len() <= share {
            read(&parts)
        } else {
            std::thread::scope(|scope| {
                let workers: Vec<_> = parts.chunks(share).map(|chunk| scope.spawn(move || read(chunk))).collect();
                workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
            })
        };
        let mut present: HashSet<Key> = HashSet::new();
        let mut secrets = Contents::new();
        let mut by_key: BTreeMap<Key, Vec<(Submission, Origin)>> = BTreeMap::new();
        for document in documents {
            match document {
                Document::Foreign => self.skipped += 1,
                Document::Secret(handle, contents) => drop(secrets.insert(handle, contents)),
                Document::Unreadable(complaint) => {
                    self.unread += 1;
                    self.complaints.push(complaint);
                }
                Document::Refused(key, complaints) => {
                    present.insert(key);
                    self.complaints.extend(complaints);
                }
                Document::Manifest(submission, origin) => {
                    by_key.entry(submission.key.clone()).or_default().push((submission, origin));
                }
            }
        }
        for (key, mut manifests) in by_key {
            present.insert(key.clone());
            if manifests.len() > 1 {
                let places: Vec<String> =
                    manifests.iter().map(|(_, origin)| format!("{}:{}", origin.file, origin.line)).collect();
                for (_, origin) in &manifests[1..] {
                    let message =
                        format!("declared more than once, at {}; none of them was taken: keep one", places.join(" and "));
                    let text = sources.iter().find(|source| source.name == origin.file).map(|source| source.text.clone());
                    let about = About::Object(&key);
                    self.complaints.push(Complaint::at(origin, &text.unwrap_or_default(), about, "metadata.name", &message));
                }
                continue;
            }
            if let Some((submission, origin)) = manifests.pop() {
                self.origins.insert(key, origin);
                self.submissions.push(Arc::new(submission));
            }
        }
        self.present = Arc::new(present);
        self.secrets = Arc::new(secrets);
    }
}
