//! Secrets of a cluster: read one by one when they are referenced, as ConfigMaps are, written for initial passwords. Only
//! in the namespaces that were opened to it; the content is in no message (R7). Called by the work on passwords and pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};

use super::Settings;
use super::referents::version;
use super::watch::objects;
use super::writer::MANAGER;
use crate::api::photo::Source;
use crate::api::secret::Unusable;
use crate::api::{API_VERSION, Confidential, Handle, Kind};
use crate::credentials::{Initial, MEMBER_ANNOTATION, ORDER_ANNOTATION, PASSWORD_KEY, Secrets, Trouble, USERNAME_KEY};
use crate::reconcile::pictures::{in_config_map, in_secret};
use crate::reconcile::{Reading, Secrets as Confirming};
use crate::record::Uid;

/// What is told where a namespace was not opened.
pub const NOT_ENABLED: &str = "the namespace is not among `secretNamespaces` of the chart (--secrets-namespace)";
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is tried to write a Secret that somebody else writes at the same time.
const ATTEMPTS: usize = 3;

/// The Secrets of a cluster.
#[derive(Clone)]
pub struct Cluster {
    pub client: Client,
    /// The namespaces whose Secrets may be read and written.
    pub namespaces: Arc<BTreeSet<Arc<str>>>,
}

impl Cluster {
    /// The Secrets in the namespaces that were opened.
    pub fn of(settings: &Settings) -> Self {
        let namespaces = settings.secret_namespaces.iter().cloned().collect();
        Cluster { client: settings.clients.calling.clone(), namespaces: Arc::new(namespaces) }
    }

    /// The objects of a kind beside this one, if their namespace was opened.
    fn opened<K>(&self, object: &Handle) -> Result<Api<K>, Trouble>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        if !self.namespaces.contains(&object.namespace) {
            return Err(Trouble::NotEnabled);
        }
        Ok(Api::namespaced(self.client.clone(), &object.namespace))
    }

    /// What a key of an object holds, and the version of the object.
    pub async fn read_picture(&self, source: Source, object: &Handle, key: &str) -> Result<(Option<Vec<u8>>, String), Trouble> {
        match source {
            Source::Secret => {
                let found = called(self.opened::<Secret>(object)?.get_opt(&object.name)).await?.ok_or(Unusable::NotFound)?;
                let version = version(&found.metadata);
                Ok((in_secret(found, key), version))
            }
            Source::ConfigMap => {
                let found = called(self.opened::<ConfigMap>(object)?.get_opt(&object.name)).await?.ok_or(Unusable::NotFound)?;
                let version = version(&found.metadata);
                Ok((in_config_map(found, key), version))
            }
        }
    }

    /// Who owns a Secret that is made for a member: with it, it goes.
    async fn owner(&self, member: &Handle) -> Result<OwnerReference, Trouble> {
        let members = objects(&self.client, Kind::Member, Some(&member.namespace));
        let found = called(members.get_metadata_opt(&member.name)).await?;
        let uid = found.and_then(|found| found.metadata.uid);
        let uid = uid.ok_or_else(|| Trouble::Failed("the Member resource is not there".into()))?;
        Ok(OwnerReference {
            api_version: API_VERSION.to_owned(),
            kind: Kind::Member.name().to_owned(),
            name: member.name.to_string(),
            uid,
            ..OwnerReference::default()
        })
    }

    /// The Secret of an initial password, as it is to be.
    async fn made(&self, initial: &Initial<'_>, password: &Confidential, version: Option<String>) -> Result<Secret, Trouble> {
        let annotations = [(MEMBER_ANNOTATION, initial.uid.as_str()), (ORDER_ANNOTATION, initial.order)];
        let data = [(USERNAME_KEY, initial.username.as_bytes()), (PASSWORD_KEY, password.expose())];
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(initial.secret().name.to_string()),
                namespace: Some(initial.member.namespace.to_string()),
                labels: Some([(MEMBER_ANNOTATION.to_owned(), initial.uid.to_string())].into()),
                annotations: Some(annotations.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
                owner_references: Some(vec![self.owner(initial.member).await?]),
                // What somebody else has written meanwhile is not overwritten.
                resource_version: version,
                ..ObjectMeta::default()
            },
            data: Some(data.map(|(key, value)| (key.to_owned(), ByteString(value.to_vec()))).into()),
            type_: Some("kubernetes.io/basic-auth".to_owned()),
            ..Secret::default()
        })
    }
}

/// The same, for a password that confirms (T12).
impl Confirming for Cluster {
    fn read<'r>(&'r self, secret: &'r Handle, key: &'r str) -> Reading<'r> {
        Box::pin(async move {
            Secrets::read(self, secret, key).await.map_err(|trouble| match trouble {
                Trouble::NotEnabled => NOT_ENABLED.to_owned(),
                Trouble::Failed(why) => why,
                Trouble::Unusable(why) => format!("{why}; it is to hold the supreme administrator's password"),
                Trouble::Exists | Trouble::Nowhere => "it is not there".to_owned(),
            })
        })
    }
}

