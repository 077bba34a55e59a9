use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

use futures_util::{TryStreamExt, try_join};
use mongodb::{
    Collection, Cursor, Database,
    bson::{Binary, Bson, Document, RawDocumentBuf, doc, spec::BinarySubtype},
};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;
use tracellm_trace::{Timestamp, search};

use super::{TRACES, decode, encode::date, lease::Lease, marks, of_primary, stretches::Stretch};
use crate::{StoreError, ingest::now, rollups::Level};

const SEGMENTS: &str = "search_segments";
const TERMS: &str = "search_terms";
/// Traces of a segment; a number of one has two bytes.
const MOST: usize = 4_096;
/// Bytes of the terms of a segment, each counted once for each of its traces.
const MOST_BYTES: usize = 16 << 20;
/// Segments whose terms are looked up together.
const LOOKUP: usize = 32;
/// Candidates that are read together.
const CANDIDATES: usize = 64;

/// Before the number of a segment of a whole day.
const DAY: &str = "d";

/// Some traces of an hour or a day, in order of time. The terms of each segment stand in a row, under its name.
#[derive(Debug, Serialize, Deserialize)]
struct Segment {
    /// The beginning of hour or day, and which of its segments.
    #[serde(rename = "_id")]
    id: String,
    /// When the last of its traces began, in ms since 1970.
    last: i64,
    #[serde(default)]
    entries: Vec<Entry>,
}

