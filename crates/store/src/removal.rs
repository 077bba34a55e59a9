//! Traces go when somebody says so, or by age. What takes a while is a job, whose progress can be asked for.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracellm_trace::{Due, Filter, Goes, Going, Job, JobState, Query, Retention, Sort, Timestamp, TraceSummary, query::SortBy};

use crate::{NewTrace, StoreError, TraceKey, TraceStore, audit::Auditor, groups, ingest::now, json::written};

/// Traces that are dealt with at a time.
const BATCH: u32 = 500;
/// Jobs that are remembered.
const KEPT: usize = 50;
/// How often one looks for what is due to go.
const EVERY: Duration = Duration::from_secs(3600);
/// The first look, a while after the start.
const FIRST: Duration = Duration::from_secs(60);
/// A pause after each batch of what goes by age, which nobody waits for.
const PAUSE: Duration = Duration::from_millis(20);
/// Under which the rules are kept.
pub(crate) const RETENTION: &str = "retention";

/// How long traces are kept.
///
/// # Errors
/// The database does not answer, or what it keeps can't be read.
pub async fn retention(store: &dyn TraceStore) -> Result<Retention, StoreError> {
    let Some(text) = store.setting(RETENTION).await? else { return Ok(Retention::default()) };
    serde_json::from_str(&text).map_err(|error| StoreError::Failed(format!("the stored retention can't be read: {error}")))
}

/// Sets how long traces are kept. It must have been checked.
///
/// # Errors
/// The database does not answer.
pub async fn set_retention(store: &dyn TraceStore, audit: &Auditor, retention: &Retention) -> Result<(), StoreError> {
    let text = written(retention)?;
    store.set_setting(RETENTION, Some(&text)).await?;
    audit.note("retention.set", text).await
}

/// What would go under some rules, now.
///
/// # Errors
/// The database does not answer.
pub async fn preview(store: &dyn TraceStore, retention: &Retention) -> Result<Vec<Going>, StoreError> {
    let mut all = Vec::new();
    for Due { goes, filter } in retention.due(&store.project_ids().await?, now()) {
        let traces = store.count(&filter).await?.count;
        let Filter { project_id, status, to, .. } = filter;
        let going = project_id.zip(to).map(|(project_id, before)| Going { project_id, goes, status, before, traces });
        all.extend(going.filter(|going| going.traces > 0));
    }
    Ok(all)
}

/// Removes single traces; says how many there were.
///
/// # Errors
/// The database does not answer, or whoever asks may not.
pub async fn remove(store: &dyn TraceStore, audit: &Auditor, keys: Vec<TraceKey>) -> Result<u64, StoreError> {
    /// Traces that an entry names.
    const NAMED: usize = 50;
    let named: Vec<_> = keys.iter().take(NAMED).map(|key| format!("{}/{}", key.project_id, key.trace_id)).collect();
    let more = if keys.len() > NAMED { format!(" and {} more", keys.len() - NAMED) } else { String::new() };
    let removed = store.remove(keys).await?;
    if removed > 0 {
        audit.note("traces.deleted", named.join(", ") + &more).await?;
    }
    Ok(removed)
}

/// The jobs of this process. They end with it; what goes by age is looked for again.
#[derive(Clone)]
pub struct Jobs {
    store: Arc<dyn TraceStore>,
    entries: Arc<Mutex<VecDeque<Arc<Entry>>>>,
    /// The rules by age that were applied last, so that each hour does not need an entry in the log.
    applied: Arc<Mutex<Option<String>>>,
}

struct Entry {
    job: Mutex<Job>,
    is_cancelled: AtomicBool,
}

impl Entry {
    fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether to go on.
    fn advance(&self, done: u64) -> bool {
        self.job().done += done;
        !self.is_cancelled.load(Ordering::Relaxed)
    }
}

impl Jobs {
    pub fn new(store: Arc<dyn TraceStore>) -> Self {
        Self { store, entries: Arc::default(), applied: Arc::default() }
    }

    /// All that are remembered, the newest first.
    pub fn list(&self) -> Vec<Job> {
        self.entries().iter().map(|entry| entry.job().clone()).collect()
    }

    pub fn get(&self, job_id: &str) -> Option<Job> {
        self.entry(job_id).map(|entry| entry.job().clone())
    }

    /// Ends a job behind its next batch; says whether there is one.
    pub fn cancel(&self, job_id: &str) -> bool {
        self.entry(job_id).is_some_and(|entry| {
            entry.is_cancelled.store(true, Ordering::Relaxed);
            true
        })
    }

