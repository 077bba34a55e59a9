use serde_json::json;
use tracellm_store::doctor::{diagnose, patterns};
use tracellm_trace::{Check, Timestamp, Verdict};

use crate::bench::{Bench, NOW, raw};

/// A check by its name.
pub async fn check(bench: &Bench, name: &str) -> Check {
    let diagnosis = diagnose(&*bench.store, Timestamp::from_millis(NOW).unwrap(), true).await;
    let checks = diagnosis.checks;
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name} in {checks:?}")).clone()
}

pub async fn a_new_store_is_healthy(bench: &Bench) {
    let diagnosis = diagnose(&*bench.store, Timestamp::from_millis(NOW).unwrap(), true).await;
    assert!(diagnosis.is_healthy(), "{:?}", diagnosis.checks);
    assert!(!diagnosis.place.is_empty() && !diagnosis.server_version.is_empty());
    assert!(diagnosis.indexes.len() > 12 && diagnosis.indexes.iter().all(|index| index.is_present), "{:?}", diagnosis.indexes);
    let names: Vec<_> = diagnosis.checks.iter().map(|check| check.name.as_str()).collect();
    for wanted in ["reachable", "version", "disk", "documents", "indexes", "queries", "clocks of senders", "keys"] {
        assert!(names.contains(&wanted), "{wanted} of {names:?}");
    }
}

/// Every kind of list is walked along an index that has its order.
pub async fn lists_are_read_along_indexes(bench: &Bench) {
    let some: Vec<_> = (0..300)
        .map(|n| {
            let mut raw = raw(&format!("t{n}"), n);
            raw["status"] = ["success", "warning", "failed"][n as usize % 3].into();
            raw["project_id"] = format!("p{}", n % 4).into();
            raw["model"] = format!("m{}", n % 5).into();
            raw["latency"] = (n * 13 % 3_000).into();
            raw
        })
        .collect();
    bench.put(&some).await;
    for (name, query) in patterns() {
        let plan = bench.store.plan(&query).await.unwrap();
        assert!(!plan.indexes.is_empty() && !plan.sorts, "{name}: {plan:?}");
    }
}

pub async fn a_sender_whose_clock_is_ahead_is_noticed(bench: &Bench) {
    assert_eq!(check(bench, "clocks of senders").await.verdict, Verdict::Good);
    bench.put(&[json!({"trace_id": "ahead", "created_at": NOW + 24 * 60 * 60 * 1000})]).await;
    let found = check(bench, "clocks of senders").await;
    assert_eq!(found.verdict, Verdict::Warning);
    assert!(found.found.contains("ahead") && found.found.starts_with("1 "), "{found:?}");
}
