//! `/api/v1/meta/objects[/:object]`: what the session may see of the model, with labels in its locale.

use axum::{Extension, Json, extract::Path, http::StatusCode, response::IntoResponse};
use quarry_engine::{ObjectView, Session, Views};
use quarry_metadata::{
    ContentKind, Default_, DeleteBehavior, Field, FieldKind, Hints, Labels, Object, ObjectName, Registry,
    RelationKind, SelectOption, Summary, rules::Action,
};
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
    Ok(Json(object_of(&context.views, view, &context.locale)).into_response())
}

/// An object with its fields, relations and actions, labels in a locale.
pub(crate) fn object_of(views: &Views, view: &ObjectView, locale: &str) -> Value {
    let object = &view.object;
    let fields = object.fields.keys().filter_map(|name| view.writable(name.as_str()));
    let relations = object.relations.values().map(|relation| {
        let (kind, field) = match &relation.kind {
            RelationKind::ToOne { field } => ("toOne", field),
            RelationKind::ToSeveral { field } => ("toSeveral", field),
            RelationKind::ToMany { field } => ("toMany", field),
        };
        json!({ "name": relation.name.as_str(), "kind": kind, "object": relation.target.as_str(), "field": field.as_str() })
    });
    let unique = object.indexes.iter().filter(|index| index.unique);
    let unique = unique.map(|index| index.fields.iter().map(|field| field.as_str()).collect::<Vec<_>>());
    json!({
        "name": object.name.as_str(),
        "package": object.package.as_str(),
        "label": object.label.get(locale),
        "pluralLabel": object.plural_label.get(locale),
        "description": object.description,
        "nameField": object.name_field.as_str(),
        "fields": fields.map(|field| of_several(object, field, field_of(field, locale))).collect::<Vec<_>>(),
        "relations": relations.collect::<Vec<_>>(),
        "unique": unique.collect::<Vec<_>>(),
        "searchable": object.searchable.iter().map(|field| field.as_str()).collect::<Vec<_>>(),
        "recycleBin": object.recycle_bin,
        "actions": actions_of(&views.registry, object, locale),
    })
}

/// What can be asked to be done with one of its records.
fn actions_of(registry: &Registry, object: &Object, locale: &str) -> Vec<Value> {
    let rules = registry.rules.get(&object.name);
    let told = |action: &Action| {
        let mut told = Map::new();
        told.insert("name".into(), action.name.as_str().into());
        told.insert("label".into(), action.label.get(locale).into());
        insert(&mut told, "description", action.description.as_deref().map(Value::from));
        let parameters = action.parameters.values().map(|parameter| field_of(parameter, locale));
        told.insert("parameters".into(), parameters.collect());
        told.insert("returns".into(), action.returns.keys().map(String::as_str).collect());
        Value::Object(told)
    };
    rules.into_iter().flat_map(|rules| rules.actions.values()).map(told).collect()
}

/// What a field has of a reference to one of several objects: the id says where it leads, its type and the lookups what they
/// are part of.
fn of_several(object: &Object, field: &Field, mut told: Value) -> Value {
    let (Some(whole), Some(parts)) = (object.polymorphic(field.name.as_str()), told.as_object_mut()) else {
        return told;
    };
    // It is written, whatever it is made of.
    parts.remove("returnType");
    if field.name != whole.field {
        parts.insert("partOf".into(), whole.field.as_str().into());
        return told;
    }
    parts.insert("reference".into(), whole.members.iter().map(|member| member.target.as_str()).collect());
    parts.insert("typeField".into(), whole.type_field.as_str().into());
    parts.insert("lookups".into(), whole.members.iter().map(|member| member.field.as_str()).collect());
    told
}

