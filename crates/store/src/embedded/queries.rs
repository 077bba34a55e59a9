use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};
use serde::de::DeserializeOwned;
use tracellm_trace::{
    Filter, Page, Query, Status, TOTAL_CAP, Timestamp, Total, Trace, TraceSummary,
    query::{Keyset, SortBy, SortValue},
    stats::{Sample, Tally},
};

use super::{conditions::Conditions, errors::unreadable, rollups, search::Ground};
use crate::{
    Documents, Plan, Rows, StoreError,
    paging::{Reading, Stretch, UNKNOWN},
    rollups::Names,
    search::{PATIENCE, Walk},
};

pub(super) fn document(connection: &Connection, project_id: Option<&str>, trace_id: &str) -> Result<Option<Trace>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.add("trace_id = ?", [trace_id.to_owned().into()]);
    if let Some(project_id) = project_id {
        conditions.add("project_id = ?", [project_id.to_owned().into()]);
    }
    let sql = format!("SELECT doc FROM traces{} ORDER BY created_at DESC, project_id DESC LIMIT 1", conditions.sql);
    let mut statement = connection.prepare_cached(&sql)?;
    let doc: Option<String> = statement.query_row(params_from_iter(conditions.values), |row| row.get(0)).optional()?;
    doc.map(|doc| serde_json::from_str(&doc).map_err(unreadable)).transpose()
}

/// A page of rows.
pub(super) fn list(connection: &Connection, query: &Query, is_counted: bool) -> Result<Page<TraceSummary>, StoreError> {
    let search = query.filter.q.as_ref();
    match list_found(connection, query, is_counted, |trace| TraceSummary::found(&trace, search))? {
        Some(page) => Ok(page),
        None => list_all(connection, query, "summary", is_counted),
    }
}

/// A page of documents.
pub(super) fn list_documents(connection: &Connection, query: &Query, is_counted: bool) -> Result<Page<Trace>, StoreError> {
    match list_found(connection, query, is_counted, |trace| trace)? {
        Some(page) => Ok(page),
        None => list_all(connection, query, "doc", is_counted),
    }
}

/// Whether how many match takes as long to count as a page to read: neither sums nor the search index tell it.
pub(super) fn is_counted_apart(filter: &Filter) -> bool {
    Names::of(filter).is_none() && filter.tag.is_none() && filter.q.is_none()
}

/// How many match, counted row by row.
pub(super) fn total(connection: &Connection, filter: &Filter) -> Result<Total, StoreError> {
    Ok(Total::from_count(count_rows(connection, filter, Some(TOTAL_CAP + 1))?))
}

/// A page of what a search finds; none where the filter is no search.
fn list_found<T>(
    connection: &Connection,
    query: &Query,
    is_counted: bool,
    show: impl Fn(Trace) -> T,
) -> Result<Option<Page<T>>, StoreError> {
    let reading = connection.unchecked_transaction()?;
    let Some(ground) = Ground::wanted(&reading, &query.filter)? else { return Ok(None) };
    let mut statement = reading.prepare_cached("SELECT doc FROM traces WHERE id = ?")?;
    let page = ground.list(query, is_counted)?.page(|id| {
        let doc: String = statement.query_row([id], |row| row.get(0))?;
        Ok(show(serde_json::from_str(&doc).map_err(unreadable)?))
    });
    page.map(Some)
}

/// A page whose items are the JSON in `column`; one that is not full tells how many match, whether that is asked or not.
fn list_all<T: DeserializeOwned>(connection: &Connection, query: &Query, column: &str, is_counted: bool) -> Result<Page<T>, StoreError> {
    let reading = Reading::new(query);
    let items = read(connection, query, &reading, column)?;
    let total = match reading.total_of(items.len()) {
        Some(total) => Total::from_count(total),
        None if is_counted => Total::from_count(count_all(connection, &query.filter, Some(TOTAL_CAP + 1))?),
        None => UNKNOWN,
    };
    Ok(reading.page(items, total))
}

/// The rows of a page, and where the next one starts.
pub(super) fn rows(connection: &Connection, query: &Query) -> Result<Rows, StoreError> {
    if let Some(page) = list_found(connection, query, false, |trace| TraceSummary::from(&trace))? {
        return Ok((page.items, page.next));
    }
    let reading = Reading::new(query);
    let items = read(connection, query, &reading, "summary")?;
    Ok(reading.uncounted(items))
}

