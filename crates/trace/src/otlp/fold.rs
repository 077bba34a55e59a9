use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
};

use serde_json::{Map, Value};

use super::{
    Span, given_tags,
    step::{self, Read, identifier, start, storable},
    tokens::Tokens,
};
use crate::{Context, Issue, Normalized, Refused, Source, Status, Step, StepKind, Timestamp, normalize::normalize_read};

/// In the metadata of a trace whose root span has not come yet.
pub const ROOT_MISSING: &str = "root_missing";

/// In the metadata of a trace of whose spans some came without their long texts, as their key had sent as much as it may in a day.
pub const CONTENT_DROPPED: &str = "content_dropped";

/// The trace that a set of spans makes, all of one trace id. Their order, and versions that were superseded, change nothing.
///
/// # Errors
/// There are no spans.
pub fn fold(spans: &[Span], project_id: &str, now: Timestamp) -> Result<Normalized, Refused> {
    fold_steps(0..usize::MAX, spans, project_id, now).map(|(done, _)| done)
}

/// The same with these steps only, and how many there are; everything else is over all spans.
///
/// # Errors
/// As [`fold`].
pub fn fold_steps(steps: Range<usize>, spans: &[Span], project_id: &str, now: Timestamp) -> Result<(Normalized, usize), Refused> {
    let given = given_tags(spans);
    let spans = in_order(spans);
    let context = Context::with_id(now, "", Source::Otlp);
    let tree = Tree::of(&spans);
    let Some(root) = tree.root else {
        return Err(Refused { trace_id: None, issues: vec![Issue::error("otlp.fold", "$", "no spans make no trace")] });
    };
    let (raw, steps) = tree.into_trace(root, project_id, steps, given);
    normalize_read(raw, steps, &context).map(|done| (done, spans.len()))
}

/// Each span that did something once, in the version that stands, by its start; of those that start together the longest first, as it holds the others.
pub(super) fn in_order(spans: &[Span]) -> Vec<&Span> {
    let mut standing: BTreeMap<&str, &Span> = BTreeMap::new();
    for span in spans.iter().filter(|span| !span.is_of_tags()) {
        let known = standing.entry(&span.span_id).or_insert(span);
        if !std::ptr::eq(*known, span) && span.outranks(known) {
            *known = span;
        }
    }
    let mut spans: Vec<&Span> = standing.into_values().collect();
    spans.sort_by(|a, b| (a.start_ns, Reverse(a.end_ns), &a.span_id).cmp(&(b.start_ns, Reverse(b.end_ns), &b.span_id)));
    spans
}

pub(super) struct Tree<'a> {
    pub spans: &'a [&'a Span],
    pub reads: Vec<Read>,
    /// Positions by span id.
    places: HashMap<&'a str, usize>,
    /// The root, else what comes closest: the first whose parent is not there.
    pub root: Option<usize>,
    pub root_missing: bool,
}

/// The spans that give the trace its fields, by their positions.
pub(super) struct Sources {
    /// None where the root's name stands for it.
    pub prompt: Option<usize>,
    pub response: Option<usize>,
    pub model: Option<usize>,
    pub environment: Option<usize>,
    pub session: Option<usize>,
    pub user: Option<usize>,
    pub failure: Option<usize>,
    /// The one whose request had a key.
    pub via: Option<usize>,
}

