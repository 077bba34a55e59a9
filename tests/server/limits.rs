use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::program::{Answer, Home, Server, agent, read};

fn key_of(server: &Server, scope: &str) -> String {
    let made = server.post("/api/api-keys", "application/json", json!({"project_id": "shop", "scope": scope}).to_string());
    made.json["key"].as_str().unwrap().to_owned()
}

fn send(server: &Server, path: &str, key: &str, body: &Value) -> Answer {
    let request = agent().post(format!("{}{path}", server.url)).header("content-type", "application/json").header("x-api-key", key);
    read(request.send(body.to_string()).unwrap())
}

fn span(trace: &str, text: &str) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": trace, "spanId": "0000000000000001", "name": "chat", "startTimeUnixNano": "1780000000000000000",
        "attributes": [{"key": "input.value", "value": {"stringValue": text}}]}]}]}]})
}

#[test]
fn a_limit_that_is_none_is_refused_by_name() {
    let home = Home::embedded();
    for (limit, said) in [
        ("size=1", "there is no limit `size`; there are body, "),
        ("body=1", "body must be 1024 to "),
        ("body=much", "`much` is no number"),
    ] {
        let refused = home.run(&["start", "--no-browser", "--port", "0", "--limit", limit]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && error.contains(said), "{error}");
    }
}

#[test]
fn bodies_and_batches_are_bounded_as_it_is_set() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "body=2KiB", "--limit", "batch=2,decompressed=4KiB"]);
    let large = json!({"prompt": "x".repeat(3_000)});
    let refused = server.ingest(large.to_string());
    assert_eq!(
        (refused.status, &refused.json["error"]["message"]),
        (413, &json!("the body is larger than 2048 bytes, the most that is read"))
    );
    let chunked = chunked(&server, &[b' '; 3_000]);
    assert!(chunked.starts_with("HTTP/1.1 413") && chunked.contains("2048 bytes"), "{chunked}");
    let batch = server.ingest(r#"[{"trace_id":"1"},{"trace_id":"2"},{"trace_id":"3"}]"#);
    assert_eq!((batch.status, &batch.json["errors"][0]["code"]), (422, &json!("batch.too_many")), "{}", batch.json);
    assert_eq!(server.ingest(r#"[{"trace_id":"1"},{"trace_id":"2"}]"#).status, 200);
    let page = server.page("/settings").body_mut().read_to_string().unwrap();
    assert!(page.contains("2,048 bytes") && page.contains("20 MiB"), "what is set and what it would be is told");
}

#[test]
fn documents_are_nested_no_deeper_than_it_is_set() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "depth=10"]);
    let nested = |levels: usize| format!("{{\"metadata\":{{\"a\":{}1{}}}}}", "[".repeat(levels - 2), "]".repeat(levels - 2));
    assert_eq!(server.ingest(nested(10)).status, 201);
    let refused = server.ingest(nested(11));
    let error = &refused.json["errors"][0];
    assert_eq!((refused.status, error["code"].as_str()), (422, Some("json.depth")), "{}", refused.json);
    assert!(error["message"].as_str().unwrap().contains("more than 10 levels"), "{error}");
    let moved = server.ingest(format!("{{\"elsewhere\":{}1{}}}", "[".repeat(9), "]".repeat(9)));
    assert_eq!(moved.status, 422, "it would stand a level deeper, under `metadata`: {}", moved.json);
}

/// A body that says nothing of its length.
fn chunked(server: &Server, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let head = "POST /api/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(&[head.as_bytes(), format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_grows_too_much_is_refused() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "ratio=20"]);
    let send = |text: String| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        let request = agent().post(format!("{}/api/traces", server.url)).header("content-type", "application/json");
        read(request.header("content-encoding", "gzip").send(&encoder.finish().unwrap()).unwrap()).status
    };
    assert_eq!(send(json!({"prompt": " ".repeat(900_000)}).to_string()), 201, "small ones may");
    assert_eq!(send(json!({"prompt": " ".repeat(3_000_000)}).to_string()), 413);
}

#[test]
fn a_key_may_bring_so_much() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "key_requests=3,key_bytes=600"]);
    let key = key_of(&server, "ingest");
    let text = "word ".repeat(60);
    assert_eq!(
        send(&server, "/api/traces", &key, &json!({"trace_id": "first", "prompt": text})).json["issues"]
            .to_string()
            .matches("dropped")
            .count(),
        0
    );
    let second = send(&server, "/api/traces", &key, &json!({"trace_id": "second", "prompt": text}));
    assert_eq!((second.status, second.json["issues"].to_string().contains("content.dropped")), (201, true), "{}", second.json);
    let spans = send(&server, "/v1/traces", &key, &span(&"a".repeat(32), &text));
    assert_eq!((spans.status, &spans.json["partialSuccess"]["rejectedSpans"]), (200, &json!("0")), "{}", spans.json);
    assert!(spans.json["partialSuccess"]["errorMessage"].as_str().unwrap().contains("texts were dropped"));
    assert_eq!(server.get("/api/traces/first").json["prompt"], json!(text));
    assert_eq!(server.get("/api/traces/second").json["prompt"], json!(""));
    let answer = agent().post(format!("{}/v1/traces", server.url)).header("content-type", "application/json").header("x-api-key", &key);
    let refused = answer.send(span(&"b".repeat(32), "x").to_string()).unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "60"));
    assert_eq!(read(refused).json["code"], 8, "as OpenTelemetry says it");
    assert_eq!(send(&server, "/api/traces", &key_of(&server, "ingest"), &json!({})).status, 201, "another key is another's");
}

