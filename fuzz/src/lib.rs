//! One function for each decoder: it takes any bytes, and panics where what must hold of them does not.
//!
//! `make fuzz` looks for such bytes; the test of this package replays those in `corpus/` and the payloads of real clients.

use std::collections::BTreeMap;

use tracellm_trace::{
    Context, Limits, Query, Search, Source, Timestamp,
    body::{self, Body, Layout},
    masking::{Detector, MaskRules, Masked, Masker, Masking},
    normalize,
    otlp::{self, Span, wire},
    query::Cursor,
    search,
};

/// Protobuf as the server reads it.
#[allow(dead_code)] // Only reading is tried here, not answering.
#[path = "../../src/server/otlp/proto.rs"]
mod proto;

/// The clock of every input.
const NOW: &str = "2026-11-25T12:00:00Z";

/// A body of `POST /api/traces`. What is normalised once stays as it is.
pub fn json_ingest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(body) = body::split(text, Layout::Detect) else { return };
    let items = match body {
        Body::One(item) => vec![item],
        Body::Batch(items) => items,
    };
    let context = Context::with_id(now(), "tr_fresh", Source::Json);
    for done in items.into_iter().take(100).filter_map(|item| normalize(item, &context).ok()) {
        let written = json(&done.trace);
        let again = normalize(&written, &context).map(|again| json(&again.trace));
        assert_eq!(again.ok().as_ref(), Some(&written), "a document that is normalised is normalised to something else");
    }
}

/// A body of `POST /v1/traces` in JSON.
pub fn otlp_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(request) = wire::read(text) {
        assert!(wire::is_meant(text) || !text.contains("\"resourceSpans\""), "it is read, and not taken for an export request");
        fold(request);
    }
}

/// A body of `POST /v1/traces` in protobuf.
pub fn otlp_protobuf(data: &[u8]) {
    if let Ok(request) = proto::read(data) {
        fold(request);
    }
}

/// The part of a URL after its `?`, and a cursor in it.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(cursor) = Cursor::decode(text) {
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor), "a cursor is not read as it is written");
    }
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
    if let Ok(query) = Query::from_pairs(pairs) {
        let written = query.to_pairs();
        let again = Query::from_pairs(written.iter().map(|(name, value)| (*name, value.as_str())));
        assert_eq!(again.ok(), Some(query), "a query is not read as it is written");
    }
}

/// What is typed into the search box, and a text that is searched.
pub fn search(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (asked, text) = text.split_once('\n').unwrap_or((text, text));
    search::complete(asked, &|_| vec!["gpt-4.1".to_owned()]);
    assert!(search::pieces(asked).map(str::len).sum::<usize>() <= asked.len(), "pieces are more than what was typed");
    let Ok(search) = Search::parse(asked) else { return };
    assert_eq!(Search::parse(search.as_str()).as_ref(), Ok(&search), "a search is not read as it is written");
    let context = Context::with_id(now(), "tr_fresh", Source::Json);
    let Ok(done) = normalize(&json(&serde_json::json!({ "prompt": text })), &context) else { return };
    search::terms(&done.trace);
    search.keys();
    search.snippet(&done.trace);
    if search.finds(&done.trace) {
        assert!(search.finds_words(&done.trace), "it is found, and its words are not");
    }
}

/// A place in a list, as an address has it.
pub fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(cursor) = Cursor::decode(text) {
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor), "a cursor is not read as it is written");
    }
}

/// Rules, and a text that they mask: what is masked stays as it is.
pub fn masking(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\n').unwrap_or(("", text));
    let every = MaskRules { detectors: Detector::ALL.to_vec(), ..MaskRules::default() };
    let once = masked(&every, text);
    assert_eq!(masked(&every, &once), once, "a masked text is masked to something else");
    let patterns = BTreeMap::from([("own".to_owned(), pattern.to_owned())]);
    let rules = Masking { default: MaskRules { patterns, ..every }, ..Masking::default() };
    if rules.check().is_empty() {
        masked(&rules.default, text);
    }
}

fn masked(rules: &MaskRules, text: &str) -> String {
    Masker::new(rules).and_then(|masker| masker.text(text, &mut Masked::new())).unwrap_or_else(|| text.to_owned())
}

/// Each trace of the spans: the same in every order, and explained.
fn fold(request: wire::Request) {
    let (spans, _) = request.into_spans(&Limits::default());
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span);
    }
    for mut spans in traces.into_values() {
        let trace = folded(&spans);
        spans.reverse();
        assert_eq!(folded(&spans), trace, "the order of spans changes their trace");
        spans.extend_from_within(..);
        assert_eq!(folded(&spans), trace, "a repeated span changes its trace");
        otlp::explain(&spans, "default", 10);
        assert!(serde_json::from_str::<Span>(&json(&spans[0])).is_ok_and(|span| span == spans[0]), "a span is not read as it is stored");
    }
}

/// The document of a trace; whatever spans were taken make one.
fn folded(spans: &[Span]) -> String {
    let whole = otlp::fold(spans, "default", now()).unwrap_or_else(|refused| panic!("these spans make no trace: {refused:?}")).trace;
    let document = otlp::document(spans, "default", now()).unwrap_or_else(|refused| panic!("they make no document: {refused:?}")).trace;
    if document.metadata.get(otlp::STEPS_TOTAL) == whole.metadata.get(otlp::STEPS_TOTAL) {
        assert_eq!(document, whole, "the document differs from the trace");
    }
    json(&document)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| panic!("it can't be written as JSON: {error}"))
}

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap_or(Timestamp::MIN)
}
