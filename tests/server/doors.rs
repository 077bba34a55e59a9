use std::time::Duration;

use serde_json::{Value, json};
use ureq::{
    Agent, Body,
    http::{Method, Request, Response},
};

use crate::program::{Home, Server, read};

/// Follows no redirect, and takes every status for an answer.
fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(Duration::from_secs(60))).build().into()
}

fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        "" => agent().run(request.body(()).unwrap()).unwrap(),
        body => agent().run(request.body(body.to_owned()).unwrap()).unwrap(),
    }
}

fn status(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    ask(server, method, path, headers, body).status().as_u16()
}

/// The cookie of a session, as a request carries it; the status where there is none.
fn sign_in(server: &Server, name: &str, password: &str) -> Result<String, u16> {
    let form = format!("name={name}&password={password}&to=/traces");
    let answer = ask(server, "POST", "/login", &[("content-type", "application/x-www-form-urlencoded")], &form);
    let Some(cookie) = answer.headers().get("set-cookie") else { return Err(answer.status().as_u16()) };
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/traces"));
    let cookie = cookie.to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-tracellm=") && cookie.contains("HttpOnly; SameSite=Lax") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    Ok(cookie.split(';').next().unwrap().to_owned())
}

/// The answer of a server function.
fn call(server: &Server, cookie: &str, name: &str, arguments: Value) -> (u16, Value) {
    let answer = read(ask(
        server,
        "POST",
        &format!("/fn/{name}"),
        &[("cookie", cookie), ("content-type", "application/json")],
        &arguments.to_string(),
    ));
    (answer.status, answer.json)
}

/// The list that a filter asks for.
fn all(filter: Value) -> Value {
    json!({"query": {"filter": filter, "sort": "-created_at", "limit": 50, "cursor": null}})
}

