use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use tracellm_trace::{
    Coverage, Filter, Page, Timestamp, Total,
    query::{Keyset, SortBy, SortValue},
    stats::{Sample, Sums, Tally},
};

use crate::{StoreError, paging::Reading, rollups::Level};

/// After which a search shows what it has found.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);
/// The same for counting what else would be found.
pub(crate) const COUNT_PATIENCE: Duration = Duration::from_millis(30);
/// The same for facets of what no sums are kept of.
pub(crate) const FACET_PATIENCE: Duration = Duration::from_millis(40);
/// The same for a first try at beginnings of words, which an index takes long to collect where they are frequent.
pub(crate) const TRY_PATIENCE: Duration = Duration::from_millis(15);
/// Candidates that are looked at however long it takes, so that a search gets on: so many, and of the second moment the last.
const LEAST: u32 = 500;
/// Hits that are sorted by something else than time: the newest.
const MOST_SORTED: usize = 10_000;
/// Stored lately and not in the index yet: up to so many are looked at one by one.
pub(crate) const UNINDEXED: u32 = 200;

/// Goes through candidates in order of time, and stops between two moments.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub ascending: bool,
    until: Instant,
    moments: u32,
    candidates: u32,
    last: Option<i64>,
    stopped: bool,
}

impl Walk {
    pub fn new(ascending: bool, patience: Duration) -> Self {
        Self { ascending, until: Instant::now() + patience, moments: 0, candidates: 0, last: None, stopped: false }
    }

    /// Whether to look at a candidate of this moment, in ms. All that began at one moment are looked at, or none.
    pub fn goes_on(&mut self, created_at: i64) -> bool {
        if self.is_next(created_at) {
            self.moments += 1;
            // A page goes on at the moment at which the one before ended.
            self.stopped |= self.moments > 2 && self.candidates >= LEAST && Instant::now() >= self.until;
            if !self.stopped {
                self.last = Some(created_at);
            }
        }
        self.candidates += 1;
        !self.stopped
    }

    fn is_next(&self, created_at: i64) -> bool {
        self.last != Some(created_at)
    }

    /// The last moment that was looked at, where it stopped before the end.
    pub fn stopped_at(&self) -> Option<i64> {
        self.last.filter(|_| self.stopped)
    }

    /// Whether a moment lies where it has looked.
    pub fn has_seen(&self, created_at: i64) -> bool {
        self.stopped_at().is_none_or(|last| if self.ascending { created_at <= last } else { created_at >= last })
    }

    pub fn coverage(&self, not_indexed: u64) -> Option<Coverage> {
        Coverage::of(self.stopped_at().map(Timestamp::from_millis_clamped), not_indexed)
    }
}

/// The hits for a page.
pub(crate) struct Hits<'q, H> {
    reading: Reading<'q>,
    pub walk: Walk,
    rows: Vec<(Keyset, H)>,
    is_full: bool,
}

impl<'q, H> Hits<'q, H> {
    pub fn new(reading: Reading<'q>) -> Self {
        let ascending = reading.sort.by == SortBy::CreatedAt && reading.ascending;
        Self { reading, walk: Walk::new(ascending, PATIENCE), rows: Vec::new(), is_full: false }
    }

    fn is_by_time(&self) -> bool {
        self.reading.sort.by == SortBy::CreatedAt
    }

