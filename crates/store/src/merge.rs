use tracellm_trace::{Timestamp, Trace};

use crate::NewTrace;

/// What a document that came means for the one that stands.
#[derive(Debug, PartialEq)]
pub(crate) enum Merged {
    /// It says the same.
    Duplicate,
    /// It says something else; this is to be stored instead.
    Updated(Box<Trace>),
}

/// Compares what came with what is stored under the same key. Times that came from the clock give way to the stored ones.
pub(crate) fn merge(stored: &Trace, new: NewTrace) -> Merged {
    let NewTrace { mut trace, filled } = new;
    if filled.created_at {
        let shift = stored.created_at.millis() - trace.created_at.millis();
        for index in filled.step_times {
            if let Some(step) = trace.steps.get_mut(index) {
                step.timestamp = Timestamp::from_millis_clamped(step.timestamp.millis().saturating_add(shift));
            }
        }
        trace.created_at = stored.created_at;
    }
    if says_the_same(stored, &mut trace) { Merged::Duplicate } else { Merged::Updated(Box::new(trace)) }
}

/// Whether only `updated_at`, `source` and `api_key` differ: when it was stored, how it came in, and by whose key.
fn says_the_same(stored: &Trace, new: &mut Trace) -> bool {
    let own = (new.updated_at, new.source, new.api_key.take());
    (new.updated_at, new.source) = (stored.updated_at, stored.source);
    new.api_key.clone_from(&stored.api_key);
    let is_same = new == stored;
    (new.updated_at, new.source, new.api_key) = own;
    is_same
}

#[cfg(test)]
mod tests {
    use tracellm_trace::{Context, Source, Timestamp, Trace, normalize};

    use super::{Merged, merge};
    use crate::NewTrace;

    fn at(millis: i64, raw: &str) -> NewTrace {
        let now = Timestamp::from_millis(millis).unwrap();
        normalize(raw, &Context::with_id(now, "fresh", Source::Json)).unwrap().into()
    }

    #[track_caller]
    fn updated(stored: &str, new: &str) -> Trace {
        match merge(&at(1_000, stored).trace, at(2_500, new)) {
            Merged::Updated(trace) => *trace,
            Merged::Duplicate => panic!("{new} counts as the same as {stored}"),
        }
    }

    #[test]
    fn the_same_again_is_a_duplicate_whatever_the_clock_says() {
        let given = r#"{"trace_id":"t","created_at":5,"steps":[{"duration":2},{}]}"#;
        let counted = r#"{"trace_id":"t","steps":[{"duration":2},{"timestamp":9},{}]}"#;
        for raw in [given, counted] {
            assert_eq!(merge(&at(1_000, raw).trace, at(2_500, raw)), Merged::Duplicate, "{raw}");
        }
    }

    #[test]
    fn who_sent_it_and_how_is_not_compared() {
        let stored = at(1, r#"{"trace_id":"t","api_key":"one"}"#).trace;
        let again = at(1, r#"{"trace_id":"t","api_key":"two","source":"otlp"}"#);
        assert_ne!(again.trace.source, stored.source);
        assert_eq!(merge(&stored, again), Merged::Duplicate);
    }

    #[test]
    fn an_update_keeps_the_stored_start_and_counts_from_it() {
        let trace = updated(r#"{"trace_id":"t"}"#, r#"{"trace_id":"t","steps":[{"duration":2.5},{"timestamp":9},{}]}"#);
        assert_eq!(trace.created_at.millis(), 1_000);
        assert_eq!(trace.steps.iter().map(|step| step.timestamp.millis()).collect::<Vec<_>>(), [1_000, 9_000, 1_002]);
        assert_eq!(trace.updated_at.millis(), 2_500);
    }

    #[test]
    fn a_given_start_replaces_the_stored_one() {
        let trace = updated(r#"{"trace_id":"t"}"#, r#"{"trace_id":"t","created_at":5,"api_key":"k"}"#);
        assert_eq!((trace.created_at.millis(), trace.api_key.as_deref()), (5_000, Some("k")));
    }
}
