use std::{
    collections::HashMap,
    future::ready,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::{
    Collection, Database,
    bson::{Document, RawDocument, doc},
};
use tokio::time::sleep;
use tracellm_trace::Timestamp;
use uuid::Uuid;

use super::{
    access::{is_conflict, is_duplicate},
    of_primary,
    stretches::Stretch,
};
use crate::StoreError;

/// Of which the sums are not right.
pub(super) const UNSUMMED: &str = "marks";
/// Of which the search index is not right.
pub(super) const UNINDEXED: &str = "search_marks";
/// How often a mark is tried that others make at the same time.
const ATTEMPTS: u32 = 5;
/// How much longer than before each of them waits.
const PAUSE: Duration = Duration::from_millis(5);
/// Marks that are on their way at once.
const AT_ONCE: usize = 8;
/// Marks that are changed or taken away together.
const TOGETHER: usize = 500;

/// A mark as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub id: String,
    pub stretch: Stretch,
    /// Other than before where it was made anew.
    pub made: String,
    /// Whether nothing is on its way of what was written under it.
    pub has_ended: bool,
    /// Whether whoever made it marked the index by itself: earlier versions did not.
    pub index_is_marked: bool,
}

impl Mark {
    /// Beside those that others make.
    pub fn new(stretch: Stretch, maker: &str, has_ended: bool) -> Self {
        let id = format!("{}/{}{maker}", stretch.from, stretch.to);
        Self { id, stretch, made: Uuid::new_v4().simple().to_string(), has_ended, index_is_marked: true }
    }
}

/// Makes marks, or makes those that stand anew.
pub(super) async fn put(database: &Database, name: &str, marks: &[Mark]) -> Result<(), StoreError> {
    let collection = collection(database, name);
    let puts = marks.iter().map(|Mark { id, stretch, made, has_ended, .. }| {
        let collection = &collection;
        async move {
            let mut mark = doc! { "from": stretch.from, "to": stretch.to, "made": made, "of": name };
            if *has_ended {
                mark.insert("ended", true);
            }
            let put = || collection.replace_one(doc! { "_id": id }, &mark).upsert(true);
            let mut attempts = 1;
            loop {
                match put().await {
                    // Another process made it in between.
                    Err(error) if is_duplicate(&error) || is_conflict(&error) => {
                        if attempts == ATTEMPTS {
                            return Err(StoreError::Unavailable(format!("the mark {id} is written by others all the time: {error}")));
                        }
                        sleep(PAUSE * attempts).await;
                        attempts += 1;
                    }
                    done => return done.map_err(StoreError::from),
                }
            }
        }
    });
    // Made before they are polled, as the compiler can't tell their lifetimes otherwise.
    let puts: Vec<_> = puts.collect();
    stream::iter(puts).buffer_unordered(AT_ONCE).try_for_each(|_| ready(Ok(()))).await?;
    Ok(())
}

/// Marks what nobody writes.
pub(super) async fn put_ended(database: &Database, name: &str, stretches: impl IntoIterator<Item = Stretch>) -> Result<(), StoreError> {
    put(database, name, &Vec::from_iter(stretches.into_iter().map(|stretch| Mark::new(stretch, "", true)))).await
}

/// When a trace began; the first moment stands for none that is one.
pub(super) fn moment(raw: &RawDocument) -> Timestamp {
    let millis = raw.get_datetime("created_at").ok().map(|moment| moment.timestamp_millis());
    millis.and_then(Timestamp::from_millis).unwrap_or(Timestamp::MIN)
}

pub(super) async fn read(database: &Database, name: &str) -> Result<Vec<Mark>, StoreError> {
    let documents: Vec<Document> = collection(database, name).find(doc! {}).await?.try_collect().await?;
    let mark = |document: &Document| {
        let stretch = Stretch { from: document.get_i64("from").ok()?, to: document.get_i64("to").ok()? };
        let text = |field| Some(document.get_str(field).ok()?.to_owned());
        let has_ended = document.get_bool("ended").unwrap_or(false);
        Some(Mark { id: text("_id")?, stretch, made: text("made")?, has_ended, index_is_marked: document.contains_key("of") })
    };
    Ok(documents.iter().filter_map(mark).collect())
}

/// Takes away marks, but those that were made anew.
pub(super) async fn remove(database: &Database, name: &str, marks: &[Mark]) -> Result<(), StoreError> {
    for these in each_of(marks) {
        collection(database, name).delete_many(these).await?;
    }
    Ok(())
}

/// Says of marks, but those that were made anew, that nothing is on its way any more of what was written under them.
pub(super) async fn end(database: &Database, name: &str, marks: &[Mark]) -> Result<(), StoreError> {
    for these in each_of(marks) {
        collection(database, name).update_many(these, doc! { "$set": { "ended": true } }).await?;
    }
    Ok(())
}

/// Conditions that some marks at a time meet.
fn each_of(marks: &[Mark]) -> impl Iterator<Item = Document> {
    marks.chunks(TOGETHER).map(|some| {
        let (ids, made): (Vec<_>, Vec<_>) = some.iter().map(|mark| (mark.id.as_str(), mark.made.as_str())).unzip();
        // No two are made alike.
        doc! { "_id": { "$in": ids }, "made": { "$in": made } }
    })
}

/// The marks that stand, since when they are known to. No clock is compared with that of whoever made them.
#[derive(Default)]
pub(super) struct Standing(Vec<(Mark, Instant)>);

impl Standing {
    /// Some that are known since then.
    pub fn since(then: Instant, marks: impl IntoIterator<Item = Mark>) -> Self {
        Self(marks.into_iter().map(|mark| (mark, then)).collect())
    }

    /// Reads what stands now.
    pub async fn read(&mut self, database: &Database, name: &str) -> Result<(), StoreError> {
        let found = read(database, name).await?;
        let now = Instant::now();
        let known: HashMap<&str, Instant> = self.0.iter().map(|(mark, since)| (mark.made.as_str(), *since)).collect();
        let with_time = |mark: Mark| {
            let since = known.get(mark.made.as_str()).copied().unwrap_or(now);
            (mark, since)
        };
        self.0 = found.into_iter().map(with_time).collect();
        Ok(())
    }

    pub fn all(&self) -> impl Iterator<Item = &Mark> {
        self.0.iter().map(|(mark, _)| mark)
    }

    /// Those that stand for as long as they have to, in order of time, and those that do not yet.
    pub fn rested(&self, rests: impl Fn(&Mark) -> Duration) -> (Vec<Mark>, Vec<Mark>) {
        let mut marks: Vec<_> = self.0.clone();
        marks.sort_unstable_by_key(|(mark, _)| mark.stretch);
        let (rested, resting): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(mark, since)| since.elapsed() >= rests(mark));
        let marks_of = |marks: Vec<(Mark, Instant)>| marks.into_iter().map(|(mark, _)| mark).collect();
        (marks_of(rested), marks_of(resting))
    }
}

fn collection(database: &Database, name: &str) -> Collection<Document> {
    of_primary(database, name).clone_with_type()
}
