use fastrand::Rng;
use tracellm_trace::Timestamp;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Traces that a day has about, where there are too few for a month.
const TRACES_OF_A_DAY: u64 = 300;
const MOST_DAYS: u64 = 30;
/// How busy each hour of a working day is, in UTC.
const HOURS: [f64; 24] =
    [0.12, 0.1, 0.08, 0.08, 0.1, 0.18, 0.35, 0.6, 0.85, 1.0, 1.0, 0.95, 0.75, 0.9, 1.0, 0.98, 0.9, 0.75, 0.6, 0.5, 0.42, 0.35, 0.25, 0.17];
const WEEKEND: f64 = 0.35;
/// Of a hundred traces of its project that begin in a burst, so many fail.
pub const BURST_FAILURES: u32 = 65;

/// When made-up traces begin: over a day or up to a month, as busy as people are awake, with hours in which a project fails.
pub struct Calendar {
    begin: i64,
    end: i64,
    count: u64,
    /// How busy it was up to the end of each minute.
    busy: Vec<f64>,
    bursts: Vec<Burst>,
}

struct Burst {
    begin: i64,
    end: i64,
    project: usize,
}

impl Calendar {
    /// For so many traces, the last of which begin shortly before `end`.
    pub fn new(rng: &mut Rng, end: Timestamp, count: u64, projects: usize) -> Self {
        let days = (count / TRACES_OF_A_DAY).clamp(1, MOST_DAYS) as i64;
        let (begin, end) = (end.millis() - days * DAY, end.millis());
        let mut sum = 0.0;
        let busy = (begin..end).step_by(MINUTE as usize).map(|minute| {
            sum += busyness(minute) * (0.7 + 0.6 * rng.f64());
            sum
        });
        let busy = busy.collect();
        // About one in three days, of half an hour to three.
        let bursts = (0..(days + 2) / 3).map(|_| {
            let from = rng.i64(begin..end);
            Burst { begin: from, end: from + rng.i64(30..180) * MINUTE, project: rng.usize(..projects) }
        });
        let bursts = bursts.collect();
        Self { begin, end, count, busy, bursts }
    }

    /// When the trace of a place begins, in ms since 1970; in the order of their places, the oldest first.
    pub fn begin_of(&self, rng: &mut Rng, place: u64) -> i64 {
        let most = self.busy.last().copied().unwrap_or_default();
        let share = most * ((place % self.count.max(1)) as f64 + rng.f64()) / self.count.max(1) as f64;
        let minute = self.busy.partition_point(|busy| *busy <= share) as i64;
        (self.begin + minute * MINUTE + rng.i64(0..MINUTE)).min(self.end - 1)
    }

    pub fn is_failing(&self, project: usize, time: i64) -> bool {
        self.bursts.iter().any(|burst| burst.project == project && (burst.begin..burst.end).contains(&time))
    }
}

fn busyness(time: i64) -> f64 {
    // The first of January 1970 was a Thursday.
    let (day, hour) = ((time.div_euclid(DAY) + 3).rem_euclid(7), time.rem_euclid(DAY) / (60 * MINUTE));
    HOURS[hour as usize] * if day > 4 { WEEKEND } else { 1.0 }
}
