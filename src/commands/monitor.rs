use std::io::{self, Write};

use futures_util::{Stream, StreamExt};
use tokio::{select, signal::ctrl_c};
use tracellm_store::{Location, News};
use tracellm_trace::Trace;

use crate::{Failure, commands::plain, settings::MonitorOptions};

/// Prints what is stored, by whomever, until it is interrupted.
pub async fn monitor(location: Location, options: MonitorOptions) -> Result<(), Failure> {
    let filter = options.filter.filter();
    let store = tracellm_store::open(&location).await?;
    store.health().await?;
    let watching = store.watch(None).await;
    eprintln!("watching {location}; Ctrl-C ends it");
    select! {
        done = print(watching.matching(filter), options.json) => done?,
        _ = ctrl_c() => {}
    }
    store.close().await;
    Ok(())
}

async fn print(news: impl Stream<Item = News>, as_json: bool) -> Result<(), Failure> {
    let mut news = std::pin::pin!(news);
    while let Some(told) = news.next().await {
        match told {
            News::Stored(event) if as_json => writeln!(io::stdout(), "{}", serde_json::to_string(&event.trace)?)?,
            News::Stored(event) => writeln!(io::stdout(), "{}", line(&event.trace))?,
            News::Gap => eprintln!("some came too fast and are not shown; the list has them"),
        }
    }
    Ok(())
}

/// A trace in a line.
fn line(trace: &Trace) -> String {
    let prompt: String = plain(trace.failure_reason.as_ref().unwrap_or(&trace.prompt)).chars().take(80).collect();
    let (project, model, id) = (plain(&trace.project_id), plain(&trace.model_name), plain(&trace.trace_id));
    let status = trace.status.as_str();
    format!("{}  {status:<8}{:>9.0} ms{:>8} tokens  {project}  {model}  {id}  {prompt}", trace.created_at, trace.latency, trace.token_count)
}
