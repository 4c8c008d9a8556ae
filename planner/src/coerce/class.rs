//! What kind of thing a field, a group key or an aggregate is, as far as comparing it goes.

use quarry_metadata::{Field, FieldKind};
use quarry_storage::ColumnType;

use crate::lower;

/// The classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Class {
    /// Any text.
    Text,
    /// A record's id, or a reference to one.
    Reference,
    /// One of these values.
    Choice(Vec<String>),
    /// Several of these values.
    Choices(Vec<String>),
    /// References to several records.
    References,
    Int,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Float,
    Bool,
    Date,
    DateTime,
    Time,
    Json,
    /// Made of parts, which paths lead to.
    Parts,
    /// A list of floats.
    Vector,
    /// The values of a group.
    List,
    /// A text hit's rank.
    Score,
}

impl Class {
    pub(crate) fn of(field: &Field) -> Class {
        let values = |options: &[quarry_metadata::SelectOption]| {
            options.iter().map(|option| option.value.clone()).collect()
        };
        match field.kind.of_values() {
            FieldKind::Select { options } => Class::Choice(values(options)),
            FieldKind::MultiSelect { options } => Class::Choices(values(options)),
            FieldKind::Lookup { .. } | FieldKind::Id => Class::Reference,
            FieldKind::References { .. } => Class::References,
            kind if lower::is_free_json(kind) => Class::Json,
            FieldKind::Composite { .. } => Class::Parts,
            FieldKind::Vector { .. } => Class::Vector,
            FieldKind::Float { .. } => Class::Float,
            // No view shows a password; Json can't be compared either.
            FieldKind::Json | FieldKind::Password { .. } => Class::Json,
            FieldKind::Text { .. } | FieldKind::AutoNumber { .. } | FieldKind::Formula { .. } => Class::Text,
            FieldKind::Boolean => Class::Bool,
            FieldKind::Date => Class::Date,
            FieldKind::DateTime => Class::DateTime,
            FieldKind::Time => Class::Time,
            FieldKind::Number { .. } | FieldKind::Currency { .. } | FieldKind::Percent { .. } => {
                match lower::column_type(field) {
                    ColumnType::Decimal { precision, scale } => {
                        Class::Decimal { precision, scale: u8::try_from(scale).unwrap_or(0) }
                    }
                    _ => Class::Int,
                }
            }
        }
    }

    /// What errors call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Class::Text => "text",
            Class::Reference => "reference",
            Class::Choice(_) => "select",
            Class::Choices(_) => "multi-select",
            Class::References => "list of references",
            Class::Int | Class::Decimal { .. } | Class::Float => "number",
            Class::Bool => "boolean",
            Class::Date => "date",
            Class::DateTime => "datetime",
            Class::Time => "time",
            Class::Json => "JSON",
            Class::Parts => "structured",
            Class::Vector => "vector",
            Class::List => "list",
            Class::Score => "score",
        }
    }

    /// Held as text, so that text operators make sense.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Class::Text | Class::Reference | Class::Choice(_))
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Class::Int | Class::Decimal { .. } | Class::Float)
    }

    /// Larger and smaller mean something.
    pub(crate) fn is_ordered(&self) -> bool {
        self.is_sortable() && *self != Class::Bool
    }

    /// Several values, none of which comes first.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Class::Choices(_) | Class::References)
    }

    /// Only whether there is a value can be asked.
    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self, Class::Json | Class::Parts | Class::Vector | Class::List)
    }

    /// Records can be sorted and grouped by it.
    pub(crate) fn is_sortable(&self) -> bool {
        !self.is_list() && !self.is_opaque()
    }

    /// Values of both can be compared with each other.
    pub(crate) fn comparable(&self, other: &Class) -> bool {
        (self.is_text() && other.is_text())
            || (self.is_number() && other.is_number())
            || (matches!(self, Class::Date | Class::DateTime) && self == other)
            || (matches!(self, Class::Bool | Class::Time) && self == other)
    }
}
