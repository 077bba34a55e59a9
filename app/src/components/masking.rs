use leptos::{ev::SubmitEvent, prelude::*};
use tracellm_trace::masking::{Detector, MaskRules, Masked, Masker, Masking};

use crate::{
    ApiError,
    components::{ErrorPanel, Heading, PlainTable},
    format,
    functions::{get_masking, set_masking},
};

/// What is masked before it is stored: the rules, a form that changes one, and what a text would become under it, by the same code here.
#[component]
pub fn MaskingRules() -> impl IntoView {
    let set = Action::new(|masking: &Masking| set_masking(masking.clone()));
    let found = Resource::new(move || set.version().get(), |_| get_masking());
    let failed = move || set.value().get().and_then(Result::err).map(|error| view! { <ErrorPanel error /> });
    view! {
        <Transition fallback=|| view! { <p class="muted">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match found.await {
                    Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    Ok(None) => view! { <p class="muted none">"The rules are known to those who have a role in every project, when the database answers."</p> }.into_any(),
                    Ok(Some(masking)) => view! { <Rules masking=masking.clone() /> <RuleForm masking set /> }.into_any(),
                }
            })}
        </Transition>
        {failed}
    }
}

#[component]
fn Rules(masking: Masking) -> impl IntoView {
    if masking == Masking::default() {
        return view! { <p class="muted none">"Nothing is masked: texts are stored as they come."</p> }.into_any();
    }
    let row = |name: String, rules: MaskRules| {
        let has = |detector| if rules.detectors.contains(&detector) { "masked" } else { "–" };
        let cells = Detector::ALL.map(|detector| view! { <td>{has(detector)}</td> });
        let patterns = rules.patterns.keys().cloned().collect::<Vec<_>>().join(", ");
        view! { <tr><td>{name}</td>{cells.collect_view()}<td class="id">{if patterns.is_empty() { "–".to_owned() } else { patterns }}</td></tr> }
    };
    let rows = masking.projects.into_iter().map(|(project_id, rules)| row(project_id, rules));
    let rows = rows.chain([row("all others".to_owned(), masking.default)]).collect_view();
    let headings = ["Project", "Secrets", "E-mail", "Cards", "Phones", "Own patterns"].map(Heading::Text).to_vec();
    view! { <PlainTable class="masking" headings>{rows}</PlainTable> }.into_any()
}

/// What each detector finds, in words.
fn label(detector: Detector) -> &'static str {
    match detector {
        Detector::Secret => "Secrets: keys, tokens, passwords",
        Detector::Email => "E-mail addresses",
        Detector::Card => "Card numbers",
        Detector::Phone => "Phone numbers",
    }
}

const EXAMPLE: &str = "Ada (ada@example.com, +44 20 7946 0958) paid with 4111 1111 1111 1111.\nOPENAI_API_KEY=sk-proj-abc123DEF456ghi789";

#[component]
fn RuleForm(masking: Masking, set: Action<Masking, Result<(), ApiError>>) -> impl IntoView {
    let project_id = RwSignal::new(String::new());
    let chosen = Detector::ALL.map(|detector| (detector, RwSignal::new(false)));
    let patterns = RwSignal::new(String::new());
    let text = RwSignal::new(EXAMPLE.to_owned());
    let stored = StoredValue::new(masking);
    // The rule that the form is about, as it is set.
    Effect::new(move || {
        let rules = stored.with_value(|masking| match project_id.get().trim() {
            "" => masking.default.clone(),
            project_id => masking.of(project_id).clone(),
        });
        for (detector, is_chosen) in chosen {
            is_chosen.set(rules.detectors.contains(&detector));
        }
        patterns.set(rules.patterns.iter().map(|(name, pattern)| format!("{name} = {pattern}")).collect::<Vec<_>>().join("\n"));
    });
    let rules = move || MaskRules {
        detectors: chosen.into_iter().filter(|(_, is_chosen)| is_chosen.get()).map(|(detector, _)| detector).collect(),
        patterns: patterns.with(|lines| lines.lines().filter(|line| !line.trim().is_empty()).map(pattern).collect()),
    };
    let asked = move || {
        let mut masking = stored.get_value();
        match project_id.get_untracked().trim() {
            "" => masking.default = untrack(rules),
            project_id => drop(masking.projects.insert(project_id.to_owned(), untrack(rules))),
        }
        masking
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        set.dispatch(asked());
    };
    let boxes = chosen.into_iter().map(|(detector, is_chosen)| {
        view! { <label class="choice"><input type="checkbox" name=detector.as_str() bind:checked=is_chosen />{label(detector)}</label> }
    });
    view! {
        <form class="masking-form needs-script" aria-label="What is masked" on:submit=submit>
            <div class="rule">
                <label><span>"Project"</span><input type="text" name="project_id" placeholder="all others" bind:value=project_id /></label>
                <fieldset><legend>"Mask"</legend>{boxes.collect_view()}</fieldset>
                <label>
                    <span>"Own patterns, a line each: name = regular expression"</span>
                    <textarea name="patterns" rows="3" spellcheck="false" placeholder="order = ORD-[0-9]{6}" bind:value=patterns></textarea>
                </label>
                <div class="buttons"><button type="submit" class="button primary">"Save"</button></div>
            </div>
            <div class="rule">
                <label>
                    <span>"Try it: a text or a trace"</span>
                    <textarea name="text" rows="6" spellcheck="false" bind:value=text></textarea>
                </label>
                <Outcome rules=Signal::derive(rules) text />
            </div>
        </form>
    }
}

/// `name = pattern`; without a name it is refused, as the server does.
fn pattern(line: &str) -> (String, String) {
    let (name, pattern) = line.split_once('=').unwrap_or(("", line));
    (name.trim().to_owned(), pattern.trim().to_owned())
}

/// What a text becomes under these rules.
#[component]
fn Outcome(rules: Signal<MaskRules>, text: RwSignal<String>) -> impl IntoView {
    move || {
        let rules = rules.get();
        let issues = Masking { default: rules.clone(), ..Masking::default() }.check();
        if let Some(issue) = issues.first() {
            let name = issue.path.strip_prefix("default.patterns.").unwrap_or(&issue.path).to_owned();
            return view! { <p class="callout failed" role="alert">{format!("`{name}` {}", issue.message)}</p> }.into_any();
        }
        let mut masked = Masked::new();
        let becomes =
            text.with(|text| Masker::new(&rules).and_then(|masker| masker.text(text, &mut masked)).unwrap_or_else(|| text.clone()));
        let counts: Vec<_> = masked.iter().map(|(name, count)| format!("{} {name}", format::count(format::whole(*count)))).collect();
        let said = if counts.is_empty() { "Nothing in it is masked.".to_owned() } else { format!("Masked: {}.", counts.join(", ")) };
        view! {
            <figure class="becomes" aria-label="What it becomes">
                <pre>{becomes}</pre>
                <figcaption class="muted"><span role="status">{said}</span></figcaption>
            </figure>
        }
        .into_any()
    }
}
