use std::io::{self, Write};

use tracellm_store::{Location, ingest::now, users};
use tracellm_trace::User;

use crate::{Failure, commands::auditor, settings::UserCommand};

pub async fn user(location: Location, command: UserCommand) -> Result<(), Failure> {
    let store = tracellm_store::open(&location).await?;
    match command {
        UserCommand::Add { name, role, projects, password_stdin } => {
            let password =
                if password_stdin { io::stdin().lines().next().transpose()?.unwrap_or_default() } else { users::new_password()? };
            let everywhere = projects.is_empty().then_some(role);
            let projects = projects.into_iter().map(|project_id| (project_id, role)).collect();
            let user = User { name: name.clone(), role: everywhere, projects, created_at: now() };
            users::set(&*store, &auditor(&store), user, password.clone()).await?;
            eprintln!("{name} is {} {}", role.as_str(), if everywhere.is_some() { "of everything" } else { "of these projects" });
            if !password_stdin {
                eprintln!("the password is told this once:");
                writeln!(io::stdout(), "{password}")?;
            }
        }
        UserCommand::List => {
            let mut out = io::stdout().lock();
            for User { name, role, projects, created_at } in users::users(&*store).await? {
                let role = role.map_or("-", |role| role.as_str());
                let projects: Vec<_> = projects.iter().map(|(project_id, role)| format!("{project_id}={}", role.as_str())).collect();
                writeln!(out, "{name}\t{role}\t{created_at}\t{}", projects.join(","))?;
            }
        }
        UserCommand::Remove { name } => {
            if !users::remove(&*store, &auditor(&store), &name).await? {
                return Err(format!("there is no user {name}").into());
            }
            eprintln!("removed {name}");
        }
    }
    store.close().await;
    Ok(())
}
