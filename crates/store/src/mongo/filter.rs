use mongodb::bson::{Bson, Document, doc, oid::ObjectId};
use tracellm_trace::{
    DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Filter, Search, UNKNOWN_MODEL,
    search::{Bounds, Condition, Field},
};

use super::encode::date;

/// The traces that a filter matches. Taken apart field by field, so that a new one can't be forgotten here.
pub(super) fn matching(filter: &Filter) -> Document {
    let Filter {
        status,
        model,
        project_id,
        environment,
        latency_min,
        latency_max,
        token_min,
        token_max,
        from,
        to,
        last: _,
        q,
        session_id,
        user_id,
        tag,
        retried,
        slow,
    } = filter;
    let mut query = Document::new();
    if let Some(status) = status {
        query.insert("status", doc! { "$eq": status.as_str() });
    }
    if let Some(project_id) = project_id {
        query.insert("project_id", project(project_id));
    }
    for (field, name, default) in [("model_name", model, UNKNOWN_MODEL), ("environment", environment, DEFAULT_ENVIRONMENT)] {
        if let Some(name) = name {
            query.insert(field, named(name, default));
        }
    }
    for (field, name) in [("session_id", session_id), ("user_id", user_id), ("tags", tag)] {
        if let Some(name) = name {
            query.insert(field, doc! { "$eq": name });
        }
    }
    add_range(&mut query, "latency", ("$gte", *latency_min), ("$lte", *latency_max));
    add_range(&mut query, "token_count", ("$gte", *token_min), ("$lte", *token_max));
    add_range(&mut query, "created_at", ("$gte", from.map(date)), ("$lt", to.map(date)));
    if *retried {
        query.insert("retry_count", doc! { "$gt": 0 });
    }
    if *slow {
        query.insert("slow_request", true);
    }
    let conditions: Vec<Document> = q.iter().flat_map(Search::conditions).map(asked).collect();
    if !conditions.is_empty() {
        query.insert("$and", conditions);
    }
    query
}

/// What stands in a search box of fields; of words, each trace has to be asked.
fn asked(condition: &Condition) -> Document {
    let any = |field: &str, names: &[String]| doc! { field: { "$in": names } };
    let shown = |field: &str, names: &[String], default| {
        let names: Vec<_> = names.iter().map(|name| doc! { field: named(name, default) }).collect();
        doc! { "$or": names }
    };
    fn range<T: Into<Bson>>(field: &str, bounds: Bounds<T>) -> Document {
        let mut query = Document::new();
        add_range(&mut query, field, ("$gte", bounds.least), ("$lte", bounds.most));
        query
    }
    let is = match &condition.field {
        Field::Status(statuses) => doc! { "status": { "$in": statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>() } },
        Field::Model(names) => shown("model_name", names, UNKNOWN_MODEL),
        Field::Project(ids) => shown("project_id", ids, DEFAULT_PROJECT),
        Field::Environment(names) => shown("environment", names, DEFAULT_ENVIRONMENT),
        Field::Session(ids) => any("session_id", ids),
        Field::User(ids) => any("user_id", ids),
        Field::Tag(tags) => any("tags", tags),
        Field::Tool(names) => any("steps.tool_name", names),
        Field::Latency(bounds) => range("latency", *bounds),
        Field::Tokens(bounds) => range("token_count", *bounds),
        Field::Cost(bounds) => range("cost_usd", *bounds),
    };
    if condition.is_not {
        doc! { "$nor": [is] }
    } else {
        is
    }
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
