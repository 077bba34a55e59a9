use leptos::prelude::*;
use tracellm_trace::{Trace, UNREADABLE, Why};

use super::{Fact, StatusBadge, Steps, TextBlock, WhyPanel};
use crate::{format, visible::visible};

/// What a trace is called: the first line of its prompt.
pub fn heading(trace: &Trace) -> String {
    const MOST: usize = 120;
    let first = trace.prompt.trim().lines().next();
    let cut = |line: &str| line.char_indices().nth(MOST).map_or_else(|| line.to_owned(), |(at, _)| format!("{}…", line[..at].trim_end()));
    visible(first.map_or_else(|| trace.trace_id.clone(), cut))
}

/// What there is to see of a trace, in a page or in a file of its own. The steps are those from `first` on, of `total`.
#[component]
pub fn TraceSheet(
    trace: Trace,
    first: usize,
    total: usize,
    /// Texts of which only the beginning is here.
    shortened: usize,
    why: Why,
    /// The address of its page; empty in a file.
    own: String,
    #[prop(optional)] actions: Option<AnyView>,
) -> impl IntoView {
    let response = match trace.response.clone() {
        Some(response) => view! { <TextBlock label="Response" text=response /> }.into_any(),
        None => view! { <p class="muted none">"No response was recorded."</p> }.into_any(),
    };
    let texts = (!trace.is_content_removed()).then(|| {
        view! {
            <section class="pair" aria-label="Prompt and response">
                <TextBlock label="Prompt" text=trace.prompt.clone() />
                {response}
            </section>
        }
    });
    let whole = format!("/api{own}");
    view! {
        <header class="page-head trace-head">
            <h1>{heading(&trace)}</h1>
            <StatusBadge status=trace.status />
        </header>
        <p class="id">{visible(trace.trace_id.as_str())}</p>
        {actions}
        {trace.failure_reason.clone().map(|reason| view! { <p class=format!("callout {}", trace.status)><strong>"Failure reason: "</strong>{visible(reason)}</p> })}
        <Unreadable fields=trace.unreadable() />
        {trace.is_content_removed().then(|| view! {
            <p class="callout"><strong>"Texts removed: "</strong>"by the rule for how long they are kept, or as their key had sent as much as it may in a day. Numbers, names and times stay."</p>
        })}
        {trace.is_content_dropped().then(|| view! {
            <p class="callout"><strong>"Texts missing: "</strong>"of some steps the long texts were dropped, as their key had sent as much as it may in a day."</p>
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
                <a href=whole rel="external">"The whole document"</a> " has all of it."
            </p>
        })}
        <Facts trace=trace.clone() />
        <WhyPanel why=why.clone() first names=trace.steps.iter().map(|step| step.tool_name.clone()).collect() own=own.clone() reason=trace.failure_reason.clone() />
        {texts}
        <Steps trace first total why own />
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
    let (project, both) = match trace.project_name {
        Some(name) => (name.clone(), format!("{name}, {}", trace.project_id)),
        None => (trace.project_id.clone(), trace.project_id),
    };
    view! {
        <dl class="facts">
            <Fact name="Latency" value=latency title=format!("{} ms", trace.latency) />
            <Fact name="Tokens" value=format::count(trace.token_count) title=tokens.unwrap_or_default() />
            <Fact name="Model" value=trace.model_name />
            <Fact name="Project" value=project title=both />
            <Fact name="Environment" value=trace.environment />
            <Fact name="Retries" value=format::count(trace.retry_count) />
            <Fact name="Started" value=format::exact_time(trace.created_at) title=format!("stored {}", format::exact_time(trace.updated_at)) />
            {optional.into_iter().filter_map(|(name, value)| Some(view! { <Fact name value=value? /> })).collect_view()}
        </dl>
    }
}
