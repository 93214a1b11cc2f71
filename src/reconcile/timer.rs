//! What nobody asks for: what fell due, what services reported, what drifted. Found in the directory, and handed to the engine.
//! Called by the shells, again and again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Done;
use super::engine::{BATCH, Engine};
use super::request::Request;
use crate::api::{Key, Kind};
use crate::directory::unattended::{self, Due};
use crate::directory::{Error, charges, contacts, declarations, facts};
use crate::lifecycle::Trigger;

impl Engine {
    /// Does what fell due, folds in what services reported, sets back what somebody changed. While some of the set could not
    /// be read, no end of anybody or anything comes.
    pub async fn advance(&mut self, now: Timestamp) -> Result<Done, Error> {
        self.advance_to(now, true).await
    }

    /// The same before it is known what is declared by now: what would be the end of somebody or something waits, since a
    /// manifest may have withdrawn it in time.
    pub async fn advance_before_declared(&mut self, now: Timestamp) -> Result<Done, Error> {
        self.advance_to(now, false).await
    }

    /// The same after the work on passwords; that a member has a first one is told by that.
    pub(super) async fn advance_after_passwords(&mut self, now: Timestamp) -> Result<Done, Error> {
        let kept = std::mem::replace(&mut self.keep, usize::MAX);
        let done = self.advance(now).await;
        self.keep = kept;
        Ok(done?.beside_first_passwords())
    }

    async fn advance_to(&mut self, now: Timestamp, ends: bool) -> Result<Done, Error> {
        self.leader.check()?;
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let mut done = Done::default();
        // One round goes through all that fell due, a page at a time. What can't move on is found again in the next one.
        let (mut before, mut found, mut moved): (Vec<Key>, Vec<Key>, bool) = Default::default();
        let mut after: Option<Due> = None;
        loop {
            let mut tx = self.directory.read().await?;
            let ends = ends && self.clocks_agree() && !self.presence.is_partial();
            let due = unattended::due(&mut tx, now, ends, after.as_ref(), limit).await?;
            let news = facts::members_with_news(&mut tx, limit).await?;
            let reported = charges::tenants_with_news(&mut tx, now, limit, ends).await?;
            let contacts = contacts::with_news(&mut tx, limit).await?;
            let touched = declarations::touched(&mut tx).await?;
            let agree = self.clocks_agree();
            let clocks = if self.told_of_clocks.replace(agree) == Some(agree) {
                Vec::new()
            } else {
                declarations::tenants_to_tell_of_clocks(&mut tx, agree).await?
            };
            drop(tx);
            after = due.last().filter(|_| due.len() == BATCH).cloned();
            let mut requests: BTreeMap<Key, Trigger> = BTreeMap::new();
            requests.extend(clocks.into_iter().map(|key| (key, Trigger::Dependency)));
            requests.extend(touched.into_iter().map(|key| (key, Trigger::Scan)));
            requests.extend(news.into_iter().map(|handle| (Key::new(Kind::Member, handle), Trigger::Fact)));
            requests.extend(reported.into_iter().map(|handle| (Key::new(Kind::Tenant, handle), Trigger::Fact)));
            requests.extend(contacts.into_iter().map(|key| (key, Trigger::Fact)));
            requests.extend(due.into_iter().map(|due| (due.key, Trigger::Time)));
            found.extend(requests.keys().cloned());
            if !requests.is_empty() || !self.queue.is_empty() || self.mails_ordered {
                for (key, trigger) in requests {
                    self.enqueue(Request::revisit(key, trigger));
                }
                let step = self.drain(now, &mut |_| ()).await?;
                moved |= step.rows() > 0;
                self.add(&mut done, step);
            }
            if after.is_none() {
                if !moved && (found.is_empty() || found == before) {
                    return Ok(done);
                }
                before = std::mem::take(&mut found);
                moved = false;
            }
        }
    }

    /// Looks at every declared object once, for drift. Returns what was set back.
    pub async fn scan(&mut self, now: Timestamp) -> Result<Done, Error> {
        let mut done = Done::default();
        let mut after: Option<Key> = None;
        loop {
            let (page, last) = self.scan_page(after.as_ref(), now).await?;
            self.add(&mut done, page);
            if last.is_none() {
                return Ok(done);
            }
            after = last;
        }
    }

    /// One page of a scan: what it set back, and the last object that was looked at, if there may be more.
    pub async fn scan_page(&mut self, after: Option<&Key>, now: Timestamp) -> Result<(Done, Option<Key>), Error> {
        // Somebody may have acknowledged what is held.
        self.mails_ordered |= after.is_none();
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let page = declarations::page(&mut self.directory.read().await?, after, limit).await?;
        let last = page.last().cloned();
        for key in page {
            self.enqueue(Request::revisit(key, Trigger::Scan));
        }
        Ok((self.drain(now, &mut |_| ()).await?, last))
    }
}
