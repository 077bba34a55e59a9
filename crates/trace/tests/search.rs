//! Search: what is typed finds what people mean, and an index of terms never misses what a search finds.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use tracellm_trace::{
    Context, Filter, Issue, Query, Search, Source, Timestamp, Trace, normalize,
    search::{Key, Place, terms},
};

fn trace(raw: Value) -> Trace {
    let context = Context::with_id(now(), "tr_fresh", Source::Json);
    normalize(&raw.to_string(), &context).unwrap().trace
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000).unwrap()
}

fn example() -> Trace {
    trace(json!({
        "trace_id": "550e8400-e29b-41d4-a716-446655440000", "prompt": "Where is my Parcel to Zürich?", "response": "東京都に送りました。\nمُحَمَّد signed for it",
        "model": "gpt-4o", "status": "failed", "failure_reason": "openai.RateLimitError: rate limit of 10 per minute", "latency": 2500, "token_count": 480,
        "cost_usd": 0.02, "session_id": "s 1", "tags": ["vip", "eu-west"],
        "steps": [
            {"tool_name": "track_parcel", "input": {"number": 4711, "address": {"city": "S\u{e3}o Paulo"}}, "output": {"raw": "{\"state\":\"zugestellt in M\\u00fcnchen\\nok\"}"}},
            {"tool_name": "llm call", "error": "upstream timed out"},
        ],
    }))
}

#[track_caller]
fn finds(texts: &[&str]) {
    for text in texts {
        let search = Search::parse(text).unwrap();
        assert!(search.finds(&example()), "{text}");
        assert!(has_keys(&search, &example()), "the index would miss `{text}`");
    }
}

#[track_caller]
fn misses(texts: &[&str]) {
    texts.iter().for_each(|text| assert!(!Search::parse(text).unwrap().finds(&example()), "{text}"));
}

fn has_keys(search: &Search, trace: &Trace) -> bool {
    let terms = terms(trace);
    let list: Vec<&str> = terms.iter().collect();
    let terms: BTreeSet<&str> = list.iter().copied().collect();
    assert_eq!(terms.len(), list.len(), "each is there once");
    search.keys().iter().all(|key| match key {
        Key::Term(wanted) => terms.contains(wanted.as_str()),
        Key::Beginning(beginning) => terms.iter().any(|term| term.starts_with(beginning)),
    })
}

#[test]
fn words_are_found_wherever_they_stand() {
    finds(&["parcel", "ZURICH", "zürich", "parcel zugestellt", "4711", "sao", "\"rate limit\"", "münchen", "munchen ok", "timed"]);
    finds(&["rate_limit", "rate-limit", "ratelimiterror", "RateLimitError", "Error", "track_parcel", "track", "number"]);
    finds(&["東京", "東京都", "京", "都", "送りました", "محمد", "550e8400-e29b-41d4-a716-446655440000", "550e8400"]);
    misses(&["parc", "limiterror*", "\"limit rate\"", "京東", "東送", "parcels", "nmünchen", "u00fcnchen"]);
}

#[test]
fn a_star_finds_beginnings_and_a_minus_what_lacks_it() {
    finds(&["parc*", "zugest* PARC*", "rate*", "parcel -invoice", "-\"limit rate\"", "-invoice"]);
    misses(&["arcel*", "parcel -zurich", "-\"rate limit\"", "-parc*"]);
}

#[test]
fn conditions_stand_beside_words() {
    finds(&[
        "status:failed",
        "status:failed,warning parcel",
        "model:gpt-4o",
        "tool:track_parcel",
        "tool:\"llm call\"",
        "latency:>2s",
        "latency:2500..2500",
        "tokens:<500",
        "session:\"s 1\"",
        "tag:vip",
        "cost:<=0.02",
        "-status:success",
        "-tag:trial",
        "-model:a,b",
        "project:default",
        "env:development",
    ]);
    misses(&[
        "status:success",
        "-status:failed",
        "model:gpt-4o-mini",
        "tool:track",
        "latency:>2.5s",
        "tokens:>480",
        "session:s",
        "-tag:vip",
        "cost:<0.02",
        "user:u",
    ]);
}

