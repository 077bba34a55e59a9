use tracellm_trace::{
    Filter, Selection,
    stats::{ByName, Overview},
};

use super::server;
use crate::{ApiError, wire::Json};

/// Numbers over all that match, and how they came about.
#[server(prefix = "/fn", endpoint = "overview", input = Json, output = Json)]
pub async fn get_overview(filter: Filter) -> Result<Overview, ApiError> {
    let now = server::now();
    server::answer(tracellm_store::overview::overview(&*server::store(), &filter.at(now), now).await)
}

/// Rows of a table by name.
#[cfg(feature = "ssr")]
const ROWS: usize = 8;

/// Numbers of each model and tool.
#[server(prefix = "/fn", endpoint = "overview/by-name", input = Json, output = Json)]
pub async fn get_by_name(filter: Filter) -> Result<ByName, ApiError> {
    server::answer(tracellm_store::overview::by_name(&*server::store(), &filter.at(server::now()), ROWS).await)
}

/// What selected traces have more often than the others that match.
#[server(prefix = "/fn", endpoint = "overview/selection", input = Json, output = Json)]
pub async fn get_selection(filter: Filter, selected: Filter) -> Result<Selection, ApiError> {
    let now = server::now();
    server::answer(tracellm_store::overview::selection(&*server::store(), &filter.at(now), &selected.at(now)).await)
}
