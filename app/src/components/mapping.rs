use leptos::prelude::*;
use tracellm_trace::otlp::{Explanation, FieldSource, Place, Placed, SpanPlaces};

use crate::format;

/// Which attribute gave each field of a trace, and where the others went.
#[component]
pub fn Mapping(explanation: Explanation) -> impl IntoView {
    let Explanation { fields, spans, total_spans, resource } = explanation;
    let fields = fields.into_iter().map(|FieldSource { field, from, span }| {
        let span = span.map(|(id, name)| view! { <span class="of">{format!("of {name} ({id})")}</span> });
        view! { <tr><th scope="row">{field}</th><td class="about">{from}" "{span}</td></tr> }
    });
    let shown = spans.len();
    let cut = (shown < total_spans).then(|| {
        view! { <p class="muted">{format!("Showing the first {shown} of {}.", format::things(total_spans as i64, "span"))}</p> }
    });
    let resource = (!resource.is_empty())
        .then(|| view! { <Attributes heading="Resource".to_owned() note="of what emitted the root".to_owned() attributes=resource /> });
    let spans = spans.into_iter().map(|SpanPlaces { span_id, name, scope, kind, attributes }| {
        let note = [kind.as_str(), &span_id, &scope].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        view! { <Attributes heading=name note attributes /> }
    });
    view! {
        <div class="mapping">
            <div class="table-frame">
                <table class="plain">
                    <thead><tr><th scope="col">"Field"</th><th scope="col">"From"</th></tr></thead>
                    <tbody>{fields.collect_view()}</tbody>
                </table>
            </div>
            {cut}
            {resource}
            {spans.collect_view()}
        </div>
    }
}

#[component]
fn Attributes(heading: String, note: String, attributes: Vec<Placed>) -> impl IntoView {
    let kept = attributes.iter().filter(|placed| placed.place == Place::Metadata).map(|placed| placed.count as i64).sum();
    let total = attributes.iter().map(|placed| placed.count as i64).sum();
    let rows = attributes.into_iter().map(|Placed { attribute, value, count, place }| {
        let place = match place {
            Place::Field(field) => view! { <span class="verdict good">{field}</span> }.into_any(),
            Place::SaidElsewhere => view! { <span class="verdict">"said elsewhere"</span> }.into_any(),
            Place::Metadata => view! { <span class="verdict">"metadata"</span> }.into_any(),
        };
        let count = (count > 1).then(|| format!(" × {count}"));
        view! { <tr><td class="id">{attribute}{count}</td><td>{place}</td><td class="about">{value}</td></tr> }
    });
    view! {
        <details class="panel">
            <summary>
                <strong>{heading}</strong>
                " "
                <span class="muted">{format!("{note} · {}, {} kept as metadata", format::things(total, "attribute"), format::count(kept))}</span>
            </summary>
            <div class="table-frame">
                <table class="plain">
                    <thead><tr><th scope="col">"Attribute"</th><th scope="col">"Went to"</th><th scope="col">"Value"</th></tr></thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        </details>
    }
}
