use std::{collections::BTreeSet, ops::Range};

use tracellm_trace::Timestamp;

use crate::rollups::Level;

/// Minutes or hours that are marked by themselves.
const MOST: usize = 8;

/// Whole minutes whose traces the sums may not know; the end is not included. In ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub from: i64,
    pub to: i64,
}

impl Stretch {
    /// What has no time.
    pub const UNDATED: Self = Self { from: i64::MIN, to: i64::MIN };

    pub fn of(level: Level, millis: i64) -> Self {
        let from = level.period_of(millis);
        Self { from, to: from + level.width() }
    }

    /// The period that holds a moment.
    pub fn around(level: Level, moment: Timestamp) -> Self {
        if moment == Timestamp::MIN { Self::UNDATED } else { Self::of(level, moment.millis()) }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Those that hold some moments; where they are many, longer and fewer ones.
    pub fn all_of(moments: impl IntoIterator<Item = Timestamp>) -> BTreeSet<Self> {
        let (undated, dated): (Vec<_>, Vec<_>) = moments.into_iter().partition(|moment| *moment == Timestamp::MIN);
        let at = |level: Level| dated.iter().map(|moment| Self::of(level, moment.millis())).collect::<BTreeSet<_>>();
        let shorter = [Level::Minute, Level::Hour].into_iter().map(at).find(|stretches| stretches.len() <= MOST);
        let undated = undated.first().map(|_| Self::UNDATED);
        shorter.unwrap_or_else(|| at(Level::Day)).into_iter().chain(undated).collect()
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
