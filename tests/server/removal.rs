use serde_json::json;

use crate::{
    commands::{done, words},
    program::{Answer, Home, Server},
};

/// Asks how a job is until it ended.
#[track_caller]
fn ended(server: &Server, begun: &Answer) -> serde_json::Value {
    assert_eq!(begun.status, 202, "{}", begun.json);
    let path = format!("/api/jobs/{}", begun.json["job_id"].as_str().unwrap());
    loop {
        let job = server.get(&path).json;
        if job["state"] != "running" {
            return job;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn traces_are_deleted_one_by_one_and_as_jobs(home: &Home) {
    let server = home.start();
    server.wait_until_ready();
    let batch: Vec<_> = (0..20)
        .map(|n| json!({"trace_id": format!("t{n}"), "project_id": if n < 15 { "a" } else { "b" }, "status": if n % 2 == 0 { "failed" } else { "success" }}))
        .collect();
    assert_eq!(server.ingest(json!(batch).to_string()).status, 200);
    assert_eq!(server.delete("/api/traces/t1?project_id=b").status, 404);
    assert_eq!(server.delete("/api/traces/t1?project_id=a").status, 204);
    assert_eq!(server.get("/api/traces/t1").status, 404);
    let refused = server.delete("/api/traces");
    assert_eq!(refused.status, 400, "everything goes only where that is said");
    assert_eq!(server.delete("/api/traces?status=odd").json["errors"][0]["path"], "status");
    let job = ended(&server, &server.delete("/api/traces?status=failed&project_id=a"));
    assert_eq!((&job["state"], &job["done"], &job["total"]), (&json!("done"), &json!(8), &json!(8)));
    let job = ended(&server, &server.delete("/api/projects/b"));
    assert_eq!(job["done"], 5);
    assert_eq!(server.get("/api/traces").json["total"], 6);
    assert_eq!(server.get("/api/facets").json["facets"][2]["values"], json!([{"value": "a", "traces": 6}]));
    assert_eq!(server.get("/api/jobs").json.as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/jobs/nobody").status, 404);

    assert_eq!(server.put("/api/retention", r#"{"default": {"failed_days": 0}}"#).json["errors"][0]["path"], "default.failed_days");
    assert_eq!(server.put("/api/retention", r#"{"default": {"days": 1}}"#).status, 400, "a name that is none is no rule");
    let rules = json!({"default": {"failed_days": 90, "warning_days": null, "success_days": 30, "content_days": null}, "projects": {}});
    assert_eq!(server.put("/api/retention", &rules.to_string()).json, rules);
    assert_eq!(server.get("/api/retention").json, rules);
    assert_eq!(server.post("/api/retention/preview", "application/json", rules.to_string()).json, json!([]));
}

#[test]
fn traces_are_deleted_one_by_one_and_as_jobs_embedded() {
    traces_are_deleted_one_by_one_and_as_jobs(&Home::embedded());
}

#[test]
fn traces_are_deleted_one_by_one_and_as_jobs_mongodb() {
    traces_are_deleted_one_by_one_and_as_jobs(&Home::mongo());
}

#[test]
fn the_command_line_deletes_what_it_was_told_twice() {
    let home = Home::embedded();
    done(&home.run(&["demo", "--count", "40", "--seed", "7"]));
    let count = || serde_json::from_slice::<Vec<serde_json::Value>>(&home.run(&["export"]).stdout).unwrap().len();
    let all = home.run(&["delete"]);
    assert!(!all.status.success() && words(&all.stderr).contains("--trace-id"), "{}", words(&all.stderr));
    let asked = home.run(&["delete", "--to", "9999-12-31"]);
    assert!(!asked.status.success() && words(&asked.stderr).contains("40 traces would be deleted"), "{}", words(&asked.stderr));
    assert_eq!(count(), 40);
    let output = home.run(&["retention", "set", "--failed", "90", "--project-id", "web"]);
    done(&output);
    assert!(words(&output.stdout).contains(r#""failed_days": 90"#));
    done(&home.run(&["retention", "show"]));
    done(&home.run(&["retention", "run"]));
    let output = home.run(&["delete", "--to", "9999-12-31", "--yes"]);
    done(&output);
    assert!(words(&output.stderr).contains("deleted 40 traces"), "{}", words(&output.stderr));
    assert_eq!(count(), 0);
}
