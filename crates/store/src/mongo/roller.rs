use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Document, doc, oid::ObjectId},
};
use tracellm_trace::Timestamp;

use super::{
    LONG_PATIENCE, TRACES,
    encode::date,
    expiry, index,
    lease::{Lease, Tenure},
    marking::Marks,
    marks::{self, Mark, Standing, UNINDEXED, UNSUMMED},
    of_primary,
    rollups::{self, Cells},
    stretches::{Cover, Stretch, Touched},
    within,
    work::Pace,
};
use crate::{
    StoreError,
    rollups::{Grain, Level},
};

/// Of sums of another form nothing is kept.
const FORM: i64 = 4;
const STATE: &str = "state";
/// Who marks everything that stands when sums are begun.
const BEGINNING: &str = "/beginning";
/// Documents of other writers are looked for again for so long behind the newest, in s: writers' clocks differ.
const OVERLAP: u32 = 600;
/// How often that is done.
const LOOK_BACK: Duration = Duration::from_secs(60);
/// Documents of other writers that are looked at together.
const FOREIGN: i64 = 10_000;

/// Adds up what is marked.
pub(super) struct Roller<'a> {
    lease: &'a Lease,
    /// The term of the lease in which all of this was found.
    term: u64,
    /// Where others learn of it.
    begun: &'a AtomicU64,
    marks: Arc<Marks>,
    pace: Pace,
    /// The newest document of another writer whose time is marked.
    foreign: Option<ObjectId>,
    looked_back: Option<Instant>,
    /// Those that are no news when it looks back.
    known: HashSet<ObjectId>,
    standing: Standing,
}

impl<'a> Roller<'a> {
    pub fn new(lease: &'a Lease, marks: Arc<Marks>, pace: Pace, begun: &'a AtomicU64) -> Self {
        let (known, standing) = (HashSet::new(), Standing::default());
        Self { lease, term: 0, begun, marks, pace, foreign: None, looked_back: None, known, standing }
    }

    pub async fn turn(&mut self, database: &Database) -> Result<(), StoreError> {
        let Some(tenure) = within(LONG_PATIENCE, self.lease.take(database)).await? else {
            self.begun.store(0, Ordering::Release);
            return Ok(());
        };
        let done = self.go_on(database, tenure).await;
        tenure.note(&done).await;
        done
    }

