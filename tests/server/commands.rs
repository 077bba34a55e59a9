use std::{
    io::{BufRead, BufReader},
    process::{Output, Stdio},
};

use serde_json::{Value, json};

use crate::program::Home;

pub fn words(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
pub fn done(output: &Output) {
    assert!(output.status.success(), "{}", words(&output.stderr));
}

pub fn lines(output: &Output) -> Vec<Value> {
    words(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
fn repair_says_what_it_looked_at() {
    let home = Home::embedded();
    done(&home.run(&["demo", "--count", "40", "--seed", "7"]));
    let output = home.run(&["repair", "rollups"]);
    done(&output);
    assert!(words(&output.stderr).contains("sums are kept; 0 were not"), "{}", words(&output.stderr));
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

#[test]
fn the_doctor_says_what_is_wrong_and_fails_for_it() {
    for home in [Home::embedded(), Home::mongo()] {
        done(&home.run(&["demo", "--count", "20"]));
        let told = home.run(&["doctor"]);
        done(&told);
        assert!(words(&told.stdout).contains("✓ indexes"), "{}", words(&told.stdout));
        let json: Value = serde_json::from_slice(&home.run(&["doctor", "--json", "--fix"]).stdout).unwrap();
        assert!(json["checks"].as_array().unwrap().len() > 8 && json["indexes"][0]["is_present"] == true);
    }
    let nowhere = Home::mongo_at("mongodb://me:s3cret@127.0.0.1:9/".to_owned());
    let told = nowhere.run(&["doctor"]);
    assert_eq!(told.status.code(), Some(1));
    let said = format!("{}{}", words(&told.stdout), words(&told.stderr));
    assert!(said.contains("✗ reachable") && said.contains("→") && !said.contains("s3cret"), "{said}");
}

#[test]
fn a_damaged_file_is_said_to_be_damaged() {
    let home = Home::embedded();
    done(&home.run(&["demo", "--count", "400"]));
    let file = home.path("data/tracellm.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let told = home.run(&["doctor"]);
    let said = format!("{}{}", words(&told.stdout), words(&told.stderr));
    assert!(told.status.code() == Some(1) && said.contains("✗"), "{said}");
}

#[test]
fn a_terminal_watches_what_others_store() {
    let home = Home::embedded();
    let server = home.start();
    let mut command = home.command(&["monitor", "--status", "failed"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().starts_with("watching"));
    server.ingest(r#"[{"trace_id":"well"},{"trace_id":"ill","status":"failed","prompt":"\u202eevil\u0007"}]"#);
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("ill") && line.contains("failed") && !line.contains(['\u{202e}', '\u{7}']), "{line}");
}

#[test]
fn files_of_opentelemetry_are_imported_and_exported_whole() {
    let home = Home::embedded();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/trace/fixtures/otlp/manual-agent.json");
    let imported = home.run(&["import", fixture]);
    done(&imported);
    assert!(words(&imported.stderr).contains("4 spans of OpenTelemetry"), "{}", words(&imported.stderr));
    let exported = lines(&home.run(&["export", "--format", "ndjson"]));
    assert_eq!((exported.len(), exported[0]["steps"].as_array().unwrap().len(), &exported[0]["source"]), (1, 4, &json!("otlp")));
}

#[test]
fn prices_of_ones_own_stand_over_the_shipped_ones() {
    let home = Home::embedded();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/trace/fixtures/otlp/manual-agent.json");
    let file = home.path("prices.json");
    let set = |text: &str| std::fs::write(&file, text).unwrap();
    let with = |arguments: &[&str]| home.run(&[&["--prices", file.to_str().unwrap()], arguments].concat());

    set(
        r#"{"date": "2026-11-25", "models": {"gpt-4.1": {"input": 1000, "output": 0}, "gpt-4o": null, "ours": {"input": 1, "output": 2}}}"#,
    );
    let shown: Value = serde_json::from_slice(&with(&["prices"]).stdout).unwrap();
    assert_eq!((&shown["date"], &shown["models"]["gpt-4o"]), (&json!("2026-11-25"), &Value::Null));
    assert!(shown["models"]["ours"]["output"] == 2.0 && shown["models"]["gpt-5"]["input"].is_number(), "{shown}");
    done(&with(&["import", fixture]));
    let trace = &lines(&home.run(&["export", "--format", "ndjson"]))[0];
    assert_eq!(trace["cost_usd"].as_f64(), trace["input_tokens"].as_f64().map(|tokens| tokens / 1000.0));

    for (text, wrong) in [("{", "EOF"), (r#"{"date": "x", "models": {"m": {"input": 1}}}"#, "output")] {
        set(text);
        let failed = with(&["prices"]);
        assert!(!failed.status.success() && words(&failed.stderr).contains(wrong), "{}", words(&failed.stderr));
    }
}
