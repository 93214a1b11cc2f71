//! What follows from a commit is queued in memory and done after it. A run that was killed in between leaves word of
//! that: whoever leads next looks at everything once more. Called by the engine before it works, and after.

use jiff::Timestamp;

use super::Done;
use super::engine::{BATCH, Engine};
use super::request::Request;
use crate::api::{Key, Kind, Reason};
use crate::directory::declarations::{self, Filter};
use crate::directory::{Error, holds, unattended, unfinished};
use crate::lifecycle::Trigger;
use crate::record::Record;

/// What is known of commits whose consequences are not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It was not looked yet what the last leader left.
    Unknown,
    Nothing,
    /// Consequences of this engine's own commits are on their way.
    Own,
}

impl Engine {
    /// Does what a run that was killed has left, if there is anything.
    pub(super) async fn take_up(&mut self, now: Timestamp, done: &mut Done) -> Result<(), Error> {
        if self.unfinished != Unfinished::Unknown {
            return Ok(());
        }
        if unfinished::is_noted(&mut self.directory.read().await?).await? {
            tracing::info!("the last run did not come to its end: everything is looked at once more");
            let mut after: Option<Key> = None;
            loop {
                let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
                let page = declarations::page(&mut self.directory.read().await?, after.as_ref(), limit).await?;
                after = page.last().cloned();
                self.revisit(page, now, done).await?;
                if after.is_none() {
                    break;
                }
            }
            let mut left = Vec::new();
            for kind in [Kind::Member, Kind::ExternalContact] {
                let filter = Filter { namespace: None, name: None };
                let records = unattended::undeclared(&mut self.directory.read().await?, kind, &filter).await?;
                left.extend(records.iter().map(Record::key));
            }
            self.revisit(left, now, done).await?;
            self.release_from_holds().await?;
            self.unfinished = Unfinished::Own;
        } else {
            self.unfinished = Unfinished::Nothing;
        }
        Ok(())
    }

    async fn revisit(&mut self, keys: Vec<Key>, now: Timestamp, done: &mut Done) -> Result<(), Error> {
        for key in keys {
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        self.work(now, &mut |_| (), done).await
    }

    /// Has whoever is held no more, and is listed still, taken out of its hold (T11).
    async fn release_from_holds(&mut self) -> Result<(), Error> {
        let held = Reason::AccessLossHeld.name();
        let mut tx = self.directory.read().await?;
        for hold in holds::all(&mut tx, held).await? {
            let key = |(name, _): &(String, String)| Key::new(Kind::Member, hold.tenant.sibling(name));
            let mut listed: Vec<Key> = hold.items.iter().map(key).collect();
            let declared = declarations::load(&mut tx, &listed).await?;
            let is_held = |key: &Key| {
                let mut of_it = declared.iter().filter(|declaration| declaration.key == *key);
                of_it.any(|declaration| declaration.reason == held || declaration.removal.as_deref() == Some(held))
            };
            listed.retain(|key| !is_held(key));
            self.put_off.released.extend(listed.into_iter().map(|key| (hold.tenant.clone(), key)));
        }
        Ok(())
    }

    /// Notes that all is done that followed.
    pub(super) async fn finish(&mut self) -> Result<(), Error> {
        if self.unfinished == Unfinished::Own {
            let mut tx = self.leader.begin(&self.directory).await?;
            unfinished::clear(&mut tx).await?;
            tx.commit().await?;
            self.unfinished = Unfinished::Nothing;
        }
        Ok(())
    }
}
