use std::borrow::Cow;

use rusqlite::{Connection, functions::FunctionFlags};
use serde::Deserialize;

/// The texts of a document that a search looks at.
#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    #[serde(borrow)]
    response: Option<Cow<'a, str>>,
    #[serde(borrow)]
    failure_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    steps: Vec<Tool<'a>>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    tool_name: Cow<'a, str>,
}

/// Adds the function `mentions(doc, wanted)` to SQL: whether a text that is searched holds `wanted`, which is in lower case.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("mentions", 2, flags, |context| {
        let (doc, wanted) = (context.get_raw(0).as_str()?, context.get_raw(1).as_str()?);
        let Ok(texts) = serde_json::from_str::<Texts>(doc) else { return Ok(false) };
        let tools = texts.steps.iter().map(|step| step.tool_name.as_ref());
        let all =
            [Some(texts.prompt.as_ref()), texts.response.as_deref(), texts.failure_reason.as_deref()].into_iter().flatten().chain(tools);
        Ok(all.into_iter().any(|text| text.to_lowercase().contains(wanted)))
    })
}
