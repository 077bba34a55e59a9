use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, components::Redirect};
use tracellm_trace::{Filter, Page, Query, TraceSummary};

use crate::{
    components::{
        Begun, CoverageNote, DeletePanel, FacetList, FacetsToCome, FilterForm, FirstTrace, ListTools, Loaded, NothingMatches, Pager,
        SavedViews, TraceTable, ViewsToCome, Wanted, trace_href,
    },
    format,
    functions::{get_facets, list_traces, list_views, remove_matching},
    url::{use_filter, use_query},
};

#[component]
pub fn TracesPage() -> impl IntoView {
    let filter = use_filter();
    let facets = Resource::new(move || filter.get(), |filter| async move { get_facets(filter?).await });
    let views = Resource::new(|| (), |()| list_views());
    let show = move |query, page| view! { <Found query page facets views /> }.into_any();
    view! {
        <Title text="Traces" />
        <Loaded question=use_query() load=list_traces show heading="Traces" />
    }
}

#[component]
fn Found(query: Query, page: Page<TraceSummary>, facets: FacetsToCome, views: ViewsToCome) -> impl IntoView {
    let is_filtered = !query.filter.is_empty();
    let count = format::total(page.total);
    let shown = match page.items.len() {
        shown if shown as u64 == page.total.count && !page.total.is_capped => count,
        shown => format!("{shown} of {count}"),
    };
    // Who pastes the id of a trace wants to see it, and come back to where they were.
    let pasted = query.filter.q.as_ref().map(|search| search.as_str()).filter(|text| text.contains(|c: char| c.is_ascii_digit()));
    if let Some(meant) = page.items.iter().find(|row| pasted == Some(row.trace_id.as_str())) {
        let options = NavigateOptions { replace: true, ..Default::default() };
        return view! { <Redirect path=trace_href(&meant.project_id, &meant.trace_id) options /> }.into_any();
    }
    let coverage = page.coverage;
    let stopped = coverage.is_some_and(|coverage| coverage.until.is_some());
    let has_rows = !page.items.is_empty();
    let list = if !page.items.is_empty() {
        view! {
            <TraceTable rows=page.items query=query.clone() />
            <Pager query=query.clone() previous=page.previous next=page.next stopped />
            {is_filtered.then(|| view! { <DeleteMatching filter=query.filter.clone() count=format::total(page.total) /> })}
        }
        .into_any()
    } else if stopped {
        view! { <Pager query=query.clone() previous=page.previous next=page.next stopped /> }.into_any()
    } else if is_filtered || query.cursor.is_some() {
        view! { <NothingMatches href="/traces" /> }.into_any()
    } else {
        view! { <FirstTrace /> }.into_any()
    };
    let beside = query.clone();
    view! {
        <header class="page-head">
            <h1>"Traces"</h1>
            <p class="muted" aria-live="polite">{shown}</p>
            {has_rows.then(|| view! { <ListTools /> })}
        </header>
        <SavedViews views query=query.clone() />
        <FilterForm query action="/traces" facets />
        <CoverageNote coverage />
        <div class="with-facets">
            <div>{list}</div>
            <FacetList facets query=beside action="/traces" />
        </div>
    }
    .into_any()
}

/// Deletes everything that the filters match. A browser loads how once it is wanted.
#[component]
fn DeleteMatching(filter: Filter, count: String) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let load = move || delete_matching(filter.clone(), count.clone());
    view! {
        <details class="delete needs-script" on:toggle=move |_| is_open.set(true)>
            <summary class="button">{DELETE}</summary>
            <Wanted is_wanted=is_open load />
        </details>
    }
}

const DELETE: &str = "Delete all that match";

#[lazy]
fn delete_matching(filter: Filter, count: String) -> AnyView {
    let remove = Action::new(move |(): &()| remove_matching(filter.clone()));
    let warning =
        format!("What the filters match now, {count}, goes for good. It is deleted in the background; Settings shows how far that is.");
    view! {
        <DeletePanel label=DELETE warning on_confirm=move |()| { remove.dispatch(()); } />
        <Begun result=Signal::derive(move || remove.value().get()) />
    }
    .into_any()
}
