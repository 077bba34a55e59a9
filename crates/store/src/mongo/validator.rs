use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
    error::ErrorKind,
};
use tracellm_trace::Status;

use super::TRACES;
use crate::StoreError;

/// What a rule of ours is known by.
const TITLE: &str = "a trace of TraceLLM";

/// A field of the contract: its name, the types it may have, and whether every document has it.
type Field = (&'static str, &'static [&'static str], bool);

const TEXT: &[&str] = &["string"];
const TEXT_OR_NULL: &[&str] = &["string", "null"];
const NUMBER: &[&str] = &["double", "int", "long", "decimal"];
const COUNT: &[&str] = &["int", "long"];
const COUNT_OR_NULL: &[&str] = &["int", "long", "null"];
const OBJECT: &[&str] = &["object", "null"];

const OF_A_TRACE: &[Field] = &[
    ("trace_id", TEXT, true),
    ("prompt", TEXT, true),
    ("response", TEXT_OR_NULL, true),
    ("latency", NUMBER, true),
    ("token_count", COUNT, true),
    ("model_name", TEXT, true),
    ("project_id", TEXT, true),
    ("project_name", TEXT_OR_NULL, false),
    ("api_key", TEXT_OR_NULL, false),
    ("environment", TEXT, true),
    ("status", TEXT, true),
    ("retry_count", COUNT, true),
    ("slow_request", &["bool"], true),
    ("failure_reason", TEXT_OR_NULL, true),
    ("created_at", &["date"], true),
    ("updated_at", &["date"], true),
    ("input_tokens", COUNT_OR_NULL, false),
    ("output_tokens", COUNT_OR_NULL, false),
    ("cached_tokens", COUNT_OR_NULL, false),
    ("reasoning_tokens", COUNT_OR_NULL, false),
    ("cost_usd", &["double", "int", "long", "decimal", "null"], false),
    ("session_id", TEXT_OR_NULL, false),
    ("user_id", TEXT_OR_NULL, false),
    ("metadata", OBJECT, false),
];

const OF_A_STEP: &[Field] = &[
    ("step_id", TEXT, true),
    ("tool_name", TEXT, true),
    ("input", &["object"], true),
    ("output", &["object"], true),
    ("duration", NUMBER, true),
    ("success", &["bool"], true),
    ("timestamp", &["date"], true),
];

/// Tells the database what traces look like, in a mode that warns: other writers are not shut out. A rule of someone else's stays, and a
/// database that takes none works without.
pub(super) async fn ensure(database: &Database) -> Result<(), StoreError> {
    match set(database).await {
        Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(_)) => {
            tracing::debug!("no validator on `{TRACES}`: {error}");
            Ok(())
        }
        done => Ok(done?),
    }
}

async fn set(database: &Database) -> mongodb::error::Result<()> {
    let wanted = doc! { "$jsonSchema": schema() };
    let how = doc! { "validator": wanted.clone(), "validationLevel": "moderate", "validationAction": "warn" };
    let with = |command: &str| {
        let mut asked = doc! { command: TRACES };
        asked.extend(how.clone());
        asked
    };
    match standing(database).await? {
        None => {
            let made = database.run_command(with("create")).await;
            let is_there = |code| code == 48;
            match made {
                Err(error) if !matches!(error.kind.as_ref(), ErrorKind::Command(failed) if is_there(failed.code)) => Err(error),
                _ => Ok(()),
            }
        }
        Some(found) if found == wanted || !(found.is_empty() || is_ours(&found)) => Ok(()),
        Some(_) => database.run_command(with("collMod")).await.map(drop),
    }
}

/// The rule that stands; none where there is no collection yet.
pub(super) async fn standing(database: &Database) -> mongodb::error::Result<Option<Document>> {
    let found = database.list_collections().filter(doc! { "name": TRACES }).await?.try_next().await?;
    Ok(found.map(|found| found.options.validator.unwrap_or_default()))
}

pub(super) fn is_ours(validator: &Document) -> bool {
    validator.get_document("$jsonSchema").and_then(|schema| schema.get_str("title")).is_ok_and(|title| title == TITLE)
}

fn schema() -> Document {
    let required = |fields: &[Field]| fields.iter().filter(|(_, _, required)| *required).map(|(name, ..)| Bson::from(*name)).collect();
    let properties = |fields: &[Field]| -> Document {
        fields.iter().map(|(name, types, _)| ((*name).to_owned(), doc! { "bsonType": types.to_vec() }.into())).collect()
    };
    let mut of_a_trace = properties(OF_A_TRACE);
    for count in ["latency", "token_count", "retry_count"] {
        if let Ok(rule) = of_a_trace.get_document_mut(count) {
            rule.insert("minimum", 0);
        }
    }
    of_a_trace.insert("status", doc! { "enum": statuses() });
    let step = doc! { "bsonType": "object", "required": required(OF_A_STEP), "properties": properties(OF_A_STEP) };
    of_a_trace.insert("steps", doc! { "bsonType": "array", "items": step });
    of_a_trace.insert("tags", doc! { "bsonType": ["array", "null"], "items": { "bsonType": "string" } });
    let mut all: Vec<Bson> = required(OF_A_TRACE);
    all.push("steps".into());
    doc! { "title": TITLE, "bsonType": "object", "required": all, "properties": of_a_trace }
}

/// The documents that the schema would not take, as a query of plain conditions.
pub(super) fn misfits() -> Document {
    let misfit = |(name, types, required): &Field| match required {
        true => doc! { *name: { "$not": { "$type": types.to_vec() } } },
        false => doc! { *name: { "$exists": true, "$not": { "$type": types.to_vec() } } },
    };
    let mut any: Vec<Document> = OF_A_TRACE.iter().map(misfit).collect();
    any.extend(["latency", "token_count", "retry_count"].map(|count| doc! { count: { "$lt": 0 } }));
    any.push(doc! { "status": { "$nin": statuses() } });
    any.push(doc! { "$nor": [{ "steps": { "$type": "array" } }] });
    any.extend(OF_A_STEP.iter().map(|field| doc! { "steps": { "$elemMatch": misfit(field) } }));
    doc! { "$or": any }
}

fn statuses() -> Vec<&'static str> {
    Status::ALL.iter().map(|status| status.as_str()).collect()
}
