use serde_json::json;
use tracellm_store::access::{AccessError, authenticate, create_key, create_project, keys, projects, revoke_key};
use tracellm_trace::{NewKey, NewProject, Scope, Timestamp};

use crate::bench::{Bench, NOW};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW + millis).unwrap()
}

fn named(name: &str) -> NewProject {
    NewProject { name: name.to_owned(), description: "for tests".to_owned(), environment: "staging".to_owned() }
}

pub async fn a_project_is_made_once_with_its_first_key(bench: &Bench) {
    let store = &*bench.store;
    let (project, created) = create_project(store, &bench.audit(), named("  My App (v2)! "), at(0)).await.unwrap();
    assert_eq!((project.project_id.as_str(), project.name.as_str()), ("my-app-v2", "My App (v2)!"));
    assert_eq!(
        (created.key.project_id.as_str(), created.key.environment.as_str(), created.key.scope),
        ("my-app-v2", "staging", Scope::Ingest)
    );
    for taken in ["My App (v2)!", "my app V2"] {
        assert!(matches!(create_project(store, &bench.audit(), named(taken), at(1)).await, Err(AccessError::Taken(_))), "{taken}");
    }
    assert!(matches!(create_project(store, &bench.audit(), named(" "), at(1)).await, Err(AccessError::Invalid(_))));
    let (odd, _) = create_project(store, &bench.audit(), named("!!!"), at(2)).await.unwrap();
    assert!(odd.project_id.starts_with("project-"));
    bench.put(&[json!({"trace_id": "t", "project_id": "seen"}), json!({"trace_id": "u", "project_id": "my-app-v2"})]).await;
    let all = projects(store).await.unwrap();
    let told: Vec<_> = all.iter().map(|project| (project.project_id.as_str(), project.created_at)).collect();
    assert_eq!(told, [("my-app-v2", Some(at(0))), (odd.project_id.as_str(), Some(at(2))), ("seen", None)]);
    assert_eq!(keys(store, Some("my-app-v2")).await.unwrap(), [created.key]);
    assert_eq!(keys(store, None).await.unwrap().len(), 2);
}

pub async fn a_key_opens_its_scope_until_its_end(bench: &Bench) {
    let store = &*bench.store;
    let new = NewKey { project_id: "p".to_owned(), scope: Scope::Ingest, expires_at: Some(at(120_000)), ..NewKey::default() };
    assert!(matches!(
        create_key(store, &bench.audit(), NewKey { expires_at: Some(at(-1)), ..new.clone() }, at(0)).await,
        Err(AccessError::Invalid(_))
    ));
    let created = create_key(store, &bench.audit(), new, at(0)).await.unwrap();
    let secret = created.secret.as_str();
    let found = authenticate(store, secret, Scope::Ingest, at(5)).await.unwrap();
    assert_eq!((found.key_id.as_str(), found.environment.as_str()), (created.key.key_id.as_str(), "development"));
    assert_eq!(keys(store, None).await.unwrap()[0].last_used_at, Some(at(5)));
    authenticate(store, secret, Scope::Ingest, at(90_000)).await.unwrap();
    assert_eq!(keys(store, None).await.unwrap()[0].last_used_at, Some(at(90_000)));
    assert!(matches!(authenticate(store, secret, Scope::Read, at(6)).await, Err(AccessError::Scope(Scope::Ingest, Scope::Read))));
    for wrong in ["", "tlm_sk_", &secret[..secret.len() - 1], &secret.to_lowercase(), &format!("{secret}x")] {
        assert!(matches!(authenticate(store, wrong, Scope::Ingest, at(6)).await, Err(AccessError::Unknown(_))), "{wrong}");
    }
    assert!(matches!(authenticate(store, secret, Scope::Ingest, at(120_000)).await, Err(AccessError::Unknown(_))), "expired");

    let admin = create_key(store, &bench.audit(), NewKey { project_id: "p".to_owned(), scope: Scope::Admin, ..NewKey::default() }, at(1))
        .await
        .unwrap();
    authenticate(store, &admin.secret, Scope::Read, at(7)).await.unwrap();
    revoke_key(store, &bench.audit(), &admin.key.key_id, at(8)).await.unwrap();
    revoke_key(store, &bench.audit(), &admin.key.key_id, at(9)).await.unwrap();
    assert!(matches!(authenticate(store, &admin.secret, Scope::Admin, at(10)).await, Err(AccessError::Unknown(_))), "revoked");
    let revoked = keys(store, None).await.unwrap().into_iter().find(|key| key.key_id == admin.key.key_id).unwrap();
    assert_eq!(revoked.revoked_at, Some(at(8)), "the first time counts");
    assert!(matches!(revoke_key(store, &bench.audit(), "nobody", at(9)).await, Err(AccessError::NoKey(_))));
}

pub async fn a_secret_is_stored_nowhere(bench: &Bench) {
    let created =
        create_key(&*bench.store, &bench.audit(), NewKey { project_id: "p".to_owned(), ..NewKey::default() }, at(0)).await.unwrap();
    assert_eq!(created.secret.len(), "tlm_sk_".len() + 12 + 32);
    assert!(created.secret["tlm_sk_".len()..].starts_with(&created.key.key_id));
    let found = bench.store.find_key(std::slice::from_ref(&created.secret)).await.unwrap();
    assert_eq!(found, None, "the secret itself is no stored form");
    let told = serde_json::to_string(&keys(&*bench.store, None).await.unwrap()).unwrap();
    assert!(!told.contains(&created.secret[20..]), "{told}");
}
