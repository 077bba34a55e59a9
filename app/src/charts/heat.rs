use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use tracellm_trace::{Filter, Query, Selection, stats::Heat};

use crate::{
    ApiError,
    components::{ErrorPanel, Standouts},
    format,
    functions::get_selection,
    url::{href, list_href},
};

/// Shades that one can tell apart.
const SHADES: usize = 5;

/// Fields of a map: columns from the left, bands from below, ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    from: (usize, usize),
    to: (usize, usize),
}

impl Area {
    fn columns(self) -> (usize, usize) {
        (self.from.0.min(self.to.0), self.from.0.max(self.to.0))
    }

    fn bands(self) -> (usize, usize) {
        (self.from.1.min(self.to.1), self.from.1.max(self.to.1))
    }
}

/// How many traces took how long, and when. What is selected on it tells what its traces have more often than the others.
#[component]
pub fn HeatMap(heat: Heat, filter: Filter) -> impl IntoView {
    let (columns, bands) = (heat.columns(), heat.bands());
    let view_box = format!("0 0 {columns} {bands}");
    let shades = shades(&heat).map(|(class, path)| view! { <path class=class d=path /> }).collect_view();
    let label = format!("Latencies over time: {} in the busiest field", format::things(format::whole(heat.most()), "trace"));
    let edge = |band: usize| heat.bounds.get(band).map(|ms| format::duration(*ms));
    let edges = [edge(bands), edge(bands / 2), edge(0)].map(|text| view! { <li>{text}</li> });
    let ends = heat.times.first().zip(heat.times.last()).map(|(first, last)| (format::time(*first), format::time(*last)));
    let (heat, filter) = (StoredValue::new(heat), StoredValue::new(filter));
    let chosen = RwSignal::new(None::<Area>);
    let asked = RwSignal::new(None::<Area>);
    let is_dragging = RwSignal::new(false);
    let selection = Action::new(move |area: &Area| {
        let area = *area;
        let (all, part) = (filter.get_value(), narrowed(heat, filter, area));
        async move { (area, get_selection(all, part).await) }
    });
    let ask = move || {
        asked.set(chosen.get_untracked());
        if let Some(area) = chosen.get_untracked() {
            selection.dispatch(area);
        }
    };
    let under = move |event: &ev::PointerEvent| {
        let target = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
        let room = target.get_bounding_client_rect();
        let share =
            |offset: f64, length: f64, fields: usize| ((offset / length * fields as f64).max(0.0) as usize).min(fields.saturating_sub(1));
        let column = share(f64::from(event.client_x()) - room.left(), room.width(), columns);
        let band = share(room.bottom() - f64::from(event.client_y()), room.height(), bands);
        Some((column, band))
    };
    let press = move |event: ev::PointerEvent| {
        if let Some(field) = under(&event).filter(|_| event.button() == 0) {
            is_dragging.set(true);
            chosen.set(Some(Area { from: field, to: field }));
        }
    };
    let pass = move |event: ev::PointerEvent| {
        if let Some(field) = under(&event) {
            let from = chosen.get_untracked().filter(|_| is_dragging.get_untracked()).map_or(field, |area| area.from);
            chosen.set(Some(Area { from, to: field }));
        }
    };
    let release = move |_| {
        if is_dragging.get_untracked() {
            is_dragging.set(false);
            ask();
        }
    };
    let leave = move |_| {
        is_dragging.set(false);
        chosen.set(asked.get_untracked());
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let (across, up) = match event.key().as_str() {
            "ArrowRight" => (1, 0),
            "ArrowLeft" => (-1, 0),
            "ArrowUp" => (0, 1),
            "ArrowDown" => (0, -1),
            "Enter" | " " => {
                event.prevent_default();
                return ask();
            }
            "Escape" => {
                asked.set(None);
                return chosen.set(None);
            }
            _ => return,
        };
        event.prevent_default();
        chosen.update(|chosen| {
            let moved = |at: usize, by: isize, fields: usize| at.saturating_add_signed(by).min(fields.saturating_sub(1));
            let next = chosen.map_or((columns.saturating_sub(1), bands.saturating_sub(1)), |area| {
                (moved(area.to.0, across, columns), moved(area.to.1, up, bands))
            });
            let from = chosen.filter(|_| event.shift_key()).map_or(next, |area| area.from);
            *chosen = Some(Area { from, to: next });
        });
    };
    let mark = move || {
        let area = chosen.get()?;
        let ((left, right), (low, high)) = (area.columns(), area.bands());
        Some(view! { <rect x=left y=bands - 1 - high width=right - left + 1 height=high - low + 1 /> })
    };
    let tip = move || chosen.get().map(|area| heat.with_value(|heat| told(heat, area)));
    let found = move || {
        // An answer may come behind a later question.
        let (area, found) = selection.value().get().filter(|(area, _)| asked.get() == Some(*area))?;
        let close = Callback::new(move |()| {
            asked.set(None);
            chosen.set(None);
        });
        Some(view! { <Selected area heat filter found close /> })
    };
    (columns > 0).then(|| view! {
        <figure class="panel heat-panel">
            <figcaption>"Latencies " <span class="muted needs-script">"select fields to see what their traces have in common"</span></figcaption>
            <div class="heat-frame">
                <ol class="heat-edges" aria-hidden="true">{edges}</ol>
                <div class="heat-plot">
                    <svg class="heat" viewBox=view_box.clone() preserveAspectRatio="none" role="img" aria-label=label>{shades}</svg>
                    <svg
                        class="brush"
                        viewBox=view_box
                        preserveAspectRatio="none"
                        tabindex="0"
                        role="group"
                        aria-label="Fields of time and latency: arrow keys choose, Shift extends, Enter tells what their traces have in common"
                        on:pointerdown=press
                        on:pointermove=pass
                        on:pointerup=release
                        on:pointerleave=leave
                        on:keydown=on_key
                    >
                        {mark}
                    </svg>
                    <p class="tip" aria-live="polite">{tip}</p>
                </div>
                {ends.map(|(first, last)| view! { <p class="heat-times"><span>{first}</span><span>{last}</span></p> })}
            </div>
            {found}
        </figure>
    })
}

