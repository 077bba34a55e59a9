use std::{collections::HashMap, ops::Range};

use tracellm_trace::query::Keyset;

use super::{kept::Kept, marking::Marked, put::Key};
use crate::StoreError;

/// How far a walk went.
pub(super) enum Walked {
    ToTheEnd,
    UntilToldToStop,
    /// What the index told holds no more; all before this moment was looked at.
    Until(i64),
}

/// What is still to be looked at, in order of time.
pub(super) struct Rest<'k> {
    pub index: Option<Kept<'k>>,
    pub range: Range<i64>,
    pub ascending: bool,
}

impl<'k> Rest<'k> {
    /// The next stretch, and the index where it tells. What it told first does not hold for a search that takes long.
    pub async fn next(&mut self, marked: Marked<'k>) -> Result<Option<(Range<i64>, Option<&Kept<'k>>)>, StoreError> {
        if self.range.is_empty() {
            return Ok(None);
        }
        if self.index.as_ref().is_some_and(|index| !index.holds_for_long()) {
            self.index = Kept::of_index(marked).await?;
        }
        let all = || vec![(self.range.clone(), false)];
        let stretches = self.index.as_ref().map_or_else(all, |index| index.stretches(self.range.start, self.range.end));
        let (next, rest) = match self.ascending {
            true => (stretches.first(), &mut self.range.start),
            false => (stretches.last(), &mut self.range.end),
        };
        let Some((range, is_told)) = next.cloned() else { return Ok(None) };
        *rest = if self.ascending { range.end } else { range.start };
        Ok(Some((range, self.index.as_ref().filter(|_| is_told))))
    }

    /// Goes on with the rest of a stretch, of which no more was looked at than up to a moment.
    pub fn go_back(&mut self, stretch: &Range<i64>, moment: i64) {
        if self.ascending {
            self.range.start = moment.max(stretch.start);
        } else {
            self.range.end = moment.saturating_add(1).min(stretch.end);
        }
    }
}

/// What a walk has found at the moment that it came to, so that it finds it once where it goes on anew.
#[derive(Default)]
pub(super) struct Seen {
    moment: Option<i64>,
    /// How often each: others may have stored it several times.
    now: HashMap<Key, usize>,
    before: HashMap<Key, usize>,
}

impl Seen {
    pub fn comes_to(&mut self, moment: i64) {
        if self.moment.replace(moment) != Some(moment) {
            self.now.clear();
            self.before.clear();
        }
    }

    pub fn is_new(&mut self, place: &Keyset) -> bool {
        let key = (place.project_id.clone(), place.trace_id.clone());
        let before = self.before.get(&key).copied().unwrap_or(0);
        let now = self.now.entry(key).or_default();
        *now += 1;
        *now > before
    }

    pub fn begin_anew(&mut self) {
        for (key, now) in self.now.drain() {
            let before = self.before.entry(key).or_default();
            *before = now.max(*before);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracellm_trace::query::{Keyset, SortValue};

    use super::Seen;

    #[test]
    fn as_many_of_a_moment_are_found_as_there_are_however_often_a_walk_begins_anew() {
        let place = |trace_id: &str| Keyset { value: SortValue::Whole(1), trace_id: trace_id.to_owned(), project_id: "p".to_owned() };
        let mut seen = Seen::default();
        let mut found = Vec::new();
        for walk in [&["a", "a"][..], &["a"], &["a", "a", "b", "a"], &["b", "a", "a", "a", "b"]] {
            seen.comes_to(1);
            found.push(walk.iter().filter(|id| seen.is_new(&place(id))).count());
            seen.begin_anew();
        }
        assert_eq!(found, [2, 0, 2, 1]);
        seen.comes_to(2);
        assert!(seen.is_new(&place("a")), "another moment has others");
    }
}
