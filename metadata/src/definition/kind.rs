//! The types that a field may have, and which properties each of them takes.

use crate::{
    definition::value::Value,
    issue::Issues,
    model::{FieldKind, TextFormat},
    nearest::did_you_mean,
};

/// A field's type before its properties are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    Text(TextFormat),
    Number,
    Currency,
    Percent,
    Boolean,
    Date,
    DateTime,
    Time,
    Select,
    MultiSelect,
    Lookup,
    MasterDetail,
    AutoNumber,
    Formula,
    Json,
}

/// Every type by its name.
const TYPES: &[(&str, FieldType)] = &[
    ("text", FieldType::Text(TextFormat::Text)),
    ("textarea", FieldType::Text(TextFormat::TextArea)),
    ("markdown", FieldType::Text(TextFormat::Markdown)),
    ("html", FieldType::Text(TextFormat::Html)),
    ("richtext", FieldType::Text(TextFormat::RichText)),
    ("code", FieldType::Text(TextFormat::Code)),
    ("email", FieldType::Text(TextFormat::Email)),
    ("phone", FieldType::Text(TextFormat::Phone)),
    ("url", FieldType::Text(TextFormat::Url)),
    ("color", FieldType::Text(TextFormat::Color)),
    ("number", FieldType::Number),
    ("currency", FieldType::Currency),
    ("percent", FieldType::Percent),
    ("boolean", FieldType::Boolean),
    ("toggle", FieldType::Boolean),
    ("date", FieldType::Date),
    ("datetime", FieldType::DateTime),
    ("time", FieldType::Time),
    ("select", FieldType::Select),
    ("radio", FieldType::Select),
    ("multiselect", FieldType::MultiSelect),
    ("checkboxes", FieldType::MultiSelect),
    ("tags", FieldType::MultiSelect),
    ("lookup", FieldType::Lookup),
    ("master_detail", FieldType::MasterDetail),
    ("autonumber", FieldType::AutoNumber),
    ("formula", FieldType::Formula),
    ("json", FieldType::Json),
];

/// Types of this family of formats that can't be kept yet.
const LATER_TYPES: &[&str] = &[
    "address",
    "array",
    "audio",
    "avatar",
    "composite",
    "file",
    "grid",
    "image",
    "location",
    "object",
    "password",
    "progress",
    "qrcode",
    "rating",
    "record",
    "repeater",
    "secret",
    "signature",
    "slider",
    "summary",
    "tree",
    "user",
    "vector",
    "video",
];

impl FieldType {
    /// Reads `type`; an unknown or unsupported one is an issue.
    pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let text = value.text(issues)?;
        if let Some((_, found)) = TYPES.iter().find(|(name, _)| *name == text) {
            return Some(*found);
        }
        if LATER_TYPES.contains(&text) {
            let message = format!("fields of type `{text}` can't be kept yet");
            issues.error(&value.place(), "not-supported-yet", message);
            return None;
        }
        let known = TYPES.iter().map(|(name, _)| *name).chain(LATER_TYPES.iter().copied());
        let message = format!("`{text}` is not a type of field{}", did_you_mean(text, known));
        issues.error(&value.place(), "unknown-type", message);
        None
    }

    /// Its name, for messages.
    pub(crate) fn name(self) -> &'static str {
        TYPES.iter().find(|(_, found)| *found == self).map_or("", |(name, _)| name)
    }

    /// Whether the property `key`, by its one spelling, says something about fields of this type.
    pub(crate) fn takes(self, key: &str) -> bool {
        let text = matches!(self, Self::Text(_));
        let long_text = self.is_long_text();
        let number = matches!(self, Self::Number | Self::Currency | Self::Percent);
        match key {
            "expression" | "returnType" => self == Self::Formula,
            "unique" | "required" | "default" if self == Self::Formula => false,
            "precision" | "scale" if self == Self::Formula => true,
            "unique" => !long_text && !matches!(self, Self::Boolean | Self::MultiSelect | Self::Json),
            "index" => !matches!(self, Self::MultiSelect | Self::Json),
            "externalId" => (text && !long_text) || matches!(self, Self::Number | Self::AutoNumber),
            "searchable" => text || self == Self::AutoNumber,
            "default" => self != Self::AutoNumber,
            "minLength" | "maxLength" => text,
            "min" | "max" | "precision" | "scale" => number,
            "options" => matches!(self, Self::Select | Self::MultiSelect),
            "multiple" => self == Self::Select,
            "reference" | "reverseName" => matches!(self, Self::Lookup | Self::MasterDetail),
            "deleteBehavior" => self == Self::Lookup,
            "format" => self == Self::AutoNumber,
            _ => true,
        }
    }

    fn is_long_text(self) -> bool {
        use TextFormat::{Html, Markdown, RichText, TextArea};
        matches!(self, Self::Text(TextArea | Markdown | Html | RichText))
    }
}

/// The name of a kind's type, for messages.
pub(crate) fn type_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Id => "id",
        FieldKind::Text { format, .. } => FieldType::Text(*format).name(),
        FieldKind::Number { .. } => "number",
        FieldKind::Currency { .. } => "currency",
        FieldKind::Percent { .. } => "percent",
        FieldKind::Boolean => "boolean",
        FieldKind::Date => "date",
        FieldKind::DateTime => "datetime",
        FieldKind::Time => "time",
        FieldKind::Select { .. } => "select",
        FieldKind::MultiSelect { .. } => "multiselect",
        FieldKind::Lookup { owned: false, .. } => "lookup",
        FieldKind::Lookup { owned: true, .. } => "master_detail",
        FieldKind::AutoNumber { .. } => "autonumber",
        FieldKind::Formula { .. } => "formula",
        FieldKind::Json => "json",
    }
}
