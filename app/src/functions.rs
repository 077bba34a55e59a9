use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tracellm_trace::{
    ApiKey, Diagnosis, Diff, Facets, FailureGroups, Failures, Filter, GroupState, Job, NewKey, NewProject, Outline, Page, Project, Query,
    Report, SavedView, Step, Trace, TraceSummary, Why,
    otlp::{Explanation, Prices},
};

use crate::{ApiError, intake::IntakePage, wire::Json};

/// Numbers: all together, by name, of a selection.
mod overview;
pub use overview::{get_by_name, get_overview, get_selection};

/// What is kept, how much of it, and who did what.
mod keeping;
#[cfg(feature = "ssr")]
pub use keeping::Told;
pub use keeping::{get_audit_log, get_limits, get_masking, get_retention, preview_retention, set_masking, set_retention};

/// A page of the list.
#[server(prefix = "/fn", endpoint = "traces/list", input = Json, output = Json)]
pub async fn list_traces(query: Query) -> Result<Page<TraceSummary>, ApiError> {
    let filter = query.filter.at(server::now());
    server::answer(server::store().list(&Query { filter, ..query }).await)
}

/// Steps that one page of a trace shows.
pub const STEPS_SHOWN: usize = 200;

/// A trace with some of its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracePart {
    pub trace: Trace,
    /// The position of the first of them, from 0.
    pub first: usize,
    /// How many steps the trace has.
    pub total: usize,
    /// Texts of which only the beginning is here.
    pub shortened: usize,
    /// Which attribute gave each field, where that was asked of a trace that came as spans.
    pub explanation: Option<Explanation>,
    /// What all its steps tell.
    pub why: Why,
}

/// A trace with [`STEPS_SHOWN`] of its steps, from `first` on; without a project, from whichever has it. Where it is to be explained, with
/// the explanation of what came as spans.
#[server(prefix = "/fn", endpoint = "traces/get", input = Json, output = Json)]
pub async fn get_trace(project_id: Option<String>, trace_id: String, first: usize, explained: bool) -> Result<TracePart, ApiError> {
    server::answer(server::part(project_id.as_deref(), &trace_id, first, explained).await)
}

/// All steps of a trace in short, for a list of all of them.
#[server(prefix = "/fn", endpoint = "traces/outline", input = Json, output = Json)]
pub async fn get_outline(project_id: String, trace_id: String) -> Result<Outline, ApiError> {
    let found = server::answer(server::store().outline(Some(&project_id), &trace_id).await)?;
    server::answer(found.ok_or_else(|| ApiError::no_trace(&trace_id)))
}

/// One step of a trace, by its position, from 0.
#[server(prefix = "/fn", endpoint = "traces/step", input = Json, output = Json)]
pub async fn get_step(project_id: String, trace_id: String, step: usize) -> Result<Step, ApiError> {
    let found = server::answer(server::store().get_steps(Some(&project_id), &trace_id, step..step.saturating_add(1)).await)?;
    let found = found.and_then(|(mut trace, _)| {
        crate::shorten::shorten(&mut trace);
        trace.steps.pop()
    });
    server::answer(found.ok_or_else(|| ApiError::no_trace(&trace_id)))
}

/// The whole document of a trace, as JSON text.
#[server(prefix = "/fn", endpoint = "traces/document", input = Json, output = Json)]
pub async fn get_document(project_id: String, trace_id: String) -> Result<String, ApiError> {
    let found = server::answer(server::store().get(Some(&project_id), &trace_id).await)?;
    let trace = server::answer(found.ok_or_else(|| ApiError::no_trace(&trace_id)))?;
    serde_json::to_string(&trace).map_err(|_| ApiError::Failed)
}

/// What is compared: `left..right`, two trace ids, or one beside a trace of the same prompt that succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub pair: String,
    pub left_project: Option<String>,
    pub right_project: Option<String>,
}

/// Two traces and how they differ; only the left one where there is none to put beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub left: TraceSummary,
    pub right: Option<TraceSummary>,
    /// Of the left one.
    pub prompt: String,
    pub response: Option<String>,
    pub diff: Diff,
}

/// Compares two traces. Texts are cut to what a page shows.
#[server(prefix = "/fn", endpoint = "traces/compare", input = Json, output = Json)]
pub async fn compare_traces(asked: Asked) -> Result<Compared, ApiError> {
    server::answer(server::compared(asked).await)
}

/// The prices that the server counts costs by, for a preview that counts the same.
#[server(prefix = "/fn", endpoint = "prices", input = Json, output = Json)]
pub async fn get_prices() -> Result<Prices, ApiError> {
    Ok(tracellm_trace::otlp::prices().clone())
}

