//! What pages of other sites ask for is refused, whatever it is.

use crate::program::{Home, Server, agent};

const WAYS: [(&str, &str); 6] =
    [("GET", "/"), ("GET", "/api/traces"), ("POST", "/api/traces"), ("POST", "/fn/traces/list"), ("GET", "/ws"), ("GET", "/api/live")];

/// The status of a request, of which only the beginning is waited for.
fn ask(server: &Server, (method, path): (&str, &str), headers: &[(&str, &str)]) -> u16 {
    let mut request = http::Request::builder().method(method).uri(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "POST" { "{}" } else { "" };
    agent().run(request.header("content-type", "application/json").body(body).unwrap()).unwrap().status().as_u16()
}

#[test]
fn pages_of_other_sites_get_nothing() {
    let home = Home::embedded();
    let server = home.start_with(&["--allow-host", "traces.example.com"]);
    server.wait_until_ready();
    let own = server.url.trim_start_matches("http://").to_owned();
    for way in WAYS {
        for strange in [
            &[("host", "rebound.example.com")] as &[_],
            &[("host", "rebound.example.com"), ("origin", "http://rebound.example.com")],
            &[("host", "/")],
            &[("origin", "https://elsewhere.example.com")],
            &[("origin", "null")],
            // Another program of this machine.
            &[("origin", "http://127.0.0.1:1")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors"), ("origin", &server.url)],
        ] {
            assert_eq!(ask(&server, way, strange), 403, "{way:?} {strange:?}");
        }
        for ours in [
            &[] as &[_],
            &[("origin", server.url.as_str())],
            &[("sec-fetch-site", "same-origin"), ("origin", &server.url)],
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[("host", "localhost:7")],
            &[("host", "traces.example.com"), ("origin", "https://traces.example.com")],
            // Behind a proxy that names the server by its address.
            &[("host", &own), ("origin", "https://traces.example.com")],
        ] {
            assert_ne!(ask(&server, way, ours), 403, "{way:?} {ours:?}");
        }
    }
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(ask(&server, ("GET", "/traces"), &link), 200, "a link leads here");
    assert_eq!(ask(&server, ("POST", "/api/traces"), &link), 403, "a form does not");
    let told =
        agent().get(format!("{}/api/traces", server.url)).header("host", "a.example.com").call().unwrap().into_body().read_to_string();
    assert!(told.unwrap().contains("--allow-host a.example.com"));
}

#[test]
fn a_server_for_others_answers_to_every_name() {
    let home = Home::embedded();
    let mut server = home.start_with(&["--host", "0.0.0.0", "--allow-anyone"]);
    server.url = server.url.replace("0.0.0.0", "127.0.0.1");
    server.wait_until_ready();
    assert_eq!(ask(&server, ("GET", "/api/traces"), &[("host", "box.example.com:8000")]), 200);
    assert_eq!(ask(&server, ("GET", "/api/traces"), &[("host", "box.example.com"), ("origin", "http://elsewhere.example.com")]), 403);
}
