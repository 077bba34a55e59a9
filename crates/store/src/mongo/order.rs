use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use mongodb::bson::{Bson, Document, RawDocument, doc};
use tracellm_trace::{
    Timestamp,
    query::{Keyset, SortBy, SortValue},
};

use super::{decode, encode::date};
use crate::{
    StoreError,
    paging::{Reading, Stretch},
};

/// A walk along one index: its condition, and its order.
pub(super) struct Walk {
    pub condition: Document,
    pub sort: Document,
}

impl Walk {
    /// What of those that match lies on it.
    pub fn of(&self, matching: &Document) -> Document {
        let conditions: Vec<_> = [matching, &self.condition].into_iter().filter(|condition| !condition.is_empty()).collect();
        if conditions.is_empty() {
            Document::new()
        } else {
            doc! { "$and": conditions }
        }
    }
}

/// The one walk that may do for a first page that begins with the greatest: right if everything on it has the value that is sorted by.
pub(super) fn whole(reading: &Reading) -> Option<Walk> {
    let is_first = reading.behind.is_none() && !reading.ascending;
    is_first.then(|| Walk { condition: Document::new(), sort: doc! { reading.sort.by.as_str(): -1, "trace_id": -1, "project_id": -1 } })
}

/// The walks that lead through what lies ahead, in order of reading. A single `$or` for all of it would have to sort.
pub(super) fn walks(reading: &Reading) -> Vec<Walk> {
    let by = reading.sort.by;
    let field = by.as_str();
    let (direction, behind) = if reading.ascending { (1, "$gt") } else { (-1, "$lt") };
    let by_ids = || doc! { "trace_id": direction, "project_id": direction };
    let by_value = || doc! { field: direction, "trace_id": direction, "project_id": direction };
    let walk = |condition, sort| Walk { condition, sort };
    let mut walks = Vec::new();
    for stretch in reading.stretches() {
        match stretch {
            Stretch::Valued(None) => walks.push(walk(doc! { field: all_values(by) }, by_value())),
            Stretch::Valued(Some(place)) => {
                let value = bson_value(by, place.value);
                walks.push(walk(doc! { field: { "$eq": value.clone() }, "$expr": further_ids(place, behind) }, by_ids()));
                let mut beyond = all_values(by);
                beyond.remove(if reading.ascending { lower_bound(by) } else { "$lte" });
                beyond.insert(behind, value);
                walks.push(walk(doc! { field: beyond }, by_value()));
            }
            Stretch::Absent(None) => walks.push(walk(doc! { field: { "$not": all_values(by) } }, by_ids())),
            Stretch::Absent(Some(place)) => {
                walks.push(walk(doc! { field: { "$not": all_values(by) }, "$expr": further_ids(place, behind) }, by_ids()));
            }
        }
    }
    walks
}

/// Where a document stands in the order of a list.
pub(super) fn place(raw: &RawDocument, by: SortBy) -> Result<Keyset, StoreError> {
    let value = match (by, decode::value(raw, by.as_str())?) {
        (SortBy::CreatedAt, Bson::DateTime(date)) => {
            let time = Timestamp::from_millis(date.timestamp_millis()).filter(|time| *time > Timestamp::MIN);
            time.map_or(SortValue::Absent, |time| SortValue::Whole(time.millis()))
        }
        (SortBy::CreatedAt, _) => SortValue::Absent,
        (_, Bson::Int32(whole)) => SortValue::Whole(i64::from(whole)),
        (_, Bson::Int64(whole)) => SortValue::Whole(whole),
        (_, Bson::Double(number)) if number.is_finite() => SortValue::Number(number),
        (_, Bson::Decimal128(number)) => number.to_string().parse().map_or(SortValue::Absent, SortValue::Number),
        _ => SortValue::Absent,
    };
    let text = |field: &str| Ok::<_, StoreError>(place_text(decode::value(raw, field)?));
    Ok(Keyset { value, trace_id: text("trace_id")?, project_id: text("project_id")? })
}

/// The range of the values that count as such. Others may have stored something else; that comes last, as if absent.
fn all_values(by: SortBy) -> Document {
    match by {
        SortBy::CreatedAt => doc! { "$gt": date(Timestamp::MIN), "$lte": date(Timestamp::MAX) },
        _ => doc! { "$gte": f64::MIN, "$lte": f64::MAX },
    }
}

fn lower_bound(by: SortBy) -> &'static str {
    if by == SortBy::CreatedAt { "$gt" } else { "$gte" }
}

fn bson_value(by: SortBy, value: SortValue) -> Bson {
    match (by, value) {
        (SortBy::CreatedAt, SortValue::Whole(millis)) => date(Timestamp::from_millis_clamped(millis)).into(),
        (_, SortValue::Whole(whole)) => whole.into(),
        (_, SortValue::Number(number)) => number.into(),
        (_, SortValue::Absent) => Bson::Null,
    }
}

/// Ids behind those of a place.
fn further_ids(place: &Keyset, behind: &str) -> Document {
    let same_id = doc! { "$and": [compared("trace_id", "$eq", &place.trace_id), compared("project_id", behind, &place.project_id)] };
    doc! { "$or": [compared("trace_id", behind, &place.trace_id), same_id] }
}

/// As an expression it compares values of any type, in the order in which they are sorted.
fn compared(field: &str, operator: &str, place: &str) -> Document {
    doc! { operator: [{ "$ifNull": [format!("${field}"), Bson::Null] }, { "$literal": place_value(place) }] }
}

/// Behind this stands a value that is no text; none of our identifiers begins so.
const NO_TEXT: char = '\0';

/// A value of the order of a list as the text that a cursor carries.
fn place_text(value: Bson) -> String {
    match value {
        Bson::String(text) if !text.starts_with(NO_TEXT) => text,
        other => {
            let bytes = doc! { "": other }.to_vec().unwrap_or_default();
            format!("{NO_TEXT}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
        }
    }
}

fn place_value(text: &str) -> Bson {
    let Some(encoded) = text.strip_prefix(NO_TEXT) else { return text.into() };
    let document = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| Document::from_reader(bytes.as_slice()).ok());
    document.and_then(|mut document| document.remove("")).unwrap_or(Bson::Null)
}
