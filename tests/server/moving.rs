use serde_json::Value;

use crate::{
    commands::{done, lines, words},
    program::Home,
};

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

/// Everything goes along, twice is the same as once, and what is not as it should be is said.
fn a_store_is_copied_to_another(from: &Home, to: &Home) {
    done(&from.run(&["demo", "--count", "450", "--seed", "3"]));
    done(&from.run(&["project", "create", "Support bot"]));
    let secret = words(&from.run(&["key", "create", "--project-id", "support-bot", "--scope", "read"]).stdout).trim().to_owned();
    let copy = ["copy", "--from", &from.store(), "--to", &to.store()];
    let copied = to.run(&copy);
    done(&copied);
    let told = words(&copied.stderr);
    assert!(told.contains("450 new") && told.contains("1 new projects, 2 new keys") && told.contains("equal on both sides"), "{told}");
    let again = to.run(&copy);
    done(&again);
    let digest = |told: &str| told.split("sha256 ").nth(1).unwrap().trim().to_owned();
    assert!(words(&again.stderr).contains("0 new, 0 replaced, 450 were there already"), "{}", words(&again.stderr));
    assert_eq!(digest(words(&again.stderr)), digest(told));

    let all = |home: &Home| lines(&home.run(&["export", "--format", "ndjson"]));
    assert_eq!(all(from), all(to));
    assert!(words(&to.run(&["project", "list"]).stdout).contains("Support bot"));
    let server = to.start();
    let asked = crate::program::agent().get(format!("{}/api/traces", server.url)).header("x-api-key", &secret).call().unwrap();
    assert_eq!(asked.status(), 200, "the key opens what it did");
}

#[test]
fn a_copy_from_sqlite_to_mongodb() {
    a_store_is_copied_to_another(&Home::embedded(), &Home::mongo());
}

#[test]
fn a_copy_from_mongodb_to_sqlite() {
    a_store_is_copied_to_another(&Home::mongo(), &Home::embedded());
}

#[test]
fn what_a_copy_can_not_do_is_said() {
    let home = Home::embedded();
    done(&home.run(&["demo", "--count", "5"]));
    let wrong = home.run(&["copy", "--from", "postgres://x", "--to", "there"]);
    assert_eq!(wrong.status.code(), Some(2));
    let wrong = home.run(&["copy", "--from", "here", "--to", "there", "--cursor", "abc"]);
    assert_eq!(wrong.status.code(), Some(2));
    let same = home.run(&["copy", "--from", &home.store(), "--to", &home.store()]);
    assert!(same.status.code() == Some(1) && words(&same.stderr).contains("same store"));
    let nowhere = home.run(&["copy", "--from", &home.store(), "--to", "mongodb://me:s3cret@127.0.0.1:9/x"]);
    let told = words(&nowhere.stderr);
    assert!(nowhere.status.code() == Some(1) && told.contains("not available") && !told.contains("s3cret"), "{told}");
}
