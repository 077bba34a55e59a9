use leptos::prelude::*;
use tracellm_trace::{Filter, Selection, Standout};

use super::{Heading, PlainTable, facet_list::link};
use crate::format;

/// What selected traces have more often than the others, each with a way to those that have it.
#[component]
pub fn Standouts(
    selection: Selection,
    /// The filter of what is selected.
    selected: Filter,
) -> impl IntoView {
    let Selection { standouts, is_partial, .. } = selection;
    if standouts.is_empty() {
        return view! { <p class="muted">"No model, tool, project, environment, status or tag is more frequent here than elsewhere."</p> }
            .into_any();
    }
    let rows = standouts.into_iter().map(|Standout { by, value, traces, inside, outside }| {
        let percent = |share: f64| format::percent(share * 100.0);
        view! {
            <tr>
                <td class="about"><span class="muted">{by.as_str()}</span> " " {link(&selected, by, value)}</td>
                <td class="number" title=format::things(format::whole(traces), "trace")>{percent(inside)}</td>
                <td class="number">{percent(outside)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <PlainTable class="standouts" headings=vec![Heading::Text("More frequent here"), Heading::Number("Here"), Heading::Number("Elsewhere")]>
            {rows}
        </PlainTable>
        {is_partial.then(|| view! { <p class="muted">"Not everything was counted: it would have taken too long."</p> })}
    }
    .into_any()
}
