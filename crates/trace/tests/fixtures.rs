//! Every fixture normalises to what stands beside it, on the server's target and on the browser's.
//!
//! `fixtures/NAME.json` is raw input, `fixtures/expected/NAME.json` the document and issues, or the errors. After a change of rules,
//! `UPDATE_FIXTURES=1 cargo test -p tracellm-trace --test fixtures` writes the latter anew, to be read as a diff.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use serde_json::{Value, json};
use tracellm_trace::{Context, Source, Timestamp, normalize};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn context() -> Context {
    Context::with_id(Timestamp::parse("2026-11-23T12:00:00Z").unwrap(), "tr_fresh", Source::Json)
}

fn outcome(raw: &str) -> Value {
    match normalize(raw, &context()) {
        Ok(done) => {
            let again = normalize(&serde_json::to_string(&done.trace).unwrap(), &context()).unwrap();
            assert_eq!(again.trace, done.trace, "normalising twice");
            json!({"ok": true, "trace": done.trace, "issues": done.issues})
        }
        Err(refused) => json!({"ok": false, "trace_id": refused.trace_id, "issues": refused.issues}),
    }
}

/// Name, raw input and expectation of each fixture, carried in the binary as there are no files in a browser.
macro_rules! fixtures {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../fixtures/", $name, ".json")), include_str!(concat!("../fixtures/expected/", $name, ".json")))),+]
    };
}

const FIXTURES: &[(&str, &str, &str)] = fixtures! {
    "aliases"
    "aliases-beside-names"
    "broken-text"
    "chat-prompt"
    "clear-key"
    "deep-enough"
    "empty"
    "empty-texts"
    "exact-floats"
    "extras"
    "failed-step"
    "failed-step-with-given-status"
    "failed-step-without-words"
    "falsy-reason"
    "long-integers"
    "nulls"
    "numeric-texts"
    "reference-success"
    "reference-warning"
    "refused-depth"
    "refused-depth-once-kept"
    "refused-everything"
    "refused-infinite"
    "refused-not-an-object"
    "refused-not-json"
    "refused-numbers"
    "refused-otlp"
    "refused-steps-object"
    "repeated-step-ids"
    "retry-count-zero-beside-repeats"
    "scalar-prompt"
    "slow"
    "slow-disagrees"
    "status-any-case"
    "status-unknown"
    "times"
    "token-parts"
    "token-sums-over-leaf-calls"
    "unknown-fields"
    "warning-from-reason"
    "warning-from-retries"
    "whole-floats"
    "wrapped-io"
};

#[test]
fn each_fixture_is_as_expected() {
    for (name, raw, expected) in FIXTURES {
        let found = serde_json::to_string_pretty(&outcome(raw)).unwrap() + "\n";
        #[cfg(not(target_arch = "wasm32"))]
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(format!("{}/fixtures/expected/{name}.json", env!("CARGO_MANIFEST_DIR")), &found).unwrap();
            continue;
        }
        assert_eq!(&found, expected, "fixture {name}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn each_file_is_a_fixture() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).unwrap();
    let mut files: Vec<_> = files.filter_map(|file| file.unwrap().file_name().to_str()?.strip_suffix(".json").map(str::to_owned)).collect();
    files.sort();
    assert_eq!(files, FIXTURES.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
}
