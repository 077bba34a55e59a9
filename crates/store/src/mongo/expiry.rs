use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{DateTime, Document, doc},
};
use tracellm_trace::Timestamp;

use super::{
    SPAN_BATCHES, TRACES, decode,
    encode::date,
    marking::Marks,
    marks, of_primary,
    stretches::{Stretch, Touched},
};
use crate::{StoreError, TraceKey, ingest::now, rollups::Level};

/// Further ahead, in ms, than clocks differ and than the database looks for what has expired.
const AHEAD: f64 = 120_000.0;

/// Marks the time of traces that the database is about to remove by itself, as long as they are there, and has their spans go with them.
/// `known` has those whose spans are told already.
pub(super) async fn mark(database: &Database, marks: &Marks, known: &mut HashSet<TraceKey>) -> Result<(), StoreError> {
    let traces = of_primary(database, TRACES);
    let expiring = doc! { "expires_at": { "$gt": DateTime::MIN, "$lte": date(now().plus(AHEAD)) } };
    let fields = doc! { "trace_id": 1, "project_id": 1, "created_at": 1, "expires_at": 1 };
    let mut found = traces.find(expiring).projection(fields).await?;
    let (mut touched, mut these) = (Touched::default(), HashMap::new());
    while let Some(raw) = found.try_next().await? {
        let moment = marks::moment(&raw);
        touched.unsummed.insert(Stretch::around(Level::Minute, moment));
        if moment != Timestamp::MIN {
            touched.unindexed.insert(Stretch::of(Level::Hour, moment.millis()));
        }
        let expires_at = decode::value(&raw, "expires_at")?;
        let trace = decode::trace(&raw)?;
        let key = TraceKey { project_id: trace.project_id, trace_id: trace.trace_id };
        these.insert(key, expires_at);
    }
    // First, as what follows takes long where much expires.
    marks.keep(database, &touched).await?;
    known.retain(|key| these.contains_key(key));
    let spans = database.collection::<Document>(SPAN_BATCHES);
    for (key, expires_at) in these {
        if !known.contains(&key) {
            let of_trace = doc! { "trace_id": &key.trace_id, "project_id": &key.project_id };
            spans.update_many(of_trace, doc! { "$set": { "expires_at": expires_at } }).await?;
            known.insert(key);
        }
    }
    Ok(())
}
