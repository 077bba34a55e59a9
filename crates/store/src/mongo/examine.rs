use std::{collections::HashMap, time::Instant};

use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database, IndexModel,
    bson::{Bson, Document, RawDocumentBuf, doc},
    error::ErrorKind,
};
use tracellm_trace::{Check, Diagnosis, Index, Timestamp};

use super::{TRACES, connect::is_router, decode, indexes, validator};
use crate::{StoreError, ingest::now};

/// Documents that are looked at where not all are.
const SAMPLE: i64 = 1_000;
/// Clocks may differ by this much, in ms.
const SKEW_MS: i64 = 2_000;
/// Less free space than this, or than a tenth, is little.
const LITTLE_SPACE: f64 = 2e9;
/// The oldest server that works, and the oldest that its makers still mend.
const OLDEST: (u32, u32) = (4, 4);
const OLDEST_MAINTAINED: (u32, u32) = (7, 0);

pub(super) async fn examine(database: &Database, thorough: bool) -> Result<Diagnosis, StoreError> {
    let admin = database.client().database("admin");
    let asked = now();
    let hello = admin.run_command(doc! { "hello": 1 }).await?;
    let answered = now();
    let build = admin.run_command(doc! { "buildInfo": 1 }).await?;
    let server_version = build.get_str("version").unwrap_or("unknown").to_owned();
    let deployment = deployment(&hello);
    let traces = database.collection::<RawDocumentBuf>(TRACES);
    let checks = vec![
        version(&server_version),
        topology(&hello, &deployment),
        clock(&hello, asked, answered),
        writes(&traces).await?,
        space(database).await,
        schema(database).await?,
        documents(&traces, thorough).await?,
    ];
    let place = format!("database {}, {deployment}", database.name());
    Ok(Diagnosis { database: "mongodb".to_owned(), server_version, place, checks, indexes: standing(database).await? })
}

fn version(version: &str) -> Check {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let found = format!("MongoDB {version}");
    match number {
        number if number < OLDEST => Check::bad("version", found, "Upgrade it: 4.4 is the oldest that works, 7.0 or later is better."),
        number if number < OLDEST_MAINTAINED => {
            Check::warning("version", found, "It works, but is no longer mended: upgrade to 7.0 or later.")
        }
        _ => Check::good("version", found),
    }
}

/// The kind of deployment, in words.
fn deployment(hello: &Document) -> String {
    match hello.get_str("setName") {
        _ if is_router(hello) => "sharded cluster".to_owned(),
        Ok(name) => format!("replica set {name}"),
        Err(_) => "single server".to_owned(),
    }
}

fn topology(hello: &Document, deployment: &str) -> Check {
    if !hello.get_bool("isWritablePrimary").unwrap_or(false) {
        return Check::bad(
            "topology",
            format!("{deployment}, and this member takes no writes"),
            "Name all members in the URL, with replicaSet=….",
        );
    }
    if deployment == "single server" {
        let found = format!("{deployment}: live traces come by asking once a second, and one disk holds everything");
        return Check::warning("topology", found, "On a laptop this is fine. Elsewhere run a replica set of three, or make backups.");
    }
    let members = hello.get_array("hosts").map_or(0, Vec::len);
    if members == 1 {
        let found = format!("{deployment} of one member: one disk holds everything");
        return Check::warning("topology", found, "On a laptop this is fine. Elsewhere a set of three survives the loss of one.");
    }
    Check::good("topology", if members > 0 { format!("{deployment} of {members} members") } else { deployment.to_owned() })
}

fn clock(hello: &Document, asked: Timestamp, answered: Timestamp) -> Check {
    let Ok(theirs) = hello.get_datetime("localTime") else { return Check::unknown("clock", "the server does not tell its time") };
    let ours = asked.millis().midpoint(answered.millis());
    let skew = theirs.timestamp_millis() - ours;
    // Half of the way there and back is not known.
    let unsure = (answered.millis() - asked.millis()) / 2;
    if skew.abs() - unsure <= SKEW_MS {
        return Check::good("clock", format!("differs by {} ms from the server's", skew.abs()));
    }
    let direction = if skew > 0 { "behind" } else { "ahead of" };
    let found = format!("this machine is {:.1} s {direction} the database server", skew.abs() as f64 / 1e3);
    Check::warning("clock", found, "Let both follow a time server: times of traces and ends of keys are told by these clocks.")
}

/// A write that changes nothing, acknowledged as one that stores a trace is.
async fn writes(traces: &Collection<RawDocumentBuf>) -> Result<Check, StoreError> {
    let asked = Instant::now();
    match traces.update_one(doc! { "_id": "none has this id" }, doc! { "$set": { "prompt": "" } }).await {
        Ok(_) => {
            let ms = asked.elapsed().as_secs_f64() * 1e3;
            Ok(Check::good("write concern", format!("a majority had a write in its journal within {ms:.1} ms")))
        }
        Err(error) if matches!(error.kind.as_ref(), ErrorKind::Write(_) | ErrorKind::Command(_)) => {
            let advice = "The user needs the role readWrite, and a majority of the members must be up, each with its journal.";
            Ok(Check::bad("write concern", error.kind.to_string(), advice))
        }
        Err(error) => Err(error.into()),
    }
}