    async fn go_on(&mut self, database: &Database, tenure: Tenure<'_>) -> Result<(), StoreError> {
        if !tenure.is_settled().await {
            return self.standing.read(database, UNSUMMED).await;
        }
        if self.term != tenure.term {
            // What expires is marked before the first sums are made, and from then on beside them.
            expiry::mark(database, &self.marks, &mut HashSet::new()).await?;
            (self.term, self.foreign) = (tenure.term, None);
        }
        let mut newest = match self.foreign {
            Some(newest) => newest,
            None => match State::read(database).await? {
                Some(state) => state.foreign,
                None => {
                    let state = begin(database).await?;
                    // Under these marks nobody writes, so they need no rest.
                    let marks = marks::read(database, UNSUMMED).await?.into_iter().filter(|mark| mark.id.ends_with(BEGINNING));
                    if let Some(rested) = Instant::now().checked_sub(self.pace.rests) {
                        self.standing = Standing::since(rested, marks);
                    }
                    state.foreign
                }
            },
        };
        self.mark_foreign(database, &mut newest).await?;
        self.foreign = Some(newest);
        self.begun.store(self.term, Ordering::Release);
        self.standing.read(database, UNSUMMED).await?;
        let Pace { rests, late, .. } = self.pace;
        let (rested, resting) = self.standing.rested(|mark| if mark.has_ended { rests } else { late });
        // Where another stands for longer, adding up is of no use yet.
        let resting = Cover::of(resting.into_iter().map(|mark| mark.stretch));
        let of_earlier = rested.iter().filter(|mark| !mark.index_is_marked && mark.stretch != Stretch::UNDATED);
        let hours = of_earlier.flat_map(|mark| rollups::starts(Level::Hour, mark.stretch)).map(|hour| Stretch::of(Level::Hour, hour));
        marks::put_ended(database, UNINDEXED, hours.collect::<BTreeSet<_>>()).await?;
        let (covered, due): (Vec<_>, Vec<_>) = rested.into_iter().partition(|mark| resting.holds(mark.stretch));
        marks::remove(database, UNSUMMED, &covered).await?;
        self.roll(database, tenure, &due).await
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
            self.marks.make(database, &Touched::by(unknown)).await?;
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
    async fn roll(&self, database: &Database, tenure: Tenure<'_>, rested: &[Mark]) -> Result<(), StoreError> {
        let mut days: Vec<(i64, Vec<Mark>)> = Vec::new();
        for mark in rested {
            let day = Level::Day.period_of(mark.stretch.from.max(Timestamp::MIN.millis()));
            match days.last_mut().filter(|(last, _)| *last == day && mark.stretch != Stretch::UNDATED) {
                Some((_, marks)) => marks.push(mark.clone()),
                None => days.push((day, vec![mark.clone()])),
            }
        }
        for (_, marks) in days {
            let mut touched = Vec::new();
            // Several may have marked the same.
            for stretch in marks.iter().map(|mark| mark.stretch).collect::<BTreeSet<_>>() {
                match stretch {
                    Stretch::UNDATED => rollups::replace_undated(database).await?,
                    stretch => {
                        for hour in rollups::starts(Level::Hour, stretch) {
                            let end = (hour + Level::Hour.width()).min(stretch.to);
                            let minutes = Stretch { from: hour.max(stretch.from), to: end };
                            let cells = within(LONG_PATIENCE, rollups::add_up(database, minutes)).await?;
                            // Adding up may have taken long, and another may have begun since.
                            if !tenure.holds(database).await? {
                                return Ok(());
                            }
                            within(LONG_PATIENCE, put_minutes(database, minutes, &cells)).await?;
                            touched.push(minutes);
                        }
                    }
                }
            }
            let hours: BTreeSet<_> = touched.iter().map(|minutes| Stretch::of(Level::Hour, minutes.from)).collect();
            for hour in &hours {
                if !tenure.holds(database).await? {
                    return Ok(());
                }
                let longer = [Level::Quarter, Level::Hour];
                within(LONG_PATIENCE, roll_up(database, Level::Minute, &longer, *hour, &touched)).await?;
            }
            for day in hours.iter().map(|hour| Stretch::of(Level::Day, hour.from)).collect::<BTreeSet<_>>() {
                within(LONG_PATIENCE, roll_up(database, Level::Hour, &[Level::Day], day, &touched)).await?;
            }
            if !tenure.holds(database).await? {
                return Ok(());
            }
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

/// Makes longer periods of the shorter ones of a stretch: those that hold a part of what was added up. Others are read meanwhile, and stay.
async fn roll_up(database: &Database, from: Level, to: &[Level], stretch: Stretch, touched: &[Stretch]) -> Result<(), StoreError> {
    let shorter = rollups::read(database, (Grain::Full, from), stretch.from..stretch.to, None).await?;
    let cells = rollups::cells(shorter, Grain::Full, from)?;
    for &level in to {
        let ranges = longer(level, stretch, touched);
        for grain in Grain::ALL.into_iter().filter(|grain| rollups::levels(*grain).contains(&level)) {
            let coarse = cells.as_ref().map(|cells| rollups::coarsen(cells, grain, level));
            for range in &ranges {
                match &coarse {
                    Some(cells) => rollups::replace(database, (grain, level), range.clone(), cells).await?,
                    None => rollups::replace_untold(database, (grain, level), range.clone()).await?,
                }
            }
        }
    }
    Ok(())
}

/// Where the periods of a level lie that are in a stretch and hold a part of what was touched.
fn longer(level: Level, stretch: Stretch, touched: &[Stretch]) -> Vec<Range<i64>> {
    let periods = touched.iter().filter(|part| part.overlaps(stretch)).flat_map(|part| rollups::starts(level, *part));
    Cover::of(periods.map(|start| Stretch::of(level, start))).ranges().to_vec()
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
    let mut days = Vec::new();
    let mut from = Timestamp::MIN.plus(1.0);
    while let Some(day) = next_day(database, from).await? {
        days.push(day);
        let Some(end) = Timestamp::from_millis(day.to) else { break };
        from = end;
    }
    let all = days.iter().copied().chain([Stretch::UNDATED]);
    let all: Vec<_> = all.map(|stretch| Mark::new(stretch, BEGINNING, true)).collect();
    marks::put(database, UNSUMMED, &all).await?;
    marks::put_ended(database, UNINDEXED, days).await?;
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
