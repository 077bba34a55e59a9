use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use crate::{Last, Timestamp};

/// RFC 3339 in UTC, with whole milliseconds.
impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let date = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(date)).examples(["2026-05-29T02:46:58.575Z"]).into()
    }
}

impl ToSchema for Timestamp {}

/// Minutes, hours or days.
impl PartialSchema for Last {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]+[mhd]$")).examples(["24h"]).into()
    }
}

impl ToSchema for Last {}
