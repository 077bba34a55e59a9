use leptos::prelude::*;

use crate::{
    ApiError,
    components::{Heading, PlainTable},
    format,
    functions::get_intake,
    intake::IntakePage,
};

/// Requests that are shown at first.
const FEW: usize = 50;

/// "Where is my trace?": the last requests, what became of each, and why. `changes` asks anew.
#[component]
pub fn Requests(#[prop(into)] changes: Signal<usize>) -> impl IntoView {
    let again = RwSignal::new(0_usize);
    let key = RwSignal::new(None::<String>);
    let most = RwSignal::new(FEW);
    let requests = Resource::new(move || (changes.get(), again.get(), key.get(), most.get()), |(.., key, most)| get_intake(key, most));
    let choose = move |event| key.set(Some(event_target_value(&event)).filter(|key| !key.is_empty()));
    let keys = Memo::new(move |known: Option<&Vec<String>>| match requests.get() {
        Some(Ok(page)) => page.keys,
        _ => known.cloned().unwrap_or_default(),
    });
    view! {
        <section class="requests" aria-labelledby="requests">
            <header class="page-head">
                <h2 id="requests">"Last requests"</h2>
                <p class="muted">"What came to this server since it started, and why something was refused."</p>
                <Transition>
                    {move || {
                        let keys = keys.get();
                        (!keys.is_empty()).then(|| {
                            view! {
                                <select class="needs-script" aria-label="Key" on:change=choose>
                                    <option value="">"All keys"</option>
                                    {keys.into_iter().map(|id| option(id, key)).collect_view()}
                                </select>
                            }
                        })
                    }}
                </Transition>
                <button type="button" class="button needs-script" on:click=move |_| again.update(|again| *again += 1)>"Look again"</button>
            </header>
            <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
                {move || Suspend::new(async move { shown(requests.await, most) })}
            </Transition>
        </section>
    }
}

fn option(id: String, chosen: RwSignal<Option<String>>) -> impl IntoView {
    let selected = chosen.get_untracked().as_ref() == Some(&id);
    view! { <option value=id.clone() selected=selected>{id.clone()}</option> }
}

fn shown(page: Result<IntakePage, ApiError>, most: RwSignal<usize>) -> AnyView {
    let IntakePage { requests, total, .. } = match page {
        Ok(page) => page,
        Err(_) => return view! { <p class="muted none">"The server could not be asked."</p> }.into_any(),
    };
    if requests.is_empty() {
        return view! { <p class="muted none">"None yet. Requests to /api/traces and /v1/traces are listed here, whatever became of them."</p> }.into_any();
    }
    let shown = requests.len();
    let rows = requests.into_iter().map(|intake| {
        let verdict = match intake.status {
            200..300 if intake.rejected == 0 => "verdict good",
            200..300 => "verdict warning",
            _ => "verdict bad",
        };
        let kept = (!intake.without_field.is_empty()).then(|| {
            view! {
                <details class="left-over">
                    <summary>{left_over(&intake.without_field)}</summary>
                    {intake.without_field.join(", ")}
                </details>
            }
        });
        let count = |n: u64| format::count(format::whole(n));
        view! {
            <tr>
                <td>{format::time(intake.at)}</td>
                <td><span class=verdict>{intake.status}</span></td>
                <td>{intake.way}</td>
                <td class="number">{count(intake.accepted)}</td>
                <td class="number">{count(intake.rejected)}</td>
                <td class="number">{intake.bytes.map_or_else(|| "–".to_owned(), count)}</td>
                <td class="id">{intake.key_id.unwrap_or_else(|| "–".to_owned())}</td>
                <td class="reason">{intake.client}{intake.reason.map(|reason| view! { <span class="advice">{reason}</span> })}{kept}</td>
            </tr>
        }
    });
    view! {
        <PlainTable headings=vec![Heading::Text("Time (UTC)"), Heading::Text("Answer"), Heading::Text("Way"), Heading::Number("Accepted"), Heading::Number("Rejected"), Heading::Number("Bytes"), Heading::Text("Key"), Heading::Text("Client, and why")]>{rows.collect_view()}</PlainTable>
        {(shown < total).then(|| view! {
            <p class="muted">
                {format!("Showing {} of {}. ", format::count(shown as i64), format::count(total as i64))}
                <button type="button" class="button needs-script" on:click=move |_| most.set(usize::MAX)>"Show all"</button>
            </p>
        })}
    }
    .into_any()
}

fn left_over(names: &[String]) -> String {
    let (count, more) = match names.last() {
        Some(last) if last.starts_with('…') => (names.len() - 1, "more than "),
        _ => (names.len(), ""),
    };
    format!("{more}{} without a field, kept as metadata", format::things(count as i64, "attribute"))
}
