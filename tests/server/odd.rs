use serde_json::{Value, json};

use crate::{
    database::{Database, Kind},
    program::{Home, Server},
};

const PAGES: [&str; 7] = ["/", "/traces", "/traces?sort=-latency", "/failures", "/live", "/projects", "/settings"];

/// Every page and every route that reads answers, whatever is stored.
fn everything_answers(server: &Server) {
    for page in PAGES {
        assert_eq!(server.page(page).status(), 200, "{page}");
    }
    for route in ["/api/traces", "/api/traces?sort=cost_usd&limit=2", "/api/analytics", "/api/failures", "/api/projects"] {
        assert_eq!(server.get(route).status, 200, "{route}");
    }
}

fn odd_content_harms_nothing(home: &Home) {
    let server = home.start();
    let large = "x".repeat(10 << 20);
    let odd = [
        json!({"trace_id": "large", "prompt": large, "steps": [{"tool_name": "t", "output": {"text": "y"}}]}),
        json!({"trace_id": "first", "created_at": "0001-01-01T00:00:00Z", "latency": 1e300, "token_count": i64::MAX, "cost_usd": 1e300}),
        json!({"trace_id": "last", "created_at": "9999-12-31T23:59:59.999Z", "latency": 1e300, "token_count": i64::MAX, "cost_usd": 1e300}),
        json!({"trace_id": "ahead", "created_at": "2099-01-01", "status": "failed"}),
        json!({"trace_id": "\u{202e}turned", "prompt": "\u{202e}gnp.exe\u{0}\u{2066}", "failure_reason": "<script>alert(1)</script>", "status": "failed"}),
        json!({"trace_id": "keys", "steps": [{"input": {"$where": "1", "a.b": {"$gt": ""}, "": {"": []}, "\u{202e}": 1}}], "metadata": {"$set": {"a.b": 1}}}),
    ];
    for document in &odd {
        let answer = server.ingest(document.to_string());
        assert_eq!(answer.status, 201, "{} {}", document["trace_id"], answer.json);
    }
    let surrogates = server.ingest(r#"{"trace_id":"half","prompt":"a\ud800b"}"#);
    assert_eq!((surrogates.status, &surrogates.json["issues"][0]["code"]), (201, &json!("text.surrogate")));
    everything_answers(&server);
    for id in ["large", "last", "keys", "%E2%80%AEturned"] {
        assert_eq!(server.page(&format!("/traces/{id}")).status(), 200, "{id}");
    }
    assert_eq!(server.get("/api/traces/large").json["prompt"].as_str().map(str::len), Some(10 << 20));
    assert_eq!(server.get("/api/traces/keys").json["steps"][0]["input"], odd[5]["steps"][0]["input"]);
    let page = server.page("/failures").body_mut().read_to_string().unwrap();
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>alert"), "a reason is text");
    let listed = server.page("/traces").body_mut().read_to_string().unwrap();
    assert!(listed.len() < 200_000, "a list carries no whole prompt: {} bytes", listed.len());
    let numbers = server.get("/api/analytics").json;
    assert_eq!(numbers["summary"]["total_traces"], 7);
    assert!(numbers["charts"].as_array().unwrap().len() < 2_000);
}

#[test]
fn odd_content_harms_nothing_embedded() {
    odd_content_harms_nothing(&Home::embedded());
}

#[test]
fn odd_content_harms_nothing_mongodb() {
    odd_content_harms_nothing(&Home::mongo());
}

/// A cursor that was changed is refused, or leads to some place of the list; it breaks nothing.
fn cursors_can_be_tampered_with(home: &Home) {
    let server = home.start();
    server.ingest(Value::from_iter((0..5).map(|n| json!({"trace_id": format!("t{n}"), "latency": n}))).to_string());
    for sort in ["-created_at", "latency", "-token_count", "cost_usd"] {
        let cursor = server.get(&format!("/api/traces?limit=2&sort={sort}")).json["next_cursor"].as_str().unwrap().to_owned();
        for place in 0..cursor.len() {
            for with in ["A", "z", "-"] {
                let mut changed = cursor.clone();
                changed.replace_range(place..=place, with);
                let answer = server.get(&format!("/api/traces?limit=2&sort={sort}&cursor={changed}"));
                assert!(matches!(answer.status, 200 | 400), "{changed}: {} {}", answer.status, answer.json);
                assert!(answer.status == 200 || answer.json["errors"][0]["path"] == "cursor", "{}", answer.json);
            }
        }
        for wrong in [&cursor[1..], &cursor[..cursor.len() - 1], "AAAA", "%00", "=", &"A".repeat(5_000)] {
            assert_eq!(server.get(&format!("/api/traces?sort={sort}&cursor={wrong}")).status, 400, "{wrong}");
        }
        let other = if sort == "latency" { "-latency" } else { "latency" };
        let answer = server.get(&format!("/api/traces?sort={other}&cursor={cursor}"));
        assert_eq!((answer.status, &answer.json["errors"][0]["path"]), (400, &json!("cursor")), "of another order");
    }
}

#[test]
fn cursors_can_be_tampered_with_embedded() {
    cursors_can_be_tampered_with(&Home::embedded());
}

#[test]
fn cursors_can_be_tampered_with_mongodb() {
    cursors_can_be_tampered_with(&Home::mongo());
}

#[test]
fn a_database_that_refuses_everything_is_said() {
    let Some(database) = Database::start(Kind::Locked) else { return };
    let home = Home::mongo_at(database.url());
    let server = home.start();
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.json);
    let refused = server.ingest(r#"{"trace_id":"1"}"#);
    assert_eq!((refused.status, &refused.json["error"]["code"]), (503, &json!("database.unavailable")), "{}", refused.json);
    for page in ["/", "/traces", "/failures", "/projects", "/traces/1"] {
        assert_eq!(server.page(page).status(), 503, "{page}");
    }
    assert_eq!(server.page("/settings").status(), 200);
    let told = home.run(&["doctor"]);
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.code() == Some(1) && said.contains("✗ reachable"), "{said}");
}
