//! The dashboard: everything that runs on both sides, the server and the browser.

// Types of views grow with the page.
#![recursion_limit = "256"]

/// The HTML document and the routes.
mod app;
pub use app::{App, shell};

/// One page for each URL.
mod pages;

/// What pages are made of.
mod components;

/// Charts, drawn by plotters into elements of the page.
mod charts;

/// What the browser asks the server: reading and storing traces.
pub mod functions;

/// How server functions write and read.
mod wire;

/// Requests that brought traces, and what became of them.
pub mod intake;

/// Addresses: what they ask, and how they are written.
mod url;
pub use url::escape;

/// Traces as the server tells of them.
#[cfg(feature = "hydrate")]
mod events;

/// What a page shows of very long texts.
#[cfg(feature = "ssr")]
mod shorten;

/// A trace as a file.
#[cfg(feature = "ssr")]
mod standalone;
#[cfg(feature = "ssr")]
pub use standalone::standalone;

/// What can go wrong, as told to browsers and to API clients alike.
mod error;
pub use error::ApiError;

/// Numbers and times as people read them, the same on both sides.
mod format;

/// Texts as people see them.
mod visible;

/// Which list was shown last.
mod last_list;

/// Reading a page anew that can't go on.
#[cfg(feature = "hydrate")]
mod reload;
#[cfg(feature = "hydrate")]
pub use reload::{reload_once, reloading_works};

/// Elements of the page.
mod dom;

/// What a browser remembers for the server.
mod cookies;

/// Columns of lists.
mod columns;

/// Who is signed in.
mod account;
pub use account::SignedIn;

/// Light and dark.
mod theme;