/// What was selected, and ways to it.
#[component]
fn Selected(
    area: Area,
    heat: StoredValue<Heat>,
    filter: StoredValue<Filter>,
    found: Result<Selection, ApiError>,
    close: Callback<()>,
) -> impl IntoView {
    let found = match found {
        Ok(found) => found,
        Err(error) => return view! { <ErrorPanel error /> }.into_any(),
    };
    let selected = narrowed(heat, filter, area);
    let query = Query { filter: selected.clone(), ..Query::default() };
    let count = format::things(format::whole(found.traces), "trace");
    view! {
        <section class="selected" aria-label="What is selected" aria-live="polite">
            <p>
                <strong>{count}</strong>
                <span class="muted">{format!(" beside {} others", format::count(format::whole(found.others)))}</span>
                <a class="action" href=list_href(&query)>"List them"</a>
                <a class="action" href=href("/", &query.to_pairs())>"Narrow the page to them"</a>
                <button type="button" class="copy" on:click=move |_| close.run(())>"Close"</button>
            </p>
            <Standouts selection=found selected />
        </section>
    }
    .into_any()
}

fn narrowed(heat: StoredValue<Heat>, filter: StoredValue<Filter>, area: Area) -> Filter {
    heat.with_value(|heat| filter.with_value(|filter| heat.filter(filter, area.columns(), area.bands())))
}

/// One path for each shade, through all its fields.
fn shades(heat: &Heat) -> impl Iterator<Item = (String, String)> {
    let mut paths = vec![String::new(); SHADES];
    let (bands, most) = (heat.bands(), (heat.most() as f64).ln_1p());
    for (column, counts) in heat.counts.iter().enumerate() {
        for (band, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let shade = ((*count as f64).ln_1p() / most * SHADES as f64).ceil() as usize;
            paths[shade.clamp(1, SHADES) - 1] += &format!("M{column} {}h1v1h-1z", bands - 1 - band);
        }
    }
    let paths = paths.into_iter().enumerate().filter(|(_, path)| !path.is_empty());
    paths.map(|(shade, path)| (format!("shade-{}", shade + 1), path))
}

/// What fields hold, in words.
fn told(heat: &Heat, area: Area) -> String {
    let ((left, right), (low, high)) = (area.columns(), area.bands());
    let traces: u64 = heat.counts.iter().take(right + 1).skip(left).flat_map(|bands| bands.iter().take(high + 1).skip(low)).sum();
    let time = |at: usize| heat.times.get(at).map_or_else(String::new, |time| format::time(*time));
    let latency = |at: usize| heat.bounds.get(at).map_or_else(String::new, |ms| format::duration(*ms));
    let traces = format::things(format::whole(traces), "trace");
    format!("{} to {}, {} to {}: {traces}", time(left), time(right + 1), latency(low), latency(high + 1))
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Timestamp, stats::Heat};

    use super::{Area, shades, told};

    #[test]
    fn fields_have_shades_and_words() {
        let at = |minute: i64| Timestamp::from_millis(minute * 60_000).unwrap();
        let heat = Heat { times: vec![at(0), at(1), at(2)], bounds: vec![1.0, 10.0, 100.0], counts: vec![vec![1, 0], vec![100, 10]] };
        let drawn: Vec<_> = shades(&heat).collect();
        assert_eq!(drawn.iter().map(|(class, _)| class.as_str()).collect::<Vec<_>>(), ["shade-1", "shade-3", "shade-5"]);
        assert_eq!(drawn[0].1, "M0 1h1v1h-1z");
        let all = Area { from: (1, 1), to: (0, 0) };
        assert_eq!(told(&heat, all), "1970-01-01 00:00:00 to 1970-01-01 00:02:00, 1.0 ms to 100 ms: 111 traces");
    }
}