/// Stores what was pasted: a document, an array, NDJSON, or an export request of OpenTelemetry.
#[server(prefix = "/fn", endpoint = "traces/ingest", input = Json, output = Json)]
pub async fn ingest(text: String) -> Result<Report, ApiError> {
    use tracellm_trace::{Source, body::Layout};
    let store = server::store();
    if tracellm_trace::otlp::wire::is_meant(&text) {
        return server::answer(tracellm_store::ingest::ingest_export(&*store, &text, server::limits()).await);
    }
    let origin = tracellm_store::ingest::Origin { limits: server::limits(), ..Source::Json.into() };
    server::answer(tracellm_store::ingest::ingest(&*store, text, Layout::Detect, &origin).await)
}

/// The last requests that brought traces, of one key or all.
#[server(prefix = "/fn", endpoint = "intake", input = Json, output = Json)]
pub async fn get_intake(key: Option<String>, most: usize) -> Result<IntakePage, ApiError> {
    Ok(server::of_everything::<crate::intake::IntakeLog>()?.newest(key.as_deref(), most))
}

/// What one can narrow a list down to.
#[server(prefix = "/fn", endpoint = "facets", input = Json, output = Json)]
pub async fn get_facets(filter: Filter) -> Result<Facets, ApiError> {
    server::answer(server::store().facets(&filter.at(server::now())).await.map(tracellm_trace::FacetTally::finish))
}

/// The newest traces of each kind of failure, and how many there are; and failures by what went wrong.
#[server(prefix = "/fn", endpoint = "failures", input = Json, output = Json)]
pub async fn get_failures(filter: Filter) -> Result<(Failures, FailureGroups), ApiError> {
    let (store, filter) = (server::store(), filter.at(server::now()));
    server::answer(tracellm_store::overview::failures_and_groups(&*store, &filter, Failures::DEFAULT_LIMIT).await)
}

/// Mutes or resolves a kind of failure of a project, or opens it again.
#[server(prefix = "/fn", endpoint = "failures/decide", input = Json, output = Json)]
pub async fn decide_group(project_id: String, fingerprint: String, state: GroupState) -> Result<(), ApiError> {
    server::answer(server::short("project_id", &project_id).and_then(|()| server::short("fingerprint", &fingerprint)))?;
    server::answer(
        tracellm_store::groups::decide(&*server::store(), &server::auditor(), &project_id, &fingerprint, state, server::now()).await,
    )
}

/// Lists that somebody saved.
#[server(prefix = "/fn", endpoint = "views/list", input = Json, output = Json)]
pub async fn list_views() -> Result<Vec<SavedView>, ApiError> {
    server::answer(tracellm_store::views::views(&*server::store()).await)
}

/// Saves a list under a name; its query as in an address.
#[server(prefix = "/fn", endpoint = "views/save", input = Json, output = Json)]
pub async fn save_view(name: String, query: String) -> Result<SavedView, ApiError> {
    let view = SavedView { view_id: String::new(), name, query, saved_at: server::now(), by: server::signed_in() };
    server::answer(server::sound(view.check()))?;
    server::answer(tracellm_store::views::save(&*server::store(), &server::auditor(), view).await)
}

#[server(prefix = "/fn", endpoint = "views/remove", input = Json, output = Json)]
pub async fn remove_view(view_id: String) -> Result<(), ApiError> {
    server::answer(tracellm_store::views::remove(&*server::store(), &server::auditor(), &view_id).await)
}

/// Deletes one trace.
#[server(prefix = "/fn", endpoint = "traces/remove", input = Json, output = Json)]
pub async fn remove_trace(project_id: String, trace_id: String) -> Result<(), ApiError> {
    let keys = vec![tracellm_store::TraceKey { project_id, trace_id }];
    server::answer(tracellm_store::removal::remove(&*server::store(), &server::auditor(), keys).await.map(drop))
}

/// Deletes some traces, each by its project and id; says how many there were.
#[server(prefix = "/fn", endpoint = "traces/remove-some", input = Json, output = Json)]
pub async fn remove_traces(keys: Vec<(String, String)>) -> Result<u64, ApiError> {
    let keys = keys.into_iter().map(|(project_id, trace_id)| tracellm_store::TraceKey { project_id, trace_id });
    server::answer(tracellm_store::removal::remove(&*server::store(), &server::auditor(), keys.collect()).await)
}

/// Gives some traces a tag, or takes it from them; says how many have changed.
#[server(prefix = "/fn", endpoint = "traces/tag", input = Json, output = Json)]
pub async fn tag_traces(keys: Vec<(String, String)>, tag: String, is_given: bool) -> Result<u64, ApiError> {
    let tag = server::answer(tracellm_store::tagging::checked(&tag).map_err(|issue| ApiError::Invalid(vec![issue])))?;
    let keys = keys.into_iter().map(|(project_id, trace_id)| tracellm_store::TraceKey { project_id, trace_id }).collect();
    let (store, audit) = (server::store(), server::auditor());
    server::answer(tracellm_store::tagging::tag(&*store, &audit, keys, &tag, is_given, server::now()).await)
}

