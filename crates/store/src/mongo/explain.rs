use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tracellm_trace::Query;

use super::{TRACES, filter, order};
use crate::{Plan, StoreError, paging::Reading};

/// How the database would walk to the first page of a query.
pub(super) async fn plan(database: &Database, query: &Query) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    // What follows behind the first walk is what lacks a value: usually nothing.
    let reading = Reading::new(query);
    let Some(walk) = order::whole(&reading).or_else(|| order::walks(&reading).into_iter().next()) else { return Ok(plan) };
    let find = doc! {
        "find": TRACES,
        "filter": walk.of(&filter::matching(&query.filter)),
        "sort": walk.sort,
        "limit": i64::from(query.limit),
    };
    let said = database.run_command(doc! { "explain": find, "verbosity": "queryPlanner" }).await?;
    collect(&said, &mut plan);
    Ok(plan)
}

/// Reads the winning plan of each shard, or of the one server. Other plans were considered, and do not count.
fn collect(document: &Document, plan: &mut Plan) {
    for (name, value) in document {
        match (name.as_str(), value) {
            ("rejectedPlans" | "command" | "serverParameters", _) => {}
            ("stage", Bson::String(stage)) if stage == "SORT" => plan.sorts = true,
            ("indexName", Bson::String(index)) if !plan.indexes.contains(index) => plan.indexes.push(index.clone()),
            (_, Bson::Document(inner)) => collect(inner, plan),
            (_, Bson::Array(items)) => items.iter().filter_map(Bson::as_document).for_each(|inner| collect(inner, plan)),
            _ => {}
        }
    }
}
