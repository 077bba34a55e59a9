use std::{
    collections::{BTreeSet, HashMap},
    future::ready,
    ops::Range,
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt, TryStreamExt,
    future::{Either, select},
    stream,
};
use mongodb::{
    Collection, Database,
    bson::{Document, RawDocument, RawDocumentBuf, doc},
};
use tokio::{sync::Mutex, time::sleep};
use tracellm_trace::Timestamp;
use uuid::Uuid;

use super::{
    TRACES,
    access::{is_conflict, is_duplicate},
    of_primary,
};
use crate::{StoreError, rollups::Level};

/// Of which the sums are not right.
pub(super) const UNSUMMED: &str = "marks";
/// Of which the search index is not right, once the sums are.
pub(super) const UNINDEXED: &str = "search_marks";
/// Minutes or hours that are marked by themselves.
const MOST: usize = 8;
/// How often a mark is tried that others make at the same time.
const ATTEMPTS: u32 = 5;
/// How much longer than before each of them waits.
const PAUSE: Duration = Duration::from_millis(5);
/// Marks that are on their way at once.
const AT_ONCE: usize = 8;
/// Marks that are taken away together.
const TOGETHER: usize = 500;

/// Whole minutes whose traces the sums may not know; the end is not included. In ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub from: i64,
    pub to: i64,
}

impl Stretch {
    /// What has no time.
    pub const UNDATED: Self = Self { from: i64::MIN, to: i64::MIN };

    pub fn of(level: Level, millis: i64) -> Self {
        let from = level.period_of(millis);
        Self { from, to: from + level.width() }
    }

    /// The period that holds a moment.
    pub fn around(level: Level, moment: Timestamp) -> Self {
        if moment == Timestamp::MIN { Self::UNDATED } else { Self::of(level, moment.millis()) }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Those that hold some moments; where they are many, longer and fewer ones.
    pub fn all_of(moments: impl IntoIterator<Item = Timestamp>) -> BTreeSet<Self> {
        let (undated, dated): (Vec<_>, Vec<_>) = moments.into_iter().partition(|moment| *moment == Timestamp::MIN);
        let at = |level: Level| dated.iter().map(|moment| Self::of(level, moment.millis())).collect::<BTreeSet<_>>();
        let shorter = [Level::Minute, Level::Hour].into_iter().map(at).find(|stretches| stretches.len() <= MOST);
        let undated = undated.first().map(|_| Self::UNDATED);
        shorter.unwrap_or_else(|| at(Level::Day)).into_iter().chain(undated).collect()
    }
}

/// The database, and what this process has marked in it.
#[derive(Clone, Copy)]
pub(super) struct Marked<'a> {
    pub database: &'a Database,
    pub marks: &'a Marks,
}

impl Marked<'_> {
    pub fn traces(&self) -> Collection<RawDocumentBuf> {
        of_primary(self.database, TRACES)
    }
}

/// Says, before something is written, of which time the sums will not be right any more.
///
/// A mark holds for a while, so that not every write makes one; a write that takes longer makes its marks anew. Who adds up waits for longer
/// than that before he takes a mark away.
pub(super) struct Marks {
    pub holds: Duration,
    made: Mutex<HashMap<Stretch, Instant>>,
}

impl Marks {
    pub fn new(holds: Duration) -> Self {
        Self { holds, made: Mutex::default() }
    }

    /// Writes traces that begin, or began, at these moments.
    pub async fn around<T>(
        &self,
        database: &Database,
        moments: impl IntoIterator<Item = Timestamp>,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let stretches = Stretch::all_of(moments);
        self.make(database, &stretches).await?;
        // Side by side, as a write that nobody drives would keep its connections from the marks.
        let remake = async {
            loop {
                sleep(self.holds).await;
                if let Err(error) = self.make(database, &stretches).await {
                    return error;
                }
            }
        };
        let written = match select(pin!(write), pin!(remake)).await {
            Either::Left((written, _)) => written,
            Either::Right((error, _)) => Err(error),
        };
        // Where the machine slept in between, who adds up did not wait for us.
        self.make(database, &stretches).await?;
        written
    }

    /// Makes the marks that do not hold.
    pub async fn make(&self, database: &Database, stretches: &BTreeSet<Stretch>) -> Result<(), StoreError> {
        // Of those who write at once, one makes it.
        let mut made = self.made.lock().await;
        let now = Instant::now();
        made.retain(|_, at| now.duration_since(*at) < self.holds);
        let has = |stretch: &Stretch, level| *stretch != Stretch::UNDATED && made.contains_key(&Stretch::of(level, stretch.from));
        let holds = |stretch: &Stretch| made.contains_key(stretch) || has(stretch, Level::Hour) || has(stretch, Level::Day);
        let missing: Vec<Stretch> = stretches.iter().copied().filter(|stretch| !holds(stretch)).collect();
        put(database, UNSUMMED, &missing).await?;
        made.extend(missing.into_iter().map(|stretch| (stretch, now)));
        Ok(())
    }
}

