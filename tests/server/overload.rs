use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::program::{Home, Server, agent};

const SENDERS: usize = 32;

/// The value of a line of the metrics.
fn metric(server: &Server, name: &str) -> f64 {
    let mut answer = agent().get(format!("{}/metrics", server.url)).call().unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// 64 MB at once: what is taken is stored, the rest is told to come again and comes in then.
fn what_is_too_much_is_told_and_taken_later(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (server, refused) = (&server, &refused);
            scope.spawn(move || {
                let body = json!({"trace_id": format!("large {sender}"), "prompt": "word ".repeat(400_000)}).to_string();
                loop {
                    let sent = agent().post(format!("{}/api/traces", server.url)).header("content-type", "application/json").send(&body);
                    let answer = sent.expect("no connection is cut for that");
                    match answer.status().as_u16() {
                        201 => break,
                        503 => assert!(answer.headers().contains_key("retry-after")),
                        other => panic!("{other}"),
                    }
                    refused.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
    });
    let refused = refused.into_inner();
    assert!(refused > 0, "nothing was too much");
    assert_eq!(server.get("/api/traces").json["total"], SENDERS);
    let counted = metric(&server, r#"tracellm_ingest_rejected_requests_total{way="json",reason="server.overloaded"}"#);
    assert_eq!(counted, refused as f64);
    assert_eq!(metric(&server, "tracellm_write_queue_bytes"), 0.0, "all of it was written");
    // What is on its way stands in several shapes at once; all 64 MB of it would take far more.
    let peak = server.peak_memory_kb();
    assert!(peak < 300_000, "{peak} KB");
}

#[test]
fn what_is_too_much_is_told_and_taken_later_embedded() {
    what_is_too_much_is_told_and_taken_later(&Home::embedded());
}

#[test]
fn what_is_too_much_is_told_and_taken_later_mongodb() {
    what_is_too_much_is_told_and_taken_later(&Home::mongo());
}

fn what_happens_is_counted(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    assert_eq!(metric(&server, "tracellm_write_last_commit_timestamp_seconds"), 0.0);
    assert_eq!(server.ingest(r#"[{"prompt":"a"},{"prompt":"b"},{"latency":-1}]"#).status, 207);
    assert_eq!(server.ingest("{").status, 400);
    for (name, value) in [
        (r#"tracellm_ingest_items_total{way="json",outcome="accepted"}"#, 2.0),
        (r#"tracellm_ingest_items_total{way="json",outcome="rejected"}"#, 1.0),
        (r#"tracellm_ingest_requests_total{way="json",status="400"}"#, 1.0),
        (r#"tracellm_ingest_rejected_requests_total{way="json",reason="json.syntax"}"#, 1.0),
        ("tracellm_write_batch_documents_sum", 2.0),
        ("tracellm_write_commit_seconds_count", 1.0),
        ("tracellm_write_failed_commits_total", 0.0),
        ("tracellm_write_queue_puts", 0.0),
    ] {
        assert_eq!(metric(&server, name), value, "{name}");
    }
    assert!(metric(&server, "tracellm_write_last_commit_timestamp_seconds") > 1.7e9);
}

#[test]
fn what_happens_is_counted_embedded() {
    what_happens_is_counted(&Home::embedded());
}

#[test]
fn what_happens_is_counted_mongodb() {
    what_happens_is_counted(&Home::mongo());
}
