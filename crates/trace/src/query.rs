use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{Issue, Status, Timestamp, Trace, TraceSummary};

/// Rows on a page where nothing else is asked for.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows on a page.
pub const MAX_LIMIT: u32 = 200;

/// Which traces match. Every condition that is set must hold; none set matches all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    pub status: Option<Status>,
    pub model: Option<String>,
    pub project_id: Option<String>,
    pub environment: Option<String>,
    /// Milliseconds, inclusive.
    pub latency_min: Option<f64>,
    /// Milliseconds, inclusive.
    pub latency_max: Option<f64>,
    /// Inclusive.
    pub token_min: Option<i64>,
    /// Inclusive.
    pub token_max: Option<i64>,
    /// Started at this moment or later.
    pub from: Option<Timestamp>,
    /// Started before this moment.
    pub to: Option<Timestamp>,
}

/// Which traces, in which order, how many, from where: the one query type of URL, REST, command line and stores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    pub filter: Filter,
    pub sort: Sort,
    /// 1 to [`MAX_LIMIT`].
    pub limit: u32,
    pub cursor: Option<Cursor>,
}

/// The order of a list; ties are broken by trace id, then project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    #[default]
    #[serde(rename = "-created_at")]
    NewestFirst,
    #[serde(rename = "created_at")]
    OldestFirst,
}

impl Sort {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewestFirst => "-created_at",
            Self::OldestFirst => "created_at",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::NewestFirst, Self::OldestFirst].into_iter().find(|sort| sort.as_str() == word)
    }
}

/// The place of one trace in the order of a list. It stays a place when that trace is deleted or others come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Keyset {
    pub created_at: Timestamp,
    pub trace_id: String,
    pub project_id: String,
}

impl From<&Trace> for Keyset {
    fn from(trace: &Trace) -> Self {
        Self { created_at: trace.created_at, trace_id: trace.trace_id.clone(), project_id: trace.project_id.clone() }
    }
}

impl From<&TraceSummary> for Keyset {
    fn from(row: &TraceSummary) -> Self {
        Self { created_at: row.created_at, trace_id: row.trace_id.clone(), project_id: row.project_id.clone() }
    }
}

/// Where a page starts (after a trace) or ends (before one). Opaque to clients: base64url of its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    After(Keyset),
    Before(Keyset),
}

impl Cursor {
    pub fn encode(&self) -> String {
        let (side, keyset) = match self {
            Self::After(keyset) => ("a", keyset),
            Self::Before(keyset) => ("b", keyset),
        };
        let plain = serde_json::json!([side, keyset.created_at.millis(), keyset.trace_id, keyset.project_id]);
        BASE64_URL_SAFE_NO_PAD.encode(plain.to_string())
    }

    pub fn decode(text: &str) -> Option<Self> {
        let plain = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (side, millis, trace_id, project_id): (String, i64, String, String) = serde_json::from_slice(&plain).ok()?;
        let keyset = Keyset { created_at: Timestamp::from_millis(millis)?, trace_id, project_id };
        match side.as_str() {
            "a" => Some(Self::After(keyset)),
            "b" => Some(Self::Before(keyset)),
            _ => None,
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom("not a cursor"))
    }
}

impl Default for Query {
    fn default() -> Self {
        Self { filter: Filter::default(), sort: Sort::default(), limit: DEFAULT_LIMIT, cursor: None }
    }
}

impl Query {
    /// Reads the parameters of a URL. An empty value counts as absent, as forms send it.
    ///
    /// # Errors
    /// All faults at once, each with the name of the parameter as its path; nothing is clamped or ignored.
    ///
    /// ```
    /// use tracellm_trace::{Query, Status};
    /// let query = Query::from_pairs([("status", "failed"), ("model", "")]).unwrap();
    /// assert_eq!(query.filter.status, Some(Status::Failed));
    /// assert_eq!(Query::from_pairs([("limit", "1000")]).unwrap_err()[0].path, "limit");
    /// ```
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Issue>> {
        let mut query = Self::default();
        let mut issues = Vec::new();
        let mut seen = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name) {
                issues.push(Issue::error("query.repeated", name, "is given more than once"));
                continue;
            }
            seen.push(name);
            if !value.is_empty()
                && let Err(message) = query.set(name, value)
            {
                issues.push(Issue::error("query.invalid", name, message));
            }
        }
        query.filter.check_ranges(&mut issues);
        if issues.is_empty() { Ok(query) } else { Err(issues) }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let filter = &mut self.filter;
        match name {
            "status" => filter.status = Some(Status::from_word(value).ok_or_else(|| format!("must be one of {}", Status::allowed()))?),
            "model" => filter.model = Some(value.to_owned()),
            "project_id" => filter.project_id = Some(value.to_owned()),
            "environment" => filter.environment = Some(value.to_owned()),
            "latency_min" => filter.latency_min = Some(number(value)?),
            "latency_max" => filter.latency_max = Some(number(value)?),
            "token_min" => filter.token_min = Some(whole(value)?),
            "token_max" => filter.token_max = Some(whole(value)?),
            "from" => filter.from = Some(time(value)?),
            "to" => filter.to = Some(time(value)?),
            "sort" => self.sort = Sort::from_word(value).ok_or("must be one of created_at, -created_at")?,
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                self.limit = limit.ok_or_else(|| format!("must be a whole number from 1 to {MAX_LIMIT}"))?;
            }
            "cursor" => self.cursor = Some(Cursor::decode(value).ok_or("is not a cursor that an earlier answer gave")?),
            _ => return Err(format!("is no parameter here; there are {}", Self::PARAMETERS.join(", "))),
        }
        Ok(())
    }

    /// The names of all parameters, in the order of [`Query::to_pairs`].
    pub const PARAMETERS: [&'static str; 13] = [
        "status",
        "model",
        "project_id",
        "environment",
        "latency_min",
        "latency_max",
        "token_min",
        "token_max",
        "from",
        "to",
        "sort",
        "limit",
        "cursor",
    ];

    /// The parameters of a URL that says the same, without those at their default.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let filter = &self.filter;
        let values = [
            filter.status.map(|status| status.to_string()),
            filter.model.clone(),
            filter.project_id.clone(),
            filter.environment.clone(),
            filter.latency_min.map(|number| number.to_string()),
            filter.latency_max.map(|number| number.to_string()),
            filter.token_min.map(|count| count.to_string()),
            filter.token_max.map(|count| count.to_string()),
            filter.from.map(|time| time.to_string()),
            filter.to.map(|time| time.to_string()),
            (self.sort != Sort::default()).then(|| self.sort.as_str().to_owned()),
            (self.limit != DEFAULT_LIMIT).then(|| self.limit.to_string()),
            self.cursor.as_ref().map(Cursor::encode),
        ];
        Self::PARAMETERS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The same question from another place in the list.
    pub fn at(&self, cursor: Option<Cursor>) -> Self {
        Self { cursor, ..self.clone() }
    }
}

