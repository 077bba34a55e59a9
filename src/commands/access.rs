use std::io::{self, Write};

use tracellm_store::{
    Location,
    access::{self, CreatedKey},
    ingest::now,
};
use tracellm_trace::{NewKey, NewProject, Timestamp};

use crate::{
    Failure,
    commands::auditor,
    settings::{KeyCommand, ProjectCommand},
};

pub async fn project(location: Location, command: ProjectCommand) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    match command {
        ProjectCommand::Create { name, description, environment } => {
            let (project, created) =
                access::create_project(&*store, &auditor(&store), NewProject { name, description, environment }, now()).await?;
            eprintln!("created the project `{}`", project.project_id);
            tell(&created)?;
        }
        ProjectCommand::List => {
            let mut out = io::stdout().lock();
            for project in access::projects(&*store).await? {
                let since = project.created_at.map_or("not created".to_owned(), |time| time.to_string());
                writeln!(out, "{}\t{}\t{since}\t{}", project.project_id, project.name, project.description)?;
            }
        }
    }
    store.close().await;
    Ok(())
}

pub async fn key(location: Location, command: KeyCommand) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    match command {
        KeyCommand::Create { project_id, environment, scope, expires_at } => {
            let new = NewKey { project_id, environment, scope, expires_at };
            tell(&access::create_key(&*store, &auditor(&store), new, now()).await?)?;
        }
        KeyCommand::List { project_id } => {
            let mut out = io::stdout().lock();
            let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), |time| time.to_string());
            for key in access::keys(&*store, project_id.as_deref()).await? {
                let state = if key.is_valid_at(now()) { "valid" } else { "ended" };
                let scope = key.scope.as_str();
                let (used, end) = (time(key.last_used_at), time(key.expires_at));
                writeln!(
                    out,
                    "{}\t{}\t{}\t{scope}\t{state}\t{}\t{used}\t{end}",
                    key.key_id, key.project_id, key.environment, key.created_at
                )?;
            }
        }
        KeyCommand::Revoke { key_id } => {
            access::revoke_key(&*store, &auditor(&store), &key_id, now()).await?;
            eprintln!("revoked {key_id}");
        }
    }
    store.close().await;
    Ok(())
}

/// The secret goes to standard output alone, so that a script can take it.
fn tell(created: &CreatedKey) -> Result<(), Failure> {
    let key = &created.key;
    eprintln!("key {} for `{}`, {}, {}: its secret is told this once", key.key_id, key.project_id, key.environment, key.scope.as_str());
    writeln!(io::stdout(), "{}", created.secret)?;
    Ok(())
}
