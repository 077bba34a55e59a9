use serde::{Deserialize, Serialize};

use crate::{Cursor, Search, Status, Timestamp, Trace, search::Snippet};

/// Matches are counted up to here.
pub const TOTAL_CAP: u64 = 10_000;

/// Characters of a prompt or failure reason in a list.
const PREVIEW: usize = 200;

/// How many traces match, counted up to [`TOTAL_CAP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub count: u64,
    /// There are more than `count`.
    pub is_capped: bool,
}

impl Total {
    /// The total for a count that stopped at one more than [`TOTAL_CAP`].
    pub fn from_count(count: u64) -> Self {
        Self { count: count.min(TOTAL_CAP), is_capped: count > TOTAL_CAP }
    }
}

/// Some of the traces that match, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub total: Total,
    /// Where the next page starts; none on the last one.
    pub next: Option<Cursor>,
    /// Where the page before this one ends; none on the first one.
    pub previous: Option<Cursor>,
    /// How far a search came; none where it looked at everything.
    pub coverage: Option<Coverage>,
}

/// How much of what is stored a search has looked at, where that is not all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    /// It took long enough, so it looked at what started at this moment or later (with the oldest first, or earlier), and at no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Traces that were stored lately and are found in a moment.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_indexed: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Coverage {
    /// None where nothing is missing.
    pub fn of(until: Option<Timestamp>, not_indexed: u64) -> Option<Self> {
        (until.is_some() || not_indexed > 0).then_some(Self { until, not_indexed })
    }
}

/// A row of a list: what one needs to know of a trace to choose it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceSummary {
    pub trace_id: String,
    pub project_id: String,
    /// The first 200 characters.
    pub prompt: String,
    pub model_name: String,
    pub environment: String,
    pub status: Status,
    /// Milliseconds.
    pub latency: f64,
    pub token_count: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    pub retry_count: i64,
    pub slow_request: bool,
    /// The first 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    pub step_count: u32,
    pub created_at: Timestamp,
    /// Another program stored it, and not all of it could be read as it should be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
    /// Its root span has not come yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_progress: bool,
    /// Its texts were removed, by age.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_removed: bool,
    /// What a search found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
}

impl From<&Trace> for TraceSummary {
    fn from(trace: &Trace) -> Self {
        Self {
            trace_id: trace.trace_id.clone(),
            project_id: trace.project_id.clone(),
            prompt: Self::preview(&trace.prompt),
            model_name: trace.model_name.clone(),
            environment: trace.environment.clone(),
            status: trace.status,
            latency: trace.latency,
            token_count: trace.token_count,
            cost_usd: trace.cost_usd,
            retry_count: trace.retry_count,
            slow_request: trace.slow_request,
            failure_reason: trace.failure_reason.as_deref().map(Self::preview),
            step_count: u32::try_from(trace.cut_from().unwrap_or(trace.steps.len() as u64)).unwrap_or(u32::MAX),
            created_at: trace.created_at,
            unreadable: !trace.unreadable().is_empty(),
            in_progress: trace.in_progress(),
            content_removed: trace.is_content_removed(),
            snippet: None,
        }
    }
}

impl TraceSummary {
    /// The row of what a search has found.
    pub fn found(trace: &Trace, search: Option<&Search>) -> Self {
        Self { snippet: search.and_then(|search| search.snippet(trace)), ..Self::from(trace) }
    }

    /// Whether a text of a row is but the start of what its trace has.
    pub fn is_cut(preview: &str) -> bool {
        preview.chars().nth(PREVIEW).is_some()
    }

    /// The start of a text, with `…` where more follows.
    pub fn preview(text: &str) -> String {
        match text.char_indices().nth(PREVIEW) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        }
    }
}
