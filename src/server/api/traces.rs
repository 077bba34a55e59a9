use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use tracellm_app::ApiError;
use tracellm_store::ingest::{Origin, ingest as ingest_text};
use tracellm_trace::{Query, Report, Source, Trace};

use super::{Pairs, Store, bad_query};
use crate::server::{
    answer::Failure,
    body,
    caller::{Reader, Writer},
};

/// `POST /api/traces`: a document, a batch or NDJSON; answered when stored.
pub async fn ingest(State(store): Store, Writer(key): Writer, request: Request) -> Result<Response, Failure> {
    let layout = body::layout(&request);
    let text = body::read_text(request.into_body()).await?;
    let report = ingest_text(&*store, &text, layout, &Origin { source: Source::Json, key }).await?;
    let status = match &report {
        Report::One(_) => StatusCode::CREATED,
        Report::Batch { rejected: 0, .. } => StatusCode::OK,
        Report::Batch { .. } => StatusCode::MULTI_STATUS,
    };
    Ok((status, Json(report)).into_response())
}

/// `GET /api/traces`: a page of whole documents.
pub async fn list(State(store): Store, reader: Reader, pairs: Pairs) -> Result<Response, Failure> {
    let mut query = Query::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    query.filter = reader.narrow(query.filter)?;
    let page = store.list_documents(&query).await?;
    let mut body = json!({"items": page.items, "total": page.total.count, "next_cursor": page.next});
    if page.total.is_capped {
        body["total_is_capped"] = true.into();
    }
    Ok(Json(body).into_response())
}

/// `GET /api/traces/{trace_id}`: the whole document.
pub async fn get(State(store): Store, reader: Reader, Path(trace_id): Path<String>, pairs: Pairs) -> Result<Json<Trace>, Failure> {
    let mut project_id = None;
    for (name, value) in pairs.0 {
        match name.as_str() {
            "project_id" => project_id = Some(value).filter(|project| !project.is_empty()),
            _ => return Err(bad_query(&name, "is no parameter here; there is project_id")),
        }
    }
    let project_id = reader.project(project_id)?;
    let trace = store.get(project_id.as_deref(), &trace_id).await?;
    trace.map(Json).ok_or_else(|| ApiError::NotFound(format!("there is no trace `{trace_id}`")).into())
}
