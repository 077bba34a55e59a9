use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem::take,
};

use futures_util::{TryStreamExt, try_join};
use mongodb::{
    Collection, Cursor, Database,
    bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype},
};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;
use tracellm_trace::{Timestamp, search};

use super::{LONG_PATIENCE, TRACES, decode, encode::date, lease::Tenure, marks, of_primary, stretches::Stretch, within};
use crate::{StoreError, ingest::now, rollups::Level};

const SEGMENTS: &str = "search_segments";
const TERMS: &str = "search_terms";
/// Traces of a segment; a number of one has two bytes.
pub(super) const MOST: usize = 8_192;
/// Traces of a day that stands in one.
const DAY_MOST: u64 = 4_096;
/// Bytes that the terms of a segment take while it is made, and what each takes beside itself.
const MOST_BYTES: usize = 16 << 20;
const BESIDE: usize = 100;
/// Terms that are written together.
const TOGETHER: usize = 10_000;
/// Traces that are read together.
const BATCH: u32 = 200;

/// Before the number of a segment of a whole day, and of a tick.
const DAY: &str = "d";
const TICK: &str = "t";

/// Some traces of a day, an hour or a tick, in order of time. The terms of each segment stand in a row, under its name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Segment {
    /// The beginning of what it is of, and which of its segments.
    #[serde(rename = "_id")]
    pub id: String,
    /// When the last of its traces began, in ms since 1970.
    pub last: i64,
    /// Its traces.
    #[serde(default)]
    pub count: u32,
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// What a segment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Day,
    Hour,
    Tick,
    /// No traces: it says that the segments of an hour are all there, and its ticks tell no more.
    Seal,
}

impl Segment {
    fn seal(hour: Stretch) -> Self {
        Self { id: format!("{}/", name(hour.from)), last: hour.from, count: 0, entries: Vec::new() }
    }

    pub fn kind(&self) -> Kind {
        match self.id.split_once('/') {
            Some((_, "")) => Kind::Seal,
            Some((_, number)) if number.starts_with(DAY) => Kind::Day,
            Some((_, number)) if number.starts_with(TICK) => Kind::Tick,
            _ => Kind::Hour,
        }
    }

