use rusqlite::Connection;
use tracellm_trace::{Check, Diagnosis, Index};

use super::schema;
use crate::StoreError;

/// Less free space than this, in bytes, is little.
const LITTLE_SPACE: f64 = 1e9;

pub(super) fn examine(connection: &Connection, thorough: bool) -> Result<Diagnosis, StoreError> {
    let server_version: String = connection.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
    let place = connection.path().unwrap_or_default().to_owned();
    let mut checks = vec![
        Check::good("version", format!("SQLite {server_version}")),
        durability(connection)?,
        space(connection, &place)?,
        damage(connection, thorough)?,
    ];
    if thorough {
        checks.push(documents(connection)?);
    }
    Ok(Diagnosis { database: "sqlite".to_owned(), server_version, place, checks, indexes: indexes(connection)? })
}

/// Whether what is acknowledged is on the disk.
fn durability(connection: &Connection) -> Result<Check, StoreError> {
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if journal == "wal" && synchronous >= 2 {
        return Ok(Check::good("durability", "what is acknowledged is on the disk"));
    }
    let found = format!("the journal is `{journal}`, synchronous {synchronous}");
    Ok(Check::bad("durability", found, "The file must lie on a local disk: shared folders can't keep a write-ahead log."))
}

fn space(connection: &Connection, file: &str) -> Result<Check, StoreError> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page_size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let taken = format!("the file takes {:.1} MB", (pages * page_size) as f64 / 1e6);
    let Ok(disk) = rustix::fs::statvfs(file) else { return Ok(Check::unknown("disk", taken)) };
    let free = disk.f_bavail as f64 * disk.f_frsize as f64;
    let found = format!("{taken}; {:.1} GB are free", free / 1e9);
    if free < LITTLE_SPACE {
        return Ok(Check::warning("disk", found, "Make room, or delete old traces: a full disk takes no traces."));
    }
    Ok(Check::good("disk", found))
}

fn damage(connection: &Connection, thorough: bool) -> Result<Check, StoreError> {
    if !thorough {
        return Ok(Check::unknown("damage", "not looked for here: tracellm doctor reads the whole file"));
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" {
        return Ok(Check::good("damage", "the file is sound"));
    }
    let advice = "Keep a copy of the file, save what can be read with `tracellm export`, and import it into an empty data folder.";
    Ok(Check::bad("damage", said, advice))
}

/// Documents that are none.
fn documents(connection: &Connection) -> Result<Check, StoreError> {
    let sql = "SELECT count(*), min(trace_id) FROM traces WHERE NOT json_valid(doc) OR NOT json_valid(summary)";
    let (count, first): (i64, Option<String>) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match first {
        None => Check::good("documents", "each can be read"),
        Some(first) => {
            Check::bad("documents", format!("{count} can't be read, {first} for one"), "Send them again: they replace what stands.")
        }
    })
}

/// The indexes of an empty file of this version, and whether each is in this one.
fn indexes(connection: &Connection) -> Result<Vec<Index>, StoreError> {
    const SQL: &str = "SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid";
    let mut present = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'index'")?;
    let present = present.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let empty = schema::empty()?;
    let mut wanted = empty.prepare(SQL)?;
    let wanted = wanted.query_map([], |row| {
        let (of, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let fields = sql.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(fields, _)| fields);
        Ok(Index { of, is_present: present.contains(&name), name, fields: fields.to_owned(), uses: None })
    })?;
    Ok(wanted.collect::<Result<_, _>>()?)
}