async fn space(database: &Database) -> Check {
    let stats = database.run_command(doc! { "dbStats": 1 }).await.ok();
    let Some(stats) = stats.and_then(|stats| RawDocumentBuf::try_from(&stats).ok()) else {
        return Check::unknown("disk", "the server does not tell how much space there is");
    };
    let number = |name: &str| decode::number_of(&stats, name);
    let taken = number("dataSize").unwrap_or(0.0) + number("indexSize").unwrap_or(0.0);
    let taken = format!("the database holds {:.1} MB", taken / 1e6);
    let (Some(total), Some(used)) = (number("fsTotalSize").filter(|total| *total > 0.0), number("fsUsedSize")) else {
        return Check::unknown("disk", format!("{taken}; the server does not tell how much space is free"));
    };
    let free = total - used;
    let found = format!("{taken}; {:.1} of {:.1} GB are free", free / 1e9, total / 1e9);
    if free < LITTLE_SPACE || free < total / 10.0 {
        return Check::warning("disk", found, "Make room, or delete old traces: a full disk takes no traces.");
    }
    Check::good("disk", found)
}

async fn schema(database: &Database) -> Result<Check, StoreError> {
    let advice = "Writers of odd documents are not noticed by the database. Starting as a user with the role dbAdmin sets the rule.";
    Ok(match validator::standing(database).await? {
        Some(rule) if validator::is_ours(&rule) => Check::good("schema", "the database warns of documents that are no traces"),
        Some(rule) if !rule.is_empty() => Check::unknown("schema", "another's rule says what documents the database takes"),
        _ => Check::warning("schema", "the database has no rule for what a trace is", advice),
    })
}

/// Documents that are no traces as the contract has them.
async fn documents(traces: &Collection<RawDocumentBuf>, thorough: bool) -> Result<Check, StoreError> {
    let misfits = doc! { "$match": validator::misfits() };
    let mut pipeline = vec![misfits, doc! { "$group": { "_id": Bson::Null, "count": { "$sum": 1 }, "first": { "$first": "$trace_id" } } }];
    let among = if thorough {
        "all".to_owned()
    } else {
        pipeline.splice(0..0, [doc! { "$sort": { "created_at": -1 } }, doc! { "$limit": SAMPLE }]);
        format!("the newest {SAMPLE}")
    };
    let found: Option<RawDocumentBuf> = traces.aggregate(pipeline).with_type().await?.try_next().await?;
    let Some(found) = found else { return Ok(Check::good("documents", format!("of {among} each fits the contract"))) };
    let count = decode::number_of(&found, "count").unwrap_or(0.0);
    let first = decode::text_of(&found, "first")?.unwrap_or_else(|| "one without trace_id".to_owned());
    let found = format!("of {among}, {count} do not fit the contract, {first} for one");
    Ok(Check::warning("documents", found, "They are shown as they can be read, with a mark; `tracellm show` tells what could not be read."))
}

/// The indexes that should be there, and what the server counts of their use. One with the same fields does the same under any name.
async fn standing(database: &Database) -> Result<Vec<Index>, StoreError> {
    let mut found = HashMap::new();
    for collection in indexes::COLLECTIONS {
        let uses = uses(&database.collection(collection)).await;
        let mut all = database.collection::<Document>(collection).list_indexes().await?;
        while let Some(index) = all.try_next().await? {
            let name = index.options.as_ref().and_then(|options| options.name.clone()).unwrap_or_default();
            found.insert(identity(collection, &index), uses.get(&name).copied());
        }
    }
    let wanted = indexes::wanted().map(|(of, index)| {
        let uses = found.get(&identity(of, &index)).copied();
        let (_, fields, _) = identity(of, &index);
        let name = index.options.and_then(|options| options.name).unwrap_or_else(|| fields.replace(", ", "_"));
        Index { of: of.to_owned(), name, fields, is_present: uses.is_some(), uses: uses.flatten() }
    });
    Ok(wanted.collect())
}

/// What tells an index from others: its collection, its fields, and whether it holds only some documents.
fn identity(of: &'static str, index: &IndexModel) -> (&'static str, String, bool) {
    let fields = index.keys.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    (of, fields, index.options.as_ref().is_some_and(|options| options.partial_filter_expression.is_some()))
}

/// How often each index was used, where the user may know that.
async fn uses(collection: &Collection<RawDocumentBuf>) -> HashMap<String, i64> {
    let mut uses = HashMap::new();
    let Ok(mut found) = collection.aggregate([doc! { "$indexStats": {} }]).with_type::<RawDocumentBuf>().await else { return uses };
    while let Ok(Some(index)) = found.try_next().await {
        let count = index.get_document("accesses").ok().and_then(|accesses| decode::number_of(accesses, "ops"));
        if let (Ok(name), Some(count)) = (index.get_str("name"), count) {
            *uses.entry(name.to_owned()).or_default() += count as i64;
        }
    }
    uses
}
