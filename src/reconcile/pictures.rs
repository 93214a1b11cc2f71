//! Members' pictures (M3): looked for where the manifests say, judged by their content, kept where they are others than
//! before. A picture never holds up its member. Called when a set is carried out, after its members are there, and by the
//! picture work of a cluster.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, stream};
use imagesize::ImageType;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use ring::digest;

use super::{Done, Engine};
use crate::api::{Handle, Kind};
use crate::directory::audit::hex;
use crate::directory::cells::handle_keys;
use crate::directory::photos::{Found, Order};
use crate::directory::random::identifier;
use crate::directory::records::By;
use crate::directory::{Directory, Error, accounts, photos, records};
use crate::record::account::{Photo, PhotoFact};
use crate::record::{Record, Uid};

/// A picture is smaller than this, in bytes (M3).
pub const LIMIT: u64 = 10_000_000;
/// How many orders are taken up at once.
const PAGE: i64 = 100;
/// How many pictures are looked at, and in memory, at once.
const AT_ONCE: usize = 8;

/// What a key of a Secret holds.
pub fn in_secret(secret: Secret, key: &str) -> Option<Vec<u8>> {
    let plain = secret.string_data.and_then(|mut data| data.remove(key)).map(String::into_bytes);
    plain.or_else(|| secret.data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0))
}

/// What a key of a ConfigMap holds.
pub fn in_config_map(map: ConfigMap, key: &str) -> Option<Vec<u8>> {
    let binary = map.binary_data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0);
    binary.or_else(|| map.data.and_then(|mut data| data.remove(key)).map(String::into_bytes))
}

/// What came of looking for a picture.
pub struct Looked {
    pub look: Look,
    /// The version of the object on a cluster that it was looked for in.
    pub version: Option<String>,
    /// Whether nobody answered, so that it is to be tried again.
    pub again: bool,
}

impl From<Look> for Looked {
    fn from(look: Look) -> Self {
        Looked { look, version: None, again: false }
    }
}

/// What is at the place.
pub enum Look {
    Content(Vec<u8>),
    /// Nothing, and why.
    Missing(String),
    /// More than a picture may have.
    TooLarge,
}

/// Where pictures are: a set of files, or a cluster.
pub trait Pictures: Sync {
    /// Looks for the picture of a member.
    fn look(&self, order: &Order) -> impl Future<Output = Result<Looked, Error>> + Send;
}

/// A picture that a member of a set refers to, and how to look at it.
#[derive(Clone)]
pub struct Picture {
    pub member: Handle,
    pub look: Arc<dyn Fn() -> Look + Send + Sync>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Looks at the pictures of a set, and has the members looked at again whose are others than before.
pub async fn keep(engine: &mut Engine, pictures: &[Picture], now: Timestamp) -> Result<Done, Error> {
    for page in pictures.chunks(1_000) {
        let mut tx = engine.directory.read().await?;
        let handles = handle_keys(page.iter().map(|picture| &picture.member));
        let found = records::load(&mut tx, Kind::Member, By::Handle, handles).await?;
        drop(tx);
        let members: Vec<Uid> = found
            .into_iter()
            .filter_map(|record| match record {
                Record::Member(member) => member.intent.spec.photo.is_some().then(|| member.uid.clone()),
                Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_) => None,
            })
            .collect();
        let mut tx = engine.directory.write().await?;
        photos::order(&mut tx, &members).await?;
        tx.commit().await?;
    }
    seek(engine, pictures, now).await
}

/// Looks at those pictures of a set that are ordered, and has the members looked at again whose are others than before.
pub async fn seek(engine: &mut Engine, pictures: &[Picture], now: Timestamp) -> Result<Done, Error> {
    let set = OfSet(pictures.iter().map(|picture| (&picture.member, picture)).collect());
    let carried = carry_out(&engine.directory, &HashSet::new(), &set).await?;
    if carried.news { engine.advance(now).await } else { Ok(Done::default()) }
}

/// The pictures of a set.
struct OfSet<'p>(HashMap<&'p Handle, &'p Picture>);

impl Pictures for OfSet<'_> {
    async fn look(&self, order: &Order) -> Result<Looked, Error> {
        let Some(picture) = self.0.get(&order.handle) else {
            let why = "its manifest was not among those that were applied; apply it again".to_owned();
            return Ok(Look::Missing(why).into());
        };
        let look = picture.look.clone();
        let looked = tokio::task::spawn_blocking(move || look()).await;
        looked.map(Looked::from).map_err(|error| Error::Corrupt(format!("looking at a picture: {error}")))
    }
}

