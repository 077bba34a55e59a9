use rusqlite::Connection;

use super::{facets::FacetCounts, rollups::Rollups};
use crate::StoreError;

/// The numbers that a transaction changes, written at its end.
pub(super) struct Sums<'a> {
    pub rollups: Rollups<'a>,
    pub facets: FacetCounts<'a>,
}

impl<'a> Sums<'a> {
    pub fn new(connection: &'a Connection) -> Self {
        Self { rollups: Rollups::new(connection), facets: FacetCounts::new(connection) }
    }

    pub fn write(self) -> Result<(), StoreError> {
        self.rollups.write()?;
        self.facets.write()
    }
}
