use serde::{Deserialize, Serialize};

use crate::Trace;

/// The newest traces of each kind that needs a look, and how many there are of each among all that match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failures {
    pub failed_traces: Vec<Trace>,
    pub retries: Vec<Trace>,
    pub slow_requests: Vec<Trace>,
    pub totals: FailureTotals,
}

/// Numbers of traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureTotals {
    pub failed_traces: u64,
    pub retries: u64,
    pub slow_requests: u64,
    /// There, and true, where a search told what to count and stopped early: there may be more of each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_capped: bool,
}

impl Failures {
    /// Rows of each kind where nothing else is asked for.
    pub const DEFAULT_LIMIT: u32 = 25;
    /// Most rows of each kind.
    pub const MAX_LIMIT: u32 = 100;
}
