use std::{net::SocketAddr, time::Duration};

use futures_util::TryStreamExt;
use mongodb::{
    Client, Collection, IndexModel,
    bson::{Binary, Bson, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype},
    options::IndexOptions,
};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tracellm_store::{Location, StoreError, access, open};
use tracellm_trace::{Outcome, Query, Scope, Status, Trace, UNREADABLE, Verdict};

use crate::{
    bench::{Bench, document, mongo_address, mongo_url, raw},
    doctor::check,
};

/// The collection itself, as another writer sees it.
pub async fn collection(bench: &Bench) -> Collection<Document> {
    let Location::Mongo { db_name: Some(name), .. } = &bench.location else { panic!("no database name") };
    Client::with_uri_str(mongo_url()).await.unwrap().database(name).collection("traces")
}

/// A document as the reference package writes it.
pub fn of_reference(trace_id: &str, start_ms: i64) -> Document {
    doc! {
        "trace_id": trace_id, "prompt": "Explain transformers", "response": "They attend.", "latency": 182.4, "token_count": 90,
        "model_name": "gpt-4", "project_id": "default", "project_name": Bson::Null, "api_key": "tlm_sk_0123456789abcdef",
        "environment": "development", "status": "success", "retry_count": 0, "slow_request": false, "failure_reason": Bson::Null,
        "steps": [{
            "step_id": "s1", "tool_name": "search", "input": { "q": "x" }, "output": {}, "duration": 12.5, "success": true,
            "timestamp": DateTime::from_millis(start_ms),
        }],
        "created_at": DateTime::from_millis(start_ms), "updated_at": DateTime::from_millis(start_ms + 5),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_the_reference_package_are_at_home() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    theirs.insert_one(of_reference("theirs", 1_767_225_605_000)).await.unwrap();
    bench.put(&[raw("ours", 1), raw("ours too", 9)]).await;

    let found = bench.get("default", "theirs").await;
    assert_eq!((found.latency, found.created_at.millis(), found.steps[0].duration), (182.4, 1_767_225_605_000, 12.5));
    assert_eq!(found.api_key.as_deref(), Some("tlm_sk_…cdef"), "never the clear key");
    let listed = bench.store.list(&Query::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(|row| row.trace_id.as_str()).collect::<Vec<_>>(), ["ours too", "theirs", "ours"]);

    // What was exported comes back in: the same content is the same trace, and a change keeps the `_id` that stands.
    let exported = serde_json::to_value(&found).unwrap();
    assert_eq!(bench.put(std::slice::from_ref(&exported)).await, [Outcome::Duplicate]);
    let id = theirs.find_one(doc! { "trace_id": "theirs" }).await.unwrap().unwrap().get_object_id("_id").unwrap();
    let mut changed = exported;
    changed["response"] = "They attend to all of it.".into();
    assert_eq!(bench.put(&[changed]).await, [Outcome::Updated]);
    let stored: Vec<Document> = theirs.find(doc! { "trace_id": "theirs" }).await.unwrap().try_collect().await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].get_object_id("_id").unwrap(), stored[0].get_str("response").unwrap()), (id, "They attend to all of it."));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_trace_that_others_stored_twice_the_newest_is_shown() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let of = |start, response: &str, project_id: Bson| {
        let mut document = of_reference("theirs", start);
        document.extend(doc! { "response": response, "project_id": project_id });
        document
    };
    let [old, new] = [1_767_225_605_000, 1_767_225_606_000];
    theirs.insert_many([of(old, "old", "default".into()), of(new, "new", Bson::Null), of(new + 1, "web", "web".into())]).await.unwrap();
    assert_eq!(bench.get("default", "theirs").await.response.as_deref(), Some("new"));
    assert_eq!(bench.get("web", "theirs").await.response.as_deref(), Some("web"));
    theirs.delete_many(doc! { "response": { "$ne": "new" } }).await.unwrap();
    assert_eq!(bench.get("default", "theirs").await.response.as_deref(), Some("new"));
    assert_eq!(bench.store.get(Some("web"), "theirs").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_any_type_is_kept_by_those_who_send_its_trace_again() {
    let bytes = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
    let ids: [Bson; 6] = [7_i32.into(), 7_i64.into(), 2.5.into(), bytes.into(), DateTime::from_millis(7).into(), doc! { "a": 1 }.into()];
    for id in ids {
        let bench = Bench::mongo().await;
        let theirs = collection(&bench).await;
        let mut document = of_reference("theirs", 1_767_225_605_000);
        document.insert("_id", id.clone());
        theirs.insert_one(document).await.unwrap();
        bench.put(&[raw("ours", 1)]).await;
        let mut again = serde_json::to_value(bench.get("default", "theirs").await).unwrap();
        assert_eq!(bench.put(std::slice::from_ref(&again)).await, [Outcome::Duplicate], "{id}");
        again["response"] = "They attend to all of it.".into();
        assert_eq!(bench.put(&[again]).await, [Outcome::Updated], "{id}");
        let stored: Vec<Document> = theirs.find(doc! { "trace_id": "theirs" }).await.unwrap().try_collect().await.unwrap();
        assert_eq!(stored.iter().map(|document| document.get("_id")).collect::<Vec<_>>(), [Some(&id)]);
    }
}

/// Whatever a collection holds is shown as it can be; none breaks a page, and paging still meets each once.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_documents_are_shown_as_they_can_be() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let date = |ms: i64| DateTime::from_millis(ms);
    let odd = [
        doc! { "trace_id": "bare" },
        doc! { "note": "no field of ours" },
        doc! { "trace_id": "texts", "latency": "1600.5", "token_count": "12", "created_at": "2026-01-01T00:00:03Z", "status": "FAILED" },
        doc! { "trace_id": "numbers", "latency": 7_i32, "token_count": 9.0, "prompt": 5, "steps": "none", "created_at": date(1_767_225_602_000) },
        doc! { "trace_id": "nulls", "latency": Bson::Null, "steps": Bson::Null, "project_id": Bson::Null, "created_at": date(1_767_225_603_000) },
        doc! { "trace_id": "bad", "latency": -3.0, "token_count": 1.5, "steps": [1, { "success": "yes" }], "created_at": date(1_767_225_604_000) },
        doc! { "trace_id": ObjectId::new(), "status": "odd", "failure_reason": "x", "created_at": date(1_767_225_604_000) },
        doc! { "trace_id": "far", "created_at": DateTime::from_millis(i64::MAX) },
    ];
    theirs.insert_many(&odd).await.unwrap();
    bench.put(&[raw("ours", 3)]).await;

    let mut query = Query { limit: 2, ..Query::default() };
    let mut seen = Vec::new();
    loop {
        let page = bench.store.list_documents(&query).await.unwrap();
        let rows = bench.store.list(&query).await.unwrap();
        let shown: Vec<_> = page.items.iter().map(|trace| (&trace.trace_id, !trace.unreadable().is_empty())).collect();
        assert_eq!(rows.items.iter().map(|row| (&row.trace_id, row.unreadable)).collect::<Vec<_>>(), shown);
        seen.extend(page.items);
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), odd.len() + 1);
    let one = |id: &str| seen.iter().find(|trace| trace.trace_id == id).unwrap_or_else(|| panic!("{id} is missing"));
    let texts: &Trace = one("texts");
    assert_eq!((texts.latency, texts.token_count, texts.status, texts.slow_request), (1600.5, 12, Status::Failed, true));
    assert_eq!((one("numbers").latency, one("numbers").token_count, one("numbers").prompt.as_str()), (7.0, 9, "5"));
    assert_eq!(one("numbers").metadata[UNREADABLE]["steps"], json!("none"), "what can't be read is kept in sight");
    assert_eq!((one("bad").latency, one("bad").steps.len(), &one("bad").metadata[UNREADABLE]["latency"]), (0.0, 2, &json!(-3.0)));
    assert!(one("bad").unreadable().contains(&"steps[1].success".to_owned()), "{:?}", one("bad").unreadable());
    assert!(one("texts").unreadable().contains(&"latency".to_owned()), "a number that is a text is read, and marked");
    assert!(one("bare").unreadable().contains(&"prompt".to_owned()), "what is missing is marked");
    assert_eq!(seen.iter().filter(|trace| trace.unreadable().is_empty()).count(), 1, "ours alone is as it should be");
    assert_eq!((one("nulls").project_id.as_str(), one("nulls").model_name.as_str()), ("default", "unknown"));
    for trace in &seen {
        assert_eq!(bench.store.get(None, &trace.trace_id).await.unwrap().as_ref(), Some(trace), "found under the id it is shown by");
    }
    assert_eq!(bench.store.project_ids().await.unwrap(), ["default"]);
    assert_eq!(bench.get("default", "nulls").await.trace_id, "nulls", "found under the name it is shown by");
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_made_once_and_those_of_others_stay() {
    let bench = Bench::mongo().await;
    let traces = collection(&bench).await;
    let theirs = IndexOptions::builder().name("their_name".to_owned()).build();
    traces.create_index(IndexModel::builder().keys(doc! { "status": 1 }).options(theirs).build()).await.unwrap();
    let names = || async {
        let mut names = traces.list_index_names().await.unwrap();
        names.sort();
        names
    };
    bench.store.health().await.unwrap();
    let made = names().await;
    for field in ["trace_id", "created_at", "model_name", "project_id", "environment"] {
        assert!(made.contains(&format!("{field}_1")), "{field} has no index among {made:?}");
    }
    assert!(made.contains(&"their_name".to_owned()));
    let again = open(&bench.location).await.unwrap();
    again.health().await.unwrap();
    assert_eq!(names().await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_beyond_16_mb_is_refused_and_its_neighbours_are_stored() {
    let bench = Bench::mongo().await;
    let large = json!({"trace_id": "large", "prompt": "x".repeat(17 << 20)});
    let outcomes = bench.store.put(vec![document(&raw("a", 1)), document(&large), document(&raw("b", 2))]).await.unwrap();
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(Outcome::Created), &Ok(Outcome::Created)));
    assert_eq!(outcomes[1].as_ref().unwrap_err().code, "trace.too_large");
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().total.count, 2);
}

