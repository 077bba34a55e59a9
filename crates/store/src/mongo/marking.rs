use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    future::{Either, select},
    try_join,
};
use mongodb::{Collection, Database, bson::RawDocumentBuf};
use tokio::time::sleep;
use tracellm_trace::Timestamp;
use uuid::Uuid;

use super::{
    PATIENCE, TRACES,
    awake::Moment,
    marks::{self, Mark, UNINDEXED, UNSUMMED},
    of_primary,
    stretches::{Stretch, Touched},
    within,
};
use crate::{StoreError, rollups::Level};

/// The database, and what this process has marked in it.
#[derive(Clone, Copy)]
pub(super) struct Marked<'a> {
    pub database: &'a Database,
    pub marks: &'a Marks,
    pub is_sharded: bool,
}

impl Marked<'_> {
    pub fn traces(&self) -> Collection<RawDocumentBuf> {
        of_primary(self.database, TRACES)
    }
}

/// Says, before something is written, of which time sums and search index will not be right any more, and when they can be made.
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
    /// Those of each collection.
    made: HashMap<(&'static str, Stretch), Made>,
    /// When the writes began that are on their way, by number.
    writing: BTreeMap<u64, Instant>,
    /// The number of the next.
    next: u64,
}

struct Made {
    mark: Mark,
    at: Moment,
}

impl Own {
    fn new() -> Self {
        Self { maker: Uuid::new_v4(), made: HashMap::new(), writing: BTreeMap::new(), next: 0 }
    }

    /// Of some stretches, the marks to make.
    fn missing(&self, name: &'static str, stretches: &BTreeSet<Stretch>, holds: impl Fn(&Made) -> bool) -> Vec<Mark> {
        let made = |stretch| self.made.get(&(name, stretch)).is_some_and(&holds);
        let longer = |stretch: Stretch| [Level::Hour, Level::Day].map(|level| Stretch::of(level, stretch.from));
        let is_within = |stretch: Stretch| longer(stretch).into_iter().any(|longer| longer.holds(stretch) && made(longer));
        let is_marked = |stretch| made(stretch) || (stretch != Stretch::UNDATED && is_within(stretch));
        let maker = format!("/{}", self.maker.simple());
        stretches.iter().filter(|stretch| !is_marked(**stretch)).map(|stretch| Mark::new(*stretch, &maker, false)).collect()
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
        let touched = Touched::by(moments);
        let mut writing = Writing::begin(self);
        self.make(database, &touched).await?;
        writing.is_open = true;
        // Side by side, as a write that nobody drives would keep its connections from the marks.
        let remake = async {
            loop {
                sleep(self.holds).await;
                if let Err(error) = self.make(database, &touched).await {
                    return error;
                }
            }
        };
        let written = match select(pin!(write), pin!(remake)).await {
            Either::Left((written, _)) => written,
            Either::Right((error, _)) => Err(error),
        };
        // Where the machine slept in between, who adds up did not wait for us.
        self.make(database, &touched).await?;
        writing.is_open = written.is_err();
        written
    }

    /// Makes the marks that do not hold.
    pub async fn make(&self, database: &Database, touched: &Touched) -> Result<(), StoreError> {
        self.make_unless(database, touched, self.holds).await
    }

    /// Makes them long before they hold no more: none ends that is asked for more often.
    pub async fn keep(&self, database: &Database, touched: &Touched) -> Result<(), StoreError> {
        self.make_unless(database, touched, self.holds / 4).await
    }

    async fn make_unless(&self, database: &Database, touched: &Touched, younger: Duration) -> Result<(), StoreError> {
        let _making = self.making.lock().await;
        let at = Moment::now();
        let (maker, unsummed, unindexed) = {
            let own = self.own();
            let missing = |name, stretches| own.missing(name, stretches, |made| made.at.elapsed() < younger);
            (own.maker, missing(UNSUMMED, &touched.unsummed), missing(UNINDEXED, &touched.unindexed))
        };
        try_join!(marks::put(database, UNSUMMED, &unsummed), marks::put(database, UNINDEXED, &unindexed))?;
        let mut own = self.own();
        // Those that were made under a name that we have left meanwhile do not end.
        if own.maker == maker {
            for (name, missing) in [(UNSUMMED, unsummed), (UNINDEXED, unindexed)] {
                own.made.extend(missing.into_iter().map(|mark| ((name, mark.stretch), Made { mark, at })));
            }
        }
        Ok(())
    }

    /// Says under which marks nothing will come any more: those that hold no longer, or all if nobody will write, and under which nothing is
    /// on its way.
    pub async fn end(&self, database: &Database, all: bool) -> Result<(), StoreError> {
        let (mut unsummed, mut unindexed) = (Vec::new(), Vec::new());
        {
            let mut own = self.own();
            let (now, first) = (Instant::now(), own.writing.first_key_value().map(|(_, begin)| *begin));
            let has_ended = |made: &Made| {
                let until = made.at.at + self.holds;
                first.is_none_or(|begin| begin > until) && (all || until < now)
            };
            for ((name, _), Made { mark, .. }) in own.made.extract_if(|_, made| has_ended(made)) {
                if name == UNSUMMED { &mut unsummed } else { &mut unindexed }.push(mark);
            }
        }
        let end = async {
            try_join!(marks::end(database, UNSUMMED, &unsummed), marks::end(database, UNINDEXED, &unindexed))?;
            Ok(())
        };
        within(PATIENCE, end).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Made, Mark, Moment, Own, Stretch, UNSUMMED};

    #[test]
    fn a_mark_stands_for_what_lies_in_it_alone() {
        let [minute, hour, day] = [Level::Minute, Level::Hour, Level::Day].map(|level| Stretch::of(level, 0));
        let of = |made: Stretch| {
            let mut own = Own::new();
            own.made.insert((UNSUMMED, made), Made { mark: Mark::new(made, "", false), at: Moment::now() });
            let missing = own.missing(UNSUMMED, &[minute, hour, day, Stretch::UNDATED].into(), |_| true);
            missing.into_iter().map(|mark| mark.stretch).collect::<Vec<_>>()
        };
        assert_eq!(of(minute), [Stretch::UNDATED, hour, day]);
        assert_eq!(of(hour), [Stretch::UNDATED, day], "the first hour of a day is no day");
        assert_eq!(of(day), [Stretch::UNDATED]);
    }
}
