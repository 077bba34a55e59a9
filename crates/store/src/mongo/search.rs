use std::ops::ControlFlow;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use tracellm_trace::{
    Cursor, FacetNames, FacetTally, Filter, Labels, Query, Search, Sort, TOTAL_CAP, Total, Trace,
    query::{Keyset, Place, SortBy, SortValue},
    search::Key,
    stats::{Sample, Tally},
};

use super::{
    TRACES, decode, filter,
    kept::Kept,
    lookup::{Candidates, Lookup},
    marking::Marked,
    order, queries,
    rest::{Rest, Seen, Walked},
};
use crate::{
    StoreError,
    paging::Reading,
    patience::patience,
    rollups::{Part, open_range, within},
    search::{COUNT_PATIENCE, FACET_PATIENCE, Found, Hits, PATIENCE, Tallied, Walk},
};

/// What a search looks through.
pub(super) struct Ground<'a> {
    pub marked: Marked<'a>,
    pub filter: &'a Filter,
    /// What asks for texts; of none, the filter tells all.
    pub search: Option<&'a Search>,
}

/// Traces that are read at a time.
const BATCH: u32 = 200;

/// What is needed of the traces that are found.
#[derive(Clone)]
enum Wanted {
    Whole,
    /// Of each, that it is there.
    Places,
    /// Where no text is looked at.
    Fields(Document),
}

/// What is done with a trace that was looked at: when it began, and what it is if it is meant.
type Look<'l> = &'l mut (dyn FnMut(i64, Option<(Keyset, Trace)>) -> ControlFlow<()> + Send);

