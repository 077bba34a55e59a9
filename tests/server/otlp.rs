use std::{io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use ureq::{Body, http::Response};

use crate::program::{Home, Server, agent};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn export(server: &Server, kind: &str, encoding: Option<&str>, body: &[u8]) -> (u16, Response<Body>, Vec<u8>) {
    let mut request = agent().post(format!("{}/v1/traces", server.url)).header("content-type", kind);
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    let mut response = request.send(body).unwrap();
    let answer = response.body_mut().read_to_vec().unwrap();
    (response.status().as_u16(), response, answer)
}

fn json_export(server: &Server, request: &Value) -> (u16, Value) {
    let (status, response, answer) = export(server, JSON, None, request.to_string().as_bytes());
    assert_eq!(response.headers()["content-type"], JSON);
    (status, serde_json::from_slice(&answer).unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn span(n: u64, extra: Value) -> Value {
    let mut span = json!({"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{n:016x}"), "name": format!("span {n}"),
        "startTimeUnixNano": (1_780_000_000_000_000_000 + n).to_string(), "endTimeUnixNano": (1_780_000_001_000_000_000 + n).to_string()});
    span.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    span
}

fn request(spans: Vec<Value>) -> Value {
    json!({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": spans}]}]})
}

fn everything(server: &Server) -> Vec<Value> {
    let mut items = server.get("/api/traces?limit=200").json["items"].as_array().unwrap().clone();
    items.iter_mut().for_each(|item| item["updated_at"] = Value::Null);
    items
}

/// What real clients exported, as protobuf and as JSON, on both stores, makes the same traces.
#[test]
fn both_encodings_and_both_stores_say_the_same() {
    let homes = [Home::embedded(), Home::mongo()];
    let [first, second] = homes.each_ref().map(Home::start);
    let mut names: Vec<String> = std::fs::read_dir(root().join("tests/otel/captured"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for name in &names {
        let protobuf = std::fs::read(root().join(format!("tests/otel/captured/{name}.bin"))).unwrap();
        let json = std::fs::read(root().join(format!("crates/trace/fixtures/otlp/{name}.json"))).unwrap();
        let (status, response, answer) = export(&first, PROTOBUF, Some("gzip"), &gzip(&protobuf));
        assert_eq!((status, answer.as_slice(), response.headers()["content-type"].to_str().unwrap()), (200, &b""[..], PROTOBUF), "{name}");
        let (status, _, answer) = export(&second, JSON, None, &json);
        assert_eq!((status, answer.as_slice()), (200, &b"{}"[..]), "{name}");
    }
    let traces = everything(&first);
    assert!(traces.len() > 20);
    assert_eq!(traces, everything(&second));
    // Sent once more they change nothing.
    for name in &names {
        export(&first, PROTOBUF, None, &std::fs::read(root().join(format!("tests/otel/captured/{name}.bin"))).unwrap());
    }
    assert_eq!(traces, everything(&first));
    for trace in &traces {
        assert_eq!(first.page(&format!("/traces/{}", trace["trace_id"].as_str().unwrap())).status(), 200);
    }
}

#[test]
fn a_bad_span_is_counted_and_harms_no_other() {
    let home = Home::embedded();
    let server = home.start();
    let (status, answer) = json_export(
        &server,
        &request(vec![span(1, json!({})), span(2, json!({"spanId": ""})), span(3, json!({"traceId": "0".repeat(32)}))]),
    );
    assert_eq!((status, &answer["partialSuccess"]["rejectedSpans"]), (200, &json!("2")));
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("spanId must be 16 hex digits"), "{answer}");
    assert_eq!(server.get("/api/traces").json["items"][0]["steps"].as_array().unwrap().len(), 1);
    // End before start, a parent that never comes, a span that is its own parent.
    let odd = vec![
        span(4, json!({"endTimeUnixNano": "5"})),
        span(5, json!({"parentSpanId": "00000000000000ff"})),
        span(6, json!({"parentSpanId": "0000000000000006"})),
    ];
    assert_eq!(json_export(&server, &request(odd)), (200, json!({})));
    let trace = server.get("/api/traces/0af7651916cd43dd8448eb211c80319c").json;
    assert_eq!((trace["steps"].as_array().unwrap().len(), &trace["steps"][1]["metadata"]["otel.ends_before_start"]), (4, &json!(true)));
    assert_eq!(json_export(&server, &json!({})), (200, json!({})), "an empty request is no fault");
}

#[test]
fn what_can_not_be_read_is_refused_in_its_own_encoding() {
    let home = Home::embedded();
    let server = home.start();
    let (status, answer) = json_export(&server, &json!({"resourceLogs": [{"scopeLogs": []}]}));
    assert!(status == 400 && answer["message"].as_str().unwrap().contains("logs"), "{status} {answer}");
    for (kind, body) in
        [(PROTOBUF, &b"\xff\xff\xff not protobuf"[..]), (JSON, b"{"), (JSON, b"[]"), (JSON, br#"{"resourceSpans": 5}"#), (JSON, b"\xff")]
    {
        let (status, response, answer) = export(&server, kind, None, body);
        assert_eq!((status, response.headers()["content-type"].to_str().unwrap()), (400, kind));
        assert!(!answer.is_empty() && response.headers().get("retry-after").is_none(), "sending it again is of no use");
    }
    assert_eq!(export(&server, "text/plain", None, b"hi").0, 415);
    assert_eq!(export(&server, JSON, Some("gzip"), b"not gzip").0, 400);
}

#[test]
fn a_bomb_is_refused_and_takes_no_memory() {
    let home = Home::embedded();
    let server = home.start();
    for (kind, encoding, body) in [
        (PROTOBUF, None, vec![0x0a; 25 << 20]),
        (JSON, None, vec![b' '; 25 << 20]),
        (PROTOBUF, Some("gzip"), gzip(&vec![0; 512 << 20])),
        (JSON, Some("gzip"), gzip(&vec![b' '; 512 << 20])),
    ] {
        let (status, response, answer) = export(&server, kind, encoding, &body);
        assert_eq!((status, response.headers()["content-type"].to_str().unwrap()), (413, kind), "{encoding:?}");
        assert!(!answer.is_empty());
    }
    assert_eq!(json_export(&server, &request(vec![span(1, json!({}))])).0, 200);
    let peak = server.peak_memory_kb();
    assert!(peak < 300_000, "{peak} kB");
}

#[test]
fn a_key_gives_the_project_and_a_database_that_is_gone_is_worth_waiting_for() {
    let home = Home::embedded();
    let server = home.start();
    let made = server.post("/api/projects", JSON, r#"{"name": "Web", "environment": "staging"}"#).json;
    let secret = made["api_key"]["key"].as_str().unwrap();
    let send = |secret: &str| {
        let body = request(vec![span(1, json!({}))]).to_string();
        let sent = agent()
            .post(format!("{}/v1/traces", server.url))
            .header("content-type", JSON)
            .header("authorization", format!("Bearer {secret}"));
        sent.send(&body).unwrap().status().as_u16()
    };
    assert_eq!((send(secret), send("tlm_sk_nobody")), (200, 401));
    let trace = &server.get("/api/traces").json["items"][0];
    assert_eq!(
        (&trace["project_id"], &trace["environment"], &trace["api_key"]),
        (&json!("web"), &json!("staging"), &made["api_key"]["key_id"])
    );

    let nowhere = Home::mongo_at("mongodb://127.0.0.1:9/".to_owned());
    let server = nowhere.start();
    let (status, response, _) = export(&server, JSON, None, request(vec![span(1, json!({}))]).to_string().as_bytes());
    assert!(status == 503 && response.headers().contains_key("retry-after"));
}

#[test]
fn whatever_becomes_of_a_request_its_key_finds_it() {
    let home = Home::embedded();
    let server = home.start();
    let made = server.post("/api/projects", JSON, r#"{"name": "Web"}"#).json["api_key"].clone();
    let basic = format!("Basic {}", base64(&format!("any:{}", made["key"].as_str().unwrap())));
    let bearer = format!("Bearer {}", made["key"].as_str().unwrap());
    let large = vec![b' '; 25 << 20];
    let well = request(vec![span(1, json!({"attributes": [{"key": "x".repeat(5_000), "value": {"intValue": 1}}]}))]).to_string();
    let sent = [
        ("/v1/traces", JSON, &bearer, well.as_bytes(), 200),
        ("/api/public/otel/v1/traces", JSON, &basic, well.as_bytes(), 200),
        ("/v1/traces", JSON, &bearer, b"{", 400),
        ("/v1/traces", "text/plain", &bearer, b"hi", 415),
        ("/v1/traces", PROTOBUF, &bearer, &large, 413),
        ("/api/traces", JSON, &bearer, &large, 413),
        ("/api/traces", JSON, &bearer, br#"{"latency": -1}"#, 422),
    ];
    for (path, kind, key, body, status) in sent {
        let request = agent().post(format!("{}{path}", server.url)).header("content-type", kind).header("authorization", key);
        assert_eq!(request.send(body).unwrap().status(), status, "{path} {kind}");
    }
    server.ingest("{}");
    let log = server.post("/fn/intake", JSON, json!({"key": made["key_id"], "most": 100}).to_string()).json;
    let requests = log["requests"].as_array().unwrap();
    let mut statuses: Vec<u64> = requests.iter().map(|request| request["status"].as_u64().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 400, 413, 413, 415, 422]);
    assert!(log.to_string().len() < 10_000, "a sender's texts are cut");
    assert_eq!(server.post("/fn/intake", JSON, r#"{"key": null, "most": 100}"#).json["requests"].as_array().unwrap().len(), 8);
}

fn base64(text: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(text)
}
