//! Secrets of files: those of the set are read, those of initial passwords are written to a folder. Their content
//! is in no message (R7). Called by the password work of `apply`.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::yaml;
use crate::api::secret::{Contents, Data, Unusable, content};
use crate::api::{Confidential, Handle};
use crate::credentials::{Initial, MEMBER_ANNOTATION, ORDER_ANNOTATION, PASSWORD_KEY, Secrets, Trouble, USERNAME_KEY};
use crate::record::Uid;

/// The Secrets of a set, and the folder for those that are made.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub set: Arc<Contents>,
    /// Where new Secrets are written to.
    pub out: Option<PathBuf>,
    /// In a rehearsal nothing is written nor removed: what would be in the folder is kept here.
    pub rehearsal: Option<Rehearsal>,
}

/// What would be in files: a text, or nothing.
type Texts = BTreeMap<PathBuf, Option<Confidential>>;
/// What a rehearsal would have left.
pub type Rehearsal = Arc<Mutex<Texts>>;

/// The folder of initial passwords, as it is or as a rehearsal would have left it.
struct Folder {
    path: PathBuf,
    rehearsal: Option<Rehearsal>,
}

/// What a manifest of a Secret holds: `stringData` before `data`, as on the API server.
pub fn contents(fields: &Map<String, Value>) -> Data {
    let of = |name: &str| fields.get(name).and_then(Value::as_object).into_iter().flatten();
    let data = of("data").map(|(key, value)| {
        let decoded = ByteString::deserialize(value).map(|bytes| Confidential::new(bytes.0));
        (key.clone(), decoded.map_err(|_| Unusable::NotBase64))
    });
    let plain =
        of("stringData").map(|(key, value)| (key.clone(), value.as_str().map(Confidential::new).ok_or(Unusable::NotText)));
    data.chain(plain).collect()
}

impl Secrets for Files {
    async fn read(&self, secret: &Handle, key: &str) -> Result<Confidential, Trouble> {
        Ok(content(&self.set, secret, key)?)
    }

    async fn keep(&self, initial: &Initial<'_>, fresh: &Confidential) -> Result<Confidential, Trouble> {
        let (secret, text) = (initial.secret(), manifest(initial, fresh));
        let (uid, order, fresh) = (initial.uid.to_string(), initial.order.to_owned(), fresh.clone());
        self.folder(move |folder| {
            let path = folder.of(&secret);
            match folder.found(&path)? {
                Found::Nothing => {}
                Found::Foreign => return Err(Trouble::Exists),
                Found::Ours { member, .. } if member != uid => return Err(Trouble::Exists),
                Found::Ours { order: known, password, .. } if known == order => return Ok(password),
                Found::Ours { .. } => {}
            }
            folder.put(path, Some(text))?;
            Ok(fresh)
        })
        .await
    }