/// Begins to delete all that match.
#[server(prefix = "/fn", endpoint = "traces/remove-matching", input = Json, output = Json)]
pub async fn remove_matching(filter: Filter) -> Result<Job, ApiError> {
    if filter.is_empty() {
        return server::answer(Err(ApiError::Invalid(vec![tracellm_trace::Issue::error("removal.everything", "filter", "names nothing")])));
    }
    server::answer(server::jobs()?.remove_matching(&server::auditor(), filter.at(server::now())).await)
}

/// Begins to delete a project with its traces and keys.
#[server(prefix = "/fn", endpoint = "projects/remove", input = Json, output = Json)]
pub async fn remove_project(project_id: String) -> Result<Job, ApiError> {
    server::answer(server::jobs()?.remove_project(&server::auditor(), project_id).await)
}

/// What the server does on its own, the newest first.
#[server(prefix = "/fn", endpoint = "jobs/list", input = Json, output = Json)]
pub async fn list_jobs() -> Result<Vec<Job>, ApiError> {
    Ok(server::jobs()?.list())
}

#[server(prefix = "/fn", endpoint = "jobs/cancel", input = Json, output = Json)]
pub async fn cancel_job(job_id: String) -> Result<(), ApiError> {
    server::jobs()?.cancel(&job_id);
    Ok(())
}

/// The documents of some traces, a line each.
#[server(prefix = "/fn", endpoint = "traces/export", input = Json, output = Json)]
pub async fn export_traces(keys: Vec<(String, String)>) -> Result<String, ApiError> {
    server::answer(server::exported(keys).await)
}

/// How the store is.
#[server(prefix = "/fn", endpoint = "doctor", input = Json, output = Json)]
pub async fn get_diagnosis() -> Result<Diagnosis, ApiError> {
    Ok(tracellm_store::doctor::diagnose(&*server::store(), server::now(), false).await)
}

/// The OpenAPI document of the REST routes, as JSON text.
#[server(prefix = "/fn", endpoint = "api", input = Json, output = Json)]
pub async fn get_api_description() -> Result<String, ApiError> {
    Ok(expect_context::<ApiDescription>().0.to_string())
}

/// What the server tells the pages of its REST routes.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct ApiDescription(pub std::sync::Arc<str>);

/// Projects and keys, as the page about them shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectsAndKeys {
    pub projects: Vec<Project>,
    pub keys: Vec<ApiKey>,
}

#[server(prefix = "/fn", endpoint = "projects/list", input = Json, output = Json)]
pub async fn list_projects() -> Result<ProjectsAndKeys, ApiError> {
    let store = server::store();
    let projects = server::answer(tracellm_store::access::projects(&*store).await)?;
    Ok(ProjectsAndKeys { projects, keys: server::answer(tracellm_store::access::keys(&*store, None).await)? })
}

/// A key and its secret, which is told this once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSecret {
    pub key: ApiKey,
    pub secret: String,
}

#[server(prefix = "/fn", endpoint = "projects/create", input = Json, output = Json)]
pub async fn create_project(new: NewProject) -> Result<NewSecret, ApiError> {
    let (_, created) =
        server::answer(tracellm_store::access::create_project(&*server::store(), &server::auditor(), new, server::now()).await)?;
    Ok(NewSecret { key: created.key, secret: created.secret })
}

#[server(prefix = "/fn", endpoint = "keys/create", input = Json, output = Json)]
pub async fn create_key(new: NewKey) -> Result<NewSecret, ApiError> {
    let created = server::answer(tracellm_store::access::create_key(&*server::store(), &server::auditor(), new, server::now()).await)?;
    Ok(NewSecret { key: created.key, secret: created.secret })
}

#[server(prefix = "/fn", endpoint = "keys/revoke", input = Json, output = Json)]
pub async fn revoke_key(key_id: String) -> Result<(), ApiError> {
    server::answer(tracellm_store::access::revoke_key(&*server::store(), &server::auditor(), &key_id, server::now()).await)
}

#[cfg(feature = "ssr")]
mod server {
    use std::sync::Arc;

    use leptos::prelude::{expect_context, use_context};
    pub use tracellm_store::ingest::now;
    use tracellm_store::{TraceStore, audit::Auditor, compare, removal::Jobs};
    use tracellm_trace::{Diff, Issue, Limits, Source, TraceSummary, query::MAX_LIMIT};

