use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::{Either, select};
use mongodb::{Collection, Database, bson::RawDocumentBuf};
use tokio::time::sleep;
use tracellm_trace::Timestamp;
use uuid::Uuid;

use super::{
    PATIENCE, TRACES,
    marks::{self, Mark, UNSUMMED},
    of_primary,
    stretches::Stretch,
    within,
};
use crate::{StoreError, rollups::Level};

/// The database, and what this process has marked in it.
#[derive(Clone, Copy)]
pub(super) struct Marked<'a> {
    pub database: &'a Database,
    pub marks: &'a Marks,
}

impl Marked<'_> {
    pub fn traces(&self) -> Collection<RawDocumentBuf> {
        of_primary(self.database, TRACES)
    }
}

/// Says, before something is written, of which time the sums will not be right any more, and when they can be made.
///
/// A mark holds for a while, so that not every write makes one; a write that takes longer makes its marks anew. Once it holds no more and
/// all that was written under it is answered, it has ended. Of a write without an answer nobody knows whether it is still to be carried
/// out: its marks do not end, as those of a process that was killed, and who adds up waits for longer.
pub(super) struct Marks {
    pub holds: Duration,
    /// Of those who write at once, one makes marks.
    making: tokio::sync::Mutex<()>,
    own: Mutex<Own>,
}

/// The marks of this process that have not ended.
struct Own {
    /// Stands in their ids, as nobody else may end them, nor we those that we have left.
    maker: Uuid,
    made: HashMap<Stretch, Made>,
    /// When the writes began that are on their way, by number.
    writing: BTreeMap<u64, Instant>,
    /// The number of the next.
    next: u64,
}

struct Made {
    mark: Mark,
    at: Instant,
}

impl Own {
    fn new() -> Self {
        Self { maker: Uuid::new_v4(), made: HashMap::new(), writing: BTreeMap::new(), next: 0 }
    }
}

/// A write that is on its way. Where it is dropped once it may have been sent, its marks stay as they are.
struct Writing<'a> {
    marks: &'a Marks,
    number: u64,
    is_open: bool,
}

impl<'a> Writing<'a> {
    fn begin(marks: &'a Marks) -> Self {
        let mut own = marks.own();
        let number = own.next;
        own.next += 1;
        own.writing.insert(number, Instant::now());
        Self { marks, number, is_open: false }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut own = self.marks.own();
        own.writing.remove(&self.number);
        if self.is_open {
            (own.maker, own.made) = (Uuid::new_v4(), HashMap::new());
        }
    }
}

impl Marks {
    pub fn new(holds: Duration) -> Self {
        Self { holds, making: tokio::sync::Mutex::default(), own: Mutex::new(Own::new()) }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes traces that begin, or began, at these moments.
    pub async fn around<T>(
        &self,
        database: &Database,
        moments: impl IntoIterator<Item = Timestamp>,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let stretches = Stretch::all_of(moments);
        let mut writing = Writing::begin(self);
        self.make(database, &stretches).await?;
        writing.is_open = true;
        // Side by side, as a write that nobody drives would keep its connections from the marks.
        let remake = async {
            loop {
                sleep(self.holds).await;
                if let Err(error) = self.make(database, &stretches).await {
                    return error;
                }
            }
        };
        let written = match select(pin!(write), pin!(remake)).await {
            Either::Left((written, _)) => written,
            Either::Right((error, _)) => Err(error),
        };
        // Where the machine slept in between, who adds up did not wait for us.
        self.make(database, &stretches).await?;
        writing.is_open = written.is_err();
        written
    }

    /// Makes the marks that do not hold.
    pub async fn make(&self, database: &Database, stretches: &BTreeSet<Stretch>) -> Result<(), StoreError> {
        let _making = self.making.lock().await;
        let at = Instant::now();
        let (maker, missing): (Uuid, Vec<Mark>) = {
            let own = self.own();
            let made = |stretch: &Stretch| own.made.get(stretch).is_some_and(|made| at.duration_since(made.at) < self.holds);
            let has = |stretch: &Stretch, level| *stretch != Stretch::UNDATED && made(&Stretch::of(level, stretch.from));
            let holds = |stretch: &Stretch| made(stretch) || has(stretch, Level::Hour) || has(stretch, Level::Day);
            let maker = format!("/{}", own.maker.simple());
            let missing = stretches.iter().filter(|stretch| !holds(stretch)).map(|stretch| Mark::new(*stretch, &maker, false));
            (own.maker, missing.collect())
        };
        marks::put(database, UNSUMMED, &missing).await?;
        let mut own = self.own();
        // Those that were made under a name that we have left meanwhile do not end.
        if own.maker == maker {
            own.made.extend(missing.into_iter().map(|mark| (mark.stretch, Made { mark, at })));
        }
        Ok(())
    }

    /// Says of which marks the sums can be made: those that hold no more, or all if nobody will write, and under which nothing is on its way.
    pub async fn end(&self, database: &Database, all: bool) -> Result<(), StoreError> {
        let ended: Vec<Mark> = {
            let mut own = self.own();
            let (now, first) = (Instant::now(), own.writing.first_key_value().map(|(_, begin)| *begin));
            let has_ended = |made: &Made| {
                let until = made.at + self.holds;
                first.is_none_or(|begin| begin > until) && (all || until < now)
            };
            let own = &mut *own;
            own.made.extract_if(|_, made| has_ended(made)).map(|(_, made)| made.mark).collect()
        };
        within(PATIENCE, marks::end(database, UNSUMMED, &ended)).await
    }
}
