use leptos::prelude::*;
use tracellm_trace::{
    Coverage, Facet, FacetBy, FacetValue, Facets, Filter, Query, Search, Status,
    search::{condition, pieces},
};

use crate::{
    ApiError, format,
    url::{href, list_href},
    visible::visible,
};

/// Facets that are still being counted.
pub type FacetsToCome = Resource<Result<Facets, ApiError>>;

/// Values that stand open; the others are behind a summary.
const OPEN: usize = 8;

/// What one can narrow a page down to, with counts. It comes when it is counted, and the page does not wait for it.
#[component]
pub fn FacetList(facets: FacetsToCome, query: Query, action: &'static str) -> impl IntoView {
    let groups = move || {
        let query = query.clone();
        Suspend::new(async move {
            // What can't be counted is told by the list beside it.
            let Facets { facets, coverage } = facets.await.ok()?;
            let groups = facets.into_iter().filter(|facet| !facet.values.is_empty());
            let groups = groups.map(|facet| view! { <Group facet query=query.clone() action /> }).collect_view();
            let note = coverage.map(|Coverage { until, not_indexed }| {
                let until = until.map(|until| format!("Counted over what started {} or later. ", format::exact_time(until)));
                let lately = (not_indexed > 0).then(|| {
                    let traces = format::things(format::whole(not_indexed), "trace");
                    format!("Tools and tags of {traces} stored lately are still to be counted.")
                });
                view! { <p class="muted coverage">{until}{lately}</p> }
            });
            Some(view! { {groups} {note} })
        })
    };
    view! {
        <aside class="facets" aria-label="Narrow down">
            <Transition>{groups}</Transition>
        </aside>
    }
}

#[component]
fn Group(facet: Facet, query: Query, action: &'static str) -> impl IntoView {
    let Facet { by, mut values, more } = facet;
    let most = values.first().map_or(1, |first| first.traces.max(1));
    let behind = values.split_off(values.len().min(OPEN));
    let list = move |values: Vec<FacetValue>| {
        let row = |FacetValue { value, traces }| {
            let (is_chosen, filter) = narrowed(&query.filter, by, &value)?;
            let href = href(action, &Query { filter, cursor: None, ..query.clone() }.to_pairs());
            let share = format!("{:.1}", traces as f64 / most as f64 * 100.0);
            Some(view! {
                <li>
                    <a href=href aria-current=is_chosen.then_some("true") title=value.clone()>
                        <svg class="share" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 1"><rect width=share height="1" /></svg>
                        <span class="facet-value">{if value.is_empty() { "(empty)".to_owned() } else { value.clone() }}</span>
                        <span class="number">{format::count(format::whole(traces))}</span>
                    </a>
                </li>
            })
        };
        view! { <ul>{values.into_iter().map(row).collect_view()}</ul> }
    };
    let further = behind.len() as u64 + more;
    let rest = (!behind.is_empty()).then(|| {
        let note = (more > 0).then(|| view! { <p class="muted">{format!("and {more} rarer ones")}</p> });
        view! { <details><summary>{format!("{further} more")}</summary>{list(behind)}{note}</details> }
    });
    view! { <section class="facet"><h2>{heading(by)}</h2>{list(values)}{rest}</section> }
}

fn heading(by: FacetBy) -> &'static str {
    match by {
        FacetBy::Status => "Status",
        FacetBy::Model => "Model",
        FacetBy::Project => "Project",
        FacetBy::Environment => "Environment",
        FacetBy::Tool => "Tool",
        FacetBy::Tag => "Tag",
    }
}

/// The field of a filter that says it, and what the search box says.
fn field(filter: &mut Filter, by: FacetBy) -> Option<&mut Option<String>> {
    match by {
        FacetBy::Model => Some(&mut filter.model),
        FacetBy::Project => Some(&mut filter.project_id),
        FacetBy::Environment => Some(&mut filter.environment),
        FacetBy::Tag => Some(&mut filter.tag),
        FacetBy::Status | FacetBy::Tool => None,
    }
}

/// A value that leads to the traces that have it, of those that match.
pub(super) fn link(filter: &Filter, by: FacetBy, name: String) -> AnyView {
    let narrowed = narrowed(filter, by, &name).map(|(is_chosen, narrowed)| if is_chosen { filter.clone() } else { narrowed });
    let shown = visible(name);
    match narrowed {
        Some(filter) => view! { <a href=list_href(&Query { filter, ..Query::default() })>{shown}</a> }.into_any(),
        None => shown.into_any(),
    }
}

/// Whether a filter asks for a value, and the filter of its link: with it, or without it where it is there. None where it can't be said.
fn narrowed(filter: &Filter, by: FacetBy, value: &str) -> Option<(bool, Filter)> {
    let mut filter = filter.clone();
    let typed = condition(by.as_str(), value);
    let text = filter.q.as_ref().map(|search| search.as_str().to_owned()).unwrap_or_default();
    if typed.as_deref().is_some_and(|typed| pieces(&text).any(|piece| piece == typed)) {
        let left: Vec<_> = pieces(&text).filter(|piece| typed.as_deref() != Some(piece)).collect();
        filter.q = Some(left.join(" ")).filter(|text| !text.trim().is_empty()).and_then(|text| Search::parse(&text).ok());
        return Some((true, filter));
    }
    if by == FacetBy::Status {
        let status = Status::from_word(value);
        let is_chosen = filter.status == status;
        filter.status = status.filter(|_| !is_chosen);
        return Some((is_chosen, filter));
    }
    if let Some(field) = field(&mut filter, by) {
        let is_chosen = field.as_deref() == Some(value);
        *field = (!is_chosen).then(|| value.to_owned());
        return Some((is_chosen, filter));
    }
    filter.q = Some(Search::parse(&format!("{text} {}", typed?)).ok()?);
    Some((false, filter))
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{FacetBy, Filter, Search, Status};

    use super::narrowed;

    #[test]
    fn a_link_narrows_and_takes_back() {
        let none = Filter::default();
        let cases = [
            (FacetBy::Status, "failed", "status=failed"),
            (FacetBy::Model, "gpt-4o", "model=gpt-4o"),
            (FacetBy::Tag, "a b", "tag=a b"),
            (FacetBy::Tool, "track it", "q=tool:\"track it\""),
        ];
        for (by, value, said) in cases {
            let (is_chosen, filter) = narrowed(&none, by, value).unwrap();
            let pairs: Vec<String> = filter.to_pairs().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!((is_chosen, pairs.join("&").as_str()), (false, said));
            assert_eq!(narrowed(&filter, by, value), Some((true, none.clone())), "{said}");
        }
        let typed = Filter { q: Some(Search::parse("a status:failed \"b c\"").unwrap()), ..none.clone() };
        let left = Filter { q: Some(Search::parse("a \"b c\"").unwrap()), ..none.clone() };
        assert_eq!(narrowed(&typed, FacetBy::Status, "failed"), Some((true, left)));
        let (_, both) = narrowed(&typed, FacetBy::Tool, "x").unwrap();
        assert_eq!(both.q.unwrap().as_str(), "a status:failed \"b c\" tool:x");
        assert!(narrowed(&none, FacetBy::Tool, "with \"").is_none());
        assert_eq!(narrowed(&none, FacetBy::Status, "failed").unwrap().1.status, Some(Status::Failed));
    }
}
