//! Sums that are kept beside the traces, so that nobody adds up a million of them for a chart.

use tracellm_trace::{
    Filter, Status, Timestamp,
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
        let millis = sample.created_at.map_or(0, Timestamp::millis);
        Grain::ALL.into_iter().flat_map(move |grain| {
            grain.levels().iter().map(move |&level| {
                let name = |least: Grain, name: &str| if grain >= least { name.to_owned() } else { String::new() };
                Self {
                    grain,
                    level,
                    period: level.period_of(millis),
                    project_id: name(Grain::Project, sample.project_id),
                    environment: name(Grain::Full, sample.environment),
                    model_name: name(Grain::Full, sample.model_name),
                    status: if grain == Grain::Full { sample.status.as_str() } else { "" },
                }
            })
        })
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

    /// The coarsest that tells them apart.
    pub fn grain(&self) -> Grain {
        match self {
            Self { environment: None, model_name: None, status: None, project_id: None, .. } => Grain::All,
            Self { environment: None, model_name: None, status: None, .. } => Grain::Project,
            _ => Grain::Full,
        }
    }
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
        Part, parts,
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
    fn the_longest_periods_come_first() {
        let day = Day.width();
        let of =
            |from, to| parts(from, to, &[Day, Hour, Minute]).into_iter().map(|part| (part.level, part.to - part.from)).collect::<Vec<_>>();
        assert_eq!(of(0, 30 * day), [(Some(Day), 30 * day)]);
        assert_eq!(of(-1, 2 * 3_600_000 + 60_001), [(None, 1), (Some(Hour), 7_200_000), (Some(Minute), 60_000), (None, 1)]);
        assert_eq!(of(5, 5), []);
    }
}
