//! What there is of one object: its forms, and its records as resources.

use quarry_engine::{ObjectView, Views};
use quarry_metadata::{Field, FieldKind, permissions::Act, rules::Action};
use serde_json::{Map, Value, json};

use super::{
    content, refer, responses,
    schema::{self, Use},
};

/// Adds the object as it is read (`account`), as a new record (`account.create`) and as a change (`account.update`).
pub(super) fn schemas(view: &ObjectView, locale: &str, all: &mut Map<String, Value>) {
    let name = view.object.name.as_str();
    let read = view.fields.iter().filter_map(|field| view.field(field.as_str()));
    all.insert(name.to_owned(), form(view, read, Use::Read, locale));
    let written = || {
        let fields = view.object.fields.keys().filter_map(|field| view.writable(field.as_str()));
        fields.filter(|field| field.is_client_written())
    };
    all.insert(format!("{name}.create"), form(view, written(), Use::Create, locale));
    let changed = written().filter(|field| !matches!(field.kind, FieldKind::Id));
    all.insert(format!("{name}.update"), form(view, changed, Use::Update, locale));
}

/// What an action takes.
fn parameters(action: &Action, locale: &str) -> Value {
    let fields: Map<String, Value> = action
        .parameters
        .iter()
        .map(|(name, field)| (name.to_string(), schema::field(field, Use::Create, locale)))
        .collect();
    let needed: Vec<&str> = action
        .parameters
        .values()
        .filter(|field| schema::is_needed(field))
        .map(|field| field.name.as_str())
        .collect();
    let mut told = json!({ "type": "object", "properties": fields, "additionalProperties": false });
    if !needed.is_empty() {
        told["required"] = needed.into();
    }
    told
}

fn form<'f>(view: &ObjectView, fields: impl Iterator<Item = &'f Field>, usage: Use, locale: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields {
        properties.insert(field.name.to_string(), schema::field(field, usage, locale));
        if usage == Use::Read || (usage == Use::Create && schema::is_needed(field)) {
            required.push(Value::from(field.name.as_str()));
        }
    }
    let mut told = Map::new();
    told.insert("title".into(), view.object.label.get(locale).into());
    if let Some(description) = &view.object.description {
        told.insert("description".into(), description.as_str().into());
    }
    told.insert("type".into(), "object".into());
    told.insert("properties".into(), properties.into());
    if !required.is_empty() {
        told.insert("required".into(), required.into());
    }
    // What is expanded stands beside the fields of a record that is read.
    if usage != Use::Read {
        told.insert("additionalProperties".into(), false.into());
    }
    Value::Object(told)
}

/// Its group of operations.
pub(super) fn tag(view: &ObjectView, locale: &str) -> Value {
    let object = &view.object;
    let description = object.description.as_deref().unwrap_or_else(|| object.plural_label.get(locale));
    json!({ "name": object.name.as_str(), "description": description, "x-label": object.label.get(locale), "x-package": object.package.as_str() })
}

/// Adds the paths of its records.
pub(super) fn paths(views: &Views, view: &ObjectView, locale: &str, all: &mut Map<String, Value>) {
    let object = &view.object;
    let told = Told {
        name: object.name.as_str(),
        label: object.label.get(locale),
        plural: object.plural_label.get(locale),
    };
    let at = format!("/api/v1/objects/{}", told.name);
    // What may be done with no record is not there.
    let without = |mut path: Value, act: Act, method: &str| {
        if !view.acts.contains(&act)
            && let Some(methods) = path.as_object_mut()
        {
            methods.remove(method);
        }
        path
    };
    all.insert(at.clone(), without(told.collection(), Act::Create, "post"));
    let record = without(told.record(), Act::Update, "patch");
    all.insert(format!("{at}/{{id}}"), without(record, Act::Delete, "delete"));
    if views.bins.contains_key(&object.name) {
        all.insert(format!("{at}/deleted"), told.bin());
        all.insert(format!("{at}/deleted/{{id}}"), told.purge());
        all.insert(format!("{at}/{{id}}/undelete"), told.undelete());
    }
    let contents = view.fields.iter().filter_map(|field| view.field(field.as_str()));
    for field in contents.filter(|field| field.kind.content().is_some()) {
        told.contents(&at, field, locale, all);
    }
    let rules = views.registry.rules.get(&object.name);
    for action in rules.into_iter().flat_map(|rules| rules.actions.values()) {
        all.insert(format!("{at}/{{id}}/actions/{}", action.name), told.action(action, locale));
    }
}

