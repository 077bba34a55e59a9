use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mongodb::bson::{Bson, Document, doc, oid::ObjectId};
use tracellm_trace::{DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Filter, Timestamp, UNKNOWN_MODEL, query::Keyset};

use super::encode::date;
use crate::paging::Reading;

/// The traces that a filter matches.
pub(super) fn matching(filter: &Filter) -> Document {
    let Filter { status, model, project_id, environment, latency_min, latency_max, token_min, token_max, from, to } = filter;
    let mut query = Document::new();
    let names = [("model_name", model, UNKNOWN_MODEL), ("environment", environment, DEFAULT_ENVIRONMENT)];
    if let Some(status) = status {
        query.insert("status", doc! { "$eq": status.as_str() });
    }
    if let Some(project_id) = project_id {
        query.insert("project_id", project(project_id));
    }
    for (field, name, default) in names {
        if let Some(name) = name {
            query.insert(field, named(name, default));
        }
    }
    add_range(&mut query, "latency", ("$gte", *latency_min), ("$lte", *latency_max));
    add_range(&mut query, "token_count", ("$gte", *token_min), ("$lte", *token_max));
    add_range(&mut query, "created_at", ("$gte", from.map(date)), ("$lt", to.map(date)));
    query
}

/// The condition for a trace that is shown under this id. Others may have stored it as something else than text, or only as `_id`.
pub(super) fn trace_id(id: &str) -> Document {
    let as_text = Bson::from(id);
    let as_object_id = ObjectId::parse_str(id).ok().map(Bson::from);
    let as_number = id.parse::<i64>().map(Bson::from).or_else(|_| id.parse::<f64>().map(Bson::from)).ok();
    let forms: Vec<Bson> = [as_text].into_iter().chain(as_object_id).chain(as_number).collect();
    if forms.len() == 1 {
        return doc! { "trace_id": { "$eq": id } };
    }
    doc! { "$or": [{ "trace_id": { "$in": &forms } }, { "_id": { "$in": &forms }, "trace_id": Bson::Null }] }
}

/// The condition for a project's traces.
pub(super) fn project(project_id: &str) -> Document {
    named(project_id, DEFAULT_PROJECT)
}

/// Equality with a name. A document of another writer without one is shown under the default's, so it is found there too.
fn named(name: &str, default: &str) -> Document {
    if name == default {
        doc! { "$in": [name, "", Bson::Null] }
    } else {
        doc! { "$eq": name }
    }
}

fn add_range<T: Into<Bson>>(query: &mut Document, field: &str, low: (&str, Option<T>), high: (&str, Option<T>)) {
    let bounds: Document = [low, high].into_iter().filter_map(|(operator, bound)| Some((operator.to_owned(), bound?.into()))).collect();
    if !bounds.is_empty() {
        query.insert(field, bounds);
    }
}

/// A value of the order of a list as the text that a cursor carries. What others stored there need not be text.
pub(super) fn place_text(value: Option<&Bson>) -> String {
    match value {
        Some(Bson::String(text)) if !text.starts_with(NO_TEXT) => text.clone(),
        other => {
            let bytes = doc! { "": other.cloned().unwrap_or(Bson::Null) }.to_vec().unwrap_or_default();
            format!("{NO_TEXT}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
        }
    }
}

/// Behind this stands a value that is no text; none of our identifiers begins so.
const NO_TEXT: char = '\0';

fn place_value(text: &str) -> Bson {
    let Some(encoded) = text.strip_prefix(NO_TEXT) else { return text.into() };
    let document = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| Document::from_reader(bytes.as_slice()).ok());
    document.and_then(|mut document| document.remove("")).unwrap_or(Bson::Null)
}

/// Values of a field behind that of a place. As an expression it compares values of any type, in the order in which they are sorted.
fn compared(field: &str, operator: &str, place: &str) -> Document {
    doc! { operator: [{ "$ifNull": [format!("${field}"), Bson::Null] }, { "$literal": place_value(place) }] }
}

/// A stretch of the order in which a list is read: its condition, and the order within it.
pub(super) struct Stretch {
    pub condition: Document,
    pub sort: Document,
}

/// The stretches that lie behind the place a page is read from, in order of reading.
///
/// Each is one walk along one index, where a single `$or` would sort. Documents of others may have no date for `created_at`; they stand,
/// by their ids, where the year 1 begins.
pub(super) fn stretches(reading: &Reading) -> Vec<Stretch> {
    let (direction, behind) = if reading.ascending { (1, "$gt") } else { (-1, "$lt") };
    let dates = doc! { "$gt": date(Timestamp::MIN), "$lte": date(Timestamp::MAX) };
    let by_ids = doc! { "trace_id": direction, "project_id": direction };
    let by_time = doc! { "created_at": direction, "trace_id": direction, "project_id": direction };
    let undated = Stretch { condition: doc! { "created_at": { "$not": dates.clone() } }, sort: by_ids.clone() };
    let dated = |dates: Document| Stretch { condition: doc! { "created_at": dates }, sort: by_time.clone() };
    let Some(Keyset { created_at, trace_id, project_id }) = reading.behind else {
        return if reading.ascending { vec![undated, dated(dates)] } else { vec![dated(dates), undated] };
    };
    let is_dated = *created_at > Timestamp::MIN;
    let same_time = if is_dated {
        doc! { "$eq": date(*created_at) }
    } else {
        doc! { "$not": dates.clone() }
    };
    let same_id = doc! { "$and": [compared("trace_id", "$eq", trace_id), compared("project_id", behind, project_id)] };
    let next_ids = doc! { "$or": [compared("trace_id", behind, trace_id), same_id] };
    let mut stretches = vec![Stretch { condition: doc! { "created_at": same_time, "$expr": next_ids }, sort: by_ids }];
    match (reading.ascending, is_dated) {
        (true, true) => stretches.push(dated(doc! { "$gt": date(*created_at), "$lte": date(Timestamp::MAX) })),
        (true, false) => stretches.push(dated(dates)),
        (false, true) => stretches.extend([dated(doc! { "$gt": date(Timestamp::MIN), "$lt": date(*created_at) }), undated]),
        (false, false) => {}
    }
    stretches
}
