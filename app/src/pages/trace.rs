use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
};
use tracellm_trace::{Source, Trace, UNREADABLE, otlp::Explanation};

use crate::{
    components::{Delete, ErrorPanel, Fact, JsonBlock, Mapping, StatusBadge, TextBlock, Waterfall, trace_href},
    format,
    functions::{STEPS_SHOWN, TracePart, get_trace, remove_trace},
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
    let TracePart { trace, first, total, shortened, explanation } = part;
    let heading = trace.prompt.trim().lines().next().map(|line| line.chars().take(120).collect()).unwrap_or_else(|| trace.trace_id.clone());
    let last = first + trace.steps.len();
    let steps = match trace.steps.len() {
        shown if shown == total => format::things(total as i64, "step"),
        _ => format!("Steps {} to {} of {}", first + 1, last, format::count(total as i64)),
    };
    let own = trace_href(&trace.project_id, &trace.trace_id);
    let link = |from: usize, label: &'static str| {
        let joint = if own.contains('?') { '&' } else { '?' };
        view! { <a class="button" href=format!("{own}{joint}steps_from={from}#steps")>{label}</a> }
    };
    let pager = (trace.steps.len() < total).then(|| {
        view! {
            <nav class="pager" aria-label="Pages of steps">
                {(first > 0).then(|| link(first.saturating_sub(STEPS_SHOWN), "Previous steps"))}
                {(last < total).then(|| link(last, "Next steps"))}
            </nav>
        }
    });
    let waterfall = match trace.steps.is_empty() {
        true => view! { <p class="muted">"This trace has no steps."</p> }.into_any(),
        false => view! { <Waterfall trace=trace.clone() first /> }.into_any(),
    };
    let response = match trace.response.clone() {
        Some(response) => view! { <TextBlock label="Response" text=response /> }.into_any(),
        None => view! { <p class="muted none">"No response was recorded."</p> }.into_any(),
    };
    let document = if shortened > 0 || trace.steps.len() < total { "As shown here, a part of what is stored" } else { "As stored" };
    let mapping = (trace.source == Some(Source::Otlp)).then(|| mapping(&own, explanation));
    let delete = view! { <DeleteTrace project_id=trace.project_id.clone() trace_id=trace.trace_id.clone() /> };
    view! {
        <Title text=format!("{} {heading}", mark(&trace)) />
        <p class="back"><a href="/traces">"Traces"</a></p>
        <header class="page-head trace-head">
            <h1>{heading}</h1>
            <StatusBadge status=trace.status />
        </header>
        <p class="id">{trace.trace_id.clone()}</p>
        {trace.failure_reason.clone().map(|reason| view! { <p class=format!("callout {}", trace.status)><strong>"Failure reason: "</strong>{reason}</p> })}
        <Unreadable fields=trace.unreadable() />
        {trace.is_content_removed().then(|| view! {
            <p class="callout"><strong>"Texts removed: "</strong>"by the rule for how long they are kept. Numbers, names and times stay."</p>
        })}
        {trace.in_progress().then(|| view! {
            <p class="callout">
                <strong>"In progress: "</strong>
                "the root span has not come yet. What is here may grow; where a service of yours sends no spans, it stays so."
            </p>
        })}
        {(shortened > 0).then(|| view! {
            <p class="callout">
                {format!("{} over 100 kB, shown by the beginning. ", if shortened == 1 { "A text is".to_owned() } else { format!("{shortened} texts are") })}
                <a href=format!("/api{own}") rel="external">"The whole document"</a> " has all of it."
            </p>
        })}
        <Facts trace=trace.clone() />
        <section class="pair" aria-label="Prompt and response">
            <TextBlock label="Prompt" text=trace.prompt.clone() />
            {response}
        </section>
        <section aria-labelledby="steps">
            <h2 id="steps">{steps}</h2>
            {waterfall}
            {pager}
        </section>
        {mapping}
        <section aria-labelledby="document">
            <h2 id="document">"Document"</h2>
            <details class="raw">
                <summary>"Raw JSON"</summary>
                <JsonBlock label=document value=trace />
            </details>
            {delete}
        </section>
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
    let joint = if own.contains('?') { '&' } else { '?' };
    let content = match explanation {
        Some(Explanation { total_spans: 0, .. }) => view! { <p class="muted none">"Its spans are no longer there."</p> }.into_any(),
        Some(explanation) => view! { <Mapping explanation /> }.into_any(),
        None => view! {
            <p class="muted">
                "This trace came as spans of OpenTelemetry. "
                <a href=format!("{own}{joint}mapping=1#mapping")>"Show which attribute gave which field, and what was left over"</a> "."
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

/// Says what another program stored otherwise than a trace has it.
#[component]
fn Unreadable(fields: Vec<String>) -> impl IntoView {
    (!fields.is_empty()).then(|| {
        view! {
            <p class="callout warning">
                <strong>"Another program stored this, and not all of it is as it should be: "</strong>
                {fields.join(", ")}
                ". What stands there is in the metadata, under " <code>{UNREADABLE}</code> "."
            </p>
        }
    })
}

#[component]
fn Facts(trace: Trace) -> impl IntoView {
    let tokens = match (trace.input_tokens, trace.output_tokens) {
        (Some(input), Some(output)) => Some(format!("{} in, {} out", format::count(input), format::count(output))),
        _ => None,
    };
    let optional = [
        ("Cost", trace.cost_usd.map(format::dollars)),
        ("Session", trace.session_id),
        ("User", trace.user_id),
        ("Tags", (!trace.tags.is_empty()).then(|| trace.tags.join(", "))),
        ("Key", trace.api_key),
        ("Source", trace.source.map(|source| source.to_string())),
    ];
    let latency = if trace.slow_request { format!("{} · slow", format::duration(trace.latency)) } else { format::duration(trace.latency) };
    view! {
        <dl class="facts">
            <Fact name="Latency" value=latency title=format!("{} ms", trace.latency) />
            <Fact name="Tokens" value=format::count(trace.token_count) title=tokens.unwrap_or_default() />
            <Fact name="Model" value=trace.model_name />
            <Fact name="Project" value=trace.project_name.unwrap_or(trace.project_id.clone()) title=trace.project_id />
            <Fact name="Environment" value=trace.environment />
            <Fact name="Retries" value=format::count(trace.retry_count) />
            <Fact name="Started" value=format::exact_time(trace.created_at) title=format!("stored {}", format::exact_time(trace.updated_at)) />
            {optional.into_iter().filter_map(|(name, value)| Some(view! { <Fact name value=value? /> })).collect_view()}
        </dl>
    }
}

/// The status, for a browser's tab.
fn mark(trace: &Trace) -> &'static str {
    match trace.status {
        tracellm_trace::Status::Success => "✓",
        tracellm_trace::Status::Warning => "!",
        tracellm_trace::Status::Failed => "✗",
    }
}
