use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{header, request};
use tracellm_app::ApiError;
use tracellm_store::{
    TraceStore,
    access::{PREFIX, authenticate},
    ingest::now,
};
use tracellm_trace::{ApiKey, Filter, Scope};

use crate::server::{answer::Failure, intake::KeyShown};

/// Who stores: the key that was shown, if one was.
pub struct Writer(pub Option<ApiKey>);

/// Who reads: everything, or with a key what is in its project.
pub struct Reader(Option<ApiKey>);

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

    /// The project to read from, where the caller wants this one or any.
    ///
    /// # Errors
    /// It is another project than the key's.
    pub fn project(&self, wanted: Option<String>) -> Result<Option<String>, ApiError> {
        let Some(key) = self.0.as_ref().filter(|key| key.scope != Scope::Admin) else { return Ok(wanted) };
        if wanted.is_some_and(|wanted| wanted != key.project_id) {
            return Err(ApiError::Forbidden(format!("the key reads the project `{}` only", key.project_id)));
        }
        Ok(Some(key.project_id.clone()))
    }
}

/// The key of a request, which must open `wanted`. Without a key every route is open, until there are users.
async fn key(parts: &request::Parts, store: &dyn TraceStore, wanted: Scope) -> Result<Option<ApiKey>, Failure> {
    let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    let given =
        text(header::AUTHORIZATION).and_then(|value| value.split_once(' ')).map(|(kind, rest)| (kind.to_ascii_lowercase(), rest.trim()));
    let secret = match &given {
        Some((kind, secret)) if kind == "bearer" => Some((*secret).to_owned()),
        Some((kind, pair)) if kind == "basic" => password(pair).filter(|password| password.starts_with(PREFIX)),
        _ => None,
    };
    let key = match secret.or_else(|| text(header::HeaderName::from_static("x-api-key")).map(str::to_owned)) {
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
                let make: fn(Option<ApiKey>) -> Self = $make;
                key(parts, &*<Arc<dyn TraceStore>>::from_ref(state), $scope).await.map(make)
            }
        }
    };
}

extracted_with!(Writer, Scope::Ingest, Self);
extracted_with!(Reader, Scope::Read, Self);
extracted_with!(Admin, Scope::Admin, |_| Self);
