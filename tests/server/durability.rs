use std::time::Duration;

use serde_json::json;

use crate::{
    database::{Database, Kind},
    program::{Home, Server},
};

/// What was answered with 201 is there after a crash, each time.
fn acknowledged_means_durable(home: &Home) {
    for round in 0..5 {
        let server = home.start();
        server.wait_until_ready();
        let id = format!("kept {round}");
        let answer = server.ingest(json!({"trace_id": id, "prompt": "x".repeat(10_000)}).to_string());
        assert_eq!(answer.status, 201);
        server.kill();
    }
    let server = home.start();
    server.wait_until_ready();
    assert_eq!(server.get("/api/traces").json["total"], 5);
}

#[test]
fn acknowledged_means_durable_embedded() {
    acknowledged_means_durable(&Home::embedded());
}

#[test]
fn acknowledged_means_durable_mongodb() {
    acknowledged_means_durable(&Home::mongo());
}

#[test]
fn a_database_that_is_killed_loses_nothing_and_is_found_again() {
    let Some(mut database) = Database::start(Kind::Usual) else { return };
    let home = Home::mongo_at(database.url());
    let server = home.start();
    server.wait_until_ready();
    assert_eq!(server.ingest(r#"{"trace_id":"first"}"#).status, 201);
    database.kill();

    says_that_the_database_is_gone(&server);
    database.start_again();
    server.wait_until_ready();
    assert_eq!(server.get("/api/traces/first").status, 200, "acknowledged before the kill");
    assert_eq!(server.ingest(r#"{"trace_id":"second"}"#).status, 201);
    assert_eq!(server.get("/api/traces").json["total"], 2, "what was refused is not there");
    assert!(server.terminate());
}

fn says_that_the_database_is_gone(server: &Server) {
    let refused = server.ingest(r#"{"trace_id":"lost"}"#);
    assert_eq!((refused.status, &refused.json["error"]["code"]), (503, &json!("database.unavailable")), "{}", refused.json);
    let ready = server.get("/readyz");
    assert_eq!((ready.status, &ready.json["status"]), (503, &json!("unavailable")));
    assert_eq!(server.get("/livez").status, 200, "the server itself lives");
    let mut page = server.page("/traces");
    assert_eq!(page.status().as_u16(), 503);
    assert!(page.body_mut().read_to_string().unwrap().contains("The database does not answer"));
}

#[test]
fn a_database_that_was_never_there_stops_no_start_and_no_password_is_said() {
    let home = Home::mongo_at("mongodb://me:s3cret@127.0.0.1:9/".to_owned());
    let server = home.start();
    says_that_the_database_is_gone(&server);
    let told = [server.get("/readyz").json.to_string(), server.ingest("{}").json.to_string()].concat();
    assert!(!told.contains("s3cret"), "{told}");
    assert!(server.terminate());
    let output = home.run(&["export"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && words.contains("not available") && !words.contains("s3cret"), "{words}");
}

#[test]
fn a_signal_ends_it_with_nothing_lost() {
    let home = Home::embedded();
    let server = home.start();
    let url = server.url.clone();
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let url = url.clone();
            std::thread::spawn(move || {
                let mut stored = 0;
                for n in 0..10_000 {
                    let body = json!({"trace_id": format!("{sender} {n}")}).to_string();
                    let answer =
                        crate::program::agent().post(format!("{url}/api/traces")).header("content-type", "application/json").send(&body);
                    match answer {
                        Ok(answer) if answer.status() == 201 => stored += 1,
                        _ => break,
                    }
                }
                stored
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.terminate(), "it ends well");
    let acknowledged: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    assert!(acknowledged > 0);
    let stored = home.start().get("/api/traces").json["total"].as_u64().unwrap();
    // One more per sender may be stored whose answer was cut off.
    assert!((acknowledged..=acknowledged + 4).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
}
