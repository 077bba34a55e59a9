use std::io::Write;

use tracellm_trace::otlp;

use crate::Failure;

/// Writes the table of prices, in the form in which one's own are given.
pub fn prices() -> Result<(), Failure> {
    let table = serde_json::to_string_pretty(otlp::prices())?;
    Ok(writeln!(std::io::stdout().lock(), "{table}")?)
}
