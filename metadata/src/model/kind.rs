//! The types of fields, each with what belongs to it.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;

use crate::{
    expression::Expression,
    model::{Clause, ContentKind, Currency, Field, Labels},
    name::{FieldName, ObjectName},
    pattern::Pattern,
};

/// A field's type with its own properties.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum FieldKind {
    /// The record's id.
    Id,
    /// Text of some format.
    Text {
        /// Which of the text family.
        format: TextFormat,
        /// Characters at least.
        min_length: Option<u32>,
        /// Characters at most.
        max_length: Option<u32>,
        /// What a text must match.
        pattern: Option<Pattern>,
    },
    /// An exact number: `scale: 0` with `precision <= 18` is stored as Int64, else Decimal128(precision, scale).
    /// A package that says neither gets (18, 6).
    Number {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
        /// The smallest allowed, as decimal text.
        min: Option<String>,
        /// The largest allowed, as decimal text.
        max: Option<String>,
        /// The distance from one allowed number to the next, from `min` (else 0) on, as decimal text.
        step: Option<String>,
    },
    /// A binary floating-point number: Float64, never NaN or infinite.
    Float {
        /// The smallest allowed, as decimal text.
        min: Option<String>,
        /// The largest allowed, as decimal text.
        max: Option<String>,
    },
    /// Money: Decimal128(precision, scale), never float.
    Currency {
        /// Digits in all (default 18).
        precision: u8,
        /// Digits behind the point (default 2).
        scale: i8,
        /// The smallest allowed, as decimal text.
        min: Option<String>,
        /// The largest allowed, as decimal text.
        max: Option<String>,
        /// As of a number.
        step: Option<String>,
        /// What it is counted in.
        currency: Currency,
    },
    /// A percentage, 50 for 50 %: Decimal128(precision, scale) (default 7, 4).
    Percent {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
        /// The smallest allowed, as decimal text.
        min: Option<String>,
        /// The largest allowed, as decimal text.
        max: Option<String>,
        /// As of a number.
        step: Option<String>,
    },
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// An instant, microseconds, UTC.
    DateTime,
    /// A time of day, microseconds.
    Time,
    /// One of the options, by value.
    Select {
        /// The choices in order.
        options: Vec<SelectOption>,
    },
    /// Several of the options, by value, in the order given, none twice.
    MultiSelect {
        /// The choices in order.
        options: Vec<SelectOption>,
    },
    /// The id of one record of another object.
    Lookup {
        /// The other object.
        target: ObjectName,
        /// What happens here when that record is deleted.
        on_delete: DeleteBehavior,
        /// A part of its parent (`master_detail`): required, cascades.
        owned: bool,
        /// The parent in a hierarchy of its own object (`tree`): never itself, nor one below it.
        tree: bool,
    },
    /// The ids of several records of another object, in the order given, none twice.
    References {
        /// The other object.
        target: ObjectName,
        /// What happens here when one of those records is deleted: its id goes from the list, or it can't be deleted.
        on_delete: DeleteBehavior,
    },
    /// A text numbered by the engine: `Q-{YYYY}-{0000}`.
    AutoNumber {
        /// Its format. Fields in it go by their first names.
        format: String,
        /// The fields that stand in it, with what each is computed of.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        fields: Vec<(FieldName, Arc<Expression>)>,
    },
    /// Computed from other fields when it is read, and not written by anyone.
    Formula {
        /// The kind of its values.
        returns: Box<FieldKind>,
        /// Over stored fields alone: formulas that it names are written out.
        expression: Arc<Expression>,
        /// Kept in a column, so that an index finds records by it: it looks at stored fields of its own record alone.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        stored: bool,
    },
    /// Any JSON, kept as text.
    Json,
    /// A value made of parts, or a list of such, kept as JSON. Without declared parts any JSON object (or list of anything).
    Composite {
        /// The declared parts by name; fields without a place of their own.
        parts: IndexMap<FieldName, Field>,
        /// A list of them.
        many: bool,
        /// Each tells of a content that is kept beside the records; the parts are then `ContentKind::PARTS`.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<ContentKind>,
    },
    /// A password: kept as an argon2id hash, written and never read.
    Password {
        /// Characters at least.
        min_length: u32,
        /// Characters at most.
        max_length: u32,
    },
    /// A list of so many 32-bit floats, none NaN or infinite.
    Vector {
        /// How many.
        dimensions: u32,
    },
}

impl FieldKind {
    /// A text of any length.
    pub fn text() -> FieldKind {
        FieldKind::Text { format: TextFormat::Text, min_length: None, max_length: None, pattern: None }
    }

    /// An exact number of any value.
    pub fn number(precision: u8, scale: i8) -> FieldKind {
        FieldKind::Number { precision, scale, min: None, max: None, step: None }
    }

    /// Whether it is computed when it is read, and so has no column in storage.
    pub fn is_computed(&self) -> bool {
        matches!(self, FieldKind::Formula { stored: false, .. })
    }

    /// The contents that it takes, when it holds contents.
    pub fn content(&self) -> Option<&ContentKind> {
        match self {
            FieldKind::Composite { content, .. } => content.as_ref(),
            _ => None,
        }
    }

    /// The kind of its values: of a formula, what it gives.
    pub fn of_values(&self) -> &FieldKind {
        match self {
            FieldKind::Formula { returns, .. } => returns,
            stored => stored,
        }
    }
}

/// The text family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum TextFormat {
    Text,
    TextArea,
    Markdown,
    Html,
    RichText,
    Code,
    Email,
    Phone,
    Url,
    Color,
}

/// One choice of a select.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelectOption {
    /// What is stored.
    pub value: String,
    /// What people see.
    pub label: Labels,
    /// How it is drawn.
    pub color: Option<String>,
    /// Offered for new values.
    pub active: bool,
    /// Offered only where the field that the select depends on has one of these values; empty for always.
    pub when: Vec<String>,
    /// Offered only where this holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visible: Option<Clause>,
}

/// What deleting a record does to those that refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeleteBehavior {
    /// Refuse while one refers to it.
    Restrict,
    /// Their reference becomes null.
    SetNull,
    /// They are deleted too.
    Cascade,
}