    /// From which place on candidates count.
    pub fn behind(&self) -> Option<&'q Keyset> {
        self.reading.behind.filter(|_| self.is_by_time())
    }

    /// As [`Walk::goes_on`]; no further than to a full page, or to as many as are sorted.
    pub fn goes_on(&mut self, created_at: i64) -> bool {
        if self.walk.is_next(created_at) {
            self.is_full = self.is_by_time() && self.rows.len() >= self.reading.wanted();
            self.walk.stopped = !self.is_by_time() && self.rows.len() >= MOST_SORTED;
        }
        !self.is_full && self.walk.goes_on(created_at)
    }

    /// Takes what was found, unless it belongs to a page before.
    pub fn add(&mut self, place: Keyset, hit: H) {
        if self.behind().is_none_or(|behind| self.compare(&place, behind) == Ordering::Greater) {
            self.rows.push((place, hit));
        }
    }

    /// The order of reading.
    fn compare(&self, a: &Keyset, b: &Keyset) -> Ordering {
        let ordering = self.reading.sort.compare_places(a, b);
        if self.reading.ascending == self.reading.sort.descending { ordering.reverse() } else { ordering }
    }

    /// Whether the page is full, and nothing stopped it before.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// How many match, where the walk tells it: it began at the first one and went to the end.
    pub fn total(&self) -> Option<u64> {
        (self.behind().is_none() && !self.is_full && self.walk.stopped_at().is_none()).then_some(self.rows.len() as u64)
    }

    /// The rows of the page and the one behind it; traces are missing in the index that may match too.
    pub fn finish(mut self, total: Total, not_indexed: u64) -> Found<'q, H> {
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(behind) = self.reading.behind {
            rows.retain(|(place, _)| self.compare(place, behind) == Ordering::Greater);
        }
        rows.sort_by(|(a, _), (b, _)| self.compare(a, b));
        rows.truncate(self.reading.wanted());
        let stopped = self.walk.stopped_at().filter(|_| self.is_by_time() && rows.len() < self.reading.wanted());
        // The first place behind all of that moment.
        let behind = |last: i64| Keyset {
            value: SortValue::Whole(if self.walk.ascending { last.saturating_add(1) } else { last }),
            trace_id: String::new(),
            project_id: String::new(),
        };
        let (stopped, coverage) = (stopped.map(behind), self.walk.coverage(not_indexed));
        Found { reading: self.reading, rows, stopped, total, coverage }
    }
}

/// What a search found for a page.
pub(crate) struct Found<'q, H> {
    reading: Reading<'q>,
    /// With the one behind the page.
    pub rows: Vec<(Keyset, H)>,
    /// Where it stopped, having found too few.
    stopped: Option<Keyset>,
    total: Total,
    coverage: Option<Coverage>,
}

impl<H> Found<'_, H> {
    /// The page, whose items `read` knows.
    pub fn page<T>(self, read: impl FnMut(H) -> Result<T, StoreError>) -> Result<Page<T>, StoreError> {
        let (places, hits): (Vec<_>, Vec<_>) = self.rows.into_iter().unzip();
        let items = hits.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let rows = places.into_iter().zip(items).collect();
        Ok(Page { coverage: self.coverage, ..self.reading.page_until(rows, self.total, self.stopped.as_ref()) })
    }
}

/// Adds up what a search finds, whose range is known at the end.
#[derive(Default)]
pub(crate) struct Tallied {
    range: Option<(i64, i64)>,
    /// Under none is what has no time.
    minutes: BTreeMap<Option<i64>, Sums>,
    names: HashMap<(String, String, String), u64>,
}

impl Tallied {
    pub fn add(&mut self, sample: &Sample) {
        let moment = sample.created_at.map(Timestamp::millis);
        if let Some(moment) = moment {
            let (first, last) = self.range.unwrap_or((moment, moment));
            self.range = Some((first.min(moment), last.max(moment)));
        }
        self.minutes.entry(moment.map(|moment| moment.div_euclid(Level::Minute.width()))).or_default().add(sample);
        let names = (sample.model_name.to_owned(), sample.project_id.to_owned(), sample.environment.to_owned());
        *self.names.entry(names).or_default() += 1;
    }

