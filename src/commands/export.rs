use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use tracellm_store::Location;
use tracellm_trace::{Query, query::MAX_LIMIT};

use crate::{
    Failure,
    commands::{auditor, traces},
    progress,
    settings::{ExportOptions, Format},
};

/// Rows of a table.
mod csv;

/// Writes every trace that matches, newest first, page by page.
pub async fn export(location: Location, options: ExportOptions) -> Result<(), Failure> {
    let mut query = Query { filter: options.filter.filter(), limit: MAX_LIMIT, ..Query::default() };
    let store = tracellm_store::open(&location).await?;
    let mut out: Box<dyn Write + Send> = match &options.out {
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|error| format!("{}: {error}", path.display()))?)),
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let (open, between, close) = match options.format {
        Format::Json => ("[\n", ",\n", "\n]\n"),
        Format::Ndjson => ("", "\n", "\n"),
        Format::Csv => (csv::HEADING, "", ""),
    };
    let said = if query.filter.is_empty() { "all".to_owned() } else { query.filter.said() };
    auditor(&store).note("traces.exported", said).await?;
    let mut written = 0;
    let progress = progress::bar("exporting", store.count(&query.filter).await?.count);
    loop {
        let (documents, next) = store.documents(&query).await?;
        let rows = documents.len();
        for trace in documents {
            let whole = match trace.cut_from() {
                Some(_) => store.get(Some(&trace.project_id), &trace.trace_id).await?,
                None => None,
            };
            let trace = &whole.unwrap_or(trace);
            out.write_all(if written == 0 { open } else { between }.as_bytes())?;
            match options.format {
                Format::Csv => out.write_all(csv::row(trace).as_bytes())?,
                Format::Json | Format::Ndjson => serde_json::to_writer(&mut out, trace)?,
            }
            written += 1;
        }
        progress.inc(rows as u64);
        match next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    progress.finish_and_clear();
    match (written, options.format) {
        (0, Format::Json) => out.write_all(b"[]\n")?,
        (0, Format::Ndjson) => {}
        (0, Format::Csv) => out.write_all(csv::HEADING.as_bytes())?,
        _ => out.write_all(close.as_bytes())?,
    }
    out.flush()?;
    store.close().await;
    if let Some(path) = options.out {
        eprintln!("wrote {} to {}", traces(written), path.display());
    }
    Ok(())
}
