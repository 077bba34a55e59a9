use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use tracellm_trace::{Query, Status};

use crate::components::pager::{escape, list_href};

/// The filters of a list. Submitting it asks for the URL that says them; the script only leaves empty fields out of that URL.
#[component]
pub fn FilterForm(query: Query) -> impl IntoView {
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
        navigate(&format!("/traces?{parameters}"), NavigateOptions { scroll: false, ..Default::default() });
    };
    let at_once = move |event: web_sys::Event| {
        let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok());
        if let Some(form) = field.and_then(|field| field.form()) {
            // Refused only for a form that is not in the page.
            let _ = form.request_submit();
        }
    };
    let filter = query.filter.clone();
    let plain = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let whole = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let everything = list_href(&Query { limit: query.limit, ..Query::default() });
    view! {
        <form class="filters" method="get" action="/traces" role="search" aria-label="Filter traces" on:submit=submit>
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
            <Field name="model" label="Model" value=filter.model.clone().unwrap_or_default() />
            <Field name="project_id" label="Project" value=filter.project_id.clone().unwrap_or_default() />
            <Field name="environment" label="Environment" value=filter.environment.clone().unwrap_or_default() />
            <Range label="Latency, ms" low="latency_min" high="latency_max" from=plain(filter.latency_min) to=plain(filter.latency_max) />
            <Range label="Tokens" low="token_min" high="token_max" from=whole(filter.token_min) to=whole(filter.token_max) />
            {filter.from.map(|from| view! { <input type="hidden" name="from" value=from.to_string() /> })}
            {filter.to.map(|to| view! { <input type="hidden" name="to" value=to.to_string() /> })}
            {query.to_pairs().into_iter().filter(|(name, _)| matches!(*name, "sort" | "limit")).map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()}
            <div class="buttons">
                <button type="submit" class="button primary">"Filter"</button>
                {(!filter.is_empty()).then(|| view! { <a class="button" href=everything>"Clear"</a> })}
            </div>
        </form>
    }
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
        <fieldset>
            <legend>{label}</legend>
            <input type="number" min="0" step="any" name=low value=from placeholder="min" aria-label=format!("{label}, at least") />
            <span aria-hidden="true">"–"</span>
            <input type="number" min="0" step="any" name=high value=to placeholder="max" aria-label=format!("{label}, at most") />
        </fieldset>
    }
}
