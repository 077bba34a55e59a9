use super::{Sample, Sketch};
use crate::Status;

/// Parts of a millisecond, and of a dollar, in which is added up: whole numbers add up to the same in any order, and what was added can be
/// taken away again.
const OF_MS: f64 = 1e9;
const OF_USD: f64 = 1e15;
/// What lies beyond, 30 million years, counts as that.
const MOST_MS: f64 = 1e18;
const MOST_USD: f64 = 1e12;

/// Sums over traces. Two of them add up, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub traces: u64,
    pub success: u64,
    pub warning: u64,
    pub failed: u64,
    pub slow: u64,
    /// Traces with a retry.
    pub retried: u64,
    /// In 10⁻⁹ ms.
    pub latency: i128,
    /// Wide enough for as many of the greatest counts as there can be.
    pub tokens: i128,
    /// In 10⁻¹⁵ US dollars.
    pub cost: i128,
    pub retries: i128,
    pub latencies: Sketch,
}

impl Sums {
    pub fn add(&mut self, sample: &Sample) {
        self.traces += 1;
        *self.of_status(sample.status) += 1;
        self.slow += u64::from(sample.slow_request);
        self.retried += u64::from(sample.retry_count > 0);
        self.latency += latency(sample.latency);
        self.tokens += i128::from(sample.token_count);
        self.cost += cost(sample.cost_usd.unwrap_or(0.0));
        self.retries += i128::from(sample.retry_count);
        self.latencies.add(sample.latency);
    }

    /// Takes away a trace that was added.
    pub fn remove(&mut self, sample: &Sample) {
        self.traces -= 1;
        *self.of_status(sample.status) -= 1;
        self.slow -= u64::from(sample.slow_request);
        self.retried -= u64::from(sample.retry_count > 0);
        self.latency -= latency(sample.latency);
        self.tokens -= i128::from(sample.token_count);
        self.cost -= cost(sample.cost_usd.unwrap_or(0.0));
        self.retries -= i128::from(sample.retry_count);
        self.latencies.remove(sample.latency);
    }

    fn of_status(&mut self, status: Status) -> &mut u64 {
        match status {
            Status::Success => &mut self.success,
            Status::Warning => &mut self.warning,
            Status::Failed => &mut self.failed,
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.traces += other.traces;
        self.success += other.success;
        self.warning += other.warning;
        self.failed += other.failed;
        self.slow += other.slow;
        self.retried += other.retried;
        self.latency += other.latency;
        self.tokens += other.tokens;
        self.cost += other.cost;
        self.retries += other.retries;
        self.latencies.merge(&other.latencies);
    }

    /// In ms; 0 of nothing.
    pub fn mean_latency(&self) -> f64 {
        if self.traces == 0 { 0.0 } else { self.latency as f64 / OF_MS / self.traces as f64 }
    }

    pub fn cost_usd(&self) -> f64 {
        self.cost as f64 / OF_USD
    }
}

/// Milliseconds ≥ 0 as [`Sums::latency`] counts them.
pub fn latency(ms: f64) -> i128 {
    (ms.min(MOST_MS) * OF_MS).round() as i128
}

/// US dollars ≥ 0 as [`Sums::cost`] counts them.
pub fn cost(usd: f64) -> i128 {
    (usd.min(MOST_USD) * OF_USD).round() as i128
}

/// The form in which sums are kept: whole numbers in as few bytes as each needs, the most usual ones first.
mod bytes {
    use super::Sums;
    use crate::stats::Sketch;

    impl Sums {
        pub fn to_bytes(&self) -> Vec<u8> {
            let mut bytes = Vec::with_capacity(32 + 3 * self.latencies.counts().len());
            for count in [self.traces, self.success, self.warning, self.failed, self.slow, self.retried] {
                put(&mut bytes, count.into());
            }
            for sum in [self.latency, self.tokens, self.cost, self.retries] {
                put(&mut bytes, zigzag(sum));
            }
            let mut last = 0;
            for &(index, count) in self.latencies.counts() {
                put(&mut bytes, zigzag(i128::from(index) - last));
                put(&mut bytes, count.into());
                last = i128::from(index);
            }
            bytes
        }

        /// None where these are no sums.
        pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
            let mut counts = [0; 6];
            for count in &mut counts {
                *count = u64::try_from(take(&mut bytes)?).ok()?;
            }
            let mut sums = [0; 4];
            for sum in &mut sums {
                *sum = unzigzag(take(&mut bytes)?);
            }
            let ([traces, success, warning, failed, slow, retried], [latency, tokens, cost, retries]) = (counts, sums);
            let mut latencies = Sketch::default();
            let mut last = 0;
            while !bytes.is_empty() {
                last += unzigzag(take(&mut bytes)?);
                latencies.add_count(i32::try_from(last).ok()?, u64::try_from(take(&mut bytes)?).ok()?);
            }
            Some(Self { traces, success, warning, failed, slow, retried, latency, tokens, cost, retries, latencies })
        }
    }

    /// Seven bits a byte, the lowest first; all but the last have the highest bit set.
    fn put(bytes: &mut Vec<u8>, mut number: u128) {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }

    fn take(bytes: &mut &[u8]) -> Option<u128> {
        // Most have one byte.
        if let Some((&byte, rest)) = bytes.split_first().filter(|(byte, _)| **byte < 0x80) {
            *bytes = rest;
            return Some(byte.into());
        }
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let (byte, rest) = bytes.split_first()?;
            *bytes = rest;
            number |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(number: i128) -> u128 {
        ((number << 1) ^ (number >> 127)) as u128
    }

    fn unzigzag(number: u128) -> i128 {
        (number >> 1) as i128 ^ -((number & 1) as i128)
    }
}

#[cfg(test)]
mod tests {
    use super::Sums;
    use crate::{Status, stats::Sample};

    fn sample(latency: f64, status: Status, cost_usd: Option<f64>) -> Sample<'static> {
        let (model_name, project_id, environment) = ("m", "p", "e");
        let (token_count, retry_count) = (i64::MAX, 3);
        let slow_request = latency >= 1500.0;
        Sample { created_at: None, status, model_name, project_id, environment, latency, token_count, cost_usd, retry_count, slow_request }
    }

    #[test]
    fn what_was_added_can_be_taken_away_and_kept() {
        let samples = [
            sample(0.0, Status::Success, None),
            sample(0.1, Status::Warning, Some(0.1)),
            sample(1e300, Status::Failed, Some(1e300)),
            sample(2_000.25, Status::Failed, Some(1e-9)),
        ];
        let mut sums = Sums::default();
        samples.iter().for_each(|sample| sums.add(sample));
        assert_eq!((sums.traces, sums.failed, sums.slow, sums.retried, sums.tokens), (4, 2, 2, 4, 4 * i128::from(i64::MAX)));
        assert_eq!(Sums::from_bytes(&sums.to_bytes()), Some(sums.clone()));
        sums.remove(&samples[2]);
        assert!((sums.mean_latency() - 2_000.35 / 3.0).abs() < 1e-9 && (sums.cost_usd() - 0.100_000_001).abs() < 1e-14);
        samples.iter().filter(|sample| sample.latency < 1e9).for_each(|sample| sums.remove(sample));
        assert_eq!(sums, Sums::default());
        assert_eq!(Sums::from_bytes(&sums.to_bytes()), Some(sums));
        assert_eq!(Sums::from_bytes(&[]), None);
        assert_eq!(Sums::from_bytes(&[0xff; 40]), None);
    }
}
