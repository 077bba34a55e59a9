use std::{
    io::{self, Write},
    time::Duration,
};

use tracellm_store::Location;
use tracellm_trace::{Step, Trace};

use crate::{
    Failure,
    commands::plain,
    settings::{ReplayOptions, TraceOptions},
};

/// Prints one trace: its facts, its texts and its steps.
pub async fn show(location: Location, options: TraceOptions) -> Result<(), Failure> {
    let trace = find(&location, options.project_id.as_deref(), &options.trace_id).await?;
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &trace)?;
        writeln!(out)?;
        return Ok(());
    }
    write_head(&mut out, &trace)?;
    writeln!(out, "\nprompt\n{}", indented(&trace.prompt))?;
    if let Some(response) = &trace.response {
        writeln!(out, "\nresponse\n{}", indented(response))?;
    }
    for (index, step) in trace.steps.iter().enumerate() {
        write_step(&mut out, index, step)?;
    }
    Ok(())
}

/// Runs through the steps of a trace, each as long as it took.
pub async fn replay(location: Location, options: ReplayOptions) -> Result<(), Failure> {
    let trace = find(&location, options.project_id.as_deref(), &options.trace_id).await?;
    let mut out = io::stdout().lock();
    write_head(&mut out, &trace)?;
    let start = tokio::time::Instant::now();
    let mut elapsed = 0.0;
    for (index, step) in trace.steps.iter().enumerate() {
        elapsed += step.duration / options.speed;
        out.flush()?;
        // A step that took longer than there is time is not waited for.
        if let Ok(end) = Duration::try_from_secs_f64(elapsed / 1e3) {
            tokio::time::sleep_until(start + end.min(Duration::from_secs(24 * 60 * 60))).await;
        }
        write_step(&mut out, index, step)?;
    }
    writeln!(out, "\n{}", trace.status)?;
    Ok(())
}

async fn find(location: &Location, project_id: Option<&str>, trace_id: &str) -> Result<Trace, Failure> {
    let store = tracellm_store::open(location).await?;
    let found = store.get(project_id, trace_id).await?;
    store.close().await;
    found.ok_or_else(|| format!("there is no trace `{trace_id}`").into())
}

fn write_head(out: &mut impl Write, trace: &Trace) -> io::Result<()> {
    writeln!(out, "trace        {}", plain(&trace.trace_id))?;
    writeln!(out, "project      {} · {}", plain(&trace.project_id), plain(&trace.environment))?;
    writeln!(out, "started      {}", trace.created_at)?;
    writeln!(out, "model        {}", plain(&trace.model_name))?;
    writeln!(out, "status       {}{}", trace.status, if trace.slow_request { " · slow" } else { "" })?;
    if let Some(reason) = &trace.failure_reason {
        writeln!(out, "reason       {}", plain(reason))?;
    }
    let cost = trace.cost_usd.map_or_else(String::new, |cost| format!(" · ${cost}"));
    writeln!(out, "took         {} ms · {} tokens · {} retries{cost}", trace.latency, trace.token_count, trace.retry_count)
}

fn write_step(out: &mut impl Write, index: usize, step: &Step) -> io::Result<()> {
    let mark = if step.success { "✓" } else { "✗" };
    writeln!(out, "\n{:>3} {mark} {}  {} ms", index + 1, plain(&step.tool_name), step.duration)?;
    for (name, object) in [("in ", &step.input), ("out", &step.output)] {
        if !object.is_empty() {
            writeln!(out, "      {name} {}", serde_json::to_string(object).unwrap_or_default())?;
        }
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {}", plain(line))).collect::<Vec<_>>().join("\n")
}
