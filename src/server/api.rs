use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query as Parameters, Request, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use tracellm_app::ApiError;
use tracellm_store::{TraceStore, ingest::ingest as ingest_text};
use tracellm_trace::{Issue, Query, Report, Source, Trace};

use crate::server::{answer::Failure, body};

type Store = State<Arc<dyn TraceStore>>;
type Pairs = Result<Parameters<Vec<(String, String)>>, QueryRejection>;

/// `POST /api/traces`: a document, a batch or NDJSON; answered when stored.
pub async fn ingest(State(store): Store, request: Request) -> Result<Response, Failure> {
    let layout = body::layout(&request);
    let text = body::read_text(request.into_body()).await?;
    let report = ingest_text(&*store, &text, layout, Source::Json).await?;
    let status = match &report {
        Report::One(_) => StatusCode::CREATED,
        Report::Batch { rejected: 0, .. } => StatusCode::OK,
        Report::Batch { .. } => StatusCode::MULTI_STATUS,
    };
    Ok((status, Json(report)).into_response())
}

/// `GET /api/traces`: a page of whole documents.
pub async fn list_traces(State(store): Store, pairs: Pairs) -> Result<Response, Failure> {
    let pairs = read_pairs(pairs)?;
    let query = Query::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))).map_err(ApiError::BadQuery)?;
    let page = store.list_documents(&query).await?;
    let mut body = json!({"items": page.items, "total": page.total.count, "next_cursor": page.next});
    if page.total.is_capped {
        body["total_is_capped"] = true.into();
    }
    Ok(Json(body).into_response())
}

/// `GET /api/traces/{trace_id}`: the whole document.
pub async fn get_trace(State(store): Store, Path(trace_id): Path<String>, pairs: Pairs) -> Result<Json<Trace>, Failure> {
    let mut project_id = None;
    for (name, value) in read_pairs(pairs)? {
        match name.as_str() {
            "project_id" => project_id = Some(value).filter(|project| !project.is_empty()),
            _ => return Err(bad_query(name, "is no parameter here; there is project_id")),
        }
    }
    let trace = store.get(project_id.as_deref(), &trace_id).await?;
    trace.map(Json).ok_or_else(|| ApiError::NotFound(format!("there is no trace `{trace_id}`")).into())
}

fn read_pairs(pairs: Pairs) -> Result<Vec<(String, String)>, Failure> {
    pairs.map(|Parameters(pairs)| pairs).map_err(|rejection| bad_query("$".to_owned(), &rejection.body_text()))
}

fn bad_query(name: String, message: &str) -> Failure {
    ApiError::BadQuery(vec![Issue::error("query.invalid", name, message)]).into()
}
