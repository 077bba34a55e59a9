use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    io,
};

use tracellm_trace::{
    Issue, Outcome, Refused, Timestamp,
    otlp::{self, Span},
};
use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe::get_frame_content_size,
};

use crate::{NewSpan, NewTrace, PutOutcome, StoreError, turns::in_turns};

/// The spans of one trace that came together, ready to be written.
pub(crate) struct SpanBatch {
    pub project_id: String,
    pub trace_id: String,
    /// The spans as they are kept: each once, in the version that stands.
    pub packed: Vec<u8>,
    now: Timestamp,
    came: Vec<Came>,
}

/// A span that came.
struct Came {
    /// In the request.
    position: usize,
    span_id: String,
    /// What became of it among those that came with it.
    outcome: Outcome,
}

/// A batch put to the spans that stand already.
pub(crate) struct Joined {
    /// What they make, all together.
    pub trace: NewTrace,
    /// What is to be kept of the batch; none where all of it stood.
    pub packed: Option<Vec<u8>>,
    pub outcomes: Outcomes,
}

/// Of spans by their positions in the request.
pub(crate) type Outcomes = Vec<(usize, PutOutcome)>;

/// Puts the spans of a request together by trace, in the order in which they came, each with the document that they make if they are all
/// of it, as `write` has it; says which can't be stored, and why.
pub(crate) async fn batches<D>(
    spans: Vec<NewSpan>,
    now: Timestamp,
    write: impl Fn(NewTrace) -> Result<D, StoreError>,
) -> Result<(Vec<(SpanBatch, D)>, Outcomes), StoreError> {
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let mut traces: Vec<((String, String), Standing, Vec<Came>)> = Vec::new();
    for (position, NewSpan { project_id, span }) in spans.into_iter().enumerate() {
        let key = (project_id, span.trace_id.clone());
        let place = *places.entry(key).or_insert_with_key(|key| {
            traces.push((key.clone(), Standing::default(), Vec::new()));
            traces.len() - 1
        });
        let (_, standing, came) = &mut traces[place];
        let span_id = span.span_id.clone();
        came.push(Came { position, span_id, outcome: standing.add(span) });
    }
    let mut batches = Vec::with_capacity(traces.len());
    let mut refused = Outcomes::new();
    let make = |((project_id, trace_id), standing, came): ((String, String), Standing, Vec<Came>)| {
        match document_of(&standing.spans, &project_id, now) {
            Ok(trace) => batches.push((SpanBatch { packed: pack(&standing.spans)?, project_id, trace_id, now, came }, write(trace)?)),
            Err(issue) => refused.extend(came.into_iter().map(|span| (span.position, Err(issue.clone())))),
        }
        Ok(())
    };
    in_turns(traces, make).await?;
    Ok((batches, refused))
}

impl SpanBatch {
    /// What became of the spans if no other of their trace stood.
    pub fn outcomes(&self) -> Outcomes {
        self.came.iter().map(|span| (span.position, Ok(span.outcome))).collect()
    }

    /// The same for all of them.
    pub fn refused(&self, issue: &Issue) -> Outcomes {
        self.came.iter().map(|span| (span.position, Err(issue.clone()))).collect()
    }

    /// Puts them to those that stand.
    ///
    /// # Errors
    /// Outside: what is stored can't be read. Inside: they make no trace together.
    pub fn join(&self, mut all: Standing) -> Result<Result<Joined, Issue>, StoreError> {
        let mut added = Vec::new();
        let mut outcomes: HashMap<String, Outcome> = HashMap::new();
        for span in unpack(&self.packed)? {
            let outcome = all.add(span.clone());
            outcomes.insert(span.span_id.clone(), outcome);
            if outcome != Outcome::Duplicate {
                added.push(span);
            }
        }
        let trace = match document_of(&all.spans, &self.project_id, self.now) {
            Ok(trace) => trace,
            Err(issue) => return Ok(Err(issue)),
        };
        let outcome_of = |span: &Came| match span.outcome {
            Outcome::Duplicate => Outcome::Duplicate,
            _ => outcomes.get(&span.span_id).copied().unwrap_or(Outcome::Duplicate),
        };
        let outcomes = self.came.iter().map(|span| (span.position, Ok(outcome_of(span)))).collect();
        let packed = (!added.is_empty()).then(|| pack(&added)).transpose()?;
        Ok(Ok(Joined { trace, packed, outcomes }))
    }
}

/// The spans of a trace, each once, in the version that stands.
#[derive(Default)]
pub(crate) struct Standing {
    spans: Vec<Span>,
    places: HashMap<String, usize>,
}

impl Standing {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn add(&mut self, span: Span) -> Outcome {
        match self.places.entry(span.span_id.clone()) {
            Entry::Vacant(free) => {
                free.insert(self.spans.len());
                self.spans.push(span);
                Outcome::Created
            }
            Entry::Occupied(place) => {
                let known = &mut self.spans[*place.get()];
                if !span.outranks(known) {
                    return Outcome::Duplicate;
                }
                *known = span;
                Outcome::Updated
            }
        }
    }

    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }
}

/// Every level of compression costs time on the way in, and the first one saves the most.
const LEVEL: i32 = 1;
/// More than the spans of any request take; room for so many bytes is made before they are seen.
const MAX_UNPACKED: usize = 1 << 30;

/// Room that a thread keeps for the next spans.
const KEPT_ROOM: usize = 1 << 20;

thread_local! {
    // To make one asks the processor what it can, which takes longer on a virtual machine than to compress some spans.
    static PACKER: RefCell<io::Result<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL));
    // Grown once, as spans of one kind take much the same room.
    static JSON: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static UNPACKER: RefCell<io::Result<Decompressor<'static>>> = RefCell::new(Decompressor::new());
}

/// Spans as both homes keep them: a list of JSON, compressed.
pub(crate) fn pack(spans: &[Span]) -> Result<Vec<u8>, StoreError> {
    JSON.with_borrow_mut(|json| {
        json.clear();
        serde_json::to_writer(&mut *json, spans)
            .map_err(|error| StoreError::Failed(format!("spans can't be written as JSON ({error})")))?;
        let packed = PACKER.with_borrow_mut(|packer| match packer {
            Ok(packer) => packer.compress(json),
            Err(error) => Err(error.kind().into()),
        });
        json.shrink_to(KEPT_ROOM);
        packed.map_err(|error| StoreError::Failed(format!("spans can't be compressed ({error})")))
    })
}

/// Reads what was packed, or is a list of JSON as it stands.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<Span>, StoreError> {
    let unreadable = |why: String| StoreError::Failed(format!("stored spans can't be read ({why})"));
    if packed.first() == Some(&b'[') {
        return serde_json::from_slice(packed).map_err(|error| unreadable(error.to_string()));
    }
    let size = get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| *size <= MAX_UNPACKED).ok_or_else(|| unreadable("they say of no size that they can have".to_owned()))?;
    let json = UNPACKER.with_borrow_mut(|unpacker| match unpacker {
        Ok(unpacker) => unpacker.decompress(packed, size),
        Err(error) => Err(error.kind().into()),
    });
    let json = json.map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))
}

/// The document for the trace of these spans, which are all of it.
fn document_of(spans: &[Span], project_id: &str, now: Timestamp) -> Result<NewTrace, Issue> {
    otlp::document(spans, project_id, now).map(NewTrace::from).map_err(|Refused { issues, .. }| {
        let why = issues.into_iter().find(Issue::is_error);
        why.unwrap_or_else(|| Issue::error("otlp.fold", "$", "these spans make no trace"))
    })
}
