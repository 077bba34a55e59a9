use std::{collections::BTreeSet, ops::Range};

use tracellm_trace::Timestamp;

use crate::rollups::Level;

/// Of the same length, so many are marked by themselves.
const MOST: usize = 8;
/// Of what the search index marks the shortest, in ms: what was written last is found by it once nobody writes there any more.
const TICK: i64 = 15_000;

/// A time of whose traces the sums, in whole minutes, or the search index, in whole ticks, may not know; the end is not included. In ms
/// since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub from: i64,
    pub to: i64,
}

impl Stretch {
    /// What has no time.
    pub const UNDATED: Self = Self { from: i64::MIN, to: i64::MIN };

    pub fn of(level: Level, millis: i64) -> Self {
        Self::of_width(level.width(), millis)
    }

    /// The tick that holds a moment.
    pub fn tick(millis: i64) -> Self {
        Self::of_width(TICK, millis)
    }

    pub fn is_tick(self) -> bool {
        self.to - self.from == TICK
    }

    fn of_width(width: i64, millis: i64) -> Self {
        let from = millis.div_euclid(width) * width;
        Self { from, to: from + width }
    }

    /// The period that holds a moment.
    pub fn around(level: Level, moment: Timestamp) -> Self {
        if moment == Timestamp::MIN { Self::UNDATED } else { Self::of(level, moment.millis()) }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether all of another lies in it.
    pub fn holds(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// Those of a width that hold some moments; where they are many, longer and fewer ones.
    fn all_of(width: i64, moments: &[Timestamp]) -> BTreeSet<Self> {
        let at = |width| moments.iter().map(|moment| Self::of_width(width, moment.millis())).collect::<BTreeSet<_>>();
        let shorter = [width, Level::Hour.width()].into_iter().map(at).find(|stretches| stretches.len() <= MOST);
        shorter.unwrap_or_else(|| at(Level::Day.width()))
    }
}

/// Of which times sums and search index do not know once something is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    pub unsummed: BTreeSet<Stretch>,
    /// What has no time, the index never tells.
    pub unindexed: BTreeSet<Stretch>,
}

impl Touched {
    /// By what begins, or began, at these moments.
    pub fn by(moments: impl IntoIterator<Item = Timestamp>) -> Self {
        let (undated, dated): (Vec<_>, Vec<_>) = moments.into_iter().partition(|moment| *moment == Timestamp::MIN);
        let mut unsummed = Stretch::all_of(Level::Minute.width(), &dated);
        unsummed.extend(undated.first().map(|_| Stretch::UNDATED));
        Self { unsummed, unindexed: Stretch::all_of(TICK, &dated) }
    }
}

/// What stretches cover, in order and apart.
pub(super) struct Cover(Vec<Range<i64>>);

impl Cover {
    pub fn of(stretches: impl IntoIterator<Item = Stretch>) -> Self {
        let mut stretches: Vec<_> = stretches.into_iter().filter(|stretch| *stretch != Stretch::UNDATED).collect();
        stretches.sort_unstable();
        let mut apart: Vec<Range<i64>> = Vec::new();
        for Stretch { from, to } in stretches {
            match apart.last_mut().filter(|last| from <= last.end) {
                Some(last) => last.end = last.end.max(to),
                None => apart.push(from..to),
            }
        }
        Self(apart)
    }

    pub fn ranges(&self) -> &[Range<i64>] {
        &self.0
    }

    /// Those of which a part lies in a range.
    pub fn within(&self, range: &Range<i64>) -> &[Range<i64>] {
        let first = self.0.partition_point(|covered| covered.end <= range.start);
        let end = self.0.partition_point(|covered| covered.start < range.end);
        self.0.get(first..end).unwrap_or_default()
    }

    /// Whether all of a stretch is covered.
    pub fn holds(&self, stretch: Stretch) -> bool {
        self.within(&(stretch.from..stretch.to)).iter().any(|range| range.start <= stretch.from && stretch.to <= range.end)
    }

    pub fn touches(&self, stretch: Stretch) -> bool {
        !self.within(&(stretch.from..stretch.to)).is_empty()
    }
}
