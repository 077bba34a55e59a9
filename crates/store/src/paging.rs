use tracellm_trace::{
    Cursor, Page, Query, Total,
    query::{Keyset, Place, Sort, SortValue},
};

/// Of a list that nobody counts.
pub(crate) const UNKNOWN: Total = Total { count: 0, is_capped: true };

/// How the rows of a page are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'q> {
    pub sort: Sort,
    /// Rows are read from the lesser to the greater keyset.
    pub ascending: bool,
    pub behind: Option<&'q Keyset>,
    is_backward: bool,
    limit: usize,
}

/// A part of the order of a list, read from its start or from behind a place in it. Traces without the value sorted by are last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stretch<'q> {
    Valued(Option<&'q Keyset>),
    Absent(Option<&'q Keyset>),
}

impl<'q> Reading<'q> {
    pub fn new(query: &'q Query) -> Self {
        let (behind, is_backward) = match query.cursor.as_ref().map(|cursor| &cursor.place) {
            Some(Place::After(keyset)) => (Some(keyset), false),
            Some(Place::Before(keyset)) => (Some(keyset), true),
            None => (None, false),
        };
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Self { sort: query.sort, ascending: query.sort.descending == is_backward, behind, is_backward, limit }
    }

    /// The stretches that lie ahead, in order of reading.
    pub fn stretches(&self) -> Vec<Stretch<'q>> {
        let is_absent = self.behind.is_some_and(|keyset| keyset.value == SortValue::Absent);
        match (is_absent, self.is_backward) {
            (false, false) => vec![Stretch::Valued(self.behind), Stretch::Absent(None)],
            (true, false) => vec![Stretch::Absent(self.behind)],
            (false, true) => vec![Stretch::Valued(self.behind)],
            (true, true) => vec![Stretch::Absent(self.behind), Stretch::Valued(None)],
        }
    }

    /// How many match, where as many rows that were read tell it: all of them are on a first page that is not full.
    pub fn total_of(&self, rows: usize) -> Option<u64> {
        (self.behind.is_none() && rows < self.wanted()).then_some(rows as u64)
    }

    /// Rows to read: one more than the page shows tells whether there are more.
    pub fn wanted(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// The rows that were read, without their places, and where those behind them start.
    pub fn uncounted<T>(&self, rows: Vec<(Keyset, T)>) -> (Vec<T>, Option<Cursor>) {
        let page = self.page(rows, UNKNOWN);
        (page.items, page.next)
    }

    /// The page of the rows that were read, at most [`Reading::wanted`], each with its place.
    pub fn page<T>(&self, rows: Vec<(Keyset, T)>, total: Total) -> Page<T> {
        self.page_until(rows, total, None)
    }

    /// The same, where reading stopped at a place before as many rows were found.
    pub fn page_until<T>(&self, mut rows: Vec<(Keyset, T)>, total: Total, stopped: Option<&Keyset>) -> Page<T> {
        let stopped = stopped.filter(|_| rows.len() <= self.limit);
        let has_more = rows.len() > self.limit || stopped.is_some();
        rows.truncate(self.limit);
        if self.is_backward {
            rows.reverse();
        }
        // From a page that turned out empty, the place that led there leads back.
        let ends = (rows.first().map(|(place, _)| place), rows.last().map(|(place, _)| place));
        let (first, last) = match stopped {
            Some(_) if self.is_backward => (stopped, ends.1.or(self.behind)),
            Some(_) => (ends.0.or(self.behind), stopped),
            None => (ends.0.or(self.behind), ends.1.or(self.behind)),
        };
        let (first, last) = (first.cloned(), last.cloned());
        let (has_previous, has_next) = if self.is_backward { (has_more, true) } else { (self.behind.is_some(), has_more) };
        let cursor = |place| Cursor { sort: self.sort, place };
        Page {
            total,
            next: last.filter(|_| has_next).map(Place::After).map(cursor),
            previous: first.filter(|_| has_previous).map(Place::Before).map(cursor),
            coverage: None,
            items: rows.into_iter().map(|(_, item)| item).collect(),
        }
    }
}
