use serde::{Deserialize, Serialize};

use super::{
    Span,
    fold::{Tree, in_order},
    names, step,
};
use crate::{DEFAULT_ENVIRONMENT, StepKind};

/// Where each field of a trace comes from, and where each attribute of its spans went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub fields: Vec<FieldSource>,
    /// In the order of the steps; not more than were asked for.
    pub spans: Vec<SpanPlaces>,
    pub total_spans: usize,
    /// Attributes of what emitted the root.
    pub resource: Vec<Placed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldSource {
    pub field: String,
    /// What gave it: attributes, or a rule in words.
    pub from: String,
    /// Id and name of the span that has those attributes.
    pub span: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanPlaces {
    pub span_id: String,
    pub name: String,
    pub scope: String,
    pub kind: StepKind,
    pub attributes: Vec<Placed>,
    /// Rows that are not here, as there are very many.
    pub left_out: usize,
}

/// An attribute, all that its number stands for (`llm.input_messages.*`), or an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub attribute: String,
    /// Its text, cut short; of the first where there are several.
    pub value: Option<String>,
    pub count: usize,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It gave this field of the step, or of the trace.
    Field(String),
    /// Another attribute says the same, or says it better.
    SaidElsewhere,
    /// No field is for it; it is kept in the metadata.
    Metadata,
}

/// Rows of one span.
const MOST_ROWS: usize = 2_000;

/// Explains the trace that [`super::fold`] makes of these spans; `most` spans are shown one by one.
pub fn explain(spans: &[Span], project_id: &str, most: usize) -> Explanation {
    let spans = in_order(spans);
    let tree = Tree::of(&spans);
    let resource = tree.root.map(|root| of_resource(spans[root])).unwrap_or_default();
    Explanation {
        fields: fields(&tree, project_id, &resource),
        spans: spans.iter().take(most).map(|span| of_span(span)).collect(),
        total_spans: spans.len(),
        resource,
    }
}

fn of_span(span: &Span) -> SpanPlaces {
    let (read, mut attributes) = step::explained(span);
    for event in &span.events {
        let is_one = |list: &[(&str, &str)]| list.iter().any(|(name, _)| *name == event.name);
        let place = match event.name.as_str() {
            "exception" if span.failed() => Place::Field("error".to_owned()),
            _ if is_one(names::INPUT_EVENTS) => Place::Field("input".to_owned()),
            _ if is_one(names::OUTPUT_EVENTS) => Place::Field("output".to_owned()),
            _ => Place::Metadata,
        };
        let attribute = format!("event {}", event.name);
        match attributes.iter_mut().find(|known| known.attribute == attribute) {
            Some(known) => known.count += 1,
            None => attributes.push(Placed { attribute, value: None, count: 1, place }),
        }
    }
    if span.failed() {
        let value = Some(shortened(&span.status_message));
        attributes.push(Placed { attribute: "status".to_owned(), value, count: 1, place: Place::Field("error".to_owned()) });
    }
    let left_out = attributes.len().saturating_sub(MOST_ROWS);
    attributes.truncate(MOST_ROWS);
    SpanPlaces { span_id: span.span_id.clone(), name: span.name.clone(), scope: span.scope.clone(), kind: read.kind, attributes, left_out }
}

fn of_resource(span: &Span) -> Vec<Placed> {
    let first = |names: &[&'static str]| {
        let says = |name: &str| span.resource.get(name).is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()));
        names.iter().copied().find(|name| says(name))
    };
    let (environment, project) = (first(names::ENVIRONMENT.all), first(names::PROJECT));
    let placed = span.resource.iter().map(|(name, value)| {
        let place = match Some(name.as_str()) {
            name if name == environment => Place::Field("environment".to_owned()),
            name if name == project && span.via.is_none() => Place::Field("project_id".to_owned()),
            _ => Place::Metadata,
        };
        Placed { attribute: name.clone(), value: Some(shortened(&super::attributes::text(value))), count: 1, place }
    });
    placed.collect()
}

