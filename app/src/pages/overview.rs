use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{
    Filter, Query, TraceSummary,
    stats::{Analytics, Summary},
};

use crate::{
    charts::{Breakdown, CostChart, LatencyChart, VolumeChart},
    components::{CoverageNote, FilterForm, FirstTrace, Loaded, NothingMatches, TraceTable, query_of},
    format,
    functions::get_analytics,
    url::{list_href, use_filter},
};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let show = |filter, numbers| view! { <Found filter numbers /> }.into_any();
    view! {
        <Title text="Overview" />
        <Loaded question=use_filter() load=get_analytics show heading="Overview" />
    }
}

#[component]
fn Found(filter: Filter, numbers: Analytics) -> impl IntoView {
    let coverage = numbers.coverage;
    let total = format::whole(numbers.summary.total_traces);
    let content = if total > 0 {
        view! { <Numbers filter=filter.clone() numbers /> }.into_any()
    } else if filter.is_empty() {
        view! { <FirstTrace /> }.into_any()
    } else {
        view! { <NothingMatches href="/" /> }.into_any()
    };
    view! {
        <header class="page-head">
            <h1>"Overview"</h1>
            <p class="muted" aria-live="polite">{format::things(total, "trace")}</p>
        </header>
        <FilterForm query=query_of(&filter) action="/" />
        <CoverageNote coverage />
        {content}
    }
}

#[component]
fn Numbers(filter: Filter, numbers: Analytics) -> impl IntoView {
    let Analytics { summary, charts, status_breakdown, model_breakdown, project_breakdown, environment_breakdown, recent_failures, .. } =
        numbers;
    let rows: Vec<_> = recent_failures.iter().map(TraceSummary::from).collect();
    let points = || charts.clone();
    let of = || filter.clone();
    view! {
        <Tiles summary filter=of() />
        <div class="charts">
            <figure class="panel">
                <figcaption>"Traces " <span class="key failed">"failed"</span></figcaption>
                <VolumeChart points=points() filter=of() />
            </figure>
            <figure class="panel">
                <figcaption>"Latency " <span class="key mean">"mean"</span> <span class="key p95">"95th percentile"</span></figcaption>
                <LatencyChart points=points() filter=of() />
            </figure>
            <figure class="panel">
                <figcaption>"Cost"</figcaption>
                <CostChart points=points() filter=of() />
            </figure>
        </div>
        <div class="breakdowns">
            <Breakdown heading="Status" counts=status_breakdown filter=of() parameter="status" />
            <Breakdown heading="Models" counts=model_breakdown filter=of() parameter="model" />
            <Breakdown heading="Projects" counts=project_breakdown filter=of() parameter="project_id" />
            <Breakdown heading="Environments" counts=environment_breakdown filter=of() parameter="environment" />
        </div>
        <section aria-labelledby="recent">
            <h2 id="recent">"Latest that failed, were retried or were slow"</h2>
            {if rows.is_empty() {
                view! { <p class="muted none">"None was."</p> }.into_any()
            } else {
                view! { <TraceTable rows /> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Tiles(summary: Summary, filter: Filter) -> impl IntoView {
    let count = |n: u64| format::count(format::whole(n));
    let list = |narrow: fn(&mut Filter)| {
        let mut filter = filter.clone();
        narrow(&mut filter);
        Some(list_href(&Query { filter, ..Query::default() }))
    };
    let tiles = [
        ("Success rate", format::percent(summary.success_rate), None),
        ("Failed", count(summary.failed_traces), list(|filter| filter.status = Some(tracellm_trace::Status::Failed))),
        ("Warnings", count(summary.warning_traces), list(|filter| filter.status = Some(tracellm_trace::Status::Warning))),
        ("Median latency", format::duration(summary.p50_latency), None),
        ("p95 latency", format::duration(summary.p95_latency), None),
        ("p99 latency", format::duration(summary.p99_latency), None),
        ("Slow", count(summary.slow_requests), list(|filter| filter.slow = true)),
        ("Retries", format::count(summary.retries), list(|filter| filter.retried = true)),
        ("Tokens", format::count(summary.total_token_usage), None),
        ("Cost", format::dollars(summary.total_cost_usd), None),
    ];
    let tiles = tiles.into_iter().map(|(name, value, href)| {
        let title = value.clone();
        let value = match href {
            Some(href) => view! { <a href=href>{value}</a> }.into_any(),
            None => value.into_any(),
        };
        view! { <div class="tile"><dt>{name}</dt><dd title=title>{value}</dd></div> }
    });
    view! { <dl class="tiles">{tiles.collect_view()}</dl> }
}