/// What came of looking for the pictures that are ordered.
#[derive(Debug, Default)]
pub struct Carried {
    /// Whether any is another than before.
    pub news: bool,
    /// The orders that are to be tried again.
    pub again: Vec<String>,
}

/// Looks for the pictures that are ordered, but for those orders that are to be left for now.
pub async fn carry_out(directory: &Directory, left: &HashSet<String>, pictures: &impl Pictures) -> Result<Carried, Error> {
    let (mut after, mut carried) = (String::new(), Carried::default());
    loop {
        let mut tx = directory.read().await?;
        let orders = photos::orders(&mut tx, &after, PAGE).await?;
        let Some(last) = orders.last() else { return Ok(carried) };
        after.clone_from(&last.id);
        let members: Vec<Uid> = orders.iter().map(|order| order.member.clone()).collect();
        let known = photos::load(&mut tx, &members).await?;
        drop(tx);
        let looks = stream::iter(orders.into_iter().filter(|order| !left.contains(&order.id))).map(|order| async move {
            let Looked { look: found, version, again } = pictures.look(&order).await?;
            let judged = tokio::task::spawn_blocking(move || judged(found)).await;
            let (fact, content) = judged.map_err(|error| Error::Corrupt(format!("looking at a picture: {error}")))?;
            Ok::<_, Error>((order, Found { fact, content, version }, again))
        });
        let mut looked = std::pin::pin!(looks.buffer_unordered(AT_ONCE));
        let mut unchanged = Vec::new();
        while let Some(looked) = looked.next().await {
            let (Order { id, member, .. }, found, again) = looked?;
            if found.version.is_none() && !again && known.get(&member) == Some(&found.fact) {
                unchanged.push(id);
                continue;
            }
            let mut tx = directory.write().await?;
            // It takes a while to look, and the member may have been purged meanwhile.
            let is_there = records::keep_still(&mut tx, By::Uid, vec![member.as_str().into()]).await?;
            if is_there && photos::keep(&mut tx, &member, found).await? {
                accounts::tell(&mut tx, identifier(), &member).await?;
                carried.news = true;
            }
            if again {
                carried.again.push(id);
            } else {
                photos::settle(&mut tx, &[id]).await?;
            }
            tx.commit().await?;
        }
        if !unchanged.is_empty() {
            let mut tx = directory.write().await?;
            photos::settle(&mut tx, &unchanged).await?;
            tx.commit().await?;
        }
    }
}

/// Judges a picture by its content.
fn judged(found: Look) -> (PhotoFact, Option<Vec<u8>>) {
    let content = match found {
        Look::Missing(why) => return (PhotoFact::NotFound(why), None),
        Look::TooLarge => return (PhotoFact::Invalid("10 MB or more; a picture has less".to_owned()), None),
        Look::Content(content) => content,
    };
    if content.len() as u64 >= LIMIT {
        return judged(Look::TooLarge);
    }
    let media_type = match imagesize::image_type(&content) {
        Ok(ImageType::Png) => "image/png",
        Ok(ImageType::Jpeg) => "image/jpeg",
        // Formats that are not ours, whichever there are.
        Ok(_) | Err(_) => return (PhotoFact::Invalid("by its content neither PNG nor JPEG".to_owned()), None),
    };
    let Ok(size) = imagesize::blob_size(&content) else {
        return (PhotoFact::Invalid(format!("{media_type} that is damaged: it tells no size")), None);
    };
    let [width, height] = [size.width, size.height].map(|length| i64::try_from(length).unwrap_or(i64::MAX));
    let digest = hex(digest::digest(&digest::SHA256, &content).as_ref());
    (PhotoFact::Kept(Photo { media_type: media_type.to_owned(), width, height, digest }), Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &[u8]) -> PhotoFact {
        judged(Look::Content(content.to_vec())).0
    }

    #[test]
    fn a_picture_is_what_its_content_says() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &640_u32.to_be_bytes(), &480_u32.to_be_bytes()].concat();
        match of(&png) {
            PhotoFact::Kept(Photo { media_type, width: 640, height: 480, digest }) => {
                assert_eq!((media_type.as_str(), digest.len()), ("image/png", 64));
            }
            other => panic!("{other:?}"),
        }
        for bad in [b"".as_slice(), b"GIF89a\x01\0\x01\0", b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"jane.png"] {
            assert!(matches!(of(bad), PhotoFact::Invalid(_)), "{bad:?}");
        }
    }
}
