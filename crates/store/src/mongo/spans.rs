use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use mongodb::{
    Collection, Database,
    bson::{Binary, RawDocumentBuf, doc, rawdoc, spec::BinarySubtype},
    error::ErrorKind,
};
use tracellm_trace::{Issue, otlp::Span};

use super::{
    PATIENCE, SPAN_BATCHES, encode,
    marking::Marked,
    of_primary,
    put::{self, ATTEMPTS, Fate, Key, NewDocument, Plan},
    within,
};
use crate::{
    StoreError,
    spans::{Outcomes, SpanBatch, Standing, unpack},
};

/// Traces that have spans already and are put together at a time.
const JOINED: usize = 8;
/// What one document may hold, with room for what stands beside the spans.
const MAX_BYTES: usize = 16_000_000;

/// The spans of a trace, and the document that they make if no others stand.
type New<'a> = (&'a SpanBatch, &'a NewDocument);

/// Writes spans and the traces that they make; outcomes are by batch.
///
/// Everything is written under what was read before: the documents of spans by their number, the trace by its version. Where others stand,
/// the trace is read first, then its spans: whoever was acknowledged before that had written both, and whoever writes them later changes
/// what we lean on.
pub(super) async fn put(marked: Marked<'_>, batches: &[New<'_>]) -> Result<Vec<Outcomes>, StoreError> {
    let mut outcomes: Vec<Outcomes> = batches.iter().map(|_| Outcomes::new()).collect();
    let (mut fits, mut keys) = (Vec::new(), HashSet::new());
    // Those whose trace comes twice, and those who find that others stand, with what became of their spans where they are written.
    let mut known = Vec::new();
    for (number, new) in batches.iter().enumerate() {
        let (batch, _) = new;
        if batch.packed.len() > MAX_BYTES {
            let message = format!("takes {} bytes, and a document of MongoDB holds 16 MB", batch.packed.len());
            outcomes[number] = batch.refused(&Issue::error("span.too_large", "$", message));
        } else if keys.insert((&batch.project_id, &batch.trace_id)) {
            fits.push((number, *new));
        } else {
            known.push((number, None));
        }
    }
    let (first, rest) = within(PATIENCE, put_first(marked, &fits)).await?;
    known.extend(rest);
    known.sort_unstable_by_key(|(number, _)| *number);
    first.into_iter().for_each(|(number, of_batch)| outcomes[number] = of_batch);
    let joins = known.into_iter().map(|(number, written)| async move {
        let outcomes = join(marked, batches[number].0, written).await?;
        Ok::<_, StoreError>((number, outcomes))
    });
    let mut joins = stream::iter(joins).buffer_unordered(JOINED);
    while let Some((number, of_batch)) = joins.try_next().await? {
        outcomes[number] = of_batch;
    }
    Ok(outcomes)
}

/// What became of batches, and those of which others stand; of the latter, the outcomes where only the trace is still to be written.
type First = (Vec<(usize, Outcomes)>, Vec<(usize, Option<Outcomes>)>);

