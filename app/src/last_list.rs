use leptos::{prelude::window, web_sys::HtmlElement};

use crate::dom;

/// Where the browser keeps it, for as long as the tab lives.
const KEY: &str = "tracellm.list";

/// The list that was shown last, for the way from a trace to the one beside it, and back.
pub struct LastList {
    /// Its address, with filters and place.
    pub address: String,
    rows: Vec<String>,
}

impl LastList {
    /// Keeps what the page shows, of however many tables.
    pub fn keep() {
        let rows = rows().into_iter().filter_map(|row| row.get_attribute("href"));
        let lines: Vec<_> = std::iter::once(here()).chain(rows).collect();
        if let Ok(Some(storage)) = window().session_storage() {
            // A browser that keeps nothing costs the way to the next trace, no more.
            let _ = storage.set_item(KEY, &lines.join("\n"));
        }
    }

    pub fn read() -> Option<Self> {
        let text = window().session_storage().ok()??.get_item(KEY).ok()??;
        let mut lines = text.lines().map(str::to_owned);
        Some(Self { address: lines.next()?, rows: lines.collect() })
    }

    /// The address of the trace so many rows behind the one with this address; none where that one is not in the list.
    pub fn beside(&self, trace: &str, by: isize) -> Option<&str> {
        let own = self.rows.iter().position(|row| row == trace)?;
        self.rows.get(own.checked_add_signed(by)?).map(String::as_str)
    }
}

/// The links of the rows that the page shows.
pub fn rows() -> Vec<HtmlElement> {
    dom::all("table.traces .prompt > a")
}

/// The address of the page that is shown.
pub fn here() -> String {
    let location = window().location();
    format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::LastList;

    #[test]
    fn neighbours_are_those_of_the_list() {
        let list = LastList { address: "/traces".to_owned(), rows: ["/traces/a", "/traces/b"].map(str::to_owned).into() };
        assert_eq!((list.beside("/traces/a", 1), list.beside("/traces/a", -1)), (Some("/traces/b"), None));
        assert_eq!((list.beside("/traces/b", 1), list.beside("/traces/c", 1)), (None, None));
    }
}
