use leptos::prelude::*;
use tracellm_trace::{DEFAULT_PROJECT, NewKey, Scope};

use crate::{
    account,
    components::{ErrorPanel, TextBlock, trace_href},
    functions::create_key,
    url::origin,
};

/// Programs that send a trace.
mod snippets;
use snippets::SNIPPETS;

/// A trace that came while the page was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrived {
    project_id: String,
    trace_id: String,
}

/// How to send the first trace; says so at once when it comes.
#[component]
pub fn FirstTrace() -> impl IntoView {
    let arrived = RwSignal::new(None::<Arrived>);
    wait(arrived);
    view! {
        <section class="notice" class:success=move || arrived.read().is_some()>
            <div role="status">
                {move || match arrived.get() {
                    None => view! { <h2>"No traces yet"</h2> }.into_any(),
                    Some(Arrived { project_id, trace_id }) => {
                        view! {
                            <h2>"Your first trace is here"</h2>
                            <p>
                                <a class="button primary" href=trace_href(&project_id, &trace_id)>"Look at it"</a> " "
                                <a class="button" href="/traces">"All traces"</a>
                            </p>
                        }
                            .into_any()
                    }
                }}
            </div>
            {move || arrived.read().is_none().then(|| view! { <Instructions /> })}
        </section>
    }
}

#[component]
fn Instructions() -> impl IntoView {
    let address = StoredValue::new(origin());
    // Where one signs in, programs show keys.
    let needs_key = account::name().is_some();
    let make = Action::new(|(): &()| {
        create_key(NewKey { project_id: DEFAULT_PROJECT.to_owned(), environment: String::new(), scope: Scope::Ingest, expires_at: None })
    });
    let secret = Signal::derive(move || make.value().get().and_then(Result::ok).map(|made| made.secret));
    let failure = move || make.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> });
    let snippets = SNIPPETS.iter().enumerate().map(|(place, snippet)| {
        let text = move || {
            let text = snippet.text(&address.read_value(), secret.read().as_deref());
            view! { <TextBlock label=snippet.file text class="json" /> }
        };
        view! {
            <details class="panel" name="first-trace" open=place == 0 data-snippet=snippet.id>
                <summary>{snippet.name}</summary>
                {text}
            </details>
        }
    });
    view! {
        <p>
            "Whatever speaks OpenTelemetry is traced by " <code>{format!("OTEL_EXPORTER_OTLP_ENDPOINT={}", address.read_value())}</code>
            ". Run one of these, and this panel turns green:"
        </p>
        <div class="snippets">{snippets.collect_view()}</div>
        <p class="needs-script make-key">
            {move || match secret.get() {
                None => {
                    view! {
                        <button type="button" class="button" disabled=move || make.pending().get() on:click=move |_| { make.dispatch(()); }>
                            "Make a key for these"
                        </button>
                        <span class="muted">{
                            if needs_key { " This server takes traces with a key alone; it says which project and environment they are of." }
                            else { " This server takes traces without one; a key says which project and environment they are of." }
                        }</span>
                    }
                        .into_any()
                }
                Some(_) => view! { <span class="muted">"The key stands in the programs above. It is shown this once; make more under " <a href="/projects">"Projects"</a> "."</span> }.into_any(),
            }}
        </p>
        {failure}
        <p>
            "Or " <a href="/ingest">"paste a trace"</a> ", import a file with " <code>"tracellm import FILE"</code> ", or try the product with "
            <code>"tracellm demo"</code> ". Something was sent and is not here? " <a href="/ingest#requests">"The last requests"</a> " say why."
        </p>
    }
}

/// Waits for the first trace, until the panel is gone.
#[cfg(feature = "hydrate")]
fn wait(arrived: RwSignal<Option<Arrived>>) {
    use crate::events::{Event, follow};

    follow("/api/live".to_owned(), move |event| {
        if let Event::Trace(trace) = event
            && arrived.read_untracked().is_none()
        {
            arrived.set(Some(Arrived { project_id: trace.project_id, trace_id: trace.trace_id }));
        }
    });
}

/// The server waits for nothing.
#[cfg(not(feature = "hydrate"))]
fn wait(_arrived: RwSignal<Option<Arrived>>) {}
