use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde_json::{Map, Value, json};

use super::{
    Span,
    step::{self, Read, identifier, start},
    tokens::Tokens,
};
use crate::{Context, Normalized, Refused, Source, Status, StepKind, Timestamp, normalize};

/// In the metadata of a trace whose root span has not come yet.
pub const ROOT_MISSING: &str = "root_missing";

/// The trace that a set of spans makes, all of one trace id. Their order, and versions that were superseded, change nothing.
///
/// # Errors
/// There are no spans.
pub fn fold(spans: &[Span], project_id: &str, now: Timestamp) -> Result<Normalized, Refused> {
    let spans = in_order(spans);
    let raw = Tree::of(&spans).trace(project_id);
    normalize(&raw.to_string(), &Context { now, fresh_id: String::new(), source: Source::Otlp, key: None })
}

/// Each span once, in the version that stands, by its start; of those that start together the longest first, as it holds the others.
fn in_order(spans: &[Span]) -> Vec<&Span> {
    let mut standing: BTreeMap<&str, &Span> = BTreeMap::new();
    for span in spans {
        let known = standing.entry(&span.span_id).or_insert(span);
        if !std::ptr::eq(*known, span) && span.rank() > known.rank() {
            *known = span;
        }
    }
    let mut spans: Vec<&Span> = standing.into_values().collect();
    spans.sort_by(|a, b| (a.start_ns, Reverse(a.end_ns), &a.span_id).cmp(&(b.start_ns, Reverse(b.end_ns), &b.span_id)));
    spans
}

struct Tree<'a> {
    spans: &'a [&'a Span],
    reads: Vec<Read>,
    /// Positions by span id.
    places: HashMap<&'a str, usize>,
    /// The root, else what comes closest: the first whose parent is not there.
    root: Option<usize>,
    root_missing: bool,
}

