use std::cell::Cell;

use serde_json::json;
use tracellm_store::{
    access::{create_project, keys},
    copy::{ORDER, Stage, copy},
};
use tracellm_trace::{NewProject, Query, Timestamp};

use crate::bench::{Bench, NOW, raw};

/// Everything goes along, a second copy writes nothing, and one that starts in the middle says what is missing.
pub async fn a_copy_is_equal_and_goes_on_where_it_stopped(bench: &Bench) {
    let now = Timestamp::from_millis(NOW).unwrap();
    let (project, _) =
        create_project(&*bench.store, &bench.audit(), NewProject { name: "Web".to_owned(), ..NewProject::default() }, now).await.unwrap();
    let some: Vec<_> = (0..450).map(|n| raw(&format!("t{n:03}"), n / 3)).collect();
    bench.put(&some).await;
    bench.put(&[json!({"trace_id": "t000", "project_id": "web", "prompt": "another project's"})]).await;
    let target = Bench::embedded().await;

    // As after an interruption, behind the first page.
    let first = bench.store.list_documents(&Query { sort: ORDER, limit: 200, ..Query::default() }).await.unwrap();
    let rest = copy(&*bench.store, &*target.store, first.next, |_, _| {}).await.unwrap();
    assert_eq!((rest.created, rest.projects, rest.keys, rest.compared), (251, 1, 1, 451));
    assert_eq!(rest.faults.len(), 200, "what was not copied is missed");
    assert!(rest.faults[0].contains("t000") && rest.faults[0].contains("not there"), "{}", rest.faults[0]);

    let (copying, comparing) = (Cell::new(0), Cell::new(0));
    let whole = copy(&*bench.store, &*target.store, None, |stage, count| {
        let progress = if stage == Stage::Copying { &copying } else { &comparing };
        progress.set(progress.get() + count);
    });
    let whole = whole.await.unwrap();
    assert_eq!((whole.created, whole.duplicates, whole.projects, whole.keys), (200, 251, 0, 0));
    assert_eq!((whole.faults.as_slice(), copying.get(), comparing.get()), (&[] as &[String], 451, 451));
    for (project_id, id) in [("default", "t000"), ("web", "t000"), ("default", "t449")] {
        assert_eq!(target.get(project_id, id).await, bench.get(project_id, id).await);
    }
    assert_eq!(target.store.projects().await.unwrap(), [project]);
    assert_eq!(keys(&*target.store, None).await.unwrap(), keys(&*bench.store, None).await.unwrap());

    // What differs on the other side is put right, and told.
    target.put(&[json!({"trace_id": "t007", "prompt": "not theirs", "created_at": 1_767_225_602})]).await;
    let again = copy(&*bench.store, &*target.store, None, |_, _| {}).await.unwrap();
    assert_eq!((again.updated, again.faults.len(), &again.digest), (1, 0, &whole.digest));
}
