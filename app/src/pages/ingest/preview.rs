use leptos::prelude::*;
use tracellm_trace::{
    Context, Issue, Normalized, Refused, Source, Timestamp,
    body::{self, Body, Layout},
    normalize,
};

use crate::{
    components::{EmptyState, IssueList, JsonBlock},
    format,
};

/// Documents that are drawn; all are checked.
const SHOWN: usize = 20;

/// Shows each document of the text as it will be stored, with everything that was found or inferred.
#[component]
pub fn Preview(text: RwSignal<String>) -> impl IntoView {
    let checked = Memo::new(move |_| text.with(|text| check(text)));
    view! {
        <section class="preview" aria-label="Preview">
            {move || match checked.get() {
                Checked::Empty => {
                    view! {
                        <EmptyState heading="Preview">
                            <p>"The normalised document stands here as you type, with everything that was found or inferred."</p>
                        </EmptyState>
                    }
                        .into_any()
                }
                Checked::Unreadable(issue) => view! { <h2>"Not readable"</h2> <IssueList issues=vec![issue] /> }.into_any(),
                Checked::Items(items) => view! { <Items items /> }.into_any(),
            }}
        </section>
    }
}

#[derive(Clone, PartialEq)]
enum Checked {
    Empty,
    Unreadable(Issue),
    Items(Vec<Result<Normalized, Refused>>),
}

/// Runs the server's own code on the text.
fn check(text: &str) -> Checked {
    if text.trim().is_empty() {
        return Checked::Empty;
    }
    let items = match body::split(text, Layout::Detect) {
        Err(issue) => return Checked::Unreadable(issue),
        Ok(Body::One(item)) => vec![item],
        Ok(Body::Batch(items)) if items.is_empty() => {
            return Checked::Unreadable(Issue::error("batch.empty", "$", "holds no trace; at least one is needed"));
        }
        Ok(Body::Batch(items)) => items,
    };
    let context = Context { now: now(), fresh_id: "tr_…".to_owned(), source: Source::Json, key: None };
    Checked::Items(items.into_iter().map(|item| normalize(item, &context)).collect())
}

#[cfg(feature = "hydrate")]
fn now() -> Timestamp {
    Timestamp::from_millis_clamped(chrono::Utc::now().timestamp_millis())
}

/// The server draws no preview.
#[cfg(not(feature = "hydrate"))]
fn now() -> Timestamp {
    Timestamp::MIN
}

#[component]
fn Items(items: Vec<Result<Normalized, Refused>>) -> impl IntoView {
    let total = items.len();
    let refused = items.iter().filter(|item| item.is_err()).count();
    let heading = match (total, refused) {
        (1, 0) => "Will be stored".to_owned(),
        (1, _) => "Will be refused".to_owned(),
        (_, 0) => format!("{} will be stored", format::things(total as i64, "trace")),
        _ => format!("{} will be stored, {} refused", format::things((total - refused) as i64, "trace"), format::count(refused as i64)),
    };
    // Where not all are drawn, those that need a look come first.
    let mut numbered: Vec<_> = items.into_iter().enumerate().collect();
    if total > SHOWN {
        numbered.sort_by_key(|(_, item)| item.is_ok());
        numbered.truncate(SHOWN);
    }
    let cut = (total > SHOWN).then(|| view! { <p class="muted">{format!("Showing {SHOWN} of {total}, refused ones first.")}</p> });
    let drawn = numbered.into_iter().map(|(index, item)| {
        let label = if total == 1 { "Normalised document".to_owned() } else { format!("Document {} of {total}", index + 1) };
        match item {
            Ok(done) => {
                view! { <article class="item"><IssueList issues=done.issues /><JsonBlock label value=done.trace /></article> }.into_any()
            }
            Err(refused) => {
                view! { <article class="item refused">{(total > 1).then(|| view! { <h3>{label}</h3> })}<IssueList issues=refused.issues /></article> }.into_any()
            }
        }
    });
    view! {
        <h2>{heading}</h2>
        {cut}
        {drawn.collect_view()}
    }
}
