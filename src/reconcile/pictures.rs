//! Members' pictures (M3): looked at where the manifests say, judged by their content, kept where they are others than
//! before. A picture never holds up its member. Called when a set is carried out, after its members are there.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use imagesize::ImageType;
use jiff::Timestamp;
use ring::digest;

use super::{Done, Engine};
use crate::api::{Handle, Kind};
use crate::directory::audit::hex;
use crate::directory::records::{By, handle_keys};
use crate::directory::{Error, accounts, photos, records};
use crate::record::account::{Photo, PhotoFact};
use crate::record::{Record, Uid};

/// A picture is smaller than this, in bytes (M3).
pub const LIMIT: u64 = 10 * 1024 * 1024;

/// What is found where a picture should be.
pub enum Found {
    Content(Vec<u8>),
    /// Nothing, and why.
    Missing(String),
    /// More than a picture may have.
    TooLarge,
}

/// A picture that a member refers to, and how to look at it.
#[derive(Clone)]
pub struct Picture {
    pub member: Handle,
    pub look: Arc<dyn Fn() -> Found + Send + Sync>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("member", &self.member).finish_non_exhaustive()
    }
}

/// Members looked up at once.
const PAGE: usize = 100;

/// Keeps those pictures that are others than before, and has the members looked at again whose are.
pub async fn keep(engine: &mut Engine, pictures: &[Picture], now: Timestamp) -> Result<Done, Error> {
    let mut news = false;
    for page in pictures.chunks(PAGE) {
        let mut tx = engine.directory.read().await?;
        let handles = handle_keys(page.iter().map(|picture| &picture.member));
        let found = records::load(&mut tx, Kind::Member, By::Handle, handles).await?;
        let members: HashMap<Handle, Uid> = found
            .into_iter()
            .filter_map(|record| match record {
                Record::Member(member) if !member.is_deleted() && member.intent.spec.photo.is_some() => {
                    Some((member.handle.clone(), member.uid.clone()))
                }
                Record::Member(_) | Record::Tenant(_) | Record::Organization(_) | Record::ExternalContact(_) => None,
            })
            .collect();
        let uids: Vec<Uid> = members.values().cloned().collect();
        let known = photos::load(&mut tx, &uids).await?;
        drop(tx);
        for picture in page {
            let Some(uid) = members.get(&picture.member) else { continue };
            let look = picture.look.clone();
            let judged = tokio::task::spawn_blocking(move || judged(look())).await;
            let (fact, content) = judged.map_err(|error| Error::Corrupt(format!("looking at a picture: {error}")))?;
            if known.get(uid) == Some(&fact) {
                continue;
            }
            let mut tx = engine.directory.write().await?;
            photos::keep(&mut tx, uid, &fact, content).await?;
            accounts::tell(&mut tx, uuid::Uuid::now_v7().to_string(), uid).await?;
            tx.commit().await?;
            news = true;
        }
    }
    if news { engine.advance(now).await } else { Ok(Done::default()) }
}

/// Judges a picture by its content.
fn judged(found: Found) -> (PhotoFact, Option<Vec<u8>>) {
    let content = match found {
        Found::Missing(why) => return (PhotoFact::NotFound(why), None),
        Found::TooLarge => return (PhotoFact::Invalid("10 MB or more; a picture has less".to_owned()), None),
        Found::Content(content) => content,
    };
    if content.len() as u64 >= LIMIT {
        return judged(Found::TooLarge);
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
        judged(Found::Content(content.to_vec())).0
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
