use serde::{Deserialize, Serialize};

use super::Sketch;
use crate::{Filter, Timestamp};

/// Columns and bands that one can still tell apart.
const MOST_COLUMNS: usize = 60;
const MOST_BANDS: i32 = 20;

/// How many traces took how long, and when: columns of time, in each the bands of a logarithmic scale of latencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heat {
    /// The bounds of the columns, one more than there are. A column begins with its own and ends before the next.
    pub times: Vec<Timestamp>,
    /// The bounds of the bands in ms, one more than there are. A band holds what took longer than its own, and at most as long as the next.
    pub bounds: Vec<f64>,
    /// Traces by column and band.
    pub counts: Vec<Vec<u64>>,
}

impl Heat {
    /// From the start of each bucket of a range, both ends included, and its latencies; none where it holds nothing.
    pub(super) fn of(buckets: Vec<(Timestamp, Option<&Sketch>)>, from: Timestamp, to: Timestamp) -> Self {
        let indexes = || buckets.iter().filter_map(|(_, sketch)| *sketch).flat_map(Sketch::counts).map(|(index, _)| *index);
        if indexes().next().is_none() {
            return Self::default();
        }
        // What took no time at all is in the lowest band, however far below the others it lies.
        let (lowest, highest) =
            indexes().filter(|index| *index != i32::MIN).fold((i32::MAX, i32::MIN), |(low, high), index| (low.min(index), high.max(index)));
        let (lowest, highest) = if lowest > highest { (i32::MIN, i32::MIN) } else { (lowest, highest) };
        let has_none = indexes().any(|index| index == i32::MIN);
        let spread = highest.saturating_sub(lowest) + 1;
        let each = (spread + MOST_BANDS - 1) / MOST_BANDS;
        let bands = (spread + each - 1) / each;
        let mut bounds: Vec<f64> = (0..=bands).map(|band| Sketch::upper(lowest.saturating_add(band * each).saturating_sub(1))).collect();
        if let Some(first) = bounds.first_mut().filter(|_| has_none) {
            *first = 0.0;
        }
        let band_of = |index: i32| usize::try_from(index.max(lowest).saturating_sub(lowest) / each).unwrap_or_default();
        let together = buckets.len().div_ceil(MOST_COLUMNS);
        let columns = buckets.chunks(together);
        let counts = columns.clone().map(|column| {
            let mut counts = vec![0; bands as usize];
            for (index, count) in column.iter().filter_map(|(_, sketch)| *sketch).flat_map(Sketch::counts) {
                counts[band_of(*index)] += count;
            }
            counts
        });
        let counts = counts.collect();
        // The range begins and ends within its first and last bucket.
        let starts = columns.filter_map(|column| column.first()).map(|(start, _)| (*start).max(from));
        Self { times: starts.chain([to.plus(1.0)]).collect(), bounds, counts }
    }

    pub fn columns(&self) -> usize {
        self.counts.len()
    }

    pub fn bands(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Traces of the busiest field.
    pub fn most(&self) -> u64 {
        self.counts.iter().flatten().copied().max().unwrap_or_default()
    }

    /// The filter for some fields, ends included: columns from the left, bands from below. What is at an edge has no bound of its own there.
    pub fn filter(&self, filter: &Filter, columns: (usize, usize), bands: (usize, usize)) -> Filter {
        let bound = |band: usize| self.bounds.get(band).copied();
        let latency_min = bound(bands.0).filter(|_| bands.0 > 0).map(f64::next_up);
        let latency_max = bound(bands.1 + 1).filter(|_| bands.1 + 1 < self.bands());
        Filter {
            from: self.times.get(columns.0).copied(),
            to: self.times.get(columns.1 + 1).copied(),
            last: None,
            latency_min: latency_min.or(filter.latency_min),
            latency_max: latency_max.or(filter.latency_max),
            ..filter.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Heat, Sketch};
    use crate::{Filter, Timestamp};

    fn sketch(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000).unwrap()
    }

    #[test]
    fn every_trace_is_in_one_field_and_the_filter_of_a_field_finds_it() {
        let latencies = [[0.0, 3.0, 250.0], [251.0, 9_000.0, 9_001.0], [1.0, 1.0, 1e9]];
        let sketches: Vec<Sketch> = latencies.iter().map(|values| sketch(values)).collect();
        let buckets = sketches.iter().enumerate().map(|(minute, sketch)| (at(minute as i64), Some(sketch))).collect();
        let heat = Heat::of(buckets, at(0), at(2));
        assert_eq!((heat.columns(), heat.times.len(), heat.bounds.len()), (3, 4, heat.bands() + 1));
        assert_eq!(heat.counts.iter().flatten().sum::<u64>(), 9);
        for (column, values) in latencies.iter().enumerate() {
            for value in values {
                let matches = |band: usize| {
                    let filter = heat.filter(&Filter::default(), (column, column), (band, band));
                    filter.latency_min.is_none_or(|min| *value >= min) && filter.latency_max.is_none_or(|max| *value <= max)
                };
                let bands: Vec<usize> = (0..heat.bands()).filter(|band| matches(*band)).collect();
                assert_eq!(bands.len(), 1, "{value}");
                assert!(heat.counts[column][bands[0]] > 0, "{value}");
            }
        }
    }

    #[test]
    fn many_buckets_share_columns_and_the_ends_are_those_of_the_range() {
        let one = sketch(&[5.0]);
        let buckets = (0..119).map(|minute| (at(minute), (minute % 2 == 0).then_some(&one))).collect();
        let heat = Heat::of(buckets, at(0).plus(500.0), at(118).plus(7.0));
        assert_eq!((heat.columns(), heat.bands()), (60, 1));
        assert_eq!((heat.times[0], heat.times[60]), (at(0).plus(500.0), at(118).plus(8.0)));
        assert_eq!(heat.counts.iter().flatten().sum::<u64>(), 60);
        let all = heat.filter(&Filter { latency_max: Some(9.0), ..Filter::default() }, (0, 59), (0, 0));
        assert_eq!((all.latency_min, all.latency_max), (None, Some(9.0)));
    }

    #[test]
    fn nothing_is_no_map_and_no_time_is_a_band() {
        assert_eq!(Heat::of(vec![(at(0), None)], at(0), at(0)), Heat::default());
        let none = sketch(&[0.0, 0.0]);
        let heat = Heat::of(vec![(at(0), Some(&none))], at(0), at(0));
        assert_eq!((heat.counts, heat.bounds.first()), (vec![vec![2]], Some(&0.0)));
    }
}
