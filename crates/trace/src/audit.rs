use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Something that was created, changed, revoked, deleted or exported, and by whom. Each entry tells the hash of the one before it, so that
/// none can be changed or taken out unseen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// From 1 on, without a gap.
    pub number: u64,
    pub at: Timestamp,
    /// `user ada`, `key 0aB…`, `command line`, or `anyone` where there are no users.
    pub by: String,
    /// `key.created`, `traces.deleted`, …
    pub did: String,
    /// What it was done to.
    pub what: String,
    /// Hash of the entry before, as hex; empty for the first.
    pub before: String,
    /// SHA-256 of this entry without this field, as JSON.
    pub hash: String,
}

/// The last entries, and whether all of them are as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditLog {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    pub total: u64,
    /// What is wrong with the first one that is not as it was written.
    pub broken: Option<String>,
}