fn field_of(field: &Field, locale: &str) -> Value {
    let mut told = Map::new();
    told.insert("name".into(), field.name.as_str().into());
    told.insert("label".into(), field.label.get(locale).into());
    told.insert("type".into(), field.declared.into());
    insert(&mut told, "description", field.description.as_deref().map(Value::from));
    insert(&mut told, "help", text_of(&field.help, locale));
    let flags = [
        ("required", field.required),
        ("unique", field.unique),
        ("readonly", field.readonly),
        ("writeOnce", field.write_once),
        ("writeOnly", field.is_write_only()),
        ("searchable", field.searchable),
        ("externalId", field.external_id),
        ("hidden", field.hidden),
        ("system", field.system),
    ];
    for (name, _) in flags.into_iter().filter(|(_, set)| *set) {
        told.insert(name.into(), true.into());
    }
    insert(&mut told, "deprecated", field.deprecated.as_deref().map(Value::from));
    insert(&mut told, "dependsOn", field.depends_on.as_ref().map(|name| name.as_str().into()));
    insert(&mut told, "default", field.default.as_ref().and_then(default_of));
    for (name, clause) in field.conditions.iter().flat_map(|conditions| conditions.each()) {
        told.insert(name.into(), clause.source.as_str().into());
    }
    describe(&field.kind, locale, &mut told);
    if let Some(summary) = &field.summary {
        told.insert("returnType".into(), given_by(&field.kind).into());
        told.insert("summaryOperations".into(), summary_of(summary));
    }
    hints(&field.hints, locale, &mut told);
    Value::Object(told)
}

fn text_of(labels: &Labels, locale: &str) -> Option<Value> {
    Some(labels.get(locale)).filter(|text| !text.is_empty()).map(Value::from)
}

/// What is for who draws the field.
fn hints(hints: &Hints, locale: &str, told: &mut Map<String, Value>) {
    insert(told, "group", hints.group.as_deref().map(Value::from));
    insert(told, "placeholder", text_of(&hints.placeholder, locale));
    insert(told, "rows", hints.rows.map(Value::from));
    insert(told, "widget", hints.widget.as_deref().map(Value::from));
    insert(told, "useGrouping", hints.use_grouping.map(Value::from));
    insert(told, "language", hints.language.as_deref().map(Value::from));
}

/// What belongs to the type.
fn describe(kind: &FieldKind, locale: &str, told: &mut Map<String, Value>) {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    match kind {
        FieldKind::Id
        | FieldKind::Boolean
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::Time
        | FieldKind::Json => {}
        FieldKind::Text { min_length, max_length, pattern, .. } => {
            insert(told, "minLength", min_length.map(Value::from));
            insert(told, "maxLength", max_length.map(Value::from));
            insert(told, "pattern", pattern.as_ref().map(|pattern| pattern.as_str().into()));
        }
        FieldKind::Password { min_length, max_length } => {
            insert(told, "minLength", Some((*min_length).into()));
            insert(told, "maxLength", Some((*max_length).into()));
        }
        FieldKind::Number { precision, scale, min, max, step }
        | FieldKind::Percent { precision, scale, min, max, step } => {
            exact(told, (*precision, *scale), [min, max, step]);
        }
        FieldKind::Currency { precision, scale, min, max, step, currency } => {
            exact(told, (*precision, *scale), [min, max, step]);
            insert(told, "currency", text(&currency.code));
            insert(told, "currencyField", currency.field.as_ref().map(|name| name.as_str().into()));
        }
        FieldKind::Float { min, max } => {
            insert(told, "dataType", Some("float".into()));
            insert(told, "min", text(min));
            insert(told, "max", text(max));
        }
        FieldKind::Select { options } | FieldKind::MultiSelect { options } => {
            insert(told, "options", Some(options_of(options, locale)));
        }
        FieldKind::Lookup { target, on_delete, .. } => reference(told, target, *on_delete),
        FieldKind::References { target, on_delete } => {
            reference(told, target, *on_delete);
            insert(told, "multiple", Some(true.into()));
        }
        FieldKind::AutoNumber { format, .. } => insert(told, "format", Some(format.as_str().into())),
        FieldKind::Composite { content: Some(content), many, .. } => contents(told, content, *many),
        FieldKind::Composite { parts, .. } => {
            if !parts.is_empty() {
                let parts = parts.values().map(|part| field_of(part, locale)).collect();
                insert(told, "fields", Some(Value::Array(parts)));
            }
        }
        FieldKind::Formula { returns, .. } => {
            describe(returns, locale, told);
            insert(told, "returnType", Some(given_by(returns).into()));
        }
        FieldKind::Vector { dimensions } => insert(told, "dimensions", Some((*dimensions).into())),
    }
}

