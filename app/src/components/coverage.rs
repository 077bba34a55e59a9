use leptos::prelude::*;
use tracellm_trace::Coverage;

use crate::format;

/// Says how far a search came, where it did not look at everything.
#[component]
pub fn CoverageNote(coverage: Option<Coverage>) -> impl IntoView {
    coverage.map(|Coverage { until, not_indexed }| {
        let stopped = until.map(|until| format!("The search took long and stopped at what started {}. ", format::exact_time(until)));
        let lately = (not_indexed > 0).then(|| {
            let traces = format::things(format::whole(not_indexed), "trace");
            format!("{traces} stored lately are still being read and will be found in a moment. ")
        });
        let other = (until.is_none() && not_indexed == 0)
            .then_some("The search took long and stopped, so there may be more than these numbers say.");
        view! { <p class="coverage" role="status">{stopped}{lately}{other}</p> }
    })
}
