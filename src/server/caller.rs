use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header, request};
use tracellm_app::ApiError;
use tracellm_store::{
    TraceStore,
    access::{PREFIX, authenticate},
    ingest::now,
};
use tracellm_trace::{ApiKey, Filter, Role, Scope, User};

use crate::server::{answer::Failure, guard::Who, intake::KeyShown};

/// Who stores: the key that was shown, if one was.
pub struct Writer(pub Option<ApiKey>);

/// Who reads: everything, or with a key what is in its project, or what a user may.
pub struct Reader(Reach);

enum Reach {
    Everything,
    Project(String),
    User(Arc<User>),
    /// Nobody says who asks.
    Nothing,
}

/// Who may do everything.
pub struct Admin;

impl Writer {
    /// For a route that words its refusals itself.
    pub async fn of(parts: &request::Parts, store: &dyn TraceStore) -> Result<Self, Failure> {
        key(parts, store, Scope::Ingest).await.map(Self)
    }
}

impl Reader {
    /// The filter narrowed to what the caller may read.
    ///
    /// # Errors
    /// It asks for another project than the key's.
    pub fn narrow(&self, mut filter: Filter) -> Result<Filter, ApiError> {
        filter.project_id = self.project(filter.project_id)?;
        Ok(filter.at(now()))
    }

    /// Whether no project is closed to them.
    pub fn reads_everything(&self) -> bool {
        match &self.0 {
            Reach::Everything => true,
            Reach::User(user) => user.may_everywhere(Role::Viewer),
            Reach::Project(_) | Reach::Nothing => false,
        }
    }

    /// The project to read from, where the caller wants this one or any.
    ///
    /// # Errors
    /// It is another project than the key's.
    pub fn project(&self, wanted: Option<String>) -> Result<Option<String>, ApiError> {
        match &self.0 {
            Reach::Everything => Ok(wanted),
            Reach::Nothing => Err(ApiError::Unauthorized("nobody knows who asks".to_owned())),
            Reach::User(user) => user.read_from(wanted).map_err(ApiError::Forbidden),
            Reach::Project(project_id) if wanted.is_some_and(|wanted| wanted != *project_id) => {
                Err(ApiError::Forbidden(format!("the key reads the project `{project_id}` only")))
            }
            Reach::Project(project_id) => Ok(Some(project_id.clone())),
        }
    }
}

/// The secret of the key that a request shows.
pub fn secret(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    let given =
        text(header::AUTHORIZATION).and_then(|value| value.split_once(' ')).map(|(kind, rest)| (kind.to_ascii_lowercase(), rest.trim()));
    let of_authorization = match &given {
        Some((kind, secret)) if kind == "bearer" => Some((*secret).to_owned()),
        Some((kind, pair)) if kind == "basic" => password(pair).filter(|password| password.starts_with(PREFIX)),
        _ => None,
    };
    of_authorization.or_else(|| text(header::HeaderName::from_static("x-api-key")).map(str::to_owned))
}

/// The key of a request, which must open `wanted`. Who shows none was let in by the guard.
async fn key(parts: &request::Parts, store: &dyn TraceStore, wanted: Scope) -> Result<Option<ApiKey>, Failure> {
    let key = match secret(&parts.headers) {
        Some(secret) => Some(authenticate(store, &secret, wanted, now()).await?),
        None => None,
    };
    KeyShown::note(parts, key.as_ref());
    Ok(key)
}

/// The password of basic authentication, which is where Langfuse's SDK has its secret key. One of another product is none of ours.
fn password(pair: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

macro_rules! extracted_with {
    ($caller:ty, $scope:expr, $make:expr) => {
        impl<S> FromRequestParts<S> for $caller
        where
            Arc<dyn TraceStore>: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Failure> {
                let make: fn(Option<ApiKey>, &request::Parts) -> Self = $make;
                key(parts, &*<Arc<dyn TraceStore>>::from_ref(state), $scope).await.map(|key| make(key, parts))
            }
        }
    };
}

extracted_with!(Writer, Scope::Ingest, |key, _| Self(key));
extracted_with!(Reader, Scope::Read, |key, parts| Self(match (key, parts.extensions.get::<Who>()) {
    (Some(key), _) if key.scope == Scope::Admin => Reach::Everything,
    (Some(key), _) => Reach::Project(key.project_id),
    (None, Some(Who::User(user))) => Reach::User(user.clone()),
    (None, Some(Who::Anyone)) => Reach::Everything,
    (None, _) => Reach::Nothing,
}));
extracted_with!(Admin, Scope::Admin, |_, _| Self);
