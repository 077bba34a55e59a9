/// Serves everything until a signal.
mod start;
pub use start::start;

/// Stores made-up traces.
mod demo;
pub use demo::demo;

/// Raw documents in, normalised ones out.
mod normalize;
pub use normalize::normalize;

/// What models cost.
mod prices;
pub use prices::prices;

/// Files into the store.
mod import;
pub use import::import;

/// The store into a file.
mod export;
pub use export::export;

/// One trace, for a terminal.
mod show;
pub use show::{replay, show};

/// Traces as they are stored, for a terminal.
mod monitor;
pub use monitor::monitor;

/// From one store to another.
mod copy;
pub use copy::copy;

/// What is wrong with the store.
mod doctor;
pub use doctor::doctor;

/// What is derived from the traces.
mod repair;
pub use repair::repair;

/// Traces that go: by hand, or by age.
mod removal;
pub use removal::{delete, retention};

/// Projects and keys.
mod access;
pub use access::{key, project};

/// Who did what.
mod audit;
pub use audit::audit;

/// Those who sign in.
mod users;
pub use users::user;

use std::sync::Arc;

use tracellm_store::{TraceStore, audit::Auditor};

/// Notes what is done here: whoever may run this on a store may do everything with it.
fn auditor(store: &Arc<dyn TraceStore>) -> Auditor {
    Auditor::new(store.clone(), "command line")
}

/// `1 trace`, `3 traces`.
fn traces(n: usize) -> String {
    format!("{n} trace{}", if n == 1 { "" } else { "s" })
}

/// A text without what would steer a terminal, or turn what stands beside it around.
fn plain(text: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}
