use std::time::{Duration, Instant};

use mongodb::Database;
use tokio::time::sleep;
use tracellm_trace::Timestamp;

use super::{
    marks::{self, UNINDEXED, UNSUMMED},
    roller::{self, State},
    rollups::{self, Cells},
    stretches::Stretch,
    work::Pace,
};
use crate::{
    Repaired, StoreError,
    rollups::{Grain, Level},
};

/// How often is looked whether what is marked is added up.
const POLL: Duration = Duration::from_millis(50);
/// How often as long as it takes for a day that is marked is waited.
const WAITS: u32 = 10;

/// Compares what is kept with what the traces add up to, day by day, and has made anew what differs.
pub(super) async fn repair(database: &Database, pace: Pace) -> Result<Repaired, StoreError> {
    // Whoever adds up has begun.
    while State::read(database).await?.is_none()
        || marks::read(database, UNSUMMED).await?.iter().any(|mark| mark.stretch == Stretch::UNDATED)
    {
        sleep(POLL).await;
    }
    let (mut repaired, mut from) = (Repaired::default(), Timestamp::MIN);
    let mut wrong = Vec::new();
    while let Some(day) = next_day(database, from).await? {
        // What is marked is added up soon, unless it goes on being written.
        let patience = Instant::now() + WAITS * (pace.rests + pace.every);
        let (cells, of_day) = loop {
            match compare(database, day).await? {
                Some(compared) => break compared,
                None if Instant::now() >= patience => break (0, 0),
                None => sleep(pace.every).await,
            }
        };
        repaired = Repaired { cells: repaired.cells + cells, wrong: repaired.wrong + of_day };
        if of_day > 0 {
            wrong.push(day);
        }
        let Some(end) = Timestamp::from_millis(day.to) else { break };
        from = end;
    }
    let undated = rollups::periods(&rollups::add_up(database, Stretch::UNDATED).await?).pop();
    if rollups::undated(database).await? != undated.map_or(Some(Vec::new()), |period| period.cells) {
        repaired.wrong += 1;
        wrong.push(Stretch::UNDATED);
    }
    marks::put_ended(database, UNSUMMED, wrong.iter().copied()).await?;
    let ours: Vec<_> = marks::read(database, UNSUMMED).await?.into_iter().filter(|mark| wrong.contains(&mark.stretch)).collect();
    while marks::read(database, UNSUMMED).await?.iter().any(|mark| ours.contains(mark)) {
        sleep(POLL).await;
    }
    Ok(repaired)
}

/// How many sums a day has, and how many differ; none where it is to be added up anyway.
async fn compare(database: &Database, day: Stretch) -> Result<Option<(u64, u64)>, StoreError> {
    if is_marked(database, day).await? {
        return Ok(None);
    }
    let minutes = rollups::add_up(database, day).await?;
    // The words of its traces are collected anew in any case.
    marks::put_ended(database, UNINDEXED, [day]).await?;
    let (mut cells, mut wrong) = (0, 0);
    for grain in Grain::ALL {
        for &level in rollups::levels(grain) {
            let fresh = rollups::coarsen(&minutes, grain, level);
            let stored = rollups::read(database, (grain, level), day.from..day.to, None).await?;
            cells += fresh.len() as u64;
            wrong += match rollups::cells(stored, grain, level) {
                Ok(Some(stored)) => differences(&fresh, &stored),
                // What would fit no document is told by none.
                Ok(None) => 0,
                Err(_) => fresh.len().max(1) as u64,
            };
        }
    }
    // Others may have written in between.
    Ok(if is_marked(database, day).await? { None } else { Some((cells, wrong)) })
}

fn differences(fresh: &Cells, stored: &Cells) -> u64 {
    let differs = fresh.iter().filter(|(cell, entry)| stored.get(cell) != Some(entry)).count();
    (differs + stored.keys().filter(|cell| !fresh.contains_key(cell)).count()) as u64
}

/// The first day, from a moment on, that has traces or sums.
async fn next_day(database: &Database, from: Timestamp) -> Result<Option<Stretch>, StoreError> {
    let mut days = vec![roller::next_day(database, from.max(Timestamp::MIN.plus(1.0))).await?];
    for grain in Grain::ALL {
        for &level in rollups::levels(grain) {
            days.push(rollups::next_period(database, (grain, level), from).await?.map(|period| Stretch::of(Level::Day, period)));
        }
    }
    Ok(days.into_iter().flatten().min())
}

/// Whether something of a day is to be added up.
async fn is_marked(database: &Database, day: Stretch) -> Result<bool, StoreError> {
    let marks = marks::read(database, UNSUMMED).await?;
    Ok(marks.iter().any(|mark| mark.stretch.overlaps(day)))
}
