//! Mails of one batch of declarations (T15): they leave once the batch is whole, unless they are more than a person
//! would want to send unseen; then they are held. Called by the engine at the end of a run.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use ring::digest;

use super::engine::Engine;
use super::request::Request;
use crate::api::{APPROVE_ANNOTATION, FROZEN_ANNOTATION, Hold, Key, Kind, Reason};
use crate::directory::audit::hex;
use crate::directory::holds::{self, Held};
use crate::directory::outbox::{HeldMail, HeldMails};
use crate::directory::records::{self, By};
use crate::directory::sql::{Tx, keys};
use crate::directory::{Error, declarations, outbox, passwords};
use crate::lifecycle::Trigger;
use crate::lifecycle::hold::approves;
use crate::record::Uid;

/// As many mails leave without a person's word.
const UNSEEN: i64 = 100;
/// How many names are told.
const NAMES: usize = 5;

/// A hold of mails, as it is told.
pub(super) fn told(items: &[(String, String)], number: i64, fingerprint: String) -> Hold {
    let names = items.iter().map(|(name, _)| name.clone()).collect();
    let count = usize::try_from(number).unwrap_or_default();
    let what = if number > UNSEEN {
        format!("mails to come from one batch, more than {UNSEEN}")
    } else {
        format!("mails that are left of a batch of more than {UNSEEN}")
    };
    Hold { reason: Reason::MailsHeld, what, names, count, fingerprint }
}

impl Engine {
    /// A batch comes object by object: it is whole once no mail was ordered for so long, and at the latest after a while.
    pub fn settle_mails(&mut self, quiet: Duration, patience: Duration) {
        self.mails_settle = (quiet, patience);
    }

    /// Lets the mails of the run go, or holds them. Those of a tenant whose Secrets are still being taken are judged once
    /// they all are: each that was taken makes one.
    pub(super) async fn judge_mails(&mut self, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.directory.read().await?;
        let tenants = outbox::held(&mut tx).await?;
        let taking = if tenants.is_empty() { HashSet::new() } else { passwords::taking(&mut tx).await? };
        drop(tx);
        let (quiet, patience) = self.mails_settle;
        // What is of an instant to come is of a clock that was ahead.
        let within = |since, length| Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed < length);
        for HeldMails { tenant, number, ordered } in tenants {
            let more_may_come = ordered.is_some_and(|(first, last)| within(last, quiet) && within(first, patience));
            if more_may_come || taking.contains(&tenant) {
                self.mails_put_off = true;
            } else {
                self.judge_mails_of(&tenant, number, now).await?;
            }
        }
        self.mails_new = self.mails_put_off;
        Ok(())
    }

    async fn judge_mails_of(&mut self, tenant: &Uid, number: i64, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.directory.read().await?;
        let Some(record) = records::load(&mut tx, Kind::Tenant, By::Uid, keys([tenant])).await?.pop() else { return Ok(()) };
        let key: Key = record.key();
        let stored = holds::of_tenants(&mut tx, std::slice::from_ref(&key.handle)).await?;
        let stored = stored.into_iter().find(|held| held.reason == Reason::MailsHeld.name());
        let reason = Reason::MailsHeld.name().to_owned();
        let (mut next, mut word) = (None, None);
        if number > 0 && (stored.is_some() || number > UNSEEN) {
            let declared = declarations::load(&mut tx, std::slice::from_ref(&key)).await?;
            let annotations = declared.first().map(|declaration| declaration.annotations_by_name()).unwrap_or_default();
            let as_before = stored.as_ref().is_some_and(|held| held.number == number) && !self.mails_new;
            if as_before && !annotations.contains_key(APPROVE_ANNOTATION) {
                return Ok(());
            }
            // A word counts once: the last one makes the next another.
            let spent = holds::approved(&mut tx, &key.handle, &reason).await?;
            let (items, fingerprint) = look(&mut tx, tenant, spent.as_deref()).await?;
            let since = stored.as_ref().map_or(now, |held| held.since);
            // A word that is given to what is frozen counts once it thaws (R14).
            if !approves(&annotations, &fingerprint) || annotations.contains_key(FROZEN_ANNOTATION) {
                next = Some(Held { tenant: key.handle.clone(), reason, fingerprint, items, number, since });
            } else {
                word = Some(fingerprint);
            }
        }
        drop(tx);
        if next.is_some() && next == stored {
            return Ok(());
        }
        let mut tx = self.leader.begin(&self.directory).await?;
        match &next {
            Some(held) => holds::store(&mut tx, held).await?,
            None => {
                outbox::let_go(&mut tx, tenant, now).await?;
                if let Some(word) = word {
                    holds::approve(&mut tx, &key.handle, Reason::MailsHeld.name(), &word).await?;
                }
                holds::remove(&mut tx, &key.handle, Reason::MailsHeld.name()).await?;
            }
        }
        tx.commit().await?;
        if next.is_some() || stored.is_some() {
            self.enqueue(Request::revisit(key, Trigger::Dependency));
        }
        Ok(())
    }
}

/// The first of the mails that are held, and what tells exactly these from others, and from those for which a word was given
/// last.
async fn look(tx: &mut Tx, tenant: &Uid, spent: Option<&str>) -> Result<(Vec<(String, String)>, String), Error> {
    let (mut first, mut last) = (Vec::new(), None);
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(Reason::MailsHeld.name().as_bytes());
    context.update(spent.unwrap_or_default().as_bytes());
    loop {
        let page = outbox::held_page(tx, tenant, last.as_ref()).await?;
        for HeldMail { name, effect, id: _, address } in &page {
            for part in [name, effect, address] {
                context.update(&[0]);
                context.update(part.as_bytes());
            }
            if first.len() < NAMES && first.last().is_none_or(|(last, _)| last != name) {
                first.push((name.clone(), effect.clone()));
            }
        }
        last = page.into_iter().next_back();
        if last.is_none() {
            break;
        }
    }
    Ok((first, hex(&context.finish().as_ref()[..8])))
}
