use std::collections::{HashMap, HashSet};

use futures_util::{TryStreamExt, future::try_join_all};
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::{ErrorKind, WriteFailure},
};
use tracellm_trace::{Issue, Outcome, Trace};

use super::{PATIENCE, decode, encode, within};
use crate::{
    NewTrace, PutOutcome, StoreError,
    merge::{Merged, merge},
};

/// Documents that are compared and written at a time.
const CHUNK: usize = 1_000;
/// How often a document is compared anew because others wrote it in between. Of those who write at once one always wins.
const ATTEMPTS: usize = 50;

pub(super) async fn put(traces: &Collection<RawDocumentBuf>, batch: Vec<NewTrace>) -> Result<Vec<PutOutcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut batch = batch.into_iter();
    while batch.len() > 0 {
        outcomes.extend(put_chunk(traces, batch.by_ref().take(CHUNK)).await?);
    }
    Ok(outcomes)
}

/// Project and trace id.
pub(super) type Key = (String, String);

/// The documents of one key, with their positions in the chunk, in order.
type Group = Vec<(usize, NewTrace)>;

/// What the database holds under a key.
struct Standing {
    id: Bson,
    /// Null where another writer made the document.
    version: Bson,
    trace: Trace,
}

/// What writing a group's last document came to.
#[derive(Clone)]
enum Fate {
    Done,
    /// Another writer was faster; what stands has to be read again.
    Lost,
    Refused(Issue),
}

async fn put_chunk(traces: &Collection<RawDocumentBuf>, chunk: impl Iterator<Item = NewTrace>) -> Result<Vec<PutOutcome>, StoreError> {
    let mut groups: HashMap<Key, Group> = HashMap::new();
    for (position, new) in chunk.enumerate() {
        groups.entry((new.trace.project_id.clone(), new.trace.trace_id.clone())).or_default().push((position, new));
    }
    let mut outcomes = Vec::new();
    let mut attempts = 0;
    while !groups.is_empty() {
        attempts += 1;
        if attempts > ATTEMPTS {
            return Err(StoreError::Unavailable("others keep writing the same traces".to_owned()));
        }
        groups = within(PATIENCE, attempt(traces, groups, &mut outcomes)).await?;
    }
    outcomes.sort_unstable_by_key(|(position, _)| *position);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Writes what `make` makes, again and again until no other writer came between reading what stands and writing.
pub(super) async fn until_won<F>(
    traces: &Collection<RawDocumentBuf>,
    key: Key,
    make: impl Fn() -> F,
) -> Result<Result<(), Issue>, StoreError>
where
    F: Future<Output = Result<Result<NewTrace, Issue>, StoreError>>,
{
    for _ in 0..ATTEMPTS {
        let attempt = async {
            // Read before it is made: what is stored in between is missed by the version, not by the eye.
            let groups = HashMap::from([(key.clone(), Group::new())]);
            let standing = standing(traces, &groups).await?;
            let new = match make().await? {
                Ok(new) => new,
                Err(issue) => return Ok(Some(Err(issue))),
            };
            let plan = Plan::of(&key, &vec![(0, new)], standing.get(&key));
            if let Some((_, Err(issue))) = plan.outcomes.first() {
                return Ok(Some(Err(issue.clone())));
            }
            Ok(match write(traces, std::slice::from_ref(&plan)).await?.pop() {
                Some(Fate::Lost) => None,
                Some(Fate::Refused(issue)) => Some(Err(issue)),
                Some(Fate::Done) | None => Some(Ok(())),
            })
        };
        if let Some(done) = within(PATIENCE, attempt).await? {
            return Ok(done);
        }
    }
    Err(StoreError::Unavailable("others keep writing the same trace".to_owned()))
}

/// Reads what stands, compares, writes; gives back the groups that another writer came before.
async fn attempt(
    traces: &Collection<RawDocumentBuf>,
    groups: HashMap<Key, Group>,
    outcomes: &mut Vec<(usize, PutOutcome)>,
) -> Result<HashMap<Key, Group>, StoreError> {
    let standing = standing(traces, &groups).await?;
    // In the order in which they came, as those who watch meet them in the order in which they are written.
    let mut groups: Vec<(Key, Group)> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(_, group)| group.first().map(|(position, _)| *position));
    let plans: Vec<_> = groups.iter().map(|(key, group)| Plan::of(key, group, standing.get(key))).collect();
    let fates = write(traces, &plans).await?;
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
async fn standing(traces: &Collection<RawDocumentBuf>, groups: &HashMap<Key, Group>) -> Result<HashMap<Key, Standing>, StoreError> {
    let ids: HashSet<&str> = groups.keys().map(|(_, trace_id)| trace_id.as_str()).collect();
    let wanted = doc! { "trace_id": { "$in": ids.into_iter().collect::<Vec<_>>() } };
    let mut found = traces.find(wanted).sort(doc! { "created_at": 1 }).await?;
    let mut standing = HashMap::new();
    while let Some(raw) = found.try_next().await? {
        let document = decode::document(&raw)?;
        let id = document.get("_id").cloned().unwrap_or_default();
        let version = document.get("_v").cloned().unwrap_or_default();
        let trace = decode::trace(document);
        // Where others stored a key twice, the newest stands, as it is the one that is shown.
        standing.insert((trace.project_id.clone(), trace.trace_id.clone()), Standing { id, version, trace });
    }
    Ok(standing)
}

/// What is to be written for a group, and what is to be answered if that is done.
struct Plan {
    outcomes: Vec<(usize, PutOutcome)>,
    write: Option<Write>,
}

struct Write {
    raw: RawDocumentBuf,
    /// What the document replaces; a new one replaces nothing.
    replaces: Option<Document>,
}

impl Plan {
    fn of((project_id, trace_id): &Key, group: &Group, standing: Option<&Standing>) -> Self {
        let (id, version) = match standing {
            Some(standing) => (standing.id.clone(), standing.version.as_i64().unwrap_or(0) + 1),
            None => (encode::id_of(project_id, trace_id).into(), 1),
        };
        let replaces = standing.map(|Standing { id, version, .. }| doc! { "_id": { "$eq": id }, "_v": { "$eq": version } });
        let mut plan = Self { outcomes: Vec::with_capacity(group.len()), write: None };
        let mut last: Option<Trace> = standing.map(|standing| standing.trace.clone());
        for (position, new) in group {
            let (outcome, trace) = match &last {
                None => (Outcome::Created, new.trace.clone()),
                Some(last) => match merge(last, new.clone()) {
                    Merged::Updated(trace) => (Outcome::Updated, *trace),
                    Merged::Duplicate => {
                        plan.outcomes.push((*position, Ok(Outcome::Duplicate)));
                        continue;
                    }
                },
            };
            let encoded = encode::encode(&trace, id.clone(), version);
            plan.outcomes.push((*position, encoded.as_ref().map(|_| outcome).map_err(Clone::clone)));
            if let Ok(raw) = encoded {
                plan.write = Some(Write { raw, replaces: replaces.clone() });
                last = Some(trace);
            }
        }
        plan
    }
}

/// Writes what is planned: new documents together, changed ones under the version that was seen.
async fn write(traces: &Collection<RawDocumentBuf>, plans: &[Plan]) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Done; plans.len()];
    let mut inserts = Vec::new();
    let mut replacements = Vec::new();
    for (index, write) in plans.iter().enumerate().filter_map(|(index, plan)| Some((index, plan.write.as_ref()?))) {
        match &write.replaces {
            None => inserts.push((index, &write.raw)),
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
