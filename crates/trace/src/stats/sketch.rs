/// Greatest relative error of a quantile.
const ERROR: f64 = 0.01;
/// Width of a bucket, as the ratio of its bounds: `(1 + ERROR) / (1 - ERROR)`.
const GAMMA: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// Values up to here, in ms, share one bucket: a nanosecond.
const LEAST: f64 = 1e-6;

/// How many values fell into which logarithmic bucket. Two sketches add up to the sketch of both, whatever their order.
///
/// A quantile is off by at most 1 % of its value. (DDSketch, Masson et al., VLDB 2019.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// By index, in order; none is 0.
    counts: Vec<(i32, u64)>,
}

impl Sketch {
    /// The bucket of a value ≥ 0: `⌈log_γ v⌉`, with all up to [`LEAST`] in the lowest.
    pub fn index(value: f64) -> i32 {
        if value <= LEAST { i32::MIN } else { (value.ln() / GAMMA.ln()).ceil() as i32 }
    }

    pub fn add(&mut self, value: f64) {
        self.add_count(Self::index(value), 1);
    }

    pub fn add_count(&mut self, index: i32, count: u64) {
        // What is read comes in order.
        if self.counts.last().is_none_or(|(last, _)| *last < index) {
            return self.counts.push((index, count));
        }
        match self.counts.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => self.counts[place].1 += count,
            Err(place) => self.counts.insert(place, (index, count)),
        }
    }

    /// Takes away a value that was added.
    pub fn remove(&mut self, value: f64) {
        let Ok(place) = self.counts.binary_search_by_key(&Self::index(value), |(index, _)| *index) else { return };
        self.counts[place].1 -= 1;
        if self.counts[place].1 == 0 {
            self.counts.remove(place);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        if self.merge_known(other) {
            return;
        }
        let mut merged = Vec::with_capacity(self.counts.len().max(other.counts.len()));
        let (mut ours, mut theirs) = (self.counts.iter().copied().peekable(), other.counts.iter().copied().peekable());
        loop {
            merged.push(match (ours.peek(), theirs.peek()) {
                (Some((a, more)), Some((b, count))) if a == b => {
                    let both = (*a, more + count);
                    ours.next();
                    theirs.next();
                    both
                }
                (Some((a, _)), Some((b, _))) if a > b => theirs.next().unwrap_or_default(),
                (Some(_), _) => ours.next().unwrap_or_default(),
                (None, Some(_)) => theirs.next().unwrap_or_default(),
                (None, None) => break,
            });
        }
        self.counts = merged;
    }

    /// Adds up where that takes no new buckets, as it does once many are; else changes nothing and says so.
    fn merge_known(&mut self, other: &Self) -> bool {
        // Both are in order, so that one walk finds all.
        let mut known = self.counts.iter().map(|(index, _)| index);
        if !other.counts.iter().all(|(index, _)| known.any(|known| known == index)) {
            return false;
        }
        let mut ours = self.counts.iter_mut();
        for (index, count) in &other.counts {
            if let Some((_, sum)) = ours.find(|(known, _)| known == index) {
                *sum += count;
            }
        }
        true
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// What fell into each bucket, in their order.
    pub fn counts(&self) -> &[(i32, u64)] {
        &self.counts
    }

    /// The greatest value of a bucket.
    pub fn upper(index: i32) -> f64 {
        if index == i32::MIN { LEAST } else { GAMMA.powi(index) }
    }

    /// The value at nearest rank ⌈p·n⌉, to 1 %; 0 for an empty sketch. `p` is between 0 and 1.
    pub fn quantile(&self, p: f64) -> f64 {
        let rank = ((p * self.count() as f64).ceil() as u64).max(1);
        let mut below = 0;
        for &(index, count) in &self.counts {
            below += count;
            if below >= rank {
                // The point of the bucket that is equally far, in ratio, from its bounds.
                return if index == i32::MIN { 0.0 } else { 2.0 * GAMMA.powi(index) / (GAMMA + 1.0) };
            }
        }
        0.0
    }

    /// `ln γ`, for databases that compute [`Sketch::index`] themselves.
    pub fn ln_gamma() -> f64 {
        GAMMA.ln()
    }

    /// Values up to here are in the lowest bucket.
    pub const LEAST: f64 = LEAST;
}

#[cfg(test)]
mod tests {
    use super::Sketch;

    #[track_caller]
    fn check(values: &[f64]) {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        for p in [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 1.0] {
            let rank = ((p * sorted.len() as f64).ceil() as usize).max(1);
            let (exact, found) = (sorted[rank - 1], sketch.quantile(p));
            assert!((found - exact).abs() <= exact * 0.0101 + 1e-6, "p{p}: {found} for {exact}");
        }
    }

    #[test]
    fn quantiles_are_within_one_per_cent() {
        check(&[1.0]);
        check(&[0.0, 0.0, 5.0]);
        check(&(1..=1000).map(f64::from).collect::<Vec<_>>());
        check(&(0..500).map(|n| 1.07_f64.powi(n)).collect::<Vec<_>>());
        check(&[1e-9, 1e-3, 1e300]);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Sketch::default().quantile(0.5), 0.0);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut whole, mut odd, mut even) = (Sketch::default(), Sketch::default(), Sketch::default());
        for n in 0..1000 {
            let value = f64::from(n) * 1.7;
            whole.add(value);
            if n % 2 == 0 { even.add(value) } else { odd.add(value) }
        }
        odd.merge(&even);
        assert_eq!(odd, whole);
        odd.merge(&even);
        let mut again = whole.clone();
        even.counts().iter().for_each(|(index, count)| again.add_count(*index, *count));
        assert_eq!(odd, again);
    }
}
