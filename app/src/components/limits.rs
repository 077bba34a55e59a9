use leptos::prelude::*;
use tracellm_trace::{AuditEntry, AuditLog, Limit};

use crate::{
    ApiError,
    components::{ErrorPanel, Heading, PlainTable},
    format,
    functions::{get_audit_log, get_limits},
    visible::visible,
};

/// How much may be sent and asked.
#[component]
pub fn LimitTable() -> impl IntoView {
    let found = Resource::new(|| (), |()| get_limits());
    let row = |Limit { name, unit, value, default, about }: Limit| {
        let said = |value: u64| if value == 0 { "none".to_owned() } else { amount(value, &unit) };
        let changed = (value != default).then(|| view! { <span class="muted">{format!(" (else {})", said(default))}</span> });
        view! { <tr><td class="id">{name}</td><td class="number">{said(value)}{changed}</td><td>{about}</td></tr> }
    };
    view! {
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    Ok(limits) => {
                        let rows = limits.into_iter().map(row).collect_view();
                        let headings = vec![Heading::Text("Limit"), Heading::Number("Value"), Heading::Text("Of what")];
                        view! {
                            <PlainTable class="limits" headings>
                                {rows}
                            </PlainTable>
                        }
                        .into_any()
                    }
                }
            })}
        </Transition>
    }
}

/// `20 MiB`, `60 a minute`.
fn amount(value: u64, unit: &str) -> String {
    match (unit.strip_prefix("bytes"), value) {
        (Some(rest), value) if value >= 1 << 20 && value.is_multiple_of(1 << 20) => {
            format!("{} MiB{rest}", format::count(format::whole(value >> 20)))
        }
        _ => format!("{} {unit}", format::count(format::whole(value))),
    }
}

/// Entries of the log that are shown.
const SHOWN: usize = 50;

/// Who created, changed, revoked, deleted or exported what.
#[component]
pub fn AuditTable() -> impl IntoView {
    let found = Resource::new(|| (), |()| get_audit_log(SHOWN));
    let row = |AuditEntry { number, at, by, did, what, .. }: AuditEntry| {
        let number = format::count(format::whole(number));
        view! { <tr><td class="number">{number}</td><td>{format::time(at)}</td><td>{visible(by)}</td><td class="id">{did}</td><td class="what">{visible(what)}</td></tr> }
    };
    view! {
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match found.await {
                    Err(ApiError::Forbidden(_)) => view! { <p class="muted none">"The log is known to admins of every project, when the database answers."</p> }.into_any(),
                    Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    Ok(None) => view! { <p class="muted none">"It is known when the database answers."</p> }.into_any(),
                    Ok(Some(AuditLog { total: 0, .. })) => view! { <p class="muted none">"Nothing was noted yet."</p> }.into_any(),
                    Ok(Some(AuditLog { entries, total, broken })) => {
                        let verdict = match broken {
                            Some(broken) => view! { <p class="callout failed" role="alert"><strong>"Not as it was written: "</strong>{broken}</p> }.into_any(),
                            None => view! { <p class="muted">{format!("{}, each with the hash of the one before: as they were written.", format::things(format::whole(total), "entry"))}</p> }.into_any(),
                        };
                        let rows = entries.into_iter().map(row).collect_view();
                        let headings = vec![Heading::Number("No."), Heading::Text("When (UTC)"), Heading::Text("By"), Heading::Text("Did"), Heading::Text("What")];
                        view! { {verdict} <PlainTable class="audit" headings>{rows}</PlainTable> }.into_any()
                    }
                }
            })}
        </Transition>
    }
}
