use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};
use serde::de::DeserializeOwned;
use tracellm_trace::{Filter, Page, Query, TOTAL_CAP, Timestamp, Total, Trace, query::Keyset};

use super::errors::unreadable;
use crate::{StoreError, paging::Reading};

pub(super) fn get(connection: &Connection, project_id: Option<&str>, trace_id: &str) -> Result<Option<Trace>, StoreError> {
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

/// A page whose items are the JSON in `column`.
pub(super) fn list<T: DeserializeOwned>(connection: &Connection, query: &Query, column: &str) -> Result<Page<T>, StoreError> {
    let total = count(connection, &query.filter)?;
    let reading = Reading::new(query);
    let mut conditions = Conditions::of(&query.filter);
    let (direction, behind) = if reading.ascending { ("ASC", ">") } else { ("DESC", "<") };
    if let Some(Keyset { created_at, trace_id, project_id }) = reading.behind {
        let place = [created_at.millis().into(), trace_id.clone().into(), project_id.clone().into()];
        conditions.add(&format!("(created_at, trace_id, project_id) {behind} (?, ?, ?)"), place);
    }
    let sql = format!(
        "SELECT created_at, trace_id, project_id, {column} FROM traces{} \
         ORDER BY created_at {direction}, trace_id {direction}, project_id {direction} LIMIT {}",
        conditions.sql,
        reading.wanted()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let item = serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?).map_err(unreadable)?;
        items.push((place(row)?, item));
    }
    Ok(reading.page(items, total))
}

/// Every project id: one step down the index for each, however many traces it has.
pub(super) fn projects(connection: &Connection) -> Result<Vec<String>, StoreError> {
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

fn count(connection: &Connection, filter: &Filter) -> Result<Total, StoreError> {
    let conditions = Conditions::of(filter);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM traces{} LIMIT {})", conditions.sql, TOTAL_CAP + 1);
    let mut statement = connection.prepare_cached(&sql)?;
    let count: i64 = statement.query_row(params_from_iter(conditions.values), |row| row.get(0))?;
    Ok(Total::from_count(count.unsigned_abs()))
}

fn place(row: &Row) -> rusqlite::Result<Keyset> {
    Ok(Keyset { created_at: Timestamp::from_millis_clamped(row.get(0)?), trace_id: row.get(1)?, project_id: row.get(2)? })
}

/// A `WHERE` clause that grows, and the values for its question marks.
#[derive(Default)]
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &Filter) -> Self {
        let Filter { status, model, project_id, environment, latency_min, latency_max, token_min, token_max, from, to } = filter;
        let mut conditions = Self::default();
        let wanted: [(&str, Option<Value>); 10] = [
            ("status = ?", status.map(|status| status.as_str().to_owned().into())),
            ("model_name = ?", model.clone().map(Value::from)),
            ("project_id = ?", project_id.clone().map(Value::from)),
            ("environment = ?", environment.clone().map(Value::from)),
            ("latency >= ?", latency_min.map(Value::from)),
            ("latency <= ?", latency_max.map(Value::from)),
            ("token_count >= ?", token_min.map(Value::from)),
            ("token_count <= ?", token_max.map(Value::from)),
            ("created_at >= ?", from.map(|time| time.millis().into())),
            ("created_at < ?", to.map(|time| time.millis().into())),
        ];
        for (condition, value) in wanted {
            if let Some(value) = value {
                conditions.add(condition, [value]);
            }
        }
        conditions
    }

    fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
        self.values.extend(values);
    }
}
