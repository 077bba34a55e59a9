use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Document, doc, oid::ObjectId},
};
use tokio::{sync::oneshot, time::timeout};
use tracellm_trace::Timestamp;

use super::{
    TRACES,
    connect::Connection,
    encode::date,
    expiry, index,
    lease::Lease,
    marks::{self, Mark, Marks, Stretch, UNINDEXED, UNSUMMED},
    of_primary,
    rollups::{self, Cells},
};
use crate::{
    StoreError, TraceKey,
    rollups::{Grain, Level},
};

/// After so long the search index waits for the next turn.
const INDEXING: Duration = Duration::from_secs(5);
/// How often as long as marks rest an owner of the lease may be silent.
const GONE: u32 = 2;
/// Of sums of another form nothing is kept.
const FORM: i64 = 1;
const STATE: &str = "state";
/// Who marks everything that stands when sums are begun.
const BEGINNING: &str = "/beginning";
/// Documents of other writers are looked for again for so long behind the newest, in s: writers' clocks differ.
const OVERLAP: u32 = 600;
/// How often that is done.
const LOOK_BACK: Duration = Duration::from_secs(60);
/// Documents of other writers that are looked at together.
const FOREIGN: i64 = 10_000;

/// When sums are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often is looked for marks.
    pub every: Duration,
    /// How long a mark holds.
    pub holds: Duration,
    /// How long a mark must stand unchanged until its traces are added up: longer than twice the above, as nobody may write under it then.
    pub rests: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { every: Duration::from_secs(2), holds: Duration::from_secs(3), rests: Duration::from_secs(10) }
    }
}

/// Adds up what is marked, until it is told to stop.
pub(super) async fn run(connection: Arc<Connection>, marks: Arc<Marks>, pace: Pace, mut stopped: oneshot::Receiver<()>) {
    let mut roller = Roller {
        lease: Lease::new(GONE * pace.rests),
        marks,
        pace,
        foreign: None,
        looked_back: None,
        known: HashSet::new(),
        expiring: HashSet::new(),
        seen: HashMap::new(),
        days: HashMap::new(),
    };
    let mut has_failed = false;
    loop {
        let turn = async {
            let database = connection.database().await?;
            roller.turn(database).await
        };
        let done = turn.await;
        match &done {
            // The database may be away for long; that is said elsewhere, too.
            Err(error) if !has_failed => tracing::warn!("adding up traces: {error}"),
            Err(error) => tracing::debug!("adding up traces: {error}"),
            Ok(_) => {}
        }
        has_failed = done.is_err();
        let pause = if matches!(done, Ok(true)) { Duration::ZERO } else { pace.every };
        if timeout(pause, &mut stopped).await.is_ok() {
            if let Ok(database) = connection.database().await
                && let Err(error) = roller.lease.leave(database).await
            {
                tracing::debug!("leaving the sums to others: {error}");
            }
            return;
        }
    }
}

struct Roller {
    lease: Lease,
    marks: Arc<Marks>,
    pace: Pace,
    /// The newest document of another writer whose time is marked.
    foreign: Option<ObjectId>,
    looked_back: Option<Instant>,
    /// Those that are no news when it looks back.
    known: HashSet<ObjectId>,
    expiring: HashSet<TraceKey>,
    /// The marks that stand, since when they are known.
    seen: HashMap<Mark, Instant>,
    /// The same of days that the search index lacks.
    days: HashMap<Mark, Instant>,
}