    /// Removes all that match.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_matching(&self, audit: &Auditor, filter: Filter) -> Result<Job, StoreError> {
        let said = filter.said();
        let total = self.store.count(&filter).await?.count;
        let due = vec![Due { goes: Goes::Trace, filter }];
        audit.note("traces.deleted", format!("{said}: {total} at first")).await?;
        Ok(self.start(format!("delete traces: {said}"), total, due, None, Duration::ZERO))
    }

    /// Removes a project: its traces, then its keys and what was created of it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_project(&self, audit: &Auditor, project_id: String) -> Result<Job, StoreError> {
        let filter = Filter { project_id: Some(project_id.clone()), ..Filter::default() };
        let total = self.store.count(&filter).await?.count;
        let due = vec![Due { goes: Goes::Trace, filter }];
        audit.note("project.deleted", format!("{project_id}: {total} traces at first")).await?;
        Ok(self.start(format!("delete the project {project_id}"), total, due, Some(project_id), Duration::ZERO))
    }

    /// Removes what is due to go by age; none where nothing is, or where that is under way.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn apply_retention(&self) -> Result<Option<Job>, StoreError> {
        const WHAT: &str = "remove what is too old";
        let retention = retention(&*self.store).await?;
        let is_under_way = self.list().iter().any(|job| job.what == WHAT && job.state == JobState::Running);
        if retention.is_off() || is_under_way {
            return Ok(None);
        }
        let due = retention.due(&self.store.project_ids().await?, now());
        let mut total = 0;
        for due in &due {
            total += self.store.count(&due.filter).await?.count;
        }
        if total == 0 {
            return Ok(None);
        }
        let rules = written(&retention)?;
        let is_noted = self.applied.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&rules);
        if !is_noted {
            Auditor::new(self.store.clone(), "retention").note("retention.applied", rules.clone()).await?;
            *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = Some(rules);
        }
        Ok(Some(self.start(WHAT.to_owned(), total, due, None, PAUSE)))
    }

    /// Looks now and then for what is due to go by age.
    pub async fn keep_retention(self) {
        tokio::time::sleep(FIRST).await;
        loop {
            if let Err(error) = self.apply_retention().await {
                tracing::warn!("what is too old stays: {error}");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn start(&self, what: String, total: u64, due: Vec<Due>, project_id: Option<String>, pause: Duration) -> Job {
        let job = Job {
            job_id: uuid::Uuid::new_v4().simple().to_string(),
            what,
            state: JobState::Running,
            done: 0,
            total,
            started_at: now(),
            ended_at: None,
            error: None,
        };
        let entry = Arc::new(Entry { job: Mutex::new(job.clone()), is_cancelled: AtomicBool::new(false) });
        let mut entries = self.entries();
        entries.push_front(entry.clone());
        entries.truncate(KEPT);
        drop(entries);
        let store = self.store.clone();
        tokio::spawn(async move {
            let ended = run(&*store, &entry, due, project_id, pause).await;
            let mut job = entry.job();
            job.ended_at = Some(now());
            job.state = match ended {
                Ok(true) => JobState::Done,
                Ok(false) => JobState::Cancelled,
                Err(error) => {
                    tracing::warn!("{}: {error}", job.what);
                    job.error = Some(error.to_string());
                    JobState::Failed
                }
            };
        });
        job
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, job_id: &str) -> Option<Arc<Entry>> {
        self.entries().iter().find(|entry| entry.job().job_id == job_id).cloned()
    }
}

/// Says whether it came to its end.
async fn run(
    store: &dyn TraceStore,
    entry: &Entry,
    due: Vec<Due>,
    project_id: Option<String>,
    pause: Duration,
) -> Result<bool, StoreError> {
    for Due { goes, filter } in due {
        // The oldest first, so that what was dealt with is never met again.
        let sort = Sort { by: SortBy::CreatedAt, descending: false };
        let mut query = Query { filter, sort, limit: BATCH, cursor: None };
        loop {
            let (rows, next) = store.rows(&query).await?;
            let count = rows.len() as u64;
            match goes {
                Goes::Trace => drop(store.remove(rows.iter().map(key).collect()).await?),
                Goes::Content => strip(store, &rows, query.filter.to).await?,
            }
            if !entry.advance(count) {
                return Ok(false);
            }
            query.cursor = next;
            if query.cursor.is_none() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
    }
    if let Some(project_id) = project_id {
        store.remove_project(&project_id).await?;
        for name in store.settings(&groups::of_project(&project_id)).await?.into_keys() {
            store.set_setting(&name, None).await?;
        }
    }
    loop {
        match store.reclaim().await {
            Ok(true) => tokio::time::sleep(pause).await,
            Ok(false) => break,
            // The room is used again anyway.
            Err(error) => {
                tracing::debug!("giving room back: {error}");
                break;
            }
        }
    }
    Ok(true)
}

/// Takes the texts out of those that still have them. Their spans go first, so that what is cut off in between is met again.
async fn strip(store: &dyn TraceStore, rows: &[TraceSummary], before: Option<Timestamp>) -> Result<(), StoreError> {
    let keys: Vec<_> = rows.iter().filter(|row| !row.content_removed).map(key).collect();
    let mut stripped = Vec::with_capacity(keys.len());
    for TraceKey { project_id, trace_id } in &keys {
        let trace = store.document(Some(project_id), trace_id).await?;
        // One that was stored anew meanwhile may be younger.
        stripped.extend(
            trace
                .filter(|trace| before.is_none_or(|before| trace.created_at < before))
                .map(|trace| NewTrace { trace: trace.without_content(), filled: Default::default() }),
        );
    }
    if !stripped.is_empty() {
        store.remove_spans(keys).await?;
        store.put(stripped).await?;
    }
    Ok(())
}

fn key(row: &TraceSummary) -> TraceKey {
    TraceKey { project_id: row.project_id.clone(), trace_id: row.trace_id.clone() }
}
