use std::ops::ControlFlow;

use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf},
};
use tracellm_trace::{
    Cursor, FacetNames, FacetTally, Filter, Labels, Query, Search, Sort, TOTAL_CAP, Total, Trace,
    query::{Keyset, Place, SortBy, SortValue},
    stats::{Sample, Tally},
};

use super::{decode, queries};
use crate::{
    StoreError,
    paging::Reading,
    search::{COUNT_PATIENCE, FACET_PATIENCE, Found, Hits, PATIENCE, Tallied, Walk},
};

/// What a search looks through.
pub(super) struct Ground<'a> {
    pub traces: &'a Collection<RawDocumentBuf>,
    pub filter: &'a Filter,
    /// What asks for texts; of none, the filter tells all.
    pub search: Option<&'a Search>,
}

/// Traces that are read at a time.
const BATCH: u32 = 200;

/// What is done with a trace that was looked at: when it began, and what it is if it is meant.
type Look<'l> = &'l mut (dyn FnMut(i64, Option<(Keyset, Trace)>) -> ControlFlow<()> + Send);

impl Ground<'_> {
    /// The documents of a page.
    pub async fn list<'q>(&self, query: &'q Query) -> Result<Found<'q, Trace>, StoreError> {
        let by = query.sort.by;
        let mut hits = Hits::new(Reading::new(query));
        let (ascending, behind) = (hits.walk.ascending, hits.behind().cloned());
        self.walk(ascending, behind, None, &mut |created_at, found| {
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
        self.walk(false, None, None, &mut |created_at, found| {
            let goes_on = count <= most && walk.goes_on(created_at);
            count += u64::from(goes_on && found.is_some());
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await?;
        Ok(Total { count: count.min(most), is_capped: count > most || walk.stopped_at().is_some() })
    }

    /// Adds up the newest that match.
    pub async fn tally(&self) -> Result<Tally, StoreError> {
        let mut walk = Walk::new(false, PATIENCE);
        let mut tallied = Tallied::default();
        self.walk(false, None, None, &mut |created_at, found| {
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
        self.walk(false, None, Some(wanted).filter(|_| self.search.is_none()), &mut |created_at, found| {
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

    /// Looks at everything that the filter leaves, in order of time.
    async fn walk(&self, ascending: bool, behind: Option<Keyset>, wanted: Option<Document>, look: Look<'_>) -> Result<(), StoreError> {
        let sort = Sort { by: SortBy::CreatedAt, descending: !ascending };
        let after = |place| Cursor { sort, place: Place::After(place) };
        let mut query = Query { filter: self.filter.clone(), sort, limit: BATCH, cursor: behind.map(after) };
        loop {
            let rows = queries::read(self.traces, &query, &Reading::new(&query), wanted.clone(), decode::trace).await?;
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
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}