impl Roller {
    /// Says whether something is left to do at once.
    async fn turn(&mut self, database: &Database) -> Result<bool, StoreError> {
        if !self.lease.take(database).await? {
            self.foreign = None;
            return Ok(false);
        }
        let mut newest = match self.foreign {
            Some(newest) => newest,
            None => match State::read(database).await? {
                Some(state) => state.foreign,
                None => {
                    let state = begin(database).await?;
                    // Under these marks nobody writes, so they need no rest.
                    let rested = Instant::now().checked_sub(self.pace.rests);
                    let marks = marks::read(database, UNSUMMED).await?.into_iter().filter(|mark| mark.id.ends_with(BEGINNING));
                    self.seen = marks.filter_map(|mark| Some((mark, rested?))).collect();
                    state.foreign
                }
            },
        };
        self.mark_foreign(database, &mut newest).await?;
        self.foreign = Some(newest);
        expiry::mark(database, &self.marks, &mut self.expiring).await?;
        let found = marks::read(database, UNSUMMED).await?;
        let now = Instant::now();
        let since = |mark: &Mark| self.seen.get(mark).copied().unwrap_or(now);
        self.seen = found.into_iter().map(|mark| (since(&mark), mark)).map(|(since, mark)| (mark, since)).collect();
        let rests = self.pace.rests;
        let mut rested: Vec<Mark> =
            self.seen.iter().filter(|(_, since)| now.duration_since(**since) >= rests).map(|(mark, _)| mark.clone()).collect();
        rested.sort_unstable_by_key(|mark| mark.stretch);
        self.roll(database, &rested).await?;
        self.index(database).await
    }

    /// Brings into the search index what nobody writes any more, the newest first. Says whether something is left to do at once.
    async fn index(&mut self, database: &Database) -> Result<bool, StoreError> {
        let begin = Instant::now();
        let mut all = marks::read(database, UNINDEXED).await?;
        all.sort_unstable_by_key(|mark| Reverse(mark.stretch));
        let unsummed = marks::read(database, UNSUMMED).await?;
        let is_day = |mark: &Mark| mark.stretch == Stretch::of(Level::Day, mark.stretch.from);
        let since = |mark: &Mark| self.days.get(mark).copied().unwrap_or(begin);
        self.days = all.iter().filter(|mark| is_day(mark)).map(|mark| (mark.clone(), since(mark))).collect();
        let mut days = BTreeSet::new();
        let is_ready = |mark: &&Mark| !unsummed.iter().any(|unsummed| unsummed.stretch.overlaps(mark.stretch));
        for mark in all.iter().filter(is_ready) {
            // So that sums are made meanwhile.
            if begin.elapsed() > INDEXING || !self.lease.hold(database).await? {
                return Ok(true);
            }
            let day = Stretch::of(Level::Day, mark.stretch.from);
            let mut done = vec![mark.clone()];
            if let Some(since) = self.days.get(mark).copied() {
                // Whoever reads what stood before the mark has done so by now.
                if since.elapsed() < self.pace.holds {
                    continue;
                }
                if index::Form::of(database, day).await?.is_whole {
                    index::build_day(database, day).await?;
                    done.extend(all.iter().filter(|hour| hour.stretch.overlaps(day)).cloned());
                } else {
                    let hours = rollups::starts(Level::Hour, day).into_iter().map(|hour| Stretch::of(Level::Hour, hour));
                    marks::put(database, UNINDEXED, &hours.collect::<Vec<_>>()).await?;
                    index::take_apart(database, day).await?;
                }
            } else if days.contains(&day) || all.iter().any(|other| other.stretch == day) {
                continue;
            } else {
                let form = index::Form::of(database, day).await?;
                if form.is_whole || !form.is_so {
                    marks::put(database, UNINDEXED, &[day]).await?;
                    days.insert(day);
                    continue;
                }
                index::build_hour(database, mark.stretch).await?;
            }
            if !self.lease.hold(database).await? {
                return Ok(false);
            }
            marks::remove(database, UNINDEXED, &done).await?;
        }
        Ok(false)
    }

