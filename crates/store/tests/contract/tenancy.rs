use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use fastrand::Rng;
use serde_json::json;
use tracellm_store::{KeyMark, NewSpan, ScopedStore, StoreError, StoredKey, TraceKey, TraceStore, access, users};
use tracellm_trace::{
    Filter, NewKey, Project, Query, Role, Scope, Search, Status, Timestamp, User,
    otlp::{Span, SpanStatus},
    query::SortBy,
};

use crate::bench::{Bench, NOW, document};

/// Stands in everything that is another project's, and in nothing else.
const THEIRS: &str = "theirs";

fn now() -> Timestamp {
    Timestamp::from_millis(NOW).unwrap()
}

fn user(role: Option<Role>, projects: &[(&str, Role)]) -> User {
    let projects: BTreeMap<_, _> = projects.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect();
    User { name: "eve".to_owned(), role, projects, created_at: now() }
}

fn scoped(bench: &Bench, user: User) -> Arc<dyn TraceStore> {
    Arc::new(ScopedStore::new(bench.store.clone(), Ok(Arc::new(user))))
}

#[track_caller]
fn refused<T: Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Forbidden(_))), "{answer:?}");
}

/// An answer holds nothing of the other project.
#[track_caller]
fn clean(answer: &impl Debug) {
    let text = format!("{answer:?}");
    assert!(!text.contains(THEIRS), "{text}");
}

/// A filter of whatever there is, of any project but another's.
fn filter(rng: &mut Rng) -> Filter {
    let mut filter = Filter::default();
    for _ in 0..rng.usize(0..3) {
        match rng.u8(0..7) {
            0 => filter.status = Some(*rng.choice(&[Status::Success, Status::Failed]).unwrap()),
            1 => filter.model = Some(format!("model-{}", rng.u8(0..3))),
            2 => filter.latency_min = Some(rng.f64() * 1_000.0),
            3 => filter.tag = Some("common".to_owned()),
            4 => filter.q = Some(Search::parse("word").unwrap()),
            5 => filter.retried = true,
            _ => filter.project_id = Some("ours".to_owned()),
        }
    }
    filter
}

