use std::{collections::BTreeMap, future::ready};

use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database,
    bson::{Document, doc},
};

use super::{
    SPAN_BATCHES, TRACES,
    access::{API_KEYS, PROJECTS, insert_new},
    filter,
    marking::Marked,
    marks::moment,
    of_primary,
};
use crate::{StoreError, TraceKey};

const SETTINGS: &str = "settings";

/// Those of a collection that belong to traces.
fn of(keys: &[TraceKey]) -> Document {
    let any = keys.iter().map(|key| {
        let mut wanted = filter::trace_id(&key.trace_id);
        wanted.insert("project_id", filter::project(&key.project_id));
        wanted
    });
    doc! { "$or": any.collect::<Vec<_>>() }
}

/// Removes traces and their spans, and says how many traces there were.
pub(super) async fn remove(Marked { database, marks, .. }: Marked<'_>, keys: &[TraceKey]) -> Result<u64, StoreError> {
    if keys.is_empty() {
        return Ok(0);
    }
    remove_spans(database, keys).await?;
    let traces = of_primary(database, TRACES);
    let mut found = traces.find(of(keys)).projection(doc! { "created_at": 1 }).await?;
    let mut moments = Vec::new();
    while let Some(raw) = found.try_next().await? {
        moments.push(moment(&raw));
    }
    let delete = async { Ok(traces.delete_many(of(keys)).await?.deleted_count) };
    marks.around(database, moments, delete).await
}

pub(super) async fn remove_spans(database: &Database, keys: &[TraceKey]) -> Result<(), StoreError> {
    if !keys.is_empty() {
        database.collection::<Document>(SPAN_BATCHES).delete_many(of(keys)).await?;
    }
    Ok(())
}

pub(super) async fn remove_project(database: &Database, project_id: &str) -> Result<(), StoreError> {
    let wanted = doc! { "project_id": { "$eq": project_id } };
    for name in [API_KEYS, PROJECTS] {
        database.collection::<Document>(name).delete_many(wanted.clone()).await?;
    }
    Ok(())
}

/// As the primary has them: who has just written one, or was told that it is there, reads it.
fn settings_of(database: &Database) -> Collection<Document> {
    of_primary(database, SETTINGS).clone_with_type()
}

pub(super) async fn setting(database: &Database, name: &str) -> Result<Option<String>, StoreError> {
    let found = settings_of(database).find_one(doc! { "_id": name }).await?;
    Ok(found.and_then(|document| document.get_str("value").ok().map(str::to_owned)))
}

pub(super) async fn settings(database: &Database, begin: &str) -> Result<BTreeMap<String, String>, StoreError> {
    let found = settings_of(database).find(doc! { "_id": { "$gte": begin } }).sort(doc! { "_id": 1 }).await?;
    let text = |document: &Document, field| document.get_str(field).ok().map(str::to_owned);
    let found = found.try_take_while(|document| ready(Ok(document.get_str("_id").is_ok_and(|name| name.starts_with(begin)))));
    let found: Vec<Document> = found.try_collect().await?;
    Ok(found.iter().filter_map(|document| Some((text(document, "_id")?, text(document, "value")?))).collect())
}

pub(super) async fn set_setting(database: &Database, name: &str, value: Option<&str>) -> Result<(), StoreError> {
    let settings = database.collection::<Document>(SETTINGS);
    let this = doc! { "_id": name };
    match value {
        Some(value) => settings.update_one(this, doc! { "$set": { "value": value } }).upsert(true).await.map(drop)?,
        None => settings.delete_one(this).await.map(|_| ())?,
    }
    Ok(())
}

pub(super) async fn add_setting(database: &Database, name: &str, value: &str) -> Result<bool, StoreError> {
    insert_new(database, SETTINGS, doc! { "_id": name, "value": value }).await
}
