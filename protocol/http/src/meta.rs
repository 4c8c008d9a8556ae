//! `/api/v1/meta/objects[/:object]`: what the session may see of the model, with labels in its locale.

use axum::{Extension, Json, extract::Path, http::StatusCode, response::IntoResponse};
use quarry_engine::Session;
use quarry_metadata::{DeleteBehavior, Field, FieldKind, Object, RelationKind, SelectOption, TextFormat};
use serde_json::{Map, Value, json};

use crate::problem::{Answered, Problem};

/// Every object, briefly.
pub(crate) async fn list(Extension(session): Extension<Session>) -> Answered {
    let context = session.context();
    let brief = |object: &Object| {
        json!({
            "name": object.name.as_str(),
            "package": object.package.as_str(),
            "label": object.label.get(&context.locale),
            "pluralLabel": object.plural_label.get(&context.locale),
            "description": object.description,
        })
    };
    let objects: Vec<Value> = context.views.objects.values().map(|view| brief(&view.object)).collect();
    Ok(Json(json!({ "objects": objects, "version": context.views.registry.version })).into_response())
}

/// One object with its fields and relations.
pub(crate) async fn one(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    let context = session.context();
    let Some(view) = context.views.get(&name) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "OBJECT_NOT_FOUND",
            format!("there is no object {name:?}"),
        ));
    };
    let (object, locale) = (&view.object, context.locale.as_str());
    let fields = view.fields.iter().filter_map(|name| object.field(name.as_str()));
    let relations = object.relations.values().map(|relation| {
        let (kind, field) = match &relation.kind {
            RelationKind::ToOne { field } => ("toOne", field),
            RelationKind::ToMany { field } => ("toMany", field),
        };
        json!({ "name": relation.name.as_str(), "kind": kind, "object": relation.target.as_str(), "field": field.as_str() })
    });
    let unique = object.indexes.iter().filter(|index| index.unique);
    let unique = unique.map(|index| index.fields.iter().map(|field| field.as_str()).collect::<Vec<_>>());
    let told = json!({
        "name": object.name.as_str(),
        "package": object.package.as_str(),
        "label": object.label.get(locale),
        "pluralLabel": object.plural_label.get(locale),
        "description": object.description,
        "nameField": object.name_field.as_str(),
        "fields": fields.map(|field| field_of(field, locale)).collect::<Vec<_>>(),
        "relations": relations.collect::<Vec<_>>(),
        "unique": unique.collect::<Vec<_>>(),
        "searchable": object.searchable.iter().map(|field| field.as_str()).collect::<Vec<_>>(),
    });
    Ok(Json(told).into_response())
}

fn field_of(field: &Field, locale: &str) -> Value {
    let mut told = Map::new();
    told.insert("name".into(), field.name.as_str().into());
    told.insert("label".into(), field.label.get(locale).into());
    if let Some(description) = &field.description {
        told.insert("description".into(), description.as_str().into());
    }
    let flags = [
        ("required", field.required),
        ("unique", field.unique),
        ("readonly", field.readonly),
        ("searchable", field.searchable),
        ("externalId", field.external_id),
        ("hidden", field.hidden),
        ("system", field.system),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        told.insert(name.into(), true.into());
    }
    describe(&field.kind, locale, &mut told);
    Value::Object(told)
}

/// The type with what belongs to it.
fn describe(kind: &FieldKind, locale: &str, told: &mut Map<String, Value>) {
    let kind_name = match kind {
        FieldKind::Id => "id",
        FieldKind::Text { format, min_length, max_length } => {
            insert(told, "minLength", min_length.map(Value::from));
            insert(told, "maxLength", max_length.map(Value::from));
            text_name(*format)
        }
        FieldKind::Number { precision, scale, min, max } => {
            exact(told, "number", *precision, *scale, (min, max))
        }
        FieldKind::Currency { precision, scale, min, max } => {
            exact(told, "currency", *precision, *scale, (min, max))
        }
        FieldKind::Percent { precision, scale, min, max } => {
            exact(told, "percent", *precision, *scale, (min, max))
        }
        FieldKind::Boolean => "boolean",
        FieldKind::Date => "date",
        FieldKind::DateTime => "datetime",
        FieldKind::Time => "time",
        FieldKind::Select { options } => {
            insert(told, "options", Some(options_of(options, locale)));
            "select"
        }
        FieldKind::MultiSelect { options } => {
            insert(told, "options", Some(options_of(options, locale)));
            "multiselect"
        }
        FieldKind::Lookup { target, on_delete, owned } => {
            let behavior = match on_delete {
                DeleteBehavior::Restrict => "restrict",
                DeleteBehavior::SetNull => "set_null",
                DeleteBehavior::Cascade => "cascade",
            };
            insert(told, "reference", Some(target.as_str().into()));
            insert(told, "deleteBehavior", Some(behavior.into()));
            if *owned { "master_detail" } else { "lookup" }
        }
        FieldKind::AutoNumber { format } => {
            insert(told, "format", Some(format.as_str().into()));
            "autonumber"
        }
        FieldKind::Formula { returns, .. } => {
            describe(returns, locale, told);
            let returns = told.insert("type".into(), "formula".into());
            insert(told, "returnType", returns);
            return;
        }
        FieldKind::Json => "json",
    };
    told.insert("type".into(), kind_name.into());
}

fn insert(told: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        told.insert(name.to_owned(), value);
    }
}

fn exact(
    told: &mut Map<String, Value>,
    name: &'static str,
    precision: u8,
    scale: i8,
    (min, max): (&Option<String>, &Option<String>),
) -> &'static str {
    insert(told, "precision", Some(precision.into()));
    insert(told, "scale", Some(scale.into()));
    insert(told, "min", min.as_deref().map(Value::from));
    insert(told, "max", max.as_deref().map(Value::from));
    name
}

fn options_of(options: &[SelectOption], locale: &str) -> Value {
    let option = |option: &SelectOption| json!({ "value": option.value, "label": option.label.get(locale), "color": option.color, "active": option.active });
    options.iter().map(option).collect()
}

fn text_name(format: TextFormat) -> &'static str {
    match format {
        TextFormat::Text => "text",
        TextFormat::TextArea => "textarea",
        TextFormat::Markdown => "markdown",
        TextFormat::Html => "html",
        TextFormat::RichText => "richtext",
        TextFormat::Code => "code",
        TextFormat::Email => "email",
        TextFormat::Phone => "phone",
        TextFormat::Url => "url",
        TextFormat::Color => "color",
    }
}
