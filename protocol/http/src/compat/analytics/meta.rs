//! `GET /api/v1/analytics/meta`: the cubes, which are the objects that the session sees, and what can be asked of their fields.

use arrow::datatypes::DataType;
use axum::{Extension, Json, extract::Query as UrlQuery, response::IntoResponse};
use quarry_engine::Session;
use quarry_metadata::{Field, FieldKind};
use serde_json::{Map, Value, json};

use super::{
    super::{
        metadata::only,
        names::{Names, View},
    },
    selection::{COUNT, SUFFIXES},
};
use crate::problem::Answered;

/// What a time can be cut to.
const GRANULARITIES: [&str; 6] = ["hour", "day", "week", "month", "quarter", "year"];

/// `{success, data: {cubes: [{name, title, sql, measures, dimensions}]}}`; one of them with `?cube=`.
pub(in super::super) async fn meta(
    Extension(session): Extension<Session>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
) -> Answered {
    let context = session.context();
    let cubes: Vec<Value> = match only(&given, "cube")? {
        Some(name) => vec![cube(Names::of(&context.views).object(name)?, &context.locale)],
        None => context.views.objects.values().map(|view| cube(view, &context.locale)).collect(),
    };
    Ok(Json(json!({ "success": true, "data": { "cubes": cubes } })).into_response())
}

fn cube(view: &View, locale: &str) -> Value {
    let object = &view.object;
    let mut measures = Map::new();
    let count =
        json!({ "name": COUNT, "label": object.plural_label.get(locale), "type": "count", "sql": "*" });
    measures.insert(COUNT.into(), count);
    let mut dimensions = Map::new();
    for field in view.fields.iter().filter_map(|name| object.fields.get(name)) {
        let Some(kind) = dimension(field) else { continue };
        let (name, label) = (field.name.as_str(), field.label.get(locale));
        let mut told = json!({ "name": name, "label": label, "type": kind, "sql": name });
        if let (true, Some(told)) = (is_day(field), told.as_object_mut()) {
            told.insert("granularities".into(), granularities(field).into());
        }
        dimensions.insert(name.into(), told);
        for (suffix, function) in SUFFIXES.iter().filter(|(_, function)| has(kind, function)) {
            let measure = format!("{name}{suffix}");
            let told = json!({ "name": measure, "label": format!("{label} ({function})"), "type": function, "sql": name });
            measures.insert(measure, told);
        }
    }
    json!({
        "name": object.name.as_str(), "title": object.label.get(locale), "sql": object.name.as_str(),
        "measures": measures, "dimensions": dimensions,
    })
}

/// What kind of dimension a field is; none where nothing can be grouped by it.
fn dimension(field: &Field) -> Option<&'static str> {
    match field.kind.of_values() {
        FieldKind::Number { .. }
        | FieldKind::Float { .. }
        | FieldKind::Currency { .. }
        | FieldKind::Percent { .. } => Some("number"),
        FieldKind::Boolean => Some("boolean"),
        FieldKind::Date | FieldKind::DateTime | FieldKind::Time => Some("time"),
        FieldKind::Id
        | FieldKind::Text { .. }
        | FieldKind::Select { .. }
        | FieldKind::Lookup { .. }
        | FieldKind::AutoNumber { .. } => Some("string"),
        FieldKind::MultiSelect { .. }
        | FieldKind::References { .. }
        | FieldKind::Formula { .. }
        | FieldKind::Json
        | FieldKind::Composite { .. }
        | FieldKind::Password { .. }
        | FieldKind::Vector { .. } => None,
    }
}

fn is_day(field: &Field) -> bool {
    matches!(field.kind.of_values(), FieldKind::Date | FieldKind::DateTime)
}

/// A day has no hours.
fn granularities(field: &Field) -> &'static [&'static str] {
    match field.kind.of_values() {
        FieldKind::DateTime => &GRANULARITIES,
        _ => GRANULARITIES.get(1..).unwrap_or_default(),
    }
}

/// Whether a function makes a measure of fields of a kind.
fn has(kind: &str, function: &str) -> bool {
    match function {
        "count_distinct" => true,
        "min" | "max" => kind != "boolean",
        _ => kind == "number",
    }
}

/// The kind of a column of an answer.
pub(super) fn kind_of(column: &DataType) -> &'static str {
    match column {
        DataType::Boolean => "boolean",
        DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..) => "time",
        other if other.is_numeric() => "number",
        _ => "string",
    }
}
