use serde_json::{Value, json};

use crate::program::Home;

/// Everything that `$ref` names.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// What of an answer the schema of its route does not allow.
fn faults(document: &Value, path: &str, method: &str, status: &str, answer: &Value) -> Vec<String> {
    let place = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"].clone();
    assert!(!place.is_null(), "{method} {path} {status} has a schema");
    // The components go along, so that references resolve within it.
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], "allOf": [place]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

#[test]
fn the_description_is_of_what_is_answered() {
    let home = Home::embedded();
    assert!(home.run(&["demo", "--count", "40", "--seed", "5"]).status.success());
    let server = home.start();
    let document = server.get("/api/openapi.json").json;
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let mut named = Vec::new();
    references(&document, &mut named);
    for name in named {
        assert!(document.pointer(&name[1..]).is_some(), "{name} is not described");
    }
    let one = server.ingest(r#"{"trace_id":"one","latency":"5","steps":[{"tool_name":"search","kind":"tool"}],"tags":["a"]}"#);
    let answers = [
        ("/api/traces", "post", "201", one.json),
        ("/api/traces", "post", "207", server.ingest(r#"[{}, {"latency": -1}]"#).json),
        ("/api/traces", "post", "422", server.ingest(r#"[{"latency": -1}]"#).json),
        ("/api/traces", "post", "400", server.ingest("{").json),
        ("/api/traces", "get", "200", server.get("/api/traces?limit=30").json),
        ("/api/traces", "get", "400", server.get("/api/traces?limit=0").json),
        ("/api/traces/{trace_id}", "get", "200", server.get("/api/traces/one").json),
        ("/api/traces/{trace_id}", "get", "404", server.get("/api/traces/none").json),
        ("/api/analytics", "get", "200", server.get("/api/analytics").json),
        ("/api/failures", "get", "200", server.get("/api/failures").json),
        ("/api/facets", "get", "200", server.get("/api/facets").json),
        ("/api/retention", "get", "200", server.get("/api/retention").json),
        ("/api/retention", "put", "200", server.put("/api/retention", r#"{"projects": {"web": {"content_days": 900}}}"#).json),
        ("/api/retention", "put", "422", server.put("/api/retention", r#"{"default": {"failed_days": 0}}"#).json),
        (
            "/api/retention/preview",
            "post",
            "200",
            server.post("/api/retention/preview", "application/json", r#"{"default": {"success_days": 1}}"#).json,
        ),
        ("/api/traces", "delete", "202", server.delete("/api/traces?model=none").json),
        ("/api/traces", "delete", "400", server.delete("/api/traces").json),
        ("/api/jobs", "get", "200", server.get("/api/jobs").json),
        ("/api/projects", "post", "201", server.post("/api/projects", "application/json", r#"{"name":"Web"}"#).json),
        ("/api/projects", "post", "409", server.post("/api/projects", "application/json", r#"{"name":"Web"}"#).json),
        ("/api/projects", "get", "200", server.get("/api/projects").json),
        ("/api/api-keys", "post", "201", server.post("/api/api-keys", "application/json", r#"{"project_id":"web","scope":"read"}"#).json),
        ("/api/api-keys", "get", "200", server.get("/api/api-keys").json),
        ("/livez", "get", "200", server.get("/livez").json),
        ("/readyz", "get", "200", server.get("/readyz").json),
    ];
    for (path, method, status, answer) in &answers {
        let faults = faults(&document, path, method, status, answer);
        assert!(faults.is_empty(), "{method} {path} {status}: {faults:#?}\n{answer:#}");
    }
    let list = document["paths"]["/api/traces"]["get"]["parameters"].as_array().unwrap();
    for parameter in list.iter().map(|parameter| parameter["name"].as_str().unwrap()) {
        assert!(tracellm_trace::Query::parameters().contains(&parameter), "{parameter} is one that is read");
    }
    assert_eq!(list.len(), tracellm_trace::Query::parameters().len(), "each is described");
}