/// What a new record gets, as a package says it.
fn default_of(default: &Default_) -> Option<Value> {
    Some(match default {
        Default_::Value(value) => value.clone(),
        Default_::Now => "NOW()".into(),
        Default_::Today => "TODAY()".into(),
        Default_::CurrentUser => "$currentUser".into(),
        Default_::Computed(clause) => json!({ "dialect": "cel", "source": clause.source }),
    })
}

/// What is summed up, as a package says it.
fn summary_of(summary: &Summary) -> Value {
    let mut told = Map::new();
    told.insert("object".into(), summary.object.as_str().into());
    told.insert("relationshipField".into(), summary.lookup.as_str().into());
    told.insert("function".into(), summary.function.name().into());
    insert(&mut told, "field", summary.field.as_ref().map(|field| field.as_str().into()));
    insert(&mut told, "filter", summary.filter.as_ref().map(|filter| filter.source.as_str().into()));
    Value::Object(told)
}

/// What a formula gives, by the name of a type.
fn given_by(returns: &FieldKind) -> &'static str {
    match returns {
        FieldKind::Number { .. } | FieldKind::Float { .. } => "number",
        FieldKind::Currency { .. } => "currency",
        FieldKind::Percent { .. } => "percent",
        FieldKind::Boolean => "boolean",
        FieldKind::Date => "date",
        FieldKind::DateTime => "datetime",
        FieldKind::Time => "time",
        _ => "text",
    }
}

fn insert(told: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        told.insert(name.to_owned(), value);
    }
}

fn exact(told: &mut Map<String, Value>, (precision, scale): (u8, i8), range: [&Option<String>; 3]) {
    insert(told, "precision", Some(precision.into()));
    insert(told, "scale", Some(scale.into()));
    for (name, bound) in ["min", "max", "step"].into_iter().zip(range) {
        insert(told, name, bound.as_deref().map(Value::from));
    }
}

fn reference(told: &mut Map<String, Value>, target: &ObjectName, on_delete: DeleteBehavior) {
    let behavior = match on_delete {
        DeleteBehavior::Restrict => "restrict",
        DeleteBehavior::SetNull => "set_null",
        DeleteBehavior::Cascade => "cascade",
    };
    insert(told, "reference", Some(target.as_str().into()));
    insert(told, "deleteBehavior", Some(behavior.into()));
}

fn contents(told: &mut Map<String, Value>, content: &ContentKind, many: bool) {
    let family = content.family.map(|family| vec![format!("{family}/*")]).unwrap_or_default();
    let accept = if content.accept.is_empty() { &family } else { &content.accept };
    insert(told, "accept", Some(accept.as_slice()).filter(|accept| !accept.is_empty()).map(Value::from));
    insert(told, "maxSize", content.max_bytes.map(Value::from));
    insert(told, "multiple", many.then_some(true.into()));
}

fn options_of(options: &[SelectOption], locale: &str) -> Value {
    let option = |option: &SelectOption| {
        let mut told = json!({ "value": option.value, "label": option.label.get(locale), "color": option.color, "active": option.active });
        if !option.when.is_empty() {
            told["when"] = option.when.as_slice().into();
        }
        if let Some(visible) = &option.visible {
            told["visibleWhen"] = visible.source.as_str().into();
        }
        told
    };
    options.iter().map(option).collect()
}
