use std::time::Duration;

use mongodb::{
    Database, IndexModel,
    bson::{Document, doc},
    error::ErrorKind,
    options::IndexOptions,
};

use super::{
    SPAN_BATCHES, TRACES,
    access::{API_KEYS, PROJECTS},
};
use crate::StoreError;

/// An index with these keys, or of this name, is there already, made by someone else.
const MADE_BY_OTHERS: [i32; 2] = [85, 86];

/// Makes the indexes that are missing.
pub(super) async fn ensure(database: &Database) -> Result<(), StoreError> {
    for (collection, index) in wanted() {
        // One by one, as one that others made otherwise would keep the rest from being made.
        match database.collection::<Document>(collection).create_index(index).await {
            Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(failed) if MADE_BY_OTHERS.contains(&failed.code)) => {
                tracing::debug!("an index on `{collection}` is another's: {error}");
            }
            done => drop(done?),
        }
    }
    Ok(())
}

/// The collections that have indexes.
pub(super) const COLLECTIONS: [&str; 4] = [TRACES, SPAN_BATCHES, PROJECTS, API_KEYS];

/// The indexes, each with its collection.
pub(super) fn wanted() -> impl Iterator<Item = (&'static str, IndexModel)> {
    let plain = |keys: Document| IndexModel::builder().keys(keys).build();
    let partial = |keys: Document, name: &str, only: Document| {
        let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(only).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    let unique = |keys: Document| IndexModel::builder().keys(keys).options(IndexOptions::builder().unique(true).build()).build();
    let single = ["trace_id", "created_at", "status", "model_name", "project_id", "environment"].map(|field| plain(doc! { field: 1 }));
    let by_time = || doc! { "created_at": 1, "trace_id": 1, "project_id": 1 };
    // Equality first, then the order of the list; a range behind it is read from the index, not from documents.
    let lists = [
        by_time(),
        doc! { "status": 1, "created_at": 1, "trace_id": 1, "project_id": 1, "latency": 1 },
        doc! { "project_id": 1, "created_at": 1, "trace_id": 1 },
        doc! { "project_id": 1, "status": 1, "created_at": 1, "trace_id": 1 },
        doc! { "model_name": 1, "environment": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
        doc! { "model_name": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
        doc! { "environment": 1, "created_at": 1, "trace_id": 1, "project_id": 1 },
        doc! { "latency": 1, "trace_id": 1, "project_id": 1 },
        doc! { "token_count": 1, "trace_id": 1, "project_id": 1 },
        doc! { "cost_usd": 1, "trace_id": 1, "project_id": 1 },
        // For those who follow a server without change streams.
        doc! { "updated_at": 1 },
    ];
    let rare = [
        partial(by_time(), "retried", doc! { "retry_count": { "$gt": 0 } }),
        partial(by_time(), "slow", doc! { "slow_request": true }),
        partial(doc! { "session_id": 1, "created_at": 1 }, "session", doc! { "session_id": { "$exists": true } }),
        partial(doc! { "user_id": 1, "created_at": 1 }, "user", doc! { "user_id": { "$exists": true } }),
        partial(doc! { "tags": 1, "created_at": 1 }, "tag", doc! { "tags": { "$exists": true } }),
    ];
    let of_projects = ["project_id", "name"].map(|field| (PROJECTS, unique(doc! { field: 1 })));
    let of_keys =
        [unique(doc! { "key": 1 }), plain(doc! { "project_id": 1 }), plain(doc! { "environment": 1 })].map(|index| (API_KEYS, index));
    let of_traces = single.into_iter().chain(lists.map(plain)).chain(rare).map(|index| (TRACES, index));
    // What has a time to live is removed by the database.
    let expiry = IndexOptions::builder().expire_after(Duration::ZERO).build();
    let expiry = IndexModel::builder().keys(doc! { "expires_at": 1 }).options(expiry).build();
    let expiries = [TRACES, SPAN_BATCHES].map(|collection| (collection, expiry.clone()));
    let of_spans = [(SPAN_BATCHES, plain(doc! { "trace_id": 1, "project_id": 1 }))].into_iter().chain(expiries);
    of_traces.chain(of_spans).chain(of_projects).chain(of_keys)
}