/// Forwards connections to the database until it is dropped, as a network does.
struct Network {
    address: SocketAddr,
    _connections: JoinSet<()>,
}

impl Network {
    async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = mongo_address();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                open.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self { address, _connections: connections }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_needs_no_restart() {
    let network = Network::at("127.0.0.1:0").await;
    let address = network.address.to_string();
    drop(network);
    // A direct connection, as a replica set would be sought under the addresses that its members know.
    let url = format!("mongodb://{address}/?directConnection=true");
    let location = Location::Mongo { url, db_name: Some(format!("test_{}", uuid::Uuid::new_v4().simple())) };
    let store = open(&location).await.unwrap();

    for _ in 0..2 {
        let asked = tokio::time::Instant::now();
        let error = store.health().await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(asked.elapsed() < Duration::from_secs(20), "an answer, not a hang");
        let refused = store.put(vec![document(&raw("lost", 1))]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");

        let network = Network::at(&address).await;
        let mut attempts = 0;
        while store.health().await.is_err() {
            attempts += 1;
            assert!(attempts < 30, "the store does not find its database again");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let outcome = store.put(vec![document(&raw("kept", 1))]).await.unwrap();
        assert!(outcome[0].is_ok());
        assert_eq!(store.list(&Query::default()).await.unwrap().total.count, 1, "what was refused is not there");
        drop(network);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_keys_of_the_reference_package_open_and_end() {
    use tracellm_store::access::{authenticate, revoke_key};
    use tracellm_trace::{Scope, Timestamp};

    let bench = Bench::mongo().await;
    let secret = "tlm_sk_0123456789abcdefghijklmnopqrSTUV";
    let keys = collection(&bench).await.client().database(&database_name(&bench)).collection::<Document>("api_keys");
    let theirs =
        doc! { "key": secret, "project_id": "old", "environment": "production", "created_at": DateTime::from_millis(1_767_225_600_000) };
    keys.insert_one(theirs).await.unwrap();
    let now = Timestamp::from_millis(1_780_000_000_000).unwrap();
    let key = authenticate(&*bench.store, secret, Scope::Ingest, now).await.unwrap();
    assert_eq!((key.key_id.as_str(), key.project_id.as_str(), key.environment.as_str()), ("tlm_sk_…STUV", "old", "production"));
    revoke_key(&*bench.store, &bench.audit(), "tlm_sk_…STUV", now).await.unwrap();
    assert!(authenticate(&*bench.store, secret, Scope::Ingest, now).await.is_err());
}

fn database_name(bench: &Bench) -> String {
    let Location::Mongo { db_name: Some(name), .. } = &bench.location else { panic!("no database name") };
    name.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_documents_and_missing_indexes_are_found() {
    let bench = Bench::mongo().await;
    bench.put(&[raw("fits", 1)]).await;
    assert_eq!(check(&bench, "documents").await.verdict, Verdict::Good);
    assert_eq!(check(&bench, "schema").await.verdict, Verdict::Good);
    let theirs = collection(&bench).await;
    theirs.insert_one(of_reference("theirs", 1_767_225_605_000)).await.unwrap();
    assert_eq!(check(&bench, "documents").await.verdict, Verdict::Good, "the reference package writes what fits");
    theirs.insert_one(doc! { "trace_id": "odd", "latency": "slow" }).await.unwrap();
    let mut step = of_reference("odd step", 1_767_225_605_000);
    step.get_array_mut("steps").unwrap().push(doc! { "tool_name": 5 }.into());
    theirs.insert_one(step).await.unwrap();
    let found = check(&bench, "documents").await;
    assert!(found.verdict == Verdict::Warning && found.found.contains("2 do not fit"), "{found:?}");
    // The rule of the database itself says the same.
    let database = Client::with_uri_str(mongo_url()).await.unwrap().database(&theirs.namespace().db);
    let collections = database.list_collections().filter(doc! { "name": "traces" }).await.unwrap();
    let rule = collections.try_collect::<Vec<_>>().await.unwrap().remove(0).options.validator.unwrap();
    assert_eq!(theirs.count_documents(rule).await.unwrap(), 2, "ours, and the one of the reference package");
    theirs.drop_index("status_1").await.unwrap();
    let found = check(&bench, "indexes").await;
    assert!(found.verdict == Verdict::Bad && found.found.contains("traces.status"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_another_stays() {
    let bench = Bench::mongo().await;
    let theirs = collection(&bench).await;
    let database = Client::with_uri_str(mongo_url()).await.unwrap().database(&theirs.namespace().db);
    let rule = doc! { "trace_id": { "$exists": true } };
    database.run_command(doc! { "create": "traces", "validator": rule.clone() }).await.unwrap();
    bench.put(&[raw("fits", 1)]).await;
    assert_eq!(check(&bench, "schema").await.verdict, Verdict::Unknown);
    let standing = database.list_collections().filter(doc! { "name": "traces" }).await.unwrap().try_next().await.unwrap().unwrap();
    assert_eq!(standing.options.validator, Some(rule));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_clear_open_the_door_and_can_be_hidden() {
    let bench = Bench::mongo().await;
    let clear = "tlm_sk_abcdefghijklmnopqrstuvwxyz0123456789";
    bench.store.health().await.unwrap();
    let theirs = collection(&bench).await;
    let database = Client::with_uri_str(mongo_url()).await.unwrap().database(&theirs.namespace().db);
    let created_at = DateTime::from_millis(1_767_225_600_000);
    let key = doc! { "key": clear, "project_id": "web", "environment": "staging", "created_at": created_at, "last_used_at": Bson::Null };
    database.collection::<Document>("api_keys").insert_one(key).await.unwrap();

    let now = tracellm_trace::Timestamp::from_millis(crate::bench::NOW).unwrap();
    let opens = async || access::authenticate(&*bench.store, clear, Scope::Ingest, now).await.unwrap();
    assert_eq!((opens().await.project_id.as_str(), opens().await.key_id.as_str()), ("web", "tlm_sk_…6789"));
    let found = check(&bench, "keys").await;
    assert!(found.verdict == Verdict::Warning && found.advice.unwrap().contains("--fix"));
    assert_eq!(access::hide_clear_keys(&*bench.store, &bench.audit()).await.unwrap(), 1);
    assert_eq!(check(&bench, "keys").await.verdict, Verdict::Good);
    assert_eq!(opens().await.project_id, "web");
    let stored = database.collection::<Document>("api_keys").find_one(doc! {}).await.unwrap().unwrap();
    assert!(!stored.to_string().contains(clear), "{stored}");
    assert_eq!(access::hide_clear_keys(&*bench.store, &bench.audit()).await.unwrap(), 0);
    let log = bench.audit().log(10).await.unwrap();
    assert_eq!((log.total, log.entries[0].did.as_str()), (1, "key.hidden"));
}

/// An earlier version kept each span as a document of its own.
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_an_earlier_version_are_found_again() {
    let bench = Bench::mongo().await;
    let spans: Vec<_> = (0..5).map(crate::spans::span).collect();
    let old = collection(&bench).await;
    let database = Client::with_uri_str(mongo_url()).await.unwrap().database(&old.namespace().db);
    let documents = spans[..3].iter().map(|span| {
        let json = serde_json::to_string(span).unwrap();
        doc! { "_id": &span.span_id, "project_id": "web", "trace_id": &span.trace_id, "rank": "1", "span": json }
    });
    database.collection("spans").insert_many(documents).await.unwrap();
    let store = open(&bench.location).await.unwrap();
    assert_eq!(store.spans("web", crate::spans::TRACE).await.unwrap(), spans[..3]);
    let outcomes = store.put_spans(crate::spans::new(&spans), crate::spans::now()).await.unwrap();
    let known = |outcome: &Result<Outcome, _>| *outcome.as_ref().unwrap() == Outcome::Duplicate;
    assert_eq!(outcomes.iter().map(known).collect::<Vec<_>>(), [true, true, true, false, false]);
    assert_eq!(bench.get("web", crate::spans::TRACE).await.steps.len(), 5);
    assert!(!database.list_collection_names().await.unwrap().contains(&"spans".to_owned()));
}
