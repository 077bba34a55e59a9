use std::{pin::pin, time::Duration};

use futures_util::{
    TryStreamExt,
    future::{Either, ready, select},
};
use mongodb::{
    Collection,
    action::Action,
    bson::{Bson, Document, RawDocument, RawDocumentBuf, doc},
    error::Error,
    options::ReadPreference,
};
use tracellm_trace::{
    CONTENT_REMOVED, FacetBy, FacetTally, Filter, Page, Query, TOTAL_CAP, Total, Trace, TraceSummary,
    otlp::{ROOT_MISSING, STEPS_TOTAL},
    query::{Keyset, SortValue},
};

use super::{TRACES, access::is_out_of_time, decode, filter, kept::Kept, marking::Marked, order, search::Ground, tally};
use crate::{
    Documents, Rows, StoreError,
    paging::Reading,
    patience::patience,
    rollups::{Grain, Names, Only},
    search::{PATIENCE, Walk},
};

/// Characters of a text that a row is made of; one more than it shows, so that it knows whether to say `…`.
const CUT: i32 = 201;

/// How long counting may take where sums can tell, too.
const SOON: Duration = Duration::from_millis(20);

/// The newest under an id. It is sought by that alone, as a database that is told the project, too, weighs indexes for longer than it reads.
pub(super) async fn document(
    traces: &Collection<RawDocumentBuf>,
    project_id: Option<&str>,
    trace_id: &str,
) -> Result<Option<Trace>, StoreError> {
    let mut query = filter::trace_id(trace_id);
    let mut found: Vec<_> = traces.find(query.clone()).limit(2).max_time(patience()).await?.try_collect().await?;
    // Others may stand under the same id in other projects, or even in this one.
    if found.len() > 1 {
        if let Some(project_id) = project_id {
            query.insert("project_id", filter::project(project_id));
        }
        let newest = traces.find_one(query).sort(doc! { "created_at": -1, "project_id": -1 }).max_time(patience()).await?;
        found = newest.into_iter().collect();
    }
    let Some(raw) = found.first() else { return Ok(None) };
    let trace = decode::trace(raw)?;
    Ok(Some(trace).filter(|trace| project_id.is_none_or(|wanted| trace.project_id == wanted)))
}

pub(super) async fn list(marked: Marked<'_>, query: &Query) -> Result<Page<TraceSummary>, StoreError> {
    if let Some(ground) = ground(marked, &query.filter) {
        return ground.list(query).await?.page(|trace| Ok(TraceSummary::found(&trace, query.filter.q.as_ref())));
    }
    page(marked, query, Some(of_rows()), decode::summary).await
}

/// What rows are made of.
fn of_rows() -> Document {
    let mut projection = doc! {
        "prompt": cut("$prompt"),
        "failure_reason": cut("$failure_reason"),
        "in_progress": format!("$metadata.{ROOT_MISSING}"),
        "content_removed": format!("$metadata.{CONTENT_REMOVED}"),
        "steps_total": format!("$metadata.{STEPS_TOTAL}"),
        "step_count": { "$cond": [{ "$isArray": "$steps" }, { "$size": "$steps" }, Bson::Null] },
    };
    for field in [
        "trace_id",
        "project_id",
        "model_name",
        "environment",
        "status",
        "latency",
        "token_count",
        "cost_usd",
        "retry_count",
        "slow_request",
        "created_at",
    ] {
        projection.insert(field, 1);
    }
    projection
}

/// The rows of a page, and where the next one starts.
pub(super) async fn rows(marked: Marked<'_>, query: &Query) -> Result<Rows, StoreError> {
    if ground(marked, &query.filter).is_some() {
        let page = list(marked, query).await?;
        return Ok((page.items, page.next));
    }
    let reading = Reading::new(query);
    let rows = read(&marked.database.collection(TRACES), query, &reading, Some(of_rows()), decode::summary).await?;
    Ok(reading.uncounted(rows))
}

