use std::{collections::BTreeSet, sync::Arc};

use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_location;
use tracellm_trace::Outline;

use super::{
    ErrorPanel, StepBody,
    replay::named_step,
    time_axis::{Axis, DEEPEST, TimeAxis, bar},
};
use crate::{format, functions::get_step, visible::visible};

/// Height of a row, in px, as the style has it.
const ROW: f64 = 32.0;
/// Rows that are drawn above and below what is in view.
const BEYOND: usize = 12;
/// So long a step must be chosen until what it did is asked for, as others are passed on the way to it.
const REST: std::time::Duration = std::time::Duration::from_millis(120);

/// All steps of a long trace. Only the rows in view are drawn, so 50,000 of them scroll as ten do; what a step did is asked for once it is
/// chosen.
#[component]
pub fn LongWaterfall(
    outline: Arc<Outline>,
    project_id: String,
    trace_id: String,
    /// The step that is chosen at first.
    first: usize,
) -> impl IntoView {
    let view = View::new(outline.clone(), first);
    let list = NodeRef::<html::Div>::new();
    // The step that the address names.
    let hash = use_location().hash;
    Effect::new(move |_| {
        if let Some(step) = hash.with(|hash| named_step(hash)).filter(|step| *step < view.total) {
            view.choose(step);
            view.is_open.set(true);
            // Behind the router, which goes to the top where it finds no such row; the page may have changed by then.
            let show = move || list.try_get_untracked().flatten().into_iter().for_each(|list| list.scroll_into_view());
            set_timeout(show, std::time::Duration::from_millis(50));
        }
    });
    let (top, height) = (RwSignal::new(0.0), RwSignal::new(20.0 * ROW));
    let measure = move || {
        if let Some(list) = list.get_untracked() {
            top.set(f64::from(list.scroll_top()));
            height.set(f64::from(list.client_height()));
        }
    };
    // Whatever is chosen comes into view.
    Effect::new(move |_| {
        let place = view.place_of(view.chosen.get());
        if let (Some(place), Some(list)) = (place, list.get()) {
            let (from, height) = (place as f64 * ROW, f64::from(list.client_height()));
            let seen = f64::from(list.scroll_top());
            if from < seen || from + ROW > seen + height {
                list.set_scroll_top((from - height / 3.0).max(0.0) as i32);
            }
            measure();
        }
    });
    let window = Memo::new(move |_| {
        let rows = view.rows.with(|rows| rows.len());
        let first = ((top.get() / ROW) as usize).saturating_sub(BEYOND).min(rows);
        // In steps of some rows, so that few scrolls draw anything.
        let first = first / BEYOND * BEYOND;
        let last = (first + (height.get() / ROW) as usize + 3 * BEYOND).min(rows);
        (first, last)
    });
    // A row that leaves on one side comes back on the other with the next step: to make rows anew for each scroll fills the memory.
    let slots = Memo::new(move |_| (height.get() / ROW) as usize + 4 * BEYOND);
    let rows = move || {
        let (first, last) = window.get();
        (first..last).map(|row| row % slots.get()).collect::<Vec<_>>()
    };
    let step_in = move |slot: usize| {
        Memo::new(move |last_step: Option<&usize>| {
            let (slots, (first, last)) = (slots.get(), window.get());
            let row = first + (slot + slots - first % slots) % slots;
            // One that goes keeps what it has.
            let step = view.rows.with(|rows| rows.get(row).filter(|_| row < last).copied());
            step.or(last_step.copied()).unwrap_or_default()
        })
    };
    let above = move || format!("{}", window.get().0 as f64 * ROW);
    let below = move || format!("{}", (view.rows.with(|rows| rows.len()) - window.get().1) as f64 * ROW);
    let row = move |slot: usize| view! { <Row step=step_in(slot) view /> };
    let on_key = move |event: ev::KeyboardEvent| {
        let page = (height.get_untracked() / ROW) as isize;
        if !event.ctrl_key() && !event.meta_key() && !event.alt_key() && view.press(&event.key(), page) {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    let counted = move || {
        let (shown, all) = (view.rows.with(|rows| rows.len()), view.total);
        if shown == all { String::new() } else { format!("{} of {}", format::count(shown as i64), format::count(all as i64)) }
    };
    view! {
        <div class="waterfall long">
            <div class="tools">
                <input
                    type="search"
                    aria-label="Find steps by name"
                    placeholder="Find a step"
                    prop:value=view.sought
                    on:input=move |event| view.sought.set(event_target_value(&event))
                />
                <label class="check">
                    <input type="checkbox" prop:checked=view.only_failed on:change=move |event| view.only_failed.set(event_target_checked(&event)) />
                    "Failed only"
                </label>
                <span class="muted" aria-live="polite">{counted}</span>
                <button type="button" class="copy" on:click=move |_| view.zoom()>
                    {move || if view.zoomed.get().is_some() { "Show the whole time" } else { "Zoom to the chosen step" }}
                </button>
            </div>
            <TimeAxis axis=view.axis />
            <div
                class="rows"
                role="listbox"
                tabindex="0"
                aria-label="Steps. Arrow keys move and fold, Enter opens, n and p go to the next and previous failed step, z zooms."
                aria-activedescendant=move || format!("step-{}", view.chosen.get() + 1)
                node_ref=list
                on:scroll=move |_| measure()
                on:keydown=on_key
            >
                <svg class="spacer" height=above aria-hidden="true" />
                <For each=rows key=|slot| *slot children=row />
                <svg class="spacer" height=below aria-hidden="true" />
            </div>
            <Chosen view project_id trace_id />
        </div>
    }
}

/// What is shown of all steps, and how.
#[derive(Clone, Copy)]
struct View {
    outline: StoredValue<Arc<Outline>>,
    has_children: StoredValue<Vec<bool>>,
    total: usize,
    chosen: RwSignal<usize>,
    /// Whether what the chosen step did is shown.
    is_open: RwSignal<bool>,
    folded: RwSignal<BTreeSet<usize>>,
    sought: RwSignal<String>,
    only_failed: RwSignal<bool>,
    /// The step that fills the axis.
    zoomed: RwSignal<Option<usize>>,
    /// The steps that are left, in order.
    rows: Memo<Arc<Vec<usize>>>,
    axis: Memo<Axis>,
}

impl View {
    fn new(outline: Arc<Outline>, chosen: usize) -> Self {
        let total = outline.len();
        let (folded, sought, only_failed) = (RwSignal::new(BTreeSet::new()), RwSignal::new(String::new()), RwSignal::new(false));
        let zoomed = RwSignal::new(None::<usize>);
        let has_children = StoredValue::new(outline.has_children());
        let outline = StoredValue::new(outline);
        let rows = Memo::new(move |_| {
            let (sought, only_failed) = (sought.get().trim().to_lowercase(), only_failed.get());
            let is_sought = |outline: &Outline, step: usize| {
                (!only_failed || outline.failed.contains(&step))
                    && (sought.is_empty() || outline.name(step).to_lowercase().contains(&sought))
            };
            outline.with_value(|outline| {
                // What is sought is shown wherever it stands.
                let shown =
                    if sought.is_empty() && !only_failed { folded.with(|folded| outline.unfolded(folded)) } else { vec![true; total] };
                Arc::new((0..total).filter(|step| shown[*step] && is_sought(outline, *step)).collect::<Vec<_>>())
            })
        });
        let axis = Memo::new(move |_| {
            outline.with_value(|outline: &Arc<Outline>| match zoomed.get() {
                Some(step) => Axis { begin: outline.start[step], length: outline.duration[step].max(f64::MIN_POSITIVE) },
                None => Axis { begin: 0.0, length: outline.length.max(f64::MIN_POSITIVE) },
            })
        });
        let is_open = RwSignal::new(false);
        Self {
            outline,
            has_children,
            total,
            chosen: RwSignal::new(chosen.min(total.saturating_sub(1))),
            is_open,
            folded,
            sought,
            only_failed,
            zoomed,
            rows,
            axis,
        }
    }

    /// Where a step stands among those that are shown.
    fn place_of(self, step: usize) -> Option<usize> {
        self.rows.with(|rows| rows.binary_search(&step).ok())
    }

    /// Chooses a step, and shows it where it is hidden.
    fn choose(self, step: usize) {
        if self.rows.with_untracked(|rows| rows.binary_search(&step).is_err()) {
            self.sought.set(String::new());
            self.only_failed.set(false);
            let above = self
                .outline
                .with_value(|outline| std::iter::successors(outline.parent[step], |above| outline.parent[*above]).collect::<Vec<_>>());
            self.folded.update(|folded| folded.retain(|step| !above.contains(step)));
        }
        self.chosen.set(step);
    }

    fn move_by(self, by: isize) {
        self.rows.with_untracked(|rows| {
            let chosen = self.chosen.get_untracked();
            let place = rows.binary_search(&chosen).unwrap_or_else(|place| if by > 0 { place.wrapping_sub(1) } else { place });
            let last = rows.len().saturating_sub(1);
            let next = (place as isize).saturating_add(by).clamp(0, last as isize) as usize;
            if let Some(step) = rows.get(next) {
                self.chosen.set(*step);
            }
        });
    }

    fn zoom(self) {
        let chosen = self.chosen.get_untracked();
        self.zoomed.update(|zoomed| *zoomed = if zoomed.is_some() { None } else { Some(chosen) });
    }

    fn has_children(self, step: usize) -> bool {
        self.has_children.with_value(|has_children| has_children.get(step).copied().unwrap_or_default())
    }

    fn fold(self, step: usize, is_folded: bool) {
        self.folded.update(|folded| {
            let _ = if is_folded { folded.insert(step) } else { folded.remove(&step) };
        });
    }

    /// Says whether the key means something.
    fn press(self, key: &str, page: isize) -> bool {
        let chosen = self.chosen.get_untracked();
        match key {
            "ArrowDown" => self.move_by(1),
            "ArrowUp" => self.move_by(-1),
            "PageDown" => self.move_by(page),
            "PageUp" => self.move_by(-page),
            "Home" => self.move_by(isize::MIN / 2),
            "End" => self.move_by(isize::MAX / 2),
            "Enter" | " " => self.is_open.update(|is_open| *is_open = !*is_open),
            "ArrowRight" => self.fold(chosen, false),
            "ArrowLeft" => {
                let is_leaf = !self.has_children(chosen) || self.folded.with_untracked(|folded| folded.contains(&chosen));
                match self.outline.with_value(|outline| outline.parent[chosen]) {
                    Some(parent) if is_leaf => self.choose(parent),
                    _ => self.fold(chosen, true),
                }
            }
            "n" | "p" => {
                let next = self.outline.with_value(|outline| match key {
                    "n" => outline.failed.range(chosen + 1..).next().copied(),
                    _ => outline.failed.range(..chosen).next_back().copied(),
                });
                next.into_iter().for_each(|step| self.choose(step));
            }
            "z" => self.zoom(),
            _ => return false,
        }
        true
    }
}

/// A row, whatever step it has.
#[component]
fn Row(step: Memo<usize>, view: View) -> impl IntoView {
    let is_in = move |some: fn(&Outline) -> &BTreeSet<usize>| view.outline.with_value(|outline| some(outline).contains(&step.get()));
    let (has_failed, is_critical) = (move || is_in(|outline| &outline.failed), move || is_in(|outline| &outline.critical));
    let duration = move || view.outline.with_value(|outline| outline.duration[step.get()]);
    let again = move || match () {
        () if is_in(|outline| &outline.retries) => Some("retry"),
        () => is_in(|outline| &outline.loops).then_some("loop"),
    };
    let kind = move || view.outline.with_value(|outline| outline.kind[step.get()]).map(|kind| kind.as_str());
    let level = move || view.outline.with_value(|outline| outline.depth[step.get()].min(DEEPEST));
    let name = move || view.outline.with_value(|outline| visible(outline.name(step.get())));
    let bar = move || view.axis.get().place(view.outline.with_value(|outline| outline.start[step.get()]), duration()).map(bar);
    let said = move || {
        let outcome = if has_failed() { "failed" } else { "succeeded" };
        format!(", {outcome}{}, {}", if is_critical() { ", on the critical path" } else { "" }, format::duration(duration()))
    };
    let fold = move |event: ev::MouseEvent| {
        let step = step.get_untracked();
        if view.has_children(step) {
            event.stop_propagation();
            // So that the list stays here.
            view.chosen.set(step);
            view.fold(step, !view.folded.with_untracked(|folded| folded.contains(&step)));
        }
    };
    let choose = move |_| {
        let step = step.get_untracked();
        if view.chosen.get_untracked() == step {
            view.is_open.update(|is_open| *is_open = !*is_open);
        } else {
            view.chosen.set(step);
            view.is_open.set(true);
        }
    };
    view! {
        <div
            class="row"
            class:failed=has_failed
            class:critical=is_critical
            class:folded=move || view.folded.with(|folded| folded.contains(&step.get()))
            role="option"
            id=move || format!("step-{}", step.get() + 1)
            aria-setsize=move || view.rows.with(|rows| rows.len())
            aria-posinset=move || view.place_of(step.get()).map_or(0, |place| place + 1)
            aria-selected=move || (view.chosen.get() == step.get()).to_string()
            on:click=choose
        >
            <span class="step-name">
                <span class="step-number">{move || step.get() + 1}</span>
                <span class="fold-room" class:fold=move || view.has_children(step.get()) aria-hidden="true" on:click=fold />
                <span class=move || format!("step-tool level-{}", level())>{name}</span>
                <span class="tag" hidden=move || kind().is_none()>{kind}</span>
                <span class="tag warning" hidden=move || again().is_none()>{again}</span>
                <span class="visually-hidden">{said}</span>
            </span>
            <svg class="bar" aria-hidden="true" preserveAspectRatio="none">{bar}</svg>
            <span class="step-duration number" aria-hidden="true">{move || format::duration(duration())}</span>
        </div>
    }
}

/// What the chosen step did.
#[component]
fn Chosen(view: View, project_id: String, trace_id: String) -> impl IntoView {
    let step = Action::new(move |step: &usize| {
        let (step, project_id, trace_id) = (*step, project_id.clone(), trace_id.clone());
        async move { (step, get_step(project_id, trace_id, step).await) }
    });
    Effect::new(move |_| {
        let wanted = view.is_open.get().then(|| view.chosen.get());
        let is_still_wanted = move || view.chosen.try_get_untracked() == wanted && view.is_open.try_get_untracked() == Some(true);
        if let Some(wanted) = wanted {
            let ask = move || {
                if is_still_wanted() {
                    step.dispatch(wanted);
                }
            };
            set_timeout(ask, REST);
        }
    });
    let shown = move || {
        // An answer may come behind a later one.
        let (number, step) = step.value().get().filter(|(number, _)| view.is_open.get() && *number == view.chosen.get())?;
        let content = match step {
            Ok(step) => {
                view! { <h3 aria-live="polite">{visible(format!("{} {}", number + 1, step.tool_name))}</h3> <StepBody step /> }.into_any()
            }
            Err(error) => view! { <ErrorPanel error /> }.into_any(),
        };
        Some(view! { <div class="chosen">{content}</div> })
    };
    view! { {shown} }
}
