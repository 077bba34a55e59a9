use leptos::{ev::SubmitEvent, prelude::*};
use leptos_meta::Title;
use tracellm_trace::{ApiKey, Filter, Job, NewKey, NewProject, Project, Query, Scope};

use crate::{
    ApiError,
    components::{Begun, Delete, ErrorPanel, Heading, PlainTable, TextBlock},
    format,
    functions::{NewSecret, ProjectsAndKeys, create_key, create_project, list_projects, remove_project, revoke_key},
    url::list_href,
};

#[component]
pub fn ProjectsPage() -> impl IntoView {
    let create = Action::new(|new: &NewProject| create_project(new.clone()));
    let add_key = Action::new(|new: &NewKey| create_key(new.clone()));
    let revoke = Action::new(|key_id: &String| revoke_key(key_id.clone()));
    let remove = Action::new(|project_id: &String| remove_project(project_id.clone()));
    let changes = move || (create.version().get(), add_key.version().get(), revoke.version().get());
    let found = Resource::new(changes, |_| list_projects());
    view! {
        <Title text="Projects" />
        <header class="page-head">
            <h1>"Projects"</h1>
            <p class="muted">"Traces belong to a project. A key stores traces under its project."</p>
        </header>
        <Made result=Signal::derive(move || create.value().get()) />
        <Made result=Signal::derive(move || add_key.value().get()) />
        <Begun result=Signal::derive(move || remove.value().get()) />
        <CreateProject create />
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    Ok(found) => view! { <Found found add_key revoke remove /> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// What became of making a key: its secret, which is never shown again.
#[component]
fn Made(result: Signal<Option<Result<NewSecret, ApiError>>>) -> impl IntoView {
    move || match result.get() {
        None => ().into_any(),
        Some(Err(error)) => view! { <ErrorPanel error /> }.into_any(),
        Some(Ok(NewSecret { key, secret })) => view! {
            <section class="notice success" role="status">
                <h2>{format!("A key for {}", key.project_id)}</h2>
                <p>"Copy the secret now: it is stored as a hash and can't be shown again."</p>
                <TextBlock label="Secret" text=secret />
            </section>
        }
        .into_any(),
    }
}

#[component]
fn CreateProject(create: Action<NewProject, Result<NewSecret, ApiError>>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let description = RwSignal::new(String::new());
    let environment = RwSignal::new(String::new());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        create.dispatch(NewProject {
            name: name.get_untracked(),
            description: description.get_untracked(),
            environment: environment.get_untracked(),
        });
        name.set(String::new());
        description.set(String::new());
    };
    view! {
        <form class="filters needs-script" aria-label="Create a project" on:submit=submit>
            <label><span>"Name"</span><input type="text" name="name" required maxlength="100" bind:value=name /></label>
            <label class="search"><span>"Description"</span><input type="text" name="description" maxlength="2000" bind:value=description /></label>
            <label><span>"Environment of its key"</span><input type="text" name="environment" placeholder="development" bind:value=environment /></label>
            <div class="buttons"><button type="submit" class="button primary">"Create project"</button></div>
        </form>
    }
}

#[component]
fn Found(
    found: ProjectsAndKeys,
    add_key: Action<NewKey, Result<NewSecret, ApiError>>,
    revoke: Action<String, Result<(), ApiError>>,
    remove: Action<String, Result<Job, ApiError>>,
) -> impl IntoView {
    let ProjectsAndKeys { projects, keys } = found;
    if projects.is_empty() {
        return view! { <p class="muted none">"No project was created, and no trace names one."</p> }.into_any();
    }
    let sections = projects.into_iter().map(|project| {
        let keys: Vec<_> = keys.iter().filter(|key| key.project_id == project.project_id).cloned().collect();
        view! { <ProjectSection project keys add_key revoke remove /> }
    });
    sections.collect_view().into_any()
}

#[component]
fn ProjectSection(
    project: Project,
    keys: Vec<ApiKey>,
    add_key: Action<NewKey, Result<NewSecret, ApiError>>,
    revoke: Action<String, Result<(), ApiError>>,
    remove: Action<String, Result<Job, ApiError>>,
) -> impl IntoView {
    let Project { project_id, name, description, created_at } = project;
    let traces = list_href(&Query { filter: Filter { project_id: Some(project_id.clone()), ..Filter::default() }, ..Query::default() });
    let since = created_at.map_or("not created, but named by traces".to_owned(), |time| format!("created {}", format::time(time)));
    let scope = RwSignal::new(Scope::Ingest.as_str().to_owned());
    let environment = RwSignal::new(String::new());
    let (of, gone) = (project_id.clone(), project_id.clone());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let scope = Scope::from_word(&scope.get_untracked()).unwrap_or_default();
        add_key.dispatch(NewKey { project_id: of.clone(), environment: environment.get_untracked(), scope, expires_at: None });
    };
    view! {
        <section class="panel project">
            <header class="page-head">
                <h2>{name.clone()}</h2>
                {(name != project_id).then(|| view! { <span class="id">{project_id}</span> })}
                <span class="muted">{since}</span>
                <a href=traces>"Traces"</a>
            </header>
            {(!description.is_empty()).then(|| view! { <p>{description}</p> })}
            <Keys keys revoke />
            <div class="tools">
                <details class="needs-script">
                    <summary class="button">"New key"</summary>
                    <form class="filters needs-script" aria-label="Create a key" on:submit=submit>
                        <label>
                            <span>"Scope"</span>
                            <select name="scope" bind:value=scope>
                                {Scope::ALL.into_iter().map(|scope| view! { <option value=scope.as_str()>{scope.as_str()}</option> }).collect_view()}
                            </select>
                        </label>
                        <label><span>"Environment"</span><input type="text" name="environment" placeholder="development" bind:value=environment /></label>
                        <div class="buttons"><button type="submit" class="button">"Create key"</button></div>
                    </form>
                </details>
                <Delete
                    label="Delete project"
                    warning="All its traces and keys go, and do not come back.".to_owned()
                    on_confirm=move |()| { remove.dispatch(gone.clone()); }
                />
            </div>
        </section>
    }
}

#[component]
fn Keys(keys: Vec<ApiKey>, revoke: Action<String, Result<(), ApiError>>) -> impl IntoView {
    if keys.is_empty() {
        return view! { <p class="muted none">"No key."</p> }.into_any();
    }
    let rows = keys.into_iter().map(move |key| {
        let ApiKey { key_id, environment, scope, created_at, last_used_at, expires_at, revoked_at, .. } = key;
        let time = |time: Option<_>, none: &str| time.map_or_else(|| none.to_owned(), format::time);
        let id = key_id.clone();
        let last = match revoked_at {
            Some(at) => view! { <span class="muted">{format!("revoked {}", format::time(at))}</span> }.into_any(),
            None => {
                view! { <button type="button" class="button needs-script" on:click=move |_| { revoke.dispatch(id.clone()); }>"Revoke"</button> }.into_any()
            }
        };
        view! {
            <tr>
                <td class="id">{key_id}</td>
                <td>{scope.as_str()}</td>
                <td>{environment}</td>
                <td>{format::time(created_at)}</td>
                <td>{time(last_used_at, "never")}</td>
                <td>{time(expires_at, "never")}</td>
                <td>{last}</td>
            </tr>
        }
    });
    view! {
        <PlainTable headings=vec![Heading::Text("Key"), Heading::Text("Scope"), Heading::Text("Environment"), Heading::Text("Created (UTC)"), Heading::Text("Last used"), Heading::Text("Expires"), Heading::Unseen("Revoke")]>{rows.collect_view()}</PlainTable>
    }
    .into_any()
}
