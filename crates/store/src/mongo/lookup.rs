use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    ops::Range,
};

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Bson, doc},
};
use tracellm_trace::Timestamp;

use super::{
    index::{Entry, Kind, MOST, Segment, Term, name, segments, terms},
    stretches::Stretch,
};
use crate::{StoreError, rollups::Level};

/// Segments whose terms are looked up together, and for how many traces at most.
const LOOKUP: usize = 256;
const LOOKUP_TRACES: usize = 16 * MOST;
/// Candidates that are read together.
const CANDIDATES: usize = 64;

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
        let last = Stretch::tick(Timestamp::from_millis_clamped(range.end - 1).millis());
        // `0` follows `/`.
        let these = doc! { "_id": { "$gte": name(Level::Day.period_of(range.start)), "$lt": format!("{}0", name(last.from)) } };
        let segments = segments(database);
        // In this order, as a seal that is read tells of segments that were there before it.
        let found = segments.find(these).sort(doc! { "_id": 1 }).projection(doc! { "last": 1, "count": 1 }).await?;
        let mut heads: Vec<Segment> = found.try_collect().await?;
        let hour = |head: &Segment| Level::Hour.period_of(head.last);
        let sealed: BTreeSet<i64> = heads.iter().filter(|head| head.kind() == Kind::Seal).map(hour).collect();
        // Of an hour either what it has in one tells, or its ticks.
        heads.retain(|head| {
            let tells = match head.kind() {
                Kind::Day => true,
                Kind::Hour => sealed.contains(&hour(head)),
                Kind::Tick => !sealed.contains(&hour(head)),
                Kind::Seal => false,
            };
            tells && head.last >= range.start
        });
        if !ascending {
            heads.reverse();
        }
        let (heads, places, candidates) = (heads.into(), HashMap::new(), VecDeque::new());
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
            let mut traces = 0;
            let together = self.heads.iter().take(LOOKUP).take_while(|head| {
                let fits = traces < LOOKUP_TRACES;
                traces += head.count as usize;
                fits
            });
            let ids: Vec<&str> = together.map(|head| head.id.as_str()).collect();
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
