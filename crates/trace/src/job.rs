use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Running,
    Done,
    Cancelled,
    Failed,
}

/// Work that a server does on its own, as it is told to those who wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    pub job_id: String,
    /// What it does, in words.
    pub what: String,
    pub state: JobState,
    /// Traces that were dealt with.
    pub done: u64,
    /// Traces that there were to deal with when it began.
    pub total: u64,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}
