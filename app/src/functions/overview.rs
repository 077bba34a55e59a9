use serde::{Deserialize, Serialize};
use tracellm_trace::{
    Filter, Selection,
    stats::{Analytics, Heat, Summary},
};

use super::server;
use crate::{ApiError, wire::Json};

/// What the overview shows at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub numbers: Analytics,
    pub heat: Heat,
    /// The same numbers of the time before, where there is one.
    pub before: Option<Summary>,
}

/// Numbers over all that match, and how they came about.
#[server(prefix = "/fn", endpoint = "overview", input = Json, output = Json)]
pub async fn get_overview(filter: Filter) -> Result<Overview, ApiError> {
    let now = server::now();
    let (numbers, heat, before) = server::answer(tracellm_store::overview::overview(&*server::store(), &filter.at(now), now).await)?;
    Ok(Overview { numbers, heat, before })
}

/// Numbers by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByName {
    /// The models of most traces.
    pub models: Vec<(String, Summary)>,
    /// How many models there are besides.
    pub more_models: u64,
    /// The tools of most traces: how many used each, and how many of those failed; none where that is not known.
    pub tools: Vec<(String, u64, Option<u64>)>,
    /// Not all tools are counted yet.
    pub is_partial: bool,
}

/// Rows of such a table.
#[cfg(feature = "ssr")]
const ROWS: usize = 8;

/// Numbers of each model and tool.
#[server(prefix = "/fn", endpoint = "overview/by-name", input = Json, output = Json)]
pub async fn get_by_name(filter: Filter) -> Result<ByName, ApiError> {
    let (store, filter) = (server::store(), filter.at(server::now()));
    let (models, more_models) = server::answer(tracellm_store::overview::by_model(&*store, &filter, ROWS).await)?;
    let (tools, is_partial) = server::answer(tracellm_store::overview::by_tool(&*store, &filter, ROWS).await)?;
    Ok(ByName { models, more_models, tools, is_partial })
}

/// What selected traces have more often than the others that match.
#[server(prefix = "/fn", endpoint = "overview/selection", input = Json, output = Json)]
pub async fn get_selection(filter: Filter, selected: Filter) -> Result<Selection, ApiError> {
    let now = server::now();
    server::answer(tracellm_store::overview::selection(&*server::store(), &filter.at(now), &selected.at(now)).await)
}
