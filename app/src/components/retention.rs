use leptos::{ev::SubmitEvent, prelude::*};
use tracellm_trace::{Goes, Going, Keep, Retention};

use crate::{
    ApiError,
    components::{ErrorPanel, Heading, PlainTable},
    format,
    functions::{get_retention, preview_retention, set_retention},
};

/// How long traces are kept: the rules, and a form that changes one and shows first what would go.
#[component]
pub fn RetentionRules() -> impl IntoView {
    let set = Action::new(|retention: &Retention| set_retention(retention.clone()));
    let preview = Action::new(|retention: &Retention| preview_retention(retention.clone()));
    let found = Resource::new(move || set.version().get(), |_| get_retention());
    let failed = move || set.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> });
    view! {
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    Ok(None) => view! { <p class="muted none">"The rules are known when the database answers."</p> }.into_any(),
                    Ok(Some(retention)) => view! { <Rules retention=retention.clone() /> <RuleForm retention set preview /> }.into_any(),
                }
            })}
        </Transition>
        <Preview result=Signal::derive(move || preview.value().get()) />
        {failed}
    }
}

#[component]
fn Rules(retention: Retention) -> impl IntoView {
    if retention.is_off() {
        return view! { <p class="muted none">"Everything is kept for ever."</p> }.into_any();
    }
    let days = |days: Option<u32>| days.map_or_else(|| "for ever".to_owned(), |days| format::things(days.into(), "day"));
    let row = |name: String, keep: Keep| {
        let Keep { failed_days, warning_days, success_days, content_days } = keep;
        let cells = [failed_days, warning_days, success_days, content_days].map(|kept| view! { <td class="number">{days(kept)}</td> });
        view! { <tr><td>{name}</td>{cells.collect_view()}</tr> }
    };
    let rows = retention.projects.into_iter().map(|(project_id, keep)| row(project_id, keep));
    let rows = rows.chain([row("all others".to_owned(), retention.default)]).collect_view();
    let number = Heading::Number;
    view! {
        <PlainTable class="retention" headings=vec![Heading::Text("Project"), number("Failed"), number("Warning"), number("Success"), number("Texts")]>{rows}</PlainTable>
    }
    .into_any()
}

#[component]
fn RuleForm(
    retention: Retention,
    set: Action<Retention, Result<(), ApiError>>,
    preview: Action<Retention, Result<Vec<Going>, ApiError>>,
) -> impl IntoView {
    let project_id = RwSignal::new(String::new());
    let fields = [("Failed, days", "failed"), ("Warning, days", "warning"), ("Success, days", "success"), ("Texts, days", "content")];
    let days = fields.map(|_| RwSignal::new(String::new()));
    let stored = StoredValue::new(retention);
    // The rule that the form is about, as it is set.
    let fill = move || {
        let keep = stored.with_value(|retention| match project_id.get().trim() {
            "" => retention.default.clone(),
            project_id => retention.of(project_id).clone(),
        });
        let set = [keep.failed_days, keep.warning_days, keep.success_days, keep.content_days];
        for (field, set) in days.into_iter().zip(set) {
            field.set(set.map(|days| days.to_string()).unwrap_or_default());
        }
    };
    Effect::new(fill);
    let asked = move || {
        // What is no number is refused with its name, as 0 is.
        let [failed_days, warning_days, success_days, content_days] = days.map(|field| match field.get_untracked().trim() {
            "" => None,
            days => Some(days.parse().unwrap_or(0)),
        });
        let keep = Keep { failed_days, warning_days, success_days, content_days };
        let mut retention = stored.get_value();
        match project_id.get_untracked().trim() {
            "" => retention.default = keep,
            project_id => drop(retention.projects.insert(project_id.to_owned(), keep)),
        }
        retention
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        set.dispatch(asked());
    };
    let inputs = fields.into_iter().zip(days).map(|((label, name), value)| {
        view! { <label><span>{label}</span><input type="number" name=name min="1" max="36500" placeholder="for ever" bind:value=value /></label> }
    });
    view! {
        <form class="filters needs-script" aria-label="How long traces are kept" on:submit=submit>
            <label><span>"Project"</span><input type="text" name="project_id" placeholder="all others" bind:value=project_id /></label>
            {inputs.collect_view()}
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| { preview.dispatch(asked()); }>"What would go?"</button>
                <button type="submit" class="button primary">"Save and apply"</button>
            </div>
        </form>
    }
}

#[component]
fn Preview(result: Signal<Option<Result<Vec<Going>, ApiError>>>) -> impl IntoView {
    let row = |Going { project_id, goes, status, before, traces }: Going| {
        let what = match (goes, status) {
            (Goes::Content, _) => "texts only".to_owned(),
            (Goes::Trace, status) => status.map(|status| status.to_string()).unwrap_or_default(),
        };
        let traces = format::count(format::whole(traces));
        view! { <tr><td>{project_id}</td><td>{what}</td><td>{format::time(before)}</td><td class="number">{traces}</td></tr> }
    };
    move || match result.get() {
        None => ().into_any(),
        Some(Err(error)) => view! { <ErrorPanel error /> }.into_any(),
        Some(Ok(going)) if going.is_empty() => view! { <p role="status">"Nothing would go now."</p> }.into_any(),
        Some(Ok(going)) => {
            let headings =
                vec![Heading::Text("Project"), Heading::Text("Goes"), Heading::Text("Began before (UTC)"), Heading::Number("Traces")];
            view! { <div role="status"><PlainTable class="retention" headings>{going.into_iter().map(row).collect_view()}</PlainTable></div> }.into_any()
        }
    }
}
