use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::{Html, IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use tokio::task::spawn_blocking;
use tracellm_app::{ApiError, standalone};
use tracellm_store::ingest::{Origin, ingest as ingest_text};
use tracellm_trace::{Coverage, Cursor, Filter, Limits, Page, Query, Report, Source, Stored, Trace};
use utoipa::ToSchema;

use super::{Pairs, Store};
use crate::server::{
    answer::{ErrorBody, Failure},
    body,
    caller::{Exporter, Reader, Writer},
    exports::{self, Exports},
    intake::Told,
    keys::Keys,
    site,
};

/// A page of whole documents.
#[derive(Serialize, ToSchema)]
pub struct TraceList {
    items: Vec<Trace>,
    /// Traces that match, counted no further than 10,000.
    total: u64,
    /// Present, and true, where more match than were counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    total_is_capped: bool,
    /// Leads to the next page; null on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
    /// Present where a search did not look at everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Coverage>,
}

/// Stores a trace (an object), a batch (an array) or NDJSON; answered when stored.
///
/// Bodies may be compressed with gzip or zstd, and have at most 20 MiB before and after that. A bad item of a batch never harms its
/// neighbours. See the contract for the fields; `tracellm normalize` tells what becomes of a document.
#[utoipa::path(post, path = "/api/traces", tag = "traces",
    request_body(content((Object = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 201, description = "One trace is stored", body = Stored),
        (status = 200, description = "Every trace of the batch is stored", body = Report),
        (status = 207, description = "Some were refused", body = Report),
        (status = 400, description = "Not JSON", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 422, description = "All were refused, with every error", body = ErrorBody),
        (status = 503, description = "Too much is on its way, or the database does not answer; send it again after `Retry-After`", body = ErrorBody),
    ))]
pub async fn ingest(
    State(store): Store,
    State(keys): State<Keys>,
    State(limits): State<Limits>,
    Writer(key): Writer,
    request: Request,
) -> Result<Response, Failure> {
    let layout = body::layout(&request);
    let text = body::read_text(request, &limits).await?;
    let size = text.len();
    let without_content = keys.is_over(key.as_ref(), size);
    let origin = Origin { source: Source::Json, key, without_content, limits };
    let report = ingest_text(&*store, text, layout, &origin).await?;
    keys.has_brought(origin.key.as_ref(), size);
    let told = Told::from(&report);
    let status = match &report {
        Report::One(_) => StatusCode::CREATED,
        Report::Batch { rejected: 0, .. } => StatusCode::OK,
        Report::Batch { .. } => StatusCode::MULTI_STATUS,
    };
    Ok((status, Extension(told), Json(report)).into_response())
}

/// The traces that match, a page at a time.
#[utoipa::path(get, path = "/api/traces", tag = "traces", responses((status = 200, body = TraceList), (status = 400, body = ErrorBody)),
    params(
        Filter,
        ("sort" = Option<String>, Query, description = "created_at, latency, token_count or cost_usd; `-` before it turns it around; -created_at where not given"),
        ("limit" = Option<u32>, Query, description = "Traces of a page, 1 to 200; 50 where not given"),
        ("cursor" = Option<String>, Query, description = "The place of the page, as `next_cursor` of another told it"),
    ))]
pub async fn list(State(store): Store, State(exports): State<Exports>, reader: Reader, pairs: Pairs) -> Result<Response, Failure> {
    let mut query = Query::from_pairs(pairs.iter()).map_err(ApiError::BadQuery)?;
    query.filter = reader.narrow(query.filter)?;
    let turn = exports.turn().await?;
    let Page { items, total, next, coverage, .. } = store.list_documents(&query).await?;
    let list = TraceList { items, total: total.count, total_is_capped: total.is_capped, next_cursor: next, coverage };
    Ok(exports::until_sent(Json(list).into_response(), turn))
}

/// One whole document: in the project that is named, else in whichever has it, the newest of several.
#[utoipa::path(get, path = "/api/traces/{trace_id}", tag = "traces",
    params(("trace_id" = String, Path), ("project_id" = Option<String>, Query)),
    responses((status = 200, body = Trace), (status = 404, body = ErrorBody)))]
pub async fn get(State(store): Store, reader: Reader, Path(trace_id): Path<String>, pairs: Pairs) -> Result<Json<Trace>, Failure> {
    let project_id = reader.project(pairs.project_id()?)?;
    let trace = store.get(project_id.as_deref(), &trace_id).await?;
    trace.map(Json).ok_or_else(|| ApiError::no_trace(&trace_id).into())
}

/// One trace as an HTML file that opens anywhere and needs nothing else.
#[utoipa::path(get, path = "/api/traces/{trace_id}/html", tag = "traces",
    params(("trace_id" = String, Path), ("project_id" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String), (status = 404, body = ErrorBody)))]
pub async fn get_html(
    State(store): Store,
    State(exports): State<Exports>,
    reader: Reader,
    Exporter(audit): Exporter,
    Path(trace_id): Path<String>,
    pairs: Pairs,
) -> Result<Response, Failure> {
    let project_id = reader.project(pairs.project_id()?)?;
    let turn = exports.turn().await?;
    let trace = store.get(project_id.as_deref(), &trace_id).await?;
    let trace = trace.ok_or_else(|| ApiError::no_trace(&trace_id))?;
    audit.note("traces.exported", format!("{}/{}, as HTML", trace.project_id, trace.trace_id)).await?;
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = format!("attachment; filename=\"trace-{}.html\"", trace.trace_id.chars().filter(is_plain).take(64).collect::<String>());
    let html = spawn_blocking(move || standalone(trace, site::css())).await.map_err(|_| ApiError::Failed)?;
    Ok(exports::until_sent(([(header::CONTENT_DISPOSITION, name)], Html(html)).into_response(), turn))
}
