use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{Page, Query, TraceSummary};

use crate::{
    ApiError,
    components::{ErrorPanel, FilterForm, FirstTrace, NothingMatches, Pager, TraceTable},
    format,
    functions::list_traces,
    url::{say_status, use_query},
};

#[component]
pub fn TracesPage() -> impl IntoView {
    let query = use_query();
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
            <TraceTable rows=page.items query=query.clone() />
            <Pager query=query.clone() previous=page.previous next=page.next />
        }
        .into_any()
    } else if is_filtered || query.cursor.is_some() {
        view! { <NothingMatches href="/traces" /> }.into_any()
    } else {
        view! { <FirstTrace /> }.into_any()
    };
    view! {
        <header class="page-head">
            <h1>"Traces"</h1>
            <p class="muted" aria-live="polite">{shown}</p>
        </header>
        <FilterForm query action="/traces" />
        {list}
    }
}
