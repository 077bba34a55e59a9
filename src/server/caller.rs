use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header, request};
use tracellm_app::ApiError;
use tracellm_store::{
    TraceStore,
    access::{PREFIX, opens},
    audit::Auditor,
    ingest::now,
};
use tracellm_trace::{ApiKey, Filter, Role, Scope, User};

use crate::server::{answer::Failure, guard::Who, intake::KeyShown, keys::Shown};

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

/// Who takes something out; that is noted in their name.
pub struct Exporter(pub Auditor);

/// Who may do everything; what they do is noted in their name.
pub struct Admin(pub Auditor);

impl Writer {
    /// For a route that words its refusals itself.
    pub fn of(parts: &request::Parts) -> Result<Self, Failure> {
        key(parts, Scope::Ingest).map(Self)
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
fn key(parts: &request::Parts, wanted: Scope) -> Result<Option<ApiKey>, Failure> {
    let nobody_looked = || Err(ApiError::Unauthorized("nobody knows who asks".to_owned()));
    let key = parts.extensions.get::<Shown>().map_or_else(nobody_looked, |Shown(key)| key.clone())?;
    KeyShown::note(parts, key.as_ref());
    if let Some(key) = &key {
        opens(key, wanted)?;
    }
    Ok(key)
}

/// The password of basic authentication, which is where Langfuse's SDK has its secret key. One of another product is none of ours.
fn password(pair: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Takes who asks out of the request.
macro_rules! extracted_with {
    ($caller:ty, $scope:expr, $make:expr) => {
        impl<S> FromRequestParts<S> for $caller
        where
            Arc<dyn TraceStore>: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Failure> {
                let make: fn(Option<ApiKey>, &request::Parts, Arc<dyn TraceStore>) -> Self = $make;
                key(parts, $scope).map(|key| make(key, parts, <Arc<dyn TraceStore>>::from_ref(state)))
            }
        }
    };
}

extracted_with!(Writer, Scope::Ingest, |key, _, _| Self(key));
extracted_with!(Reader, Scope::Read, |key, parts, _| Self(match (key, parts.extensions.get::<Who>()) {
    (Some(key), _) if key.scope == Scope::Admin => Reach::Everything,
    (Some(key), _) => Reach::Project(key.project_id),
    (None, Some(Who::User(user))) => Reach::User(user.clone()),
    (None, Some(Who::Anyone)) => Reach::Everything,
    (None, _) => Reach::Nothing,
}));
extracted_with!(Admin, Scope::Admin, |key, parts, store| Self(auditor(key.as_ref(), parts.extensions.get(), store)));
extracted_with!(Exporter, Scope::Read, |key, parts, store| Self(auditor(key.as_ref(), parts.extensions.get(), store)));

/// Notes what is done in the name of whoever asks.
pub fn auditor(key: Option<&ApiKey>, who: Option<&Who>, store: Arc<dyn TraceStore>) -> Auditor {
    let by = match (key, who) {
        (Some(key), _) => format!("key {}", key.key_id),
        (None, Some(Who::User(user))) => format!("user {}", user.name),
        (None, _) => "anyone".to_owned(),
    };
    Auditor::new(store, by)
}
