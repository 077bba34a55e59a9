//! Raw bodies in, stored documents out: the one way in for REST, server functions and the command line.

use std::collections::{BTreeMap, BTreeSet};

use tracellm_trace::{
    ApiKey, Context, Issue, ItemReport, ItemResult, Limits, Outcome, RefusedItem, Report, Severity, Source, Stored, Timestamp, Trace,
    body::{self, Body, Layout},
    masking::{Masked, Maskers},
    normalize,
    otlp::{Rejected, Span, Via, wire},
};
use uuid::Uuid;

use crate::{NewSpan, NewTrace, StoreError, TraceStore, turns::in_turns};

/// Why a request as a whole came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body can't be parsed.
    #[error("the body can't be read: {}", .0.message)]
    Unreadable(Issue),
    /// More traces than one request may bring.
    #[error("the batch is too large: {}", .0.message)]
    TooMany(Issue),
    /// There is nothing to store.
    #[error("the batch is empty; at least one trace is needed")]
    Empty,
    /// The one document, or every document of the batch, was refused.
    #[error("{}", if .0.len() == 1 { "the trace was refused" } else { "every trace was refused" })]
    Refused(Vec<ItemReport>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where documents come from: the way in, and the key that opened it.
#[derive(Clone, Debug)]
pub struct Origin {
    pub source: Source,
    pub key: Option<ApiKey>,
    /// The key has brought as much as it may today: texts are dropped.
    pub without_content: bool,
    pub limits: Limits,
}

impl From<Source> for Origin {
    fn from(source: Source) -> Self {
        Self { source, key: None, without_content: false, limits: Limits::default() }
    }
}

/// Why a trace was stored without its texts.
pub const OVER_QUOTA: &str = "the key has sent as much as it may in a day, so texts were dropped; numbers and names are stored";

/// Decodes, normalises and stores a body; answers when all of it is durable.
///
/// # Errors
/// Nothing was stored, but for [`IngestError::Store`], after which the same body may be sent again.
pub async fn ingest(store: &dyn TraceStore, text: String, layout: Layout, origin: &Origin) -> Result<Report, IngestError> {
    let body = body::split(&text, layout).map_err(IngestError::Unreadable)?;
    if let Some(issue) = body.too_many(&origin.limits) {
        return Err(IngestError::TooMany(issue));
    }
    let (items, is_one) = match body {
        Body::One(item) => (Items::of(&[item], origin, &*store.maskers().await?).await?, true),
        Body::Batch(items) if items.is_empty() => return Err(IngestError::Empty),
        Body::Batch(items) => (Items::of(&items, origin, &*store.maskers().await?).await?, false),
    };
    // What waits to be written is held once.
    drop(text);
    let mut results = items.store(store).await?;
    if is_one {
        return match results.pop() {
            Some(ItemResult::Stored(stored)) => Ok(Report::One(stored)),
            // One document that is no JSON makes the body unreadable; in a batch it is one bad item.
            Some(ItemResult::Refused(refused)) if refused.errors[0].code == "json.syntax" => {
                Err(IngestError::Unreadable(refused.errors[0].clone()))
            }
            other => Err(IngestError::Refused(numbered(other))),
        };
    }
    let mut results = numbered(results);
    let rejected = results.iter().filter(|report| !report.errors().is_empty()).count();
    if rejected == results.len() {
        return Err(IngestError::Refused(results));
    }
    for report in &mut results {
        if let ItemResult::Stored(stored) = &mut report.result {
            stored.issues.retain(|issue| issue.severity > Severity::Info);
        }
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Report::Batch { accepted: count(results.len() - rejected), rejected: count(rejected), results })
}

/// Normalises and stores raw items, each on its own; results are in their order.
///
/// # Errors
/// As [`TraceStore::put`].
pub async fn store_items(store: &dyn TraceStore, items: &[&str], origin: &Origin) -> Result<Vec<ItemResult>, StoreError> {
    Items::of(items, origin, &*store.maskers().await?).await?.store(store).await
}

/// Items that are read: the documents to store, and of each item what there is to say, but for the store's own word.
struct Items {
    traces: Vec<NewTrace>,
    results: Vec<ItemResult>,
    masked: Masked,
    without_content: bool,
}

impl Items {
    async fn of(items: &[&str], origin: &Origin, maskers: &Maskers) -> Result<Self, StoreError> {
        let (mut traces, mut all) = (Vec::new(), Masked::new());
        let read = |item: &&str| {
            let context =
                Context { key: origin.key.clone(), depth: origin.limits.deepest(), ..Context::new(now(), Uuid::new_v4(), origin.source) };
            Ok(match normalize(item, &context) {
                Err(refused) => {
                    ItemResult::Refused(RefusedItem { errors: refused.errors().cloned().collect(), trace_id: refused.trace_id })
                }
                Ok(mut done) => {
                    if origin.without_content {
                        done.trace = done.trace.without_long_texts();
                        done.issues.push(Issue::warning("content.dropped", "$", OVER_QUOTA));
                    }
                    for (name, count) in maskers.document(&mut done) {
                        *all.entry(name).or_default() += count;
                    }
                    let Trace { trace_id, project_id, .. } = &done.trace;
                    let outcome = Outcome::Created;
                    let stored = Stored { trace_id: trace_id.clone(), project_id: project_id.clone(), outcome, issues: done.issues };
                    traces.push(NewTrace { trace: done.trace, filled: done.filled });
                    ItemResult::Stored(stored)
                }
            })
        };
        let results = in_turns(items, read).await?;
        Ok(Self { traces, results, masked: all, without_content: origin.without_content })
    }

    async fn store(self, store: &dyn TraceStore) -> Result<Vec<ItemResult>, StoreError> {
        let Self { mut traces, mut results, masked, .. } = self;
        store.write_metrics().masked(&masked);
        // One that was stored whole is not replaced by one without its texts.
        let mut stands = Vec::with_capacity(traces.len());
        for new in &traces {
            let Trace { project_id, trace_id, .. } = &new.trace;
            stands.push(self.without_content && store.document(Some(project_id), trace_id).await?.is_some());
        }
        let mut is_new = stands.iter();
        traces.retain(|_| is_new.next() == Some(&false));
        let mut put = (if traces.is_empty() { Vec::new() } else { store.put(traces).await? }).into_iter();
        let outcomes =
            stands.into_iter().map(|stands| if stands { Some(Ok(Outcome::Duplicate)) } else { put.next() }).map_while(|outcome| outcome);
        let to_store = results.iter_mut().filter(|result| matches!(result, ItemResult::Stored(_)));
        for (result, outcome) in to_store.zip(outcomes) {
            match (outcome, &mut *result) {
                (Ok(outcome), ItemResult::Stored(stored)) => stored.outcome = outcome,
                (Err(issue), ItemResult::Stored(stored)) => {
                    *result = ItemResult::Refused(RefusedItem { trace_id: Some(stored.trace_id.clone()), errors: vec![issue] });
                }
                (_, ItemResult::Refused(_)) => {}
            }
        }
        Ok(results)
    }
}

/// What became of the spans of a request.
#[derive(Debug, Default)]
pub struct SpanReport {
    pub accepted: usize,
    pub rejected: Vec<Rejected>,
    /// Names of attributes that no field is for, in order; where there are very many, the last says so.
    pub without_field: BTreeSet<String>,
}

/// Names of attributes that a report holds at most.
const NAMES_KEPT: usize = 50;

/// Stores the spans of an export request, each under the project of the key, else under the one that its emitter names.
///
/// # Errors
/// As [`TraceStore::put_spans`].
pub async fn store_spans(store: &dyn TraceStore, request: wire::Request, origin: &Origin) -> Result<SpanReport, StoreError> {
    let (spans, rejected) = request.into_spans(&origin.limits);
    Ok(put(store, spans, rejected, origin).await?.0)
}

/// The report, and what became of each span that had passed; none for those that the store refused.
async fn put(
    store: &dyn TraceStore,
    spans: Vec<Span>,
    mut rejected: Vec<Rejected>,
    origin: &Origin,
) -> Result<(SpanReport, Vec<Option<Outcome>>), StoreError> {
    let (key, content_dropped) = (origin.key.as_ref(), origin.without_content);
    let via = key.map(|key| Via { key_id: key.key_id.clone(), environment: key.environment.clone(), content_dropped });
    let of_key = |mut span: Span| {
        span.via.clone_from(&via);
        if content_dropped {
            span.drop_content();
        }
        NewSpan { project_id: key.map_or_else(|| span.project_id(), |key| key.project_id.clone()), span }
    };
    let mut spans: Vec<NewSpan> = spans.into_iter().map(of_key).collect();
    mask(store, &mut spans).await?;
    let names: Vec<String> = spans.iter().map(|new| new.span.name.clone()).collect();
    let mut without_field = BTreeSet::new();
    for name in spans.iter().flat_map(|new| new.span.without_field()) {
        if !without_field.contains(&*name) {
            if without_field.len() == NAMES_KEPT {
                without_field.insert("… (and more)".to_owned());
                break;
            }
            without_field.insert(name.into_owned());
        }
    }
    let outcomes = if spans.is_empty() { Vec::new() } else { store.put_spans(spans, now()).await? };
    let mut kept = Vec::with_capacity(outcomes.len());
    for (outcome, name) in outcomes.into_iter().zip(names) {
        kept.push(outcome.map_err(|issue| rejected.push(Rejected { name, reason: issue.message })).ok());
    }
    let accepted = kept.iter().flatten().count();
    Ok((SpanReport { accepted, rejected, without_field }, kept))
}

/// Stores an export request of OTLP/JSON, and reports the traces that its spans belong to.
///
/// # Errors
/// As [`ingest`].
pub async fn ingest_export(store: &dyn TraceStore, text: &str, limits: Limits) -> Result<Report, IngestError> {
    let (spans, rejected) = wire::read(text).map_err(IngestError::Unreadable)?.into_spans(&limits);
    let of_span: Vec<(String, String)> = spans.iter().map(|span| (span.project_id(), span.trace_id.clone())).collect();
    let mut known = BTreeSet::new();
    for (project_id, trace_id) in of_span.iter().collect::<BTreeSet<_>>() {
        if store.document(Some(project_id), trace_id).await?.is_some() {
            known.insert((project_id.clone(), trace_id.clone()));
        }
    }
    let (report, outcomes) = put(store, spans, rejected, &Origin { limits, ..Source::Otlp.into() }).await?;
    // A trace is what became of its spans together.
    let mut traces: BTreeMap<(String, String), Outcome> = BTreeMap::new();
    for (trace, outcome) in of_span.into_iter().zip(outcomes) {
        let Some(outcome) = outcome else { continue };
        let said = match outcome {
            Outcome::Duplicate => Outcome::Duplicate,
            _ if known.contains(&trace) => Outcome::Updated,
            _ => Outcome::Created,
        };
        let of_trace = traces.entry(trace).or_insert(said);
        if *of_trace == Outcome::Duplicate {
            *of_trace = said;
        }
    }
    let accepted = traces.len();
    let stored = traces
        .into_iter()
        .map(|((project_id, trace_id), outcome)| ItemResult::Stored(Stored { trace_id, project_id, outcome, issues: Vec::new() }));
    let refused = report.rejected.iter().map(|span| ItemResult::Refused(RefusedItem { trace_id: None, errors: vec![span.into()] }));
    let results: Vec<ItemResult> = stored.chain(refused).collect();
    match (accepted, results.is_empty()) {
        (_, true) => Err(IngestError::Empty),
        (0, _) => Err(IngestError::Refused(numbered(results))),
        _ => Ok(Report::Batch {
            accepted: u32::try_from(accepted).unwrap_or(u32::MAX),
            rejected: u32::try_from(results.len() - accepted).unwrap_or(u32::MAX),
            results: numbered(results),
        }),
    }
}

/// Masks spans, each by the rules of its project.
async fn mask(store: &dyn TraceStore, spans: &mut [NewSpan]) -> Result<(), StoreError> {
    let maskers = store.maskers().await?;
    let mut projects: BTreeMap<String, Vec<&mut Span>> = BTreeMap::new();
    for new in spans {
        projects.entry(new.project_id.clone()).or_default().push(&mut new.span);
    }
    for (project_id, spans) in projects {
        if let Some(masker) = maskers.of(&project_id) {
            store.write_metrics().masked(&masker.spans(spans));
        }
    }
    Ok(())
}

fn numbered(results: impl IntoIterator<Item = ItemResult>) -> Vec<ItemReport> {
    (0..).zip(results).map(|(index, result)| ItemReport { index, result }).collect()
}

/// The clock, as normalisation wants it.
pub fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis_clamped(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
