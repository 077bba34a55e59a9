use std::process::Output;

use serde_json::{Value, json};

use crate::program::Home;

fn words(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn done(output: &Output) {
    assert!(output.status.success(), "{}", words(&output.stderr));
}

fn lines(output: &Output) -> Vec<Value> {
    words(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was exported from one home goes into another and comes out equal.
fn from_one_home_to_another(home: &Home, other: &Home) {
    done(&home.run(&["demo", "--count", "300", "--seed", "7"]));
    let array = home.run(&["export"]);
    done(&array);
    let exported: Vec<Value> = serde_json::from_slice(&array.stdout).unwrap();
    assert_eq!(exported.len(), 300);
    let ndjson = home.run(&["export", "--format", "ndjson", "--out", "all.ndjson"]);
    done(&ndjson);
    assert!(ndjson.stdout.is_empty() && words(&ndjson.stderr).contains("300 traces"));

    let file = home.path("all.ndjson");
    let imported = other.run(&["import", file.to_str().unwrap()]);
    done(&imported);
    assert!(words(&imported.stderr).contains("300 traces stored: 300 new"), "{}", words(&imported.stderr));
    let again = other.run_with(&["import", "-"], words(&array.stdout));
    assert!(words(&again.stderr).contains("300 were there already"), "{}", words(&again.stderr));
    let mut back: Vec<Value> = serde_json::from_slice(&other.run(&["export"]).stdout).unwrap();
    assert_eq!(back.len(), 300);
    for (there, here) in exported.iter().zip(&mut back) {
        here["updated_at"] = there["updated_at"].clone();
        assert_eq!(here, there);
    }
    let failed = lines(&other.run(&["export", "--format", "ndjson", "--status", "failed", "--latency-min", "1000"]));
    let expected = exported.iter().filter(|trace| trace["status"] == "failed" && trace["latency"].as_f64() >= Some(1000.0)).count();
    assert!(failed.len() == expected && expected > 0, "{} of {expected}", failed.len());
}

#[test]
fn from_sqlite_to_mongodb() {
    from_one_home_to_another(&Home::embedded(), &Home::mongo());
}

#[test]
fn from_mongodb_to_sqlite() {
    from_one_home_to_another(&Home::mongo(), &Home::embedded());
}

#[test]
fn import_says_what_it_refused_and_keeps_the_rest() {
    let home = Home::embedded();
    std::fs::write(home.path("mixed.json"), r#"[{"trace_id":"a"},{"trace_id":"b","latency":-1},{"trace_id":"c"}]"#).unwrap();
    std::fs::write(home.path("broken.json"), "{\"trace_id\":\n").unwrap();
    std::fs::write(home.path("later.json"), r#"{"trace_id":"c","prompt":"later"}"#).unwrap();
    let output = home.run(&["import", "mixed.json", "broken.json", "nowhere.json", "later.json"]);
    let told = words(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in ["mixed.json: trace 2: `latency`", "broken.json: ", "nowhere.json: ", "2 new, 1 replaced", "1 refused"] {
        assert!(told.contains(part), "`{part}` is not in {told}");
    }
    let stored = lines(&home.run(&["export", "--format", "ndjson"]));
    assert_eq!(stored.iter().map(|trace| &trace["trace_id"]).collect::<Vec<_>>(), ["c", "a"]);
    assert_eq!(stored[0]["prompt"], "later");
}

#[test]
fn normalize_answers_a_line_with_a_line() {
    let home = Home::embedded();
    let output =
        home.run_with(&["normalize"], "{\"trace_id\":\"t\",\"latency\":2000}\n\nnope\n{\"latency\":-1,\"steps\":[{\"success\":1}]}\n");
    done(&output);
    let answers = lines(&output);
    assert_eq!(answers.iter().map(|answer| answer["ok"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false, false, false]);
    assert_eq!((&answers[0]["trace"]["slow_request"], &answers[0]["trace"]["status"]), (&json!(true), &json!("success")));
    let errors = answers[3]["errors"].as_array().unwrap();
    assert_eq!(
        errors.iter().map(|error| (&error["path"], &error["field"])).collect::<Vec<_>>(),
        [(&json!("steps[0].success"), &json!("steps[0].success")), (&json!("latency"), &json!("latency")),]
    );
    assert!(errors.iter().all(|error| error["message"].is_string() && error["code"].is_string()));
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let home = Home::embedded();
    for wrong in
        [&["explode"][..], &["import"], &["export", "--format", "xml"], &["export", "--status", "odd"], &["start", "--port", "x"], &[]]
    {
        let output = home.run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{wrong:?}");
    }
    let open_to_all = home.run(&["start", "--no-browser", "--port", "0", "--host", "0.0.0.0"]);
    assert_eq!(open_to_all.status.code(), Some(1));
    assert!(words(&open_to_all.stderr).contains("--allow-anyone"));
}

#[test]
fn demo_fills_an_empty_store_once() {
    let home = Home::embedded();
    let server = home.start_with(&["--demo"]);
    let total = server.get("/api/traces").json["total"].as_u64().unwrap();
    assert!(total > 100);
    server.kill();
    assert_eq!(home.start_with(&["--demo"]).get("/api/traces").json["total"], total);
}

#[test]
fn settings_come_from_a_file_too_and_flags_win() {
    let home = Home::embedded();
    std::fs::write(home.path(".env"), "TRACELLM_DATA=from-file\n").unwrap();
    let mut command = home.command(&["demo", "--count", "1"]);
    done(&command.env_remove("TRACELLM_DATA").output().unwrap());
    assert!(home.path("from-file/tracellm.db").exists());
    let mut command = home.command(&["demo", "--count", "1", "--data", "from-flag"]);
    done(&command.env("TRACELLM_DATA", "from-variable").output().unwrap());
    assert!(home.path("from-flag/tracellm.db").exists() && !home.path("from-variable").exists());
}

#[test]
fn one_trace_is_shown_and_replayed() {
    let home = Home::embedded();
    std::fs::write(
        home.path("t.json"),
        r#"{"trace_id":"t","prompt":"hello\u001b[31m","steps":[{"tool_name":"look","duration":20,"output":{"a":1}},{"tool_name":"fail","success":false}]}"#,
    )
    .unwrap();
    done(&home.run(&["import", "t.json"]));
    let shown = home.run(&["show", "t"]);
    done(&shown);
    for part in ["status       failed", "  1 ✓ look  20 ms", "  2 ✗ fail", "out {\"a\":1}"] {
        assert!(words(&shown.stdout).contains(part), "`{part}` is not in {}", words(&shown.stdout));
    }
    assert!(!words(&shown.stdout).contains('\u{1b}'), "a trace does not steer the terminal");
    assert_eq!(
        lines(&home.run(&["export", "--format", "ndjson"]))[0],
        serde_json::from_slice::<Value>(&home.run(&["show", "t", "--json"]).stdout).unwrap()
    );
    let replayed = home.run(&["replay", "t", "--speed", "10"]);
    done(&replayed);
    assert!(words(&replayed.stdout).trim_end().ends_with("failed"));
    assert_eq!(home.run(&["show", "nobody"]).status.code(), Some(1));
    assert_eq!(home.run(&["replay", "t", "--speed", "0"]).status.code(), Some(2));
}

#[test]
fn a_table_of_traces_runs_no_formula() {
    let home = Home::embedded();
    let raw = json!([{"trace_id": "=1+1", "prompt": "a \"b\",\nc", "created_at": 5, "latency": 0.5, "tags": ["x", "y"]}]);
    done(&home.run_with(&["import", "-"], &raw.to_string()));
    let table = home.run(&["export", "--format", "csv"]);
    done(&table);
    let text = words(&table.stdout);
    assert!(text.starts_with("trace_id,project_id,"), "{text}");
    assert!(
        text.contains("\r\n'=1+1,default,,development,\"a \"\"b\"\",\nc\",unknown,success,0.5,0,0,false,,1970-01-01T00:00:05.000Z,"),
        "{text}"
    );
}

#[test]
fn projects_and_keys_are_made_and_ended() {
    let home = Home::embedded();
    let made = home.run(&["project", "create", "My App", "--environment", "staging"]);
    done(&made);
    let secret = words(&made.stdout).trim();
    assert!(secret.starts_with("tlm_sk_") && secret.len() == 51, "{secret}");
    assert_eq!(home.run(&["project", "create", "my app"]).status.code(), Some(1));
    assert!(words(&home.run(&["project", "list"]).stdout).starts_with("my-app\tMy App\t"));
    let key = home.run(&["key", "create", "--project-id", "my-app", "--scope", "read", "--expires-at", "2999-01-01"]);
    done(&key);
    assert_eq!(home.run(&["key", "create", "--project-id", "my-app", "--scope", "all"]).status.code(), Some(2));
    done(&home.run(&["key", "revoke", &secret[7..19]]));
    let listed = home.run(&["key", "list", "--project-id", "my-app"]);
    let states: Vec<_> = words(&listed.stdout).lines().map(|line| line.split('\t').nth(4).unwrap()).collect();
    assert!(states.len() == 2 && states.contains(&"valid") && states.contains(&"ended"), "{}", words(&listed.stdout));
    assert_eq!(home.run(&["key", "revoke", "nobody"]).status.code(), Some(1));
}
