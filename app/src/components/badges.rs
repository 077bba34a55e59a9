use leptos::prelude::*;
use tracellm_trace::Status;

/// A status as word and colour.
#[component]
pub fn StatusBadge(status: Status) -> impl IntoView {
    view! { <span class=format!("status {status}")>{status.as_str()}</span> }
}

/// Characters of a value that always fit; of longer ones the whole is in the title too.
const LONG: usize = 48;

/// A named value in a `<dl>`.
#[component]
pub fn Fact(name: &'static str, #[prop(into)] value: String, #[prop(optional, into)] title: Option<String>) -> impl IntoView {
    let title = title.or_else(|| (value.chars().count() > LONG).then(|| value.clone()));
    view! {
        <div class="fact">
            <dt>{name}</dt>
            <dd title=title>{value}</dd>
        </div>
    }
}
