use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{index, queries, sums::Sums};
use crate::{StoreError, TraceKey};

/// Pages that are given back at a time: 8 MB of them.
const STEP: u32 = 2_000;
/// A file that can't give pages back one by one is written anew where so much of it is free, in percent.
const MUCH: i64 = 25;

/// Removes traces with all that is kept of them, and says how many there were.
pub(super) fn remove(transaction: &Transaction, sums: &mut Sums, keys: &[TraceKey]) -> Result<usize, StoreError> {
    let sql = format!("SELECT {}, id FROM traces WHERE trace_id = ? AND project_id = ?", queries::SAMPLE.join(", "));
    let mut find = transaction.prepare_cached(&sql)?;
    let mut last = 0;
    let mut count = 0;
    for key in keys {
        let id = find
            .query_row([&key.trace_id, &key.project_id], |row| {
                let id: i64 = row.get(queries::SAMPLE.len())?;
                Ok(queries::sample(row).and_then(|sample| {
                    index::forget(transaction, &mut sums.facets, id, &sample)?;
                    sums.rollups.remove(&sample)?;
                    Ok(id)
                }))
            })
            .optional()?
            .transpose()?;
        let Some(id) = id else { continue };
        transaction.prepare_cached("DELETE FROM traces WHERE id = ?")?.execute([id])?;
        last = last.max(id);
        count += 1;
    }
    remove_spans(transaction, keys)?;
    transaction.prepare_cached("UPDATE removed SET last = max(last, ?)")?.execute([last])?;
    Ok(count)
}

pub(super) fn remove_spans(transaction: &Transaction, keys: &[TraceKey]) -> Result<(), StoreError> {
    let mut remove = transaction.prepare_cached("DELETE FROM span_batches WHERE trace_id = ? AND project_id = ?")?;
    for key in keys {
        remove.execute([&key.trace_id, &key.project_id])?;
    }
    Ok(())
}

/// Gives pages back, and says whether there are more. A file of an earlier version is written anew first, once much of it is free.
pub(super) fn reclaim(connection: &Connection) -> Result<bool, StoreError> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    /// Pages can be given back one by one.
    const INCREMENTAL: i64 = 2;
    if number("auto_vacuum")? == INCREMENTAL {
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    } else if number("freelist_count")? * 100 > number("page_count")? * MUCH {
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        connection.execute_batch("VACUUM")?;
    } else {
        return Ok(false);
    }
    let is_more = number("freelist_count")? > 0;
    if !is_more {
        // Only then the file itself becomes shorter.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(is_more)
}

pub(super) fn setting(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection.query_row("SELECT value FROM settings WHERE name = ?", [name], |row| row.get(0)).optional()?)
}

pub(super) fn settings(connection: &Connection, begin: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name, value FROM settings WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1")?;
    let found = statement.query_map([begin], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn set_setting(connection: &Connection, name: &str, value: Option<&str>) -> Result<(), StoreError> {
    match value {
        Some(value) => {
            let sql = "INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.execute(sql, params![name, value])?
        }
        None => connection.execute("DELETE FROM settings WHERE name = ?", [name])?,
    };
    Ok(())
}

pub(super) fn add_setting(connection: &Connection, name: &str, value: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO NOTHING", [name, value])? == 1)
}

pub(super) fn remove_project(connection: &Connection, project_id: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM api_keys WHERE project_id = ?", [project_id])?;
    connection.execute("DELETE FROM projects WHERE project_id = ?", [project_id])?;
    Ok(())
}
