use leptos::prelude::*;
use tracellm_trace::otlp::{Explanation, FieldSource, Place, Placed, SpanPlaces};

use crate::{
    components::{Heading, PlainTable},
    format,
};

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
    let resource = (!resource.is_empty()).then(
        || view! { <Attributes heading="Resource".to_owned() note="of what emitted the root".to_owned() attributes=resource left_out=0 /> },
    );
    let spans = spans.into_iter().map(|SpanPlaces { span_id, name, scope, kind, attributes, left_out }| {
        let note = [kind.as_str(), &span_id, &scope].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
        view! { <Attributes heading=name note attributes left_out /> }
    });
    view! {
        <div class="mapping">
            <PlainTable headings=vec![Heading::Text("Field"), Heading::Text("From")]>{fields.collect_view()}</PlainTable>
            {cut}
            {resource}
            {spans.collect_view()}
        </div>
    }
}

#[component]
fn Attributes(heading: String, note: String, attributes: Vec<Placed>, left_out: usize) -> impl IntoView {
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
            <PlainTable headings=vec![Heading::Text("Attribute"), Heading::Text("Went to"), Heading::Text("Value")]>{rows.collect_view()}</PlainTable>
            {(left_out > 0).then(|| view! { <p class="muted">{format!("{} more are not shown.", format::count(left_out as i64))}</p> })}
        </details>
    }
}
