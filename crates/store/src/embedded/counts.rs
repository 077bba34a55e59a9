use std::collections::BTreeMap;

use rusqlite::Connection;
use tracellm_trace::{FacetBy, FacetNames, Filter};

use super::{errors::unreadable, queries, rollups};
use crate::{
    StoreError,
    rollups::{Names, parts, within},
};

/// How many traces have which values, in one text: counting those of a range takes a row of each period, and not one of each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<FacetBy, BTreeMap<String, i64>>);

impl Counts {
    /// Counts so many more, or fewer.
    pub fn change(&mut self, by: FacetBy, value: &str, traces: i64) {
        let values = self.0.entry(by).or_default();
        match values.get_mut(value) {
            Some(count) => *count += traces,
            None => drop(values.insert(value.to_owned(), traces)),
        }
    }

    pub fn change_names(&mut self, names: &FacetNames, traces: i64) {
        names.each().into_iter().for_each(|(by, value)| self.change(by, value, traces));
    }

    pub fn merge(&mut self, other: &Self) {
        other.each().for_each(|(by, value, traces)| self.change(by, value, traces));
    }

    pub fn each(&self) -> impl Iterator<Item = (FacetBy, &str, i64)> {
        self.0.iter().flat_map(|(by, values)| values.iter().map(move |(value, traces)| (*by, value.as_str(), *traces)))
    }

    /// As text; empty where there is nothing to count.
    pub fn write(&mut self) -> Result<String, StoreError> {
        self.0.values_mut().for_each(|values| values.retain(|_, traces| *traces > 0));
        self.0.retain(|_, values| !values.is_empty());
        if self.0.is_empty() { Ok(String::new()) } else { serde_json::to_string(&self.0).map_err(unreadable) }
    }

    pub fn read(text: &str) -> Result<Self, StoreError> {
        if text.is_empty() { Ok(Self::default()) } else { serde_json::from_str(text).map(Self).map_err(unreadable) }
    }
}

/// Counts status, model, project and environment of a range, for a filter that asks for a project and time, or for time alone.
pub(super) fn each_name(
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
                let counts = Counts::read(rollups::text(row, 0)?)?;
                counts.each().for_each(|(by, value, traces)| count(by, value, traces.unsigned_abs()));
                Ok(())
            })?,
        }
    }
    Ok(())
}
