use leptos::{
    attr::{Attribute, custom::custom_attribute},
    prelude::*,
};
use tracellm_trace::{
    Query, Sort, TraceSummary,
    query::SortBy,
    search::{Place, Snippet},
};

use crate::{
    columns,
    components::StatusBadge,
    format,
    functions::STEPS_SHOWN,
    last_list::LastList,
    url::{escape, href, list_href, of_project},
    visible::visible,
};

/// The address of a trace.
pub fn trace_href(project_id: &str, trace_id: &str) -> String {
    href(&format!("/traces/{}", escape(trace_id)), &of_project("project_id", project_id))
}

/// The address of a step, from 0, on the page of the trace with this address; without one, in the file at hand.
pub fn steps_href(trace: &str, step: usize) -> String {
    let first = step / STEPS_SHOWN * STEPS_SHOWN;
    let page = if trace.is_empty() || first == 0 { trace.to_owned() } else { href(trace, &[("steps_from", first.to_string())]) };
    format!("{page}#step-{}", step + 1)
}

#[component]
pub fn TraceTable(rows: Vec<TraceSummary>, #[prop(optional)] query: Option<Query>) -> impl IntoView {
    // Where one comes from, for the way to the next trace and back.
    Effect::new(LastList::keep);
    let can_be_picked = query.is_some();
    let heading = |by, label, column| view! { <SortHeading by label column query=query.clone() /> };
    view! {
        <div class="table-frame">
            <table class="traces">
                <thead>
                    <tr>
                        <th scope="col" class="status-column">"Status"</th>
                        <th scope="col">"Prompt"</th>
                        <th scope="col" class="model-column" {..width("model")}>"Model, project"</th>
                        {heading(SortBy::Latency, "Latency", "latency")}
                        {heading(SortBy::TokenCount, "Tokens", "tokens")}
                        {heading(SortBy::CostUsd, "Cost", "cost")}
                        {heading(SortBy::CreatedAt, "Started (UTC)", "started")}
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(|row| view! { <TraceRow row can_be_picked /> }).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The width that was chosen for a column, as an attribute: the page's policy allows no inline style.
fn width(column: &str) -> impl Attribute + use<> {
    custom_attribute("width", columns::width(column).map(|width| width.to_string()))
}

/// The heading of a column; in a list, a link that sorts by it.
#[component]
fn SortHeading(by: SortBy, label: &'static str, column: &'static str, query: Option<Query>) -> impl IntoView {
    let (class, width) = (format!("number {column}-column"), width(column));
    let Some(query) = query else { return view! { <th scope="col" class={class} {..width}>{label}</th> }.into_any() };
    let (sorted, arrow, descending) = match query.sort {
        sort if sort.by != by => (None, "", true),
        Sort { descending: true, .. } => (Some("descending"), " ↓", false),
        Sort { descending: false, .. } => (Some("ascending"), " ↑", true),
    };
    let href = list_href(&Query { sort: Sort { by, descending }, cursor: None, ..query });
    view! { <th scope="col" class={class} {..width} aria-sort=sorted><a href=href>{label}{arrow}</a></th> }.into_any()
}

#[component]
fn TraceRow(
    row: TraceSummary,
    /// Something can be done with several rows.
    can_be_picked: bool,
) -> impl IntoView {
    let pick = can_be_picked.then(|| {
        view! {
            <input
                type="checkbox"
                class="pick needs-script"
                name="pick"
                autocomplete="off"
                aria-label="Select"
                value=row.trace_id.clone()
                data-project=row.project_id.clone()
            />
        }
    });
    let href = trace_href(&row.project_id, &row.trace_id);
    let prompt = match row.prompt.trim() {
        "" if row.content_removed => view! { <a href=href class="muted">"(texts removed)"</a> }.into_any(),
        "" => view! { <a href=href class="muted">"(no prompt)"</a> }.into_any(),
        prompt => view! { <a href=href>{visible(prompt)}</a> }.into_any(),
    };
    let (date, time) = format::date_and_time(row.created_at);
    let retries = (row.retry_count > 0).then(|| view! { <span class="tag">{format!("retried {}×", row.retry_count)}</span> });
    view! {
        <tr>
            <td>{pick}<StatusBadge status=row.status /></td>
            <td class="prompt">
                {prompt}
                <span class="under">
                    <span class="id">{visible(row.trace_id)}</span>
                    {row.unreadable.then(|| view! { <span class="tag warning">"not all could be read"</span> })}
                    {row.in_progress.then(|| view! { <span class="tag">"in progress"</span> })}
                    {retries}
                    {row.failure_reason.map(|reason| view! { <span class="reason">{visible(reason)}</span> })}
                </span>
                {row.snippet.map(|snippet| view! { <Found snippet /> })}
            </td>
            <td class="name">{visible(row.model_name)}<span class="under">{row.project_id} " · " {row.environment}</span></td>
            <td class="number" class:slow=row.slow_request title=format!("{} ms", row.latency)>{format::duration(row.latency)}</td>
            <td class="number">{format::count(row.token_count)}</td>
            <td class="number cost">{row.cost_usd.map_or_else(|| "–".to_owned(), format::dollars)}</td>
            <td class="number time" title=format::exact_time(row.created_at) data-at=row.created_at.millis()><span>{time} <span class="under">{date}</span></span></td>
        </tr>
    }
}

/// What a search found in a trace, and where.
#[component]
fn Found(snippet: Snippet) -> impl IntoView {
    let place = match snippet.place {
        Place::TraceId => "id".to_owned(),
        Place::Prompt => "prompt".to_owned(),
        Place::Response => "response".to_owned(),
        Place::FailureReason => "reason".to_owned(),
        Place::Step(index) => format!("step {}", index + 1),
    };
    let pieces = snippet.pieces.into_iter().map(|piece| match piece.is_hit {
        true => view! { <mark>{visible(piece.text)}</mark> }.into_any(),
        false => visible(piece.text).into_any(),
    });
    view! { <span class="snippet"><span class="place">{place}</span> " " {pieces.collect_view()}</span> }
}
