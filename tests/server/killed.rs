//! The server is killed while many send to it: what was acknowledged is there, once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::program::{Home, Server, agent};

const ROUNDS: u32 = 20;
const SENDERS: u64 = 8;

/// A client that sends a request again until it is acknowledged, as the specification of OTLP has it.
struct Sender {
    number: u64,
    /// Traces that were acknowledged; the next one may have been sent already.
    acknowledged: u64,
}

impl Sender {
    fn trace_id(&self, n: u64) -> String {
        format!("{:016x}{:016x}", self.number + 1, n + 1)
    }

    /// Two spans of one trace.
    fn request(&self) -> String {
        let span = |id: u64, parent: &str| {
            json!({"traceId": self.trace_id(self.acknowledged), "spanId": format!("{id:016x}"), "parentSpanId": parent, "name": "work",
                "startTimeUnixNano": "1780000000000000000", "endTimeUnixNano": "1780000001000000000"})
        };
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [span(1, ""), span(2, "0000000000000001")]}]}]}).to_string()
    }

    fn send(&mut self, url: &str) -> bool {
        let sent = agent().post(format!("{url}/v1/traces")).header("content-type", "application/json").send(&self.request());
        let is_acknowledged = sent.is_ok_and(|answer| answer.status() == 200);
        self.acknowledged += u64::from(is_acknowledged);
        is_acknowledged
    }
}

/// All senders at once until it is over; `end` makes it so.
fn send_until(server: Server, senders: &mut [Sender], end: impl FnOnce(Server)) {
    let is_over = AtomicBool::new(false);
    let url = server.url.clone();
    thread::scope(|scope| {
        for sender in senders {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    if !sender.send(&url) {
                        break;
                    }
                }
            });
        }
        end(server);
        is_over.store(true, Ordering::Relaxed);
    });
}

fn nothing_is_lost_or_doubled(home: &Home) {
    let mut senders: Vec<Sender> = (0..SENDERS).map(|number| Sender { number, acknowledged: 0 }).collect();
    for round in 0..ROUNDS {
        let server = home.start();
        server.wait_until_ready();
        send_until(server, &mut senders, |server| {
            // Another moment each round, the first before the first commit.
            thread::sleep(Duration::from_millis(u64::from(round * 53 % 389)));
            server.kill();
        });
    }
    let server = home.start();
    server.wait_until_ready();
    // What was under way at the last kill is sent again.
    senders.iter_mut().for_each(|sender| assert!(sender.send(&server.url)));
    let acknowledged: u64 = senders.iter().map(|sender| sender.acknowledged).sum();
    assert!(acknowledged > u64::from(ROUNDS) * 5, "only {acknowledged} came through");
    assert_eq!(server.get("/api/analytics").json["summary"]["total_traces"], acknowledged, "lost or doubled");
    for sender in &senders {
        for n in 0..sender.acknowledged {
            let trace = server.get(&format!("/api/traces/{}", sender.trace_id(n)));
            assert_eq!((trace.status, trace.json["steps"].as_array().map(Vec::len)), (200, Some(2)), "{n} of {}", sender.number);
        }
    }
}

#[test]
fn a_killed_server_loses_and_doubles_nothing_embedded() {
    nothing_is_lost_or_doubled(&Home::embedded());
}

#[test]
fn a_killed_server_loses_and_doubles_nothing_mongodb() {
    nothing_is_lost_or_doubled(&Home::mongo());
}
