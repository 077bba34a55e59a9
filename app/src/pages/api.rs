use leptos::prelude::*;
use leptos_meta::Title;
use serde_json::{Map, Value};

use crate::{components::Loaded, functions::get_api_description};

#[component]
pub fn ApiPage() -> impl IntoView {
    let show = |(), text: String| {
        let document = serde_json::from_str(&text).unwrap_or_default();
        view! { <Found document /> }.into_any()
    };
    view! {
        <Title text="API" />
        <Loaded question=Signal::stored(Ok(())) load=|()| get_api_description() show heading="API" />
    }
}

#[component]
fn Found(document: Value) -> impl IntoView {
    let nothing = Map::new();
    let paths = document["paths"].as_object().unwrap_or(&nothing);
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(
            move |(method, operation)| view! { <Operation method=method.to_uppercase() path=path.clone() operation=operation.clone() /> },
        )
    });
    let operations = operations.collect_view();
    let refusals = document["components"]["responses"].as_object().unwrap_or(&nothing);
    let refusals = refusals.iter().map(|(status, answer)| {
        view! { <Row name=status.clone() kind="ErrorBody".to_owned() note="answer".to_owned() about=text(&answer["description"]) /> }
    });
    let refusals = refusals.collect_view();
    let schemas = document["components"]["schemas"].as_object().unwrap_or(&nothing);
    let schemas = schemas.iter().map(|(name, schema)| view! { <SchemaOf name=name.clone() schema=schema.clone() /> }).collect_view();
    view! {
        <header class="page-head">
            <h1>"API"</h1>
            <p class="muted">"For programs: " <a href="/api/openapi.json" rel="external">"openapi.json"</a></p>
        </header>
        <p class="about">{text(&document["info"]["description"])}</p>
        <section aria-labelledby="routes">
            <h2 id="routes">"Routes"</h2>
            <div class="operations">
                {operations}
                <details class="panel">
                    <summary><strong>"What each may answer besides"</strong></summary>
                    <div class="table-frame" tabindex="0" role="group" aria-label="Table"><table class="plain"><tbody>{refusals}</tbody></table></div>
                </details>
            </div>
        </section>
        <section aria-labelledby="schemas">
            <h2 id="schemas">"Documents"</h2>
            <div class="operations">{schemas}</div>
        </section>
    }
}

#[component]
fn Operation(method: String, path: String, operation: Value) -> impl IntoView {
    let class = format!("method {}", method.to_lowercase());
    let parameters = items(&operation["parameters"]).iter().map(|parameter| {
        view! {
            <Row name=text(&parameter["name"]) kind=kind(&parameter["schema"]) note=text(&parameter["in"]) about=text(&parameter["description"]) />
        }
    });
    let parameters = parameters.collect_view();
    let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let bodies = bodies
        .map(|(media, body)| view! { <Row name="body".to_owned() kind=kind(&body["schema"]) note=media.clone() about=String::new() /> });
    let bodies = bodies.collect_view();
    // The shared ones stand below.
    let answers = operation["responses"].as_object().into_iter().flatten().filter(|(_, answer)| answer["$ref"].is_null());
    let answers = answers.map(|(status, answer)| {
        let body = answer["content"].as_object().and_then(|content| content.values().next());
        let kind = body.map_or_else(String::new, |body| kind(&body["schema"]));
        view! { <Row name=status.clone() kind note="answer".to_owned() about=text(&answer["description"]) /> }
    });
    let answers = answers.collect_view();
    view! {
        <details class="panel">
            <summary>
                <span class=class>{method}</span>
                <code>{path}</code>
                <span class="muted">{text(&operation["summary"])}</span>
            </summary>
            <p>{text(&operation["description"])}</p>
            <div class="table-frame" tabindex="0" role="group" aria-label="Table"><table class="plain"><tbody>{parameters}{bodies}{answers}</tbody></table></div>
        </details>
    }
}

#[component]
fn SchemaOf(name: String, schema: Value) -> impl IntoView {
    let parts: Vec<&Value> = if schema["allOf"].is_array() { items(&schema["allOf"]).iter().collect() } else { vec![&schema] };
    let fields = parts.into_iter().flat_map(|part| {
        let required = items(&part["required"]);
        part["properties"].as_object().into_iter().flatten().map(move |(field, schema)| {
            let note = if required.iter().any(|name| name == field) { "always" } else { "where known" };
            view! { <Row name=field.clone() kind=kind(schema) note=note.to_owned() about=text(&schema["description"]) /> }
        })
    });
    let fields = fields.collect_view();
    let whole = if fields.is_empty() { kind(&schema) } else { String::new() };
    view! {
        <details class="panel">
            <summary>
                <code>{name}</code>
                <span class="muted">{text(&schema["description"])}</span>
            </summary>
            <p>{whole}</p>
            <div class="table-frame" tabindex="0" role="group" aria-label="Table"><table class="plain"><tbody>{fields}</tbody></table></div>
        </details>
    }
}

#[component]
fn Row(name: String, kind: String, note: String, about: String) -> impl IntoView {
    view! {
        <tr>
            <td><code>{name}</code></td>
            <td class="id">{kind}</td>
            <td class="muted">{note}</td>
            <td class="about">{about}</td>
        </tr>
    }
}

/// A schema in a word: `string`, `Trace`, `array of Step`, `success | warning | failed`.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return name.to_owned();
    }
    for alternatives in ["oneOf", "anyOf", "allOf"] {
        if schema[alternatives].is_array() {
            return items(&schema[alternatives]).iter().map(kind).collect::<Vec<_>>().join(" | ");
        }
    }
    if schema["enum"].is_array() {
        return items(&schema["enum"]).iter().map(text).collect::<Vec<_>>().join(" | ");
    }
    let name = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" | "),
        kind => text(kind),
    };
    let name = match schema["format"].as_str() {
        Some("date-time") => "date".to_owned(),
        _ => name,
    };
    if schema["items"].is_object() { format!("{name} of {}", kind(&schema["items"])) } else { name }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
