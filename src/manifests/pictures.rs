//! The pictures that members of a roster refer to (M3): a file beside the manifest, or a key of a Secret or ConfigMap
//! that is a manifest of the same roster. Each is read when it is looked at, and not kept. Called by the reading of a roster.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Roster, document, files, utf8};
use crate::api::Kind;
use crate::api::common::KeyRef;
use crate::api::photo::{Place, Source};
use crate::reconcile::pictures::{LIMIT, Look, Picture, in_config_map, in_secret};

/// The pictures of a roster that was read from these paths.
pub fn of(roster: &Roster, paths: &[PathBuf], namespace: &str) -> Vec<Picture> {
    let members = roster.submissions.iter().filter(|submission| submission.key.kind == Kind::Member);
    // Few refer to one, and a hundred thousand may be there.
    let mut list = Vec::new();
    let mut wanted: Vec<(Source, KeyRef, Arc<str>)> = Vec::new();
    let mut from_keys = Vec::new();
    for submission in members.filter(|submission| submission.spec.contains("\"photo\"")) {
        let Ok(spec) = serde_json::from_str::<Value>(&submission.spec) else { continue };
        let member = submission.key.handle.clone();
        let (source, reference) = match Place::of(&spec["photo"]) {
            Some(Place::File(file)) => {
                let beside = roster.origins.get(&submission.key).map(|origin| Path::new(&*origin.file).to_owned());
                let folder = beside.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
                let path = folder.join(&file);
                list.push(Picture { member, look: Arc::new(move || look_at(&path)) });
                continue;
            }
            Some(Place::Key(source, reference)) => (source, reference),
            None => continue,
        };
        wanted.push((source, reference.clone(), member.namespace.clone()));
        from_keys.push((member, source, reference));
    }
    if !wanted.is_empty() {
        let (paths, stdin, namespace) = (paths.to_vec(), roster.stdin.clone(), namespace.to_owned());
        let keys = Arc::new(Keys { wanted, paths, stdin, namespace, read: OnceLock::new() });
        for (member, source, reference) in from_keys {
            let keys = keys.clone();
            let namespace = member.namespace.clone();
            list.push(Picture { member, look: Arc::new(move || keys.look_at(source, &reference, &namespace)) });
        }
    }
    list
}

fn look_at(path: &Path) -> Look {
    let missing = |error: std::io::Error| Look::Missing(format!("{} can't be read: {error}", path.display()));
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() >= LIMIT => Look::TooLarge,
        Ok(_) => std::fs::read(path).map_or_else(missing, Look::Content),
        Err(error) => missing(error),
    }
}

/// The keys of Secrets and ConfigMaps that pictures are in: read from the files once, when the first is looked at.
struct Keys {
    wanted: Vec<(Source, KeyRef, Arc<str>)>,
    paths: Vec<PathBuf>,
    stdin: Option<Arc<str>>,
    namespace: String,
    read: OnceLock<HashMap<String, Vec<u8>>>,
}

impl Keys {
    fn look_at(&self, source: Source, reference: &KeyRef, namespace: &str) -> Look {
        let read = self.read.get_or_init(|| self.read());
        match read.get(&name(source, namespace, reference.name.as_str(), reference.key.as_str())) {
            Some(content) => Look::Content(content.clone()),
            None => Look::Missing(format!(
                "no {} `{}` with the key `{}` is among the manifests",
                source.name(),
                reference.name,
                reference.key
            )),
        }
    }

    fn read(&self) -> HashMap<String, Vec<u8>> {
        let mut found = HashMap::new();
        let on_disk = self.paths.iter().filter_map(|path| files(path).ok()).flatten();
        let texts =
            on_disk.filter_map(|file| std::fs::read(file).ok().and_then(|bytes| utf8(bytes).ok())).chain(self.stdin.clone());
        for text in texts {
            for part in document::parts(&text)
                .iter()
                .filter(|part| [Source::Secret, Source::ConfigMap].iter().any(|source| part.mentions(source.name())))
            {
                let Some(value) = part.value() else { continue };
                match value["items"].as_array() {
                    Some(items) if value["kind"] == "List" => items.iter().for_each(|item| self.take(item, &mut found)),
                    _ => self.take(&value, &mut found),
                }
            }
        }
        found
    }

    /// Takes the keys of an object that are wanted.
    fn take(&self, object: &Value, found: &mut HashMap<String, Vec<u8>>) {
        if object["apiVersion"] != "v1" {
            return;
        }
        let own = object["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&self.namespace);
        for (source, reference, of) in
            self.wanted.iter().filter(|(_, reference, of)| reference.name.as_str() == own && **of == *namespace)
        {
            let key = reference.key.as_str();
            let content = match source {
                Source::Secret if object["kind"] == "Secret" => typed(object).and_then(|secret| in_secret(secret, key)),
                Source::ConfigMap if object["kind"] == "ConfigMap" => typed(object).and_then(|map| in_config_map(map, key)),
                Source::Secret | Source::ConfigMap => None,
            };
            if let Some(content) = content {
                found.insert(name(*source, of, own, key), content);
            }
        }
    }
}

fn typed<T: DeserializeOwned>(object: &Value) -> Option<T> {
    serde_json::from_value(object.clone()).ok()
}

fn name(source: Source, namespace: &str, name: &str, key: &str) -> String {
    format!("{}/{namespace}/{name}/{key}", source.name())
}
