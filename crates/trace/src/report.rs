use serde::{Deserialize, Serialize};

use crate::Issue;

/// What storing a document did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There was none of this project and id.
    Created,
    /// There was one with other content; it was replaced.
    Updated,
    /// There was one that says the same; nothing was written.
    Duplicate,
}

/// A document that is stored, durably.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    pub trace_id: String,
    pub project_id: String,
    pub outcome: Outcome,
    pub issues: Vec<Issue>,
}

/// What became of one item of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemReport {
    /// Position in the batch, from 0.
    pub index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Issue>,
    /// What a sender should know of a document that was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Issue>,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Report {
    One(Stored),
    Batch { accepted: u32, rejected: u32, results: Vec<ItemReport> },
}
