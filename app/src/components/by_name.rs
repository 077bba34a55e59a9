use leptos::prelude::*;
use tracellm_trace::{
    FacetBy, Filter,
    stats::{self, Summary},
};

use super::{Heading, PlainTable, facet_list::link};
use crate::{ApiError, format};

/// Numbers of each model and each tool. They come when they are counted, and the page does not wait for them.
#[component]
pub fn ByName(numbers: Resource<Result<stats::ByName, ApiError>>, #[prop(into)] filter: Signal<Filter>) -> impl IntoView {
    let shown = move || {
        let filter = filter.get();
        Suspend::new(async move {
            // What can't be counted is told by the page around it.
            let stats::ByName { models, more_models, tools, is_partial } = numbers.await.ok()?;
            Some(view! {
                <Models models more=more_models filter=filter.clone() />
                <Tools tools filter is_partial />
            })
        })
    };
    view! { <div class="by-name"><Transition>{shown}</Transition></div> }
}

#[component]
fn Models(models: Vec<(String, Summary)>, more: u64, filter: Filter) -> impl IntoView {
    let headings = vec![
        Heading::Text("Model"),
        Heading::Number("Traces"),
        Heading::Number("Failed"),
        Heading::Number("Median"),
        Heading::Number("p95"),
        Heading::Number("p99"),
        Heading::Number("Tokens"),
        Heading::Number("Cost"),
    ];
    let rows = models.into_iter().map(|(model, numbers)| {
        let failed = if numbers.total_traces == 0 { 0.0 } else { numbers.failed_traces as f64 / numbers.total_traces as f64 * 100.0 };
        view! {
            <tr>
                <td class="about">{link(&filter, FacetBy::Model, model)}</td>
                <td class="number">{format::count(format::whole(numbers.total_traces))}</td>
                <td class="number">{format::percent(failed)}</td>
                <td class="number">{format::duration(numbers.p50_latency)}</td>
                <td class="number">{format::duration(numbers.p95_latency)}</td>
                <td class="number">{format::duration(numbers.p99_latency)}</td>
                <td class="number">{format::count(numbers.total_token_usage)}</td>
                <td class="number">{format::dollars(numbers.total_cost_usd)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section aria-labelledby="by-model">
            <h2 id="by-model">"By model"</h2>
            <PlainTable headings>{rows}</PlainTable>
            {(more > 0).then(|| view! { <p class="muted more">{format!("and {} with fewer traces", format::things(format::whole(more), "model"))}</p> })}
        </section>
    }
}

#[component]
fn Tools(
    tools: Vec<(String, u64, Option<u64>)>,
    filter: Filter,
    /// Not everything is counted yet.
    is_partial: bool,
) -> impl IntoView {
    let headings = vec![Heading::Text("Tool"), Heading::Number("Traces"), Heading::Number("Of them failed")];
    let rows = tools.into_iter().map(|(tool, traces, failed)| {
        let share = failed.map_or_else(|| "–".to_owned(), |failed| format::percent(failed as f64 / traces.max(1) as f64 * 100.0));
        view! {
            <tr>
                <td class="about">{link(&filter, FacetBy::Tool, tool)}</td>
                <td class="number">{format::count(format::whole(traces))}</td>
                <td class="number">{share}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    (!rows.is_empty()).then(|| {
        view! {
            <section aria-labelledby="by-tool">
                <h2 id="by-tool">"By tool"</h2>
                <PlainTable headings>{rows}</PlainTable>
                {is_partial.then(|| view! { <p class="muted more">"Tools of traces that came lately are still to be counted."</p> })}
            </section>
        }
    })
}
