use serde_json::json;
use tracellm_store::open;
use tracellm_trace::{Outcome, Query, Trace};

use crate::bench::{Bench, document, raw};

/// Everything that JSON can say and a database may stumble over.
pub async fn a_document_comes_back_as_it_was(bench: &Bench) {
    let nested = (0..28).fold(json!({"end": null}), |inner, _| json!({"in": [inner]}));
    let awkward = json!({
        "trace_id": "tr/../ü \" ' $where", "project_id": "$ne", "prompt": "a\u{0}b\u{fffd}\r\n😀", "response": "", "latency": 0.1 + 0.2,
        "token_count": i64::MAX, "model_name": "m\u{feff}", "cost_usd": 5e-324, "session_id": "s", "user_id": "u", "tags": ["a", "b.c"],
        "created_at": "0001-01-01T00:00:00.001Z", "status": "warning", "failure_reason": "why",
        "input_tokens": 0, "output_tokens": 1, "cached_tokens": 2, "reasoning_tokens": 3,
        "metadata": {"": 1, "$set": {"a.b": [1, 1.0, -0.0, 1e308, i64::MIN]}, "_id": "x", "nul": null, "empty": [{}, []]},
        "steps": [
            {"tool_name": "t", "kind": "llm", "input": {"$gt": ""}, "output": {"_id": {"$oid": "507f1f77bcf86cd799439011"}},
             "duration": 1e-9, "success": false, "timestamp": "9999-12-31T23:59:59.999Z", "error": "no", "parent_id": "p",
             "metadata": {"$date": "2026-01-01", "$numberLong": "5"}, "model_name": "m", "input_tokens": 7},
            {"input": {"deep": nested}},
            // Objects that some readers take for values of other types.
            {"input": {"a": {"$date": {"$numberLong": "1"}}, "b": {"$numberInt": "5"}, "c": {"$uuid": "6f1c1b0e-5d0a-5b6e-9a3e-7c1d5e0f4a21"}},
             "output": {"a": {"$undefined": true}, "b": {"$numberDouble": "NaN"}, "c": {"$binary": {"base64": "", "subType": "00"}}}},
            {"output": {"$timestamp": {"t": 1, "i": 2}}, "metadata": {"a": {"$regularExpression": {"pattern": "a", "options": ""}}}},
        ],
    });
    let expected = document(&awkward).trace;
    assert_eq!(bench.put(&[awkward]).await, [Outcome::Created]);
    let found = bench.get("$ne", "tr/../ü \" ' $where").await;
    assert_eq!(found, expected);
    // Equality of floats would let a zero lose its sign.
    assert_eq!(serde_json::to_string(&found).unwrap(), serde_json::to_string(&expected).unwrap());
    assert_eq!(bench.store.list_documents(&Query::default()).await.unwrap().items, [expected]);
    assert_eq!(bench.store.get(None, "tr").await.unwrap(), None);
    assert_eq!(bench.store.get(Some("default"), "tr/../ü \" ' $where").await.unwrap(), None);
}

pub async fn the_same_again_is_a_duplicate(bench: &Bench) {
    let given = json!({"trace_id": "given", "created_at": 5, "prompt": "p", "steps": [{"duration": 2}, {}]});
    let counted = json!({"trace_id": "counted", "prompt": "p", "steps": [{"duration": 2}, {}]});
    assert_eq!(bench.put(&[given.clone(), counted.clone()]).await, [Outcome::Created; 2]);
    let stored = bench.get("default", "counted").await;
    let mut later = document(&counted);
    later.trace.created_at = later.trace.created_at.plus(5_000.0);
    later.trace.updated_at = later.trace.updated_at.plus(5_000.0);
    for step in &mut later.trace.steps {
        step.timestamp = step.timestamp.plus(5_000.0);
    }
    let outcomes = bench.store.put(vec![document(&given), later]).await.unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Duplicate), Ok(Outcome::Duplicate)]);
    assert_eq!(bench.get("default", "counted").await, stored, "a duplicate writes nothing");
}

pub async fn other_content_replaces_the_document(bench: &Bench) {
    let first = json!({"trace_id": "t", "created_at": 5, "prompt": "one", "session_id": "s", "steps": [{}, {}], "metadata": {"a": 1}});
    let second = json!({"trace_id": "t", "prompt": "two", "response": "r"});
    assert_eq!(bench.put(&[first]).await, [Outcome::Created]);
    assert_eq!(bench.put(std::slice::from_ref(&second)).await, [Outcome::Updated]);
    let found = bench.get("default", "t").await;
    let expected = Trace { created_at: found.created_at, ..document(&second).trace };
    assert_eq!(found, expected, "replaced whole");
    assert_eq!(found.created_at.millis(), 5_000, "a start that was not given leaves the stored one");
    assert_eq!(bench.put(&[second]).await, [Outcome::Duplicate]);
}