impl Secrets for Cluster {
    async fn read(&self, secret: &Handle, key: &str) -> Result<Confidential, Trouble> {
        let found = called(self.opened::<Secret>(secret)?.get_opt(&secret.name)).await?.ok_or(Unusable::NotFound)?;
        let content = found.data.and_then(|mut data| data.remove(key)).ok_or(Unusable::NoKey)?;
        Ok(Confidential::new(content.0))
    }

    async fn keep(&self, initial: &Initial<'_>, fresh: &Confidential) -> Result<Confidential, Trouble> {
        let name = initial.secret();
        let secrets = self.opened::<Secret>(&name)?;
        let parameters = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        for _ in 0..ATTEMPTS {
            let written = match called(secrets.get_opt(&name.name)).await? {
                None => {
                    let secret = self.made(initial, fresh, None).await?;
                    within(secrets.create(&parameters, &secret)).await?
                }
                Some(found) => {
                    let Marks { member, order } = Marks::of(&found);
                    if member != Some(initial.uid.as_str()) {
                        return Err(Trouble::Exists);
                    }
                    let there = found.data.as_ref().and_then(|data| data.get(PASSWORD_KEY));
                    if let Some(password) = there.filter(|_| order == Some(initial.order)) {
                        return Ok(Confidential::new(password.0.clone()));
                    }
                    let secret = self.made(initial, fresh, found.metadata.resource_version.clone()).await?;
                    within(secrets.replace(&name.name, &parameters, &secret)).await?
                }
            };
            match written {
                Ok(_) => return Ok(fresh.clone()),
                // Somebody was faster: what is there now is looked at.
                Err(kube::Error::Api(refusal)) if matches!(refusal.code, 404 | 409) => {}
                Err(error) => return Err(trouble(&error)),
            }
        }
        Err(Trouble::Failed("somebody else writes it again and again".into()))
    }

    async fn find(&self, member: &Uid, likely: Option<&Handle>) -> Result<Option<(Handle, Confidential)>, Trouble> {
        let labelled = ListParams::default().labels(&format!("{MEMBER_ANNOTATION}={member}"));
        let namespaces: Vec<&Arc<str>> = match likely {
            Some(secret) if !self.namespaces.contains(&secret.namespace) => return Err(Trouble::NotEnabled),
            Some(secret) => vec![&secret.namespace],
            None => self.namespaces.iter().collect(),
        };
        for namespace in namespaces {
            let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
            let mut found = called(secrets.list(&labelled)).await?.items;
            // What lies where it is to lie comes first.
            found.sort_by_key(|secret| likely.is_none_or(|likely| secret.metadata.name.as_deref() != Some(&*likely.name)));
            for secret in found.into_iter().filter(|secret| Marks::of(secret).member == Some(member.as_str())) {
                let password = secret.data.and_then(|mut data| data.remove(PASSWORD_KEY));
                if let (Some(name), Some(password)) = (secret.metadata.name, password) {
                    return Ok(Some((Handle::new(namespace.clone(), name), Confidential::new(password.0))));
                }
            }
        }
        Ok(None)
    }

    async fn remove(&self, member: &Uid, secret: &Handle) -> Result<(), Trouble> {
        let secrets = self.opened::<Secret>(secret)?;
        let Some(found) = called(secrets.get_opt(&secret.name)).await? else { return Ok(()) };
        if Marks::of(&found).member != Some(member.as_str()) {
            return Ok(());
        }
        let ObjectMeta { uid, resource_version, .. } = found.metadata;
        let parameters = DeleteParams { preconditions: Some(Preconditions { uid, resource_version }), ..DeleteParams::default() };
        match within(secrets.delete(&secret.name, &parameters)).await? {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(refusal)) if refusal.code == 404 => Ok(()),
            Err(error) => Err(trouble(&error)),
        }
    }
}

/// What a Secret says of whose it is.
struct Marks<'s> {
    member: Option<&'s str>,
    order: Option<&'s str>,
}

impl<'s> Marks<'s> {
    fn of(secret: &'s Secret) -> Marks<'s> {
        let annotations: Option<&BTreeMap<String, String>> = secret.metadata.annotations.as_ref();
        let of = |name: &str| annotations.and_then(|annotations| annotations.get(name)).map(String::as_str);
        Marks { member: of(MEMBER_ANNOTATION), order: of(ORDER_ANNOTATION) }
    }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<kube::Result<T>, Trouble> {
    let answer = tokio::time::timeout(TIMEOUT, call).await;
    answer.map_err(|_| Trouble::Failed(format!("no answer within {} s", TIMEOUT.as_secs())))
}

async fn called<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
    within(call).await?.map_err(|error| trouble(&error))
}

/// What went wrong, without anything of what was sent or answered: it may hold the content.
fn trouble(error: &kube::Error) -> Trouble {
    Trouble::Failed(match error {
        kube::Error::Api(refusal) => format!("the API server refuses it: {} ({})", refusal.reason, refusal.code),
        _ => "the API server did not answer as it should".to_owned(),
    })
}
