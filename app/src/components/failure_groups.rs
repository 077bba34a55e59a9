use leptos::prelude::*;
use tracellm_trace::{FailureGroup, FailureGroups, Filter, GroupState, Query, Search, Status};

use crate::{
    components::{ErrorPanel, Heading, PlainTable, trace_href},
    format,
    functions::decide_group,
    url::list_href,
    visible::visible,
};

/// Failures by what went wrong, each kind with how often, since when, and what was decided about it.
#[component]
pub fn FailureKinds(found: FailureGroups, filter: Filter) -> impl IntoView {
    let FailureGroups { groups, looked_at, is_capped } = found;
    let count = groups.len() as i64;
    let decide = Action::new(|(project_id, fingerprint, state): &(String, String, GroupState)| {
        decide_group(project_id.clone(), fingerprint.clone(), *state)
    });
    let rows = groups.into_iter().map(|group| view! { <GroupRow group filter=filter.clone() decide /> }).collect_view();
    let looked_at = format::things(format::whole(looked_at), "failed trace");
    (count > 0).then(|| {
        view! {
            <section class="kind">
                <h2>"By what went wrong " <span class="muted">{format::count(count)}</span></h2>
                <PlainTable class="groups" headings=vec![
                    Heading::Text("State"),
                    Heading::Text("Reason"),
                    Heading::Number("Traces"),
                    Heading::Unseen("Over time"),
                    Heading::Text("First seen (UTC)"),
                    Heading::Text("Last seen"),
                    Heading::Unseen("Decide"),
                ]>{rows}</PlainTable>
                {is_capped.then(|| view! { <p class="muted more">{format!("Of the newest {looked_at}; there are more.")}</p> })}
                {move || decide.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> })}
            </section>
        }
    })
}

type Decide = Action<(String, String, GroupState), Result<(), crate::ApiError>>;

#[component]
fn GroupRow(group: FailureGroup, filter: Filter, decide: Decide) -> impl IntoView {
    let state = RwSignal::new(group.state);
    // As far as it can be told by words, beside those that are asked for anyway.
    let asked = filter.q.as_ref().map(Search::as_str).unwrap_or_default();
    let open = if asked.matches('"').count() % 2 == 1 { "\"" } else { "" };
    let q = group.phrase().and_then(|phrase| Search::parse(&format!("{asked}{open} {phrase}")).ok()).or(filter.q.clone());
    let narrow = Filter { project_id: Some(group.project_id.clone()), status: Some(Status::Failed), q, ..filter };
    let list = list_href(&Query { filter: narrow, ..Query::default() });
    let newest = trace_href(&group.project_id, &group.trace_id);
    let count = format::count(format::whole(group.count));
    let name = if group.reason.trim().is_empty() { "(no reason)".to_owned() } else { group.reason.clone() };
    let most = group.over_time.iter().copied().max().unwrap_or(0).max(1);
    let bars = group.over_time.iter().enumerate().filter(|(_, count)| **count > 0).map(|(part, count)| {
        let height = f64::from(*count) / f64::from(most) * 10.0;
        view! { <rect x=part y=format!("{:.2}", 10.0 - height) width="0.8" height=format!("{height:.2}") /> }
    });
    let key = StoredValue::new((group.project_id.clone(), group.fingerprint.clone()));
    let set = move |next: GroupState| {
        // Shown at once; where it can't be kept, the error below the table says so.
        state.set(next);
        let (project_id, fingerprint) = key.get_value();
        decide.dispatch((project_id, fingerprint, next));
    };
    let buttons = move || {
        let button = |label: &'static str, next: GroupState| {
            view! { <button type="button" class="copy" on:click=move |_| set(next)>{label}</button> }
        };
        match state.get() {
            GroupState::Open | GroupState::Regressed => {
                view! { {button("Resolve", GroupState::Resolved)} {button("Mute", GroupState::Muted)} }.into_any()
            }
            GroupState::Resolved | GroupState::Muted => button("Open again", GroupState::Open).into_any(),
        }
    };
    view! {
        <tr class=move || state.get().as_str()>
            <td><span class="tag">{move || state.get().as_str()}</span></td>
            <td class="about">
                <a href=newest title=group.fingerprint>{visible(name)}</a>
                <span class="under">{group.project_id}</span>
            </td>
            <td class="number"><a href=list>{count}</a></td>
            <td><svg class="spark" viewBox="0 0 24 10" preserveAspectRatio="none" aria-hidden="true">{bars.collect_view()}</svg></td>
            <td>{format::time(group.first_seen)}</td>
            <td>{format::time(group.last_seen)}</td>
            <td><span class="needs-script">{buttons}</span></td>
        </tr>
    }
}