impl Segment {
    /// The hour or day that it is of.
    fn stretch(&self) -> Stretch {
        let is_of_day = self.id.split_once('/').is_some_and(|(_, number)| number.starts_with(DAY));
        Stretch::of(if is_of_day { Level::Day } else { Level::Hour }, self.last)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// When the trace began, in ms since 1970.
    at: i64,
    id: Bson,
}

/// Which traces of a segment have a term.
#[derive(Debug, Serialize, Deserialize)]
struct Term {
    /// The segment's, and the term.
    #[serde(rename = "_id")]
    id: String,
    /// Their places in it, two bytes each.
    places: Binary,
}

fn segments(database: &Database) -> Collection<Segment> {
    of_primary(database, SEGMENTS).clone_with_type()
}

fn terms(database: &Database) -> Collection<Term> {
    of_primary(database, TERMS).clone_with_type()
}

/// The beginning of what stands of an hour, or of a day.
fn name(from: i64) -> String {
    Timestamp::from_millis_clamped(from).to_string()
}

/// What begins so. `0` follows `/`.
fn of_name(name: &str) -> Document {
    doc! { "_id": { "$gte": format!("{name}/"), "$lt": format!("{name}0") } }
}

/// All that stands of a day.
fn of_day(day: Stretch) -> Document {
    doc! { "_id": { "$gte": format!("{}/", name(day.from)), "$lt": format!("{}/", name(day.to)) } }
}

/// The segments of a day that is not told apart by hours.
fn of_whole_day(day: Stretch) -> Document {
    doc! { "_id": { "$gte": format!("{}/{DAY}", name(day.from)), "$lt": format!("{}0", name(day.from)) } }
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
        let is_whole = is_over && traces.count_documents(began_in(day)).limit(MOST as u64 + 1).await? <= MOST as u64;
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

/// Makes the segments of an hour anew from its traces. Says whether it came to the end before another took the lease.
pub(super) async fn build_hour(database: &Database, lease: &mut Lease, hour: Stretch) -> Result<bool, StoreError> {
    let name = name(hour.from);
    build(database, lease, hour, of_name(&name), |number| format!("{name}/{number:05}")).await
}

/// The same for a whole day.
pub(super) async fn build_day(database: &Database, lease: &mut Lease, day: Stretch) -> Result<bool, StoreError> {
    let name = name(day.from);
    build(database, lease, day, of_day(day), |number| format!("{name}/{DAY}{number:04}")).await
}

/// Takes away what stands of a whole day, so that its hours can stand there.
pub(super) async fn take_apart(database: &Database, day: Stretch) -> Result<(), StoreError> {
    forget(database, of_whole_day(day)).await
}

async fn forget(database: &Database, these: Document) -> Result<(), StoreError> {
    segments(database).delete_many(these.clone()).await?;
    terms(database).delete_many(these).await?;
    Ok(())
}

async fn build(
    database: &Database,
    lease: &mut Lease,
    stretch: Stretch,
    standing: Document,
    id: impl Fn(u32) -> String,
) -> Result<bool, StoreError> {
    let mut found = of_primary(database, TRACES).find(began_in(stretch)).sort(doc! { "created_at": 1 }).await?;
    forget(database, standing).await?;
    // While one segment is written, the next is read.
    let mut new = New::read(&mut found).await?;
    let mut number = 0;
    while !new.entries.is_empty() {
        if !lease.hold(database).await? {
            return Ok(false);
        }
        let (_, next) = try_join!(new.write(database, id(number)), New::read(&mut found))?;
        new = next;
        number += 1;
    }
    Ok(true)
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
    async fn read(found: &mut Cursor<RawDocumentBuf>) -> Result<Self, StoreError> {
        let mut new = Self::default();
        while new.entries.len() < MOST
            && new.bytes <= MOST_BYTES
            && let Some(raw) = found.try_next().await?
        {
            new.add(&raw)?;
            // What is read already is there at once, and others have to do on this thread.
            yield_now().await;
        }
        Ok(new)
    }

    fn add(&mut self, raw: &RawDocumentBuf) -> Result<(), StoreError> {
        let place = u16::try_from(self.entries.len()).unwrap_or(u16::MAX).to_le_bytes();
        let document = decode::document(raw)?;
        let entry = Entry { at: marks::moment(raw).millis(), id: document.get("_id").cloned().unwrap_or_default() };
        self.entries.push(entry);
        for term in search::terms(&decode::trace(document)).iter() {
            self.bytes += term.len() + place.len();
            match self.terms.get_mut(term) {
                Some(places) => places.extend(place),
                None => drop(self.terms.insert(term.to_owned(), place.to_vec())),
            }
        }
        Ok(())
    }

    async fn write(self, database: &Database, id: String) -> Result<(), StoreError> {
        let Some(last) = self.entries.last().map(|entry| entry.at) else { return Ok(()) };
        let places = |bytes| Binary { subtype: BinarySubtype::Generic, bytes };
        let new = self.terms.into_iter().map(|(term, bytes)| Term { id: format!("{id}/{term}"), places: places(bytes) });
        let mut new: Vec<_> = new.collect();
        // In the order of the index that they come to.
        new.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        if !new.is_empty() {
            terms(database).insert_many(new).ordered(false).await?;
        }
        segments(database).insert_one(Segment { id, last, entries: self.entries }).await?;
        Ok(())
    }
}

/// Which traces to look at for some terms that all must be there, in order of time.
pub(super) struct Lookup<'a> {
    database: &'a Database,
    keys: &'a [String],
    /// In ms since 1970; the end is not included.
    range: Range<i64>,
    ascending: bool,
    heads: VecDeque<Segment>,
    /// Of the next of them, those that have all terms.
    places: HashMap<String, Vec<u16>>,
    looked_up: usize,
    candidates: VecDeque<(i64, Bson)>,
}

/// The next candidates.
pub(super) enum Candidates {
    /// When they began, and their `_id`.
    These(Vec<(i64, Bson)>),
    /// There are none up to this moment.
    NoneUntil(i64),
}

impl<'a> Lookup<'a> {
    pub async fn begin(database: &'a Database, keys: &'a [String], range: Range<i64>, ascending: bool) -> Result<Self, StoreError> {
        let (first, last) = (Level::Day.period_of(range.start), Level::Hour.period_of(range.end - 1));
        let these = doc! { "_id": { "$gte": name(first), "$lt": format!("{}0", name(last)) } };
        let order = if ascending { 1 } else { -1 };
        let segments = segments(database);
        let found = segments.find(these).sort(doc! { "_id": order }).projection(doc! { "last": 1 }).await?;
        let mut heads: VecDeque<Segment> = found.try_collect::<Vec<_>>().await?.into();
        heads.retain(|head| head.last >= range.start);
        let (places, candidates) = (HashMap::new(), VecDeque::new());
        Ok(Self { database, keys, range, ascending, heads, places, looked_up: 0, candidates })
    }

