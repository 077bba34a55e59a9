use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use tracellm_trace::{Filter, Last, Query, Status};

use crate::{
    components::{FacetsToCome, SearchBox},
    url::{escape, href},
};

/// Parameters that have no field; where one is set, it is shown with a link that takes it back.
const FIELDLESS: [&str; 7] = ["from", "to", "session_id", "user_id", "tag", "retried", "slow"];

/// Spans before now that one can choose.
const SPANS: [(&str, &str); 6] =
    [("15m", "15 minutes"), ("1h", "1 hour"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days")];

/// The filters of a page. Submitting it asks for the URL that says them; the script only leaves empty fields out of that URL.
#[component]
pub fn FilterForm(
    query: Query,
    action: &'static str,
    /// Whose values the search box offers.
    #[prop(optional)]
    facets: Option<FacetsToCome>,
) -> impl IntoView {
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        let Some(form) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok()) else { return };
        let Ok(data) = web_sys::FormData::new_with_form(&form) else { return };
        event.prevent_default();
        let given = Query::parameters().into_iter().filter_map(|name| {
            let value = data.get(name).as_string().filter(|value| !value.trim().is_empty())?;
            Some(format!("{name}={}", escape(value.trim())))
        });
        let parameters = given.collect::<Vec<_>>().join("&");
        navigate(&format!("{action}?{parameters}"), NavigateOptions { scroll: false, ..Default::default() });
    };
    let at_once = move |event: web_sys::Event| {
        let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok());
        if let Some(form) = field.and_then(|field| field.form()) {
            // Refused only for a form that is not in the page.
            let _ = form.request_submit();
        }
    };
    let filter = query.filter.clone();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let plain = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let whole = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let is_kept = |name: &str| matches!(name, "sort" | "limit") || FIELDLESS.contains(&name);
    let kept: Vec<_> = query.to_pairs().into_iter().filter(|(name, _)| is_kept(name)).collect();
    let everything = href(action, &Query { limit: query.limit, sort: query.sort, ..Query::default() }.to_pairs());
    let further = ["model", "project_id", "environment", "latency_min", "latency_max", "token_min", "token_max"];
    let is_further = query.to_pairs().iter().any(|(name, _)| further.contains(name));
    let has_dates = filter.from.is_some() || filter.to.is_some();
    view! {
        <form class="filters" method="get" action=action role="search" aria-label="Filter traces" on:submit=submit>
            <SearchBox value=filter.q.as_ref().map(|search| search.as_str().to_owned()) facets />
            {(!has_dates).then(|| view! { <Spans chosen=filter.last on_choice=at_once /> })}
            <label>
                <span>"Status"</span>
                <select name="status" on:change=at_once>
                    <option value="" selected=filter.status.is_none()>"any"</option>
                    {Status::ALL
                        .iter()
                        .map(|&status| {
                            view! { <option value=status.as_str() selected=filter.status == Some(status)>{status.as_str()}</option> }
                        })
                        .collect_view()}
                </select>
            </label>
            {kept.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()}
            <div class="buttons">
                <button type="submit" class="button primary">"Filter"</button>
                {(!filter.is_empty()).then(|| view! { <a class="button" href=everything>"Clear"</a> })}
            </div>
            <details class="further" open=is_further>
                <summary>"More filters"</summary>
                <div class="fields">
                    <Field name="model" label="Model" value=text(&filter.model) />
                    <Field name="project_id" label="Project" value=text(&filter.project_id) />
                    <Field name="environment" label="Environment" value=text(&filter.environment) />
                    <Range label="Latency, ms" low="latency_min" high="latency_max" from=plain(filter.latency_min) to=plain(filter.latency_max) />
                    <Range label="Tokens" low="token_min" high="token_max" from=whole(filter.token_min) to=whole(filter.token_max) />
                </div>
            </details>
        </form>
        <Chips query action />
    }
}

#[component]
fn Spans(chosen: Option<Last>, on_choice: impl Fn(web_sys::Event) + 'static) -> impl IntoView {
    let chosen = chosen.map(|last| last.to_string());
    let is_listed = chosen.as_deref().is_none_or(|chosen| SPANS.iter().any(|(value, _)| *value == chosen));
    let other = chosen.clone().filter(|_| !is_listed);
    view! {
        <label>
            <span>"Started within"</span>
            <select name="last" on:change=on_choice>
                <option value="" selected=chosen.is_none()>"any time"</option>
                {SPANS
                    .into_iter()
                    .map(|(value, label)| view! { <option value=value selected=chosen.as_deref() == Some(value)>{label}</option> })
                    .collect_view()}
                {other.map(|other| view! { <option value=other.clone() selected=true>{other.clone()}</option> })}
            </select>
        </label>
    }
}

/// What is set and has no field of its own.
#[component]
fn Chips(query: Query, action: &'static str) -> impl IntoView {
    let pairs = Query { cursor: None, ..query }.to_pairs();
    let chips = pairs.iter().filter(|(name, _)| FIELDLESS.contains(name)).map(|(name, value)| {
        let without: Vec<_> = pairs.iter().filter(|(other, _)| other != name).cloned().collect();
        let label = format!("Take back {name}");
        view! {
            <li class="chip">
                <span class="muted">{*name}</span>
                <span class="chip-value">{value.clone()}</span>
                <a href=href(action, &without) aria-label=label>"×"</a>
            </li>
        }
    });
    let chips = chips.collect_view();
    (!chips.is_empty()).then(|| view! { <ul class="chips" aria-label="Further filters">{chips}</ul> })
}

#[component]
fn Field(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    view! {
        <label>
            <span>{label}</span>
            <input type="text" name=name value=value autocomplete="off" spellcheck="false" maxlength="512" />
        </label>
    }
}

#[component]
fn Range(label: &'static str, low: &'static str, high: &'static str, from: String, to: String) -> impl IntoView {
    view! {
        <div class="range" role="group" aria-label=label>
            <span class="label" aria-hidden="true">{label}</span>
            <input type="number" min="0" step="any" name=low value=from placeholder="min" aria-label=format!("{label}, at least") />
            <span aria-hidden="true">"–"</span>
            <input type="number" min="0" step="any" name=high value=to placeholder="max" aria-label=format!("{label}, at most") />
        </div>
    }
}

/// The query of a page that has a filter and no list.
pub fn query_of(filter: &Filter) -> Query {
    Query { filter: filter.clone(), ..Query::default() }
}
