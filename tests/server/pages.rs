use serde_json::json;
use ureq::{Body, http::Response};

use crate::program::{Home, agent};

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn text(mut response: Response<Body>) -> String {
    response.body_mut().read_to_string().unwrap()
}

fn pages_show_their_data_without_script(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let trace = json!({
        "trace_id": "t/1", "project_id": "web", "prompt": "</title><script>alert(1)</script>", "response": "</pre>done", "model": "gpt-x",
        "steps": [{"tool_name": "look_up", "duration": 12, "success": false, "output": {"error": "lost & found"}}],
    });
    assert_eq!(server.ingest(json!([trace, {"trace_id": "t2", "prompt": "second"}]).to_string()).status, 200);

    let list = server.page("/traces");
    assert_eq!((list.status().as_u16(), header(&list, "cache-control")), (200, "private, no-store"));
    let list = text(list);
    for part in [
        "t/1",
        "t2",
        "second",
        "2 traces",
        "href=\"/traces/t%2F1?project_id=web\"",
        "href=\"/traces/t2\"",
        "&lt;/title&gt;&lt;script&gt;alert(1)",
    ] {
        assert!(list.contains(part), "`{part}` is not in the list");
    }
    let filtered = text(server.page("/traces?status=failed&model=&limit=10"));
    assert!(filtered.contains("t/1") && !filtered.contains("second"));

    let page = server.page("/traces/t%2F1?project_id=web");
    assert_eq!(page.status().as_u16(), 200);
    let page = text(page);
    for part in ["look_up", "lost &amp; found", "gpt-x", "&lt;/pre&gt;done", "failed", "12 ms"] {
        assert!(page.contains(part), "`{part}` is not on the page");
    }
    assert!(!page.contains("<script>alert"), "what stands in a trace is never code");
}

#[test]
fn pages_show_their_data_without_script_embedded() {
    pages_show_their_data_without_script(&Home::embedded());
}

#[test]
fn pages_show_their_data_without_script_mongodb() {
    pages_show_their_data_without_script(&Home::mongo());
}

/// Those who work on it see each component in all of its states.
#[test]
fn components_are_shown_by_no_release() {
    let home = Home::embedded();
    let server = home.start();
    let page = server.page("/_components");
    assert_eq!(page.status().as_u16(), if cfg!(debug_assertions) { 200 } else { 404 });
    assert!(text(page).contains("id=\"rows\"") || !cfg!(debug_assertions));
}

#[test]
fn pages_say_what_is_wrong_to_http_too() {
    let home = Home::embedded();
    let server = home.start();
    for (path, status, part) in [
        ("/traces?limit=9999", 400, "limit"),
        ("/traces?status=broken&latency_min=-1", 400, "latency_min"),
        ("/traces/nobody", 404, "nobody"),
        ("/nowhere", 404, "no page"),
        ("/traces", 200, "No traces yet"),
        ("/traces?status=failed", 200, "No trace matches"),
        ("/ingest", 200, "Raw JSON"),
        ("/", 200, "No traces yet"),
        ("/?last=1h", 200, "No trace matches"),
        ("/?last=soon", 400, "last"),
        ("/failures", 200, "No trace failed."),
        ("/failures?limit=x", 400, "limit"),
        ("/live?status=odd", 400, "status"),
        ("/live", 200, "as they are stored"),
        ("/projects", 200, "No project was created"),
    ] {
        let page = server.page(path);
        assert_eq!(page.status().as_u16(), status, "{path}");
        assert!(text(page).contains(part), "`{part}` is not on {path}");
    }
}

#[test]
fn only_our_own_scripts_run() {
    let home = Home::embedded();
    let server = home.start();
    for path in ["/", "/traces", "/traces/nobody", "/failures", "/live", "/projects", "/ingest", "/nowhere"] {
        let page = server.page(path);
        let policy = header(&page, "content-security-policy").to_owned();
        assert!(!policy.contains("unsafe-inline") && policy.contains("'wasm-unsafe-eval'"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
        let html = text(page);
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "a script without nonce on {path}: {tag}");
        }
        assert!(!html.contains(" style=") && !html.contains("<style"), "a style attribute on {path}");
        assert!(!text(server.page(path)).contains(&nonce), "a nonce is used once");
    }
    let answer = server.page("/api/traces");
    for (name, value) in [
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(header(&answer, name), value, "{name}");
    }
}

#[test]
fn pages_are_compressed_where_the_client_takes_that() {
    let home = Home::embedded();
    let server = home.start();
    // A plain header is not decoded by the client.
    // What browsers say, the newest first.
    let browsers = [("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "br"), ("gzip, deflate", "gzip")];
    for (accepted, expected) in browsers.into_iter().chain([("br", "br"), ("gzip;q=0.5", "gzip"), ("identity", "")]) {
        let page = agent().get(format!("{}/traces", server.url)).header("accept-encoding", accepted).call().unwrap();
        assert_eq!(header(&page, "content-encoding"), expected, "{accepted}");
        assert!(header(&page, "content-type").starts_with("text/html"));
    }
}
