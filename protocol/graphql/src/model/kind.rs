//! The GraphQL type of a field.

use std::sync::Arc;

use indexmap::IndexMap;
use quarry_metadata::{Field, FieldKind, naming::camel_case};

use super::{EnumType, FieldType, enum_names::NameOf};

/// A field's GraphQL type.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Id,
    Text,
    Int,
    Long,
    Float,
    Decimal,
    Boolean,
    Date,
    DateTime,
    Time,
    Json,
    Enum(Arc<EnumType>),
    Enums(Arc<EnumType>),
    Ids,
    Floats,
    /// An object type of the field's own.
    Parts(Arc<PartsType>),
    PartsList(Arc<PartsType>),
}

/// The object type of a field that is made of parts.
#[derive(Debug)]
pub(crate) struct PartsType {
    pub name: String,
    /// The parts by their GraphQL names.
    pub parts: IndexMap<String, FieldType>,
}

impl Kind {
    /// The kind of a field.
    pub(super) fn of(field: &Field, name: &NameOf<'_>) -> Self {
        match field.kind.of_values() {
            FieldKind::Id | FieldKind::Lookup { .. } => Kind::Id,
            FieldKind::References { .. } => Kind::Ids,
            FieldKind::Text { .. }
            | FieldKind::AutoNumber { .. }
            | FieldKind::Formula { .. }
            | FieldKind::Password { .. } => Kind::Text,
            FieldKind::Number { precision: ..=9, scale: 0, .. } => Kind::Int,
            FieldKind::Number { precision: ..=18, scale: 0, .. } => Kind::Long,
            FieldKind::Number { .. } | FieldKind::Currency { .. } | FieldKind::Percent { .. } => {
                Kind::Decimal
            }
            FieldKind::Float { .. } => Kind::Float,
            FieldKind::Boolean => Kind::Boolean,
            FieldKind::Date => Kind::Date,
            FieldKind::DateTime => Kind::DateTime,
            FieldKind::Time => Kind::Time,
            // An enum needs a value; a part has none of its own.
            FieldKind::Select { options } if options.is_empty() || name.is_part() => Kind::Text,
            FieldKind::MultiSelect { options } if options.is_empty() || name.is_part() => Kind::Json,
            FieldKind::Select { options } => Kind::Enum(Arc::new(EnumType::new(name.get(), options))),
            FieldKind::MultiSelect { options } => Kind::Enums(Arc::new(EnumType::new(name.get(), options))),
            FieldKind::Json => Kind::Json,
            FieldKind::Composite { parts, .. } if parts.is_empty() => Kind::Json,
            FieldKind::Composite { parts, many, .. } => {
                let part =
                    |part: &Field| (camel_case(part.name.as_str()), FieldType::new(part, &name.part(part)));
                let parts = parts.values().map(part).collect();
                let own = Arc::new(PartsType { name: name.get(), parts });
                if *many { Kind::PartsList(own) } else { Kind::Parts(own) }
            }
            FieldKind::Vector { .. } => Kind::Floats,
        }
    }

    /// The name of the output and input type (of its elements, for several).
    pub fn type_name(&self) -> &str {
        match self {
            Kind::Id => "ID",
            Kind::Text => "String",
            Kind::Int => "Int",
            Kind::Long => "Long",
            Kind::Decimal => "Decimal",
            Kind::Boolean => "Boolean",
            Kind::Date => "Date",
            Kind::DateTime => "DateTime",
            Kind::Time => "Time",
            Kind::Json => "JSON",
            Kind::Ids => "ID",
            Kind::Float | Kind::Floats => "Float",
            Kind::Parts(parts) | Kind::PartsList(parts) => &parts.name,
            Kind::Enum(values) | Kind::Enums(values) => &values.name,
        }
    }

    /// Whether it can be summed.
    pub fn is_number(&self) -> bool {
        matches!(self, Kind::Int | Kind::Long | Kind::Float | Kind::Decimal)
    }

    /// Whether its values have an order.
    pub fn is_ordered(&self) -> bool {
        self.is_number() || matches!(self, Kind::Text | Kind::Date | Kind::DateTime | Kind::Time)
    }

    /// Whether records can be sorted, grouped and counted by it.
    pub fn is_sortable(&self) -> bool {
        !matches!(self, Kind::Json | Kind::Parts(_)) && !self.is_list()
    }

    /// Whether it holds several values.
    pub fn is_list(&self) -> bool {
        matches!(self, Kind::Enums(_) | Kind::Ids | Kind::Floats | Kind::PartsList(_))
    }

    /// Whether it is a day or an instant.
    pub fn is_calendar(&self) -> bool {
        matches!(self, Kind::Date | Kind::DateTime)
    }
}