pub(super) async fn list_documents(marked: Marked<'_>, query: &Query) -> Result<Page<Trace>, StoreError> {
    match ground(marked, &query.filter) {
        Some(ground) => ground.list(query).await?.page(Ok),
        None => page(marked, query, None, decode::trace).await,
    }
}

/// Where to search, for a filter that asks for words.
pub(super) fn ground<'a>(marked: Marked<'a>, filter: &'a Filter) -> Option<Ground<'a>> {
    let search = filter.q.as_ref().filter(|search| !search.words().is_empty())?;
    Some(Ground { marked, filter, search: Some(search) })
}

/// The documents of a page, and where the next one starts.
pub(super) async fn documents(marked: Marked<'_>, query: &Query) -> Result<Documents, StoreError> {
    if ground(marked, &query.filter).is_some() {
        let page = list_documents(marked, query).await?;
        return Ok((page.items, page.next));
    }
    let reading = Reading::new(query);
    let rows = read(&marked.database.collection(TRACES), query, &reading, None, decode::trace).await?;
    Ok(reading.uncounted(rows))
}

pub(super) async fn count(marked: Marked<'_>, filter: &Filter) -> Result<Total, StoreError> {
    if let Some(ground) = ground(marked, filter) {
        return ground.count(Walk::new(false, PATIENCE), u64::MAX).await;
    }
    let count = match kept_count(marked, filter).await? {
        Some(count) => count,
        None => counted(marked, filter, None, patience()).await?,
    };
    Ok(Total { count, is_capped: false })
}

/// How many match, where sums tell.
async fn kept_count(marked: Marked<'_>, filter: &Filter) -> Result<Option<u64>, StoreError> {
    let Some(names) = Names::of(filter) else { return Ok(None) };
    match Kept::of(marked).await? {
        Some(kept) => kept.count(filter, &names).await,
        None => Ok(None),
    }
}

