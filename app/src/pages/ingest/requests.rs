use leptos::prelude::*;

use crate::{ApiError, format, functions::get_intake, intake::Intake};

/// "Where is my trace?": the last requests, what became of each, and why. `changes` asks anew.
#[component]
pub fn Requests(#[prop(into)] changes: Signal<usize>) -> impl IntoView {
    let again = RwSignal::new(0_usize);
    let requests = Resource::new(move || (changes.get(), again.get()), |_| get_intake());
    view! {
        <section class="requests" aria-labelledby="requests">
            <header class="page-head">
                <h2 id="requests">"Last requests"</h2>
                <p class="muted">"What came to this server since it started, and why something was refused."</p>
                <button type="button" class="button needs-script" on:click=move |_| again.update(|again| *again += 1)>"Look again"</button>
            </header>
            <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
                {move || Suspend::new(async move { shown(requests.await) })}
            </Transition>
        </section>
    }
}

fn shown(requests: Result<Vec<Intake>, ApiError>) -> AnyView {
    let requests = match requests {
        Ok(requests) => requests,
        Err(_) => return view! { <p class="muted none">"The server could not be asked."</p> }.into_any(),
    };
    if requests.is_empty() {
        return view! { <p class="muted none">"None yet. Requests to /api/traces and /v1/traces are listed here, whatever became of them."</p> }.into_any();
    }
    let rows = requests.into_iter().map(|intake| {
        let verdict = match intake.status {
            200..300 if intake.rejected == 0 => "verdict good",
            200..300 => "verdict warning",
            _ => "verdict bad",
        };
        let count = |n: u64| format::count(i64::try_from(n).unwrap_or(i64::MAX));
        view! {
            <tr>
                <td>{format::time(intake.at)}</td>
                <td><span class=verdict>{intake.status}</span></td>
                <td>{intake.way}</td>
                <td class="number">{count(intake.accepted)}</td>
                <td class="number">{count(intake.rejected)}</td>
                <td class="number">{intake.bytes.map_or_else(|| "–".to_owned(), count)}</td>
                <td class="id">{intake.key_id.unwrap_or_else(|| "–".to_owned())}</td>
                <td class="reason">{intake.client}{intake.reason.map(|reason| view! { <span class="advice">{reason}</span> })}</td>
            </tr>
        }
    });
    view! {
        <div class="table-frame">
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">"Time (UTC)"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Way"</th>
                        <th scope="col" class="number">"Accepted"</th>
                        <th scope="col" class="number">"Rejected"</th>
                        <th scope="col" class="number">"Bytes"</th>
                        <th scope="col">"Key"</th>
                        <th scope="col">"Client, and why"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
