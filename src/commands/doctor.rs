use std::io::{self, Write};

use tracellm_store::{Location, access, doctor::diagnose, ingest::now};
use tracellm_trace::{Diagnosis, Verdict};

use crate::{Failure, commands::auditor, settings::DoctorOptions};

/// Says what was looked at and what to do; fails where something does not work as it should.
pub async fn doctor(location: Location, options: DoctorOptions) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    if options.fix {
        match access::clear_keys(&*store).await?.len() {
            0 => eprintln!("every key is stored as a hash already"),
            count => {
                eprintln!("{count} keys are stored in clear. Their hashes are stored instead: they still open this server,");
                eprintln!("but clients of the reference package that look them up in the database themselves will fail.");
                eprintln!("hid {}", access::hide_clear_keys(&*store, &auditor(&store)).await?);
            }
        }
    }
    let diagnosis = diagnose(&*store, now(), true).await;
    store.close().await;
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&diagnosis)?)?;
    } else {
        write(&mut out, &location, &diagnosis)?;
    }
    if diagnosis.is_healthy() { Ok(()) } else { Err("the store does not work as it should, see above".into()) }
}

fn write(out: &mut impl Write, location: &Location, diagnosis: &Diagnosis) -> io::Result<()> {
    writeln!(out, "{location}")?;
    for check in &diagnosis.checks {
        let mark = match check.verdict {
            Verdict::Good => "✓",
            Verdict::Unknown => "·",
            Verdict::Warning => "!",
            Verdict::Bad => "✗",
        };
        writeln!(out, "{mark} {:<18} {}", check.name, check.found)?;
        if let Some(advice) = &check.advice {
            writeln!(out, "  {:<18} → {advice}", "")?;
        }
    }
    for index in diagnosis.indexes.iter().filter(|index| !index.is_present) {
        writeln!(out, "  missing: index {} on {} ({})", index.name, index.of, index.fields)?;
    }
    Ok(())
}