/// Every project id, those under which documents of others are shown too. (`distinct` would have to fit one document.)
pub(super) async fn project_ids(traces: &Collection<RawDocumentBuf>) -> Result<Vec<String>, StoreError> {
    let groups = traces.aggregate([doc! { "$group": { "_id": "$project_id" } }]).max_time(patience()).with_type::<RawDocumentBuf>().await?;
    let groups: Vec<RawDocumentBuf> = groups.try_collect().await?;
    let ids = groups.iter().map(|group| decode::project_id(group, "_id"));
    let mut ids = ids.collect::<Result<Vec<_>, StoreError>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

async fn page<T>(
    marked: Marked<'_>,
    query: &Query,
    projection: Option<Document>,
    decode: fn(&RawDocument) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let reading = Reading::new(query);
    let traces = marked.database.collection(TRACES);
    let rows = pin!(read(&traces, query, &reading, projection, decode));
    let total = pin!(total(marked, &query.filter));
    let (rows, total) = match select(rows, total).await {
        Either::Left((rows, total)) => (rows?, Either::Left(total)),
        Either::Right((total, rows)) => (rows.await?, Either::Right(ready(total))),
    };
    // A page that is not full tells how many there are.
    let total = match reading.total_of(rows.len()) {
        Some(known) => known,
        None => total.await?,
    };
    Ok(reading.page(rows, Total::from_count(total)))
}

/// How many match, at most one more than anybody counts.
async fn total(marked: Marked<'_>, filter: &Filter) -> Result<u64, StoreError> {
    // Sums by every name are much to read, and those of a range take several questions; counting comes before them where it does not take long.
    let is_much = |names: Names| names.grain() == Grain::Full && names.single().is_none_or(|(by, ..)| by == FacetBy::Status);
    let is_of_range = filter.from.is_some() || filter.to.is_some() || filter.last.is_some();
    if Names::of(filter).is_some_and(|names| is_of_range || is_much(names)) {
        match counted(marked, filter, Some(TOTAL_CAP + 1), SOON.min(patience())).await {
            Err(error) if is_out_of_time(&error) => {}
            done => return Ok(done?),
        }
    }
    match kept_count(marked, filter).await? {
        Some(count) => Ok(count),
        None => Ok(counted(marked, filter, Some(TOTAL_CAP + 1), patience()).await?),
    }
}

/// Counts what matches in the database itself; not beyond the most that is asked for.
pub(super) async fn counted(marked: Marked<'_>, filter: &Filter, most: Option<u64>, time: Duration) -> Result<u64, Error> {
    let Marked { database, is_sharded, .. } = marked;
    let matching = filter::matching(filter);
    // The command counts in an index what an aggregation reads. Without a condition it guesses, and on shards it counts twice what is moving.
    if !is_sharded && !matching.is_empty() {
        let mut count = doc! { "count": TRACES, "query": &matching, "maxTimeMS": i64::try_from(time.as_millis()).unwrap_or(i64::MAX) };
        if let Some(most) = most {
            count.insert("limit", i64::try_from(most).unwrap_or(i64::MAX));
        }
        let criteria = database.selection_criteria().cloned().unwrap_or(ReadPreference::Primary.into());
        match database.run_command(count).selection_criteria(criteria).await {
            Ok(said) => return Ok(tally::count(said.get("n"))),
            Err(error) if is_out_of_time(&error) => return Err(error),
            // A lost connection, for one, which the driver makes good for an aggregation alone.
            Err(_) => {}
        }
    }
    let traces = database.collection::<RawDocumentBuf>(TRACES);
    traces.count_documents(matching).max_time(time).optional(most, |count, most| count.limit(most)).await
}

/// The rows of a page and the one behind it, each with its place.
pub(super) async fn read<T>(
    traces: &Collection<RawDocumentBuf>,
    query: &Query,
    reading: &Reading<'_>,
    projection: Option<Document>,
    decode: fn(&RawDocument) -> Result<T, StoreError>,
) -> Result<Vec<(Keyset, T)>, StoreError> {
    let matching = filter::matching(&query.filter);
    let walked = async |walk: order::Walk, most: usize| {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let mut find = traces.find(walk.of(&matching)).sort(walk.sort).limit(limit).max_time(patience());
        if let Some(projection) = &projection {
            find = find.projection(projection.clone());
        }
        let mut found = find.await?;
        let mut rows = Vec::new();
        while found.advance().await? {
            let raw = found.current();
            rows.push((order::place(raw, reading.sort.by)?, decode(raw)?));
        }
        Ok::<_, StoreError>(rows)
    };
    if let Some(walk) = order::whole(reading) {
        let rows = walked(walk, reading.wanted()).await?;
        if rows.iter().all(|(place, _)| place.value != SortValue::Absent) {
            return Ok(rows);
        }
    }
    let mut rows = Vec::new();
    for walk in order::walks(reading) {
        rows.extend(walked(walk, reading.wanted() - rows.len()).await?);
        if rows.len() >= reading.wanted() {
            break;
        }
    }
    Ok(rows)
}

/// The start of a text; what is none stays as it is.
pub(super) fn cut(field: &str) -> Document {
    doc! { "$cond": [{ "$eq": [{ "$type": field }, "string"] }, { "$substrCP": [field, 0, CUT] }, field] }
}

/// Counts the values of what matches: from sums where they can tell, else of the newest.
pub(super) async fn facets(marked: Marked<'_>, filter: &Filter) -> Result<FacetTally, StoreError> {
    let (mut tally, rest) = FacetTally::new(filter);
    let is_of_names = Names::of(&rest).is_some_and(|rest| rest.only == Only::All);
    if let Some(wanted) = Names::of(filter).filter(|_| is_of_names)
        && let Some(kept) = Kept::of(marked).await?
        && kept.facets(&wanted, &rest, &mut tally).await?
    {
        return Ok(tally);
    }
    ground(marked, &rest).unwrap_or(Ground { marked, filter: &rest, search: None }).facets(&mut tally).await?;
    Ok(tally)
}
