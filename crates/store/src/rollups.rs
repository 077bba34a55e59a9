//! Sums that are kept beside the traces, so that nobody adds up a million of them for a chart.

use std::ops::Range;

use tracellm_trace::{
    FacetBy, Filter, Status, Timestamp,
    stats::{Sample, Sums},
};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    Minute,
    Quarter,
    Hour,
    Day,
}

impl Level {
    /// In ms.
    pub fn width(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Quarter => 900_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Quarter => "quarter",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The start of the period that holds a moment.
    pub fn period_of(self, millis: i64) -> i64 {
        millis.div_euclid(self.width()) * self.width()
    }
}

/// By which names sums are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Grain {
    /// By none: what an overview without filters needs, in the fewest rows.
    All,
    Project,
    /// By project, environment, model and status.
    Full,
}

impl Grain {
    pub const ALL: [Self; 3] = [Self::All, Self::Project, Self::Full];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Project => "project",
            Self::Full => "full",
        }
    }

    /// The levels that are kept, the longest first. A minute has hardly more traces than sums by every name.
    pub fn levels(self) -> &'static [Level] {
        match self {
            Self::All | Self::Project => &[Level::Day, Level::Hour, Level::Quarter, Level::Minute],
            Self::Full => &[Level::Day, Level::Hour],
        }
    }
}

/// Which sums: of a period, and of these names. Names by which its grain does not tell apart are empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub grain: Grain,
    pub level: Level,
    /// Its start, in ms since 1970.
    pub period: i64,
    pub project_id: String,
    pub environment: String,
    pub model_name: String,
    pub status: &'static str,
}

impl Cell {
    /// All that a trace counts in.
    pub fn all_of<'a>(sample: &'a Sample<'a>) -> impl Iterator<Item = Self> + 'a {
        Grain::ALL.into_iter().flat_map(move |grain| grain.levels().iter().map(move |&level| Self::of(sample, grain, level)))
    }

    /// What a trace counts in, at a grain and a level.
    pub fn of(sample: &Sample, grain: Grain, level: Level) -> Self {
        let name = |least: Grain, name: &str| if grain >= least { name.to_owned() } else { String::new() };
        Self {
            grain,
            level,
            period: level.period_of(sample.created_at.map_or(0, Timestamp::millis)),
            project_id: name(Grain::Project, sample.project_id),
            environment: name(Grain::Full, sample.environment),
            model_name: name(Grain::Full, sample.model_name),
            status: if grain == Grain::Full { sample.status.as_str() } else { "" },
        }
    }
}

/// Which traces of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Only {
    #[default]
    All,
    Retried,
    Slow,
}

impl Only {
    /// How many of those that were added up.
    pub fn of(self, sums: &Sums) -> u64 {
        match self {
            Self::All => sums.traces,
            Self::Retried => sums.retried,
            Self::Slow => sums.slow,
        }
    }
}

/// A filter that rollups can answer: names and time, and nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names<'a> {
    pub project_id: Option<&'a str>,
    pub environment: Option<&'a str>,
    pub model_name: Option<&'a str>,
    pub status: Option<Status>,
    /// But for all of them, there are counts alone.
    pub only: Only,
}

impl<'a> Names<'a> {
    /// Taken apart field by field, so that a new one can't be forgotten here.
    pub fn of(filter: &'a Filter) -> Option<Self> {
        let Filter {
            status,
            model,
            project_id,
            environment,
            latency_min: None,
            latency_max: None,
            token_min: None,
            token_max: None,
            from: _,
            to: _,
            last: _,
            q: None,
            session_id: None,
            user_id: None,
            tag: None,
            retried,
            slow,
        } = filter
        else {
            return None;
        };
        let (project_id, environment, model_name) = (project_id.as_deref(), environment.as_deref(), model.as_deref());
        let only = match (retried, slow) {
            (false, false) => Only::All,
            (true, false) => Only::Retried,
            (false, true) => Only::Slow,
            (true, true) => return None,
        };
        Some(Self { project_id, environment, model_name, status: *status, only })
    }

    /// The one name that is asked for beside a project, where there is one: how many have it is counted beside coarser sums, too.
    pub fn single(&self) -> Option<(FacetBy, &'a str, Self)> {
        let rest = Self { project_id: self.project_id, ..Self::default() };
        let single = match *self {
            Self { only: Only::All, environment: Some(name), model_name: None, status: None, .. } => (FacetBy::Environment, name),
            Self { only: Only::All, environment: None, model_name: Some(name), status: None, .. } => (FacetBy::Model, name),
            Self { only: Only::All, environment: None, model_name: None, status: Some(status), .. } => (FacetBy::Status, status.as_str()),
            _ => return None,
        };
        Some((single.0, single.1, rest))
    }

    /// The coarsest that tells them apart.
    pub fn grain(&self) -> Grain {
        match self {
            Self { environment: None, model_name: None, status: None, project_id: None, .. } => Grain::All,
            Self { environment: None, model_name: None, status: None, .. } => Grain::Project,
            _ => Grain::Full,
        }
    }
}

