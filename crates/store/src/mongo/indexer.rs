use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mongodb::Database;

use super::{
    index,
    lease::Lease,
    marks::{self, Mark, Standing, UNINDEXED, UNSUMMED},
    rollups,
    stretches::{Cover, Stretch},
};
use crate::{StoreError, rollups::Level};

/// After so long the search index waits for the next turn.
const TURN: Duration = Duration::from_secs(5);

/// Brings into the search index what nobody writes any more.
#[derive(Default)]
pub(super) struct Indexer {
    standing: Standing,
}

impl Indexer {
    /// Goes on, the newest first. Says whether something is left to do at once.
    pub async fn turn(&mut self, database: &Database, lease: &mut Lease, holds: Duration) -> Result<bool, StoreError> {
        let begin = Instant::now();
        self.standing.read(database, UNINDEXED).await?;
        let unsummed = Cover::of(marks::read(database, UNSUMMED).await?.into_iter().map(|mark| mark.stretch));
        let is_day = |stretch: &Stretch| *stretch == Stretch::of(Level::Day, stretch.from);
        let mut days: BTreeSet<Stretch> = self.standing.all().map(|mark| mark.stretch).filter(is_day).collect();
        // Whoever reads what stood before a mark has done so by now.
        for mark in self.standing.rested(|_| holds).0.into_iter().rev().filter(|mark| !unsummed.touches(mark.stretch)) {
            // So that sums are made meanwhile.
            if begin.elapsed() > TURN || !lease.hold(database).await? {
                return Ok(true);
            }
            let day = Stretch::of(Level::Day, mark.stretch.from);
            let done = if mark.stretch == day {
                self.day(database, lease, mark).await?
            } else if days.contains(&day) {
                continue;
            } else {
                let form = index::Form::of(database, day).await?;
                if form.is_whole || !form.is_so {
                    marks::put_ended(database, UNINDEXED, [day]).await?;
                    days.insert(day);
                    continue;
                }
                if !index::build_hour(database, lease, mark.stretch).await? {
                    return Ok(false);
                }
                vec![mark]
            };
            if !lease.hold(database).await? {
                return Ok(false);
            }
            marks::remove(database, UNINDEXED, &done).await?;
        }
        Ok(false)
    }

    /// Makes a day anew in one, or leaves it to its hours. Gives the marks that are answered so.
    async fn day(&self, database: &Database, lease: &mut Lease, mark: Mark) -> Result<Vec<Mark>, StoreError> {
        let day = mark.stretch;
        if index::Form::of(database, day).await?.is_whole {
            let is_done = index::build_day(database, lease, day).await?;
            let within = self.standing.all().filter(|mark| mark.stretch.overlaps(day));
            return Ok(if is_done { within.cloned().collect() } else { Vec::new() });
        }
        let hours = rollups::starts(Level::Hour, day).into_iter().map(|hour| Stretch::of(Level::Hour, hour));
        marks::put_ended(database, UNINDEXED, hours).await?;
        index::take_apart(database, day).await?;
        Ok(vec![mark])
    }
}
