use serde::{Deserialize, Serialize};

use super::{Analytics, Heat, Summary};

/// What an overview shows at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub numbers: Analytics,
    pub heat: Heat,
    /// The same numbers of the time before, where there is one.
    pub before: Option<Summary>,
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
