use std::io::{self, BufRead, Write};

use serde_json::{Value, json};
use tracellm_store::ingest::now;
use tracellm_trace::{Context, Issue, Source, normalize as normalize_item};
use uuid::Uuid;

use crate::Failure;

/// A line out for a line in.
pub fn normalize() -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        let line = String::from_utf8(line?);
        let answer = match line.as_deref() {
            Ok(line) => answer(line),
            Err(_) => json!({"ok": false, "errors": [told(&Issue::error("json.syntax", "$", "is not UTF-8"))]}),
        };
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn answer(line: &str) -> Value {
    match normalize_item(line, &Context::new(now(), Uuid::new_v4(), Source::Json)) {
        Ok(done) => json!({"ok": true, "trace": done.trace, "issues": done.issues}),
        Err(refused) => json!({"ok": false, "errors": refused.errors().map(told).collect::<Vec<_>>()}),
    }
}

/// An issue whose path also stands under `field`.
fn told(issue: &Issue) -> Value {
    json!({"path": issue.path, "field": issue.path, "message": issue.message, "code": issue.code, "severity": issue.severity})
}
