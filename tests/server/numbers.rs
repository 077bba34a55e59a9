use serde_json::{Value, json};

use crate::program::Home;

fn numbers_are_over_all_that_match(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let batch: Vec<Value> = (0..250)
        .map(|n| {
            json!({
                "trace_id": n.to_string(), "created_at": 1_767_225_600 + n * 60, "latency": n * 10, "token_count": n, "cost_usd": 0.5,
                "model": format!("m{}", n % 3), "status": if n % 10 == 0 { "failed" } else { "success" }, "retry_count": n % 2,
            })
        })
        .collect();
    assert_eq!(server.ingest(json!(batch).to_string()).status, 200);
    let answer = server.get("/api/analytics");
    let summary = &answer.json["summary"];
    assert_eq!(answer.status, 200, "{}", answer.json);
    for (name, value) in [
        ("total_traces", json!(250)),
        ("success_rate", json!(90.0)),
        ("average_latency", json!(1245.0)),
        ("total_token_usage", json!(31_125)),
        ("total_cost_usd", json!(125.0)),
        ("failed_traces", json!(25)),
        ("warning_traces", json!(0)),
        ("retries", json!(125)),
        ("slow_requests", json!(100)),
    ] {
        assert_eq!(summary[name], value, "{name}");
    }
    for (name, exact) in [("p50_latency", 1240.0), ("p95_latency", 2370.0), ("p99_latency", 2470.0)] {
        let found = summary[name].as_f64().unwrap();
        assert!((found - exact).abs() <= exact * 0.0101, "{name}: {found} for {exact}");
    }
    assert_eq!(answer.json["model_breakdown"], json!([{"key": "m0", "count": 84}, {"key": "m1", "count": 83}, {"key": "m2", "count": 83}]));
    assert_eq!(answer.json["charts"].as_array().unwrap().iter().map(|point| point["traces"].as_u64().unwrap()).sum::<u64>(), 250);
    assert_eq!(answer.json["recent_failures"].as_array().unwrap().len(), 5);

    let some = server.get("/api/analytics?model=m1&latency_max=1000");
    assert_eq!(some.json["summary"]["total_traces"], 34);
    let failures = server.get("/api/failures?limit=2");
    assert_eq!(failures.json["totals"], json!({"failed_traces": 25, "retries": 125, "slow_requests": 100}));
    let newest: Vec<_> =
        failures.json["failed_traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].as_str().unwrap()).collect();
    assert_eq!(newest, ["240", "230"]);
    for (path, parameter) in
        [("/api/failures?limit=101", "limit"), ("/api/analytics?sort=latency", "sort"), ("/api/analytics?from=x", "from")]
    {
        let refused = server.get(path);
        assert_eq!((refused.status, &refused.json["errors"][0]["path"]), (400, &json!(parameter)), "{path}");
    }
}

#[test]
fn numbers_are_over_all_that_match_embedded() {
    numbers_are_over_all_that_match(&Home::embedded());
}

#[test]
fn numbers_are_over_all_that_match_mongodb() {
    numbers_are_over_all_that_match(&Home::mongo());
}