/// The range of a filter, open where it says nothing; the end is not included.
pub(crate) fn open_range(filter: &Filter) -> (i64, i64) {
    (filter.from.unwrap_or(Timestamp::MIN).millis(), filter.to.map_or(Timestamp::MAX.millis() + 1, Timestamp::millis))
}

/// What a filter matches in a part of time.
pub(crate) fn within(filter: &Filter, part: Part) -> Filter {
    // Behind the last moment that there is, nothing ends the part.
    Filter { from: Some(Timestamp::from_millis_clamped(part.from)), to: Timestamp::from_millis(part.to), ..filter.clone() }
}

/// A stretch of time, the end not included, in ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The level whose periods fill it; none where it is shorter than any, so that the traces themselves must be added up.
    pub level: Option<Level>,
    pub from: i64,
    pub to: i64,
}

/// A range as the fewest periods of some levels, which stand with the longest first.
pub(crate) fn parts(from: i64, to: i64, levels: &[Level]) -> Vec<Part> {
    let mut parts = Vec::new();
    split(from, to, levels, &mut parts);
    parts
}

/// The same where some stretches must be added up as if they were shorter than any period; these are in order and apart.
pub(crate) fn parts_but(from: i64, to: i64, levels: &[Level], dirty: &[Range<i64>]) -> Vec<Part> {
    let (mut parts, mut begin) = (Vec::new(), from);
    for stretch in dirty.iter().filter(|_| from < to) {
        let (start, end) = (stretch.start.clamp(begin, to), stretch.end.clamp(begin, to));
        split(begin, start, levels, &mut parts);
        split(start, end, &[], &mut parts);
        begin = end;
    }
    split(begin, to, levels, &mut parts);
    parts
}

fn split(from: i64, to: i64, levels: &[Level], parts: &mut Vec<Part>) {
    let Some((&level, shorter)) = levels.split_first() else {
        if from < to {
            parts.push(Part { level: None, from, to });
        }
        return;
    };
    let (begin, end) = (level.period_of(from + level.width() - 1), level.period_of(to));
    if begin >= end {
        return split(from, to, shorter, parts);
    }
    split(from, begin, shorter, parts);
    parts.push(Part { level: Some(level), from: begin, to: end });
    split(end, to, shorter, parts);
}

#[cfg(test)]
mod tests {
    use super::{
        Level::{Day, Hour, Minute},
        Part, parts, parts_but,
    };

    #[test]
    fn parts_fill_a_range_without_gap_or_overlap() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let from = rng.i64(-200_000_000..200_000_000);
            let longest = [100, 100_000, 10_000_000, 400_000_000][rng.usize(..4)];
            let to = from + rng.i64(0..longest);
            for levels in [&[Day, Hour, Minute][..], &[Hour, Minute], &[Minute], &[Day, Hour], &[]] {
                let parts = parts(from, to, levels);
                assert_eq!(parts.iter().map(|part| part.to - part.from).sum::<i64>(), to - from);
                assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
                assert!(parts.first().is_none_or(|first| first.from == from));
                let shortest = levels.last().map_or(i64::MAX, |level| level.width());
                for Part { level, from, to } in parts {
                    assert!(
                        from < to
                            && level.is_none_or(|level| levels.contains(&level) && from % level.width() == 0 && to % level.width() == 0)
                    );
                    assert!(level.is_some() || shortest == i64::MAX || to - from < 2 * shortest);
                }
            }
        }
    }

    #[test]
    fn what_is_dirty_is_in_no_period() {
        let mut rng = fastrand::Rng::with_seed(8);
        for _ in 0..2_000 {
            let from = rng.i64(-200_000_000..200_000_000);
            let to = from + rng.i64(0..400_000_000);
            let mut dirty: Vec<std::ops::Range<i64>> = Vec::new();
            for _ in 0..rng.usize(..4) {
                let after = dirty.last().map_or(from - 100_000_000, |last| last.end);
                let start = Minute.period_of(after + rng.i64(1..90_000_000));
                dirty.push(start..start + [Minute, Hour, Day][rng.usize(..3)].width());
            }
            let parts = parts_but(from, to, &[Day, Hour, Minute], &dirty);
            assert_eq!(parts.iter().map(|part| part.to - part.from).sum::<i64>(), to - from);
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from));
            let overlaps = |part: &Part| dirty.iter().any(|stretch| stretch.start < part.to && part.from < stretch.end);
            assert!(parts.iter().all(|part| part.level.is_none() || !overlaps(part)));
            let clean: i64 = parts.iter().filter(|part| part.level.is_none() && !overlaps(part)).map(|part| part.to - part.from).sum();
            assert!(clean < 2 * Minute.width(), "all but the ends is told by periods");
        }
    }

    #[test]
    fn the_longest_periods_come_first() {
        let day = Day.width();
        let of =
            |from, to| parts(from, to, &[Day, Hour, Minute]).into_iter().map(|part| (part.level, part.to - part.from)).collect::<Vec<_>>();
        assert_eq!(of(0, 30 * day), [(Some(Day), 30 * day)]);
        assert_eq!(of(-1, 2 * 3_600_000 + 60_001), [(None, 1), (Some(Hour), 7_200_000), (Some(Minute), 60_000), (None, 1)]);
        assert_eq!(of(5, 5), []);
    }
}
