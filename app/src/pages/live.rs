use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{Filter, TraceSummary};

use crate::{
    components::{ErrorPanel, FilterForm, TraceTable, query_of},
    format,
    url::use_filter,
};

/// Rows that are kept in sight.
const SHOWN: usize = 100;

/// How the page is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser connects"))]
enum Connection {
    Opening,
    Open,
    Broken,
    Refused,
}

#[component]
pub fn LivePage() -> impl IntoView {
    let filter = use_filter();
    view! {
        <Title text="Live" />
        {move || match filter.get() {
            Ok(filter) => view! { <Watch filter /> }.into_any(),
            Err(error) => {
                error.say_status();
                view! { <header class="page-head"><h1>"Live"</h1></header> <ErrorPanel error /> }.into_any()
            }
        }}
    }
}

#[component]
fn Watch(filter: Filter) -> impl IntoView {
    let rows = RwSignal::new(Vec::<TraceSummary>::new());
    let waiting = RwSignal::new(Vec::<TraceSummary>::new());
    let is_paused = RwSignal::new(false);
    let has_gap = RwSignal::new(false);
    let connection = RwSignal::new(Connection::Opening);
    listen(&filter, rows, waiting, is_paused, has_gap, connection);
    let resume = move |_| {
        if is_paused.get_untracked() {
            let mut fresh = std::mem::take(&mut *waiting.write());
            let mut rows = rows.write();
            fresh.append(&mut rows);
            fresh.truncate(SHOWN);
            *rows = fresh;
        }
        is_paused.update(|paused| *paused = !*paused);
    };
    let state = move || match connection.get() {
        Connection::Opening => "connecting…",
        Connection::Open => "connected",
        Connection::Broken => "connection lost, trying again…",
        Connection::Refused => "not connected, trying again…",
    };
    let refused = move || {
        let words = "The server answers no events. It may be starting, or its database is away: Settings tells what it knows. Or you are signed out: read the page anew.";
        (connection.get() == Connection::Refused).then(|| view! { <p class="callout failed">{words}</p> })
    };
    view! {
        <header class="page-head">
            <h1>"Live"</h1>
            <p class="muted" role="status">{state}</p>
            <button type="button" class="button needs-script" on:click=resume>
                {move || match (is_paused.get(), waiting.read().len()) {
                    (false, _) => "Pause".to_owned(),
                    (true, 0) => "Resume".to_owned(),
                    (true, waiting) => format!("Resume, {}", format::things(waiting as i64, "new trace")),
                }}
            </button>
        </header>
        <FilterForm query=query_of(&filter) action="/live" />
        {refused}
        {move || has_gap.get().then(|| view! { <p class="callout warning">"Some traces came while the connection was broken and are not shown here; the list has them."</p> })}
        {move || {
            let rows = rows.get();
            if rows.is_empty() {
                view! { <p class="muted none">"Traces appear here as they are stored."</p> }.into_any()
            } else {
                view! { <TraceTable rows /> }.into_any()
            }
        }}
    }
}

/// Follows the server's events until the page is left.
#[cfg(feature = "hydrate")]
fn listen(
    filter: &Filter,
    rows: RwSignal<Vec<TraceSummary>>,
    waiting: RwSignal<Vec<TraceSummary>>,
    is_paused: RwSignal<bool>,
    has_gap: RwSignal<bool>,
    connection: RwSignal<Connection>,
) {
    use crate::{
        events::{Event, follow},
        url::href,
    };

    follow(href("/api/live", &filter.to_pairs()), move |event| match event {
        Event::Trace(trace) => {
            let target = if is_paused.get_untracked() { waiting } else { rows };
            let mut target = target.write();
            target.retain(|row| (&row.trace_id, &row.project_id) != (&trace.trace_id, &trace.project_id));
            target.insert(0, TraceSummary::from(&*trace));
            target.truncate(SHOWN);
        }
        Event::Gap => has_gap.set(true),
        Event::Open => connection.set(Connection::Open),
        Event::Broken => connection.set(Connection::Broken),
        Event::Refused => connection.set(Connection::Refused),
    });
}

/// The server watches nothing.
#[cfg(not(feature = "hydrate"))]
fn listen(
    _filter: &Filter,
    _rows: RwSignal<Vec<TraceSummary>>,
    _waiting: RwSignal<Vec<TraceSummary>>,
    _is_paused: RwSignal<bool>,
    _has_gap: RwSignal<bool>,
    _connection: RwSignal<Connection>,
) {
}
