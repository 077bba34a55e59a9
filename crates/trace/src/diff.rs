use serde::{Deserialize, Serialize};

use crate::StepKind;

/// How one trace differs from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Word by word; none where both are the same.
    pub prompt: Option<Vec<Piece>>,
    pub response: Option<Vec<Piece>>,
    /// In the order of the right trace; what is only in the left one stands where it was.
    pub steps: Vec<StepPair>,
}

/// A part of two texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    pub change: Change,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Same,
    OnlyLeft,
    OnlyRight,
}

/// A step of each, or of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepPair {
    pub pairing: Pairing,
    pub left: Option<Side>,
    pub right: Option<Side>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pairing {
    /// The same tool with the same arguments.
    Same,
    /// The same tool with other arguments.
    Changed,
    /// The same call at another place.
    Moved,
    OnlyLeft,
    OnlyRight,
}

/// A step, as a comparison shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its position, from 0.
    pub step: usize,
    pub tool_name: String,
    pub kind: Option<StepKind>,
    pub success: bool,
    /// In ms.
    pub duration: f64,
    pub tokens: Option<i64>,
    pub error: Option<String>,
}
