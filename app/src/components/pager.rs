use leptos::prelude::*;
use tracellm_trace::{Cursor, Query};

use crate::url::list_href;

#[component]
pub fn Pager(
    query: Query,
    previous: Option<Cursor>,
    next: Option<Cursor>,
    /// The page ends where a search has stopped.
    #[prop(optional)]
    stopped: bool,
) -> impl IntoView {
    let link = |cursor: Option<Cursor>, rel: &'static str, label: &'static str| match cursor {
        Some(cursor) => view! { <a class="button" rel=rel href=list_href(&query.at(Some(cursor)))>{label}</a> }.into_any(),
        None => view! { <span class="button" aria-disabled="true">{label}</span> }.into_any(),
    };
    view! {
        <nav class="pager" aria-label="Pages of the list">
            {link(previous, "prev", "Previous")}
            {link(next, "next", if stopped { "Search further" } else { "Next" })}
        </nav>
    }
}
