use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Sort, SortBy, SortValue};
use crate::{Timestamp, Trace};

/// The place of one trace in the order of a list. It stays a place when that trace is deleted or others come.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyset {
    pub value: SortValue,
    pub trace_id: String,
    pub project_id: String,
}

impl Keyset {
    /// The place of a trace in a list that is sorted by this.
    pub fn of(by: SortBy, trace: &Trace) -> Self {
        Self { value: by.of(trace), trace_id: trace.trace_id.clone(), project_id: trace.project_id.clone() }
    }
}

/// Where a page starts (after a trace) or ends (before one).
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    After(Keyset),
    Before(Keyset),
}

/// A place in a list of a certain order. Opaque to clients: base64url of its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    pub sort: Sort,
    pub place: Place,
}

impl Cursor {
    pub fn encode(&self) -> String {
        let (side, Keyset { value, trace_id, project_id }) = match &self.place {
            Place::After(keyset) => ("a", keyset),
            Place::Before(keyset) => ("b", keyset),
        };
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::json!([side, self.sort, value, trace_id, project_id]).to_string())
    }

    pub fn decode(text: &str) -> Option<Self> {
        let plain = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (side, sort, value, trace_id, project_id): (String, Sort, SortValue, String, String) = serde_json::from_slice(&plain).ok()?;
        let is_possible = match (sort.by, value) {
            (SortBy::CreatedAt, SortValue::Whole(millis)) => Timestamp::from_millis(millis).is_some(),
            (SortBy::TokenCount, SortValue::Whole(_)) => true,
            // Other writers may have stored whole numbers as doubles, and the other way round.
            (SortBy::TokenCount | SortBy::Latency | SortBy::CostUsd, SortValue::Number(_)) => true,
            (SortBy::Latency | SortBy::CostUsd, SortValue::Whole(_)) => true,
            (_, SortValue::Absent) => true,
            _ => false,
        };
        let keyset = Keyset { value, trace_id, project_id };
        let place = match side.as_str() {
            "a" => Place::After(keyset),
            "b" => Place::Before(keyset),
            _ => return None,
        };
        is_possible.then_some(Self { sort, place })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| de::Error::custom("not a cursor"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Keyset, Place, Sort, SortValue};

    #[test]
    fn a_cursor_survives_its_text() {
        for (sort, value) in [
            ("-created_at", SortValue::Whole(253_402_300_799_999)),
            ("latency", SortValue::Number(0.1 + 0.2)),
            ("latency", SortValue::Number(5.0)),
            ("-token_count", SortValue::Whole(i64::MAX)),
            ("cost_usd", SortValue::Absent),
        ] {
            let keyset = Keyset { value, trace_id: "ü/\"\0".into(), project_id: String::new() };
            for place in [Place::After(keyset.clone()), Place::Before(keyset)] {
                let cursor = Cursor { sort: Sort::from_word(sort).unwrap(), place };
                let text = cursor.encode();
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
                assert_eq!(Cursor::decode(&text), Some(cursor));
            }
        }
    }

    #[test]
    fn a_value_of_another_kind_is_no_cursor() {
        let keyset = Keyset { value: SortValue::Number(1.5), trace_id: "t".into(), project_id: "p".into() };
        let cursor = Cursor { sort: Sort::default(), place: Place::After(keyset) };
        assert_eq!(Cursor::decode(&cursor.encode()), None);
    }
}