/// The documents of a page, and where the next one starts.
pub(super) fn documents(connection: &Connection, query: &Query) -> Result<Documents, StoreError> {
    if let Some(page) = list_found(connection, query, false, |trace| trace)? {
        return Ok((page.items, page.next));
    }
    let reading = Reading::new(query);
    let items = read(connection, query, &reading, "doc")?;
    Ok(reading.uncounted(items))
}

/// The rows of a page and the one behind it, each with its place.
fn read<T: DeserializeOwned>(
    connection: &Connection,
    query: &Query,
    reading: &Reading,
    column: &str,
) -> Result<Vec<(Keyset, T)>, StoreError> {
    let mut items = Vec::new();
    for stretch in reading.stretches() {
        let Some(Conditions { sql, values }) = walk(query, reading, &stretch, column) else { continue };
        let mut statement = connection.prepare_cached(&format!("{sql} LIMIT {}", reading.wanted() - items.len()))?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let item = serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?).map_err(unreadable)?;
            items.push((place(row)?, item));
        }
        if items.len() >= reading.wanted() {
            break;
        }
    }
    Ok(items)
}

/// The statement that walks a stretch of a list, with its values; none where nothing can be there.
fn walk(query: &Query, reading: &Reading, stretch: &Stretch, column: &str) -> Option<Conditions> {
    let by = reading.sort.by;
    let field = by.as_str();
    let (direction, behind) = if reading.ascending { ("ASC", ">") } else { ("DESC", "<") };
    let mut conditions = Conditions::of(&query.filter);
    match stretch {
        Stretch::Absent(_) if by != SortBy::CostUsd => return None,
        Stretch::Absent(place) => {
            conditions.add(&format!("{field} IS NULL"), []);
            if let Some(place) = place {
                conditions.add(&format!("(trace_id, project_id) {behind} (?, ?)"), ids(place));
            }
        }
        Stretch::Valued(place) => {
            if by == SortBy::CostUsd {
                conditions.add(&format!("{field} IS NOT NULL"), []);
            }
            if let Some(place) = place {
                let value = std::iter::once(sql_value(place.value)).chain(ids(place));
                conditions.add(&format!("({field}, trace_id, project_id) {behind} (?, ?, ?)"), value);
            }
        }
    }
    conditions.sql = format!(
        "SELECT {field}, trace_id, project_id, {column} FROM traces{} \
         ORDER BY {field} {direction}, trace_id {direction}, project_id {direction}",
        conditions.sql,
    );
    Some(conditions)
}

/// How SQLite would walk to the first page of a query.
pub(super) fn plan(connection: &Connection, query: &Query) -> Result<Plan, StoreError> {
    let reading = Reading::new(query);
    let mut plan = Plan::default();
    for Conditions { sql, values } in reading.stretches().iter().filter_map(|stretch| walk(query, &reading, stretch, "summary")) {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql} LIMIT 1"))?;
        let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>("detail"))?;
        for step in steps {
            let step = step?;
            plan.sorts |= step.contains("TEMP B-TREE");
            plan.indexes.extend(step.split_once("INDEX ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned));
        }
    }
    Ok(plan)
}

/// How many traces match.
pub(super) fn count(connection: &Connection, filter: &Filter) -> Result<Total, StoreError> {
    let reading = connection.unchecked_transaction()?;
    if let Some(ground) = Ground::wanted(&reading, filter)? {
        return ground.count(Walk::new(false, PATIENCE), u64::MAX);
    }
    drop(reading);
    Ok(Total { count: count_all(connection, filter, None)?, is_capped: false })
}

/// The same without a search, counted no further than `most`, unless it is known anyway.
fn count_all(connection: &Connection, filter: &Filter, most: Option<u64>) -> Result<u64, StoreError> {
    match rollups::count(connection, filter)? {
        Some(count) => Ok(count),
        None => count_rows(connection, filter, most),
    }
}