impl Ground<'_> {
    /// The documents of a page.
    pub async fn list<'q>(&self, query: &'q Query) -> Result<Found<'q, Trace>, StoreError> {
        let by = query.sort.by;
        let mut hits = Hits::new(Reading::new(query));
        let (ascending, behind) = (hits.walk.ascending, hits.behind().cloned());
        self.walk(ascending, behind, Wanted::Whole, &mut |created_at, found| {
            if !hits.goes_on(created_at) {
                return ControlFlow::Break(());
            }
            if let Some((place, trace)) = found {
                let place = if by == SortBy::CreatedAt { place } else { Keyset { value: by.of(&trace), ..place } };
                hits.add(place, trace);
            }
            ControlFlow::Continue(())
        })
        .await?;
        let total = match hits.total() {
            Some(count) => Total::from_count(count),
            None => self.count(Walk::new(false, COUNT_PATIENCE), TOTAL_CAP).await?,
        };
        Ok(hits.finish(total, 0))
    }

    /// How many match; no further than `most`, nor longer than the walk goes on.
    pub async fn count(&self, mut walk: Walk, most: u64) -> Result<Total, StoreError> {
        let mut count = 0;
        let mut look = |created_at, found: u64| {
            let goes_on = count <= most && walk.goes_on(created_at);
            count += if goes_on { found } else { 0 };
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        match self.index().await? {
            Some((index, terms)) if self.is_told() && self.is_of_time() => {
                let (from, to) = open_range(self.filter);
                let mut rest = Rest { index: Some(index), range: from..to, ascending: false };
                while let Some((range, index)) = rest.next(self.marked).await? {
                    let walked = if let Some(index) = index {
                        self.count_told(Lookup::begin(self.marked.database, &terms, range, false).await?, index, &mut look).await?
                    } else {
                        let part = within(self.filter, Part { level: None, from: range.start, to: range.end });
                        let each = &mut |created_at, found: Option<_>| look(created_at, u64::from(found.is_some()));
                        self.look_at_all(&part, false, None, Wanted::Places, each).await?
                    };
                    if matches!(walked, Walked::UntilToldToStop) {
                        break;
                    }
                }
            }
            index => {
                let each = &mut |created_at, found: Option<_>| look(created_at, u64::from(found.is_some()));
                self.walk_with(index, false, None, Wanted::Places, each).await?;
            }
        }
        Ok(Total { count: count.min(most), is_capped: count > most || walk.stopped_at().is_some() })
    }

    /// Adds up the newest that match.
    pub async fn tally(&self) -> Result<Tally, StoreError> {
        let mut walk = Walk::new(false, PATIENCE);
        let mut tallied = Tallied::default();
        self.walk(false, None, Wanted::Whole, &mut |created_at, found| {
            let goes_on = walk.goes_on(created_at);
            if let Some((place, trace)) = found.filter(|_| goes_on) {
                let sample = Sample::from(&trace);
                // What has no time is in no bucket.
                tallied.add(&Sample { created_at: sample.created_at.filter(|_| place.value != SortValue::Absent), ..sample });
            }
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        let mut tally = tallied.finish(self.filter);
        tally.coverage = walk.coverage(0);
        Ok(tally)
    }

    /// Counts the values of the newest that match.
    pub async fn facets(&self, tally: &mut FacetTally) -> Result<(), StoreError> {
        let mut walk = Walk::new(false, FACET_PATIENCE);
        // Where no text is looked at, none is read.
        let names = ["trace_id", "project_id", "created_at", "model_name", "environment", "tags", "steps.tool_name"];
        // What the status is told by where another writer said none.
        let of_status = ["status", "failure_reason", "retry_count"];
        let wanted = names.into_iter().chain(of_status).map(|name| (name.to_owned(), Bson::from(1))).collect::<Document>();
        self.walk(false, None, if self.search.is_none() { Wanted::Fields(wanted) } else { Wanted::Whole }, &mut |created_at, found| {
            let goes_on = walk.goes_on(created_at);
            if let Some((_, trace)) = found.filter(|_| goes_on) {
                let names = FacetNames::from(&Sample::from(&trace));
                tally.add(&names, 1);
                tally.add_labels(&names, &Labels::from(&trace));
            }
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        tally.coverage = walk.coverage(0);
        Ok(())
    }

    /// The index, where it can tell of all that the filter leaves, and the terms to look up.
    async fn index(&self) -> Result<Option<(Kept<'_>, Vec<String>)>, StoreError> {
        let terms = self.terms();
        let index = if terms.is_empty() { None } else { Kept::of_index(self.marked).await? };
        match index {
            Some(index) if index.is_dated(self.filter).await? => Ok(Some((index, terms))),
            _ => Ok(None),
        }
    }

    /// Looks at what may match, in order of time: at what the index names, where it is right, and at everything else that the filter leaves.
    async fn walk(&self, ascending: bool, behind: Option<Keyset>, wanted: Wanted, look: Look<'_>) -> Result<(), StoreError> {
        self.walk_with(self.index().await?, ascending, behind, wanted, look).await
    }

    async fn walk_with(
        &self,
        index: Option<(Kept<'_>, Vec<String>)>,
        ascending: bool,
        behind: Option<Keyset>,
        wanted: Wanted,
        look: Look<'_>,
    ) -> Result<(), StoreError> {
        let Some((index, terms)) = index else {
            return self.look_at_all(self.filter, ascending, behind, wanted, look).await.map(drop);
        };
        let (mut from, mut to) = open_range(self.filter);
        // Of the moment at which the page before ended, more may follow.
        match behind.as_ref().map(|place| &place.value) {
            Some(SortValue::Whole(moment)) if ascending => from = from.max(*moment),
            Some(SortValue::Whole(moment)) => to = to.min(moment.saturating_add(1)),
            _ => {}
        }
        let mut rest = Rest { index: Some(index), range: from..to, ascending };
        let mut seen = Seen::default();
        while let Some((range, index)) = rest.next(self.marked).await? {
            let part = within(self.filter, Part { level: None, from: range.start, to: range.end });
            let look: Look<'_> = &mut |moment, found| {
                seen.comes_to(moment);
                look(moment, found.filter(|(place, _)| seen.is_new(place)))
            };
            let walked = if let Some(index) = index {
                let lookup = Lookup::begin(self.marked.database, &terms, range.clone(), ascending).await?;
                self.look_at_candidates(lookup, index, &part, &wanted, look).await?
            } else {
                self.look_at_all(&part, ascending, behind.clone(), wanted.clone(), look).await?
            };
            match walked {
                Walked::ToTheEnd => {}
                Walked::UntilToldToStop => break,
                Walked::Until(moment) => {
                    rest.go_back(&range, moment);
                    seen.begin_anew();
                }
            }
        }
        Ok(())
    }

    /// What every trace has that is found.
    fn terms(&self) -> Vec<String> {
        let term = |key| if let Key::Term(term) = key { Some(term) } else { None };
        let mut terms: Vec<String> = self.search.map(Search::keys).unwrap_or_default().into_iter().filter_map(term).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// Whether every trace that has the terms and is left by the filter is found.
    fn is_told(&self) -> bool {
        self.search.is_some_and(|search| search.is_told_by_keys() && search.keys().iter().all(|key| matches!(key, Key::Term(_))))
    }

    /// Whether the filter asks for nothing but words and time.
    fn is_of_time(&self) -> bool {
        let has_no_conditions = self.search.is_none_or(|search| search.conditions().is_empty());
        has_no_conditions && Filter { q: None, from: None, to: None, last: None, ..self.filter.clone() }.is_empty()
    }

    /// Counts without a look at any trace.
    async fn count_told(
        &self,
        mut lookup: Lookup<'_>,
        index: &Kept<'_>,
        look: &mut (dyn FnMut(i64, u64) -> ControlFlow<()> + Send),
    ) -> Result<Walked, StoreError> {
        while let Some((moment, found)) = lookup.count().await? {
            index.check()?;
            if look(moment, found).is_break() {
                return Ok(Walked::UntilToldToStop);
            }
        }
        index.check()?;
        Ok(Walked::ToTheEnd)
    }

    async fn look_at_candidates(
        &self,
        mut lookup: Lookup<'_>,
        index: &Kept<'_>,
        filter: &Filter,
        wanted: &Wanted,
        look: Look<'_>,
    ) -> Result<Walked, StoreError> {
        let mut last = None;
        let traces = self.marked.database.collection::<RawDocumentBuf>(TRACES);
        // The texts are looked at where they are read anyway: another writer may have changed them.
        let is_told = matches!(wanted, Wanted::Places) && self.is_told();
        let matching = filter::matching(filter);
        loop {
            let candidates = lookup.next().await?;
            match (index.check(), last) {
                (Ok(()), _) => {}
                (Err(_), Some(moment)) => return Ok(Walked::Until(moment)),
                (Err(error), None) => return Err(error),
            }
            let candidates = match candidates {
                None => return Ok(Walked::ToTheEnd),
                Some(Candidates::These(these)) => these,
                Some(Candidates::NoneUntil(moment)) => {
                    if look(moment, None).is_break() {
                        return Ok(Walked::UntilToldToStop);
                    }
                    last = Some(moment);
                    continue;
                }
            };
            let ids: Vec<&Bson> = candidates.iter().map(|(_, id)| id).collect();
            // The limit keeps both conditions apart: no index but that of the ids is worth a thought.
            let most = i64::try_from(ids.len()).unwrap_or(i64::MAX);
            let mut pipeline = vec![doc! { "$match": { "_id": { "$in": ids } } }, doc! { "$limit": most }];
            if !matching.is_empty() {
                pipeline.push(doc! { "$match": matching.clone() });
            }
            if is_told {
                pipeline.push(doc! { "$project": { "trace_id": 1, "project_id": 1, "created_at": 1 } });
            }
            let mut cursor = traces.aggregate(pipeline).max_time(patience()).with_type::<RawDocumentBuf>().await?;
            let mut documents = Vec::with_capacity(candidates.len());
            while let Some(raw) = cursor.try_next().await? {
                documents.push((decode::value(&raw, "_id")?, raw));
            }
            for (at, id) in candidates {
                let place = documents.iter().position(|(of, _)| *of == id);
                let found = match place.map(|place| documents.swap_remove(place)) {
                    Some((_, raw)) => Some((order::place(&raw, SortBy::CreatedAt)?, decode::trace(&raw)?)),
                    None => None,
                };
                let is_found = |(_, trace): &(Keyset, Trace)| is_told || self.search.is_none_or(|search| search.finds(trace));
                if look(at, found.filter(is_found)).is_break() {
                    return Ok(Walked::UntilToldToStop);
                }
                last = Some(at);
            }
        }
    }

    /// Looks at everything that a filter leaves; says whether it was told to stop.
    async fn look_at_all(
        &self,
        filter: &Filter,
        ascending: bool,
        behind: Option<Keyset>,
        wanted: Wanted,
        look: Look<'_>,
    ) -> Result<Walked, StoreError> {
        let traces = self.marked.database.collection(TRACES);
        let sort = Sort { by: SortBy::CreatedAt, descending: !ascending };
        let after = |place| Cursor { sort, place: Place::After(place) };
        let mut query = Query { filter: filter.clone(), sort, limit: BATCH, cursor: behind.map(after) };
        let projection = if let Wanted::Fields(fields) = wanted { Some(fields) } else { None };
        loop {
            let rows = queries::read(&traces, &query, &Reading::new(&query), projection.clone(), decode::trace).await?;
            let is_last = rows.len() <= BATCH as usize;
            for (place, trace) in rows.into_iter().take(BATCH as usize) {
                // What has no time comes last.
                let moment = match place.value {
                    SortValue::Whole(moment) => moment,
                    _ if ascending => i64::MAX,
                    _ => i64::MIN,
                };
                query.cursor = Some(after(place.clone()));
                if look(moment, self.search.is_none_or(|search| search.finds(&trace)).then_some((place, trace))).is_break() {
                    return Ok(Walked::UntilToldToStop);
                }
            }
            if is_last {
                return Ok(Walked::ToTheEnd);
            }
        }
    }
}
