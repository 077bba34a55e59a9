use std::collections::BTreeMap;

use leptos::prelude::*;
use tracellm_trace::{
    Context, Issue, Limits, Normalized, Refused, Source, Trace,
    body::{self, Body, Layout},
    masking::Maskers,
    normalize,
    otlp::{self, Explanation, Span, wire},
};

use crate::{
    ApiError,
    components::{EmptyState, IssueList, JsonBlock, Mapping},
    dom::now,
    format,
    functions::{get_limits, get_masking, get_prices},
};

/// Documents that are drawn; all are checked.
const SHOWN: usize = 20;

/// Shows each document of the text as it will be stored, with everything that was found or inferred.
#[component]
pub fn Preview(text: RwSignal<String>) -> impl IntoView {
    // An effect, as only a browser draws a preview.
    let has_prices = RwSignal::new(false);
    let rules = RwSignal::new(Rules::default());
    Effect::new(move |_| {
        leptos::task::spawn_local(async move {
            if let Ok(told) = get_limits().await {
                rules.update(|rules| rules.limits = told.into_iter().collect());
            }
            if let Ok(Some(masking)) = get_masking().await {
                rules.update(|rules| rules.maskers = Maskers::new(&masking));
            }
            if let Ok(prices) = get_prices().await {
                prices.install();
                has_prices.set(true);
            }
        });
    });
    let checked = Memo::new(move |_| {
        has_prices.track();
        rules.with(|rules| text.with(|text| check(text, rules)))
    });
    view! {
        <section class="preview" aria-label="Preview">
            {move || match checked.get() {
                Checked::Empty => {
                    view! {
                        <EmptyState heading="Preview">
                            <p>"The normalised document stands here as you type, with everything that was found or inferred."</p>
                        </EmptyState>
                    }
                        .into_any()
                }
                Checked::Unreadable(issue) => view! { <h2>"Not readable"</h2> <IssueList issues=vec![issue] /> }.into_any(),
                Checked::Refused(issues) => view! { <h2>"Will be refused"</h2> <IssueList issues /> }.into_any(),
                Checked::Items(items) => view! { <Items items /> }.into_any(),
                Checked::Export(export) => view! { <ExportPreview export /> }.into_any(),
            }}
        </section>
    }
}

/// What this server is set to do with what it gets.
#[derive(Default)]
struct Rules {
    maskers: Maskers,
    limits: Limits,
}

#[derive(Clone, PartialEq)]
enum Checked {
    Empty,
    Unreadable(Issue),
    /// As a whole.
    Refused(Vec<Issue>),
    Items(Vec<Result<Normalized, Refused>>),
    Export(Export),
}

/// An export request of OpenTelemetry, as the traces that it would make by itself.
#[derive(Clone, PartialEq)]
struct Export {
    traces: Vec<(Trace, Explanation)>,
    total: usize,
    rejected: Vec<Issue>,
}

/// Runs the server's own code on the text.
fn check(text: &str, rules: &Rules) -> Checked {
    if text.trim().is_empty() {
        return Checked::Empty;
    }
    if wire::is_meant(text) {
        return match wire::read(text) {
            Err(issue) => Checked::Unreadable(issue),
            Ok(request) => Checked::Export(folded(request, rules)),
        };
    }
    let body = match body::split(text, Layout::Detect) {
        Err(issue) => return Checked::Unreadable(issue),
        Ok(body) => body,
    };
    if let Some(issue) = body.too_many(&rules.limits) {
        return Checked::Refused(vec![issue]);
    }
    let items = match body {
        Body::One(item) => vec![item],
        Body::Batch(items) if items.is_empty() => return Checked::Refused(ApiError::EmptyBatch.issues()),
        Body::Batch(items) => items,
    };
    let context = Context { depth: rules.limits.deepest(), ..Context::with_id(now(), "tr_…", Source::Json) };
    let masked = |mut done| {
        rules.maskers.document(&mut done);
        done
    };
    Checked::Items(items.into_iter().map(|item| normalize(item, &context).map(masked)).collect())
}

/// What the server makes of the spans, where it has none of the same traces.
fn folded(request: wire::Request, rules: &Rules) -> Export {
    let (spans, rejected) = request.into_spans(&rules.limits);
    let mut traces: BTreeMap<(String, String), Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry((span.project_id(), span.trace_id.clone())).or_default().push(span);
    }
    let total = traces.len();
    let shown = traces.into_iter().take(SHOWN).filter_map(|((project_id, _), mut spans)| {
        rules.maskers.of(&project_id).map(|masker| masker.spans(&mut spans));
        let explanation = otlp::explain(&spans, &project_id, SHOWN);
        otlp::fold(&spans, &project_id, now()).ok().map(|done| (done.trace, explanation))
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|(trace, _)| trace.created_at);
    Export { traces: shown, total, rejected: rejected.iter().map(Issue::from).collect() }
}

#[component]
fn ExportPreview(export: Export) -> impl IntoView {
    let Export { traces, total, rejected } = export;
    let heading = match total {
        0 => "Holds no span that can be kept".to_owned(),
        total => format!("Spans of {}", format::things(total as i64, "trace")),
    };
    let cut = (total > traces.len()).then(|| view! { <p class="muted">{format!("Showing {} of {total}.", traces.len())}</p> });
    let drawn = traces.into_iter().map(|(trace, explanation)| {
        view! {
            <article class="item">
                <h3>{trace.trace_id.clone()}</h3>
                <Mapping explanation />
                <JsonBlock label="Trace of these spans" value=trace />
            </article>
        }
    });
    view! {
        <h2>{heading}</h2>
        {cut}
        {(!rejected.is_empty()).then(|| view! { <article class="item refused"><IssueList issues=rejected /></article> })}
        {drawn.collect_view()}
    }
}

#[component]
fn Items(items: Vec<Result<Normalized, Refused>>) -> impl IntoView {
    let total = items.len();
    let refused = items.iter().filter(|item| item.is_err()).count();
    let heading = match (total, refused) {
        (1, 0) => "Will be stored".to_owned(),
        (1, _) => "Will be refused".to_owned(),
        (_, 0) => format!("{} will be stored", format::things(total as i64, "trace")),
        _ => format!("{} will be stored, {} refused", format::things((total - refused) as i64, "trace"), format::count(refused as i64)),
    };
    // Where not all are drawn, those that need a look come first.
    let mut numbered: Vec<_> = items.into_iter().enumerate().collect();
    if total > SHOWN {
        numbered.sort_by_key(|(_, item)| item.is_ok());
        numbered.truncate(SHOWN);
    }
    let cut = (total > SHOWN).then(|| view! { <p class="muted">{format!("Showing {SHOWN} of {total}, refused ones first.")}</p> });
    let drawn = numbered.into_iter().map(|(index, item)| {
        let label = if total == 1 { "Normalised document".to_owned() } else { format!("Document {} of {total}", index + 1) };
        match item {
            Ok(done) => {
                view! { <article class="item"><IssueList issues=done.issues /><JsonBlock label value=done.trace /></article> }.into_any()
            }
            Err(refused) => {
                view! { <article class="item refused">{(total > 1).then(|| view! { <h3>{label}</h3> })}<IssueList issues=refused.issues /></article> }.into_any()
            }
        }
    });
    view! {
        <h2>{heading}</h2>
        {cut}
        {drawn.collect_view()}
    }
}