/// Writes those whose trace has no spans yet, all together.
async fn put_first(marked: Marked<'_>, batches: &[(usize, New<'_>)]) -> Result<First, StoreError> {
    if batches.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let traces = marked.traces();
    let spans = of_primary(marked.database, SPAN_BATCHES);
    let standing = put::standing(&traces, batches.iter().map(|(_, (_, new))| &new.key));
    let documents = batches.iter().map(|(_, (batch, new))| document(&new.key, 0, &batch.packed));
    let (standing, taken) = try_join!(standing, insert(&spans, documents))?;
    // A trace that stands may have been read before its spans or after them, so it is read again.
    let (mut done, mut others, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for (place, entry) in batches.iter().enumerate() {
        let (number, (batch, document)) = entry;
        if taken.contains(&place) {
            others.push((*number, None));
        } else if standing.contains_key(&document.key) {
            others.push((*number, Some(batch.outcomes())));
        } else {
            new.push(entry);
        }
    }
    let plans = new.iter().map(|(_, (_, document))| Plan::of(&document.key, &[(0, *document)], None)).collect::<Result<Vec<_>, _>>()?;
    let fates = put::write(marked, &plans).await?;
    for (((number, (batch, _)), plan), fate) in new.into_iter().zip(plans).zip(fates) {
        match plan.refusal().or(fate.refusal()) {
            Some(issue) => done.push((*number, batch.refused(&issue))),
            None if matches!(fate, Fate::Lost) => others.push((*number, Some(batch.outcomes()))),
            None => done.push((*number, batch.outcomes())),
        }
    }
    Ok((done, others))
}

/// Inserts documents; says which of them stand already.
async fn insert(
    collection: &Collection<RawDocumentBuf>,
    documents: impl IntoIterator<Item = RawDocumentBuf>,
) -> Result<HashSet<usize>, StoreError> {
    let Err(error) = collection.insert_many(documents).ordered(false).await else { return Ok(HashSet::new()) };
    let ErrorKind::InsertMany(failed) = error.kind.as_ref() else { return Err(error.into()) };
    let refusals = failed.write_errors.as_deref().unwrap_or_default();
    if failed.write_concern_error.is_some() || refusals.iter().any(|refusal| refusal.code != 11000) {
        return Err(error.into());
    }
    Ok(refusals.iter().map(|refusal| refusal.index).collect())
}

/// Inserts the first spans of a trace, unless it has some.
pub(super) async fn insert_first(database: &Database, key: &Key, packed: &[u8]) -> Result<(), StoreError> {
    insert(&of_primary(database, SPAN_BATCHES), [document(key, 0, packed)]).await.map(drop)
}

fn document((project_id, trace_id): &Key, number: u32, packed: &[u8]) -> RawDocumentBuf {
    let spans = Binary { subtype: BinarySubtype::Generic, bytes: packed.to_vec() };
    let id = encode::span_batch_id_of(project_id, trace_id, number);
    rawdoc! { "_id": id, "project_id": project_id.as_str(), "trace_id": trace_id.as_str(), "spans": spans }
}

/// Adds spans to those that stand, unless they are `written` already with these outcomes, and makes the trace of all.
async fn join(marked: Marked<'_>, batch: &SpanBatch, written: Option<Outcomes>) -> Result<Outcomes, StoreError> {
    let (traces, spans) = (marked.traces(), of_primary(marked.database, SPAN_BATCHES));
    let key: Key = (batch.project_id.clone(), batch.trace_id.clone());
    let mut outcomes = written;
    for _ in 0..ATTEMPTS {
        let attempt = async {
            let standing = put::standing(&traces, std::iter::once(&key)).await?;
            let (count, others) = read_batches(marked.database, &batch.project_id, &batch.trace_id).await?;
            let joined = match batch.join(others)? {
                Ok(joined) => joined,
                Err(issue) => return Ok(Some(batch.refused(&issue))),
            };
            if let Some(packed) = joined.packed
                && !insert(&spans, [document(&key, count, &packed)]).await?.is_empty()
            {
                return Ok(None);
            }
            // Where the trace is lost to another writer, the spans stand all the same, and are no repeats for that.
            let outcomes = outcomes.get_or_insert(joined.outcomes).clone();
            let new = NewDocument::from(joined.trace);
            let plan = Plan::of(&key, &[(0, &new)], standing.get(&key))?;
            let fate = put::write(marked, std::slice::from_ref(&plan)).await?.pop();
            Ok(match plan.refusal().or(fate.as_ref().and_then(Fate::refusal)) {
                Some(issue) => Some(batch.refused(&issue)),
                None if matches!(fate, Some(Fate::Lost)) => None,
                None => Some(outcomes),
            })
        };
        if let Some(done) = within(PATIENCE, attempt).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Unavailable("others keep marked the same trace".to_owned()))
}

/// The spans of a trace, each in the version that stands.
pub(super) async fn read(database: &Database, project_id: &str, trace_id: &str) -> Result<Vec<Span>, StoreError> {
    Ok(read_batches(database, project_id, trace_id).await?.1.into_spans())
}

/// The same, and how many documents they are.
async fn read_batches(database: &Database, project_id: &str, trace_id: &str) -> Result<(u32, Standing), StoreError> {
    let wanted = doc! { "trace_id": { "$eq": trace_id }, "project_id": { "$eq": project_id } };
    let mut found = of_primary(database, SPAN_BATCHES).find(wanted).await?;
    let (mut count, mut standing) = (0, Standing::default());
    while let Some(raw) = found.try_next().await? {
        let packed = raw.get_binary("spans").map_err(|error| StoreError::Failed(format!("stored spans can't be read: {error}")))?;
        count += 1;
        for span in unpack(packed.bytes)? {
            standing.add(span);
        }
    }
    Ok((count, standing))
}
