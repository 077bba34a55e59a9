use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{Detector, Masked, Masker, secrets::is_secret_name};
use crate::{Trace, otlp::Span};

/// The attributes that spans of one emitter share.
type Resource = Arc<Map<String, Value>>;

impl Masker {
    /// Masks every text of a trace that its sender wrote freely: not its ids, names of model, project and environment, and times.
    pub fn trace(&self, trace: &mut Trace) -> Masked {
        let mut masked = Masked::new();
        let texts = [
            Some(&mut trace.prompt),
            trace.response.as_mut(),
            trace.failure_reason.as_mut(),
            trace.session_id.as_mut(),
            trace.user_id.as_mut(),
        ];
        texts.into_iter().flatten().chain(&mut trace.tags).for_each(|text| self.in_place(text, &mut masked));
        // Two that look the same now are one.
        let mut seen = BTreeSet::new();
        trace.tags.retain(|tag| seen.insert(tag.clone()));
        self.fields(&mut trace.metadata, &mut masked);
        for step in &mut trace.steps {
            self.in_place(&mut step.tool_name, &mut masked);
            step.error.iter_mut().for_each(|text| self.in_place(text, &mut masked));
            for fields in [&mut step.input, &mut step.output, &mut step.metadata] {
                self.fields(fields, &mut masked);
            }
        }
        masked
    }

    /// Masks every text of spans. Those of one resource go on sharing it.
    pub fn spans<'a>(&self, spans: impl IntoIterator<Item = &'a mut Span>) -> Masked {
        let mut masked = Masked::new();
        let mut resources: HashMap<*const Map<String, Value>, [Resource; 2]> = HashMap::new();
        for span in spans {
            self.in_place(&mut span.name, &mut masked);
            self.in_place(&mut span.status_message, &mut masked);
            self.fields(&mut span.attributes, &mut masked);
            for event in &mut span.events {
                self.in_place(&mut event.name, &mut masked);
                self.fields(&mut event.attributes, &mut masked);
            }
            // The one that was given is kept as long as its address says which it is.
            let [_, done] = resources.entry(Arc::as_ptr(&span.resource)).or_insert_with(|| {
                let mut resource = Map::clone(&span.resource);
                self.fields(&mut resource, &mut masked);
                [span.resource.clone(), Arc::new(resource)]
            });
            span.resource = done.clone();
        }
        masked
    }

    fn in_place(&self, text: &mut String, masked: &mut Masked) {
        if let Some(done) = self.text(text, masked) {
            *text = done;
        }
    }

    fn value(&self, value: &mut Value, masked: &mut Masked) {
        match value {
            Value::String(text) => self.in_place(text, masked),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, masked)),
            Value::Object(fields) => self.fields(fields, masked),
            _ => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>, masked: &mut Masked) {
        let wants_secrets = self.detectors.contains(&Detector::Secret);
        let mut has_names = false;
        for (name, value) in fields.iter_mut() {
            if wants_secrets && is_secret_name(name) {
                hide(value, masked);
            } else {
                self.value(value, masked);
            }
            has_names |= self.text(name, &mut Masked::new()).is_some();
        }
        if !has_names {
            return;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for (name, value) in mem::take(fields) {
            let name = self.text(&name, masked).unwrap_or(name);
            let mut free = name.clone();
            // Two that look the same now are still two.
            while fields.contains_key(&free) {
                let count = counts.entry(name.clone()).or_insert(1);
                *count += 1;
                free = format!("{name}_{count}");
            }
            fields.insert(free, value);
        }
    }
}

/// Hides everything that stands under a name of a secret: texts and numbers, also of lists.
fn hide(value: &mut Value, masked: &mut Masked) {
    match value {
        Value::String(text) if text.is_empty() || text == Detector::Secret.label() => {}
        Value::String(_) | Value::Number(_) => {
            *value = Value::from(Detector::Secret.label());
            *masked.entry(Detector::Secret.as_str().to_owned()).or_default() += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, masked)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, masked)),
        Value::Null | Value::Bool(_) => {}
    }
}
