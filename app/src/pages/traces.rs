use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use tracellm_trace::{Page, Query, TraceSummary};

use crate::{
    ApiError,
    components::{EmptyState, ErrorPanel, FilterForm, Pager, TraceTable},
    format,
    functions::list_traces,
};

#[component]
pub fn TracesPage() -> impl IntoView {
    let parameters = use_query_map();
    let query = Memo::new(move |_| {
        parameters
            .with(|map| Query::from_pairs(map.latest_values().map(|(name, value)| (name.as_ref(), value))).map_err(ApiError::BadQuery))
    });
    let page = Resource::new(
        move || query.get(),
        |query| async move {
            let query = query.inspect_err(say_status)?;
            let page = list_traces(query.clone()).await?;
            Ok::<_, ApiError>((query, page))
        },
    );
    let is_loading = RwSignal::new(false);
    view! {
        <Title text="Traces" />
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> } set_pending=is_loading>
            <div class="traces-page" class:loading=move || is_loading.get()>
                {move || Suspend::new(async move {
                    match page.await {
                        Err(error) => {
                            let is_ours_to_mend = matches!(error, ApiError::BadQuery(_));
                            view! {
                                <header class="page-head"><h1>"Traces"</h1></header>
                                <ErrorPanel error />
                                {is_ours_to_mend.then(|| view! { <p><a class="button" href="/traces">"All traces"</a></p> })}
                            }
                                .into_any()
                        }
                        Ok((query, page)) => view! { <Found query page /> }.into_any(),
                    }
                })}
            </div>
        </Transition>
    }
}

#[component]
fn Found(query: Query, page: Page<TraceSummary>) -> impl IntoView {
    let is_filtered = !query.filter.is_empty();
    let count = format::total(page.total);
    let shown = match page.items.len() {
        shown if shown as u64 == page.total.count && !page.total.is_capped => count,
        shown => format!("{shown} of {count}"),
    };
    let list = if !page.items.is_empty() {
        view! {
            <TraceTable rows=page.items />
            <Pager query=query.clone() previous=page.previous next=page.next />
        }
        .into_any()
    } else if is_filtered || query.cursor.is_some() {
        view! {
            <EmptyState heading="No trace matches">
                <p>"Loosen a filter, or look at " <a href="/traces">"all traces"</a> "."</p>
            </EmptyState>
        }
        .into_any()
    } else {
        view! { <FirstTrace /> }.into_any()
    };
    view! {
        <header class="page-head">
            <h1>"Traces"</h1>
            <p class="muted" aria-live="polite">{shown}</p>
        </header>
        <FilterForm query />
        {list}
    }
}

/// What a new user sees.
#[component]
fn FirstTrace() -> impl IntoView {
    view! {
        <EmptyState heading="No traces yet">
            <p>"Send one to this address, and it stands here:"</p>
            <pre class="snippet" tabindex="0">
                "curl http://127.0.0.1:8000/api/traces -H 'content-type: application/json' -d '{\"prompt\": \"Hello\", \"response\": \"Hi!\", \"model\": \"gpt-4.1-mini\", \"latency\": 420}'"
            </pre>
            <p>
                "Or " <a href="/ingest">"paste one"</a> ", import a file with " <code>"tracellm import FILE"</code> ", or try the product with "
                <code>"tracellm demo"</code> "."
            </p>
        </EmptyState>
    }
}

/// A list that can't be asked for is a bad request to HTTP too.
fn say_status(_error: &ApiError) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) = (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(_error.status())) {
        response.set_status(status);
    }
}
