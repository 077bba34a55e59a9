use std::time::Duration;

use serde_json::json;
use tokio::{sync::broadcast::Receiver, time::timeout};
use tracellm_store::{News, open};

use crate::bench::{Bench, document, raw};

/// The next news, in words.
async fn next(news: &mut Receiver<News>) -> String {
    match timeout(Duration::from_secs(30), news.recv()).await.expect("there is news").unwrap() {
        News::Stored(event) => format!("{}: {}", event.trace.trace_id, event.trace.prompt),
        News::Gap => "gap".to_owned(),
    }
}

pub async fn what_any_process_stores_is_news(bench: &Bench) {
    bench.put(&[raw("before", 1)]).await;
    let mut watching = bench.store.watch(None).await;
    assert!(watching.missed.is_empty());
    bench.put(&[raw("ours", 2)]).await;
    // A stream of the test database may begin a moment before it was asked for.
    let told = next(&mut watching.news).await;
    let told = if told == "before: " { next(&mut watching.news).await } else { told };
    assert_eq!(told, "ours: ");
    let other = open(&bench.location).await.unwrap();
    other.put(vec![document(&raw("theirs", 3))]).await.unwrap();
    assert_eq!(next(&mut watching.news).await, "theirs: ");
    bench.put(&[raw("theirs", 3), raw("ours", 2)]).await;
    bench.put(&[json!({"trace_id": "before", "prompt": "changed"})]).await;
    assert_eq!(next(&mut watching.news).await, "before: changed", "a duplicate is no news");
    other.put(vec![document(&json!({"trace_id": "ours", "prompt": "changed too"}))]).await.unwrap();
    let News::Stored(event) = timeout(Duration::from_secs(30), watching.news.recv()).await.unwrap().unwrap() else { panic!("a gap") };
    assert_eq!(event.trace, bench.get("default", "ours").await, "what is told is what is stored");
    other.close().await;
}

pub async fn more_than_is_kept_leaves_a_gap_that_is_told(bench: &Bench) {
    let first = bench.store.watch(None).await;
    bench.put(&[raw("first", 0)]).await;
    let mut news = first.news;
    let News::Stored(seen) = timeout(Duration::from_secs(30), news.recv()).await.unwrap().unwrap() else { panic!("a gap") };
    drop(news);
    let mut again = bench.store.watch(None).await.news;
    for batch in 0..3 {
        let ids: Vec<_> = (0..250).map(|n| format!("t{batch}-{n:03}")).collect();
        bench.put(&ids.iter().map(|id| raw(id, 1)).collect::<Vec<_>>()).await;
        let mut told = Vec::new();
        for _ in &ids {
            told.push(next(&mut again).await.trim_end_matches(": ").to_owned());
        }
        // A single server, which is asked now and then, does not tell in which order a batch was written.
        told.sort();
        assert_eq!(told, ids);
    }
    let resumed = bench.store.watch(Some(&seen.id)).await;
    assert!(matches!(resumed.missed[0], News::Gap));
    assert_eq!(resumed.missed.len(), 501);
}

pub async fn who_watches_is_told_the_end(bench: &Bench) {
    let mut watching = bench.store.watch(None).await;
    bench.store.stop_watching();
    assert!(watching.news.recv().await.is_err());
}