    async fn find(&self, member: &Uid, likely: Option<&Handle>) -> Result<Option<(Handle, Confidential)>, Trouble> {
        let (likely, uid) = (likely.cloned(), member.to_string());
        self.folder(move |folder| {
            let likely = likely.map(|secret| Ok(folder.of(&secret)));
            for path in likely.into_iter().chain(folder.files()?) {
                if let Found::Ours { secret, member, password, .. } = folder.found(&path?)?
                    && member == uid
                {
                    return Ok(Some((secret, password)));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn remove(&self, member: &Uid, secret: &Handle) -> Result<(), Trouble> {
        let (secret, uid) = (secret.clone(), member.to_string());
        self.folder(move |folder| {
            let path = folder.of(&secret);
            match folder.found(&path)? {
                Found::Ours { member, .. } if member == uid => folder.put(path, None),
                Found::Ours { .. } | Found::Nothing | Found::Foreign => Ok(()),
            }
        })
        .await
    }
}

impl Files {
    /// Works in the folder, where waiting for a disk holds up nobody.
    async fn folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let path = self.out.clone().ok_or(Trouble::Nowhere)?;
        let folder = Folder { path, rehearsal: self.rehearsal.clone() };
        let worked = tokio::task::spawn_blocking(move || work(&folder)).await;
        worked.map_err(|_| Trouble::Failed("it was ended".into()))?
    }
}

impl Folder {
    /// `DIR/NAMESPACE.NAME-initial-password.yaml`.
    fn of(&self, secret: &Handle) -> PathBuf {
        self.path.join(format!("{}.{}.yaml", secret.namespace, secret.name))
    }

    /// The files of initial passwords, if the folder is there.
    fn files(&self) -> Result<Vec<Result<PathBuf, Trouble>>, Trouble> {
        let failed = |error| failed("reading", &self.path, &error);
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let paths = entries.into_iter().flatten().map(|entry| entry.map(|entry| entry.path()).map_err(failed));
        let rehearsed = self.rehearsed().map(|rehearsed| rehearsed.keys().cloned().map(Ok).collect::<Vec<_>>());
        let is_one = |path: &Path| path.to_str().is_some_and(|path| path.ends_with("-initial-password.yaml"));
        let all = paths.chain(rehearsed.into_iter().flatten());
        Ok(all.filter(|path| path.as_ref().map_or(true, |path| is_one(path))).collect())
    }

    /// What is at the place of an initial password.
    fn found(&self, path: &Path) -> Result<Found, Trouble> {
        if let Some(rehearsed) = self.rehearsed().and_then(|rehearsed| rehearsed.get(path).cloned()) {
            return Ok(rehearsed.map_or(Found::Nothing, |text| Found::of(text.expose_text().unwrap_or_default())));
        }
        match fs::read_to_string(path) {
            Ok(text) => Ok(Found::of(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(failed("reading", path, &error)),
        }
    }

    /// Puts a text at a place, or nothing.
    fn put(&self, path: PathBuf, text: Option<Confidential>) -> Result<(), Trouble> {
        if let Some(mut rehearsed) = self.rehearsed() {
            rehearsed.insert(path, text);
            return Ok(());
        }
        match text {
            Some(text) => write(&self.path, &path, text.expose()).map_err(|error| failed("writing", &path, &error)),
            None => fs::remove_file(&path).map_err(|error| failed("removing", &path, &error)),
        }
    }

    fn rehearsed(&self) -> Option<MutexGuard<'_, Texts>> {
        let rehearsal = self.rehearsal.as_ref()?;
        Some(rehearsal.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The manifest of an initial password.
fn manifest(initial: &Initial<'_>, password: &Confidential) -> Confidential {
    let secret = initial.secret();
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": secret.namespace, "name": secret.name,
            "annotations": { MEMBER_ANNOTATION: initial.uid.as_str(), ORDER_ANNOTATION: initial.order },
        },
        "type": "kubernetes.io/basic-auth",
        "stringData": { USERNAME_KEY: initial.username, PASSWORD_KEY: password.expose_text().unwrap_or_default() },
    });
    Confidential::new(yaml::write(&manifest).unwrap_or_default())
}

/// What is at the place of an initial password.
enum Found {
    Nothing,
    Foreign,
    Ours { secret: Handle, member: String, order: String, password: Confidential },
}

impl Found {
    fn of(text: &str) -> Found {
        let Ok(manifest) = serde_saphyr::from_str::<Value>(text) else { return Found::Foreign };
        let annotation = |name: &str| manifest["metadata"]["annotations"][name].as_str().map(str::to_owned);
        let password = manifest["stringData"][PASSWORD_KEY].as_str().map(Confidential::new);
        match (annotation(MEMBER_ANNOTATION), annotation(ORDER_ANNOTATION), password) {
            (Some(member), Some(order), Some(password)) => {
                let name = |field: &str| manifest["metadata"][field].as_str().unwrap_or_default();
                Found::Ours { secret: Handle::new(name("namespace"), name("name")), member, order, password }
            }
            _ => Found::Foreign,
        }
    }
}

/// Writes a file that only its owner may read, whole or not at all.
fn write(folder: &Path, path: &Path, text: &[u8]) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let part = path.with_extension("part");
    // What an earlier run may have left half written.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    // The name is to last, too.
    fs::File::open(folder)?.sync_all()
}

fn failed(doing: &str, path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Failed(format!("{doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_comes_before_data() {
        let secret = json!({"data": {"a": "YQ==", "b": "Yg==", "c": "?"}, "stringData": {"b": "other", "d": 7}});
        let contents = contents(secret.as_object().unwrap());
        let text = |key: &str| contents[key].as_ref().map(|content| content.expose_text().unwrap()).map_err(|why| *why);
        assert_eq!((text("a"), text("b")), (Ok("a"), Ok("other")));
        assert_eq!((text("c"), text("d")), (Err(Unusable::NotBase64), Err(Unusable::NotText)));
    }
}
