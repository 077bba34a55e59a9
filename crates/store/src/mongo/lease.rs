use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use mongodb::{
    Database,
    bson::{Document, doc},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{access::is_duplicate, awake::Moment, rollups};
use crate::StoreError;

const LEASE: &str = "lease";

/// Of all processes, one adds up. No clock is compared with another: it is ours by its number, which others see change or stand still.
pub(super) struct Lease {
    owner: String,
    /// An owner who did not renew it for so long is gone.
    gone: Duration,
    /// What was sent without an answer may be carried out so late.
    late: Duration,
    is_leaving: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// None where it may have been another's since.
    renewed: Option<Moment>,
    /// How often it came to us from nobody or another.
    term: u64,
    /// What another's stood at, and since when.
    seen: Option<(i64, Instant)>,
    /// When something was sent under it last, by us or whoever had it before, that nobody heard an answer to.
    unanswered: Option<Instant>,
}

impl Known {
    /// What was sent without an answer may have made it ours, so the term is not told by what stood before.
    fn renew(&mut self, now: Moment) {
        self.term += u64::from(self.renewed.is_none());
        (self.renewed, self.seen) = (Some(now), None);
    }
}

/// A time in which the lease was nobody else's.
#[derive(Clone, Copy)]
pub(super) struct Tenure<'a> {
    lease: &'a Lease,
    pub term: u64,
}

impl Tenure<'_> {
    /// Whether it goes on. That is asked only where it is not sure.
    pub async fn holds(self, database: &Database) -> Result<bool, StoreError> {
        let Lease { known, gone, is_leaving, .. } = self.lease;
        let mut known = known.lock().await;
        if is_leaving.load(Ordering::Relaxed) || known.term != self.term {
            return Ok(false);
        }
        let is_sure = known.renewed.is_some_and(|renewed| renewed.elapsed() < *gone / 2);
        let is_ours = is_sure || self.lease.ask(database, &mut known).await?;
        Ok(is_ours && known.term == self.term)
    }

    /// Whether nothing is to be carried out any more that was sent without an answer, and would take away what is made now.
    pub async fn is_settled(self) -> bool {
        let unanswered = self.lease.known.lock().await.unanswered;
        unanswered.is_none_or(|sent| sent.elapsed() >= self.lease.late)
    }

    /// Notes whether what was sent under it was answered.
    pub async fn note<T>(self, done: &Result<T, StoreError>) {
        if let Err(StoreError::Unavailable(_)) = done {
            self.lease.known.lock().await.unanswered = Some(Instant::now());
        }
    }
}

impl Lease {
    pub fn new(gone: Duration, late: Duration) -> Self {
        Self { owner: Uuid::new_v4().simple().to_string(), gone, late, is_leaving: AtomicBool::default(), known: Mutex::default() }
    }

    /// Takes it or renews it, unless it is another's.
    pub async fn take(&self, database: &Database) -> Result<Option<Tenure<'_>>, StoreError> {
        let mut known = self.known.lock().await;
        let is_ours = self.ask(database, &mut known).await?;
        Ok(is_ours.then(|| self.tenure(known.term)))
    }

    /// That of a term.
    pub fn tenure(&self, term: u64) -> Tenure<'_> {
        Tenure { lease: self, term }
    }

    async fn ask(&self, database: &Database, known: &mut Known) -> Result<bool, StoreError> {
        let now = Moment::now();
        let notes = rollups::notes(database).clone_with_type::<Document>();
        let Some(found) = notes.find_one(doc! { "_id": LEASE }).await? else {
            known.renewed = None;
            let first = notes.insert_one(doc! { "_id": LEASE, "owner": &self.owner, "number": 0_i64 }).await;
            return match first {
                Ok(_) => {
                    known.renew(now);
                    Ok(true)
                }
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error.into()),
            };
        };
        let number = found.get_i64("number").unwrap_or_default();
        let is_ours = found.get_str("owner").is_ok_and(|owner| owner == self.owner);
        if !is_ours {
            known.renewed = None;
            let since = known.seen.filter(|(seen, _)| *seen == number).map_or_else(Instant::now, |(_, since)| since);
            known.seen = Some((number, since));
            if since.elapsed() < self.gone {
                return Ok(false);
            }
            known.unanswered = known.unanswered.max(Some(since));
        }
        let next = doc! { "$set": { "owner": &self.owner, "number": number.wrapping_add(1) } };
        let taken = notes.update_one(doc! { "_id": LEASE, "number": number }, next).await?.matched_count == 1;
        if taken {
            known.renew(now);
        }
        Ok(taken)
    }

    /// Whoever works under it comes to an end.
    pub fn begin_to_leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Leaves it to others at once, or else to be found silent, as those then wait for what was sent without an answer.
    pub async fn leave(&self, database: &Database) -> Result<(), StoreError> {
        if !self.tenure(0).is_settled().await {
            return Ok(());
        }
        rollups::notes(database).delete_one(doc! { "_id": LEASE, "owner": &self.owner }).await?;
        Ok(())
    }
}
