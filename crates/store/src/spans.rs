use sha2::{Digest, Sha256};
use tracellm_trace::{
    Issue, Refused, Timestamp, otlp,
    otlp::{Span, wire::to_hex},
};

use crate::{NewTrace, StoreError};

/// A span as both homes keep it: its JSON, and what tells the version that stands.
pub(crate) struct Row {
    pub json: String,
    /// Of two versions of a span the one whose rank is the greater text stands: the later end, then more attributes and events, then the
    /// content by its hash.
    pub rank: String,
}

impl Row {
    pub fn of(span: &Span) -> Result<Self, StoreError> {
        let json = serde_json::to_string(span).map_err(|error| StoreError::Failed(format!("a span can't be written as JSON ({error})")))?;
        let (end, parts, content) = span.rank();
        Ok(Self { rank: format!("{end:020}{parts:08}{}", to_hex(&Sha256::digest(content))), json })
    }
}

/// The document for the trace of these spans, which are all of it.
pub(crate) fn document_of(spans: &[Span], project_id: &str, now: Timestamp) -> Result<NewTrace, Issue> {
    otlp::document(spans, project_id, now).map(NewTrace::from).map_err(|Refused { issues, .. }| {
        let why = issues.into_iter().find(Issue::is_error);
        why.unwrap_or_else(|| Issue::error("otlp.fold", "$", "these spans make no trace"))
    })
}
