use mongodb::{
    Collection, IndexModel,
    bson::{Document, RawDocumentBuf, doc},
    error::ErrorKind,
};

use crate::StoreError;

/// An index with these keys, or of this name, is there already, made by someone else.
const MADE_BY_OTHERS: [i32; 2] = [85, 86];

/// Makes the indexes that are missing.
pub(super) async fn ensure(traces: &Collection<RawDocumentBuf>) -> Result<(), StoreError> {
    for keys in wanted() {
        // One by one, as one that others made otherwise would keep the rest from being made.
        match traces.create_index(IndexModel::builder().keys(keys).build()).await {
            Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(failed) if MADE_BY_OTHERS.contains(&failed.code)) => {
                tracing::debug!("an index on `traces` is another's: {error}");
            }
            done => drop(done?),
        }
    }
    Ok(())
}

fn wanted() -> impl Iterator<Item = Document> {
    let single = ["trace_id", "created_at", "status", "model_name", "project_id", "environment"];
    let by_time = doc! { "created_at": 1, "trace_id": 1, "project_id": 1 };
    let filtered = [
        doc! { "status": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
        doc! { "project_id": 1, "created_at": 1, "trace_id": 1 },
        doc! { "model_name": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
        doc! { "environment": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
    ];
    single.into_iter().map(|field| doc! { field: 1 }).chain([by_time]).chain(filtered)
}
