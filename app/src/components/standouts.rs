use leptos::prelude::*;
use tracellm_trace::{Filter, Prompt, Query, Search, Selection, Standout};

use super::{Heading, PlainTable, facet_list::link};
use crate::{format, url::list_href, visible::visible};

/// What selected traces have more often than the others, each with a way to those that have it.
#[component]
pub fn Standouts(
    selection: Selection,
    /// The filter of what is selected.
    selected: Filter,
) -> impl IntoView {
    let Selection { standouts, prompts, is_partial, .. } = selection;
    if standouts.is_empty() && prompts.is_empty() {
        return view! { <p class="muted">"No model, tool, project, environment, status, tag or prompt is more frequent here than elsewhere."</p> }
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
    let prompts = prompts.into_iter().map(|Prompt { prompt, traces, inside, outside }| {
        let percent = |share: f64| format::percent(share * 100.0);
        let asked = Query { filter: Filter { q: phrase(&prompt), ..selected.clone() }, ..Query::default() };
        view! {
            <tr>
                <td class="about"><span class="muted">"prompt"</span> " " <a href=list_href(&asked)>{visible(prompt)}</a></td>
                <td class="number" title=format!("of the newest {}", format::things(format::whole(traces), "trace"))>{percent(inside)}</td>
                <td class="number">{percent(outside)}</td>
            </tr>
        }
    });
    let prompts = prompts.collect_view();
    view! {
        <PlainTable class="standouts" headings=vec![Heading::Text("More frequent here"), Heading::Number("Here"), Heading::Number("Elsewhere")]>
            {rows}
            {prompts}
        </PlainTable>
        {is_partial.then(|| view! { <p class="muted">"Not everything was counted: it would have taken too long."</p> })}
    }
    .into_any()
}

/// A search for the first words of a prompt, as they follow each other.
fn phrase(prompt: &str) -> Option<Search> {
    /// Words are enough to tell prompts apart.
    const WORDS: usize = 12;
    let words: Vec<_> =
        prompt.split_whitespace().map(|word| word.replace(['"', '…'], "")).filter(|word| !word.is_empty()).take(WORDS).collect();
    Search::parse(&format!("\"{}\"", words.join(" "))).ok()
}
