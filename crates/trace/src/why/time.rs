use super::Gap;
use crate::{Step, Trace, tree::Tree};

/// Gaps that are told, at most.
const GAPS: usize = 5;
/// The least share of the trace that a gap must take to be told.
const SHARE: f64 = 0.05;

/// Starts are whole ms, durations are not: a step may seem to begin so much before the one it waited for ends.
const ROUNDING: f64 = 1.0;

/// From and to, in ms after the first start.
type Stretch = (f64, f64);

/// When the steps of a trace ran.
pub(crate) struct Times {
    whole: Stretch,
    steps: Vec<Stretch>,
}

impl Times {
    pub fn of(trace: &Trace) -> Self {
        let starts = trace.steps.iter().map(|step| step.timestamp.millis());
        let origin = starts.chain([trace.created_at.millis()]).min().unwrap_or_default();
        let of = |start: i64, duration: f64| {
            let from = (start - origin) as f64;
            (from, (from + duration).min(f64::MAX))
        };
        let steps: Vec<Stretch> = trace.steps.iter().map(|step: &Step| of(step.timestamp.millis(), step.duration)).collect();
        let whole = of(trace.created_at.millis(), trace.latency);
        let whole = steps.iter().fold(whole, |(from, to), step| (from.min(step.0), to.max(step.1)));
        Self { whole, steps }
    }

    pub fn length(&self) -> f64 {
        self.whole.1 - self.whole.0
    }

    /// Starts in ms after the first of all.
    pub fn starts(&self) -> impl Iterator<Item = f64> {
        self.steps.iter().map(|step| step.0)
    }

    pub fn ended(&self, step: usize) -> f64 {
        self.steps[step].1
    }

    /// Walks back from the end: whichever step ended last is what the end waited for, and the same before and within it.
    pub fn critical(&self, mut tree: Tree) -> Vec<(usize, f64)> {
        let mut tops: Vec<usize> = tree.tops().collect();
        let mut path = Vec::new();
        // A step with what of its time is on the path; none is the trace itself.
        let mut open = vec![(None, self.whole)];
        while let Some((own, (from, to))) = open.pop() {
            let below = own.map_or(&mut tops, |step: usize| &mut tree.children[step]);
            below.sort_by(|a, b| self.steps[*b].1.total_cmp(&self.steps[*a].1));
            let (mut until, mut waited) = (to, 0.0);
            for &step in &*below {
                let (begin, end) = (self.steps[step].0.max(from), self.steps[step].1.min(to));
                // What ended later than this began was not waited for.
                if end <= until + ROUNDING && begin < end.min(until) {
                    let end = end.min(until);
                    open.push((Some(step), (begin, end)));
                    waited += end - begin;
                    until = begin;
                }
            }
            if let Some(step) = own {
                path.push((step, (to - from - waited).max(0.0)));
            }
        }
        path.sort_by(|a, b| self.steps[a.0].0.total_cmp(&self.steps[b.0].0).then(a.0.cmp(&b.0)));
        path
    }

    /// The longest stretches of the trace in which none of its innermost steps ran.
    pub fn gaps(&self, tree: &Tree) -> Vec<Gap> {
        if self.steps.is_empty() {
            return Vec::new();
        }
        let mut leaves: Vec<usize> = (0..self.steps.len()).filter(|step| tree.is_leaf(*step)).collect();
        leaves.sort_by(|a, b| self.steps[*a].0.total_cmp(&self.steps[*b].0));
        let least = self.length() * SHARE;
        let (mut after, mut until) = (None, self.whole.0);
        let mut gaps = Vec::new();
        let ends = leaves.into_iter().map(|step| (Some(step), self.steps[step])).chain([(None, (self.whole.1, self.whole.1))]);
        for (step, (from, to)) in ends {
            if from - until >= least && from > until {
                gaps.push(Gap { after, from: until, length: from - until });
            }
            if to >= until {
                (after, until) = (step, to);
            }
        }
        gaps.sort_by(|a, b| b.length.total_cmp(&a.length));
        gaps.truncate(GAPS);
        gaps
    }
}
