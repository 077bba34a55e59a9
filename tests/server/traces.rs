use serde_json::{Value, json};

use crate::program::{Answer, Home};

/// The paths of the errors of an answer, in order.
fn paths(errors: &Value) -> Vec<&str> {
    errors.as_array().expect("errors").iter().map(|issue| issue["path"].as_str().unwrap()).collect()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json["error"]["code"].as_str()), (status, Some(code)), "{}", answer.json);
    assert!(answer.json["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", answer.json);
    assert!(answer.json["errors"].is_array(), "{}", answer.json);
}

fn one_trace_and_its_ways_back(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let raw = json!({"trace_id": "a b/ü?#", "prompt": "hi", "steps": [{"tool_name": "search", "success": false, "output": {"error": "no"}}], "extra": 1});
    let answer = server.ingest(raw.to_string());
    assert_eq!((answer.status, &answer.json["trace_id"], &answer.json["outcome"]), (201, &json!("a b/ü?#"), &json!("created")));
    let codes: Vec<_> = answer.json["issues"].as_array().unwrap().iter().map(|issue| issue["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"status.inferred") && codes.contains(&"field.unknown"), "{codes:?}");
    assert_eq!(server.ingest(raw.to_string()).json["outcome"], "duplicate");
    let changed = json!({"trace_id": "a b/ü?#", "prompt": "ho"});
    let answer = server.ingest(changed.to_string());
    assert_eq!((answer.status, &answer.json["outcome"]), (201, &json!("updated")));

    let found = server.get("/api/traces/a%20b%2F%C3%BC%3F%23");
    assert_eq!((found.status, &found.json["prompt"], &found.json["status"]), (200, &json!("ho"), &json!("success")));
    assert_eq!(found.json["response"], Value::Null, "every field of the contract is there");
    refused(&server.get("/api/traces/a%20b%2F%C3%BC%3F%23?project_id=other"), 404, "not_found");
    refused(&server.get("/api/traces/nobody"), 404, "not_found");
    refused(&server.get("/api/nothing"), 404, "not_found");
    refused(&server.get("/api/traces/x?projectid=1"), 400, "query.invalid");
    let listed = server.get("/api/traces");
    assert_eq!((&listed.json["total"], &listed.json["next_cursor"], &listed.json["items"][0]), (&json!(1), &Value::Null, &found.json));
}

#[test]
fn one_trace_and_its_ways_back_embedded() {
    one_trace_and_its_ways_back(&Home::embedded());
}

#[test]
fn one_trace_and_its_ways_back_mongodb() {
    one_trace_and_its_ways_back(&Home::mongo());
}

#[test]
fn every_fault_of_a_document_is_named() {
    let home = Home::embedded();
    let server = home.start();
    let raw = json!({
        "trace_id": 5, "prompt": "p", "latency": -1, "token_count": 1.5, "model": [], "status": 3, "retry_count": "many", "slow_request": "yes",
        "created_at": "soon", "tags": "a", "cost_usd": "1e999", "steps": [{}, 7, {"duration": -2, "success": 1, "timestamp": {}}],
    });
    let answer = server.ingest(raw.to_string());
    refused(&answer, 422, "trace.refused");
    let mut found = paths(&answer.json["errors"]);
    found.sort_unstable();
    let expected = [
        "cost_usd",
        "created_at",
        "latency",
        "model",
        "retry_count",
        "slow_request",
        "status",
        "steps[1]",
        "steps[2].duration",
        "steps[2].success",
        "steps[2].timestamp",
        "tags",
        "token_count",
        "trace_id",
    ];
    assert_eq!(found, expected);
    assert!(answer.json["errors"].as_array().unwrap().iter().all(|issue| issue["severity"] == "error"));
    assert_eq!(server.get("/api/traces").json["total"], 0);
}

#[test]
fn a_bad_item_never_harms_its_neighbours() {
    let home = Home::embedded();
    let server = home.start();
    let batch = server.ingest(r#"[{"trace_id":"1"},{"trace_id":"2","latency":"slow"},7,{"trace_id":"3"},{"trace_id":"1"}]"#);
    assert_eq!((batch.status, &batch.json["accepted"], &batch.json["rejected"]), (207, &json!(3), &json!(2)));
    let told: Vec<_> =
        batch.json["results"].as_array().unwrap().iter().map(|item| (item["index"].as_u64().unwrap(), item["outcome"].as_str())).collect();
    assert_eq!(told, [(0, Some("created")), (1, None), (2, None), (3, Some("created")), (4, Some("duplicate"))]);
    assert_eq!(batch.json["results"][1]["trace_id"], "2");
    assert_eq!(paths(&batch.json["results"][1]["errors"]), ["latency"]);
    assert_eq!(paths(&batch.json["results"][2]["errors"]), ["$"]);

    let lines = "{\"trace_id\":\"4\"}\n\nnot json\r\n{\"trace_id\":\"5\"}\n{\"trace_id\"";
    let lines = server.post("/api/traces", "application/x-ndjson; charset=utf-8", lines);
    assert_eq!((lines.status, &lines.json["accepted"], &lines.json["rejected"]), (207, &json!(2), &json!(2)));
    assert_eq!(lines.json["results"][1]["errors"][0]["code"], "json.syntax");

    let good = server.ingest(r#"[{"trace_id":"6"}]"#);
    assert_eq!((good.status, &good.json["accepted"]), (200, &json!(1)));
    let none = server.ingest(r#"[{"latency":-1},{"prompt":"p","steps":{}}]"#);
    refused(&none, 422, "trace.refused");
    assert_eq!((&none.json["rejected"], none.json["results"].as_array().unwrap().len()), (&json!(2), 2));
    refused(&server.ingest("[]"), 422, "batch.empty");
    refused(&server.post("/api/traces", "application/x-ndjson", " \n \n"), 422, "batch.empty");
    assert_eq!(server.get("/api/traces").json["total"], 5);
}

#[test]
fn a_list_is_asked_for_in_its_url() {
    let home = Home::embedded();
    let server = home.start();
    let batch: Vec<_> = (0..7)
        .map(|n| json!({"trace_id": n.to_string(), "created_at": 1_767_225_600 + n, "latency": n * 500, "model": "m 1", "project_id": format!("p{}", n % 2)}))
        .collect();
    assert_eq!(server.ingest(json!(batch).to_string()).status, 200);
    let ids = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json["items"].as_array().unwrap().iter().map(|item| item["trace_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&server.get("/api/traces?model=m+1&project_id=p0&latency_min=500&status=&sort=created_at")), ["2", "4", "6"]);
    assert_eq!(ids(&server.get("/api/traces?from=2026-01-01T00:00:02Z&to=1767225604")), ["3", "2"]);
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/traces?limit=3&cursor={cursor}"));
        assert_eq!(page.json["total"], 7);
        all.extend(ids(&page));
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(all, ["6", "5", "4", "3", "2", "1", "0"]);

    let faults = server.get("/api/traces?limit=201&status=broken&latency_min=x&modle=gpt&token_min=5&token_max=4&cursor=zz");
    refused(&faults, 400, "query.invalid");
    assert_eq!(paths(&faults.json["errors"]), ["limit", "status", "latency_min", "modle", "cursor", "token_min"]);
}
