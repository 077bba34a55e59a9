use serde::{Deserialize, Serialize};

use crate::Issue;

/// What storing a document did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stored {
    pub trace_id: String,
    pub project_id: String,
    pub outcome: Outcome,
    /// Warnings, and for a single document what was inferred too.
    pub issues: Vec<Issue>,
}

/// A document that is not stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedItem {
    /// The id that was given, where it is a readable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Why; at least one.
    pub errors: Vec<Issue>,
}

/// What became of one item of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemReport {
    /// Position in the batch, from 0.
    pub index: u32,
    #[serde(flatten)]
    pub result: ItemResult,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ItemResult {
    Stored(Stored),
    Refused(RefusedItem),
}

impl ItemResult {
    /// What was done; none where the item was refused.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Stored(stored) => Some(stored.outcome),
            Self::Refused(_) => None,
        }
    }
}

impl ItemReport {
    /// Why the item was refused; none where it was stored.
    pub fn errors(&self) -> &[Issue] {
        match &self.result {
            ItemResult::Stored(_) => &[],
            ItemResult::Refused(refused) => &refused.errors,
        }
    }
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Report {
    One(Stored),
    Batch { accepted: u32, rejected: u32, results: Vec<ItemReport> },
}
