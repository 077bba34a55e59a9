use crate::Timestamp;

/// How wide the buckets of a chart are, in ms. They begin at multiples of it since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket(i64);

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What people read well; the last one for as long as it takes.
const WIDTHS: [i64; 10] = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY, 28 * DAY, 364 * DAY];

/// Buckets that a chart has at most, but for ranges of centuries.
const MOST: i64 = 120;

impl Bucket {
    pub const MINUTE: Self = Self(MINUTE);

    /// The least width by which a range, both ends included, has at most 120 buckets.
    pub fn for_range(from: Timestamp, to: Timestamp) -> Self {
        let buckets = |width: i64| to.millis().div_euclid(width) - from.millis().div_euclid(width) + 1;
        Self(WIDTHS.into_iter().find(|&width| buckets(width) <= MOST).unwrap_or(3640 * DAY))
    }

    /// Milliseconds.
    pub fn width(self) -> i64 {
        self.0
    }

    /// The start of the bucket that holds a moment.
    pub fn start_of(self, time: Timestamp) -> Timestamp {
        Timestamp::from_millis_clamped(time.millis().div_euclid(self.0) * self.0)
    }

    /// Starts of all buckets of a range, both ends included.
    pub fn starts(self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Timestamp> {
        let numbers = from.millis().div_euclid(self.0)..=to.millis().div_euclid(self.0);
        numbers.map(move |number| Timestamp::from_millis_clamped(number * self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, DAY, HOUR, MINUTE};
    use crate::Timestamp;

    #[track_caller]
    fn check(from: &str, to: &str, width: i64, buckets: usize) {
        let (from, to) = (Timestamp::parse(from).unwrap(), Timestamp::parse(to).unwrap());
        let bucket = Bucket::for_range(from, to);
        let starts: Vec<_> = bucket.starts(from, to).collect();
        assert_eq!((bucket.width(), starts.len()), (width, buckets));
        assert!(starts.first().is_some_and(|first| *first <= from) && starts.contains(&bucket.start_of(to)));
    }

    #[test]
    fn the_range_chooses_the_width() {
        check("2026-05-01T10:00:30", "2026-05-01T10:00:40", MINUTE, 1);
        check("2026-05-01T10:00", "2026-05-01T11:00", MINUTE, 61);
        check("2026-05-01", "2026-05-02", 15 * MINUTE, 97);
        check("2026-05-01", "2026-05-08", 3 * HOUR, 57);
        check("2026-01-01", "2026-04-01", DAY, 91);
        check("1969-12-31T23:00", "1970-01-01T01:00", 5 * MINUTE, 25);
        check("0001-01-01", "9999-12-31", 3640 * DAY, 1004);
    }
}
