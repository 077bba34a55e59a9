use tracellm_trace::{
    Cursor, Page, Query, Total,
    query::{Keyset, Sort},
};

/// How the rows of a page are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'q> {
    /// Rows are wanted from the lesser to the greater keyset.
    pub ascending: bool,
    /// Rows behind this place are wanted, in the direction of reading; all where there is none.
    pub behind: Option<&'q Keyset>,
    is_backward: bool,
    limit: usize,
}

impl<'q> Reading<'q> {
    pub fn new(query: &'q Query) -> Self {
        let is_backward = matches!(query.cursor, Some(Cursor::Before(_)));
        let behind = match &query.cursor {
            Some(Cursor::After(place) | Cursor::Before(place)) => Some(place),
            None => None,
        };
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Self { ascending: (query.sort == Sort::OldestFirst) != is_backward, behind, is_backward, limit }
    }

    /// Rows to read: one more than the page shows tells whether there are more.
    pub fn wanted(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// The page of the rows that were read, at most [`Reading::wanted`], each with its place.
    pub fn page<T>(&self, mut rows: Vec<(Keyset, T)>, total: Total) -> Page<T> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        if self.is_backward {
            rows.reverse();
        }
        // From a page that turned out empty, the place that led there leads back.
        let first = rows.first().map(|(place, _)| place).or(self.behind).cloned();
        let last = rows.last().map(|(place, _)| place).or(self.behind).cloned();
        let (has_previous, has_next) = if self.is_backward { (has_more, true) } else { (self.behind.is_some(), has_more) };
        Page {
            total,
            next: last.filter(|_| has_next).map(Cursor::After),
            previous: first.filter(|_| has_previous).map(Cursor::Before),
            items: rows.into_iter().map(|(_, item)| item).collect(),
        }
    }
}
