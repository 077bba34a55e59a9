/// Serves everything until a signal.
mod start;
pub use start::start;

/// Stores made-up traces.
mod demo;
pub use demo::demo;

/// Raw documents in, normalised ones out.
mod normalize;
pub use normalize::normalize;

/// Files into the store.
mod import;
pub use import::import;

/// The store into a file.
mod export;
pub use export::export;

/// One trace, for a terminal.
mod show;
pub use show::{replay, show};

/// Projects and keys.
mod access;
pub use access::{key, project};

/// `1 trace`, `3 traces`.
fn traces(n: usize) -> String {
    format!("{n} trace{}", if n == 1 { "" } else { "s" })
}
