use leptos::prelude::*;
use tracellm_trace::{Trace, Why};

use crate::components::{TraceSheet, heading};

/// Nothing in it may run or be fetched, wherever it is opened.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Steps that stand in the file.
const MOST: usize = 2_000;

/// A trace as one HTML file that needs nothing else, in this style.
pub fn standalone(mut trace: Trace, css: String) -> String {
    let (mut why, total) = (Why::of(&trace), trace.steps.len());
    why.narrow(&(0..MOST));
    trace.steps.truncate(MOST);
    let owner = Owner::new();
    let html = owner.with(|| {
        let title = format!("{} {}", trace.status, heading(&trace));
        view! {
            <html lang="en">
                <head>
                    <meta charset="utf-8" />
                    <meta http-equiv="Content-Security-Policy" content=POLICY />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <title>{title}</title>
                    <style>{css}</style>
                </head>
                <body class="standalone">
                    <main><TraceSheet trace first=0 total shortened=0 why own=String::new() /></main>
                </body>
            </html>
        }
        .to_html()
    });
    format!("<!DOCTYPE html>{html}")
}
