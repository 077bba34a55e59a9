use tracellm_store::{Location, Repaired};

use crate::{Failure, settings::RepairCommand};

/// Makes it anew, and says what was wrong.
pub async fn repair(location: Location, command: RepairCommand) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    let RepairCommand::Rollups = command;
    let Repaired { cells, wrong } = store.repair_rollups().await?;
    eprintln!("{cells} sums are kept; {wrong} were not what the traces add up to, and are mended");
    store.close().await;
    Ok(())
}