pub async fn who_has_one_project_learns_nothing_of_another(bench: &Bench) {
    let mut rng = Rng::with_seed(7);
    let raw: Vec<_> = (0..120)
        .map(|n| {
            let project = if n % 3 == 0 { "ours" } else { THEIRS };
            let own = |name: &str| if project == THEIRS { format!("{THEIRS} {name}") } else { name.to_owned() };
            json!({
                "trace_id": if n < 30 { format!("both-{}", n / 3) } else { own(&format!("t-{n}")) },
                "project_id": project, "prompt": own("word"), "latency": rng.f64() * 2_000.0, "model": format!("model-{}", rng.u8(0..3)),
                "status": if rng.bool() { "success" } else { "failed" }, "failure_reason": own("reason"), "tags": ["common", own("tag")],
                "retry_count": rng.u8(0..2), "created_at": 1_767_225_600 + n, "steps": [{"tool_name": own("tool")}],
            })
        })
        .collect();
    bench.put(&raw).await;
    let spans = |project: &str, trace_id: &str| {
        let span = Span {
            trace_id: trace_id.to_owned(),
            span_id: "00000000000000a1".to_owned(),
            parent_id: None,
            name: project.to_owned(),
            start_ns: 1,
            end_ns: 2,
            attributes: serde_json::Map::new(),
            events: Vec::new(),
            status: SpanStatus::Ok,
            status_message: String::new(),
            resource: Arc::default(),
            scope: String::new(),
            via: None,
        };
        vec![NewSpan { project_id: project.to_owned(), span }]
    };
    let theirs = "a".repeat(32);
    bench.store.put_spans(spans(THEIRS, &theirs), now()).await.unwrap();
    let made = access::create_key(&*bench.store, &bench.audit(), NewKey { project_id: THEIRS.to_owned(), ..NewKey::default() }, now())
        .await
        .unwrap();
    users::set(&*bench.store, &bench.audit(), user(Some(Role::Admin), &[]), "long enough".to_owned()).await.unwrap();
    tokio::time::sleep(bench.rests).await;

    let eve = scoped(bench, user(None, &[("ours", Role::Admin)]));
    for _ in 0..40 {
        let asked = filter(&mut rng);
        let ours = Filter { project_id: Some("ours".to_owned()), ..asked.clone() };
        let sort = tracellm_trace::Sort { by: *rng.choice(&[SortBy::CreatedAt, SortBy::Latency]).unwrap(), descending: rng.bool() };
        let query = |filter: &Filter| Query { filter: filter.clone(), sort, limit: 7, cursor: None };
        let list = eve.list(&query(&asked)).await.unwrap();
        clean(&list);
        assert_eq!(list, bench.store.list(&query(&ours)).await.unwrap(), "{asked:?}");
        let documents = eve.documents(&query(&asked)).await.unwrap();
        clean(&documents);
        assert_eq!(documents, bench.store.documents(&query(&ours)).await.unwrap());
        assert_eq!(eve.list_documents(&query(&asked)).await.unwrap(), bench.store.list_documents(&query(&ours)).await.unwrap());
        assert_eq!(eve.rows(&query(&asked)).await.unwrap(), bench.store.rows(&query(&ours)).await.unwrap());
        assert_eq!(eve.count(&asked).await.unwrap(), bench.store.count(&ours).await.unwrap());
        let tally = eve.tally(&asked).await.unwrap().finish(Vec::new());
        assert_eq!(tally, bench.store.tally(&ours).await.unwrap().finish(Vec::new()));
        clean(&eve.facets(&asked).await.unwrap().finish());
        let other = Filter { project_id: Some(THEIRS.to_owned()), ..asked };
        refused(eve.list(&query(&other)).await);
        refused(eve.documents(&query(&other)).await);
        refused(eve.list_documents(&query(&other)).await);
        refused(eve.rows(&query(&other)).await);
        refused(eve.count(&other).await);
        refused(eve.tally(&other).await.map(drop));
        refused(eve.facets(&other).await.map(drop));
        refused(eve.plan(&query(&other)).await);
    }
    for n in 0..10 {
        let found = eve.document(None, &format!("both-{n}")).await.unwrap().unwrap();
        assert_eq!(found.project_id, "ours");
        refused(eve.document(Some(THEIRS), &format!("both-{n}")).await);
    }
    assert_eq!(eve.document(None, "theirs t-31").await.unwrap(), None);
    refused(eve.spans(THEIRS, &theirs).await);
    assert_eq!(eve.project_ids().await.unwrap(), ["ours"]);
    assert!(eve.projects().await.unwrap().is_empty());
    assert!(eve.keys(None).await.unwrap().is_empty() && eve.keys(Some(THEIRS)).await.unwrap().is_empty());

    // Nor does it change anything there, or of what is everybody's.
    let key = TraceKey { project_id: THEIRS.to_owned(), trace_id: "both-0".to_owned() };
    refused(eve.put(vec![document(&json!({"trace_id": "x", "project_id": THEIRS}))]).await);
    refused(eve.put_spans(spans(THEIRS, &theirs), now()).await);
    refused(eve.remove(vec![key.clone()]).await);
    refused(eve.remove_spans(vec![key]).await);
    refused(eve.remove_project(THEIRS).await);
    let project = Project { project_id: "new".to_owned(), name: "new".to_owned(), description: String::new(), created_at: Some(now()) };
    refused(eve.add_project(&project).await);
    assert!(!eve.mark_key(&made.key.key_id, KeyMark::Revoked, now()).await.unwrap());
    refused(eve.add_key(&StoredKey { stored_as: "x".to_owned(), key: made.key.clone() }).await);
    let opens_all = tracellm_trace::ApiKey { scope: Scope::Admin, project_id: "ours".to_owned(), ..made.key.clone() };
    refused(eve.add_key(&StoredKey { stored_as: "x".to_owned(), key: opens_all }).await);
    refused(eve.hide_key("a", "b", "c").await);
    refused(eve.find_key(&["x".to_owned()]).await);
    for name in ["users/", "users/eve", "sessions/", "retention", "failure_groups/theirs/x", ""] {
        refused(eve.set_setting(name, Some("x")).await);
        refused(eve.settings(name).await);
        refused(eve.setting(name).await);
    }
    refused(eve.repair_rollups().await);
    refused(eve.reclaim().await);
    refused(eve.examine(false).await);
    assert!(eve.watch(None).await.news.recv().await.is_err());
    assert_eq!(bench.store.count(&Filter::default()).await.unwrap().count, 111);

    // In its own it may do all of that.
    assert_eq!(eve.remove(vec![TraceKey { project_id: "ours".to_owned(), trace_id: "both-0".to_owned() }]).await.unwrap(), 1);
    eve.set_setting("failure_groups/ours/x", Some("x")).await.unwrap();
    assert_eq!(eve.settings("failure_groups/ours/").await.unwrap().len(), 1);
}