    pub fn stretch(&self) -> Stretch {
        match self.kind() {
            Kind::Day => Stretch::of(Level::Day, self.last),
            Kind::Tick => Stretch::tick(self.last),
            Kind::Hour | Kind::Seal => Stretch::of(Level::Hour, self.last),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// When the trace began, in ms since 1970.
    pub at: i64,
    pub id: Bson,
}

/// Which traces of a segment have a term.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Term {
    /// The segment's, and the term.
    #[serde(rename = "_id")]
    pub id: String,
    /// Their places in it, two bytes each.
    pub places: Binary,
}

pub(super) fn segments(database: &Database) -> Collection<Segment> {
    of_primary(database, SEGMENTS).clone_with_type()
}

pub(super) fn terms(database: &Database) -> Collection<Term> {
    of_primary(database, TERMS).clone_with_type()
}

/// The beginning of what stands of a stretch that begins then.
pub(super) fn name(from: i64) -> String {
    Timestamp::from_millis_clamped(from).to_string()
}

/// All that stands of a stretch; of the first of several that begin together, from one of its numbers on.
fn standing_of(stretch: Stretch, first: &str) -> Document {
    doc! { "_id": { "$gte": format!("{}/{first}", name(stretch.from)), "$lt": format!("{}/", name(stretch.to)) } }
}

/// Of what begins then, the numbers from one up to another, which is not included.
fn numbers(from: i64, first: &str, behind: &str) -> Document {
    doc! { "_id": { "$gte": format!("{}/{first}", name(from)), "$lt": format!("{}/{behind}", name(from)) } }
}

/// Forgets everything.
pub(super) async fn clear(database: &Database) -> Result<(), StoreError> {
    segments(database).delete_many(doc! {}).await?;
    terms(database).delete_many(doc! {}).await?;
    Ok(())
}

/// How a day should stand in the index, and whether that is how it does.
pub(super) struct Form {
    /// In one, as it is over and has few traces: by hours each of its words would stand in many documents.
    pub is_whole: bool,
    pub is_so: bool,
}

impl Form {
    pub async fn of(database: &Database, day: Stretch) -> Result<Self, StoreError> {
        let is_over = day.to <= now().millis();
        let traces = of_primary(database, TRACES);
        let is_whole = is_over && traces.count_documents(began_in(day)).limit(DAY_MOST + 1).await? <= DAY_MOST;
        let stands_whole = segments(database).find_one(of_whole_day(day)).projection(doc! { "last": 1 }).await?.is_some();
        Ok(Self { is_whole, is_so: is_whole == stands_whole })
    }
}

/// Which traces began in a stretch.
fn began_in(stretch: Stretch) -> Document {
    let first = Timestamp::from_millis_clamped(stretch.from).max(Timestamp::MIN.plus(1.0));
    let mut range = doc! { "$gte": date(first), "$lte": date(Timestamp::MAX) };
    if let Some(end) = Timestamp::from_millis(stretch.to) {
        range.insert("$lt", date(end));
    }
    doc! { "created_at": range }
}

/// The segments of a day that is not told apart by hours.
fn of_whole_day(day: Stretch) -> Document {
    numbers(day.from, DAY, "e")
}

/// Takes away what stands of a whole day, so that its hours can stand there.
pub(super) async fn take_apart(database: &Database, day: Stretch) -> Result<(), StoreError> {
    forget(database, of_whole_day(day)).await
}

/// Takes away the ticks of an hour.
pub(super) async fn forget_ticks(database: &Database, hour: Stretch) -> Result<(), StoreError> {
    let these = standing_of(hour, TICK);
    // In this order, as who begins anew looks for segments.
    terms(database).delete_many(these.clone()).await?;
    segments(database).delete_many(these).await?;
    Ok(())
}

/// The hours of which there are ticks, and whether these tell no more.
pub(super) async fn by_ticks(database: &Database) -> Result<BTreeMap<Stretch, bool>, StoreError> {
    let segments = segments(database);
    let found = segments.find(doc! { "_id": { "$regex": format!("/{TICK}") } }).projection(doc! { "last": 1 });
    let ticks: Vec<Segment> = found.await?.try_collect().await?;
    let mut hours = BTreeMap::new();
    for hour in ticks.iter().map(|tick| Stretch::of(Level::Hour, tick.last)).collect::<BTreeSet<_>>() {
        hours.insert(hour, is_sealed(database, hour).await?);
    }
    Ok(hours)
}

/// Whether the segments of an hour tell, and not its ticks.
pub(super) async fn is_sealed(database: &Database, hour: Stretch) -> Result<bool, StoreError> {
    Ok(segments(database).find_one(doc! { "_id": Segment::seal(hour).id }).await?.is_some())
}

async fn forget(database: &Database, these: Document) -> Result<(), StoreError> {
    segments(database).delete_many(these.clone()).await?;
    terms(database).delete_many(these).await?;
    Ok(())
}

/// Begins to make the segments of a stretch anew from its traces.
pub(super) async fn begin(database: &Database, stretch: Stretch, kind: Kind) -> Result<Build, StoreError> {
    within(LONG_PATIENCE, async {
        forget(database, standing_of(stretch, if kind == Kind::Tick { TICK } else { "" })).await?;
        Build::begin(database, stretch, kind).await
    })
    .await
}

/// Begins to make the segments of an hour beside its ticks, which tell until it is done.
pub(super) async fn begin_merge(database: &Database, hour: Stretch) -> Result<Build, StoreError> {
    within(LONG_PATIENCE, async {
        // `:` follows `9`.
        forget(database, numbers(hour.from, "0", ":")).await?;
        Build::begin(database, hour, Kind::Hour).await
    })
    .await
}

/// Segments that are being made.
pub(super) struct Build {
    pub stretch: Stretch,
    kind: Kind,
    found: Cursor<RawDocumentBuf>,
    /// Read already, but of another tick than those before.
    ahead: Option<RawDocumentBuf>,
    /// What is written next.
    new: New,
    /// The beginning of what it is of, and its number.
    next: (i64, u32),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    Paused,
    /// The lease is another's.
    Lost,
}

impl Build {
    async fn begin(database: &Database, stretch: Stretch, kind: Kind) -> Result<Self, StoreError> {
        let found = of_primary(database, TRACES).find(began_in(stretch)).sort(doc! { "created_at": 1 }).batch_size(BATCH).await?;
        let mut build = Self { stretch, kind, found, ahead: None, new: New::default(), next: (stretch.from, 0) };
        build.new = New::read(&mut build.found, &mut build.ahead, kind).await?;
        Ok(build)
    }