    /// Marks the time of what others have inserted.
    async fn mark_foreign(&mut self, database: &Database, newest: &mut ObjectId) -> Result<(), StoreError> {
        let begin = *newest;
        let looks_back = self.looked_back.is_none_or(|at| at.elapsed() >= LOOK_BACK);
        let mut behind = begin;
        if looks_back {
            behind = seconds_before(begin, OVERLAP);
            self.looked_back = Some(Instant::now());
            self.known.retain(|id| *id > behind);
        }
        loop {
            let found = foreign(database, behind, FOREIGN).await?;
            let is_last = found.len() < FOREIGN as usize;
            let unknown = found.iter().filter(|(id, _)| !self.known.contains(id)).map(|(_, moment)| *moment);
            self.marks.make(database, &Stretch::all_of(unknown)).await?;
            if let Some((last, _)) = found.last() {
                behind = *last;
                *newest = behind.max(*newest);
            }
            self.known.extend(found.into_iter().map(|(id, _)| id));
            if is_last {
                break;
            }
        }
        if *newest != begin {
            let told = doc! { "$set": { "foreign": *newest } };
            rollups::notes(database).update_one(doc! { "_id": STATE }, told).await?;
        }
        Ok(())
    }

    /// Adds up what is marked, day by day, and takes the marks away.
    async fn roll(&mut self, database: &Database, rested: &[Mark]) -> Result<(), StoreError> {
        let mut days: Vec<(i64, Vec<Mark>)> = Vec::new();
        for mark in rested {
            let day = Level::Day.period_of(mark.stretch.from.max(Timestamp::MIN.millis()));
            match days.last_mut().filter(|(last, _)| *last == day && mark.stretch != Stretch::UNDATED) {
                Some((_, marks)) => marks.push(mark.clone()),
                None => days.push((day, vec![mark.clone()])),
            }
        }
        for (_, marks) in days {
            let mut touched = BTreeSet::new();
            for mark in &marks {
                match mark.stretch {
                    Stretch::UNDATED => rollups::replace_undated(database).await?,
                    stretch => {
                        for hour in rollups::starts(Level::Hour, stretch) {
                            let end = (hour + Level::Hour.width()).min(stretch.to);
                            let minutes = Stretch { from: hour.max(stretch.from), to: end };
                            let cells = rollups::add_up(database, minutes).await?;
                            // Adding up may have taken long, and another may have begun since.
                            if !self.lease.hold(database).await? {
                                return Ok(());
                            }
                            put_minutes(database, minutes, &cells).await?;
                            touched.insert(hour);
                        }
                    }
                }
            }
            for hour in &touched {
                if !self.lease.hold(database).await? {
                    return Ok(());
                }
                roll_up(database, Level::Minute, &[Level::Quarter, Level::Hour], Stretch::of(Level::Hour, *hour)).await?;
            }
            for day in touched.iter().map(|hour| Level::Day.period_of(*hour)).collect::<BTreeSet<_>>() {
                roll_up(database, Level::Hour, &[Level::Day], Stretch::of(Level::Day, day)).await?;
            }
            if !self.lease.hold(database).await? {
                return Ok(());
            }
            let hours: Vec<_> = touched.into_iter().map(|hour| Stretch::of(Level::Hour, hour)).collect();
            marks::put(database, UNINDEXED, &hours).await?;
            marks::remove(database, UNSUMMED, &marks).await?;
        }
        Ok(())
    }
}

async fn put_minutes(database: &Database, stretch: Stretch, cells: &Cells) -> Result<(), StoreError> {
    for grain in Grain::ALL {
        let cells = rollups::coarsen(cells, grain, Level::Minute);
        rollups::replace(database, (grain, Level::Minute), stretch.from..stretch.to, &cells).await?;
    }
    Ok(())
}

/// Makes longer periods of shorter ones.
async fn roll_up(database: &Database, from: Level, to: &[Level], stretch: Stretch) -> Result<(), StoreError> {
    let range = stretch.from..stretch.to;
    let shorter = rollups::read(database, (Grain::Full, from), range.clone(), None).await?;
    let cells = rollups::cells(shorter, Grain::Full, from)?;
    for grain in Grain::ALL {
        for &level in to.iter().filter(|level| rollups::levels(grain).contains(level)) {
            match &cells {
                Some(cells) => rollups::replace(database, (grain, level), range.clone(), &rollups::coarsen(cells, grain, level)).await?,
                None => rollups::replace_untold(database, (grain, level), range.clone()).await?,
            }
        }
    }
    Ok(())
}