pub async fn a_key_may_stand_in_a_batch_more_than_once(bench: &Bench) {
    let say = |prompt: &str| json!({"trace_id": "t", "created_at": 5, "prompt": prompt});
    let outcomes = bench.put(&[say("one"), raw("other", 1), say("one"), say("two"), say("one")]).await;
    assert_eq!(outcomes, [Outcome::Created, Outcome::Created, Outcome::Duplicate, Outcome::Updated, Outcome::Updated]);
    assert_eq!(bench.get("default", "t").await.prompt, "one", "the last one stands");
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().total.count, 2);
    assert_eq!(bench.store.put(Vec::new()).await.unwrap(), []);
}

pub async fn projects_are_apart(bench: &Bench) {
    let of =
        |project: &str, prompt: &str, start: i64| json!({"trace_id": "t", "project_id": project, "prompt": prompt, "created_at": start});
    assert_eq!(bench.put(&[of("a", "in a", 7)]).await, [Outcome::Created]);
    assert_eq!(bench.store.get(Some("b"), "t").await.unwrap(), None, "though no other has the id");
    assert_eq!(
        bench.put(&[of("a", "in a", 7), of("b", "in b", 9), of("c", "in c", 8)]).await,
        [Outcome::Duplicate, Outcome::Created, Outcome::Created]
    );
    assert_eq!(bench.put(&[of("a", "changed", 7)]).await, [Outcome::Updated]);
    assert_eq!(bench.get("b", "t").await.prompt, "in b");
    assert_eq!(bench.get("a", "t").await.prompt, "changed");
    assert_eq!(bench.store.get(Some("d"), "t").await.unwrap(), None);
    let newest = bench.store.get(None, "t").await.unwrap().unwrap();
    assert_eq!(newest.project_id, "b", "without a project, the newest start");
}

/// Eight senders, the same keys, partly the same content: each is answered, one creates, and what stands was said by one of them.
pub async fn writers_at_once_lose_nothing(bench: &Bench) {
    let senders = (0..8).map(|sender| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for round in 0..5 {
                let same = json!({"trace_id": format!("same {round}"), "created_at": 5});
                let other = json!({"trace_id": format!("other {round}"), "created_at": 5, "prompt": format!("of {sender}")});
                let own = json!({"trace_id": format!("own {sender} {round}"), "created_at": 5});
                let batch = vec![document(&same), document(&other), document(&own)];
                outcomes.extend(store.put(batch).await.unwrap().into_iter().map(|outcome| outcome.unwrap()));
            }
            outcomes
        })
    });
    let mut created = [0; 3];
    for sender in senders.collect::<Vec<_>>() {
        for (index, outcome) in sender.await.unwrap().into_iter().enumerate() {
            created[index % 3] += usize::from(outcome == Outcome::Created);
            assert!(index % 3 != 0 || outcome != Outcome::Updated, "the same content never updates");
        }
    }
    assert_eq!(created, [5, 5, 40], "each key is created once");
    assert_eq!(bench.store.list(&Query::default()).await.unwrap().total.count, 50);
    for round in 0..5 {
        let prompt = bench.get("default", &format!("other {round}")).await.prompt;
        assert!(prompt.starts_with("of "), "{prompt}");
    }
}

pub async fn what_was_stored_is_there_when_opened_again(bench: &Bench) {
    bench.put(&[raw("t", 1)]).await;
    let stored = bench.get("default", "t").await;
    bench.store.close().await;
    let again = open(&bench.location).await.unwrap();
    assert_eq!(again.get(None, "t").await.unwrap(), Some(stored));
    let beside = open(&bench.location).await.unwrap();
    assert_eq!(beside.put(vec![document(&raw("u", 2))]).await.unwrap(), [Ok(Outcome::Created)]);
    assert!(again.get(None, "u").await.unwrap().is_some(), "one sees what the other stored");
}

pub async fn the_database_says_what_it_is(bench: &Bench) {
    for _ in 0..2 {
        let health = bench.store.health().await.unwrap();
        assert!(["sqlite", "mongodb"].contains(&health.database.as_str()));
        assert!(health.server_version.starts_with(|c: char| c.is_ascii_digit()), "{}", health.server_version);
    }
    bench.store.close().await;
}
