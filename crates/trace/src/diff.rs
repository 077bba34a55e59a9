use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::StepKind;

/// How one trace differs from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Word by word; none where both are the same.
    pub prompt: Option<Vec<Piece>>,
    pub response: Option<Vec<Piece>>,
    /// In the order of the right trace; what is only in the left one stands where it was.
    pub steps: Vec<StepRow>,
    /// How many pairs there are of each kind.
    pub counts: BTreeMap<Pairing, usize>,
    /// Rows that are left out behind the last.
    pub more: usize,
    /// By how many of its steps a trace is compared that has more.
    pub of_first: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepRow {
    Pair(StepPair),
    /// So many pairs in a row that are the same in both.
    Same(usize),
}

impl StepRow {
    /// Rows up to which all are told.
    const MOST: usize = 1_000;
    /// What is the same is told so far from what differs.
    const CONTEXT: usize = 3;

    /// Pairs as rows, without most of what is the same, and how many more there would be.
    pub fn of(pairs: Vec<StepPair>) -> (Vec<Self>, usize) {
        let mut rows = Vec::new();
        let all = pairs.len();
        let mut pairs = pairs.into_iter().enumerate().peekable();
        while let Some((place, pair)) = pairs.next() {
            if pair.pairing != Pairing::Same {
                rows.push(Self::Pair(pair));
                continue;
            }
            let mut run = vec![pair];
            while let Some((_, pair)) = pairs.next_if(|(_, pair)| pair.pairing == Pairing::Same) {
                run.push(pair);
            }
            let head = if place == 0 { 0 } else { Self::CONTEXT };
            let tail = if place + run.len() == all { 0 } else { Self::CONTEXT };
            let folded = run.len().saturating_sub(head + tail);
            let is_folded = folded > Self::CONTEXT && all > Self::CONTEXT * 10;
            for (at, pair) in run.into_iter().enumerate() {
                if is_folded && at == head {
                    rows.push(Self::Same(folded));
                }
                if !is_folded || at < head || at >= head + folded {
                    rows.push(Self::Pair(pair));
                }
            }
        }
        let more = rows.len().saturating_sub(Self::MOST);
        rows.truncate(Self::MOST);
        (rows, more)
    }
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
