use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::program::{Home, agent};

const LIMIT: usize = 20 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn send(url: &str, encoding: &str, body: &[u8]) -> (u16, String) {
    send_to(&format!("{url}/api/traces"), encoding, body)
}

fn send_to(url: &str, encoding: &str, body: &[u8]) -> (u16, String) {
    let request = agent().post(url).header("content-type", "application/json").header("content-encoding", encoding);
    let mut response = request.send(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

#[test]
fn what_can_not_be_read_is_said() {
    let home = Home::embedded();
    let server = home.start();
    for body in ["", "nope", "{\"a\":", "{} {}", "{\"a\":NaN}", "\u{feff}"] {
        let answer = server.ingest(body);
        assert_eq!((answer.status, &answer.json["error"]["code"]), (400, &json!("json.syntax")), "{body:?}: {}", answer.json);
        assert_eq!(answer.json["errors"][0]["path"], "$");
    }
    assert_eq!(server.ingest(b"{\"prompt\":\"\xff\"}").status, 400, "no UTF-8");
    let (status, text) = send(&server.url, "gzip", b"no gzip");
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("errors"), "{text}");
    assert_eq!(send(&server.url, "compress", b"{}").0, 415);
    assert_eq!(server.get("/api/traces").json["total"], 0);
}

#[test]
fn a_call_of_the_browser_that_can_not_be_read_is_told_so() {
    let home = Home::embedded();
    let server = home.start();
    for body in ["", "nope", "[]", "{}", r#"{"key": 1, "most": "many"}"#] {
        let answer = server.post("/fn/intake", "application/json", body);
        assert_eq!((answer.status, &answer.json["Unreadable"]["code"]), (400, &json!("body.unreadable")), "{body:?}: {}", answer.json);
    }
    let (status, text) = send_to(&format!("{}/fn/intake", server.url), "gzip", b"no gzip");
    assert!(status == 400 && text.contains("body.unreadable"), "{status}: {text}");
}

#[test]
fn nesting_has_a_limit_and_a_name() {
    let home = Home::embedded();
    let server = home.start();
    for deep in [
        format!("{{\"metadata\":{}1{}}}", "[".repeat(70), "]".repeat(70)),
        "[".repeat(1 << 20),
        format!("{}{}", "[".repeat(1 << 19), "]".repeat(1 << 19)),
    ] {
        let answer = server.ingest(&deep);
        // Arrays that never close are no JSON at all.
        let allowed = [(422, "json.depth"), (400, "json.syntax"), (422, "trace.refused")];
        let found = (answer.status, answer.json["error"]["code"].as_str().unwrap());
        assert!(allowed.contains(&found), "{found:?}");
        if found.0 == 422 {
            assert!(answer.json["errors"].as_array().unwrap().iter().any(|issue| issue["code"] == "json.depth"), "{}", answer.json);
        }
    }
    let fits = format!("{{\"metadata\":{{\"a\":{}1{}}}}}", "[".repeat(62), "]".repeat(62));
    assert_eq!(server.ingest(fits).status, 201);
}

#[test]
fn compressed_bodies_are_read() {
    let home = Home::embedded();
    let server = home.start();
    assert_eq!(send(&server.url, "gzip", &gzip(b"{\"trace_id\":\"g\"}")).0, 201);
    // A frame of zstd that holds `{"trace_id":"z"}` as it is.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 16, 0x81, 0, 0];
    frame.extend(b"{\"trace_id\":\"z\"}");
    assert_eq!(send(&server.url, "zstd", &frame).0, 201);
    assert_eq!(server.get("/api/traces/z").status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused_before_and_after_decompression() {
    let home = Home::embedded();
    let server = home.start();
    let document = |bytes: usize| format!("{{\"trace_id\":\"large\",\"prompt\":\"{}\"}}", "x".repeat(bytes));
    let large = server.ingest(document(LIMIT));
    assert_eq!((large.status, &large.json["error"]["code"]), (413, &json!("body.too_large")), "{}", large.json);
    let bomb = gzip(&vec![b' '; 400 << 20]);
    assert!(bomb.len() < LIMIT);
    let (status, text) = send(&server.url, "gzip", &bomb);
    assert_eq!(status, 413, "{text}");
    assert_eq!(server.ingest(document(LIMIT - 100)).status, 201, "the limit itself is not too large");
    let answer = server.post("/fn/traces/ingest", "application/json", json!({"text": document(LIMIT)}).to_string());
    assert_eq!((answer.status, &answer.json["TooLarge"]), (413, &json!(LIMIT)), "the browser's way in has the same limit");
    let (status, text) = send_to(&format!("{}/fn/traces/ingest", server.url), "gzip", &bomb);
    assert!(status == 413 && text.contains("TooLarge"), "{status}: {text}");
}
