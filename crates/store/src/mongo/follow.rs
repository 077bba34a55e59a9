use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::TryStreamExt;
use mongodb::{
    Collection,
    bson::{RawDocumentBuf, doc},
    change_stream::event::ResumeToken,
    error::{Error, ErrorKind},
    options::FullDocumentType,
};
use tokio::{sync::oneshot, time::sleep};

use super::{connect::Connection, decode, encode::date};
use crate::{
    StoreError,
    feed::{Feed, KEPT},
    ingest::now,
};

/// How often a server without change streams is asked, and how soon a lost one is tried again.
const POLL: Duration = Duration::from_secs(1);
/// Such a server is asked again for what was stored so long ago, in ms: writers' clocks differ, and commits take time.
const OVERLAP_MS: f64 = 10_000.0;
/// What a single server says to a change stream.
const ONLY_ON_REPLICA_SETS: i32 = 40_573;

/// Publishes what is stored from now on: from the change stream of a replica set or a cluster, else by asking.
pub(super) async fn follow(connection: Arc<Connection>, feed: Arc<Feed>, placed: oneshot::Sender<()>) {
    // The feed ends this task when it goes, so the task must not keep it.
    let mut follower = Follower { feed: Arc::downgrade(&feed), placed: Some(placed), behind: None, has_missed: false };
    drop(feed);
    loop {
        let ended = match connection.traces().await {
            Ok(traces) => match follower.stream(&traces).await {
                Err(Ended::NoStreams) => follower.poll(&traces).await.err(),
                ended => ended.err(),
            },
            Err(error) => Some(Ended::Failed(error)),
        };
        if let Some(Ended::Failed(error)) = ended {
            tracing::debug!("following: {error}");
        }
        follower.has_missed |= follower.behind.is_none();
        follower.is_placed();
        sleep(POLL).await;
    }
}

struct Follower {
    feed: Weak<Feed>,
    placed: Option<oneshot::Sender<()>>,
    /// Where a stream goes on.
    behind: Option<ResumeToken>,
    has_missed: bool,
}

/// Why following came to its end.
enum Ended {
    NoStreams,
    Failed(StoreError),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error.kind.as_ref() {
            ErrorKind::Command(failed) if failed.code == ONLY_ON_REPLICA_SETS => Self::NoStreams,
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Follower {
    /// From here on nothing is missed.
    fn is_placed(&mut self) {
        // Whoever asked may be gone.
        let _ = self.placed.take().map(|placed| placed.send(()));
    }

    fn publish(&self, raw: &RawDocumentBuf) -> Result<(), StoreError> {
        let trace = decode::trace(raw)?;
        if let Some(feed) = self.feed.upgrade() {
            feed.publish(trace);
        }
        Ok(())
    }

    fn say_what_was_missed(&mut self) {
        if std::mem::take(&mut self.has_missed)
            && let Some(feed) = self.feed.upgrade()
        {
            feed.publish_gap();
        }
    }

    async fn stream(&mut self, traces: &Collection<RawDocumentBuf>) -> Result<(), Ended> {
        let stored = doc! { "$match": { "operationType": { "$in": ["insert", "replace", "update"] } } };
        let watch = traces.watch().pipeline([stored]).full_document(FullDocumentType::UpdateLookup);
        // A place that the server has forgotten must not be asked for again.
        let mut stream = match self.behind.take() {
            Some(behind) => watch.resume_after(behind).await?,
            None => watch.await?,
        };
        self.say_what_was_missed();
        self.is_placed();
        loop {
            let next = stream.try_next().await;
            self.behind = stream.resume_token();
            let Some(event) = next? else { return Ok(()) };
            // A document that was changed and is gone since has none.
            if let Some(document) = event.full_document {
                self.publish(&document)?;
            }
        }
    }

    async fn poll(&mut self, traces: &Collection<RawDocumentBuf>) -> Result<(), Ended> {
        let mut seen: Option<HashSet<Vec<u8>>> = None;
        let mut since = now().plus(-OVERLAP_MS);
        loop {
            let mut found = Vec::new();
            let newest = traces.find(doc! { "updated_at": { "$gte": date(since) } }).sort(doc! { "updated_at": -1 });
            let newest = newest.projection(doc! { "_v": 1, "updated_at": 1 }).limit(10 * KEPT as i64);
            let newest: Vec<RawDocumentBuf> = newest.await?.try_collect().await?;
            let versions: HashSet<Vec<u8>> = newest.iter().map(|raw| raw.as_bytes().to_vec()).collect();
            match &seen {
                None => {
                    self.say_what_was_missed();
                    self.is_placed();
                }
                Some(seen) => found.extend(newest.iter().filter(|raw| !seen.contains(raw.as_bytes()))),
            }
            if found.len() > KEPT {
                self.has_missed = true;
                self.say_what_was_missed();
                found.truncate(KEPT);
            }
            for version in found.into_iter().rev() {
                let id = decode::value(version, "_id")?;
                if let Some(document) = traces.find_one(doc! { "_id": { "$eq": id } }).await? {
                    self.publish(&document)?;
                }
            }
            seen = Some(versions);
            since = now().plus(-OVERLAP_MS).max(since);
            sleep(POLL).await;
        }
    }
}
