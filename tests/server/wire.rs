use std::io::{self, Read};

/// The header of a message: its length, its id, the id that it answers, its kind.
const HEADER: usize = 16;
/// The only kind that commands come in, but for a driver's first greeting.
const OP_MSG: i32 = 2013;

/// A message as it came.
pub struct Message(pub Vec<u8>);

fn int(bytes: &[u8]) -> i32 {
    i32::from_le_bytes(bytes[..4].try_into().unwrap())
}

fn length(bytes: &[u8]) -> usize {
    usize::try_from(int(bytes)).unwrap()
}

impl Message {
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = vec![0; HEADER];
        from.read_exact(&mut bytes)?;
        bytes.resize(length(&bytes), 0);
        from.read_exact(&mut bytes[HEADER..])?;
        Ok(Self(bytes))
    }

    /// One document, in answer to the message of this id.
    fn of(document: &[u8], to: i32) -> Self {
        let length = i32::try_from(HEADER + 5 + document.len()).unwrap();
        let header = [length.to_le_bytes(), [0; 4], to.to_le_bytes(), OP_MSG.to_le_bytes(), [0; 4]].concat();
        Self([&header, &[0][..], document].concat())
    }

    /// An answer of one document to this message.
    pub fn answer(&self, document: &[u8]) -> Self {
        Self::of(document, int(&self.0[4..]))
    }

    /// Asks for a collection.
    pub fn create(database: &str, collection: &str) -> Self {
        Self::of(&document(&[string("create", collection), string("$db", database)]), 0)
    }

    /// The document of a command, whose first field names it. What goes with it, as the documents of an `insert` do, is passed over.
    pub fn command(&self) -> Option<Document<'_>> {
        if int(&self.0[12..]) != OP_MSG {
            return None;
        }
        // Behind the flags.
        let mut sections = &self.0[HEADER + 4..];
        while let [kind, section @ ..] = sections {
            match kind {
                0 => return Some(Document(&section[..length(section)])),
                _ => sections = &section[length(section)..],
            }
        }
        None
    }
}

/// A document of BSON.
#[derive(Clone, Copy)]
pub struct Document<'a>(&'a [u8]);

/// A value, as far as a test asks for it.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    Document(Document<'a>),
    Other,
}

impl<'a> Document<'a> {
    pub fn fields(self) -> Vec<(&'a str, Value<'a>)> {
        let mut fields = Vec::new();
        let mut rest = &self.0[4..];
        while let [kind @ 1..=u8::MAX, more @ ..] = rest {
            let name = text(more);
            let value = &more[name.len() + 1..];
            let size = match kind {
                0x01 | 0x09 | 0x11 | 0x12 => 8,
                0x02 => 4 + length(value),
                0x03 | 0x04 => length(value),
                0x05 => 5 + length(value),
                0x07 => 12,
                0x08 => 1,
                0x0a => 0,
                0x10 => 4,
                other => panic!("`{name}` is of kind {other:#x}"),
            };
            let known = match kind {
                0x02 => Value::Text(text(&value[4..])),
                0x03 => Value::Document(Document(&value[..size])),
                0x08 => Value::Bool(value[0] == 1),
                _ => Value::Other,
            };
            fields.push((name, known));
            rest = &value[size..];
        }
        fields
    }

    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

/// What stands before the next zero.
fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap();
    std::str::from_utf8(&bytes[..end]).unwrap()
}

fn field(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn string(name: &str, value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len() + 1).unwrap();
    field(0x02, name, &[&length.to_le_bytes(), value.as_bytes(), &[0]].concat())
}

fn document(fields: &[Vec<u8>]) -> Vec<u8> {
    let fields = fields.concat();
    let length = u32::try_from(fields.len() + 5).unwrap();
    [&length.to_le_bytes(), &fields[..], &[0]].concat()
}

/// What a server answers that is the primary no more.
pub fn stepped_down() -> Vec<u8> {
    document(&[
        field(0x01, "ok", &0_f64.to_le_bytes()),
        string("errmsg", "not primary"),
        field(0x10, "code", &10107_i32.to_le_bytes()),
        string("codeName", "NotWritablePrimary"),
        field(0x04, "errorLabels", &document(&[string("0", "RetryableWriteError")])),
    ])
}
