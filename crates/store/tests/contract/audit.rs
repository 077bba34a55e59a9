use serde_json::{Value, json};
use tracellm_store::{access, audit};
use tracellm_trace::NewKey;

use crate::bench::{Bench, NOW};

/// Everything that is noted stands in the log, in order; who writes at once gets numbers of their own.
pub async fn what_is_noted_stands_in_a_chain(bench: &Bench) {
    assert_eq!(audit::log(&*bench.store, 10).await.unwrap().total, 0);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let audit = bench.audit();
            tokio::spawn(async move {
                for n in 0..5 {
                    audit.note("key.created", format!("{writer}-{n}")).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let log = audit::log(&*bench.store, 3).await.unwrap();
    assert_eq!((log.total, log.broken, log.entries.len()), (40, None, 3));
    assert_eq!((log.entries[0].number, log.entries[0].by.as_str()), (40, "test"));
    let all = audit::log(&*bench.store, 100).await.unwrap().entries;
    for writer in 0..8 {
        let of_writer: Vec<_> =
            all.iter().rev().filter(|entry| entry.what.starts_with(&format!("{writer}-"))).map(|entry| entry.what.as_str()).collect();
        assert_eq!(of_writer, (0..5).map(|n| format!("{writer}-{n}")).collect::<Vec<_>>(), "in their order");
    }
}

/// Whoever changes an entry, takes one out or puts one in is found.
pub async fn a_log_that_was_changed_is_found(bench: &Bench) {
    let now = tracellm_trace::Timestamp::from_millis(NOW).unwrap();
    for n in 0..5 {
        access::create_key(&*bench.store, &bench.audit(), NewKey { project_id: format!("p{n}"), ..NewKey::default() }, now).await.unwrap();
    }
    let kept = bench.store.settings("audit/").await.unwrap();
    let names: Vec<_> = kept.keys().cloned().collect();
    let broken = async || audit::log(&*bench.store, 10).await.unwrap().broken;
    assert_eq!((names.len(), broken().await), (5, None));
    let changed = |n: usize, field: &str, value: Value| {
        let mut entry: Value = serde_json::from_str(&kept[&names[n]]).unwrap();
        entry[field] = value;
        entry.to_string()
    };
    let set = async |n: usize, text: Option<&str>| bench.store.set_setting(&names[n], text).await.unwrap();
    for (field, value) in [("what", json!("nothing")), ("by", json!("somebody else")), ("at", json!("2020-01-01T00:00:00.000Z"))] {
        set(2, Some(&changed(2, field, value))).await;
        assert_eq!(broken().await.as_deref(), Some("entry 3: it was changed"), "{field}");
    }
    set(2, Some("rubbish")).await;
    assert_eq!(broken().await.as_deref(), Some("entry 3 can't be read"));
    set(2, None).await;
    assert_eq!(broken().await.as_deref(), Some("entry 4: there are entries missing before it"));
    set(2, Some(&kept[&names[1]])).await;
    assert_eq!(broken().await.as_deref(), Some("entry 2: there are entries missing before it"));
    set(2, Some(&kept[&names[2]])).await;
    assert_eq!(broken().await, None);
}
