use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{Coverage, FailureGroups, Failures, Filter, Query, Status, Trace, TraceSummary};

use crate::{
    components::{CoverageNote, FailureKinds, FilterForm, Loaded, TraceTable, query_of},
    format,
    functions::get_failures,
    url::{list_href, use_filter},
};

#[component]
pub fn FailuresPage() -> impl IntoView {
    let show = |filter, found| view! { <Found filter found /> }.into_any();
    view! {
        <Title text="Failures" />
        <Loaded question=use_filter() load=get_failures show heading="Failures" />
    }
}

#[component]
fn Found(filter: Filter, found: (Failures, FailureGroups)) -> impl IntoView {
    let (Failures { failed_traces, retries, slow_requests, totals }, groups) = found;
    let failed = Filter { status: Some(Status::Failed), ..filter.clone() };
    let retried = Filter { retried: true, ..filter.clone() };
    let slow = Filter { slow: true, ..filter.clone() };
    let coverage = totals.is_capped.then(Coverage::default);
    view! {
        <header class="page-head"><h1>"Failures"</h1></header>
        <FilterForm query=query_of(&filter) action="/failures" />
        <CoverageNote coverage />
        <FailureKinds found=groups filter />
        <Kind heading="Failed" none="No trace failed." total=totals.failed_traces traces=failed_traces all=failed />
        <Kind heading="Retried" none="No trace was retried." total=totals.retries traces=retries all=retried />
        <Kind heading="Slow" none="No trace took 1.5 s or more." total=totals.slow_requests traces=slow_requests all=slow />
    }
}

/// The newest of one kind, and how many there are.
#[component]
fn Kind(heading: &'static str, none: &'static str, total: u64, traces: Vec<Trace>, all: Filter) -> impl IntoView {
    let rows: Vec<_> = traces.iter().map(TraceSummary::from).collect();
    let count = format::count(format::whole(total));
    let more = (total > rows.len() as u64).then(|| {
        let href = list_href(&Query { filter: all, ..Query::default() });
        view! { <p class="more"><a href=href>{format!("All {count}")}</a></p> }
    });
    view! {
        <section class="kind">
            <h2>{heading} " " <span class="muted">{count.clone()}</span></h2>
            {if rows.is_empty() {
                view! { <p class="muted none">{none}</p> }.into_any()
            } else {
                view! { <TraceTable rows /> }.into_any()
            }}
            {more}
        </section>
    }
}
