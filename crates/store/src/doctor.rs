//! What may be wrong with a store, and what to do about it.

use std::time::Instant;

use tracellm_trace::{Check, Diagnosis, Filter, Query, Sort, Status, Timestamp, query::SortBy};

use crate::{StoreError, TraceStore, access};

/// A trace that starts so much later than now, in ms, has its time from a clock that is wrong.
const FUTURE_MS: f64 = 60.0 * 60.0 * 1000.0;

/// Looks at a store; `thorough` reads all of it. A database that does not answer is a finding too.
pub async fn diagnose(store: &dyn TraceStore, now: Timestamp, thorough: bool) -> Diagnosis {
    let asked = Instant::now();
    let found = async {
        store.health().await?;
        let reachable = Check::good("reachable", format!("answers in {:.1} ms", asked.elapsed().as_secs_f64() * 1e3));
        let mut diagnosis = store.examine(thorough).await?;
        diagnosis.checks.insert(0, reachable);
        diagnosis.checks.push(indexes(&diagnosis));
        for check in [queries(store).await?, senders(store, now).await?, keys(store).await?] {
            diagnosis.checks.push(check);
        }
        Ok::<_, StoreError>(diagnosis)
    };
    found.await.unwrap_or_else(|error| {
        let advice = match error {
            StoreError::Unavailable(_) | StoreError::Overloaded => {
                "Start the database, or mend its address. The server takes traces again as soon as it answers."
            }
            StoreError::Forbidden(_) => "Ask somebody who may.",
            StoreError::Failed(_) => "See what the database says of it in its own log; it may be a matter of permissions.",
        };
        Diagnosis { checks: vec![Check::bad("reachable", error.to_string(), advice)], ..Diagnosis::default() }
    })
}

/// The questions that are asked most, newest first each: the indexes are there for these.
pub fn patterns() -> [(&'static str, Query); 9] {
    let name = |name: &str| Some(name.to_owned());
    let (project_id, model, environment) = (name("p"), name("m"), name("e"));
    let since = Some(Timestamp::MIN.plus(1.0));
    let of = |filter| Query { filter, ..Query::default() };
    [
        ("all", of(Filter::default())),
        ("status and project", of(Filter { status: Some(Status::Failed), project_id: project_id.clone(), ..Filter::default() })),
        ("model and environment", of(Filter { model, environment, ..Filter::default() })),
        (
            "latency and status",
            of(Filter { status: Some(Status::Failed), latency_min: Some(500.0), latency_max: Some(1_500.0), ..Filter::default() }),
        ),
        ("project and time", of(Filter { project_id, from: since, ..Filter::default() })),
        ("failed", of(Filter { status: Some(Status::Failed), ..Filter::default() })),
        ("retried", of(Filter { retried: true, ..Filter::default() })),
        ("slow", of(Filter { slow: true, ..Filter::default() })),
        ("slowest", Query { sort: Sort { by: SortBy::Latency, descending: true }, ..Query::default() }),
    ]
}

fn indexes(diagnosis: &Diagnosis) -> Check {
    let missing: Vec<_> = diagnosis.indexes.iter().filter(|index| !index.is_present).collect();
    let all = diagnosis.indexes.len();
    if missing.is_empty() {
        return Check::good("indexes", format!("all {all} are there"));
    }
    let names = missing.iter().map(|index| format!("{}.{}", index.of, index.name)).collect::<Vec<_>>().join(", ");
    let found = format!("{} of {all} are missing: {names}", missing.len());
    Check::bad("indexes", found, "Each start makes those that are missing; where that is refused, the user needs the role readWrite.")
}

/// Whether the questions are answered along indexes.
async fn queries(store: &dyn TraceStore) -> Result<Check, StoreError> {
    let mut slow = Vec::new();
    let patterns = patterns();
    for (name, query) in &patterns {
        let plan = store.plan(query).await?;
        if plan.indexes.is_empty() {
            slow.push(format!("by {name} every trace is read"));
        } else if plan.sorts {
            slow.push(format!("by {name} what matches is sorted in memory"));
        }
    }
    if slow.is_empty() {
        return Ok(Check::good("queries", format!("all {} kinds of lists are read along an index", patterns.len())));
    }
    Ok(Check::warning("queries", slow.join("; "), "See that the indexes above are there, and that no index of another's is in their way."))
}

/// Traces from clocks that are ahead.
async fn senders(store: &dyn TraceStore, now: Timestamp) -> Result<Check, StoreError> {
    let ahead = Filter { from: Some(now.plus(FUTURE_MS)), ..Filter::default() };
    let count = store.count(&ahead).await?.count;
    if count == 0 {
        return Ok(Check::good("clocks of senders", "no trace starts in the future"));
    }
    let newest = store.list(&Query { filter: ahead, limit: 1, ..Query::default() }).await?.items.pop();
    let which = newest.map_or_else(String::new, |row| format!(", the last of them, {}, at {}", row.trace_id, row.created_at));
    let found = format!("{count} start more than an hour from now{which}");
    Ok(Check::warning("clocks of senders", found, "Set the clock of the machine that sends them; they stand above all others until then."))
}

async fn keys(store: &dyn TraceStore) -> Result<Check, StoreError> {
    let clear = access::clear_keys(store).await?;
    if clear.is_empty() {
        return Ok(Check::good("keys", "every key is stored as a hash"));
    }
    let found = format!("{} stored in clear by the reference package: whoever reads the database can use them", clear.len());
    let advice =
        "`tracellm doctor --fix` stores their hashes instead. They still open this server; the reference package no longer finds them.";
    Ok(Check::warning("keys", found, advice))
}
