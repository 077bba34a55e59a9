use std::ops::ControlFlow;

use rusqlite::{Connection, Row, params_from_iter, types::Value};
use tracellm_trace::{
    Filter, Query, Search, TOTAL_CAP, Timestamp, Total, Trace,
    query::{Keyset, SortBy, SortValue},
    search::{Exact, Key},
    stats::Tally,
};

use super::{
    conditions::Conditions,
    errors::unreadable,
    index,
    queries::{SAMPLE, sample},
};
use crate::{
    StoreError,
    paging::{Reading, UNKNOWN},
    search::{COUNT_PATIENCE, Found, Hits, PATIENCE, TRY_PATIENCE, Tallied, UNINDEXED, Walk},
};

/// What a search looks through, at one moment of the file.
pub(super) struct Ground<'a> {
    connection: &'a Connection,
    filter: &'a Filter,
    /// What asks for texts; of none, the filter tells all.
    search: Option<&'a Search>,
    /// The terms to seek, as FTS5 reads them; none where every trace is looked at that the filter leaves.
    terms: Option<String>,
    /// Beginnings of words are among them.
    has_beginnings: bool,
    /// The last row that is in the index.
    indexed: i64,
}

/// Columns behind those of a sample.
pub(super) const ID: usize = SAMPLE.len();
const TRACE_ID: usize = ID + 1;
const IS_MATCH: usize = ID + 2;
const DOC: usize = ID + 3;

/// What is done with a trace that was looked at: when it began, and whether it is meant.
type Look<'l> = &'l mut dyn FnMut(i64, bool, &Row) -> Result<ControlFlow<()>, StoreError>;

impl<'a> Ground<'a> {
    /// `connection` is within a transaction, so that what is in the index and what is not yet are told apart.
    pub fn new(connection: &'a Connection, filter: &'a Filter) -> Result<Self, StoreError> {
        let search = filter.q.as_ref().filter(|search| search.asks_for_texts());
        let tag = filter.tag.iter().map(|tag| Key::Term(Exact::Tag.term(tag)));
        let keys: Vec<_> = search.map(Search::keys).unwrap_or_default().into_iter().chain(tag).collect();
        // Few are of one session or user, so those are looked at one by one.
        let is_narrow = filter.session_id.is_some() || filter.user_id.is_some();
        let terms = (!keys.is_empty() && !is_narrow).then(|| expression(&keys));
        let has_beginnings = keys.iter().any(|key| matches!(key, Key::Beginning(_)));
        Ok(Self { connection, filter, search, terms, has_beginnings, indexed: index::indexed(connection)? })
    }

    /// The same, where it can do better than a plain query, which looks at everything: of texts always, of tags where the index has all.
    pub fn wanted(connection: &'a Connection, filter: &'a Filter) -> Result<Option<Self>, StoreError> {
        let ground = Self::new(connection, filter)?;
        let is_wanted = ground.search.is_some() || (ground.terms.is_some() && ground.missing()? <= i64::from(UNINDEXED));
        Ok(is_wanted.then_some(ground))
    }

