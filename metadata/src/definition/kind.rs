//! The types that a field may have, and which properties each of them takes.

use crate::{definition::value::Value, issue::Issues, model::TextFormat, nearest::did_you_mean};

/// A field's type before its properties are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    Text(TextFormat),
    Number,
    Rating,
    Slider,
    Progress,
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
    Tree,
    User,
    AutoNumber,
    Formula,
    Summary,
    Json,
    Object,
    Array,
    Address,
    Location,
    Password,
    Vector,
    /// A content, of this family of media types where the type says one.
    Content(Option<&'static str>),
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
    ("rating", FieldType::Rating),
    ("slider", FieldType::Slider),
    ("progress", FieldType::Progress),
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
    ("tree", FieldType::Tree),
    ("user", FieldType::User),
    ("autonumber", FieldType::AutoNumber),
    ("formula", FieldType::Formula),
    ("summary", FieldType::Summary),
    ("json", FieldType::Json),
    ("object", FieldType::Object),
    ("composite", FieldType::Object),
    ("array", FieldType::Array),
    ("repeater", FieldType::Array),
    ("grid", FieldType::Array),
    ("address", FieldType::Address),
    ("location", FieldType::Location),
    ("password", FieldType::Password),
    ("vector", FieldType::Vector),
    ("file", FieldType::Content(None)),
    ("image", FieldType::Content(Some("image"))),
    ("avatar", FieldType::Content(Some("image"))),
    ("signature", FieldType::Content(Some("image"))),
    ("video", FieldType::Content(Some("video"))),
    ("audio", FieldType::Content(Some("audio"))),
];

/// Types of this family of formats that can't be kept yet.
const LATER_TYPES: &[&str] = &["qrcode", "record", "secret"];

impl FieldType {
    /// Reads `type`, with the name that its author gave it; an unknown or unsupported one is an issue.
    pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<(&'static str, Self)> {
        let text = value.text(issues)?;
        if let Some(found) = TYPES.iter().find(|(name, _)| *name == text) {
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

    /// Whether a type of that name is known, kept or not.
    pub(crate) fn is_known(name: &str) -> bool {
        TYPES.iter().any(|(known, _)| *known == name) || LATER_TYPES.contains(&name)
    }

    /// Whether the property `key`, by its one spelling, says something about fields of this type.
    pub(crate) fn takes(self, key: &str) -> bool {
        let text = matches!(self, Self::Text(_));
        let long_text = self.is_long_text();
        let choice = matches!(self, Self::Select | Self::MultiSelect);
        let lookup = matches!(self, Self::Lookup | Self::MasterDetail | Self::Tree | Self::User);
        let content = matches!(self, Self::Content(_));
        let alone = !matches!(self, Self::Boolean | Self::MultiSelect | Self::Json) && !self.is_structure();
        match key {
            "expression" | "returnType" => self == Self::Formula,
            "unique" | "required" | "default" if self == Self::Formula => false,
            "requiredWhen" | "readonlyWhen" => {
                !matches!(self, Self::Formula | Self::Summary | Self::AutoNumber)
            }
            "summaryOperations" | "summaryObject" | "summaryField" | "summaryType" => self == Self::Summary,
            "unique" | "required" | "default" | "writeOnce" if self == Self::Summary => false,
            "precision" | "scale" if matches!(self, Self::Formula | Self::Summary) => true,
            "dataType" if self == Self::Formula => true,
            "unique" => alone && !long_text,
            "index" => !matches!(self, Self::MultiSelect | Self::Json) && !self.is_structure(),
            "externalId" => (text && !long_text) || matches!(self, Self::Number | Self::AutoNumber),
            "searchable" => text || self == Self::AutoNumber,
            "default" => self != Self::AutoNumber && !self.is_structure(),
            "minLength" | "maxLength" => text || self == Self::Password,
            "pattern" => text,
            "min" | "max" | "precision" | "scale" | "step" => self.is_number(),
            "useGrouping" => self.is_number(),
            "dataType" => self == Self::Number,
            "currencyConfig" | "currencyField" => self == Self::Currency,
            "rows" => long_text || matches!(self, Self::Text(TextFormat::Code) | Self::Json),
            "language" => self == Self::Text(TextFormat::Code),
            "options" | "dependsOn" => choice,
            "multiple" => content || matches!(self, Self::Select | Self::Lookup | Self::User),
            "accept" | "maxSize" => content,
            "reference" | "reverseName" => lookup,
            "deleteBehavior" => lookup && self != Self::MasterDetail,
            "format" => self == Self::AutoNumber,
            "fields" => matches!(self, Self::Object | Self::Array),
            "dimensions" => self == Self::Vector,
            "maskAs" => !lookup && !matches!(self, Self::Password | Self::Vector | Self::AutoNumber),
            _ => true,
        }
    }

    /// Whether it is kept as an exact number.
    fn is_number(self) -> bool {
        use FieldType::{Currency, Number, Percent, Progress, Rating, Slider};
        matches!(self, Number | Rating | Slider | Progress | Currency | Percent)
    }

    /// Whether nothing is found by its whole value.
    fn is_structure(self) -> bool {
        use FieldType::{Address, Array, Content, Location, Object, Password, Vector};
        matches!(self, Object | Array | Address | Location | Password | Vector | Content(_))
    }

    fn is_long_text(self) -> bool {
        use TextFormat::{Html, Markdown, RichText, TextArea};
        matches!(self, Self::Text(TextArea | Markdown | Html | RichText))
    }
}

/// Whether the property `key` says something about a field that stands in another: it has no column, so nothing finds,
/// orders or fills it by itself.
pub(crate) fn part_takes(key: &str) -> bool {
    !matches!(
        key,
        "unique"
            | "index"
            | "externalId"
            | "searchable"
            | "default"
            | "readonly"
            | "writeOnce"
            | "hidden"
            | "dependsOn"
            | "currencyField"
            | "deprecated"
            | "trackHistory"
            | "requiredWhen"
            | "readonlyWhen"
            | "visibleWhen"
            | "maskAs"
    )
}
