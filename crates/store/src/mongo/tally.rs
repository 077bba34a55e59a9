use futures_util::{TryStreamExt, try_join};
use mongodb::{
    Collection,
    bson::{Bson, Document, RawDocumentBuf, doc},
};
use tracellm_trace::{
    DEFAULT_ENVIRONMENT, DEFAULT_PROJECT, Filter, SLOW_TRACE_THRESHOLD_MS, Timestamp, UNKNOWN_MODEL,
    stats::{Bucket, Sketch, Sums, Tally, cost, latency},
};

use super::{TRACES, decode, encode::date, filter, kept::Kept, marking::Marked, queries};
use crate::{
    StoreError,
    patience::patience,
    rollups::{Names, Only},
};

/// Adds up every trace that matches: from sums where they can tell, else in the database.
pub(super) async fn tally(marked: Marked<'_>, filter: &Filter) -> Result<Tally, StoreError> {
    if let Some(ground) = queries::ground(marked, filter) {
        return ground.tally().await;
    }
    let traces = marked.database.collection(TRACES);
    let names = Names::of(filter).filter(|names| names.only == Only::All);
    let kept = async { if names.is_some() { Kept::of(marked).await } else { Ok(None) } };
    let (range, kept) = try_join!(range(&traces, filter), kept)?;
    if let Some((names, range)) = names.zip(range)
        && let Some(kept) = kept
        && let Some(tally) = kept.tally(filter, &names, range).await?
    {
        return Ok(tally);
    }
    let mut tally = Tally::new(range);
    Rows::read(&traces, filter, tally.bucket()).await?.add_to(&mut tally);
    Ok(tally)
}

/// What the database adds up: in one pass by bucket and name, in one the latencies by bucket and size.
pub(super) struct Rows {
    sums: Vec<Document>,
    latencies: Vec<Document>,
}

impl Rows {
    pub async fn read(traces: &Collection<RawDocumentBuf>, filter: &Filter, bucket: Bucket) -> Result<Self, StoreError> {
        let matching = filter::matching(filter);
        let fields = doc! { "$project": {
            "_id": 0,
            "bucket": bucket_of(bucket),
            "status": status(),
            "model": named("$model_name", UNKNOWN_MODEL),
            "project": named("$project_id", DEFAULT_PROJECT),
            "environment": named("$environment", DEFAULT_ENVIRONMENT),
            "latency": not_negative("$latency", "double"),
            "tokens": not_negative("$token_count", "long"),
            "cost": not_negative("$cost_usd", "double"),
            "retries": not_negative("$retry_count", "long"),
            "slow": { "$ifNull": ["$slow_request", { "$gte": [not_negative("$latency", "double"), SLOW_TRACE_THRESHOLD_MS] }] },
        } };
        let sums = doc! { "$group": {
            "_id": { "bucket": "$bucket", "status": "$status", "model": "$model", "project": "$project", "environment": "$environment" },
            "traces": { "$sum": 1 },
            "latency": { "$sum": "$latency" },
            "tokens": { "$sum": "$tokens" },
            "cost": { "$sum": "$cost" },
            "retries": { "$sum": "$retries" },
            "slow": { "$sum": { "$cond": ["$slow", 1, 0] } },
            "retried": { "$sum": { "$cond": [{ "$gt": ["$retries", 0] }, 1, 0] } },
        } };
        let latencies = doc! { "$group": { "_id": { "bucket": "$bucket", "size": sketch_index("$latency") }, "traces": { "$sum": 1 } } };
        let sums = rows(traces, [doc! { "$match": matching.clone() }, fields.clone(), sums]);
        let latencies = rows(traces, [doc! { "$match": matching }, fields, latencies]);
        let (sums, latencies) = try_join!(sums, latencies)?;
        Ok(Self { sums, latencies })
    }

    pub fn add_to(&self, tally: &mut Tally) {
        self.sums.iter().for_each(|row| add_sums(tally, row));
        for row in &self.latencies {
            let mut sums = Sums::default();
            let key = row.get_document("_id").ok();
            let size = key.and_then(|key| whole(key.get("size"))).and_then(|size| i32::try_from(size).ok()).unwrap_or(i32::MIN);
            sums.latencies.add_count(size, count(row.get("traces")));
            tally.add_sums(time(key), &sums);
        }
    }
}

/// From the first start to the last, narrowed by what the filter says.
async fn range(traces: &Collection<RawDocumentBuf>, filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let end = async |said: Option<Timestamp>, direction: i32| {
        if said.is_some() {
            return Ok::<_, StoreError>(said);
        }
        let dated = doc! { "created_at": { "$gt": date(Timestamp::MIN), "$lte": date(Timestamp::MAX) } };
        let first = traces.find_one(doc! { "$and": [filter::matching(filter), dated] }).sort(doc! { "created_at": direction });
        let found = first.projection(doc! { "created_at": 1 }).max_time(patience()).await?;
        Ok(found.and_then(|raw| Timestamp::from_millis(raw.get_datetime("created_at").ok()?.timestamp_millis())))
    };
    let (from, to) = try_join!(end(filter.from, 1), end(filter.to.map(|to| to.plus(-1.0)), -1))?;
    Ok(from.zip(to))
}

