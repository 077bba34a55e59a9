use leptos::prelude::*;
use tracellm_trace::{Filter, Query, stats::Count};

use crate::{format, url::list_href};

/// Names that are drawn; the rest is said.
const SHOWN: usize = 8;

/// Counts by name, most first, each a link to the traces that it counts.
#[component]
pub fn Breakdown(heading: &'static str, counts: Vec<Count>, filter: Filter, parameter: &'static str) -> impl IntoView {
    let most = counts.first().map_or(1, |first| first.count.max(1));
    let rest = counts.len().saturating_sub(SHOWN);
    let rows = counts.into_iter().take(SHOWN).map(|Count { key, count }| {
        let query = Query { filter: narrowed(&filter, parameter, &key), ..Query::default() };
        let width = format!("{:.2}%", count as f64 / most as f64 * 100.0);
        view! {
            <li>
                <a href=list_href(&query)>{key}</a>
                <span class="number">{format::count(i64::try_from(count).unwrap_or(i64::MAX))}</span>
                <svg class="share" aria-hidden="true"><rect width=width height="100%" rx="1.5" /></svg>
            </li>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section class="panel breakdown">
            <h2>{heading}</h2>
            <ol>{rows}</ol>
            {(rest > 0).then(|| view! { <p class="muted">{format!("and {} more", format::things(rest as i64, "name"))}</p> })}
        </section>
    }
}

/// The filter with one parameter more; a value that can't be one leaves it as it is.
fn narrowed(filter: &Filter, parameter: &'static str, value: &str) -> Filter {
    let mut pairs = filter.to_pairs();
    pairs.retain(|(name, _)| *name != parameter);
    pairs.push((parameter, value.to_owned()));
    Filter::from_pairs(pairs.iter().map(|(name, value)| (*name, value.as_str()))).unwrap_or_else(|_| filter.clone())
}