    /// Writes segment after segment as long as it may.
    pub async fn go_on(&mut self, database: &Database, tenure: Tenure<'_>, may: impl Fn() -> bool) -> Result<Progress, StoreError> {
        while !self.new.entries.is_empty() {
            if !tenure.holds(database).await? {
                return Ok(Progress::Lost);
            }
            let id = self.id();
            // While one segment is written, the next is read.
            let write = take(&mut self.new).write(database, id);
            let read = New::read(&mut self.found, &mut self.ahead, self.kind);
            (_, self.new) = within(LONG_PATIENCE, async { try_join!(write, read) }).await?;
            if !self.new.entries.is_empty() && !may() {
                return Ok(Progress::Paused);
            }
        }
        if self.kind == Kind::Hour && self.next.1 > 0 {
            if !tenure.holds(database).await? {
                return Ok(Progress::Lost);
            }
            segments(database).insert_one(Segment::seal(self.stretch)).await?;
        }
        Ok(Progress::Done)
    }

    /// That of the next segment.
    fn id(&mut self) -> String {
        if let (Kind::Tick, Some(first)) = (self.kind, self.new.entries.first()) {
            let tick = Stretch::tick(first.at).from;
            if tick != self.next.0 {
                self.next = (tick, 0);
            }
        }
        let (from, number) = self.next;
        self.next.1 += 1;
        match self.kind {
            Kind::Day => format!("{}/{DAY}{number:04}", name(from)),
            Kind::Tick => format!("{}/{TICK}{number:04}", name(from)),
            Kind::Hour | Kind::Seal => format!("{}/{number:05}", name(from)),
        }
    }
}

/// A segment that is being made.
#[derive(Default)]
struct New {
    entries: Vec<Entry>,
    terms: HashMap<String, Vec<u8>>,
    bytes: usize,
}

impl New {
    /// As many of the next as a segment takes.
    async fn read(found: &mut Cursor<RawDocumentBuf>, ahead: &mut Option<RawDocumentBuf>, kind: Kind) -> Result<Self, StoreError> {
        let mut new = Self::default();
        while new.entries.len() < MOST && new.bytes <= MOST_BYTES {
            let next = match ahead.take() {
                Some(raw) => Some(raw),
                None => found.try_next().await?,
            };
            let Some(raw) = next else { break };
            let moment = marks::moment(&raw);
            // A list of times is matched by a range, and is none.
            if moment == Timestamp::MIN {
                continue;
            }
            let is_of = |entry: &Entry| Stretch::tick(entry.at) == Stretch::tick(moment.millis());
            if kind == Kind::Tick && !new.entries.first().is_none_or(is_of) {
                *ahead = Some(raw);
                break;
            }
            new.add(&raw)?;
            // What is read already is there at once, and others have to do on this thread.
            yield_now().await;
        }
        Ok(new)
    }

    fn add(&mut self, raw: &RawDocumentBuf) -> Result<(), StoreError> {
        let place = u16::try_from(self.entries.len()).unwrap_or(u16::MAX).to_le_bytes();
        let entry = Entry { at: marks::moment(raw).millis(), id: decode::value(raw, "_id")? };
        self.entries.push(entry);
        for term in search::terms(&decode::trace(raw)?).iter() {
            self.bytes += place.len();
            match self.terms.get_mut(term) {
                Some(places) => places.extend(place),
                None => {
                    self.bytes += term.len() + BESIDE;
                    self.terms.insert(term.to_owned(), place.to_vec());
                }
            }
        }
        Ok(())
    }

    async fn write(self, database: &Database, id: String) -> Result<(), StoreError> {
        let Some(last) = self.entries.last().map(|entry| entry.at) else { return Ok(()) };
        let mut new: Vec<(String, Vec<u8>)> = self.terms.into_iter().collect();
        // In the order of the index that they come to.
        new.sort_unstable();
        let places = |bytes| Binary { subtype: BinarySubtype::Generic, bytes };
        let mut new = new.into_iter().map(|(term, bytes)| Term { id: format!("{id}/{term}"), places: places(bytes) }).peekable();
        while new.peek().is_some() {
            let some: Vec<Term> = new.by_ref().take(TOGETHER).collect();
            terms(database).insert_many(some).ordered(false).await?;
        }
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        segments(database).insert_one(Segment { id, last, count, entries: self.entries }).await?;
        Ok(())
    }
}
