use rusqlite::{Connection, OptionalExtension, Row, params};
use tracellm_trace::{ApiKey, Project, Scope, Timestamp};

use crate::{KeyMark, StoreError, StoredKey};

const KEY_COLUMNS: &str = "key_id, project_id, environment, scope, created_at, last_used_at, expires_at, revoked_at";

pub(super) fn projects(connection: &Connection) -> Result<Vec<Project>, StoreError> {
    let sql = "SELECT project_id, name, description, created_at FROM projects ORDER BY created_at, project_id";
    let mut statement = connection.prepare_cached(sql)?;
    let projects = statement.query_map([], |row| {
        let created_at = Some(Timestamp::from_millis_clamped(row.get(3)?));
        Ok(Project { project_id: row.get(0)?, name: row.get(1)?, description: row.get(2)?, created_at })
    })?;
    Ok(projects.collect::<Result<_, _>>()?)
}

pub(super) fn add_project(connection: &Connection, project: &Project) -> Result<bool, StoreError> {
    let sql = "INSERT INTO projects (project_id, name, description, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let created_at = project.created_at.map_or(0, Timestamp::millis);
    let added = connection.prepare_cached(sql)?.execute(params![project.project_id, project.name, project.description, created_at])?;
    Ok(added == 1)
}

pub(super) fn keys(connection: &Connection, project_id: Option<&str>) -> Result<Vec<StoredKey>, StoreError> {
    let sql = format!("SELECT {KEY_COLUMNS}, key FROM api_keys WHERE ?1 IS NULL OR project_id = ?1 ORDER BY created_at DESC, key_id");
    let mut statement = connection.prepare_cached(&sql)?;
    let keys = statement.query_map([project_id], |row| Ok(StoredKey { key: key(row)?, stored_as: row.get(8)? }))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

pub(super) fn add_key(connection: &Connection, StoredKey { stored_as, key }: &StoredKey) -> Result<bool, StoreError> {
    let sql = format!("INSERT INTO api_keys (key, {KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    let millis = |time: Option<Timestamp>| time.map(Timestamp::millis);
    let added = connection.prepare_cached(&sql)?.execute(params![
        stored_as,
        key.key_id,
        key.project_id,
        key.environment,
        key.scope.as_str(),
        key.created_at.millis(),
        millis(key.last_used_at),
        millis(key.expires_at),
        millis(key.revoked_at),
    ])?;
    Ok(added == 1)
}

pub(super) fn hide_key(connection: &Connection, clear: &str, hash: &str, key_id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE api_keys SET key = ?, key_id = ? WHERE key = ?")?.execute([hash, key_id, clear])?;
    Ok(())
}

pub(super) fn find_key(connection: &Connection, stored_as: &[String]) -> Result<Option<ApiKey>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE key = ?"))?;
    for stored in stored_as {
        if let Some(found) = statement.query_row([stored], key).optional()? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

pub(super) fn mark_key(connection: &Connection, key_id: &str, mark: KeyMark, at: Timestamp) -> Result<bool, StoreError> {
    let sql = match mark {
        KeyMark::Used => "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE key_id = ?",
        KeyMark::Revoked => "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ?",
    };
    Ok(connection.prepare_cached(sql)?.execute(params![at.millis(), key_id])? == 1)
}

fn key(row: &Row) -> rusqlite::Result<ApiKey> {
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis_clamped));
    Ok(ApiKey {
        key_id: row.get(0)?,
        project_id: row.get(1)?,
        environment: row.get(2)?,
        scope: Scope::from_word(row.get_ref(3)?.as_str()?).unwrap_or_default(),
        created_at: Timestamp::from_millis_clamped(row.get(4)?),
        last_used_at: time(5)?,
        expires_at: time(6)?,
        revoked_at: time(7)?,
    })
}