fn add_user(home: &Home, name: &str, options: &[&str]) -> String {
    let done = home.run(&[&["user", "add", name], options].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn whoever_has_no_business_here_gets_nothing(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    assert_eq!(server.ingest(r#"[{"trace_id":"a","project_id":"shop"},{"trace_id":"b","project_id":"web"}]"#).status, 200);
    let shop_key = server.post("/api/api-keys", "application/json", r#"{"project_id":"shop","scope":"ingest"}"#).json["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let read_key =
        server.post("/api/api-keys", "application/json", r#"{"project_id":"web","scope":"read"}"#).json["key"].as_str().unwrap().to_owned();
    let admin = add_user(home, "root", &["--role", "admin"]);
    let viewer = add_user(home, "eve", &["--role", "viewer", "--project-id", "shop"]);
    let member = add_user(home, "max", &["--role", "member"]);
    let moe = add_user(home, "moe", &["--role", "member"]);
    let two = add_user(home, "two", &["--role", "viewer", "--project-id", "shop", "--project-id", "web"]);
    // What it knew of users holds for two seconds.
    std::thread::sleep(Duration::from_millis(2_500));

    // Every route of the description, every page and a server function, without a sign of who asks.
    let description = server.get("/api/openapi.json").json;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            let is_open = ["/livez", "/readyz", "/api/openapi.json"].contains(&path.as_str());
            let path = path.replace(['{', '}'], "");
            let got = status(&server, &method.to_uppercase(), &path, &[], "");
            assert_eq!(got, if is_open { 200 } else { 401 }, "{method} {path}");
        }
    }
    for page in ["/", "/traces", "/traces/a", "/failures", "/live", "/ingest", "/projects", "/settings", "/api", "/diff/a..b", "/nowhere"] {
        let answer = ask(&server, "GET", page, &[("accept", "text/html")], "");
        let location = answer.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
        assert_eq!((answer.status().as_u16(), location), (303, Some(format!("/login?to={}", page))), "{page}");
    }
    assert_eq!(call(&server, "", "traces/list", all(json!({}))).0, 401);
    assert_eq!(call(&server, "__Host-tracellm=0123456789012345678901234567890123456789012", "traces/list", all(json!({}))).0, 401);
    assert_eq!(status(&server, "POST", "/v1/traces", &[("content-type", "application/json")], r#"{"resourceSpans":[]}"#), 401);
    assert_eq!(status(&server, "GET", "/api/live", &[], ""), 401);
    assert_eq!(status(&server, "GET", "/login", &[], ""), 200);

    // Keys open what they did.
    let bearer = format!("Bearer {shop_key}");
    assert_eq!(
        status(&server, "POST", "/api/traces", &[("authorization", &bearer), ("content-type", "application/json")], r#"{"trace_id":"c"}"#),
        201
    );
    assert_eq!(status(&server, "GET", "/api/traces", &[("authorization", &bearer)], ""), 403);
    assert_eq!(read(ask(&server, "GET", "/api/traces", &[("x-api-key", &read_key)], "")).json["total"], 1);
    assert_eq!(status(&server, "GET", "/metrics", &[("x-api-key", "tlm_sk_wrong")], ""), 401);

    // One of one project sees that one alone.
    assert_eq!(sign_in(&server, "eve", "wrong").unwrap_err(), 401);
    assert_eq!(sign_in(&server, "nobody", "wrong").unwrap_err(), 401);
    let eve = sign_in(&server, "eve", &viewer).unwrap();
    let (got, list) = call(&server, &eve, "traces/list", all(json!({})));
    assert_eq!(got, 200, "{list}");
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|row| row["trace_id"].as_str().unwrap()).collect();
    assert_eq!((got, ids), (200, vec!["c", "a"]));
    assert_eq!(call(&server, &eve, "traces/list", all(json!({"project_id": "web"}))).0, 403);
    assert_eq!(call(&server, &eve, "traces/get", json!({"project_id": null, "trace_id": "b", "first": 0, "explained": false})).0, 404);
    assert_eq!(call(&server, &eve, "traces/get", json!({"project_id": "web", "trace_id": "b", "first": 0, "explained": false})).0, 403);
    assert_eq!(call(&server, &eve, "traces/remove", json!({"project_id": "shop", "trace_id": "a"})).0, 403);
    assert_eq!(call(&server, &eve, "traces/ingest", json!({"text": r#"{"project_id":"shop"}"#})).0, 403);
    assert_eq!(call(&server, &eve, "keys/create", json!({"new": {"project_id": "shop", "scope": "read"}})).0, 403);
    assert_eq!(call(&server, &eve, "jobs/list", json!({})).0, 403);
    assert_eq!(call(&server, &eve, "retention/set", json!({"retention": {}})).0, 403);
    let (_, projects) = call(&server, &eve, "projects/list", json!({}));
    assert_eq!((projects["projects"].as_array().unwrap().len(), &projects["keys"]), (1, &json!([])), "{projects}");
    assert!(!call(&server, &eve, "facets", json!({"filter": {}})).1.to_string().contains("web"));
    assert_eq!(read(ask(&server, "GET", "/api/traces", &[("cookie", &eve)], "")).json["total"], 2);
    assert_eq!(status(&server, "GET", "/api/traces?project_id=web", &[("cookie", &eve)], ""), 403);
    assert_eq!(status(&server, "DELETE", "/api/traces/a?project_id=shop", &[("cookie", &eve)], ""), 403);
    assert_eq!(
        status(&server, "POST", "/api/traces", &[("cookie", &eve), ("content-type", "application/json")], "{}"),
        401,
        "a session stores by no REST"
    );

    assert_eq!(status(&server, "GET", "/metrics", &[("cookie", &eve)], ""), 403);
    assert!(!read(ask(&server, "GET", "/api/facets?project_id=shop", &[("cookie", &eve)], "")).json.to_string().contains("web"));
    // What a page reads while the server draws it goes through the same doors.
    for page in ["/ingest", "/settings"] {
        let html = read(ask(&server, "GET", page, &[("cookie", &eve)], ""));
        assert!(html.status == 200 && html.json.as_str().unwrap().contains("role in every project"), "{page}");
    }

    // A member stores, and deletes nothing.
    let max = sign_in(&server, "max", &member).unwrap();
    assert_eq!(call(&server, &max, "traces/ingest", json!({"text": r#"{"trace_id":"d","project_id":"web"}"#})).0, 200);
    assert_eq!(call(&server, &max, "traces/remove", json!({"project_id": "web", "trace_id": "d"})).0, 403);
    assert_eq!(call(&server, &max, "views/save", json!({"name": "mine", "query": "status=failed"})).0, 200);
    assert_eq!(call(&server, &eve, "views/save", json!({"name": "hers", "query": "status=failed"})).0, 403);
    assert_eq!(call(&server, &max, "views/save", json!({"name": "of the shop", "query": "project_id=shop"})).0, 200);
    // Views are for whoever may read what they ask for; only who saved one, or an admin of that, forgets it.
    let names = |cookie: &str| {
        let (_, views) = call(&server, cookie, "views/list", json!({}));
        views
            .as_array()
            .unwrap()
            .iter()
            .map(|view| (view["name"].as_str().unwrap().to_owned(), view["view_id"].clone()))
            .collect::<Vec<_>>()
    };
    let (hers, his) = (names(&eve), names(&max));
    assert_eq!((hers.len(), hers[0].0.as_str(), his.len()), (1, "of the shop", 2));
    let other = sign_in(&server, "moe", &moe).unwrap();
    assert_eq!((names(&other).len(), call(&server, &other, "views/remove", json!({"view_id": hers[0].1})).0), (2, 403));

    // Who reads several projects is led to the first of them.
    let two = sign_in(&server, "two", &two).unwrap();
    for (page, led) in [("/", "/?project_id=shop"), ("/traces?status=failed&project_id=", "/traces?project_id=shop&status=failed")] {
        let answer = ask(&server, "GET", page, &[("cookie", &two)], "");
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, led));
    }
    assert_eq!(status(&server, "GET", "/traces?project_id=web", &[("cookie", &two)], ""), 200);
    assert_eq!(status(&server, "GET", "/settings", &[("cookie", &two)], ""), 200);

    // A stream that is open ends with its session.
    let mut stream = ask(&server, "GET", "/api/live?project_id=web", &[("cookie", &two)], "");
    assert_eq!(status(&server, "POST", "/logout", &[("cookie", &two)], ""), 303);
    assert!(stream.body_mut().read_to_string().is_ok(), "it ends by itself");

    // An admin does all of it; who is signed out does nothing more.
    let root = sign_in(&server, "root", &admin).unwrap();
    assert_eq!(call(&server, &root, "traces/remove", json!({"project_id": "web", "trace_id": "d"})).0, 200);
    assert_eq!(call(&server, &root, "jobs/list", json!({})).0, 200);
    let page = read(ask(&server, "GET", "/traces", &[("cookie", &root)], ""));
    assert!(page.status == 200 && page.json.as_str().unwrap().contains("data-user=\"root\""));
    assert_eq!(status(&server, "POST", "/logout", &[("cookie", &root)], ""), 303);
    assert_eq!(call(&server, &root, "jobs/list", json!({})).0, 401);
    // A new password ends the old sessions, also those of a server that runs.
    add_user(home, "max", &["--role", "member"]);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(call(&server, &max, "traces/list", all(json!({}))).0, 401);
}

#[test]
fn whoever_has_no_business_here_gets_nothing_embedded() {
    whoever_has_no_business_here_gets_nothing(&Home::embedded());
}

#[test]
fn whoever_has_no_business_here_gets_nothing_mongodb() {
    whoever_has_no_business_here_gets_nothing(&Home::mongo());
}

#[test]
fn names_are_not_tried_without_end() {
    let home = Home::embedded();
    let password = add_user(&home, "ada", &["--role", "admin"]);
    let server = home.start();
    let tries: Vec<_> = (0..10).map(|_| sign_in(&server, "ada", "wrong").unwrap_err()).collect();
    assert_eq!((tries[0], tries[9]), (401, 429), "{tries:?}");
    assert_eq!(sign_in(&server, "ada", &password).unwrap_err(), 429, "the right one has to wait too");
}

#[test]
fn other_machines_are_served_once_somebody_can_sign_in() {
    let home = Home::embedded();
    let refused = home.run(&["start", "--no-browser", "--port", "0", "--host", "0.0.0.0"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tracellm user add"), "{}", String::from_utf8_lossy(&refused.stderr));
    let short = home.run_with(&["user", "add", "ada", "--password-stdin"], "short\n");
    assert!(!short.status.success() && String::from_utf8_lossy(&short.stderr).contains("`password` must have at least 10"));
    let set = home.run_with(&["user", "add", "ada", "--role", "admin", "--password-stdin"], "long enough, this\n");
    assert!(set.status.success() && set.stdout.is_empty());
    let listed = String::from_utf8(home.run(&["user", "list"]).stdout).unwrap();
    assert!(listed.starts_with("ada\tadmin\t") && !listed.contains("argon"), "{listed}");
    let server = home.start_with(&["--host", "0.0.0.0"]);
    assert_eq!(status(&server, "GET", "/api/traces", &[], ""), 401);
    assert!(home.run(&["user", "remove", "ada"]).status.success() && !home.run(&["user", "remove", "ada"]).status.success());
}

#[test]
fn the_first_user_is_made_by_a_code_that_the_log_shows() {
    let home = Home::embedded();
    let server = home.start_with(&["--first-run"]);
    let code = server.says("/login?code=");
    let form = |code: &str, password: &str| {
        let form = format!("code={code}&name=ada&password={password}&to=https://elsewhere.example");
        ask(&server, "POST", "/login", &[("content-type", "application/x-www-form-urlencoded")], &form)
    };
    assert_eq!(status(&server, "GET", "/api/traces", &[], ""), 401, "nobody gets in before");
    assert!(read(ask(&server, "GET", &format!("/login?code={code}"), &[], "")).json.as_str().unwrap().contains("The first user"));
    assert_eq!(form("", "long enough").status().as_u16(), 401);
    assert_eq!(form(&code, "short").status().as_u16(), 422);
    let made = form(&code, "long enough");
    assert_eq!((made.status().as_u16(), made.headers()["location"].to_str().unwrap()), (303, "/"));
    let cookie = made.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(call(&server, &cookie, "jobs/list", json!({})).0, 200, "the first one is an admin");
    let again = ask(
        &server,
        "POST",
        "/login",
        &[("content-type", "application/x-www-form-urlencoded")],
        &format!("code={code}&name=eve&password=long enough"),
    );
    assert_eq!(again.status().as_u16(), 401, "the code makes one user");
    assert!(!read(ask(&server, "GET", "/login", &[], "")).json.as_str().unwrap().contains("The first user"));
}

fn what_is_done_is_noted(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    assert_eq!(server.ingest(r#"[{"trace_id":"a"},{"trace_id":"b"},{"trace_id":"c"}]"#).status, 200);
    let key = server.post("/api/api-keys", "application/json", r#"{"project_id":"shop","scope":"admin"}"#).json;
    let (key_id, secret) = (key["key_id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let bearer = format!("Bearer {secret}");
    let password = add_user(home, "root", &["--role", "admin"]);
    add_user(home, "eve", &["--role", "viewer", "--project-id", "shop"]);
    std::thread::sleep(Duration::from_millis(2_500));
    let by_key = [("authorization", bearer.as_str())];
    assert_eq!(status(&server, "DELETE", "/api/traces/a", &by_key, ""), 204);
    assert_eq!(status(&server, "DELETE", "/api/traces/nobody", &by_key, ""), 404);
    let root = sign_in(&server, "root", &password).unwrap();
    let keys = json!([["default", "b"], ["default", "c"]]);
    assert_eq!(call(&server, &root, "traces/export", json!({"keys": keys})).0, 200);
    assert_eq!(call(&server, &root, "traces/remove", json!({"project_id": "default", "trace_id": "b"})).0, 200);
    assert_eq!(call(&server, &root, "masking/set", json!({"masking": {"default": {"detectors": ["email"]}}})).0, 200);
    assert_eq!(status(&server, "GET", "/api/traces/c/html", &[("cookie", &root)], ""), 200);
    assert_eq!(call(&server, &root, "keys/revoke", json!({"key_id": key_id})).0, 200);
    assert!(home.run(&["user", "remove", "eve"]).status.success());

    let max = add_user(home, "max", &["--role", "viewer"]);
    let max = sign_in(&server, "max", &max).unwrap();
    assert_eq!(call(&server, &max, "audit", json!({"most": 50})).0, 403);
    let settings = |cookie: &str| read(ask(&server, "GET", "/settings", &[("cookie", cookie)], "")).json.as_str().unwrap().to_owned();
    assert!(settings(&root).contains("traces.exported") && !settings(&max).contains("traces.exported"));
    let (got, log) = call(&server, &root, "audit", json!({"most": 50}));
    assert_eq!((got, &log["broken"]), (200, &Value::Null), "{log}");
    let told: Vec<String> = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| [&entry["by"], &entry["did"], &entry["what"]].map(|text| text.as_str().unwrap()).join(" | "))
        .collect();
    let by_key = format!("key {key_id}");
    let expected = [
        format!("anyone | key.created | {key_id} of shop, admin"),
        "command line | user.set | root, admin".to_owned(),
        "command line | user.set | eve, viewer of shop".to_owned(),
        format!("{by_key} | traces.deleted | default/a"),
        "user root | session.begun | ".to_owned(),
        "user root | traces.exported | default/b, default/c".to_owned(),
        "user root | traces.deleted | default/b".to_owned(),
        r#"user root | masking.set | {"default":{"detectors":["email"],"patterns":{}},"projects":{}}"#.to_owned(),
        "user root | traces.exported | default/c, as HTML".to_owned(),
        format!("user root | key.revoked | {key_id}"),
        "command line | user.removed | eve".to_owned(),
        "command line | user.set | max, viewer".to_owned(),
        "user max | session.begun | ".to_owned(),
    ];
    assert_eq!(told, expected);
    let printed = home.run(&["audit", "--json"]);
    assert!(printed.status.success() && String::from_utf8_lossy(&printed.stderr).starts_with("13 entries, as they were written"));
    assert_eq!(String::from_utf8(printed.stdout).unwrap().lines().count(), 13);
}

#[test]
fn what_is_done_is_noted_embedded() {
    what_is_done_is_noted(&Home::embedded());
}

#[test]
fn what_is_done_is_noted_mongodb() {
    what_is_done_is_noted(&Home::mongo());
}
