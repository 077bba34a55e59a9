use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{
    Filter, Query, Status, TraceSummary,
    stats::{Analytics, Heat, Overview, Summary},
};

use crate::{
    charts::{Breakdown, CostChart, HeatMap, LatencyChart, VolumeChart},
    components::{ByName, CoverageNote, FilterForm, FirstTrace, Loaded, NothingMatches, TraceTable, query_of},
    format,
    functions::{get_by_name, get_overview},
    url::{list_href, use_filter},
};

#[component]
pub fn OverviewPage() -> impl IntoView {
    let filter = use_filter();
    let by_name = Resource::new(move || filter.get(), |filter| async move { get_by_name(filter?).await });
    let show = move |filter: Filter, overview| {
        let Overview { numbers, heat, before } = overview;
        let is_empty = numbers.summary.total_traces == 0;
        let tables = (!is_empty).then(|| view! { <ByName numbers=by_name filter=filter.clone() /> });
        view! { <Found filter numbers heat before tables=tables.into_any() /> }.into_any()
    };
    view! {
        <Title text="Overview" />
        <Loaded question=filter load=get_overview show heading="Overview" />
    }
}

#[component]
fn Found(
    filter: Filter,
    numbers: Analytics,
    heat: Heat,
    before: Option<Summary>,
    /// Numbers by name.
    tables: AnyView,
) -> impl IntoView {
    let coverage = numbers.coverage;
    let total = format::whole(numbers.summary.total_traces);
    let content = if total > 0 {
        view! { <Numbers filter=filter.clone() numbers heat before tables /> }.into_any()
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
fn Numbers(filter: Filter, numbers: Analytics, heat: Heat, before: Option<Summary>, tables: AnyView) -> impl IntoView {
    let Analytics { summary, charts, status_breakdown, model_breakdown, project_breakdown, environment_breakdown, recent_failures, .. } =
        numbers;
    let rows: Vec<_> = recent_failures.iter().map(TraceSummary::from).collect();
    let points = || charts.clone();
    let of = || filter.clone();
    view! {
        <Tiles summary before filter=of() />
        <div class="charts">
            <figure class="panel">
                <figcaption>"Traces " <span class="key failed">"failed"</span></figcaption>
                <VolumeChart points=points() filter=of() />
            </figure>
            <HeatMap heat filter=of() />
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
        {tables}
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

/// What a tile counts, how it is written, and what it leads to.
type Tile = (&'static str, fn(&Summary) -> f64, fn(f64) -> String, Option<fn(&mut Filter)>);

const TILES: [Tile; 10] = [
    ("Success rate", |of| of.success_rate, format::percent, None),
    ("Failed", |of| of.failed_traces as f64, whole, Some(|filter| filter.status = Some(Status::Failed))),
    ("Warnings", |of| of.warning_traces as f64, whole, Some(|filter| filter.status = Some(Status::Warning))),
    ("Median latency", |of| of.p50_latency, format::duration, None),
    ("p95 latency", |of| of.p95_latency, format::duration, None),
    ("p99 latency", |of| of.p99_latency, format::duration, None),
    ("Slow", |of| of.slow_requests as f64, whole, Some(|filter| filter.slow = true)),
    ("Retries", |of| of.retries as f64, whole, Some(|filter| filter.retried = true)),
    ("Tokens", |of| of.total_token_usage as f64, whole, None),
    ("Cost", |of| of.total_cost_usd, format::dollars, None),
];

fn whole(count: f64) -> String {
    format::count(count as i64)
}

/// Numbers, and how they differ from those of the time before, where there is one.
#[component]
fn Tiles(summary: Summary, before: Option<Summary>, filter: Filter) -> impl IntoView {
    let before = before.filter(|before| before.total_traces > 0);
    let tiles = TILES.into_iter().map(|(name, number, write, narrow)| {
        let value = write(number(&summary));
        let title = value.clone();
        let change = before.as_ref().and_then(|before| {
            let change = format::change_in_percent(number(before), number(&summary))?;
            let was = format!("{} in the time before, which is as long", write(number(before)));
            Some(view! { <span class="change" title=was>{change}</span> })
        });
        let value = match narrow {
            Some(narrow) => {
                let mut filter = filter.clone();
                narrow(&mut filter);
                view! { <a href=list_href(&Query { filter, ..Query::default() })>{value}</a> }.into_any()
            }
            None => value.into_any(),
        };
        view! { <div class="tile"><dt><span>{name}</span> {change}</dt><dd title=title>{value}</dd></div> }
    });
    view! { <dl class="tiles">{tiles.collect_view()}</dl> }
}
