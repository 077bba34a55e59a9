use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use mongodb::Database;

use super::{
    index::{self, Build, Kind, Progress},
    lease::Lease,
    marks::{self, Mark, Standing, UNINDEXED},
    roller::Pace,
    rollups,
    stretches::{Cover, Stretch},
};
use crate::{StoreError, ingest::now, rollups::Level};

/// After so long the search index waits for the next turn.
const TURN: Duration = Duration::from_secs(5);
/// An hour that is over is brought together once nothing came to it for this long, in times of what a mark of sums rests.
const QUIET: u32 = 6;

/// Brings into the search index what nobody writes any more: tick by tick, and all that an hour has in one once it is over.
#[derive(Default)]
pub(super) struct Indexer {
    /// The term of the lease in which all of this was found.
    term: u64,
    standing: Standing,
    /// The times that are marked, or will be by us.
    marked: BTreeSet<Stretch>,
    /// Hours and days that are made in one, but not in this turn.
    waiting: Vec<Stretch>,
    /// The hours that have ticks.
    apart: BTreeMap<Stretch, Apart>,
    /// The hour that is being brought together.
    merge: Option<Build>,
}

/// An hour that has ticks.
struct Apart {
    is_sealed: bool,
    /// When that became so, or the last tick was made.
    since: Instant,
}

impl Indexer {
    /// Goes on, the newest first. Says whether something is left to do at once.
    pub async fn turn(&mut self, database: &Database, lease: &mut Lease, pace: Pace) -> Result<bool, StoreError> {
        let begin = Instant::now();
        if self.term != lease.term() {
            let apart = index::by_ticks(database).await?.into_iter().map(|(hour, is_sealed)| (hour, Apart { is_sealed, since: begin }));
            *self = Self { term: lease.term(), apart: apart.collect(), ..Self::default() };
        }
        self.waiting.clear();
        self.standing.read(database, UNINDEXED).await?;
        self.marked = self.standing.all().map(|mark| mark.stretch).collect();
        // A mark ends once it holds no more. Whoever reads what stood before it has done so by then, or soon after where its writer was closed.
        let (rested, resting) = self.standing.rested(|mark| if mark.has_ended { pace.holds } else { pace.late });
        let resting = Cover::of(resting.into_iter().map(|mark| mark.stretch));
        let (mut answered, mut failed) = (BTreeSet::new(), None);
        for stretch in rested.iter().rev().map(|mark| mark.stretch) {
            if answered.contains(&stretch) || self.waiting.iter().any(|whole| whole.holds(stretch) && *whole != stretch) {
                continue;
            }
            // So that sums are made meanwhile.
            if begin.elapsed() > TURN || !lease.hold(database).await? {
                return Ok(true);
            }
            match self.build(database, lease, stretch, &resting).await {
                Ok(true) => {}
                Ok(false) => continue,
                // What can't be read stays marked, and keeps nothing else out.
                Err(error @ StoreError::Failed(_)) => {
                    failed = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            }
            if !lease.hold(database).await? {
                return Ok(false);
            }
            // What was written under the others of the same time was there, too.
            let within: Vec<Mark> = rested.iter().filter(|mark| stretch.holds(mark.stretch)).cloned().collect();
            marks::remove(database, UNINDEXED, &within).await?;
            answered.extend(within.into_iter().map(|mark| mark.stretch));
        }
        let merged = self.merge(database, lease, pace, begin).await?;
        failed.map_or(Ok(merged), Err)
    }

    /// Brings a time into the index; or else marks, or waits for, a longer one that is made in one.
    async fn build(&mut self, database: &Database, lease: &mut Lease, stretch: Stretch, resting: &Cover) -> Result<bool, StoreError> {
        let (hour, day) = (Stretch::of(Level::Hour, stretch.from), Stretch::of(Level::Day, stretch.from));
        let form = index::Form::of(database, day).await?;
        if stretch == day && !form.is_whole {
            let hours = rollups::starts(Level::Hour, day).into_iter().map(|hour| Stretch::of(Level::Hour, hour));
            marks::put_ended(database, UNINDEXED, hours).await?;
            index::take_apart(database, day).await?;
            return Ok(true);
        }
        if form.is_whole || !form.is_so {
            if !self.is_ready(database, stretch, day, resting).await? {
                return Ok(false);
            }
            self.leave_apart(day);
            return index::build(database, lease, day, Kind::Day).await;
        }
        let is_over = hour.to <= now().millis();
        if (is_over && stretch == hour) || index::is_sealed(database, hour).await? {
            if !self.is_ready(database, stretch, hour, resting).await? {
                return Ok(false);
            }
            self.leave_apart(hour);
            return index::build(database, lease, hour, Kind::Hour).await;
        }
        self.leave_apart(hour);
        self.apart.insert(hour, Apart { is_sealed: false, since: Instant::now() });
        index::build(database, lease, stretch, Kind::Tick).await
    }

    /// Whether what is made in one can be made because of a mark within it. Where it is not of all of it, all is marked first.
    async fn is_ready(&mut self, database: &Database, marked: Stretch, whole: Stretch, resting: &Cover) -> Result<bool, StoreError> {
        if marked != whole && self.marked.insert(whole) {
            marks::put_ended(database, UNINDEXED, [whole]).await?;
        }
        // Otherwise it would be made anew for each that comes.
        let is_ready = marked == whole && !resting.touches(whole);
        if !is_ready {
            self.waiting.push(whole);
        }
        Ok(is_ready)
    }

    /// Forgets what was known of the hours of a time that is made anew.
    fn leave_apart(&mut self, time: Stretch) {
        self.merge = self.merge.take().filter(|build| !time.holds(build.stretch));
        self.apart.retain(|hour, _| !time.holds(*hour));
    }

    /// Brings the ticks of hours together, beside which they tell until that is done. Says whether something is left.
    async fn merge(&mut self, database: &Database, lease: &mut Lease, pace: Pace, begin: Instant) -> Result<bool, StoreError> {
        let now = now().millis();
        let mut hours: Vec<Stretch> = self.apart.keys().copied().collect();
        while let Some(hour) = hours.pop() {
            let Some(&Apart { is_sealed, since }) = self.apart.get(&hour) else { continue };
            if is_sealed {
                // Nobody reads them any more.
                if since.elapsed() > pace.holds {
                    index::forget_ticks(database, hour).await?;
                    self.apart.remove(&hour);
                }
                continue;
            }
            let is_quiet = since.elapsed() >= QUIET * pace.rests && !self.marked.iter().any(|marked| marked.overlaps(hour));
            if hour.to > now || !is_quiet {
                continue;
            }
            let mut build = match self.merge.take().filter(|build| build.stretch == hour) {
                Some(build) => build,
                // Once more where nobody heard the answer: the segments behind a seal are all there.
                None if index::is_sealed(database, hour).await? => {
                    self.apart.insert(hour, Apart { is_sealed: true, since: Instant::now() });
                    continue;
                }
                None => index::begin_merge(database, hour).await?,
            };
            match build.go_on(database, lease, || begin.elapsed() < TURN).await? {
                Progress::Done => drop(self.apart.insert(hour, Apart { is_sealed: true, since: Instant::now() })),
                Progress::Paused => {
                    self.merge = Some(build);
                    return Ok(true);
                }
                Progress::Lost => return Ok(false),
            }
        }
        Ok(false)
    }
}