fn fields(tree: &Tree, project_id: &str, resource: &[Placed]) -> Vec<FieldSource> {
    let sources = tree.sources();
    let by_rule = |field: &str, from: String| FieldSource { field: field.to_owned(), from, span: None };
    // What of a span gave it, by the field of the step.
    let by_span = |field: &str, place: Option<usize>, of_step: &str, otherwise: &str| {
        let Some(span) = place.map(|place| tree.spans[place]) else { return by_rule(field, otherwise.to_owned()) };
        let given = of_span(span).attributes.into_iter().filter(|placed| placed.place == Place::Field(of_step.to_owned()));
        let given: Vec<String> = given.map(|placed| placed.attribute).collect();
        let from = if given.is_empty() { otherwise.to_owned() } else { given.join(", ") };
        FieldSource { field: field.to_owned(), from, span: Some((span.span_id.clone(), span.name.clone())) }
    };
    let of_resource = |field: &str| resource.iter().find(|placed| placed.place == Place::Field(field.to_owned()));
    let root = if tree.root_missing { "the first span, as the root has not come" } else { "the root" };
    let counting = tree.counting();
    let costs = counting.iter().filter(|place| tree.reads[**place].cost.is_some()).count();
    let told = names::COST.all.iter().chain(names::COST_PARTS.all).copied().collect::<Vec<_>>().join(", ");
    let via = sources.via.and_then(|place| tree.spans[place].via.as_ref());
    let project = match (via, of_resource("project_id")) {
        (Some(via), _) => format!("the key {}", via.key_id),
        (None, Some(placed)) => format!("{} of the resource", placed.attribute),
        (None, None) => format!("none of {} is in the resource: `{project_id}`", names::PROJECT.join(", ")),
    };
    let environment = match (sources.environment, via, of_resource("environment")) {
        (Some(_), _, Some(placed)) => by_rule("environment", format!("{} of the resource", placed.attribute)),
        (Some(place), ..) => by_span("environment", Some(place), "environment", "its resource"),
        (None, Some(via), _) => by_rule("environment", format!("the key {}", via.key_id)),
        (None, None, _) => by_rule("environment", format!("nothing says it: `{DEFAULT_ENVIRONMENT}`")),
    };
    let status = match sources.failure {
        Some(place) if Some(place) == tree.root => "the root failed",
        Some(_) => "a span failed, and the root did not",
        None => "no span failed",
    };
    let tokens = match counting.len() {
        0 => "no span tells any".to_owned(),
        1 => "the one span that counts".to_owned(),
        counting => format!("the sum of {counting} spans: of model calls those with none below them"),
    };
    let cost = match (costs, counting.len()) {
        (0, _) => format!("no span tells one, nor tokens of a model that is in the price table of {}", super::prices::date()),
        (costs, counting) => {
            format!("{costs} of {counting} spans: {}, else the price table of {}", told, super::prices::date())
        }
    };
    vec![
        by_span("prompt", sources.prompt, "input", &format!("the name of {root}: no span has an input")),
        by_span("response", sources.response, "output", "no span has an output"),
        match sources.model {
            Some(_) => by_span("model_name", sources.model, "model_name", "the model in llm.invocation_parameters"),
            None => by_rule("model_name", "no span names one".to_owned()),
        },
        by_rule("status", status.to_owned()),
        by_span("failure_reason", sources.failure, "error", "no span failed"),
        by_rule("token_count", tokens),
        by_rule("cost_usd", cost),
        by_rule("project_id", project),
        environment,
        by_span("session_id", sources.session, "session_id", "no span names one"),
        by_span("user_id", sources.user, "user_id", "no span names one"),
        by_rule("created_at, latency", "the earliest start, and the latest end, of all spans".to_owned()),
    ]
}

/// The beginning of a text, in one line.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    let mut line: String = text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        line.push('…');
    }
    line
}
