use leptos::prelude::*;
use leptos_meta::Title;
use tracellm_trace::{Check, Diagnosis, Index};

use crate::{
    components::{AuditTable, Fact, Heading, Jobs, LimitTable, Loaded, MaskingRules, PlainTable, RetentionRules},
    format,
    functions::get_diagnosis,
};

#[component]
pub fn SettingsPage() -> impl IntoView {
    let show = |(), diagnosis| view! { <Found diagnosis /> }.into_any();
    view! {
        <Title text="Settings" />
        <Loaded question=Signal::stored(Ok(())) load=|()| get_diagnosis() show heading="Settings" />
    }
}

#[component]
fn Found(diagnosis: Diagnosis) -> impl IntoView {
    let verdict = if diagnosis.is_healthy() { "" } else { "Something does not work as it should." };
    let Diagnosis { database, server_version, place, checks, indexes } = diagnosis;
    let database = match database.as_str() {
        "mongodb" => "MongoDB",
        "sqlite" => "SQLite",
        _ => "no answer",
    };
    view! {
        <header class="page-head">
            <h1>"Settings"</h1>
            <p class="muted">{verdict}</p>
        </header>
        <dl class="facts">
            <Fact name="Database" value=format!("{database} {server_version}") />
            {(!place.is_empty()).then(|| view! { <Fact name="Place" value=place /> })}
            <Fact name="TraceLLM" value=env!("CARGO_PKG_VERSION") />
        </dl>
        <section aria-labelledby="checks">
            <h2 id="checks">"What the doctor says"</h2>
            <ul class="checks panel">{checks.into_iter().map(|check| view! { <CheckRow check /> }).collect_view()}</ul>
            <p class="muted more">"The same, more thoroughly, and for scripts: " <code>"tracellm doctor --json"</code></p>
        </section>
        <section aria-labelledby="retention">
            <h2 id="retention">"How long traces are kept"</h2>
            <p class="muted about">
                "By how they ended, in days after their start. Texts are prompt, response, and what steps took and gave: without them, numbers and "
                "names stay. A project has its own rule, or that of all others."
            </p>
            <RetentionRules />
        </section>
        <section aria-labelledby="masking">
            <h2 id="masking">"What is masked before it is stored"</h2>
            <p class="muted about">
                "From the next trace on, and for good: what was masked is nowhere. A project has its own rules, or those of all others. Where a key, "
                "an address or a number stood, the trace then says so in brackets."
            </p>
            <MaskingRules />
        </section>
        <section aria-labelledby="jobs">
            <h2 id="jobs">"Deletions"</h2>
            <Jobs />
        </section>
        <section aria-labelledby="limits">
            <h2 id="limits">"Limits"</h2>
            <p class="muted about">
                "Changed by " <code>"--limit NAME=VALUE"</code> " or " <code>"TRACELLM_LIMITS"</code> ". What goes beyond is refused by name, with when to come again; none of it is lost unseen."
            </p>
            <LimitTable />
        </section>
        <section aria-labelledby="audit">
            <h2 id="audit">"Who did what"</h2>
            <AuditTable />
        </section>
        <section aria-labelledby="indexes">
            <h2 id="indexes">"Indexes"</h2>
            <Indexes indexes />
        </section>
        <section aria-labelledby="where">
            <h2 id="where">"Where settings come from"</h2>
            <p>
                "Flags, else variables of the environment, else a file " <code>".env"</code> " in the folder of the start: " <code>"MONGO_URL"</code> ", "
                <code>"DB_NAME"</code> ", " <code>"TRACELLM_HOST"</code> ", " <code>"TRACELLM_PORT"</code> ", " <code>"TRACELLM_DATA"</code> "."
            </p>
        </section>
    }
}

#[component]
fn CheckRow(check: Check) -> impl IntoView {
    let Check { name, verdict, found, advice } = check;
    view! {
        <li class="check">
            <span class=format!("verdict {}", verdict.as_str())>{verdict.as_str()}</span>
            <strong>{name}</strong>
            <span>{found}{advice.map(|advice| view! { <span class="advice">{advice}</span> })}</span>
        </li>
    }
}

#[component]
fn Indexes(indexes: Vec<Index>) -> impl IntoView {
    if indexes.is_empty() {
        return view! { <p class="muted none">"They are known when the database answers."</p> }.into_any();
    }
    let counts = indexes.iter().any(|index| index.uses.is_some());
    let rows = indexes.into_iter().map(move |Index { of, name, fields, is_present, uses }| {
        let state = if is_present { ("good", "there") } else { ("bad", "missing") };
        view! {
            <tr>
                <td>{of}</td>
                <td class="id">{name}</td>
                <td class="id">{fields}</td>
                <td><span class=format!("verdict {}", state.0)>{state.1}</span></td>
                {counts.then(|| view! { <td class="number">{uses.map_or_else(|| "–".to_owned(), format::count)}</td> })}
            </tr>
        }
    });
    let mut headings = [Heading::Text("Of"), Heading::Text("Name"), Heading::Text("Fields"), Heading::Text("State")].to_vec();
    headings.extend(counts.then_some(Heading::Number("Uses since the server started")));
    view! {
        <PlainTable headings>{rows.collect_view()}</PlainTable>
    }
    .into_any()
}
