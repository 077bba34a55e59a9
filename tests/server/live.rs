use std::io::{BufRead, BufReader};

use serde_json::Value;
use tungstenite::{Message, client::IntoClientRequest};

use crate::{
    database::{Database, Kind},
    program::{Home, Server, agent},
};

/// The lines of an event stream.
fn events(server: &Server, query: &str, behind: Option<&str>) -> impl Iterator<Item = String> + use<> {
    let mut request = agent().get(format!("{}/api/live{query}", server.url));
    if let Some(id) = behind {
        request = request.header("last-event-id", id);
    }
    let response = request.call().unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    BufReader::new(response.into_body().into_reader())
        .lines()
        .map(|line| line.unwrap())
        .filter(|line| !line.is_empty() && !line.starts_with(':'))
}

/// The next event: its id and the id of its trace.
fn next(lines: &mut impl Iterator<Item = String>) -> (String, String) {
    let mut id = String::new();
    for line in lines {
        if let Some(found) = line.strip_prefix("id: ") {
            id = found.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            return (id, data["trace"]["trace_id"].as_str().unwrap_or("gap").to_owned());
        }
    }
    panic!("the stream has ended");
}

#[test]
fn events_follow_what_is_stored_and_resume() {
    let home = Home::embedded();
    let server = home.start();
    let mut all = events(&server, "", None);
    let mut failed = events(&server, "?status=failed", None);
    server.ingest(r#"{"trace_id":"1"}"#);
    server.ingest(r#"{"trace_id":"1"}"#);
    server.ingest(r#"[{"trace_id":"2","status":"failed"},{"latency":-1},{"trace_id":"3"}]"#);
    let (first, id) = next(&mut all);
    assert_eq!(id, "1");
    assert_eq!([next(&mut all).1, next(&mut all).1], ["2", "3"], "a duplicate is no news");
    assert_eq!(next(&mut failed).1, "2");
    drop(all);
    server.ingest(r#"{"trace_id":"4"}"#);
    let mut again = events(&server, "", Some(&first));
    assert_eq!([next(&mut again).1, next(&mut again).1, next(&mut again).1], ["2", "3", "4"]);
    let mut stranger = events(&server, "", Some("another-7"));
    assert_eq!(next(&mut stranger).1, "gap", "what may be missing is said");
    assert!(server.terminate(), "those who watch keep no server from its end");
}

#[test]
fn the_websocket_speaks_the_reference_package_s_protocol() {
    let home = Home::embedded();
    let server = home.start();
    let address = server.url.replace("http://", "ws://") + "/ws";
    let (mut socket, _) = tungstenite::connect(&address).unwrap();
    let mut hear = || -> Value { serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap() };
    assert_eq!(hear()["type"], "system.connected");
    server.ingest(r#"{"trace_id":"1","prompt":"hi"}"#);
    let told = hear();
    assert_eq!((&told["type"], &told["trace"]["prompt"]), (&"trace.created".into(), &"hi".into()));
    socket.send(Message::text(r#"{"type":"ping","ts":17}"#)).unwrap();
    let pong: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
    assert_eq!((&pong["type"], &pong["timestamp"]), (&"system.pong".into(), &17.into()));

    let mut foreign = address.into_client_request().unwrap();
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let refused = tungstenite::connect(foreign).unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
}

/// Without change streams, and through a restart of the database, those who watch still meet each trace once.
fn watches_through_a_restart(kind: Kind) {
    let Some(mut database) = Database::start(kind) else { return };
    let home = Home::mongo_at(database.url());
    let server = home.start();
    server.wait_until_ready();
    server.ingest(r#"{"trace_id":"before"}"#);
    let mut all = events(&server, "", None);
    server.ingest(r#"{"trace_id":"1"}"#);
    // A stream of the test database may begin a moment before it was asked for.
    let told = std::iter::repeat_with(|| next(&mut all).1).find(|id| id != "before");
    assert_eq!(told.as_deref(), Some("1"));
    assert!(home.run_with(&["import", "-"], r#"{"trace_id":"2"}"#).status.success());
    assert_eq!(next(&mut all).1, "2", "what another process stores is met");
    server.ingest(r#"{"trace_id":"1","prompt":"changed"}"#);
    assert_eq!(next(&mut all).1, "1");
    database.kill();
    database.start_again();
    server.wait_until_ready();
    assert_eq!(server.ingest(r#"{"trace_id":"3"}"#).status, 201);
    // What may have been missed meanwhile is said.
    let told = std::iter::repeat_with(|| next(&mut all).1).find(|id| id != "gap");
    assert_eq!(told.as_deref(), Some("3"));
}

#[test]
fn a_replica_set_is_watched_through_a_restart() {
    watches_through_a_restart(Kind::Usual);
}

#[test]
fn a_single_server_is_watched_through_a_restart() {
    watches_through_a_restart(Kind::Single);
}
