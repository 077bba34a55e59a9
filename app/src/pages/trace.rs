use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
};
use tracellm_trace::{Source, Status, Trace, otlp::Explanation};

use crate::{
    components::{Delete, ErrorPanel, JsonBlock, JsonExplorer, Mapping, Share, TraceSheet, heading, trace_href},
    functions::{TracePart, get_trace, remove_trace},
    last_list::LastList,
    url::href,
};

#[component]
pub fn TracePage() -> impl IntoView {
    let (parameters, query) = (use_params_map(), use_query_map());
    let wanted = move || {
        let trace_id = parameters.with(|map| map.get("trace_id")).unwrap_or_default();
        let project_id = query.with(|map| map.get("project_id")).filter(|project| !project.is_empty());
        let first = query.with(|map| map.get("steps_from")).and_then(|first| first.parse().ok()).unwrap_or(0_usize);
        let explained = query.with(|map| map.get("mapping").is_some());
        (project_id, trace_id, first, explained)
    };
    let trace =
        Resource::new_blocking(wanted, |(project_id, trace_id, first, explained)| get_trace(project_id, trace_id, first, explained));
    view! {
        <Suspense fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match trace.await {
                    Err(error) => {
                        view! {
                            <Title text="Not shown" />
                            <p class="back"><a href="/traces">"Traces"</a></p>
                            <header class="page-head"><h1>"Trace"</h1></header>
                            <ErrorPanel error />
                        }
                            .into_any()
                    }
                    Ok(part) => view! { <Found part /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Found(part: TracePart) -> impl IntoView {
    let TracePart { trace, first, total, shortened, explanation, why } = part;
    let own = trace_href(&trace.project_id, &trace.trace_id);
    let document = if shortened > 0 || trace.steps.len() < total { "As shown here, a part of what is stored" } else { "As stored" };
    let mapping = (trace.source == Some(Source::Otlp)).then(|| mapping(&own, explanation));
    let delete = view! { <DeleteTrace project_id=trace.project_id.clone() trace_id=trace.trace_id.clone() /> };
    let explorer = view! { <JsonExplorer project_id=trace.project_id.clone() trace_id=trace.trace_id.clone() /> };
    let is_whole = shortened == 0 && trace.steps.len() == total;
    view! {
        <Title text=format!("{} {}", mark(&trace), heading(&trace)) />
        <WayBack own=own.clone() />
        <TraceSheet trace=trace.clone() first total shortened why own=own.clone() actions=view! { <Share trace=trace.clone() first total is_whole /> }.into_any() />
        {mapping}
        <section aria-labelledby="document">
            <h2 id="document">"Document"</h2>
            <details class="raw">
                <summary>"Raw JSON"</summary>
                <JsonBlock label=document value=trace />
            </details>
            {explorer}
            {delete}
        </section>
    }
}

/// To the list that led here, and to the traces beside this one in it.
#[component]
fn WayBack(own: String) -> impl IntoView {
    // The server does not know what the browser showed before.
    let list = RwSignal::new(None);
    Effect::new(move || {
        list.set(LastList::read().map(|list| {
            let beside = |by| list.beside(&own, by).map(str::to_owned);
            (beside(-1), beside(1), list.address)
        }))
    });
    let link = |href: Option<String>, label: &'static str, key| href.map(|href| view! { " · " <a href=href title=key>{label}</a> });
    view! {
        <p class="back">
            <a href=move || list.get().map_or_else(|| "/traces".to_owned(), |(.., address)| address)>"Traces"</a>
            {move || list.get().map(|(before, after, _)| view! { {link(before, "previous", "k")} {link(after, "next", "j")} })}
        </p>
    }
}

#[component]
fn DeleteTrace(project_id: String, trace_id: String) -> impl IntoView {
    let navigate = use_navigate();
    let remove = Action::new(move |(): &()| remove_trace(project_id.clone(), trace_id.clone()));
    Effect::new(move || {
        if let Some(Ok(())) = remove.value().get() {
            navigate("/traces", NavigateOptions { replace: true, ..Default::default() });
        }
    });
    view! {
        <Delete
            label="Delete this trace"
            warning="The trace goes with its steps and spans, and does not come back.".to_owned()
            on_confirm=move |()| { remove.dispatch(()); }
        />
        {move || remove.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> })}
    }
}

/// Which attribute gave which field, once it is asked for by the URL.
fn mapping(own: &str, explanation: Option<Explanation>) -> impl IntoView + use<> {
    let content = match explanation {
        Some(Explanation { total_spans: 0, .. }) => view! { <p class="muted none">"Its spans are no longer there."</p> }.into_any(),
        Some(explanation) => view! { <Mapping explanation /> }.into_any(),
        None => view! {
            <p class="muted">
                "This trace came as spans of OpenTelemetry. "
                <a href=href(own, &[("mapping", "1".to_owned())]) + "#mapping">"Show which attribute gave which field, and what was left over"</a> "."
            </p>
        }
        .into_any(),
    };
    view! {
        <section aria-labelledby="mapping">
            <h2 id="mapping">"Mapping"</h2>
            {content}
        </section>
    }
}

/// The status, for a browser's tab.
fn mark(trace: &Trace) -> &'static str {
    match trace.status {
        Status::Success => "✓",
        Status::Warning => "!",
        Status::Failed => "✗",
    }
}