/// The same, row by row.
pub(super) fn count_rows(connection: &Connection, filter: &Filter, most: Option<u64>) -> Result<u64, StoreError> {
    let conditions = Conditions::of(filter);
    let most = most.map_or_else(String::new, |most| format!(" LIMIT {most}"));
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM traces{}{most})", conditions.sql);
    let mut statement = connection.prepare_cached(&sql)?;
    let count: i64 = statement.query_row(params_from_iter(conditions.values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Adds up every trace that matches.
pub(super) fn tally(connection: &Connection, filter: &Filter) -> Result<Tally, StoreError> {
    let reading = connection.unchecked_transaction()?;
    if let Some(ground) = Ground::wanted(&reading, filter)? {
        return ground.tally();
    }
    drop(reading);
    if let Some(tally) = rollups::tally(connection, filter)? {
        return Ok(tally);
    }
    let end = |which| Ok::<_, StoreError>(outermost(connection, filter, which)?.map(Timestamp::from_millis_clamped));
    let range = filter.from.or(end("min")?).zip(filter.to.map(|to| to.plus(-1.0)).or(end("max")?));
    let mut tally = Tally::new(range);
    each(connection, filter, |sample| tally.add(sample))?;
    Ok(tally)
}

/// When the first (`min`) or the last (`max`) trace that matches began, in ms.
pub(super) fn outermost(connection: &Connection, filter: &Filter, which: &str) -> Result<Option<i64>, StoreError> {
    let Conditions { sql, values } = Conditions::of(filter);
    let mut statement = connection.prepare_cached(&format!("SELECT {which}(created_at) FROM traces{sql}"))?;
    Ok(statement.query_row(params_from_iter(values), |row| row.get(0))?)
}

/// What analytics take from each trace that matches.
pub(super) fn each(connection: &Connection, filter: &Filter, mut add: impl FnMut(&Sample)) -> Result<(), StoreError> {
    let Conditions { sql, values } = Conditions::of(filter);
    let sql = format!("SELECT {} FROM traces{sql}", SAMPLE.join(", "));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        add(&sample(row)?);
    }
    Ok(())
}

/// The columns of a sample.
pub(super) const SAMPLE: [&str; 10] = [
    "created_at",
    "status",
    "model_name",
    "project_id",
    "environment",
    "latency",
    "token_count",
    "cost_usd",
    "retry_count",
    "slow_request",
];

/// A sample, of a row that begins with its columns.
pub(super) fn sample<'r>(row: &'r Row) -> Result<Sample<'r>, StoreError> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    Ok(Sample {
        created_at: Some(Timestamp::from_millis_clamped(row.get(0)?)),
        status: Status::from_word(text(1)?).unwrap_or(Status::Success),
        model_name: text(2)?,
        project_id: text(3)?,
        environment: text(4)?,
        latency: row.get(5)?,
        token_count: row.get(6)?,
        cost_usd: row.get(7)?,
        retry_count: row.get(8)?,
        slow_request: row.get(9)?,
    })
}

/// Every project id: one step down the index for each, however many traces it has.
pub(super) fn project_ids(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = "WITH RECURSIVE project (id) AS (
                   SELECT min(project_id) FROM traces
                   UNION ALL
                   SELECT (SELECT min(project_id) FROM traces WHERE project_id > project.id) FROM project WHERE id IS NOT NULL
               )
               SELECT id FROM project WHERE id IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// The version of SQLite, once the file has answered.
pub(super) fn version(connection: &Connection) -> Result<String, StoreError> {
    Ok(connection.query_row("SELECT sqlite_version() FROM (SELECT count(*) FROM sqlite_schema)", [], |row| row.get(0))?)
}

fn ids(place: &Keyset) -> [Value; 2] {
    [place.trace_id.clone().into(), place.project_id.clone().into()]
}

fn sql_value(value: SortValue) -> Value {
    match value {
        SortValue::Whole(whole) => whole.into(),
        SortValue::Number(number) => number.into(),
        SortValue::Absent => Value::Null,
    }
}

fn place(row: &Row) -> rusqlite::Result<Keyset> {
    let value = match row.get(0)? {
        Value::Integer(whole) => SortValue::Whole(whole),
        Value::Real(number) => SortValue::Number(number),
        _ => SortValue::Absent,
    };
    Ok(Keyset { value, trace_id: row.get(1)?, project_id: row.get(2)? })
}
