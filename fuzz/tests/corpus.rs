//! Every input that was ever found, and what real clients send, once more.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{fs, path::Path};

fn replay(folder: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for file in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        target(&fs::read(&file).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} holds nothing", folder.display());
}

#[test]
fn json_ingest() {
    replay("corpus/json_ingest", tracellm_fuzz::json_ingest);
}

#[test]
fn otlp_json() {
    replay("corpus/otlp_json", tracellm_fuzz::otlp_json);
    replay("../crates/trace/fixtures/otlp", tracellm_fuzz::otlp_json);
}

#[test]
fn otlp_protobuf() {
    replay("corpus/otlp_protobuf", tracellm_fuzz::otlp_protobuf);
    replay("../tests/otel/captured", tracellm_fuzz::otlp_protobuf);
}

#[test]
fn query() {
    replay("corpus/query", tracellm_fuzz::query);
}

#[test]
fn search() {
    replay("corpus/search", tracellm_fuzz::search);
}

#[test]
fn cursor() {
    replay("corpus/cursor", tracellm_fuzz::cursor);
}

#[test]
fn masking() {
    replay("corpus/masking", tracellm_fuzz::masking);
}
