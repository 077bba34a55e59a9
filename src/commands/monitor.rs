use std::io::{self, Write};

use tokio::{
    select,
    signal::ctrl_c,
    sync::broadcast::{Receiver, error::RecvError},
};
use tracellm_store::{Location, News};
use tracellm_trace::{Filter, Trace};

use crate::{Failure, commands::plain, settings::MonitorOptions};

/// Prints what is stored, by whomever, until it is interrupted.
pub async fn monitor(location: Location, options: MonitorOptions) -> Result<(), Failure> {
    let filter = options.filter.filter();
    let store = tracellm_store::open(&location).await?;
    store.health().await?;
    let watching = store.watch(None).await;
    eprintln!("watching {location}; Ctrl-C ends it");
    select! {
        done = print(watching.news, &filter, options.json) => done?,
        _ = ctrl_c() => {}
    }
    store.close().await;
    Ok(())
}

async fn print(mut news: Receiver<News>, filter: &Filter, as_json: bool) -> Result<(), Failure> {
    loop {
        match news.recv().await {
            Ok(News::Stored(event)) if filter.matches(&event.trace) => {
                let mut out = io::stdout().lock();
                if as_json {
                    writeln!(out, "{}", serde_json::to_string(&event.trace)?)?;
                } else {
                    writeln!(out, "{}", line(&event.trace))?;
                }
            }
            Ok(News::Stored(_)) => {}
            Ok(News::Gap) | Err(RecvError::Lagged(_)) => eprintln!("some came too fast and are not shown; the list has them"),
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// A trace in a line.
fn line(trace: &Trace) -> String {
    let prompt: String = plain(trace.failure_reason.as_ref().unwrap_or(&trace.prompt)).chars().take(80).collect();
    let (project, model, id) = (plain(&trace.project_id), plain(&trace.model_name), plain(&trace.trace_id));
    let status = trace.status.as_str();
    format!("{}  {status:<8}{:>9.0} ms{:>8} tokens  {project}  {model}  {id}  {prompt}", trace.created_at, trace.latency, trace.token_count)
}