#[test]
fn a_snippet_shows_what_was_found() {
    let shown = |text: &str| {
        let snippet = Search::parse(text).unwrap().snippet(&example()).unwrap();
        let pieces = snippet.pieces.iter().map(|piece| if piece.is_hit { format!("[{}]", piece.text) } else { piece.text.clone() });
        (snippet.place, pieces.collect::<String>())
    };
    assert_eq!(shown("parcel"), (Place::Prompt, "Where is my [Parcel] to Zürich?".to_owned()));
    assert_eq!(
        shown("limit* rate"),
        (Place::FailureReason, "openai.RateLimitError: [rate] [limit] of 10 per minute".replace("RateLimitError", "[RateLimitError]"))
    );
    assert_eq!(shown("京都"), (Place::Response, "東[京都]に送りました。 مُحَمَّد signed for it".to_owned()));
    assert_eq!(shown("munchen").0, Place::Step(0));
    assert!(Search::parse("-parcel").unwrap().snippet(&example()).is_none());
    let long = trace(json!({"prompt": format!("{}needle {}", "hay ".repeat(200), "straw ".repeat(200))}));
    let pieces = Search::parse("needle").unwrap().snippet(&long).unwrap().pieces;
    assert_eq!((pieces[0].text.as_str(), pieces.last().unwrap().text.as_str()), ("…", "…"));
    assert_eq!(pieces.iter().map(|piece| piece.text.chars().count()).sum::<usize>(), 182);
}

#[test]
fn a_url_carries_a_search_and_refuses_what_it_cannot_read() {
    let issues: Vec<Issue> = Query::from_pairs([("q", "latency:soon")]).unwrap_err();
    assert_eq!((issues[0].path.as_str(), issues[0].message.contains("latency:")), ("q", true));
    let at = |q: &str, model: Option<&str>| {
        let pairs = [("q", q), ("model", model.unwrap_or(""))];
        Filter::from_pairs(pairs).unwrap().at(now())
    };
    // What fields say too becomes a field, so that whatever answers fields answers it.
    let lowered = at("model:m status:failed latency:>=2s latency:<5s tokens:1..9 session:s user:u tag:t project:p env:e", None);
    assert_eq!(lowered.q, None);
    let fields = Filter {
        latency_max: Some(5_000_f64.next_down()),
        ..Filter::from_pairs([
            ("model", "m"),
            ("status", "failed"),
            ("latency_min", "2000"),
            ("token_min", "1"),
            ("token_max", "9"),
            ("session_id", "s"),
            ("user_id", "u"),
            ("tag", "t"),
            ("project_id", "p"),
            ("environment", "e"),
        ])
        .unwrap()
    };
    assert_eq!(lowered, fields);
    for kept in ["-model:m", "model:m,n", "tool:x", "cost:>1", "word"] {
        assert_eq!(at(kept, None).q.unwrap().as_str(), kept);
    }
    // Both must hold.
    let both = at("model:m", Some("n"));
    assert!(both.q.is_some() && both.model.as_deref() == Some("n"));
}

proptest! {
    /// Whatever the texts are: what a search finds has its keys, so an index that knows the terms misses nothing.
    #[test]
    fn an_index_of_terms_misses_nothing(texts in prop::collection::vec("[a-cA-B éß東京都ا _\\\\\"n{}*-]{0,24}", 3), typed in "[a-cA-B éß東京都ا _\"*-]{1,8}") {
        let trace = trace(json!({"prompt": texts[0], "response": texts[1], "steps": [{"tool_name": "t", "output": {"x": texts[2]}}]}));
        if let Ok(search) = Search::parse(&typed) {
            if search.finds(&trace) {
                prop_assert!(has_keys(&search, &trace), "{search:?}");
            } else if search.is_told_by_keys() && search.conditions().is_empty() {
                prop_assert!(!has_keys(&search, &trace), "{search:?}");
            }
            let _ = search.snippet(&trace);
        }
    }

    /// Nothing that is typed, and no text, is a panic; and what was typed is found in itself.
    #[test]
    fn whatever_is_typed_is_read(text in "\\PC{0,40}") {
        if let Ok(search) = Search::parse(&text) {
            let found = trace(json!({"prompt": text}));
            let _ = (search.finds(&found), search.snippet(&found));
        }
        let text = text.replace(['"', '\\'], " ");
        if let Ok(phrase) = Search::parse(&format!("\"{text}\"")) {
            let is_found = phrase.finds(&trace(json!({"prompt": text})));
            prop_assert!(is_found);
        }
    }
}

#[test]
fn a_long_text_has_the_same_terms_as_its_words() {
    let words = ["parcel", "Zürich", "東京都", "TimeoutError", "550e8400-e29b"];
    let mut trace = example();
    trace.prompt = (0..40_000).map(|n| format!("{}{} ", words[n % words.len()], n / 1000)).collect();
    for text in ["parcel39", "zurich0", "timeout", "error39", "京都", "\"parcel12 zurich12\""] {
        assert!(has_keys(&Search::parse(text).unwrap(), &trace), "{text}");
    }
}
