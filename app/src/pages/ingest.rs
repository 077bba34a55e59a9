use leptos::{ev::SubmitEvent, prelude::*};
use leptos_meta::Title;
use tracellm_trace::{ItemResult, Outcome, RefusedItem, Report, Stored};

use crate::{
    components::{ErrorPanel, IssueList, trace_href},
    format,
    functions::ingest,
};

/// The normaliser, run in the browser on what was typed.
mod preview;
use preview::Preview;

/// The last requests, for those who miss a trace.
mod requests;
use requests::Requests;

#[component]
pub fn IngestPage() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let store = Action::new(|text: &String| ingest(text.clone()));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        store.dispatch(text.get_untracked());
    };
    // An answer speaks of the text that was sent, not of one that was typed since.
    let typed = move |event| {
        text.set(event_target_value(&event));
        store.value().set(None);
    };
    let cannot_send = move || text.with(|text| text.trim().is_empty()) || store.pending().get();
    view! {
        <Title text="Ingest" />
        <header class="page-head">
            <h1>"Ingest"</h1>
            <p class="muted">"Paste a trace, an array of traces, or one on each line. What you see is what will be stored."</p>
        </header>
        <noscript>
            <p class="callout warning">"This page needs JavaScript and WebAssembly. Without them, send traces to " <code>"POST /api/traces"</code> "."</p>
        </noscript>
        <div class="ingest">
            <form on:submit=submit aria-label="Paste traces">
                <label for="raw">"Raw JSON"</label>
                <textarea id="raw" spellcheck="false" autocomplete="off" placeholder=EXAMPLE on:input=typed prop:value=move || text.get()></textarea>
                <div class="buttons">
                    <button type="submit" class="button primary" disabled=cannot_send>
                        {move || if store.pending().get() { "Storing…" } else { "Store" }}
                    </button>
                    <button type="button" class="button" on:click=move |_| { text.set(EXAMPLE.to_owned()); store.value().set(None); }>"Example"</button>
                </div>
                <div aria-live="polite">
                    {move || match store.value().get() {
                        None => ().into_any(),
                        Some(Err(error)) => view! { <ErrorPanel error /> }.into_any(),
                        Some(Ok(report)) => view! { <Receipt report /> }.into_any(),
                    }}
                </div>
            </form>
            <Preview text />
        </div>
        <Requests changes=store.version() />
    }
}

const EXAMPLE: &str = r#"{
  "prompt": "Which flights leave Lisbon on Friday?",
  "response": null,
  "model": "gpt-4.1-mini",
  "latency": 2140.5,
  "token_count": "812",
  "steps": [
    { "tool_name": "plan", "duration": 310 },
    { "tool_name": "search_flights", "duration": 1800, "success": false,
      "input": { "from": "LIS", "day": "Friday" },
      "output": { "error": "timeout after 1800 ms" } }
  ]
}"#;

/// What became of each document, with a link to what is stored.
#[component]
fn Receipt(report: Report) -> impl IntoView {
    let (heading, results) = match report {
        Report::One(stored) => ("Stored".to_owned(), vec![ItemResult::Stored(stored)]),
        Report::Batch { accepted, rejected, results } => {
            let refused = if rejected > 0 { format!(", {rejected} refused") } else { String::new() };
            (format!("{} stored{refused}", format::things(accepted.into(), "trace")), results.into_iter().map(|item| item.result).collect())
        }
    };
    let rows = results.into_iter().map(|result| match result {
        ItemResult::Stored(Stored { trace_id, project_id, outcome, .. }) => {
            let word = match outcome {
                Outcome::Created => "new",
                Outcome::Updated => "replaced",
                Outcome::Duplicate => "was there already",
            };
            let href = trace_href(&project_id, &trace_id);
            view! { <li><a href=href>{trace_id}</a>" "<span class="tag">{word}</span></li> }.into_any()
        }
        ItemResult::Refused(RefusedItem { trace_id, errors }) => {
            view! { <li>{trace_id.unwrap_or_else(|| "without an id".to_owned())} <IssueList issues=errors /></li> }.into_any()
        }
    });
    view! {
        <section class="notice success receipt">
            <h2>{heading}</h2>
            <ol>{rows.collect_view()}</ol>
        </section>
    }
}
