use futures_util::future::join_all;
use serde_json::{Value, json};
use tracellm_store::groups::{decide, groups};
use tracellm_trace::{Filter, GroupState, Status, Timestamp, fingerprint};

use crate::bench::Bench;

fn failed(trace_id: &str, seconds: i64, reason: &str) -> Value {
    json!({ "trace_id": trace_id, "created_at": 1_767_225_600 + seconds, "status": "failed", "failure_reason": reason })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_767_225_600 + seconds) * 1_000).unwrap()
}

async fn told(bench: &Bench, filter: &Filter) -> Vec<(String, u64, GroupState)> {
    let found = groups(&*bench.store, filter).await.unwrap();
    found.groups.into_iter().map(|group| (group.trace_id, group.count, group.state)).collect()
}

pub async fn what_is_decided_at_once_is_all_kept(bench: &Bench) {
    let word = |n: u8| char::from(b'a' + n).to_string();
    let raw: Vec<_> = (0..10).map(|n| failed(&word(n), i64::from(n), &format!("no {}", word(n)))).collect();
    bench.put(&raw).await;
    let decide = |n: u8, state| async move {
        decide(&*bench.store, &bench.audit(), "default", &fingerprint(&format!("no {}", word(n))), state, at(100)).await.unwrap();
    };
    join_all((0..10).map(|n| decide(n, if n < 5 { GroupState::Resolved } else { GroupState::Muted }))).await;
    let states = told(bench, &Filter::default()).await;
    assert_eq!(states.iter().filter(|(.., state)| *state == GroupState::Resolved).count(), 5);
    assert_eq!(states.iter().filter(|(.., state)| *state == GroupState::Muted).count(), 5);
    decide(0, GroupState::Open).await;
    bench.put(&[failed("again", 200, "no b")]).await;
    let states = told(bench, &Filter::default()).await;
    assert_eq!(states[..2], [("again".to_owned(), 2, GroupState::Regressed), ("a".to_owned(), 1, GroupState::Open)]);
    let log = bench.audit().log(100).await.unwrap();
    assert_eq!((log.total, log.entries[0].did.as_str(), log.entries[0].what.as_str()), (11, "failures.opened", "in default: no a"));
    let of = |did: &str| log.entries.iter().filter(|entry| entry.did == did).count();
    assert_eq!((of("failures.resolved"), of("failures.muted"), &log.broken), (5, 5, &None));
    // Of another project nothing was decided.
    let mut elsewhere = failed("x", 0, "no c");
    elsewhere["project_id"] = "default-2".into();
    bench.put(&[elsewhere]).await;
    let of_other = Filter { project_id: Some("default-2".to_owned()), ..Filter::default() };
    assert_eq!(told(bench, &of_other).await, [("x".to_owned(), 1, GroupState::Open)]);
}

pub async fn long_reasons_are_told_apart_by_what_they_have_in_common(bench: &Bench) {
    // A row shows the first 200 characters, which end at another word in each.
    let reason = |id: &str| format!("request {id} was refused {}", "by a rule about long texts that nobody knows ".repeat(8));
    bench.put(&[failed("a", 0, &reason("req_9f86d081884c")), failed("b", 1, &reason(&format!("{}0", "0123456789ab-".repeat(9))))]).await;
    bench.put(&[failed("c", 2, "")]).await;
    assert_eq!(told(bench, &Filter::default()).await.iter().map(|(_, count, _)| *count).collect::<Vec<_>>(), [2, 1]);
    let found = groups(&*bench.store, &Filter::default()).await.unwrap();
    assert!(!found.is_capped && found.groups[0].reason.chars().count() == 201, "{found:?}");
    let asked_for_others = Filter { status: Some(Status::Warning), ..Filter::default() };
    assert!(told(bench, &asked_for_others).await.is_empty());
}

pub async fn settings_are_found_by_how_their_names_begin(bench: &Bench) {
    let store = &bench.store;
    for name in ["a/1", "a/2", "a", "ab/1", "b/%_"] {
        store.set_setting(name, Some(name)).await.unwrap();
    }
    let names = async |begin| store.settings(begin).await.unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(names("a/").await, ["a/1", "a/2"]);
    assert_eq!(names("b/%").await, ["b/%_"]);
    assert!(names("c").await.is_empty());
    store.set_setting("a/1", Some("other")).await.unwrap();
    store.set_setting("a/2", None).await.unwrap();
    store.set_setting("none", None).await.unwrap();
    assert_eq!(store.settings("a/").await.unwrap().into_iter().collect::<Vec<_>>(), [("a/1".to_owned(), "other".to_owned())]);
    assert_eq!(store.setting("a/2").await.unwrap(), None);
}