pub async fn roles_are_kept_apart(bench: &Bench) {
    bench.put(&[json!({"trace_id": "a", "project_id": "ours"}), json!({"trace_id": "b", "project_id": THEIRS})]).await;
    let new = |project: &str| vec![document(&json!({"trace_id": "n", "project_id": project}))];
    let viewer = scoped(bench, user(Some(Role::Viewer), &[("ours", Role::Member)]));
    assert_eq!(viewer.list(&Query::default()).await.unwrap().items.len(), 2);
    assert!(viewer.put(new("ours")).await.is_ok());
    refused(viewer.put(new(THEIRS)).await);
    refused(viewer.remove(vec![TraceKey { project_id: "ours".to_owned(), trace_id: "a".to_owned() }]).await);
    let two = scoped(bench, user(None, &[("ours", Role::Viewer), (THEIRS, Role::Viewer)]));
    refused(two.list(&Query::default()).await);
    let ours = Filter { project_id: Some("ours".to_owned()), ..Filter::default() };
    assert_eq!(two.list(&Query { filter: ours, ..Query::default() }).await.unwrap().items.len(), 2);
    let nobody = Arc::new(ScopedStore::new(bench.store.clone(), Err(StoreError::Unavailable("away".to_owned()))));
    assert!(matches!(nobody.list(&Query::default()).await, Err(StoreError::Unavailable(_))));
}

pub async fn a_session_lasts_until_it_is_ended(bench: &Bench) {
    let store = &*bench.store;
    let at = |days: i64| Timestamp::from_millis(NOW + days * 24 * 60 * 60 * 1000).unwrap();
    assert!(!users::are_there(store).await.unwrap());
    users::set(store, &bench.audit(), user(Some(Role::Member), &[]), "long enough".to_owned()).await.unwrap();
    assert!(users::are_there(store).await.unwrap());
    assert_eq!(users::sign_in(store, "eve", "long enougH".to_owned(), at(0)).await.unwrap(), None);
    assert_eq!(users::sign_in(store, "adam", "long enough".to_owned(), at(0)).await.unwrap(), None);
    let secret = users::sign_in(store, "eve", "long enough".to_owned(), at(0)).await.unwrap().unwrap();
    let kept = format!("{:?}", store.settings("").await.unwrap());
    assert!(!kept.contains(&secret) && !kept.contains("long enough") && kept.contains("argon2id"), "{kept}");
    let name = async |secret: &str, days| users::signed_in(store, secret, at(days)).await.unwrap().map(|(user, _)| user.name);
    assert_eq!(name(&secret, 6).await.as_deref(), Some("eve"));
    assert_eq!(name(&secret, 12).await.as_deref(), Some("eve"), "it was used in between");
    assert_eq!(name(&secret[1..], 12).await, None);
    assert_eq!(name(&secret, 20).await, None, "unused for a week");
    assert_eq!(name(&secret, 12).await, None, "what has ended stays so");
    let again = users::sign_in(store, "eve", "long enough".to_owned(), at(0)).await.unwrap().unwrap();
    let mut day = 0;
    while name(&again, day).await.is_some() {
        day += 5;
    }
    assert_eq!(day, 35, "used or not");
    // After a day it gets a new secret. The old one lasts until that is used, as it may never arrive, and a minute longer; all end together.
    let first = users::sign_in(store, "eve", "long enough".to_owned(), at(0)).await.unwrap().unwrap();
    let is_old = async |secret: &str, days| users::signed_in(store, secret, at(days)).await.unwrap().map(|(_, is_old)| is_old);
    assert_eq!((is_old(&first, 0).await, is_old(&first, 2).await), (Some(false), Some(true)));
    users::renew(store, &first, at(2)).await.unwrap().unwrap();
    assert_eq!(is_old(&first, 2).await, Some(true), "that one was never used");
    let second = users::renew(store, &first, at(2)).await.unwrap().unwrap();
    assert_eq!((is_old(&second, 2).await, is_old(&first, 2).await), (Some(false), Some(false)));
    assert_eq!(users::renew(store, &first, at(2)).await.unwrap(), None);
    assert_eq!(name(&first, 3).await, None, "its minute is over");
    assert_eq!(name(&second, 3).await.as_deref(), Some("eve"));
    let third = users::renew(store, &second, at(4)).await.unwrap().unwrap();
    users::sign_out(store, &third).await.unwrap();
    assert_eq!((name(&second, 4).await, name(&third, 4).await), (None, None));
    let other = users::sign_in(store, "eve", "long enough".to_owned(), at(0)).await.unwrap().unwrap();
    users::sign_out(store, &other).await.unwrap();
    assert_eq!(name(&other, 0).await, None);
    let last = users::sign_in(store, "eve", "long enough".to_owned(), at(0)).await.unwrap().unwrap();
    assert!(users::remove(store, &bench.audit(), "eve").await.unwrap() && !users::remove(store, &bench.audit(), "eve").await.unwrap());
    assert_eq!(name(&last, 0).await, None);
}