#[test]
fn keys_are_not_tried_without_end() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "bad_keys=5"]);
    let (good, late) = (key_of(&server, "ingest"), key_of(&server, "ingest"));
    assert_eq!(send(&server, "/api/traces", &good, &json!({})).status, 201);
    let tried: Vec<_> = (0..8).map(|n| send(&server, "/api/traces", &format!("tlm_sk_{n:044}"), &json!({})).status).collect();
    assert_eq!(tried, [401, 401, 401, 401, 401, 429, 429, 429]);
    for key in [&good, &late] {
        assert_eq!(
            send(&server, "/api/traces", key, &json!({})).status,
            201,
            "a good one is let in all the same: it may come by the same proxy"
        );
    }
    assert_eq!(server.ingest("{}").status, 201, "who shows none is let in as before");
}

#[test]
fn whoever_takes_too_long_is_cut_off() {
    let home = Home::embedded();
    let server = home.start_with(&["--limit", "header_time=1,body_time=1,connections=8"]);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let open = |text: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        // One that is reset has no more to say.
        let _ = stream.read_to_string(&mut text);
        text
    };
    // More than there may be at once, none of which ever asks: the next one waits for them, and is served.
    let heads = ["POST /api/traces HTTP/1.1\r\nhost: localhost\r\n", "", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    let idle: Vec<_> = (0..8).map(|n| open(heads[n % heads.len()])).collect();
    assert_eq!(server.ingest(r#"{"trace_id":"honest"}"#).status, 201);
    for stream in idle {
        let said = answer(stream);
        assert!(!said.contains(" 200 ") && !said.contains(" 201 "), "{said}");
    }
    for (path, status) in [("/api/traces", 408), ("/v1/traces", 503)] {
        let late = answer(open(&format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
        )));
        assert!(late.starts_with(&format!("HTTP/1.1 {status}")) && late.contains("not there within 1 s"), "{late}");
    }
}

/// Slow clients, endless bodies and bad keys all at once: honest requests are answered, and memory stays small.
#[test]
fn floods_harm_nobody_else() {
    let home = Home::embedded();
    let server = home.start();
    let key = key_of(&server, "ingest");
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let until = Instant::now() + Duration::from_secs(4);
    let (mut honest, mut refused, lines_before) = (0, 0, server.said_lines());
    std::thread::scope(|scope| {
        for n in 0..100 {
            let address = address.clone();
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let head = if n % 2 == 0 {
                    "POST /api/traces HTTP/1.1\r\nhost: localhost\r\n"
                } else {
                    "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
                };
                let mut drips = head.as_bytes().iter().chain(std::iter::repeat(&b'x'));
                while Instant::now() < until && stream.write_all(&[*drips.next().unwrap()]).is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
        for path in ["/api/traces", "/v1/traces"] {
            let address = address.clone();
            scope.spawn(move || {
                while Instant::now() < until {
                    let mut stream = TcpStream::connect(&address).unwrap();
                    let head = format!(
                        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).unwrap();
                    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
                    while Instant::now() < until && stream.write_all(&chunk).is_ok() {}
                }
            });
        }
        scope.spawn(|| {
            let mut n = 0;
            while Instant::now() < until {
                n += 1;
                send(&server, "/api/traces", &format!("tlm_sk_{n:044}"), &json!({}));
            }
            assert!(n > 100, "only {n} bad keys were tried");
        });
        while Instant::now() < until {
            // What is too much at once is told to come again, as always.
            let answer = send(&server, "/api/traces", &key, &json!({"trace_id": format!("{honest}")}));
            assert!([201, 503].contains(&answer.status), "{} {}", answer.status, answer.json);
            honest += u32::from(answer.status == 201);
            refused += u32::from(answer.status == 503);
        }
    });
    // Those who announce much and bring nothing count for a moment.
    assert!(honest > 20 && refused < honest, "{honest} honest requests came through, {refused} did not");
    assert_eq!(server.get("/api/traces").json["total"], honest.min(10_000));
    assert!(server.peak_memory_kb() < 300_000, "{} kB", server.peak_memory_kb());
    let lines = server.said_lines() - lines_before;
    assert!(lines < 20, "the log has {lines} new lines");
}