/// The words of an object's operations.
struct Told<'a> {
    name: &'a str,
    label: &'a str,
    plural: &'a str,
}

impl Told<'_> {
    fn operation(&self, verb: &str, summary: String) -> Map<String, Value> {
        let mut told = Map::new();
        told.insert("operationId".into(), format!("{verb}_{}", self.name).into());
        told.insert("summary".into(), summary.into());
        told.insert("tags".into(), json!([self.name]));
        told
    }

    fn list_of(&self, schema: &str) -> Value {
        json!({
            "type": "object",
            "required": ["records", "csn"],
            "properties": {
                "records": { "type": "array", "items": refer("schemas", schema) },
                "count": { "type": "integer" },
                "cursor": refer("schemas", "Cursor"),
                "csn": refer("schemas", "Csn"),
            },
        })
    }

    fn collection(&self) -> Value {
        let mut list = self.operation("list", format!("{}: a list", self.plural));
        list.insert(
            "description".into(),
            "With `select` records have only what it names, with `expand` also what it brings.".into(),
        );
        list.insert("parameters".into(), list_parameters());
        let records = json!({ "description": "The records.", "content": content(self.list_of(self.name)), "headers": csn_header() });
        list.insert("responses".into(), responses(&[("200", records)], &["400", "401", "406"]));
        let mut create = self.operation("create", format!("{}: a new record", self.label));
        create.insert("requestBody".into(), body(&format!("{}.create", self.name)));
        let made = json!({
            "description": "The record as it is then.",
            "content": content(refer("schemas", self.name)),
            "headers": { "ETag": refer("headers", "ETag"), "Location": refer("headers", "Location"), "X-Quarry-CSN": refer("headers", "Csn"), "X-Quarry-Warnings": refer("headers", "Warnings") },
        });
        create.insert(
            "responses".into(),
            responses(&[("201", made)], &["400", "401", "403", "409", "413", "415"]),
        );
        json!({ "get": list, "post": create })
    }

    fn record(&self) -> Value {
        let tagged = json!({ "ETag": refer("headers", "ETag"), "X-Quarry-CSN": refer("headers", "Csn"), "X-Quarry-Warnings": refer("headers", "Warnings") });
        let one = |description: &str| json!({ "description": description, "content": content(refer("schemas", self.name)), "headers": tagged });
        let mut read = self.operation("read", format!("{}: one record", self.label));
        read.insert(
            "parameters".into(),
            json!([
                refer("parameters", "Select"),
                refer("parameters", "Expand"),
                refer("parameters", "IfNoneMatch")
            ]),
        );
        let same = json!({ "description": "It has the revision that the client knows." });
        read.insert(
            "responses".into(),
            responses(&[("200", one("The record.")), ("304", same)], &["400", "401", "404"]),
        );
        let mut update = self.operation("update", format!("{}: some fields of a record", self.label));
        update.insert("parameters".into(), json!([refer("parameters", "IfMatch")]));
        update.insert("requestBody".into(), body(&format!("{}.update", self.name)));
        let errors = ["400", "401", "403", "404", "409", "412", "413", "415"];
        update.insert("responses".into(), responses(&[("200", one("The record as it is then."))], &errors));
        let mut delete = self.operation("delete", format!("{}: a record less", self.label));
        delete.insert("parameters".into(), json!([refer("parameters", "IfMatch")]));
        let gone = json!({ "description": "It is deleted.", "headers": { "X-Quarry-Warnings": refer("headers", "Warnings") } });
        delete.insert(
            "responses".into(),
            responses(&[("204", gone)], &["400", "401", "403", "404", "409", "412"]),
        );
        json!({ "parameters": [refer("parameters", "Id")], "get": read, "patch": update, "delete": delete })
    }

    fn bin(&self) -> Value {
        let mut list = self.operation("list_deleted", format!("{}: the recycle bin", self.plural));
        list.insert("parameters".into(), list_parameters());
        let mut deleted = self.list_of(self.name);
        deleted["properties"]["records"]["items"] =
            json!({ "allOf": [refer("schemas", self.name), refer("schemas", "Deleted")] });
        let records = json!({ "description": "The deleted records.", "content": content(deleted), "headers": csn_header() });
        list.insert("responses".into(), responses(&[("200", records)], &["400", "401", "406"]));
        let mut purge = self
            .operation("purge_all", format!("{}: empties the recycle bin, for administrators", self.plural));
        let purged = json!({ "type": "object", "required": ["purged"], "properties": { "purged": { "type": "integer" } } });
        let purged = json!({ "description": "How many there were.", "content": content(purged) });
        purge.insert("responses".into(), responses(&[("200", purged)], &["401", "403"]));
        json!({ "get": list, "delete": purge })
    }

    fn purge(&self) -> Value {
        let mut purge =
            self.operation("purge", format!("{}: purges a deleted record, for administrators", self.label));
        let gone = json!({ "description": "It is gone for good." });
        purge.insert("responses".into(), responses(&[("204", gone)], &["401", "403", "404"]));
        json!({ "parameters": [refer("parameters", "Id")], "delete": purge })
    }

    fn undelete(&self) -> Value {
        let mut undelete =
            self.operation("undelete", format!("{}: brings a deleted record back", self.label));
        let back = json!({ "description": "The record as it is then.", "content": content(refer("schemas", self.name)), "headers": { "ETag": refer("headers", "ETag") } });
        undelete
            .insert("responses".into(), responses(&[("200", back)], &["400", "401", "403", "404", "409"]));
        json!({ "parameters": [refer("parameters", "Id")], "post": undelete })
    }

    fn action(&self, action: &Action, locale: &str) -> Value {
        let mut told = self.operation(
            &format!("act_{}", action.name),
            format!("{}: {}", self.label, action.label.get(locale)),
        );
        if let Some(description) = &action.description {
            told.insert("description".into(), description.as_str().into());
        }
        told.insert("parameters".into(), json!([refer("parameters", "IfMatch")]));
        let needs_body = action.parameters.values().any(schema::is_needed);
        told.insert(
            "requestBody".into(),
            json!({ "required": needs_body, "content": content(parameters(action, locale)) }),
        );
        let returned: Map<String, Value> =
            action.returns.keys().map(|name| (name.clone(), json!({}))).collect();
        let acted = json!({
            "type": "object",
            "required": ["done", "object", "id", "returned"],
            "properties": {
                "done": { "const": "acted" },
                "object": { "const": self.name },
                "id": { "type": "string" },
                "record": refer("schemas", self.name),
                "returned": { "type": "object", "properties": returned },
            },
        });
        let acted = json!({ "description": "What it returns, and the record as it is then.", "content": content(acted), "headers": csn_header() });
        told.insert(
            "responses".into(),
            responses(&[("200", acted)], &["400", "401", "403", "404", "409", "412"]),
        );
        json!({ "parameters": [refer("parameters", "Id")], "post": told })
    }

    fn contents(&self, at: &str, field: &Field, locale: &str, all: &mut Map<String, Value>) {
        let name = field.name.as_str();
        let is_many = matches!(field.kind, FieldKind::Composite { many: true, .. });
        let path = format!("{at}/{{id}}/content/{name}{}", if is_many { "/{item}" } else { "" });
        let mut told = self
            .operation(&format!("download_{name}"), format!("{}: {}", self.label, field.label.get(locale)));
        told.insert(
            "parameters".into(),
            json!([refer("parameters", "IfNoneMatch"), refer("parameters", "Range")]),
        );
        let bytes = json!({ "application/octet-stream": {} });
        let whole = json!({ "description": "The content.", "content": bytes, "headers": { "ETag": refer("headers", "ETag") } });
        let part = json!({ "description": "The range that was asked for.", "content": bytes });
        let same = json!({ "description": "It is the content that the client knows." });
        told.insert(
            "responses".into(),
            responses(&[("200", whole), ("206", part), ("304", same)], &["401", "404", "416"]),
        );
        let mut parameters = vec![refer("parameters", "Id")];
        if is_many {
            parameters.push(refer("parameters", "Item"));
        }
        all.insert(path, json!({ "parameters": parameters, "get": told }));
    }
}

fn list_parameters() -> Value {
    ["Filter", "Select", "Sort", "Limit", "Offset", "Expand", "Search", "Count", "TimeZone", "Version"]
        .iter()
        .map(|name| refer("parameters", name))
        .collect()
}

fn csn_header() -> Value {
    json!({ "X-Quarry-CSN": refer("headers", "Csn") })
}

fn body(schema: &str) -> Value {
    json!({ "required": true, "content": content(refer("schemas", schema)) })
}
