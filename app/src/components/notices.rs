use leptos::prelude::*;

use crate::{ApiError, components::IssueList};

/// Says what went wrong, and everything that is known about it.
#[component]
pub fn ErrorPanel(error: ApiError) -> impl IntoView {
    let heading = match &error {
        ApiError::NotFound(_) => "Not found",
        ApiError::BadQuery(_) => "These filters can't be read",
        ApiError::Unreadable(_) => "This can't be read",
        ApiError::Refused(_) | ApiError::EmptyBatch | ApiError::TooLarge(_) | ApiError::TooSlow(_) | ApiError::Limited(_) => {
            "Nothing was stored"
        }
        ApiError::Invalid(_) => "This can't be done so",
        ApiError::Conflict(_) => "There is one already",
        ApiError::Stranger(_) => "This is not for other sites",
        ApiError::Unauthorized(_) => "Sign in first",
        ApiError::Forbidden(_) => "This is not open to you",
        ApiError::Unavailable(_) => "The database does not answer",
        ApiError::Failed => "The server failed",
        ApiError::Overloaded => "Too much is on its way",
        ApiError::Transport(_) => "The server does not answer",
    };
    let advice = match &error {
        ApiError::NotFound(_) => "It may have been deleted, or the address was cut short.",
        ApiError::BadQuery(_) => "Mend the address, or start over from all traces.",
        ApiError::Unavailable(_) => {
            "Nothing that was stored is lost. The page works again as soon as the database does; try again in a moment."
        }
        ApiError::Transport(_) => "Check that it still runs, then try again.",
        _ => "",
    };
    let must_sign_in = matches!(error, ApiError::Unauthorized(_));
    let starts_over = matches!(error, ApiError::BadQuery(_) | ApiError::NotFound(_));
    let issues = error.issues();
    // The message of these says again what the list says better.
    let message = (issues.is_empty()).then(|| error.to_string());
    view! {
        <section class="notice failed" role="alert">
            <h2>{heading}</h2>
            {message.map(|message| view! { <p>{message}</p> })}
            <IssueList issues />
            {(!advice.is_empty()).then(|| view! { <p class="muted">{advice}</p> })}
            {must_sign_in.then(|| view! { <p><a class="button" href="/login" rel="external">"Sign in"</a></p> })}
            {starts_over.then(|| view! { <p><a class="button" href="/traces">"All traces"</a></p> })}
        </section>
    }
}

/// Says why there is nothing to see, and what to do.
#[component]
pub fn EmptyState(heading: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="notice">
            <h2>{heading}</h2>
            {children()}
        </section>
    }
}

/// Says that the filters leave nothing; `href` is the page without them.
#[component]
pub fn NothingMatches(href: &'static str) -> impl IntoView {
    view! {
        <EmptyState heading="No trace matches">
            <p>"Loosen a filter, or look at " <a href=href>"all traces"</a> "."</p>
        </EmptyState>
    }
}
