use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use super::Keyset;
use crate::{Trace, TraceSummary};

/// The order of a list; ties are broken by trace id, then project, in the same direction. Traces without the value come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sort {
    pub by: SortBy,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    CreatedAt,
    Latency,
    TokenCount,
    CostUsd,
}

/// What a trace is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// Milliseconds since 1970, or tokens.
    Whole(i64),
    /// Milliseconds, or US dollars; finite.
    Number(f64),
    Absent,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: SortBy::CreatedAt, descending: true }
    }
}

impl SortBy {
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::Latency, Self::TokenCount, Self::CostUsd];

    /// The field of that name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Latency => "latency",
            Self::TokenCount => "token_count",
            Self::CostUsd => "cost_usd",
        }
    }

    /// The value in a trace.
    pub fn of(self, trace: &Trace) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Whole(trace.created_at.millis()),
            Self::Latency => SortValue::Number(trace.latency),
            Self::TokenCount => SortValue::Whole(trace.token_count),
            Self::CostUsd => trace.cost_usd.map_or(SortValue::Absent, SortValue::Number),
        }
    }

    /// The value in a row of a list.
    pub fn of_row(self, row: &TraceSummary) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Whole(row.created_at.millis()),
            Self::Latency => SortValue::Number(row.latency),
            Self::TokenCount => SortValue::Whole(row.token_count),
            Self::CostUsd => row.cost_usd.map_or(SortValue::Absent, SortValue::Number),
        }
    }
}

impl SortValue {
    /// The lesser first; absent counts as greater than all. Two values of one field are of one kind.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Absent, Self::Absent) => Ordering::Equal,
            (Self::Absent, _) => Ordering::Greater,
            (_, Self::Absent) => Ordering::Less,
            (Self::Whole(a), Self::Number(b)) => (a as f64).partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Number(a), Self::Whole(b)) => a.partial_cmp(&(b as f64)).unwrap_or(Ordering::Equal),
        }
    }
}

impl Sort {
    /// Every sort, for messages and menus.
    pub fn all() -> impl Iterator<Item = Self> {
        SortBy::ALL.into_iter().flat_map(|by| [true, false].map(|descending| Self { by, descending }))
    }

    pub fn from_word(word: &str) -> Option<Self> {
        let (field, descending) = word.strip_prefix('-').map_or((word, false), |field| (field, true));
        let by = SortBy::ALL.into_iter().find(|by| by.as_str() == field)?;
        Some(Self { by, descending })
    }

    pub fn allowed() -> String {
        Self::all().map(|sort| sort.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The order of two traces in a list.
    pub fn compare(self, a: &Trace, b: &Trace) -> Ordering {
        self.compare_places(&Keyset::of(self.by, a), &Keyset::of(self.by, b))
    }

    /// The order of two places in a list.
    pub fn compare_places(self, a: &Keyset, b: &Keyset) -> Ordering {
        let turn = |ordering: Ordering| if self.descending { ordering.reverse() } else { ordering };
        let values = match (a.value, b.value) {
            // Last in either direction.
            (value, other) if (value == SortValue::Absent) != (other == SortValue::Absent) => value.compare(other),
            (value, other) => turn(value.compare(other)),
        };
        values.then_with(|| turn((&a.trace_id, &a.project_id).cmp(&(&b.trace_id, &b.project_id))))
    }
}

/// `-latency`: the greatest first.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.as_str())
    }
}

impl From<Sort> for String {
    fn from(sort: Sort) -> Self {
        sort.to_string()
    }
}

impl TryFrom<String> for Sort {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::from_word(&word).ok_or_else(|| format!("must be one of {}", Self::allowed()))
    }
}
