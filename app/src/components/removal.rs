use std::time::Duration;

use leptos::prelude::*;
use tracellm_trace::{Job, JobState};

use crate::{
    ApiError,
    components::ErrorPanel,
    format,
    functions::{cancel_job, list_jobs},
};

/// How often one looks how far jobs are.
const LOOK: Duration = Duration::from_millis(700);

/// How long one has to think again, in s.
const GRACE: u32 = 6;

/// A button that says first what it would delete, then leaves a while to think again, and then does.
#[component]
pub fn Delete(
    label: &'static str,
    /// What would go, and that it does not come back.
    warning: String,
    #[prop(into)] on_confirm: Callback<()>,
) -> impl IntoView {
    view! {
        <details class="delete needs-script">
            <summary class="button">{label}</summary>
            <DeletePanel label warning on_confirm />
        </details>
    }
}

/// What stands behind that button.
#[component]
pub fn DeletePanel(label: &'static str, warning: String, #[prop(into)] on_confirm: Callback<()>) -> impl IntoView {
    // Seconds that are left. Whoever leaves the page has thought again.
    let left = RwSignal::new(None::<u32>);
    let now = move || {
        left.set(None);
        on_confirm.run(());
    };
    Effect::new(move |_| match left.get() {
        Some(0) => now(),
        Some(seconds) => {
            let pass = move || {
                if left.try_get_untracked() == Some(Some(seconds)) {
                    left.set(Some(seconds - 1));
                }
            };
            set_timeout(pass, Duration::from_secs(1));
        }
        None => {}
    });
    let buttons = move || match left.get() {
        None => view! { <button type="button" class="button danger" on:click=move |_| left.set(Some(GRACE))>{label}</button> }.into_any(),
        Some(seconds) => view! {
            <div class="buttons" role="status">
                <button type="button" class="button primary" on:click=move |_| left.set(None)>"Undo"</button>
                <button type="button" class="button danger" on:click=move |_| now()>"Delete now"</button>
                <span class="muted">{format!("Deletes in {seconds} s")}</span>
            </div>
        }
        .into_any(),
    };
    view! {
        <div class="panel">
            <p>{warning}</p>
            {buttons}
        </div>
    }
}

/// What became of the start of a job: how far it is, or why there is none.
#[component]
pub fn Begun(result: Signal<Option<Result<Job, ApiError>>>) -> impl IntoView {
    move || match result.get() {
        None => ().into_any(),
        Some(Err(error)) => view! { <ErrorPanel error /> }.into_any(),
        Some(Ok(job)) => view! { <Jobs only=job.job_id /> }.into_any(),
    }
}

/// What the server does on its own, as far as it is; all of it, or one job.
#[component]
pub fn Jobs(#[prop(optional, into)] only: Option<String>) -> impl IntoView {
    let looked = RwSignal::new(0_u32);
    let jobs = Resource::new(move || looked.get(), |_| list_jobs());
    let is_running = move || jobs.get().is_some_and(|jobs| jobs.is_ok_and(|jobs| jobs.iter().any(|job| job.state == JobState::Running)));
    Effect::new(move || {
        if is_running() {
            set_timeout(move || looked.update(|looked| *looked += 1), LOOK);
        }
    });
    let cancel = Action::new(|job_id: &String| cancel_job(job_id.clone()));
    let shown = move || {
        let only = only.clone();
        Suspend::new(async move {
            let mut jobs = match jobs.await {
                Ok(jobs) => jobs,
                Err(ApiError::Forbidden(_)) => {
                    return view! { <p class="muted none">"They are known to admins of every project, when the database answers."</p> }
                        .into_any();
                }
                Err(error) => return view! { <ErrorPanel error /> }.into_any(),
            };
            jobs.retain(|job| only.as_ref().is_none_or(|only| *only == job.job_id));
            match jobs.is_empty() {
                true => view! { <p class="muted none">"Nothing was deleted since the server started."</p> }.into_any(),
                false => jobs.into_iter().map(|job| view! { <JobRow job cancel /> }).collect_view().into_any(),
            }
        })
    };
    view! { <div class="jobs" role="status"><Transition>{shown}</Transition></div> }
}

#[component]
fn JobRow(job: Job, cancel: Action<String, Result<(), ApiError>>) -> impl IntoView {
    let Job { job_id, what, state, done, total, started_at, error, .. } = job;
    let number = format::whole;
    let words = match state {
        JobState::Running => format!("{} of {}", format::count(number(done)), format::things(number(total), "trace")),
        JobState::Done => format!("{}, done", format::things(number(done), "trace")),
        JobState::Cancelled => format!("cancelled after {}", format::things(number(done), "trace")),
        JobState::Failed => format!("failed after {}: {}", format::things(number(done), "trace"), error.unwrap_or_default()),
    };
    let is_running = state == JobState::Running;
    let button = is_running.then(|| {
        view! { <button type="button" class="button needs-script" on:click=move |_| { cancel.dispatch(job_id.clone()); }>"Cancel"</button> }
    });
    view! {
        <div class="job">
            <strong>{what}</strong>
            <span class="muted" title=format::exact_time(started_at)>{words}</span>
            {is_running.then(|| view! { <progress max=total value=done aria-label="How far it is" /> })}
            {button}
        </div>
    }
}
