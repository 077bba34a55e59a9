use mongodb::bson::{Bson, DateTime, RawBson, RawDocumentBuf, error::Error, raw::cstr};
use serde_json::{Map, Value};

/// A document that is being written, in one pass: what stands deep inside is copied once.
pub(super) struct Fields<'a>(&'a mut Vec<u8>);

/// What can't be a field.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("a field name holds the character NUL")]
    Name,
    #[error("it is longer than 2 GB")]
    Size,
    #[error(transparent)]
    Id(#[from] Error),
}

/// A document of about so many bytes.
pub(super) fn document(bytes: usize, write: impl FnOnce(&mut Fields<'_>) -> Result<(), Unwritable>) -> Result<RawDocumentBuf, Unwritable> {
    let mut out = Vec::with_capacity(bytes);
    framed(&mut out, |out| write(&mut Fields(out)))?;
    Ok(RawDocumentBuf::from_bytes(out)?)
}

/// The length of what is written, it, and a NUL behind.
fn framed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>) -> Result<(), Unwritable> {
    let start = out.len();
    out.extend([0; 4]);
    write(out)?;
    out.push(0);
    let length = i32::try_from(out.len() - start).map_err(|_| Unwritable::Size)?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

impl Fields<'_> {
    fn begin(&mut self, kind: u8, name: &str) -> Result<&mut Vec<u8>, Unwritable> {
        if name.contains('\0') {
            return Err(Unwritable::Name);
        }
        self.0.push(kind);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        Ok(self.0)
    }

    /// Any value of another writer's; ours are written as below.
    pub fn id(&mut self, id: &Bson) -> Result<(), Unwritable> {
        let mut alone = RawDocumentBuf::new();
        alone.append(cstr!("_id"), RawBson::try_from(id.clone())?);
        let bytes = alone.as_bytes();
        self.0.extend_from_slice(&bytes[4..bytes.len() - 1]);
        Ok(())
    }

    pub fn text(&mut self, name: &str, text: &str) -> Result<(), Unwritable> {
        let out = self.begin(0x02, name)?;
        let length = i32::try_from(text.len() + 1).map_err(|_| Unwritable::Size)?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text.as_bytes());
        out.push(0);
        Ok(())
    }

    pub fn float(&mut self, name: &str, number: f64) -> Result<(), Unwritable> {
        self.begin(0x01, name)?.extend_from_slice(&number.to_le_bytes());
        Ok(())
    }

    pub fn integer(&mut self, name: &str, number: i64) -> Result<(), Unwritable> {
        self.begin(0x12, name)?.extend_from_slice(&number.to_le_bytes());
        Ok(())
    }

    pub fn flag(&mut self, name: &str, flag: bool) -> Result<(), Unwritable> {
        self.begin(0x08, name)?.push(u8::from(flag));
        Ok(())
    }

    pub fn date(&mut self, name: &str, date: DateTime) -> Result<(), Unwritable> {
        self.begin(0x09, name)?.extend_from_slice(&date.timestamp_millis().to_le_bytes());
        Ok(())
    }

    pub fn null(&mut self, name: &str) -> Result<(), Unwritable> {
        self.begin(0x0A, name).map(drop)
    }

    pub fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Fields<'_>, &str, T) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        framed(self.begin(0x04, name)?, |out| {
            items.into_iter().enumerate().try_for_each(|(place, item)| write(&mut Fields(out), &place.to_string(), item))
        })
    }

    pub fn within(&mut self, name: &str, write: impl FnOnce(&mut Fields<'_>) -> Result<(), Unwritable>) -> Result<(), Unwritable> {
        framed(self.begin(0x03, name)?, |out| write(&mut Fields(out)))
    }

    pub fn object(&mut self, name: &str, fields: &Map<String, Value>) -> Result<(), Unwritable> {
        self.within(name, |inner| fields.iter().try_for_each(|(name, value)| inner.value(name, value)))
    }

    pub fn value(&mut self, name: &str, value: &Value) -> Result<(), Unwritable> {
        match value {
            Value::Null => self.null(name),
            Value::Bool(flag) => self.flag(name, *flag),
            Value::Number(number) => match (number.as_i64(), number.as_f64().filter(|_| number.is_f64())) {
                (_, Some(float)) => self.float(name, float),
                (Some(integer), None) => self.integer(name, integer),
                // An integer beyond 64 bits came as text, so there is none here; if there were, text it would be.
                (None, None) => self.text(name, &number.to_string()),
            },
            Value::String(text) => self.text(name, text),
            Value::Array(items) => self.array(name, items, |fields, place, item| fields.value(place, item)),
            Value::Object(fields) => self.object(name, fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
    use serde_json::json;

    use super::{Unwritable, document};

    #[test]
    fn what_is_written_is_what_the_driver_reads() {
        let id = ObjectId::new();
        let values = json!({"a": [1, 2.5, null, {"b": "c\0d"}, []], "é": "漢字", "": {}, "t": true, "whole": 3.0, "least": i64::MIN});
        let written = document(0, |fields| {
            fields.id(&Bson::ObjectId(id))?;
            fields.date("at", DateTime::from_millis(-5))?;
            fields.object("values", values.as_object().unwrap())
        });
        let read = Document::try_from(written.unwrap()).unwrap();
        let values = doc! {
            "a": [1_i64, 2.5, Bson::Null, doc! { "b": "c\0d" }, Bson::Array(Vec::new())], "é": "漢字", "": doc! {}, "t": true, "whole": 3.0,
            "least": i64::MIN,
        };
        assert_eq!(read, doc! { "_id": id, "at": DateTime::from_millis(-5), "values": values });
    }

    #[test]
    fn a_name_that_would_end_early_is_none() {
        assert!(matches!(document(0, |fields| fields.null("a\0b")), Err(Unwritable::Name)));
    }
}