impl Filter {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check_ranges(&self, issues: &mut Vec<Issue>) {
        let mut upside_down = |is_so: bool, low: &'static str, high: &'static str| {
            if is_so {
                issues.push(Issue::error("query.range", low, format!("is greater than `{high}`, so nothing can match")));
            }
        };
        upside_down(self.latency_min > self.latency_max && self.latency_max.is_some(), "latency_min", "latency_max");
        upside_down(self.token_min > self.token_max && self.token_max.is_some(), "token_min", "token_max");
        upside_down(self.from > self.to && self.to.is_some(), "from", "to");
    }
}

fn number(value: &str) -> Result<f64, String> {
    value
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "must be a number of milliseconds ≥ 0".to_owned())
}

fn whole(value: &str) -> Result<i64, String> {
    value.parse().ok().filter(|count: &i64| *count >= 0).ok_or_else(|| "must be a whole number ≥ 0".to_owned())
}

fn time(value: &str) -> Result<Timestamp, String> {
    // A `+` that was not escaped arrives as a space.
    let mended = match value.rsplit_once(' ') {
        Some((clock, offset)) if clock.contains(':') => format!("{clock}+{offset}"),
        _ => value.to_owned(),
    };
    let epoch = || mended.parse().ok().and_then(Timestamp::from_epoch);
    Timestamp::parse(&mended).or_else(epoch).ok_or_else(|| "must be an ISO 8601 time or epoch seconds or milliseconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Keyset, Query};
    use crate::Timestamp;

    #[track_caller]
    fn refused(name: &str, value: &str) {
        let issues = Query::from_pairs([(name, value)]).unwrap_err();
        assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), [name], "{value}");
    }

    #[test]
    fn a_url_comes_back_as_it_was() {
        let pairs = [
            ("status", "failed"),
            ("model", "gpt 4&x"),
            ("project_id", "p"),
            ("environment", "staging"),
            ("latency_min", "0.5"),
            ("latency_max", "1500"),
            ("token_min", "0"),
            ("token_max", "9"),
            ("from", "2026-05-01T00:00:00.000Z"),
            ("to", "2026-05-02T00:00:00.000Z"),
            ("sort", "created_at"),
            ("limit", "200"),
        ];
        let query = Query::from_pairs(pairs).unwrap();
        let back = query.to_pairs();
        assert_eq!(back.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(), pairs);
        assert_eq!(Query::from_pairs([]).unwrap().to_pairs(), []);
    }

    #[test]
    fn refuses_instead_of_clamping() {
        refused("limit", "0");
        refused("limit", "201");
        refused("status", "broken");
        refused("latency_min", "-1");
        refused("latency_max", "NaN");
        refused("token_min", "1.5");
        refused("from", "soon");
        refused("sort", "prompt");
        refused("cursor", "bm8");
        refused("modle", "gpt");
        let issues = Query::from_pairs([("token_min", "2"), ("token_max", "1"), ("limit", "x"), ("limit", "1")]).unwrap_err();
        assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), ["limit", "limit", "token_min"]);
    }

    #[test]
    fn reads_a_plus_that_became_a_space() {
        let query = Query::from_pairs([("from", "2026-05-01T02:00:00 02:00"), ("to", "2026-05-01 08:00")]).unwrap();
        assert_eq!(query.filter.from.unwrap().to_string(), "2026-05-01T00:00:00.000Z");
        assert_eq!(query.filter.to.unwrap().to_string(), "2026-05-01T08:00:00.000Z");
    }

    #[test]
    fn a_cursor_survives_its_text() {
        let place = Keyset { created_at: Timestamp::MAX, trace_id: "ü/\"".into(), project_id: String::new() };
        for cursor in [Cursor::After(place.clone()), Cursor::Before(place)] {
            let text = cursor.encode();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
            assert_eq!(Cursor::decode(&text), Some(cursor));
        }
    }
}