    pub fn finish(self, filter: &Filter) -> Tally {
        let found = self.range.map(|(first, last)| (Timestamp::from_millis_clamped(first), Timestamp::from_millis_clamped(last)));
        let first = filter.from.or(found.map(|(first, _)| first));
        let last = filter.to.map(|to| to.plus(-1.0)).or(found.map(|(_, last)| last));
        let mut tally = Tally::new(first.zip(last));
        for (minute, sums) in &self.minutes {
            let start = minute.map(|minute| Timestamp::from_millis_clamped(minute * Level::Minute.width()));
            tally.add_sums(start, sums);
        }
        for ((model_name, project_id, environment), traces) in &self.names {
            tally.add_names(model_name, project_id, environment, *traces);
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{
        Cursor, Page, Query, Sort, Total,
        query::{Keyset, Place, SortValue},
    };

    use super::{Hits, LEAST, Walk};
    use crate::paging::Reading;

    /// Three traces of each of these moments.
    const MOMENTS: i64 = 1_000;

    /// A page, found without any patience among traces of which every 50th is meant.
    fn page(query: &Query) -> Page<i64> {
        let mut hits = Hits::new(Reading::new(query));
        hits.walk = Walk::new(hits.walk.ascending, std::time::Duration::ZERO);
        let mut all: Vec<(i64, i64)> = (0..MOMENTS).flat_map(|moment| (0..3).map(move |n| (moment, n))).collect();
        if !hits.walk.ascending {
            all.reverse();
        }
        let behind = hits.behind().and_then(|place| match place.value {
            SortValue::Whole(moment) => Some(moment),
            _ => None,
        });
        let is_ahead = |moment: i64| behind.is_none_or(|behind| if hits.walk.ascending { moment >= behind } else { moment <= behind });
        let ahead: Vec<_> = all.into_iter().filter(|(moment, _)| is_ahead(*moment)).collect();
        for (moment, n) in ahead {
            if !hits.goes_on(moment) {
                break;
            }
            if (moment * 3 + n) % 50 == 0 {
                hits.add(Keyset { value: SortValue::Whole(moment), trace_id: n.to_string(), project_id: "p".into() }, moment * 3 + n);
            }
        }
        hits.finish(Total::from_count(0), 0).page(Ok).unwrap()
    }

    #[test]
    fn what_stops_early_says_so_and_goes_on_from_there() {
        for descending in [true, false] {
            let sort = Sort { descending, ..Sort::default() };
            let mut query = Query { sort, limit: 20, ..Query::default() };
            let (mut found, mut stops, mut last) = (Vec::new(), 0, None::<Cursor>);
            loop {
                let page = page(&query);
                found.extend(page.items);
                stops += usize::from(page.coverage.is_some());
                last = page.previous.or(last);
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            let mut expected: Vec<i64> = (0..MOMENTS * 3).filter(|n| n % 50 == 0).collect();
            if descending {
                expected.reverse();
            }
            assert_eq!(found, expected);
            assert!(stops > 0, "{LEAST} traces hold fewer than {} hits", query.limit);
            // And back from the last page.
            let (mut back, mut pages) = (Vec::new(), 0);
            query.cursor = last;
            while let Some(cursor) = query.cursor.take() {
                assert!(matches!(cursor.place, Place::Before(_)));
                query.cursor = Some(cursor);
                let page = page(&query);
                back.splice(0..0, page.items);
                query.cursor = page.previous;
                pages += 1;
            }
            assert!(pages > 1 && expected.starts_with(&back) && back.len() + 20 >= expected.len(), "{back:?}");
        }
    }

    #[test]
    fn a_sort_by_something_else_takes_the_newest_and_says_how_far_they_reach() {
        let query = Query { sort: Sort::from_word("latency").unwrap(), ..Query::default() };
        let mut hits = Hits::new(Reading::new(&query));
        for moment in (0..20_000).rev() {
            if !hits.goes_on(moment) {
                break;
            }
            hits.add(Keyset { value: SortValue::Number(moment as f64), trace_id: String::new(), project_id: String::new() }, moment);
        }
        let page = hits.finish(Total::from_count(0), 0).page(Ok).unwrap();
        assert_eq!(page.items.first(), Some(&10_000));
        assert_eq!(page.coverage.and_then(|coverage| coverage.until).map(|time| time.millis()), Some(10_000));
    }
}
