use std::time::{Duration, Instant};

use mongodb::{
    Database,
    bson::{Document, doc},
};
use uuid::Uuid;

use super::{access::is_duplicate, rollups};
use crate::StoreError;

const LEASE: &str = "lease";

/// Of all processes, one adds up. No clock is compared with another: it is ours by its number, which others see change or stand still.
pub(super) struct Lease {
    owner: String,
    /// An owner who did not renew it for so long is gone.
    gone: Duration,
    renewed: Option<Instant>,
    /// How often it came to us from nobody or another.
    term: u64,
    /// What another's stood at, and since when.
    seen: Option<(i64, Instant)>,
}

impl Lease {
    pub fn new(gone: Duration) -> Self {
        Self { owner: Uuid::new_v4().simple().to_string(), gone, renewed: None, term: 0, seen: None }
    }

    /// Takes it or renews it; says whether it is ours.
    pub async fn take(&mut self, database: &Database) -> Result<bool, StoreError> {
        let now = Instant::now();
        let notes = rollups::notes(database).clone_with_type::<Document>();
        let Some(found) = notes.find_one(doc! { "_id": LEASE }).await? else {
            let first = notes.insert_one(doc! { "_id": LEASE, "owner": &self.owner, "number": 0_i64 }).await;
            return match first {
                Ok(_) => {
                    self.term += 1;
                    Ok(self.is_ours(now))
                }
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error.into()),
            };
        };
        let number = found.get_i64("number").unwrap_or_default();
        let is_ours = found.get_str("owner").is_ok_and(|owner| owner == self.owner);
        if !is_ours {
            self.renewed = None;
            let since = self.seen.filter(|(seen, _)| *seen == number).map_or(now, |(_, since)| since);
            self.seen = Some((number, since));
            if now.duration_since(since) < self.gone {
                return Ok(false);
            }
        }
        let next = doc! { "$set": { "owner": &self.owner, "number": number.wrapping_add(1) } };
        let taken = notes.update_one(doc! { "_id": LEASE, "number": number }, next).await?.matched_count == 1;
        self.term += u64::from(taken && !is_ours);
        Ok(taken && self.is_ours(now))
    }

    fn is_ours(&mut self, now: Instant) -> bool {
        self.renewed = Some(now);
        self.seen = None;
        true
    }

    /// Another one once others may have had it in between.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// As [`Self::take`], without asking as long as that is sure.
    pub async fn hold(&mut self, database: &Database) -> Result<bool, StoreError> {
        if self.renewed.is_some_and(|renewed| renewed.elapsed() < self.gone / 2) { Ok(true) } else { self.take(database).await }
    }

    /// Leaves it to others at once.
    pub async fn leave(&mut self, database: &Database) -> Result<(), StoreError> {
        rollups::notes(database).delete_one(doc! { "_id": LEASE, "owner": &self.owner }).await?;
        Ok(())
    }
}
