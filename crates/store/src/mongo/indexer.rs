use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use mongodb::Database;
use tokio::time::sleep;

use super::{
    brake::Brake,
    index::{self, Build, Kind, Progress},
    lease::Tenure,
    marks::{self, Mark, Standing, UNINDEXED},
    rollups,
    stretches::{Cover, Stretch},
    work::Pace,
};
use crate::{StoreError, ingest::now, rollups::Level};

/// How often the search index looks for what came since, as the newest comes first, while a mark of sums rests.
const TURNS: u32 = 2;
/// An hour that is over is brought together once nothing came to it for this long, in times of the same.
const QUIET: u32 = 6;

/// Brings into the search index what nobody writes any more: tick by tick, and all that an hour has in one once it is over.
pub(super) struct Indexer {
    brake: Arc<Brake>,
    pace: Pace,
    /// How long the last tick took.
    took: Duration,
    /// The term of the lease in which all of this was found.
    term: u64,
    standing: Standing,
    /// The times that are marked, or will be by us.
    marked: BTreeSet<Stretch>,
    /// The hour or day in one that is being made.
    whole: Option<Whole>,
    /// The hours that have ticks.
    apart: BTreeMap<Stretch, Apart>,
    /// The hour that is being brought together.
    merge: Option<Build>,
    /// What could not be made, and is tried after all others.
    unreadable: BTreeSet<Stretch>,
    /// Whether ticks took all of the last turn; then hours and days come before them, every other time.
    is_behind: bool,
}

/// An hour or a day that is made in one, in as many turns as it takes.
struct Whole {
    build: Build,
    /// What it answers: those that rested when it was begun.
    marks: Vec<Mark>,
}

/// An hour that has ticks.
struct Apart {
    is_sealed: bool,
    /// When that became so, or the last tick was made.
    since: Instant,
}

/// What became of a time that was to be made.
enum Built {
    /// It is there, and so is what was written under these.
    Done(Vec<Mark>),
    /// Not now: it is made with a longer one that is marked, or goes on in the next turn, before all others.
    Later,
    /// The lease is another's.
    Lost,
}

impl Built {
    fn of(progress: Progress, marks: Vec<Mark>) -> Self {
        match progress {
            Progress::Done => Self::Done(marks),
            Progress::Paused => Self::Later,
            Progress::Lost => Self::Lost,
        }
    }
}

impl Indexer {
    pub fn new(brake: Arc<Brake>, pace: Pace) -> Self {
        Self {
            brake,
            pace,
            took: Duration::ZERO,
            term: 0,
            standing: Standing::default(),
            marked: BTreeSet::new(),
            whole: None,
            apart: BTreeMap::new(),
            merge: None,
            unreadable: BTreeSet::new(),
            is_behind: false,
        }
    }

    /// Goes on, the newest first. Says whether something is left to do at once.
    pub async fn turn(&mut self, database: &Database, tenure: Tenure<'_>) -> Result<bool, StoreError> {
        let done = async {
            // None has begun before the first.
            if tenure.term == 0 || !tenure.holds(database).await? {
                return Ok(None);
            }
            let done = self.go_on(database, tenure).await;
            tenure.note(&done).await;
            done.map(Some)
        };
        let done = done.await;
        // Nobody waits for what does not go on.
        let goes_on = matches!(done, Ok(Some(_)) | Err(StoreError::Failed(_)));
        self.brake.set(if goes_on { lacks(&self.standing, self.took) } else { Duration::ZERO });
        Ok(done?.unwrap_or(false))
    }

