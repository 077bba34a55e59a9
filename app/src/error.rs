use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use tracellm_trace::{Issue, ItemReport};

use crate::wire::JsonText;

/// What can go wrong with a request, as told to browsers and to API clients alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    NotFound(String),
    /// The body can't be parsed.
    #[error("the body can't be read: {}", .0.message)]
    Unreadable(Issue),
    /// Parameters of the URL are wrong; each issue's path is the parameter.
    #[error("the query is not understood: {}", list(.0))]
    BadQuery(Vec<Issue>),
    #[error("the batch is empty; at least one trace is needed")]
    EmptyBatch,
    /// What was asked for can't be done so; each issue's path is a field.
    #[error("this can't be done: {}", list(.0))]
    Invalid(Vec<Issue>),
    /// There is one already.
    #[error("{0}")]
    Conflict(String),
    /// The key is unknown, expired or revoked.
    #[error("{0}")]
    Unauthorized(String),
    /// The key is good, but not for this.
    #[error("{0}")]
    Forbidden(String),
    /// A page of another site asks, or the server is called by a name that is not its own.
    #[error("{0}")]
    Stranger(String),
    /// Every document of the request was refused.
    #[error("{}", if .0.len() == 1 { "the trace was refused" } else { "every trace was refused" })]
    Refused(Vec<ItemReport>),
    /// More bytes than these.
    #[error("the body is larger than {}, the most that is read", bytes(*.0))]
    TooLarge(u64),
    /// Not whole within so many seconds.
    #[error("the body was not there within {0} s")]
    TooSlow(u64),
    /// Too often; after a while it may be asked again.
    #[error("{0}")]
    Limited(String),
    /// The database does not answer; later it may.
    #[error("{0}")]
    Unavailable(String),
    /// Later, and perhaps more slowly, it may be taken.
    #[error("more traces are on their way than can be written; send it again a little later")]
    Overloaded,
    /// Ours to mend; the details are in the log.
    #[error("the server failed; its log says why")]
    Failed,
    /// The browser could not reach the server.
    #[error("no answer from the server: {0}")]
    Transport(ServerFnErrorErr),
}

fn bytes(count: u64) -> String {
    if count.is_multiple_of(1 << 20) { format!("{} MiB", count >> 20) } else { format!("{count} bytes") }
}

impl ApiError {
    /// The HTTP status that says this.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::Unreadable(_) | Self::BadQuery(_) => 400,
            Self::Unauthorized(_) => 401,
            Self::Forbidden(_) | Self::Stranger(_) => 403,
            Self::Conflict(_) => 409,
            Self::Refused(_) | Self::EmptyBatch | Self::Invalid(_) => 422,
            Self::TooLarge(_) => 413,
            Self::TooSlow(_) => 408,
            Self::Limited(_) => 429,
            Self::Unavailable(_) | Self::Overloaded => 503,
            Self::Failed | Self::Transport(_) => 500,
        }
    }

    /// Tells it to HTTP, be it of a page or of the answer to a call from the browser.
    pub fn say_status(&self) {
        #[cfg(feature = "ssr")]
        if let (Some(response), Ok(status)) =
            (leptos::prelude::use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(self.status()))
        {
            response.set_status(status);
        }
    }

    /// There is no trace of this id.
    pub fn no_trace(trace_id: &str) -> Self {
        Self::NotFound(format!("there is no trace `{trace_id}`"))
    }

    /// Stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Unreadable(_) => "json.syntax",
            Self::BadQuery(_) => "query.invalid",
            Self::EmptyBatch => "batch.empty",
            Self::Invalid(_) => "request.invalid",
            Self::Conflict(_) => "conflict",
            Self::Unauthorized(_) => "key.unknown",
            Self::Forbidden(_) => "key.scope",
            Self::Stranger(_) => "origin.refused",
            Self::Refused(_) => "trace.refused",
            Self::TooLarge(_) => "body.too_large",
            Self::TooSlow(_) => "body.too_slow",
            Self::Limited(_) => "rate.limited",
            Self::Unavailable(_) => "database.unavailable",
            Self::Overloaded => "server.overloaded",
            Self::Failed => "internal",
            Self::Transport(_) => "transport",
        }
    }

    /// Everything that was found wrong, each with its path.
    pub fn issues(&self) -> Vec<Issue> {
        match self {
            Self::Unreadable(issue) => vec![issue.clone()],
            Self::BadQuery(issues) | Self::Invalid(issues) => issues.clone(),
            Self::EmptyBatch => vec![Issue::error("batch.empty", "$", "holds no trace; at least one is needed")],
            Self::Refused(reports) => reports.iter().flat_map(|report| report.errors()).cloned().collect(),
            _ => Vec::new(),
        }
    }
}

fn list(issues: &[Issue]) -> String {
    issues.iter().map(|issue| format!("`{}` {}", issue.path, issue.message)).collect::<Vec<_>>().join("; ")
}

impl FromServerFnError for ApiError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        #[cfg(feature = "ssr")]
        return ssr::of_call(error);
        #[cfg(not(feature = "ssr"))]
        Self::Transport(error)
    }
}

#[cfg(feature = "ssr")]
mod ssr {
    use leptos::server_fn::error::ServerFnErrorErr;
    use tracellm_store::{StoreError, access::AccessError, ingest::IngestError};
    use tracellm_trace::Issue;

    use super::ApiError;

    /// What went wrong with a call before it was made, or after.
    pub fn of_call(error: ServerFnErrorErr) -> ApiError {
        let error = match error {
            ServerFnErrorErr::Args(why) | ServerFnErrorErr::Deserialization(why) | ServerFnErrorErr::MissingArg(why) => {
                ApiError::Unreadable(Issue::error("body.unreadable", "$", why))
            }
            error => {
                tracing::error!("{error}");
                ApiError::Failed
            }
        };
        error.say_status();
        error
    }

    impl From<StoreError> for ApiError {
        fn from(error: StoreError) -> Self {
            match error {
                StoreError::Overloaded => Self::Overloaded,
                StoreError::Unavailable(_) => {
                    tracing::warn!("{error}");
                    Self::Unavailable(error.to_string())
                }
                StoreError::Forbidden(why) => Self::Forbidden(why),
                StoreError::Failed(_) => {
                    tracing::error!("{error}");
                    Self::Failed
                }
            }
        }
    }

    impl From<IngestError> for ApiError {
        fn from(error: IngestError) -> Self {
            match error {
                IngestError::Unreadable(issue) => Self::Unreadable(issue),
                IngestError::Empty => Self::EmptyBatch,
                IngestError::TooMany(issue) => Self::Invalid(vec![issue]),
                IngestError::Refused(reports) => Self::Refused(reports),
                IngestError::Store(error) => error.into(),
            }
        }
    }

    impl From<AccessError> for ApiError {
        fn from(error: AccessError) -> Self {
            match error {
                AccessError::Invalid(issues) => Self::Invalid(issues),
                AccessError::Taken(_) => Self::Conflict(error.to_string()),
                AccessError::NoKey(_) => Self::NotFound(error.to_string()),
                AccessError::Unknown(_) => Self::Unauthorized(error.to_string()),
                AccessError::Scope(..) => Self::Forbidden(error.to_string()),
                AccessError::Store(error) => error.into(),
            }
        }
    }
}