    /// The row numbers of a page, and how many match if that is asked.
    pub fn list<'q>(&self, query: &'q Query, is_counted: bool) -> Result<Found<'q, i64>, StoreError> {
        if self.has_beginnings {
            let plain = Self { terms: None, has_beginnings: false, ..*self };
            let mut hits = Hits::new(Reading::new(query));
            hits.walk = Walk::new(hits.walk.ascending, TRY_PATIENCE);
            plain.collect(&mut hits, query.sort.by)?;
            if hits.is_full() {
                let total = if is_counted { plain.count(Walk::new(false, COUNT_PATIENCE), TOTAL_CAP)? } else { UNKNOWN };
                return Ok(hits.finish(total, 0));
            }
        }
        let by = query.sort.by;
        let mut hits = Hits::new(Reading::new(query));
        self.collect(&mut hits, by)?;
        let not_indexed = self.unindexed(&mut |created_at, row| {
            if hits.walk.has_seen(created_at) {
                hits.add(place(row, by)?, row.get(ID)?);
            }
            Ok(())
        })?;
        let total = match hits.total() {
            Some(count) if not_indexed == 0 => Total::from_count(count),
            _ if is_counted => self.count(Walk::new(false, COUNT_PATIENCE), TOTAL_CAP)?,
            _ => UNKNOWN,
        };
        Ok(hits.finish(total, not_indexed))
    }

    fn collect(&self, hits: &mut Hits<i64>, by: SortBy) -> Result<(), StoreError> {
        let (ascending, behind) = (hits.walk.ascending, hits.behind());
        self.walk(ascending, behind, &mut |created_at, is_found, row| {
            if !hits.goes_on(created_at) {
                return Ok(ControlFlow::Break(()));
            }
            if is_found {
                hits.add(place(row, by)?, row.get(ID)?);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// How many match; no further than `most`, nor longer than the walk goes on.
    pub fn count(&self, mut walk: Walk, most: u64) -> Result<Total, StoreError> {
        let mut count = match self.counted_by_index(most)? {
            Some(count) => count,
            None => {
                let mut count = 0;
                self.walk(false, None, &mut |created_at, is_found, _| {
                    let goes_on = count <= most && walk.goes_on(created_at);
                    count += u64::from(goes_on && is_found);
                    Ok(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })?;
                count
            }
        };
        let not_indexed = self.unindexed(&mut |created_at, _| {
            count += u64::from(walk.has_seen(created_at));
            Ok(())
        })?;
        let is_capped = count > most || walk.stopped_at().is_some() || not_indexed > 0;
        Ok(Total { count: count.min(most), is_capped })
    }

    /// What the index alone can count.
    fn counted_by_index(&self, most: u64) -> Result<Option<u64>, StoreError> {
        // A tag is told by its term, but for what was cut of a long one.
        let untagged = Filter { tag: self.filter.tag.clone().filter(|tag| !Exact::Tag.is_told_by_term(tag)), ..self.filter.clone() };
        let is_told = self.is_sure() && Conditions::of(&untagged).sql.is_empty();
        let Some(terms) = self.terms.as_ref().filter(|_| is_told) else { return Ok(None) };
        let most = i64::try_from(most.saturating_add(1)).unwrap_or(i64::MAX);
        let sql = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT ?)";
        let count: i64 = self.connection.prepare_cached(sql)?.query_row((terms, most), |row| row.get(0))?;
        Ok(Some(count.unsigned_abs()))
    }

    /// Whether nothing has to be looked up in texts.
    fn is_sure(&self) -> bool {
        self.search.is_none_or(|search| self.terms.is_some() && search.is_told_by_keys())
    }

    /// Adds up the newest that match.
    pub fn tally(&self) -> Result<Tally, StoreError> {
        let mut walk = Walk::new(false, PATIENCE);
        let mut tallied = Tallied::default();
        self.walk(false, None, &mut |created_at, is_found, row| {
            if !walk.goes_on(created_at) {
                return Ok(ControlFlow::Break(()));
            }
            if is_found {
                tallied.add(&sample(row)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let not_indexed = self.unindexed(&mut |created_at, row| {
            if walk.has_seen(created_at) {
                tallied.add(&sample(row)?);
            }
            Ok(())
        })?;
        let mut tally = tallied.finish(self.filter);
        tally.coverage = walk.coverage(not_indexed);
        Ok(tally)
    }

    /// Looks at what is in the index, or at everything, in order of time.
    pub fn walk(&self, ascending: bool, behind: Option<&Keyset>, look: Look) -> Result<(), StoreError> {
        let is_sure = self.is_sure();
        let direction = if ascending { "ASC" } else { "DESC" };
        let mut conditions = Conditions::of(self.filter);
        let statement = match &self.terms {
            Some(terms) => {
                let is_match = conditions.expression();
                let columns = columns(&is_match, !is_sure);
                // The condition stands twice: in front of what is read of the document, and as the answer.
                let twice = if is_sure { 1 } else { 2 };
                let mut values: Vec<Value> = std::iter::repeat_n(conditions.values, twice).flatten().collect();
                let (first, end) = self.entries(ascending, behind);
                values.extend([terms.clone().into(), first.into(), end.into()]);
                let sql = format!(
                    "SELECT {columns} FROM search CROSS JOIN search_entries ON entry = search.rowid CROSS JOIN traces USING (id)
                     WHERE search MATCH ? AND search.rowid >= ? AND search.rowid < ? ORDER BY search.rowid {direction}"
                );
                (sql, values)
            }
            None => {
                if let Some(behind) = behind {
                    let sign = if ascending { ">" } else { "<" };
                    let SortValue::Whole(moment) = behind.value else { return Ok(()) };
                    let values = [moment.into(), behind.trace_id.clone().into(), behind.project_id.clone().into()];
                    conditions.add(&format!("(created_at, trace_id, project_id) {sign} (?, ?, ?)"), values);
                }
                let columns = columns("1", !is_sure);
                let sql = format!("SELECT {columns} FROM traces{} ORDER BY created_at {direction}", conditions.sql);
                (sql, conditions.values)
            }
        };
        let mut prepared = self.connection.prepare_cached(&statement.0)?;
        let mut rows = prepared.query(params_from_iter(statement.1))?;
        while let Some(row) = rows.next()? {
            let is_found = row.get::<_, Option<bool>>(IS_MATCH)?.unwrap_or(false) && (is_sure || self.finds(row)?);
            if look(row.get(0)?, is_found, row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Looks at what matches among the newest rows that are not in the index, and says how many more there are.
    pub fn unindexed(&self, look: &mut dyn FnMut(i64, &Row) -> Result<(), StoreError>) -> Result<u64, StoreError> {
        if self.terms.is_none() {
            return Ok(0);
        }
        self.each_unindexed(look)
    }

    /// Traces that are not in the index.
    fn missing(&self) -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM traces WHERE id > ?";
        Ok(self.connection.prepare_cached(sql)?.query_row([self.indexed], |row| row.get(0))?)
    }

    /// The same, whether or not the index is asked.
    pub fn each_unindexed(&self, look: &mut dyn FnMut(i64, &Row) -> Result<(), StoreError>) -> Result<u64, StoreError> {
        let missing = self.missing()?;
        let conditions = Conditions::of(self.filter);
        let is_match = conditions.expression();
        let sql = format!("SELECT {} FROM traces WHERE id > ? ORDER BY id DESC LIMIT {UNINDEXED}", columns(&is_match, true));
        let values = conditions.values.iter().chain(&conditions.values).cloned().chain([self.indexed.into()]);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if row.get::<_, Option<bool>>(IS_MATCH)?.unwrap_or(false) && self.finds(row)? {
                look(row.get(0)?, row)?;
            }
        }
        Ok(missing.unsigned_abs().saturating_sub(u64::from(UNINDEXED)))
    }

    fn finds(&self, row: &Row) -> Result<bool, StoreError> {
        let Some(search) = self.search else { return Ok(true) };
        Ok(search.finds(&document(row)?))
    }

    /// The entries of a range of time, the last not included.
    fn entries(&self, ascending: bool, behind: Option<&Keyset>) -> (i64, i64) {
        let moment = |time: Option<Timestamp>| time.map(Timestamp::millis);
        let behind = behind.and_then(|place| match place.value {
            SortValue::Whole(moment) => Some(moment),
            _ => None,
        });
        let (least, most) = if ascending { (behind, None) } else { (None, behind) };
        let first = moment(self.filter.from).into_iter().chain(least).max().map_or(i64::MIN, index::first_of);
        let end = moment(self.filter.to).into_iter().chain(most.map(|most| most.saturating_add(1))).min().map_or(i64::MAX, index::first_of);
        (first, end)
    }
}

/// The document of a trace whose texts were looked at.
pub(super) fn document(row: &Row) -> Result<Trace, StoreError> {
    let doc = row.get_ref(DOC)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(doc).map_err(unreadable)
}

/// The columns of what is looked at: those of a sample, and those named above.
fn columns(is_match: &str, with_doc: bool) -> String {
    let doc = if with_doc { format!("CASE WHEN {is_match} THEN doc END") } else { "NULL".to_owned() };
    format!("{}, traces.id, trace_id, {is_match}, {doc}", SAMPLE.join(", "))
}

/// What FTS5 is asked. Terms hold letters and digits alone.
fn expression(keys: &[Key]) -> String {
    let terms = keys.iter().map(|key| match key {
        Key::Term(term) => format!("\"{term}\""),
        Key::Beginning(beginning) => format!("\"{beginning}\"*"),
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

fn place(row: &Row, by: SortBy) -> Result<Keyset, StoreError> {
    let sample = sample(row)?;
    let value = match by {
        SortBy::CreatedAt => SortValue::Whole(row.get(0)?),
        SortBy::Latency => SortValue::Number(sample.latency),
        SortBy::TokenCount => SortValue::Whole(sample.token_count),
        SortBy::CostUsd => sample.cost_usd.map_or(SortValue::Absent, SortValue::Number),
    };
    Ok(Keyset { value, trace_id: row.get(TRACE_ID)?, project_id: sample.project_id.to_owned() })
}