impl<'a> Tree<'a> {
    pub fn of(spans: &'a [&'a Span]) -> Self {
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
    pub fn counting(&self) -> BTreeSet<usize> {
        let tells = |place: usize, kinds: &[StepKind]| self.reads[place].tokens.is_some() && kinds.contains(&self.reads[place].kind);
        let calls: Vec<usize> = (0..self.spans.len()).filter(|place| tells(*place, &[StepKind::Llm, StepKind::Embedding])).collect();
        if calls.is_empty() {
            let telling: BTreeSet<usize> = (0..self.spans.len()).filter(|place| self.reads[*place].tokens.is_some()).collect();
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
            // Most traces have none that failed, and compare nothing.
            if failed.is_empty() && !span.failed() {
                continue;
            }
            let call = (read.name.as_str(), Value::Object(read.input.clone().into_object()).to_string());
            retries += i64::from(failed.contains(&call));
            if span.failed() {
                failed.insert(call);
            }
        }
        retries
    }

    /// The first span that says something, the root before all others.
    fn says(&self, something: impl Fn(&Read) -> bool) -> Option<usize> {
        let of_root = self.root.filter(|root| something(&self.reads[*root]));
        of_root.or_else(|| self.reads.iter().position(something))
    }

    pub fn sources(&self) -> Sources {
        let is_call = |read: &Read| read.kind == StepKind::Llm;
        let of_root = |says: fn(&Read) -> bool| self.root.filter(|root| says(&self.reads[*root]));
        let calls = || (0..self.reads.len()).filter(|place| is_call(&self.reads[*place]));
        let with_model = calls().filter(|place| self.reads[*place].model.is_some());
        let model = with_model.rev().max_by_key(|place| self.reads[*place].tokens.total());
        let failed = |span: &Span| span.failed();
        Sources {
            prompt: of_root(|read| read.input.text().is_some()).or_else(|| calls().find(|place| self.reads[*place].input.text().is_some())),
            response: of_root(|read| read.output.text().is_some())
                .or_else(|| calls().rev().find(|place| self.reads[*place].output.text().is_some())),
            model: model.or_else(|| self.reads.iter().position(|read| read.model.is_some())),
            environment: self.says(|read| read.environment.is_some()),
            session: self.says(|read| read.session.is_some()),
            user: self.says(|read| read.user.is_some()),
            failure: self.root.filter(|root| failed(self.spans[*root])).or_else(|| self.spans.iter().position(|span| failed(span))),
            via: self.root.filter(|root| self.spans[*root].via.is_some()).or_else(|| self.spans.iter().position(|span| span.via.is_some())),
        }
    }

    /// The fields of the trace as raw JSON, for the normaliser, and its steps.
    fn into_trace(self, root: usize, project_id: &str, steps: Range<usize>, given: Vec<String>) -> (Map<String, Value>, Vec<Step>) {
        let root_span = self.spans[root];
        let counting = self.counting();
        let mut tokens = Tokens::default();
        counting.iter().for_each(|place| tokens.add(&self.reads[*place].tokens));
        let begin = self.spans.iter().map(|span| span.start_ns).min().unwrap_or(0);
        let end = self.spans.iter().map(|span| span.end_ns).max().unwrap_or(0);
        let sources = self.sources();
        let of = |place: Option<usize>| place.map(|place| &self.reads[place]);
        let retries = self.retries();
        let status = match sources.failure {
            _ if root_span.failed() && !self.root_missing => Status::Failed,
            None if retries == 0 => Status::Success,
            _ => Status::Warning,
        };
        let costs: Vec<f64> = counting.iter().filter_map(|place| self.reads[*place].cost).collect();
        let via = sources.via.and_then(|place| self.spans[place].via.as_ref());
        let environment = of(sources.environment).and_then(|read| read.environment.as_deref());
        let environment = environment.or(via.map(|via| via.environment.as_str()));
        let mut tags: Vec<String> =
            self.reads.iter().flat_map(|read| &read.tags).chain(&given).map(|tag| identifier(tag)).filter(|tag| !tag.is_empty()).collect();
        tags.sort();
        tags.dedup();
        let prompt = of(sources.prompt).and_then(|read| read.input.text()).unwrap_or_else(|| root_span.name.clone());
        let fields = [
            ("trace_id", Some(root_span.trace_id.as_str().into())),
            ("project_id", Some(project_id.into())),
            ("prompt", Some(prompt.into())),
            ("response", of(sources.response).and_then(|read| read.output.text()).map(Value::from)),
            ("latency", Some((end.saturating_sub(begin) as f64 / 1e6).into())),
            ("token_count", Some(tokens.total().into())),
            ("status", Some(status.as_str().into())),
            ("retry_count", Some(retries.into())),
            ("failure_reason", sources.failure.and_then(|place| self.spans[place].error()).map(Value::from)),
            ("created_at", self.spans.first().map(|span| start(span).to_string().into())),
            ("metadata", Some(self.metadata(root_span).into())),
            ("model_name", of(sources.model).and_then(|read| read.model.as_deref()).map(Value::from)),
            ("environment", environment.map(Value::from)),
            ("api_key", via.map(|via| via.key_id.as_str().into())),
            ("session_id", of(sources.session).and_then(|read| read.session.as_deref()).map(Value::from)),
            ("user_id", of(sources.user).and_then(|read| read.user.as_deref()).map(Value::from)),
            ("tags", (!tags.is_empty()).then(|| tags.into())),
            ("cost_usd", (!costs.is_empty()).then(|| costs.iter().sum::<f64>().into())),
            ("input_tokens", tokens.input.map(Value::from)),
            ("output_tokens", tokens.output.map(Value::from)),
            ("cached_tokens", tokens.cached.map(Value::from)),
            ("reasoning_tokens", tokens.reasoning.map(Value::from)),
        ];
        let raw = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let of_steps = self.spans.iter().zip(self.reads).enumerate().take(steps.end).skip(steps.start);
        (raw, of_steps.map(|(place, (span, read))| read.into_step(span, counting.contains(&place))).collect())
    }

    fn metadata(&self, root: &Span) -> Map<String, Value> {
        let mut metadata = Map::new();
        for read in &self.reads {
            for (name, value) in &read.of_trace {
                metadata.entry(name).or_insert_with(|| value.clone());
            }
        }
        if !root.resource.is_empty() {
            metadata.insert("otel.resource".to_owned(), Value::Object(storable((*root.resource).clone())));
        }
        if self.root_missing {
            metadata.insert(ROOT_MISSING.to_owned(), true.into());
        }
        if self.spans.iter().any(|span| span.via.as_ref().is_some_and(|via| via.content_dropped)) {
            metadata.insert(CONTENT_DROPPED.to_owned(), true.into());
        }
        metadata
    }
}
