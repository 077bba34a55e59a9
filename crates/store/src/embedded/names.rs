use std::collections::BTreeMap;

use rusqlite::Connection;
use tracellm_trace::{FacetBy, FacetNames, Filter, stats::Sample};

use super::{errors::unreadable, queries, rollups};
use crate::{
    StoreError,
    rollups::{Names, parts, within},
};

/// How many traces of a sum have which status, model, project and environment. Kept of sums that are not told apart by them, so that
/// counting names takes a row of each period and not one of each name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameCounts(BTreeMap<FacetBy, BTreeMap<String, u64>>);

impl NameCounts {
    pub fn add(&mut self, sample: &Sample) {
        for (by, value) in FacetNames::from(sample).each() {
            let counts = self.0.entry(by).or_default();
            match counts.get_mut(value) {
                Some(count) => *count += 1,
                None => drop(counts.insert(value.to_owned(), 1)),
            }
        }
    }

    /// Takes away a trace that was added.
    pub fn remove(&mut self, sample: &Sample) {
        for (by, value) in FacetNames::from(sample).each() {
            let counts = self.0.entry(by).or_default();
            match counts.get_mut(value) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(counts.remove(value)),
            }
        }
    }

    /// As they stand beside the sums.
    pub fn write(&self) -> Result<String, StoreError> {
        serde_json::to_string(&self.0).map_err(unreadable)
    }

    pub fn read(text: &str) -> Result<Self, StoreError> {
        if text.is_empty() { Ok(Self::default()) } else { serde_json::from_str(text).map(Self).map_err(unreadable) }
    }
}

/// Counts the names of a range, for a filter that asks for a project and time, or for time alone.
pub(super) fn each(
    connection: &Connection,
    filter: &Filter,
    names: &Names,
    (from, to): (i64, i64),
    mut count: impl FnMut(FacetBy, &str, u64),
) -> Result<(), StoreError> {
    for part in parts(from, to, names.grain().levels()) {
        match part.level {
            None => queries::each(connection, &within(filter, part), |sample| {
                FacetNames::from(sample).each().into_iter().for_each(|(by, value)| count(by, value, 1));
            })?,
            Some(level) => rollups::each_of("names FROM rollups", connection, names.grain(), level, part, names, |row| {
                for (by, counts) in NameCounts::read(rollups::text(row, 0)?)?.0 {
                    counts.iter().for_each(|(value, traces)| count(by, value, *traces));
                }
                Ok(())
            })?,
        }
    }
    Ok(())
}