async fn rows<const N: usize>(traces: &Collection<RawDocumentBuf>, pipeline: [Document; N]) -> Result<Vec<Document>, StoreError> {
    let found = traces.aggregate(pipeline).allow_disk_use(true).max_time(patience()).with_type::<RawDocumentBuf>().await?;
    let found: Vec<RawDocumentBuf> = found.try_collect().await?;
    found.iter().map(|raw| decode::document(raw)).collect()
}

fn add_sums(tally: &mut Tally, row: &Document) {
    let Ok(key) = row.get_document("_id") else { return };
    let traces = count(row.get("traces"));
    let text = |field: &str| key.get_str(field).unwrap_or_default();
    let (mut success, mut warning, mut failed) = (0, 0, 0);
    match text("status") {
        "failed" => failed = traces,
        "warning" => warning = traces,
        _ => success = traces,
    }
    let sums = Sums {
        traces,
        success,
        warning,
        failed,
        slow: count(row.get("slow")),
        retried: count(row.get("retried")),
        latency: latency(number(row.get("latency"))),
        tokens: whole(row.get("tokens")).unwrap_or(0).into(),
        cost: cost(number(row.get("cost"))),
        retries: whole(row.get("retries")).unwrap_or(0).into(),
        latencies: Sketch::default(),
    };
    tally.add_sums(time(Some(key)), &sums);
    tally.add_names(text("model"), text("project"), text("environment"), traces);
}

/// The moment of a bucket's key.
fn time(key: Option<&Document>) -> Option<Timestamp> {
    Timestamp::from_millis(whole(key?.get("bucket"))?)
}

fn whole(value: Option<&Bson>) -> Option<i64> {
    match value? {
        Bson::Int32(whole) => Some(i64::from(*whole)),
        Bson::Int64(whole) => Some(*whole),
        // Sums past 64 bits come as doubles; the cast saturates.
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}

/// What was counted.
pub(super) fn count(value: Option<&Bson>) -> u64 {
    whole(value).unwrap_or(0).unsigned_abs()
}

fn number(value: Option<&Bson>) -> f64 {
    match value {
        Some(Bson::Double(number)) => *number,
        other => whole(other).unwrap_or(0) as f64,
    }
}

/// The start of the bucket that a trace began in, in ms; null for what is no date.
fn bucket_of(bucket: Bucket) -> Document {
    let millis = doc! { "$toLong": "$created_at" };
    let number = doc! { "$floor": { "$divide": [millis, bucket.width()] } };
    let start = doc! { "$toLong": { "$multiply": [number, bucket.width()] } };
    let is_date = doc! { "$and": [
        { "$eq": [{ "$type": "$created_at" }, "date"] },
        { "$gt": ["$created_at", date(Timestamp::MIN)] },
        { "$lte": ["$created_at", date(Timestamp::MAX)] },
    ] };
    doc! { "$cond": [is_date, start, Bson::Null] }
}

/// A number ≥ 0 of this type; what is none counts as 0, as it is shown.
fn not_negative(field: &str, kind: &str) -> Document {
    doc! { "$max": [0, { "$convert": { "input": field, "to": kind, "onError": 0, "onNull": 0 } }] }
}

fn named(field: &str, default: &str) -> Document {
    doc! { "$cond": [{ "$and": [{ "$eq": [{ "$type": field }, "string"] }, { "$ne": [field, ""] }] }, field, default] }
}

/// The status, else what is shown in its place.
fn status() -> Document {
    let lower = doc! { "$toLower": { "$cond": [{ "$eq": [{ "$type": "$status" }, "string"] }, "$status", ""] } };
    let has_reason =
        doc! { "$gt": [{ "$strLenCP": { "$cond": [{ "$eq": [{ "$type": "$failure_reason" }, "string"] }, "$failure_reason", ""] } }, 0] };
    doc! { "$switch": {
        "branches": [
            { "case": { "$in": [lower.clone(), ["success", "warning", "failed"]] }, "then": lower },
            { "case": has_reason, "then": "failed" },
            { "case": { "$gt": [not_negative("$retry_count", "long"), 0] }, "then": "warning" },
        ],
        "default": "success",
    } }
}

/// [`Sketch::index`], computed by the database.
fn sketch_index(latency: &str) -> Document {
    let index = doc! { "$toInt": { "$ceil": { "$divide": [{ "$ln": latency }, Sketch::ln_gamma()] } } };
    doc! { "$cond": [{ "$lte": [latency, Sketch::LEAST] }, i32::MIN, index] }
}
