use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database,
    bson::{Document, RawDocumentBuf, doc},
    error::{Error, ErrorKind, WriteFailure},
};
use tracellm_trace::{ApiKey, Project, Scope, Timestamp, mask_api_key};

use super::{decode, encode::date};
use crate::{KeyMark, StoreError, StoredKey};

pub(super) const PROJECTS: &str = "projects";
pub(super) const API_KEYS: &str = "api_keys";

fn collection(database: &Database, name: &str) -> Collection<RawDocumentBuf> {
    database.collection(name)
}

pub(super) async fn projects(database: &Database) -> Result<Vec<Project>, StoreError> {
    let found = collection(database, PROJECTS).find(doc! {}).sort(doc! { "created_at": 1, "project_id": 1 }).await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    found.iter().map(|raw| decode::project(raw)).collect()
}

pub(super) async fn add_project(database: &Database, project: &Project) -> Result<bool, StoreError> {
    let Project { project_id, name, description, created_at } = project;
    let created_at = created_at.map(date);
    let document = doc! { "project_id": project_id, "name": name, "description": description, "created_at": created_at };
    insert_new(database, PROJECTS, document).await
}

pub(super) async fn keys(database: &Database, project_id: Option<&str>) -> Result<Vec<StoredKey>, StoreError> {
    let wanted = project_id.map_or_else(Document::new, |project_id| doc! { "project_id": { "$eq": project_id } });
    let found = collection(database, API_KEYS).find(wanted).sort(doc! { "created_at": -1, "key_id": 1 }).await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    found.iter().map(|raw| decode::key(raw)).collect()
}

pub(super) async fn add_key(database: &Database, StoredKey { stored_as, key }: &StoredKey) -> Result<bool, StoreError> {
    let document = doc! {
        "key": stored_as,
        "key_id": &key.key_id,
        "project_id": &key.project_id,
        "environment": &key.environment,
        "scope": key.scope.as_str(),
        "created_at": date(key.created_at),
        "last_used_at": key.last_used_at.map(date),
        "expires_at": key.expires_at.map(date),
        "revoked_at": key.revoked_at.map(date),
    };
    insert_new(database, API_KEYS, document).await
}

pub(super) async fn hide_key(database: &Database, clear: &str, hash: &str, key_id: &str) -> Result<(), StoreError> {
    let hidden = doc! { "$set": { "key": hash, "key_id": key_id } };
    collection(database, API_KEYS).update_one(doc! { "key": { "$eq": clear } }, hidden).await?;
    Ok(())
}

/// Inserts a document; says `false` where a unique index has it already.
pub(super) async fn insert_new(database: &Database, name: &str, document: Document) -> Result<bool, StoreError> {
    match database.collection::<Document>(name).insert_one(document).await {
        Ok(_) => Ok(true),
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a unique index has it already.
pub(super) fn is_duplicate(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Write(WriteFailure::WriteError(failed)) if failed.code == 11000)
}

/// Whether the database stopped, as that took longer than it may.
pub(super) fn is_out_of_time(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(failed) if failed.code == 50)
}

/// Whether another wrote the same document at the same time.
pub(super) fn is_conflict(error: &Error) -> bool {
    const WRITE_CONFLICT: i32 = 112;
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(failed)) => failed.code == WRITE_CONFLICT,
        ErrorKind::Command(failed) => failed.code == WRITE_CONFLICT,
        _ => false,
    }
}

pub(super) async fn find_key(database: &Database, stored_as: &[String]) -> Result<Option<ApiKey>, StoreError> {
    let found = collection(database, API_KEYS).find_one(doc! { "key": { "$in": stored_as } }).await?;
    found.map(|raw| Ok(decode::key(&raw)?.key)).transpose()
}

pub(super) async fn mark_key(database: &Database, key_id: &str, mark: KeyMark, at: Timestamp) -> Result<bool, StoreError> {
    let keys = collection(database, API_KEYS);
    let mut wanted = doc! { "key_id": { "$eq": key_id } };
    if keys.find_one(wanted.clone()).await?.is_none() {
        // A key of the reference package has no public part; it is known by its masked secret.
        let clear = keys.find(doc! { "key_id": { "$exists": false } }).await?.try_collect::<Vec<_>>().await?;
        let is_meant = |secret: &&str| mask_api_key((*secret).to_owned()) == key_id;
        let Some(secret) = clear.iter().filter_map(|raw| raw.get_str("key").ok()).find(is_meant) else { return Ok(false) };
        wanted = doc! { "key": { "$eq": secret } };
    }
    let field = match mark {
        KeyMark::Used => "last_used_at",
        KeyMark::Revoked => {
            // What is revoked stays as it is.
            let open = doc! { "$and": [wanted.clone(), { "revoked_at": null_or_absent() }] };
            keys.update_one(open, doc! { "$set": { "revoked_at": date(at) } }).await?;
            return Ok(true);
        }
    };
    keys.update_one(wanted, doc! { "$max": { field: date(at) } }).await?;
    Ok(true)
}

fn null_or_absent() -> Document {
    doc! { "$eq": mongodb::bson::Bson::Null }
}

/// The scope that a stored word names; keys of the reference package name none.
pub(super) fn scope(word: Option<&str>) -> Scope {
    word.and_then(Scope::from_word).unwrap_or_default()
}
