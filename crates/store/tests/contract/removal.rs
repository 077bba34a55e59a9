use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracellm_store::{News, TraceKey, ingest::now, removal};
use tracellm_trace::{Filter, Goes, Job, JobState, Keep, Outcome, Query, Retention, Search, Status};

use crate::{
    bench::{Bench, raw},
    spans,
};

fn key(project_id: &str, trace_id: &str) -> TraceKey {
    TraceKey { project_id: project_id.to_owned(), trace_id: trace_id.to_owned() }
}

async fn ids(bench: &Bench, query: Query) -> Vec<String> {
    let mut ids: Vec<_> = bench.store.list(&query).await.unwrap().items.into_iter().map(|row| row.trace_id).collect();
    ids.sort();
    ids
}

async fn ended(jobs: &removal::Jobs, job: &Job) -> Job {
    let wait = async {
        loop {
            let job = jobs.get(&job.job_id).unwrap();
            if job.state != JobState::Running {
                return job;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), wait).await.unwrap()
}

pub async fn what_is_removed_is_gone_and_may_come_again(bench: &Bench) {
    let parcel = |id: &str| json!({"trace_id": id, "prompt": "a parcel", "tags": ["t"], "steps": [{"tool_name": "look"}]});
    bench.put(&[parcel("a"), parcel("b"), parcel("c"), json!({"trace_id": "c", "project_id": "web"})]).await;
    bench.store.put_spans(spans::new(&[spans::span(0), spans::span(1)]), spans::now()).await.unwrap();
    let mut watching = bench.store.watch(None).await;
    assert_eq!(bench.store.remove(vec![key("default", "c"), key("web", spans::TRACE), key("web", "nobody")]).await.unwrap(), 2);
    assert_eq!(ids(bench, Query::default()).await, ["a", "b", "c"], "of two with an id one is left");
    assert!(bench.store.spans("web", spans::TRACE).await.unwrap().is_empty());
    assert!(bench.store.document(None, spans::TRACE).await.unwrap().is_none());
    let parcels = Query { filter: Filter { q: Some(Search::parse("parcel").unwrap()), ..Filter::default() }, ..Query::default() };
    assert_eq!(ids(bench, parcels.clone()).await, ["a", "b"]);
    assert_eq!(bench.store.remove(vec![key("default", "a"), key("default", "b"), key("web", "c")]).await.unwrap(), 3);
    assert_eq!(bench.store.count(&Filter::default()).await.unwrap().count, 0);
    assert!(bench.store.facets(&Filter::default()).await.unwrap().finish().facets.iter().all(|facet| facet.values.is_empty()));
    assert_eq!(bench.put(&[parcel("c")]).await, [Outcome::Created]);
    assert_eq!(ids(bench, parcels).await, ["c"]);
    // A stream of the test database may begin a moment early.
    let told = timeout(Duration::from_secs(30), async {
        loop {
            if let News::Stored(event) = watching.news.recv().await.unwrap()
                && event.trace.project_id == "default"
                && event.trace.trace_id == "c"
            {
                return event.trace.prompt.clone();
            }
        }
    });
    assert_eq!(told.await.expect("what comes again is news"), "a parcel");
}

pub async fn a_job_removes_what_matches_and_says_how_far_it_is(bench: &Bench) {
    let some: Vec<Value> = (0..1_200)
        .map(|n| json!({"trace_id": format!("t{n:04}"), "project_id": format!("p{}", n % 2), "status": if n % 3 == 0 { "failed" } else { "success" }, "created_at": n}))
        .collect();
    bench.put(&some).await;
    let jobs = removal::Jobs::new(bench.store.clone());
    let failed = Filter { status: Some(Status::Failed), ..Filter::default() };
    let job = jobs.remove_matching(&bench.audit(), failed.clone()).await.unwrap();
    assert_eq!((job.what.as_str(), job.total), ("delete traces: status=failed", 400));
    let job = ended(&jobs, &job).await;
    assert_eq!((job.state, job.done, job.error), (JobState::Done, 400, None));
    assert_eq!(bench.store.count(&failed).await.unwrap().count, 0);
    assert_eq!(bench.store.count(&Filter::default()).await.unwrap().count, 800);
    let job = jobs.remove_project(&bench.audit(), "p1".to_owned()).await.unwrap();
    assert_eq!(ended(&jobs, &job).await.done, 400);
    assert_eq!(bench.store.project_ids().await.unwrap(), ["p0"]);
    let job = jobs.remove_matching(&bench.audit(), Filter { project_id: Some("p0".to_owned()), ..Filter::default() }).await.unwrap();
    assert!(jobs.cancel(&job.job_id) && !jobs.cancel("nobody"));
    let job = ended(&jobs, &job).await;
    let left = bench.store.count(&Filter::default()).await.unwrap().count;
    assert_eq!(job.done + left, 400, "{job:?}");
    assert_eq!(jobs.list().len(), 3);
}

pub async fn what_is_too_old_goes_by_class_and_project(bench: &Bench) {
    let day = |days: i64| now().millis() - days * 86_400_000;
    let trace = |id: &str, project: &str, status: &str, days: i64| {
        json!({"trace_id": id, "project_id": project, "status": status, "created_at": day(days), "prompt": "secret", "response": "words",
               "failure_reason": "why", "token_count": 7, "steps": [{"tool_name": "look", "input": {"q": "secret"}}]})
    };
    bench
        .put(&[
            trace("old-good", "a", "success", 20),
            trace("old-bad", "a", "failed", 20),
            trace("older-bad", "a", "failed", 100),
            trace("new", "a", "success", 1),
            trace("kept", "b", "success", 500),
        ])
        .await;
    let keep = Keep { failed_days: Some(90), success_days: Some(7), content_days: Some(10), ..Keep::default() };
    let retention = Retention { default: keep, projects: [("b".to_owned(), Keep::default())].into() };
    let going = removal::preview(&*bench.store, &retention).await.unwrap();
    let said: Vec<_> = going.iter().map(|going| (going.project_id.as_str(), going.goes, going.status, going.traces)).collect();
    let expected =
        [("a", Goes::Trace, Some(Status::Success), 1), ("a", Goes::Trace, Some(Status::Failed), 1), ("a", Goes::Content, None, 3)];
    assert_eq!(said, expected);
    let jobs = removal::Jobs::new(bench.store.clone());
    assert_eq!(jobs.apply_retention().await.unwrap(), None, "nothing goes until it is set");
    removal::set_retention(&*bench.store, &bench.audit(), &retention).await.unwrap();
    assert_eq!(removal::retention(&*bench.store).await.unwrap(), retention);
    let job = jobs.apply_retention().await.unwrap().unwrap();
    assert_eq!(ended(&jobs, &job).await.state, JobState::Done);
    assert_eq!(ids(bench, Query::default()).await, ["kept", "new", "old-bad"]);
    let stripped = bench.get("a", "old-bad").await;
    assert!(stripped.is_content_removed() && stripped.prompt.is_empty() && stripped.response.is_none());
    assert!(stripped.steps[0].input.is_empty() && stripped.steps[0].tool_name == "look");
    assert_eq!((stripped.failure_reason.as_deref(), stripped.token_count), (Some("why"), 7));
    assert_eq!(bench.get("b", "kept").await.prompt, "secret");
    let query = Query { filter: Filter { q: Some(Search::parse("secret").unwrap()), ..Filter::default() }, ..Query::default() };
    assert_eq!(ids(bench, query).await, ["kept", "new"]);
    // Again nothing is left to do but what was done.
    let job = jobs.apply_retention().await.unwrap().unwrap();
    assert_eq!(ended(&jobs, &job).await.done, 1);
    assert_eq!(bench.get("a", "old-bad").await, stripped);
    bench.check_sums().await;
}

pub async fn the_texts_of_spans_go_with_those_of_their_trace(bench: &Bench) {
    bench.put(&[raw("beside", 1)]).await;
    bench.store.put_spans(spans::new(&[spans::span(0), spans::span(1)]), spans::now()).await.unwrap();
    let retention = Retention { default: Keep { content_days: Some(1), ..Keep::default() }, ..Retention::default() };
    removal::set_retention(&*bench.store, &bench.audit(), &retention).await.unwrap();
    let jobs = removal::Jobs::new(bench.store.clone());
    let job = jobs.apply_retention().await.unwrap().unwrap();
    assert_eq!(ended(&jobs, &job).await.state, JobState::Done);
    assert!(bench.store.spans("web", spans::TRACE).await.unwrap().is_empty());
    let trace = bench.get("web", spans::TRACE).await;
    assert!(trace.is_content_removed() && trace.steps.len() == 2);
}