/// Makes marks, or makes those that stand anew.
pub(super) async fn put(database: &Database, name: &str, stretches: &[Stretch]) -> Result<(), StoreError> {
    put_by(database, name, "", stretches).await
}

/// The same, beside those that others make.
pub(super) async fn put_by(database: &Database, name: &str, maker: &str, stretches: &[Stretch]) -> Result<(), StoreError> {
    let marks = collection(database, name);
    let puts = stretches.iter().map(|stretch| {
        let (marks, stretch) = (&marks, *stretch);
        async move {
            let mark = doc! { "from": stretch.from, "to": stretch.to, "made": Uuid::new_v4().simple().to_string() };
            let id = format!("{}/{}{maker}", stretch.from, stretch.to);
            let put = || marks.replace_one(doc! { "_id": &id }, &mark).upsert(true);
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

/// When a trace began; the first moment stands for none that is one.
pub(super) fn moment(raw: &RawDocument) -> Timestamp {
    let millis = raw.get_datetime("created_at").ok().map(|moment| moment.timestamp_millis());
    millis.and_then(Timestamp::from_millis).unwrap_or(Timestamp::MIN)
}

/// A mark as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub id: String,
    pub stretch: Stretch,
    /// Other than before where it was made anew.
    pub made: String,
}

pub(super) async fn read(database: &Database, name: &str) -> Result<Vec<Mark>, StoreError> {
    let documents: Vec<Document> = collection(database, name).find(doc! {}).await?.try_collect().await?;
    let mark = |document: &Document| {
        let stretch = Stretch { from: document.get_i64("from").ok()?, to: document.get_i64("to").ok()? };
        let text = |field| Some(document.get_str(field).ok()?.to_owned());
        Some(Mark { id: text("_id")?, stretch, made: text("made")? })
    };
    Ok(documents.iter().filter_map(mark).collect())
}

/// Takes away marks, but those that were made anew.
pub(super) async fn remove(database: &Database, name: &str, marks: &[Mark]) -> Result<(), StoreError> {
    let collection = collection(database, name);
    for some in marks.chunks(TOGETHER) {
        let (ids, made): (Vec<_>, Vec<_>) = some.iter().map(|mark| (mark.id.as_str(), mark.made.as_str())).unzip();
        // No two are made alike.
        collection.delete_many(doc! { "_id": { "$in": ids }, "made": { "$in": made } }).await?;
    }
    Ok(())
}

/// The marks that stand, since when they are known to. No clock is compared with that of whoever made them.
#[derive(Default)]
pub(super) struct Standing(HashMap<Mark, Instant>);

impl Standing {
    /// Some that are known since then.
    pub fn since(then: Instant, marks: impl IntoIterator<Item = Mark>) -> Self {
        Self(marks.into_iter().map(|mark| (mark, then)).collect())
    }

    /// Reads what stands now.
    pub async fn read(&mut self, database: &Database, name: &str) -> Result<(), StoreError> {
        let found = read(database, name).await?;
        let now = Instant::now();
        let known = std::mem::take(&mut self.0);
        let since = |mark: &Mark| known.get(mark).copied().unwrap_or(now);
        self.0 = found.into_iter().map(|mark| (since(&mark), mark)).map(|(since, mark)| (mark, since)).collect();
        Ok(())
    }

    pub fn all(&self) -> impl Iterator<Item = &Mark> {
        self.0.keys()
    }

    /// Those that stand for so long, in order of time.
    pub fn rested(&self, rests: Duration) -> Vec<Mark> {
        let mut rested: Vec<_> = self.0.iter().filter(|(_, since)| since.elapsed() >= rests).map(|(mark, _)| mark.clone()).collect();
        rested.sort_unstable_by_key(|mark| mark.stretch);
        rested
    }
}

/// What stretches cover, in order and apart.
pub(super) struct Cover(Vec<Range<i64>>);

impl Cover {
    pub fn of(stretches: impl IntoIterator<Item = Stretch>) -> Self {
        let mut stretches: Vec<_> = stretches.into_iter().filter(|stretch| *stretch != Stretch::UNDATED).collect();
        stretches.sort_unstable();
        let mut apart: Vec<Range<i64>> = Vec::new();
        for Stretch { from, to } in stretches {
            match apart.last_mut().filter(|last| from <= last.end) {
                Some(last) => last.end = last.end.max(to),
                None => apart.push(from..to),
            }
        }
        Self(apart)
    }

    pub fn ranges(&self) -> &[Range<i64>] {
        &self.0
    }

    /// Those of which a part lies in a range.
    pub fn within(&self, range: &Range<i64>) -> &[Range<i64>] {
        let first = self.0.partition_point(|covered| covered.end <= range.start);
        let end = self.0.partition_point(|covered| covered.start < range.end);
        self.0.get(first..end).unwrap_or_default()
    }

    pub fn touches(&self, stretch: Stretch) -> bool {
        !self.within(&(stretch.from..stretch.to)).is_empty()
    }
}

fn collection(database: &Database, name: &str) -> Collection<Document> {
    of_primary(database, name).clone_with_type()
}
