//! Secrets of files: those of the set are read, those of initial passwords are written to a folder. Their content
//! is in no message (R7). Called by the password work of `apply`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// Whether nothing is written nor removed: it is a rehearsal.
    pub rehearses: bool,
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
        let folder = self.out.clone().ok_or(Trouble::Nowhere)?;
        let path = path(&folder, &initial.secret());
        let text = manifest(initial, fresh);
        let (uid, order, fresh, rehearses) = (initial.uid.to_string(), initial.order.to_owned(), fresh.clone(), self.rehearses);
        blocking(move || {
            match Found::at(&path)? {
                Found::Nothing => {}
                Found::Foreign => return Err(Trouble::Exists),
                Found::Ours { member, .. } if member != uid => return Err(Trouble::Exists),
                Found::Ours { order: known, password, .. } if known == order => return Ok(password),
                Found::Ours { .. } => {}
            }
            if !rehearses {
                write(&folder, &path, text.expose()).map_err(|error| failed("writing", &path, &error))?;
            }
            Ok(fresh)
        })
        .await
    }

    async fn find(&self, member: &Uid, likely: Option<&Handle>) -> Result<Option<(Handle, Confidential)>, Trouble> {
        let folder = self.out.clone().ok_or(Trouble::Nowhere)?;
        let (likely, uid) = (likely.map(|secret| path(&folder, secret)), member.to_string());
        blocking(move || {
            for path in likely.into_iter().map(Ok).chain(files(&folder)?) {
                if let Found::Ours { secret, member, password, .. } = Found::at(&path?)?
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
        let folder = self.out.clone().ok_or(Trouble::Nowhere)?;
        let (path, uid, rehearses) = (path(&folder, secret), member.to_string(), self.rehearses);
        blocking(move || match Found::at(&path)? {
            Found::Ours { member, .. } if member == uid && !rehearses => {
                fs::remove_file(&path).map_err(|error| failed("removing", &path, &error))
            }
            Found::Ours { .. } | Found::Nothing | Found::Foreign => Ok(()),
        })
        .await
    }
}

/// The files of initial passwords in a folder, if it is there.
fn files(folder: &Path) -> Result<Vec<Result<PathBuf, Trouble>>, Trouble> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("reading", folder, &error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| failed("reading", folder, &error)));
    let is_one = |path: &Path| path.to_str().is_some_and(|path| path.ends_with("-initial-password.yaml"));
    Ok(paths.filter(|path| path.as_ref().map_or(true, |path| is_one(path))).collect())
}

/// Works where waiting for a disk holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Trouble::Failed("it was ended".into()))?
}

/// `DIR/NAMESPACE.NAME-initial-password.yaml`.
fn path(folder: &Path, secret: &Handle) -> PathBuf {
    folder.join(format!("{}.{}.yaml", secret.namespace, secret.name))
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
    fn at(path: &Path) -> Result<Found, Trouble> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(failed("reading", path, &error)),
        };
        let Ok(manifest) = serde_saphyr::from_str::<Value>(&text) else { return Ok(Found::Foreign) };
        let annotation = |name: &str| manifest["metadata"]["annotations"][name].as_str().map(str::to_owned);
        let password = manifest["stringData"][PASSWORD_KEY].as_str().map(Confidential::new);
        Ok(match (annotation(MEMBER_ANNOTATION), annotation(ORDER_ANNOTATION), password) {
            (Some(member), Some(order), Some(password)) => {
                let name = |field: &str| manifest["metadata"][field].as_str().unwrap_or_default();
                Found::Ours { secret: Handle::new(name("namespace"), name("name")), member, order, password }
            }
            _ => Found::Foreign,
        })
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