/// What is known of all sums.
pub(super) struct State {
    /// The newest document of another writer whose time is marked.
    pub foreign: ObjectId,
}

impl State {
    /// None where sums were never begun, or are of another form.
    pub async fn read(database: &Database) -> Result<Option<Self>, StoreError> {
        let notes = rollups::notes(database).clone_with_type::<Document>();
        let found = notes.find_one(doc! { "_id": STATE, "form": FORM }).await?;
        Ok(found.and_then(|state| Some(Self { foreign: state.get_object_id("foreign").ok()? })))
    }
}

/// Begins anew: everything that there is is marked.
async fn begin(database: &Database) -> Result<State, StoreError> {
    tracing::info!("all traces are added up, once");
    let notes = rollups::notes(database);
    notes.delete_many(doc! { "_id": { "$ne": "lease" } }).await?;
    index::clear(database).await?;
    let any = doc! { "_id": { "$gte": ObjectId::from_bytes([0; 12]), "$lte": ObjectId::from_bytes([255; 12]) } };
    let newest = of_primary(database, TRACES).find_one(any).sort(doc! { "_id": -1 }).projection(doc! { "_id": 1 }).await?;
    let newest = newest.and_then(|raw| raw.get_object_id("_id").ok()).unwrap_or(ObjectId::from_bytes([0; 12]));
    let mut all = vec![Stretch::UNDATED];
    let mut from = Timestamp::MIN.plus(1.0);
    while let Some(day) = next_day(database, from).await? {
        all.push(day);
        let Some(end) = Timestamp::from_millis(day.to) else { break };
        from = end;
    }
    marks::put_by(database, UNSUMMED, BEGINNING, &all).await?;
    notes.clone_with_type::<Document>().insert_one(doc! { "_id": STATE, "form": FORM, "foreign": newest }).await?;
    Ok(State { foreign: newest })
}

/// The first day, from a moment on, in which a trace began.
pub(super) async fn next_day(database: &Database, from: Timestamp) -> Result<Option<Stretch>, StoreError> {
    let dated = doc! { "created_at": { "$gte": date(from), "$lte": date(Timestamp::MAX) } };
    let traces = of_primary(database, TRACES);
    let first = traces.find_one(dated).sort(doc! { "created_at": 1 }).projection(doc! { "created_at": 1 });
    let first = first.await?.and_then(|raw| raw.get_datetime("created_at").ok());
    Ok(first.map(|first| Stretch::of(Level::Day, first.timestamp_millis())))
}

/// Documents of other writers behind one, in order, and when they began.
pub(super) async fn foreign(database: &Database, behind: ObjectId, most: i64) -> Result<Vec<(ObjectId, Timestamp)>, StoreError> {
    let newer = doc! { "_id": { "$gt": behind, "$lte": ObjectId::from_bytes([255; 12]) } };
    let traces = of_primary(database, TRACES);
    let found = traces.find(newer).sort(doc! { "_id": 1 }).projection(doc! { "created_at": 1 }).limit(most);
    let mut found = found.await?;
    let mut documents = Vec::new();
    while let Some(raw) = found.try_next().await? {
        if let Ok(id) = raw.get_object_id("_id") {
            documents.push((id, marks::moment(&raw)));
        }
    }
    Ok(documents)
}

fn seconds_before(id: ObjectId, seconds: u32) -> ObjectId {
    let mut bytes = [0; 12];
    let [a, b, c, d, ..] = id.bytes();
    bytes[..4].copy_from_slice(&u32::from_be_bytes([a, b, c, d]).saturating_sub(seconds).to_be_bytes());
    ObjectId::from_bytes(bytes)
}