    use super::{Asked, Compared, STEPS_SHOWN, Told, TracePart};
    use crate::{ApiError, SignedIn};

    pub fn store() -> Arc<dyn TraceStore> {
        expect_context()
    }

    pub fn limits() -> Limits {
        expect_context::<Told>().limits
    }

    /// The name of whoever is signed in.
    pub fn signed_in() -> Option<String> {
        use_context::<SignedIn>().map(|SignedIn(name)| name)
    }

    /// Notes what is done in the name of whoever asks.
    pub fn auditor() -> Auditor {
        expect_context()
    }

    /// Refuses a text that nothing of that name is as long as.
    pub fn short(name: &str, text: &str) -> Result<(), ApiError> {
        const MOST: usize = 512;
        let issue = || Issue::error("text.too_long", name, format!("may have {MOST} characters"));
        if text.chars().count() <= MOST { Ok(()) } else { Err(ApiError::Invalid(vec![issue()])) }
    }

    pub fn jobs() -> Result<Jobs, ApiError> {
        of_everything()
    }

    /// What tells of all projects at once, which not everybody is given.
    pub fn of_everything<T: Clone + 'static>() -> Result<T, ApiError> {
        use_context().ok_or_else(|| ApiError::Forbidden("this is for those who have a role in every project".to_owned()))
    }

    pub fn sound(issues: Vec<Issue>) -> Result<(), ApiError> {
        if issues.is_empty() { Ok(()) } else { Err(ApiError::Invalid(issues)) }
    }

    pub async fn part(project_id: Option<&str>, trace_id: &str, first: usize, explained: bool) -> Result<TracePart, ApiError> {
        /// Spans that are explained one by one.
        const EXPLAINED: usize = 200;
        let store = store();
        let found = store.get_with_why(project_id, trace_id, first..first.saturating_add(STEPS_SHOWN)).await?;
        let (mut trace, total, why) = found.ok_or_else(|| ApiError::no_trace(trace_id))?;
        let explanation = match trace.source {
            Some(Source::Otlp) if explained => Some(store.explain(&trace, EXPLAINED).await?),
            _ => None,
        };
        let shortened = crate::shorten::shorten(&mut trace);
        Ok(TracePart { trace, first: first.min(total.saturating_sub(1)), total, shortened, explanation, why })
    }

    pub async fn exported(keys: Vec<(String, String)>) -> Result<String, ApiError> {
        /// Bytes that a browser takes at once.
        const MOST: usize = 64 << 20;
        let (store, mut lines) = (store(), String::new());
        let keys: std::collections::BTreeSet<_> = keys.into_iter().collect();
        let too_many = |message: String| ApiError::Invalid(vec![Issue::error("export.too_much", "keys", message)]);
        if keys.len() > MAX_LIMIT as usize {
            return Err(too_many(format!("names {} traces, and at most {MAX_LIMIT} go at once; `tracellm export` takes all", keys.len())));
        }
        let mut named = Vec::new();
        for (project_id, trace_id) in &keys {
            let trace = store.get(Some(project_id), trace_id).await?.ok_or_else(|| ApiError::no_trace(trace_id))?;
            lines += &serde_json::to_string(&trace).map_err(|_| ApiError::Failed)?;
            lines.push('\n');
            if lines.len() > MOST {
                return Err(too_many(format!("the traces have more than {} MiB together; `tracellm export` takes all", MOST >> 20)));
            }
            named.push(format!("{project_id}/{trace_id}"));
        }
        auditor().note("traces.exported", named.join(", ")).await?;
        Ok(lines)
    }

    pub async fn compared(Asked { pair, left_project, right_project }: Asked) -> Result<Compared, ApiError> {
        let found = compare::find(&*store(), &pair, left_project.as_deref(), right_project.as_deref()).await?;
        let (mut left, right) = found.ok_or_else(|| ApiError::NotFound(format!("there are no such traces: `{pair}`")))?;
        crate::shorten::shorten(&mut left);
        let (head, prompt, response) = (TraceSummary::from(&left), left.prompt.clone(), left.response.clone());
        let Some(mut right) = right else {
            return Ok(Compared { left: head, right: None, prompt, response, diff: Diff::default() });
        };
        crate::shorten::shorten(&mut right);
        let other = Some(TraceSummary::from(&right));
        Ok(Compared { left: head, right: other, prompt, response, diff: compare::compare(left, right).await? })
    }

    /// Tells the status of an error to HTTP too, to a page as to a call from the browser.
    pub fn answer<T, E: Into<ApiError>>(result: Result<T, E>) -> Result<T, ApiError> {
        result.map_err(|error| {
            let error: ApiError = error.into();
            error.say_status();
            error
        })
    }
}
