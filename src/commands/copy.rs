use tracellm_store::copy::{self, Stage};

use crate::{
    Failure,
    commands::{auditor, traces},
    progress,
    settings::CopyOptions,
};

/// Copies a store into another and compares the two.
pub async fn copy(options: CopyOptions) -> Result<(), Failure> {
    if options.from == options.to {
        return Err("--from and --to are the same store".into());
    }
    let from = tracellm_store::open(&options.from).await?;
    let to = tracellm_store::open(&options.to).await?;
    auditor(&from).note("traces.exported", format!("everything, to {}", options.to)).await?;
    let progress = progress::bar("copying", from.count(&tracellm_trace::Filter::default()).await?.count);
    let advance = |stage, count: usize| {
        if stage == Stage::Comparing && progress.message() != "comparing" {
            progress.set_message("comparing");
            progress.set_position(0);
        }
        progress.inc(count as u64);
    };
    let done = copy::copy(&*from, &*to, options.cursor, advance).await;
    progress.finish_and_clear();
    let copied = done.map_err(|stopped| {
        let resume = stopped
            .cursor
            .map_or_else(String::new, |cursor| format!("; the same command with --cursor {} goes on from there", cursor.encode()));
        format!("{}{resume}", stopped.error)
    })?;
    eprintln!("{}: {} new, {} replaced, {} were there already", options.to, copied.created, copied.updated, copied.duplicates);
    eprintln!("{} new projects, {} new keys, {} new users, views and rules", copied.projects, copied.keys, copied.settings);
    for fault in copied.faults.iter().take(20) {
        eprintln!("{fault}");
    }
    from.close().await;
    to.close().await;
    let compared = traces(copied.compared);
    if !copied.faults.is_empty() {
        return Err(format!(
            "{} of what was to be copied is not there as it should be, see above; {compared} were compared",
            copied.faults.len()
        )
        .into());
    }
    eprintln!("compared {compared}: equal on both sides, sha256 {}", copied.digest);
    Ok(())
}
