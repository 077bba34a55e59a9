use leptos::{prelude::*, server_fn::codec::Json};
use tracellm_trace::{Page, Query, Report, Trace, TraceSummary};

use crate::ApiError;

/// A page of the list.
#[server(prefix = "/fn", endpoint = "traces/list", input = Json)]
pub async fn list_traces(query: Query) -> Result<Page<TraceSummary>, ApiError> {
    server::answer(server::store().list(&query).await)
}

/// One whole trace; without a project, from whichever has it.
#[server(prefix = "/fn", endpoint = "traces/get", input = Json)]
pub async fn get_trace(project_id: Option<String>, trace_id: String) -> Result<Trace, ApiError> {
    let found = server::store().get(project_id.as_deref(), &trace_id).await.map_err(ApiError::from);
    server::answer(found.and_then(|trace| trace.ok_or_else(|| ApiError::NotFound(format!("there is no trace `{trace_id}`")))))
}

/// Stores what was pasted: a document, an array or NDJSON.
#[server(prefix = "/fn", endpoint = "traces/ingest", input = Json)]
pub async fn ingest(text: String) -> Result<Report, ApiError> {
    use tracellm_trace::{Source, body::Layout};
    server::answer(tracellm_store::ingest::ingest(&*server::store(), &text, Layout::Detect, &Source::Json.into()).await)
}

#[cfg(feature = "ssr")]
mod server {
    use std::sync::Arc;

    use leptos::prelude::expect_context;
    use leptos_axum::ResponseOptions;
    use tracellm_store::TraceStore;

    use crate::ApiError;

    pub fn store() -> Arc<dyn TraceStore> {
        expect_context()
    }

    /// Tells the status of an error to HTTP too, to a page as to a call from the browser.
    pub fn answer<T, E: Into<ApiError>>(result: Result<T, E>) -> Result<T, ApiError> {
        result.map_err(|error| {
            let error = error.into();
            if let (Some(response), Ok(status)) =
                (leptos::prelude::use_context::<ResponseOptions>(), http::StatusCode::from_u16(error.status()))
            {
                response.set_status(status);
            }
            error
        })
    }
}
