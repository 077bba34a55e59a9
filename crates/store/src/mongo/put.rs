use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use futures_util::{TryStreamExt, future::try_join_all};
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::{ErrorKind, WriteFailure},
};
use tracellm_trace::{Filled, Issue, Outcome, Timestamp, Trace};

use super::{PATIENCE, decode, encode, marking::Marked, within};
use crate::{
    NewTrace, PutOutcome, StoreError,
    merge::{Merged, merge},
};

/// Documents that are compared and written at a time.
const CHUNK: usize = 1_000;
/// The version of a document that replaced none.
const FIRST_VERSION: i64 = 1;
/// How often a document is compared anew because others wrote it in between. Of those who write at once one always wins.
pub(super) const ATTEMPTS: usize = 50;

/// A trace on its way to the database, encoded as it will stand there if none stands yet.
pub(super) struct NewDocument {
    pub key: Key,
    created_at: Timestamp,
    filled: Filled,
    raw: Result<RawDocumentBuf, Issue>,
}

impl From<NewTrace> for NewDocument {
    fn from(NewTrace { trace, filled }: NewTrace) -> Self {
        let raw = encode::encode(&trace, &encode::id_of(&trace.project_id, &trace.trace_id).into(), FIRST_VERSION);
        Self { key: (trace.project_id, trace.trace_id), created_at: trace.created_at, filled, raw }
    }
}

impl NewDocument {
    pub fn bytes(&self) -> usize {
        self.raw.as_ref().map_or(0, |raw| raw.as_bytes().len())
    }
}

pub(super) async fn put(marked: Marked<'_>, batch: &[&NewDocument]) -> Result<Vec<PutOutcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for chunk in batch.chunks(CHUNK) {
        outcomes.extend(put_chunk(marked, chunk).await?);
    }
    Ok(outcomes)
}

/// Project and trace id.
pub(super) type Key = (String, String);

/// The documents of one key, with their positions in the chunk, in order.
type Group<'a> = Vec<(usize, &'a NewDocument)>;

/// What the database holds under a key.
pub(super) struct Standing {
    id: Bson,
    /// Null where another writer made the document.
    version: Bson,
    trace: Trace,
}

/// What marked a group's last document came to.
#[derive(Clone)]
pub(super) enum Fate {
    Done,
    /// Another writer was faster; what stands has to be read again.
    Lost,
    Refused(Issue),
}

async fn put_chunk(marked: Marked<'_>, chunk: &[&NewDocument]) -> Result<Vec<PutOutcome>, StoreError> {
    let mut groups: HashMap<&Key, Group> = HashMap::new();
    for (position, new) in chunk.iter().enumerate() {
        groups.entry(&new.key).or_default().push((position, new));
    }
    let mut outcomes = Vec::new();
    let mut attempts = 0;
    while !groups.is_empty() {
        attempts += 1;
        if attempts > ATTEMPTS {
            return Err(StoreError::Unavailable("others keep marked the same traces".to_owned()));
        }
        groups = within(PATIENCE, attempt(marked, groups, &mut outcomes)).await?;
    }
    outcomes.sort_unstable_by_key(|(position, _)| *position);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Reads what stands, compares, writes; gives back the groups that another writer came before.
async fn attempt<'a>(
    marked: Marked<'_>,
    groups: HashMap<&'a Key, Group<'a>>,
    outcomes: &mut Vec<(usize, PutOutcome)>,
) -> Result<HashMap<&'a Key, Group<'a>>, StoreError> {
    let standing = standing(&marked.traces(), groups.keys().copied()).await?;
    // In the order in which they came, as those who watch meet them in the order in which they are written.
    let mut groups: Vec<(&Key, Group)> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(_, group)| group.first().map(|(position, _)| *position));
    let plans: Vec<Plan> = groups.iter().map(|(key, group)| Plan::of(key, group, standing.get(*key))).collect::<Result<_, _>>()?;
    let fates = write(marked, &plans).await?;
    let mut lost = HashMap::new();
    for (((key, group), plan), fate) in groups.into_iter().zip(plans).zip(fates) {
        match fate {
            Fate::Lost => drop(lost.insert(key, group)),
            Fate::Done => outcomes.extend(plan.outcomes),
            Fate::Refused(issue) => outcomes.extend(plan.outcomes.into_iter().map(|(position, _)| (position, Err(issue.clone())))),
        }
    }
    Ok(lost)
}

/// What stands for the keys. It is sought by trace id, as documents of other writers have an `_id` of their own.
pub(super) async fn standing(
    traces: &Collection<RawDocumentBuf>,
    keys: impl Iterator<Item = &Key>,
) -> Result<HashMap<Key, Standing>, StoreError> {
    let ids: HashSet<&str> = keys.map(|(_, trace_id)| trace_id.as_str()).collect();
    let wanted = doc! { "trace_id": { "$in": ids.into_iter().collect::<Vec<_>>() } };
    let mut found = traces.find(wanted).sort(doc! { "created_at": 1 }).await?;
    let mut standing = HashMap::new();
    while let Some(raw) = found.try_next().await? {
        let (id, version) = (decode::value(&raw, "_id")?, decode::value(&raw, "_v")?);
        let trace = decode::trace(&raw)?;
        // Where others stored a key twice, the newest stands, as it is the one that is shown.
        standing.insert((trace.project_id.clone(), trace.trace_id.clone()), Standing { id, version, trace });
    }
    Ok(standing)
}

