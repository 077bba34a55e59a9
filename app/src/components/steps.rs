use std::sync::Arc;

use leptos::prelude::*;
use tracellm_trace::{Trace, Why};

use super::{LongWaterfall, Waterfall};
use crate::{
    format,
    functions::{STEPS_SHOWN, get_outline},
    url::href,
};

/// The steps of a trace: those that are at hand, and where there are more, once the script runs, all of them in one list.
#[component]
pub fn Steps(trace: Trace, first: usize, total: usize, why: Why, own: String) -> impl IntoView {
    if trace.steps.is_empty() {
        return view! { <section><h2>"0 steps"</h2><p class="muted none">"This trace has no steps."</p></section> }.into_any();
    }
    let shown = trace.steps.len();
    if shown == total || own.is_empty() {
        let heading = if shown == total { format::things(total as i64, "step") } else { range(first, shown, total) };
        return view! { <section aria-labelledby="steps"><h2 id="steps">{heading}</h2><Waterfall trace first why /></section> }.into_any();
    }
    let part = StoredValue::new((trace, why));
    let outline = Action::new(move |(): &()| {
        let (project_id, trace_id) = part.with_value(|(trace, _)| (trace.project_id.clone(), trace.trace_id.clone()));
        // Shared, as it is large.
        async move { get_outline(project_id, trace_id).await.map(Arc::new) }
    });
    // In the browser alone: the page does not wait for all steps.
    Effect::new(move |_| {
        outline.dispatch(());
    });
    let all = move || match outline.value().get() {
        Some(Ok(outline)) if !outline.is_empty() => {
            let (project_id, trace_id) = part.with_value(|(trace, _)| (trace.project_id.clone(), trace.trace_id.clone()));
            view! {
                <h2 id="steps">{format::things(total as i64, "step")}</h2>
                <LongWaterfall outline project_id trace_id first />
            }
            .into_any()
        }
        // Without a script, an answer or its spans there is this part, and ways to the others.
        _ => {
            let (trace, why) = part.get_value();
            view! {
                <h2 id="steps">{range(first, shown, total)}</h2>
                <Waterfall trace first why />
                <Pages first last=first + shown total own=own.clone() />
            }
            .into_any()
        }
    };
    view! { <section aria-labelledby="steps">{all}</section> }.into_any()
}

fn range(first: usize, shown: usize, total: usize) -> String {
    format!("Steps {} to {} of {}", first + 1, first + shown, format::count(total as i64))
}

#[component]
fn Pages(first: usize, last: usize, total: usize, own: String) -> impl IntoView {
    let link = |from: usize, label: &'static str| {
        let page = href(&own, &[("steps_from", from.to_string())]);
        view! { <a class="button" href=format!("{page}#steps")>{label}</a> }
    };
    view! {
        <nav class="pager" aria-label="Pages of steps">
            {(first > 0).then(|| link(first.saturating_sub(STEPS_SHOWN), "Previous steps"))}
            {(last < total).then(|| link(last, "Next steps"))}
        </nav>
    }
}
