use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{RawDocumentBuf, doc},
};

use super::{put::Key, spans};
use crate::{StoreError, spans::pack};

/// Where each span was a document of its own.
const SPANS: &str = "spans";

/// Brings what an earlier version stored to where this one looks for it. Ended in between, it is begun anew, and changes nothing twice.
pub(super) async fn ensure(database: &Database) -> Result<(), StoreError> {
    if database.list_collection_names().filter(doc! { "name": SPANS }).await?.is_empty() {
        return Ok(());
    }
    tracing::info!("spans are brought together by trace, once");
    let old = database.collection::<RawDocumentBuf>(SPANS);
    let mut found = old.find(doc! {}).sort(doc! { "trace_id": 1, "project_id": 1 }).await?;
    let mut trace: Option<(Key, Vec<_>)> = None;
    while let Some(raw) = found.try_next().await? {
        let unreadable = |why: String| StoreError::Failed(format!("a stored span can't be read: {why}"));
        let text = |field| raw.get_str(field).map_err(|error| unreadable(error.to_string()));
        let key: Key = (text("project_id")?.to_owned(), text("trace_id")?.to_owned());
        let span = serde_json::from_str(text("span")?).map_err(|error| unreadable(error.to_string()))?;
        match &mut trace {
            Some((known, together)) if *known == key => together.push(span),
            _ => {
                if let Some((key, together)) = trace.replace((key, vec![span])) {
                    spans::insert_first(database, &key, &pack(&together)?).await?;
                }
            }
        }
    }
    if let Some((key, together)) = trace {
        spans::insert_first(database, &key, &pack(&together)?).await?;
    }
    Ok(old.drop().await?)
}