/// What is to be written for a group, and what is to be answered if that is done.
pub(super) struct Plan<'a> {
    pub outcomes: Vec<(usize, PutOutcome)>,
    write: Option<Write<'a>>,
    /// When the traces begin that are written and that stood.
    moments: Vec<Timestamp>,
}

struct Write<'a> {
    raw: Cow<'a, RawDocumentBuf>,
    /// What the document replaces; a new one replaces nothing.
    replaces: Option<Document>,
}

impl<'a> Plan<'a> {
    pub fn of((project_id, trace_id): &Key, group: &[(usize, &'a NewDocument)], standing: Option<&Standing>) -> Result<Self, StoreError> {
        let (id, version) = match standing {
            Some(standing) => (standing.id.clone(), standing.version.as_i64().unwrap_or(0) + 1),
            None => (encode::id_of(project_id, trace_id).into(), FIRST_VERSION),
        };
        let replaces = standing.map(|Standing { id, version, .. }| doc! { "_id": { "$eq": id }, "_v": { "$eq": version } });
        let mut plan = Self { outcomes: Vec::with_capacity(group.len()), write: None, moments: Vec::new() };
        let mut last: Option<Cow<Trace>> = standing.map(|standing| Cow::Borrowed(&standing.trace));
        for (place, (position, new)) in group.iter().enumerate() {
            let raw = match &new.raw {
                Ok(raw) => raw,
                Err(issue) => {
                    plan.outcomes.push((*position, Err(issue.clone())));
                    continue;
                }
            };
            let Some(before) = &last else {
                plan.outcomes.push((*position, Ok(Outcome::Created)));
                plan.moments.push(new.created_at);
                plan.write = Some(Write { raw: Cow::Borrowed(raw), replaces: None });
                // Most groups are of one, and need not be read again.
                last = if place + 1 < group.len() { Some(Cow::Owned(decode::trace(raw)?)) } else { None };
                continue;
            };
            let new = NewTrace { trace: decode::trace(raw)?, filled: new.filled.clone() };
            let Merged::Updated(trace) = merge(before, new) else {
                plan.outcomes.push((*position, Ok(Outcome::Duplicate)));
                continue;
            };
            let encoded = encode::encode(&trace, &id, version);
            plan.outcomes.push((*position, encoded.as_ref().map(|_| Outcome::Updated).map_err(Clone::clone)));
            if let Ok(raw) = encoded {
                plan.moments.extend([before.created_at, trace.created_at]);
                plan.write = Some(Write { raw: Cow::Owned(raw), replaces: replaces.clone() });
                last = Some(Cow::Owned(*trace));
            }
        }
        Ok(plan)
    }

    /// Why what is planned for one document can't be stored.
    pub fn refusal(&self) -> Option<Issue> {
        self.outcomes.first().and_then(|(_, outcome)| outcome.as_ref().err().cloned())
    }
}

impl Fate {
    pub fn refusal(&self) -> Option<Issue> {
        if let Self::Refused(issue) = self { Some(issue.clone()) } else { None }
    }
}

/// Writes what is planned: new documents together, changed ones under the version that was seen.
pub(super) async fn write(marked: Marked<'_>, plans: &[Plan<'_>]) -> Result<Vec<Fate>, StoreError> {
    let moments = plans.iter().flat_map(|plan| plan.moments.iter().copied());
    marked.marks.around(marked.database, moments, write_marked(&marked.traces(), plans)).await
}

async fn write_marked(traces: &Collection<RawDocumentBuf>, plans: &[Plan<'_>]) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Done; plans.len()];
    let mut inserts = Vec::new();
    let mut replacements = Vec::new();
    for (index, write) in plans.iter().enumerate().filter_map(|(index, plan)| Some((index, plan.write.as_ref()?))) {
        match &write.replaces {
            None => inserts.push((index, write.raw.as_ref())),
            Some(seen) => {
                let replaced = replace(traces, seen.clone(), &write.raw);
                replacements.push(async move { Ok::<_, StoreError>((index, replaced.await?)) });
            }
        }
    }
    for (index, fate) in try_join_all(replacements).await? {
        fates[index] = fate;
    }
    if inserts.is_empty() {
        return Ok(fates);
    }
    if let Err(error) = traces.insert_many(inserts.iter().map(|(_, raw)| *raw)).ordered(false).await {
        let ErrorKind::InsertMany(failed) = error.kind.as_ref() else { return Err(error.into()) };
        if failed.write_concern_error.is_some() {
            return Err(error.into());
        }
        for failed in failed.write_errors.iter().flatten() {
            fates[inserts[failed.index].0] = fate(failed.code, &failed.message);
        }
    }
    Ok(fates)
}

async fn replace(traces: &Collection<RawDocumentBuf>, seen: Document, raw: &RawDocumentBuf) -> Result<Fate, StoreError> {
    match traces.replace_one(seen, raw).await {
        Ok(done) => Ok(if done.matched_count == 1 { Fate::Done } else { Fate::Lost }),
        Err(error) => match error.kind.as_ref() {
            ErrorKind::Write(WriteFailure::WriteError(failed)) => Ok(fate(failed.code, &failed.message)),
            _ => Err(error.into()),
        },
    }
}

/// What the refusal of one document means.
fn fate(code: i32, message: &str) -> Fate {
    if code == 11000 && message.contains("_id_") {
        return Fate::Lost;
    }
    Fate::Refused(Issue::error("trace.unstorable", "$", format!("MongoDB refused it: {message}")))
}
