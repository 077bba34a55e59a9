use std::{sync::Arc, thread, time::Duration};

use serde_json::{Value, json};

use crate::program::{Server, agent};

/// How long a sender waits before it sends again. `Retry-After` says 5 s, which a test has not.
const PAUSE: Duration = Duration::from_millis(100);

/// How a sender's traces come in.
#[derive(Clone, Copy)]
pub enum Way {
    Json,
    Otlp,
}

/// A client that sends a request again until it is acknowledged, as the specification of OTLP has it.
pub struct Sender {
    pub number: u64,
    pub way: Way,
    /// Traces that were acknowledged; the next one may have been sent already.
    pub acknowledged: u64,
    /// Requests that were answered with a status that says to send them again.
    pub refused: u64,
    /// Requests whose answer never came.
    pub broken: u64,
}

impl Sender {
    pub fn new(number: u64, way: Way) -> Self {
        Self { number, way, acknowledged: 0, refused: 0, broken: 0 }
    }

    fn trace_id(&self, n: u64) -> String {
        format!("{:016x}{:016x}", self.number + 1, n + 1)
    }

    /// One trace of two steps.
    fn request(&self) -> Value {
        let id = self.trace_id(self.acknowledged);
        let span = |span_id: u64, parent: &str| {
            json!({"traceId": id, "spanId": format!("{span_id:016x}"), "parentSpanId": parent, "name": "work",
                "startTimeUnixNano": "1780000000000000000", "endTimeUnixNano": "1780000001000000000"})
        };
        match self.way {
            Way::Json => json!({"trace_id": id, "steps": [{"tool_name": "work"}, {"tool_name": "work"}]}),
            Way::Otlp => json!({"resourceSpans": [{"scopeSpans": [{"spans": [span(1, ""), span(2, "0000000000000001")]}]}]}),
        }
    }

    /// Sends the next trace, or again the one that was not acknowledged; says whether it is now. No answer may be one after which a
    /// client must not send again, as that trace would be lost.
    pub fn send(&mut self, url: &str) -> bool {
        let (path, wanted) = match self.way {
            Way::Json => ("/api/traces", 201),
            Way::Otlp => ("/v1/traces", 200),
        };
        let sent = agent().post(format!("{url}{path}")).header("content-type", "application/json").send(self.request().to_string());
        let Some((status, headers, body)) = sent.ok().and_then(|mut answer| {
            let body = answer.body_mut().read_to_string().ok()?;
            Some((answer.status().as_u16(), answer.headers().clone(), body))
        }) else {
            self.broken += 1;
            return false;
        };
        if status == wanted {
            assert!(!body.contains("partialSuccess"), "{body}");
            self.acknowledged += 1;
            return true;
        }
        assert!(matches!(status, 429 | 503) && headers.contains_key("retry-after"), "{status} {headers:?} {body}");
        self.refused += 1;
        false
    }

    /// Sends the next trace until it is acknowledged.
    pub fn deliver(&mut self, url: &str) {
        for _ in 0..600 {
            if self.send(url) {
                return;
            }
            thread::sleep(PAUSE);
        }
        panic!("trace {} of sender {} is never taken", self.acknowledged, self.number);
    }
}

/// Senders of which every other one comes by OTLP.
pub fn senders(count: u64) -> Vec<Sender> {
    (0..count).map(|number| Sender::new(number, if number % 2 == 0 { Way::Otlp } else { Way::Json })).collect()
}

/// All senders at once while something happens.
pub fn send_during(url: &str, senders: &mut [Sender], happening: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let happening = Arc::new(scope.spawn(happening));
        for sender in senders {
            let happening = happening.clone();
            scope.spawn(move || {
                while !happening.is_finished() {
                    if !sender.send(url) {
                        thread::sleep(PAUSE);
                    }
                }
            });
        }
    });
}

/// What was acknowledged is there, once and whole, and nothing else is; first that is sent again which is still under way.
pub fn all_is_there_once(server: &Server, senders: &mut [Sender]) {
    senders.iter_mut().for_each(|sender| sender.deliver(&server.url));
    let acknowledged: u64 = senders.iter().map(|sender| sender.acknowledged).sum();
    assert_eq!(server.get("/api/analytics").json["summary"]["total_traces"], acknowledged, "lost or doubled");
    for sender in senders {
        for n in 0..sender.acknowledged {
            let trace = server.get(&format!("/api/traces/{}", sender.trace_id(n)));
            assert_eq!((trace.status, trace.json["steps"].as_array().map(Vec::len)), (200, Some(2)), "{n} of {}", sender.number);
        }
    }
}
