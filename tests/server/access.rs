use serde_json::json;

use crate::program::{Answer, Home, Server, agent, read};

/// A request with a key.
fn with_key(server: &Server, secret: &str, path: &str, body: Option<&str>) -> Answer {
    let url = format!("{}{path}", server.url);
    let bearer = format!("Bearer {secret}");
    read(match body {
        None => agent().get(url).header("authorization", bearer).call().unwrap(),
        Some(body) => agent().post(url).header("x-api-key", secret).header("content-type", "application/json").send(body).unwrap(),
    })
}

fn keys_open_what_they_are_for(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let made = server.post("/api/projects", "application/json", r#"{"name":"My App","description":"d","environment":"staging"}"#);
    assert_eq!((made.status, &made.json["project"]["project_id"]), (201, &json!("my-app")), "{}", made.json);
    assert_eq!(server.post("/api/projects?name=my+APP&environment=staging", "text/plain", "").status, 409);
    let wrong = server.post("/api/projects", "application/json", r#"{"name":" "}"#);
    assert_eq!((wrong.status, &wrong.json["errors"][0]["path"]), (422, &json!("name")));
    let secret = made.json["api_key"]["key"].as_str().unwrap();
    let key_id = made.json["api_key"]["key_id"].as_str().unwrap();

    let stored = with_key(&server, secret, "/api/traces", Some(r#"{"trace_id":"1"}"#));
    assert_eq!(stored.status, 201, "{}", stored.json);
    let trace = server.get("/api/traces/1").json;
    assert_eq!((&trace["project_id"], &trace["environment"], &trace["api_key"]), (&json!("my-app"), &json!("staging"), &json!(key_id)));
    let other = with_key(&server, secret, "/api/traces", Some(r#"{"trace_id":"2","project_id":"theirs","environment":"production"}"#));
    assert!(other.json["issues"].as_array().unwrap().iter().any(|issue| issue["code"] == "project.overridden"), "{}", other.json);
    let trace = server.get("/api/traces/2").json;
    assert_eq!((&trace["project_id"], &trace["environment"]), (&json!("my-app"), &json!("production")));
    assert_eq!(with_key(&server, secret, "/api/traces", None).status, 403, "an ingest key reads nothing");
    assert_eq!(with_key(&server, &format!("{secret}x"), "/api/traces", Some("{}")).status, 401);

    assert_eq!(server.ingest(r#"{"trace_id":"3"}"#).status, 201);
    let read_key = server.post("/api/api-keys", "application/json", r#"{"project_id":"my-app","scope":"read"}"#);
    let read_secret = read_key.json["key"].as_str().unwrap();
    let listed = with_key(&server, read_secret, "/api/traces", None);
    assert_eq!((listed.status, &listed.json["total"]), (200, &json!(2)), "only its own project");
    assert_eq!(with_key(&server, read_secret, "/api/traces/3", None).status, 404);
    assert_eq!(with_key(&server, read_secret, "/api/traces?project_id=default", None).status, 403);
    assert_eq!(with_key(&server, read_secret, "/api/projects", None).status, 403);
    assert_eq!(with_key(&server, read_secret, "/api/traces", Some("{}")).status, 403);

    let keys = server.get("/api/api-keys?project_id=my-app").json;
    assert_eq!(keys.as_array().unwrap().len(), 2);
    assert!(!keys.to_string().contains(&secret[20..]), "no secret is told again");
    let revoked = agent().delete(format!("{}/api/api-keys/{key_id}", server.url)).call().unwrap();
    assert_eq!(revoked.status().as_u16(), 204);
    let after = with_key(&server, secret, "/api/traces", Some("{}"));
    assert_eq!((after.status, &after.json["error"]["code"]), (401, &json!("key.unknown")));
    let projects = server.get("/api/projects").json;
    let told: Vec<_> = projects
        .as_array()
        .unwrap()
        .iter()
        .map(|project| (project["project_id"].as_str().unwrap(), project["created"].as_bool().unwrap()))
        .collect();
    assert_eq!(told, [("my-app", true), ("default", false)]);
}

#[test]
fn keys_open_what_they_are_for_embedded() {
    keys_open_what_they_are_for(&Home::embedded());
}

#[test]
fn keys_open_what_they_are_for_mongodb() {
    keys_open_what_they_are_for(&Home::mongo());
}