    async fn go_on(&mut self, database: &Database, tenure: Tenure<'_>) -> Result<bool, StoreError> {
        let (mut begin, turn) = (Instant::now(), self.pace.rests / TURNS);
        if self.term != tenure.term {
            let apart = index::by_ticks(database).await?.into_iter().map(|(hour, is_sealed)| (hour, Apart { is_sealed, since: begin }));
            *self = Self { term: tenure.term, apart: apart.collect(), ..Self::new(self.brake.clone(), self.pace) };
        }
        self.standing.read(database, UNINDEXED).await?;
        if !tenure.is_settled().await {
            return Ok(false);
        }
        self.marked = self.standing.all().map(|mark| mark.stretch).collect();
        // A mark ends once it holds no more. Whoever reads what stood before it has done so by then, or soon after where its writer was closed.
        let Pace { holds, late, .. } = self.pace;
        let (rested, resting) = self.standing.rested(|mark| if mark.has_ended { holds } else { late });
        let resting = Cover::of(resting.into_iter().map(|mark| mark.stretch));
        let (mut answered, mut failed, mut is_left) = (BTreeSet::new(), None, false);
        let (last, mut first): (Vec<_>, Vec<_>) =
            rested.iter().rev().map(|mark| mark.stretch).partition(|stretch| self.unreadable.contains(stretch));
        if self.is_behind {
            first.sort_by_key(|stretch| stretch.is_tick());
        }
        for stretch in iter::once(None).chain(first.into_iter().chain(last).map(Some)) {
            let making = stretch.or(self.whole.as_ref().map(|whole| whole.build.stretch));
            let built = match stretch {
                // What is made in one has a turn of its own, as it may wait for nothing that comes meanwhile.
                None => {
                    let built = self.make(database, tenure, || begin.elapsed() < turn).await;
                    begin = Instant::now();
                    built
                }
                Some(stretch) if answered.contains(&stretch) || self.is_for_later(stretch) => continue,
                Some(_) if begin.elapsed() > turn => {
                    is_left = true;
                    break;
                }
                Some(stretch) => {
                    // What was written under the others of the same time will be there, too.
                    let within = rested.iter().filter(|mark| stretch.holds(mark.stretch)).cloned().collect();
                    self.build(database, tenure, (stretch, within), &resting, || begin.elapsed() < turn).await
                }
            };
            match built {
                Ok(Built::Done(marks)) => {
                    if !tenure.holds(database).await? {
                        return Ok(false);
                    }
                    marks::remove(database, UNINDEXED, &marks).await?;
                    answered.extend(marks.into_iter().map(|mark| mark.stretch));
                }
                Ok(Built::Later) => {}
                Ok(Built::Lost) => return Ok(false),
                // What can't be read stays marked, and keeps nothing else out.
                Err(error @ StoreError::Failed(_)) => {
                    self.unreadable.extend(making);
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.unreadable.retain(|stretch| self.marked.contains(stretch) && !answered.contains(stretch));
        self.is_behind = is_left && !self.is_behind;
        is_left |= self.whole.is_some() || (!is_left && self.merge(database, tenure, || begin.elapsed() < turn).await?);
        failed.map_or(Ok(is_left), Err)
    }

    /// Whether a time is made after another: in one with an hour or a day that is over, or once the one is there that is being made.
    fn is_for_later(&self, stretch: Stretch) -> bool {
        let now = now().millis();
        let longer = [Level::Hour, Level::Day].map(|level| Stretch::of(level, stretch.from));
        let is_within = |longer: &Stretch| longer.holds(stretch) && *longer != stretch && longer.to <= now && self.marked.contains(longer);
        (self.whole.is_some() && !stretch.is_tick()) || longer.iter().any(is_within)
    }

    /// Brings a time into the index, with what is marked within; or else marks, or waits for, a longer one that is made in one.
    async fn build(
        &mut self,
        database: &Database,
        tenure: Tenure<'_>,
        (stretch, within): (Stretch, Vec<Mark>),
        resting: &Cover,
        may: impl Fn() -> bool,
    ) -> Result<Built, StoreError> {
        let (hour, day) = (Stretch::of(Level::Hour, stretch.from), Stretch::of(Level::Day, stretch.from));
        let form = index::Form::of(database, day).await?;
        if stretch == day && !form.is_whole {
            let hours = rollups::starts(Level::Hour, day).into_iter().map(|hour| Stretch::of(Level::Hour, hour));
            marks::put_ended(database, UNINDEXED, hours).await?;
            if !tenure.holds(database).await? {
                return Ok(Built::Lost);
            }
            self.leave_apart(day);
            index::take_apart(database, day).await?;
            return Ok(Built::Done(within));
        }
        let is_over = hour.to <= now().millis();
        let whole = if form.is_whole || !form.is_so {
            Some((day, Kind::Day))
        } else if (is_over && stretch == hour) || index::is_sealed(database, hour).await? {
            Some((hour, Kind::Hour))
        } else {
            None
        };
        // Nothing of another's is taken away, however long that took.
        if !tenure.holds(database).await? {
            return Ok(Built::Lost);
        }
        let Some((whole, kind)) = whole else {
            self.leave_apart(hour);
            self.apart.insert(hour, Apart { is_sealed: false, since: Instant::now() });
            return Ok(Built::of(self.tick(database, tenure, stretch).await?, within));
        };
        if !self.is_ready(database, stretch, whole, resting).await? {
            return Ok(Built::Later);
        }
        self.leave_apart(whole);
        self.whole = Some(Whole { build: index::begin(database, whole, kind).await?, marks: within });
        self.make(database, tenure, may).await
    }

    /// Goes on with what is made in one.
    async fn make(&mut self, database: &Database, tenure: Tenure<'_>, may: impl Fn() -> bool) -> Result<Built, StoreError> {
        let Some(mut whole) = self.whole.take() else { return Ok(Built::Later) };
        let progress = whole.build.go_on(database, tenure, may).await?;
        if progress == Progress::Paused {
            self.whole = Some(whole);
            return Ok(Built::Later);
        }
        Ok(Built::of(progress, whole.marks))
    }

    /// Makes a tick, and learns of marks meanwhile, so that they rest.
    async fn tick(&mut self, database: &Database, tenure: Tenure<'_>, stretch: Stretch) -> Result<Progress, StoreError> {
        let begin = Instant::now();
        let make = async { index::begin(database, stretch, Kind::Tick).await?.go_on(database, tenure, || true).await };
        let learn = async {
            loop {
                sleep(self.pace.every).await;
                // Another time, where that fails: the tick goes on.
                if self.standing.read(database, UNINDEXED).await.is_ok() {
                    let took = if stretch.is_tick() { begin.elapsed().max(self.took) } else { self.took };
                    self.brake.set(lacks(&self.standing, took));
                }
            }
        };
        let made = match select(pin!(make), pin!(learn)).await {
            Either::Left((made, _)) => made?,
            Either::Right((never, _)) => never,
        };
        if stretch.is_tick() {
            self.took = begin.elapsed();
        }
        Ok(made)
    }

    /// Whether what is made in one can be made because of a mark within it. Where it is not of all of it, all is marked first.
    async fn is_ready(&mut self, database: &Database, marked: Stretch, whole: Stretch, resting: &Cover) -> Result<bool, StoreError> {
        if marked != whole && self.marked.insert(whole) {
            marks::put_ended(database, UNINDEXED, [whole]).await?;
        }
        // Otherwise it would be made anew for each that comes.
        Ok(marked == whole && !resting.touches(whole))
    }

    /// Forgets what was known of a time that is made anew.
    fn leave_apart(&mut self, time: Stretch) {
        self.whole = self.whole.take().filter(|whole| !time.holds(whole.build.stretch));
        self.merge = self.merge.take().filter(|build| !time.holds(build.stretch));
        self.apart.retain(|hour, _| !time.holds(*hour));
    }

    /// Brings the ticks of hours together, beside which they tell until that is done. Says whether something is left.
    async fn merge(&mut self, database: &Database, tenure: Tenure<'_>, may: impl Fn() -> bool) -> Result<bool, StoreError> {
        let (now, pace) = (now().millis(), self.pace);
        let mut hours: Vec<Stretch> = self.apart.keys().copied().collect();
        // What is begun comes first.
        hours.sort_by_key(|hour| self.merge.as_ref().is_some_and(|build| build.stretch == *hour));
        while let Some(hour) = hours.pop() {
            let Some(&Apart { is_sealed, since }) = self.apart.get(&hour) else { continue };
            if !tenure.holds(database).await? {
                return Ok(false);
            }
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
            match build.go_on(database, tenure, &may).await? {
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

/// How long the ticks that were marked lately take, if each takes as long as one did.
fn lacks(standing: &Standing, took: Duration) -> Duration {
    let since = now().millis() - Level::Hour.width();
    let ticks = standing.all().map(|mark| mark.stretch).filter(|stretch| stretch.is_tick() && stretch.to > since);
    let count = ticks.collect::<BTreeSet<_>>().len();
    took.mul_f64(count as f64)
}
