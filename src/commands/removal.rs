use std::{
    io::{self, Write},
    time::Duration,
};

use tracellm_store::{
    Location, TraceKey,
    removal::{self, Jobs},
};
use tracellm_trace::{Goes, Job, JobState, Retention};

use crate::{
    Failure,
    commands::{auditor, traces},
    progress,
    settings::{DeleteOptions, RetentionCommand},
};

/// How often one looks how far a job is.
const LOOK: Duration = Duration::from_millis(50);

/// Deletes one trace, or all that match, once that was confirmed.
pub async fn delete(location: Location, options: DeleteOptions) -> Result<(), Failure> {
    let DeleteOptions { trace_id, yes, filter } = options;
    let filter = filter.filter();
    let store = tracellm_store::open(&location).await?;
    if let Some(trace_id) = trace_id {
        let found = store.document(filter.project_id.as_deref(), &trace_id).await?;
        let trace = found.ok_or_else(|| format!("there is no trace `{trace_id}`"))?;
        removal::remove(&*store, &auditor(&store), vec![TraceKey { project_id: trace.project_id, trace_id: trace.trace_id }]).await?;
        eprintln!("deleted 1 trace");
    } else if filter.is_empty() {
        return Err("say which: --trace-id ID, or the filters of the list (all of them: --to 9999-12-31)".into());
    } else {
        let count = store.count(&filter).await?.count;
        if !yes {
            return Err(format!("{} would be deleted; --yes deletes them", traces(usize::try_from(count)?)).into());
        }
        let jobs = Jobs::new(store.clone());
        let job = jobs.remove_matching(&auditor(&store), filter).await?;
        eprintln!("deleted {}", traces(usize::try_from(wait(&jobs, job).await?.done)?));
    }
    store.close().await;
    Ok(())
}

/// Tells, tries, sets or applies how long traces are kept.
pub async fn retention(location: Location, command: RetentionCommand) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    let mut out = io::stdout().lock();
    match command {
        RetentionCommand::Show => {}
        RetentionCommand::Set(options) => {
            let mut retention = removal::retention(&*store).await?;
            let project_id = options.project_id.clone();
            let keep = options.keep();
            match project_id {
                Some(project_id) => drop(retention.projects.insert(project_id, keep)),
                None => retention.default = keep,
            }
            if let Some(issue) = retention.check().first() {
                return Err(format!("{} {}", issue.path, issue.message).into());
            }
            removal::set_retention(&*store, &auditor(&store), &retention).await?;
        }
        RetentionCommand::Run => {
            let jobs = Jobs::new(store.clone());
            match jobs.apply_retention().await? {
                Some(job) => eprintln!("dealt with {}", traces(usize::try_from(wait(&jobs, job).await?.done)?)),
                None => eprintln!("nothing is too old"),
            }
        }
    }
    let retention = removal::retention(&*store).await?;
    writeln!(out, "{}", serde_json::to_string_pretty(&retention)?)?;
    tell(&removal::preview(&*store, &retention).await?, &retention);
    store.close().await;
    Ok(())
}

fn tell(going: &[tracellm_trace::Going], retention: &Retention) {
    if retention.is_off() {
        eprintln!("everything is kept for ever");
    }
    for going in going {
        let what = match (going.goes, going.status) {
            (Goes::Content, _) => "the texts of".to_owned(),
            (Goes::Trace, Some(status)) => status.to_string(),
            (Goes::Trace, None) => String::new(),
        };
        eprintln!("{}: {what} {} that began before {} go", going.project_id, going.traces, going.before);
    }
}

/// Waits for a job's end.
async fn wait(jobs: &Jobs, job: Job) -> Result<Job, Failure> {
    let bar = progress::bar("deleting", job.total);
    loop {
        let job = jobs.get(&job.job_id).ok_or("the job was forgotten")?;
        bar.set_position(job.done);
        if job.state != JobState::Running {
            bar.finish_and_clear();
            return job.error.clone().map_or(Ok(job), |error| Err(error.into()));
        }
        tokio::time::sleep(LOOK).await;
    }
}