impl<'a> Tree<'a> {
    fn of(spans: &'a [&'a Span]) -> Self {
        let places: HashMap<&str, usize> = spans.iter().enumerate().map(|(place, span)| (span.span_id.as_str(), place)).collect();
        let root = spans.iter().position(|span| span.parent_id.is_none());
        let is_orphan = |span: &&Span| span.parent_id.as_deref().is_some_and(|parent| !places.contains_key(parent));
        let in_its_place = || spans.iter().position(is_orphan).or((!spans.is_empty()).then_some(0));
        Self {
            spans,
            reads: spans.iter().map(|span| step::read(span)).collect(),
            root: root.or_else(in_its_place),
            root_missing: root.is_none(),
            places,
        }
    }

    fn parent(&self, place: usize) -> Option<usize> {
        self.places.get(self.spans[place].parent_id.as_deref()?).copied()
    }

    /// The spans whose tokens count: model calls with no other below them, as what drives a call often repeats its sum. Where no model
    /// call tells any, the outermost that do.
    fn counting(&self) -> HashSet<usize> {
        let tells = |place: usize, kinds: &[StepKind]| self.reads[place].tokens.is_some() && kinds.contains(&self.reads[place].kind);
        let calls: Vec<usize> = (0..self.spans.len()).filter(|place| tells(*place, &[StepKind::Llm, StepKind::Embedding])).collect();
        if calls.is_empty() {
            let telling: HashSet<usize> = (0..self.spans.len()).filter(|place| self.reads[*place].tokens.is_some()).collect();
            let is_outermost = |place: &usize| !self.ancestors(*place).any(|ancestor| telling.contains(&ancestor));
            return telling.iter().copied().filter(is_outermost).collect();
        }
        let mut above: HashSet<usize> = HashSet::new();
        for call in &calls {
            for ancestor in self.ancestors(*call) {
                // Whatever stands above it was seen before.
                if !above.insert(ancestor) {
                    break;
                }
            }
        }
        calls.into_iter().filter(|call| !above.contains(call)).collect()
    }

    /// Those above a span, the nearest first; a cycle is gone around once.
    fn ancestors(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let mut seen = HashSet::from([place]);
        std::iter::successors(self.parent(place), |place| self.parent(*place)).take_while(move |place| seen.insert(*place))
    }

    /// Calls of a tool that repeat one that failed, by name and arguments.
    fn retries(&self) -> i64 {
        let mut failed = HashSet::new();
        let mut retries = 0;
        for (span, read) in self.spans.iter().zip(&self.reads).filter(|(_, read)| read.kind == StepKind::Tool) {
            let call = (read.name.as_str(), Value::Object(read.input.clone()).to_string());
            retries += i64::from(failed.contains(&call));
            if span.failed() {
                failed.insert(call);
            }
        }
        retries
    }

    /// The first of something that any span says, the root before all others.
    fn said<T>(&self, of: impl Fn(&Read) -> Option<T>) -> Option<T> {
        self.root.and_then(|root| of(&self.reads[root])).or_else(|| self.reads.iter().find_map(of))
    }

    /// The raw document, for the normaliser.
    fn trace(&self, project_id: &str) -> Value {
        let Some(root) = self.root else { return Value::Null };
        let (root_span, root_read) = (self.spans[root], &self.reads[root]);
        let counting = self.counting();
        let mut tokens = Tokens::default();
        counting.iter().for_each(|place| tokens.add(&self.reads[*place].tokens));
        let begin = self.spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
        let end = self.spans.iter().map(|span| span.end_ns).max().unwrap_or(0);
        let calls = || self.reads.iter().filter(|read| read.kind == StepKind::Llm);
        let model = calls().filter(|read| read.model.is_some()).rev().max_by_key(|read| read.tokens.total());
        let model = model.or_else(|| self.reads.iter().find(|read| read.model.is_some())).and_then(|read| read.model.clone());
        let prompt = root_read.prompt.clone().or_else(|| calls().find_map(|read| read.prompt.clone()));
        let response = root_read.response.clone().or_else(|| calls().rev().find_map(|read| read.response.clone()));
        let retries = self.retries();
        let first_failed = self.spans.iter().find(|span| span.failed());
        let status = match first_failed {
            _ if root_span.failed() && !self.root_missing => Status::Failed,
            None if retries == 0 => Status::Success,
            _ => Status::Warning,
        };
        let costs: Vec<f64> = counting.iter().filter_map(|place| self.reads[*place].cost).collect();
        let steps = self.spans.iter().zip(&self.reads).enumerate();
        let steps: Value = steps.map(|(place, (span, read))| read.step(span, counting.contains(&place))).collect();
        let mut raw = json!({
            "trace_id": root_span.trace_id,
            "project_id": project_id,
            "prompt": prompt.unwrap_or_else(|| root_span.name.clone()),
            "response": response,
            "latency": end.saturating_sub(begin) as f64 / 1e6,
            "token_count": tokens.total(),
            "status": status.as_str(),
            "retry_count": retries,
            "failure_reason": root_span.error().or_else(|| first_failed.and_then(|span| span.error())),
            "created_at": self.spans.first().map(|span| start(span).to_string()),
            "steps": steps,
            "metadata": self.metadata(root_span),
        });
        let via = root_span.via.as_ref().or_else(|| self.spans.iter().find_map(|span| span.via.as_ref()));
        let environment = self.said(|read| read.environment.clone()).or_else(|| via.map(|via| via.environment.clone()));
        let mut tags: Vec<String> =
            self.reads.iter().flat_map(|read| read.tags.iter()).map(|tag| identifier(tag)).filter(|tag| !tag.is_empty()).collect();
        tags.sort();
        tags.dedup();
        let optional = [
            ("model_name", model.map(Value::from)),
            ("environment", environment.map(Value::from)),
            ("api_key", via.map(|via| via.key_id.as_str().into())),
            ("session_id", self.said(|read| read.session.clone()).map(Value::from)),
            ("user_id", self.said(|read| read.user.clone()).map(Value::from)),
            ("tags", (!tags.is_empty()).then(|| tags.into())),
            ("cost_usd", (!costs.is_empty()).then(|| costs.iter().sum::<f64>().into())),
            ("input_tokens", tokens.input.map(Value::from)),
            ("output_tokens", tokens.output.map(Value::from)),
            ("cached_tokens", tokens.cached.map(Value::from)),
            ("reasoning_tokens", tokens.reasoning.map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                raw[name] = value;
            }
        }
        raw
    }

    fn metadata(&self, root: &Span) -> Map<String, Value> {
        let mut metadata = Map::new();
        for read in &self.reads {
            for (name, value) in &read.of_trace {
                metadata.entry(name).or_insert_with(|| value.clone());
            }
        }
        if !root.resource.is_empty() {
            metadata.insert("otel.resource".to_owned(), root.resource.clone().into());
        }
        if self.root_missing {
            metadata.insert(ROOT_MISSING.to_owned(), true.into());
        }
        metadata
    }
}