    pub async fn next(&mut self) -> Result<Option<Candidates>, StoreError> {
        if self.candidates.is_empty() {
            let (mut last, mut count, mut some) = (None, 0, Vec::new());
            // Of so many segments that what they have is worth a reading.
            while count < CANDIDATES && (some.is_empty() || self.looked_up > 0) {
                let Some((head, places)) = self.next_segment().await? else { break };
                last = Some(head.last);
                count += places.len();
                if !places.is_empty() {
                    some.push((head.id, places));
                } else if self.looked_up == 0 {
                    break;
                }
            }
            let Some(last) = last else { return Ok(None) };
            self.candidates = self.entries(&some).await?;
            if self.candidates.is_empty() {
                return Ok(Some(Candidates::NoneUntil(last.clamp(self.range.start, self.range.end - 1))));
            }
        }
        let next = self.candidates.drain(..CANDIDATES.min(self.candidates.len()));
        Ok(Some(Candidates::These(next.collect())))
    }

    /// How many the next segment has, and a moment of it.
    pub async fn count(&mut self) -> Result<Option<(i64, u64)>, StoreError> {
        let Some((head, places)) = self.next_segment().await? else { return Ok(None) };
        let (last, stretch) = (head.last, head.stretch());
        let is_whole = self.range.start <= stretch.from && stretch.to <= self.range.end;
        let count = if is_whole { places.len() } else { self.entries(&[(head.id, places)]).await?.len() };
        Ok(Some((last.clamp(self.range.start, self.range.end - 1), count as u64)))
    }

    /// The next segment, with the places of those that have all terms.
    async fn next_segment(&mut self) -> Result<Option<(Segment, Vec<u16>)>, StoreError> {
        if self.looked_up == 0 {
            let ids: Vec<&str> = self.heads.iter().take(LOOKUP).map(|head| head.id.as_str()).collect();
            self.places = self.places(&ids).await?;
            self.looked_up = ids.len();
        }
        let Some(head) = self.heads.pop_front() else { return Ok(None) };
        self.looked_up -= 1;
        let places = self.places.remove(&head.id).unwrap_or_default();
        Ok(Some((head, places)))
    }

    /// What stands at these places of segments, in order, as far as it is in the range.
    async fn entries(&self, places: &[(String, Vec<u16>)]) -> Result<VecDeque<(i64, Bson)>, StoreError> {
        if places.iter().all(|(_, places)| places.is_empty()) {
            return Ok(VecDeque::new());
        }
        let ids: Vec<&str> = places.iter().map(|(id, _)| id.as_str()).collect();
        let found: Vec<Segment> = segments(self.database).find(doc! { "_id": { "$in": ids } }).await?.try_collect().await?;
        let found: HashMap<String, Vec<Entry>> = found.into_iter().map(|segment| (segment.id, segment.entries)).collect();
        let mut entries = VecDeque::new();
        for (id, places) in places {
            let Some(these) = found.get(id) else { continue };
            let these = places.iter().filter_map(|place| these.get(usize::from(*place)));
            let these = these.filter(|entry| self.range.contains(&entry.at)).map(|entry| (entry.at, entry.id.clone()));
            if self.ascending { entries.extend(these) } else { entries.extend(these.rev()) }
        }
        Ok(entries)
    }

    /// The places of those that have all terms, by segment.
    async fn places(&self, segments: &[&str]) -> Result<HashMap<String, Vec<u16>>, StoreError> {
        let ids: Vec<String> = segments.iter().flat_map(|segment| self.keys.iter().map(move |key| format!("{segment}/{key}"))).collect();
        let mut found = terms(self.database).find(doc! { "_id": { "$in": ids } }).await?;
        let mut places: HashMap<String, (usize, Vec<u16>)> = HashMap::new();
        while let Some(Term { id, places: these }) = found.try_next().await? {
            // Beginning and number have no other slash than the one between them.
            let Some(end) = id.match_indices('/').nth(1).map(|(end, _)| end) else { continue };
            let these = these.bytes.chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
            match places.get_mut(&id[..end]) {
                None => drop(places.insert(id[..end].to_owned(), (1, these.collect()))),
                Some((keys, all)) => {
                    *keys += 1;
                    let these: Vec<u16> = these.collect();
                    all.retain(|place| these.binary_search(place).is_ok());
                }
            }
        }
        let has_all = |(segment, (keys, places)): (String, (usize, Vec<u16>))| (keys == self.keys.len()).then_some((segment, places));
        Ok(places.into_iter().filter_map(has_all).collect())
    }
}
