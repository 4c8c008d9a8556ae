//! What there is whatever the objects are.

use serde_json::{Map, Value, json};

use super::{content, identity, refer, responses};

/// The groups of operations that are about no object.
pub(super) fn tags() -> Vec<Value> {
    let tag = |name: &str, description: &str| json!({ "name": name, "description": description });
    vec![
        tag("login", "Tokens, sessions and API keys."),
        tag("users", "What users are given."),
        tag("query", "Questions over all objects: ObjectQL and SQL."),
        tag("changes", "Changes of several records in one transaction."),
        tag("contents", "Documents and pictures."),
        tag("model", "The objects themselves."),
    ]
}

/// The paths that are about no object.
pub(super) fn paths() -> Map<String, Value> {
    let mut all = Map::new();
    all.extend(identity::paths());
    all.insert("/api/v1/query".into(), json!({ "post": query() }));
    all.insert("/api/v1/sql".into(), json!({ "post": sql() }));
    all.insert("/api/v1/changes".into(), json!({ "post": changes() }));
    all.insert("/api/v1/files".into(), json!({ "post": upload() }));
    all.insert(
        "/api/v1/meta/objects".into(),
        json!({ "get": model("list_objects", "Every object", &["401"]) }),
    );
    let mut one = json!({ "get": model("read_object", "One object with its fields", &["401", "404"]) });
    one["parameters"] = json!([refer("parameters", "Object")]);
    all.insert("/api/v1/meta/objects/{object}".into(), one);
    all
}

fn query() -> Value {
    let good = rows("The records. NDJSON has one a line, Arrow IPC batches of them.");
    json!({
        "operationId": "query", "summary": "Answers an ObjectQL question", "tags": ["query"],
        "parameters": [refer("parameters", "TimeZone"), refer("parameters", "Version")],
        "requestBody": { "required": true, "content": content(refer("schemas", "Query")) },
        "responses": responses(&[("200", good)], &["400", "401", "404", "406", "413", "415", "422"]),
    })
}

fn sql() -> Value {
    let body = json!({
        "type": "object", "required": ["sql"], "additionalProperties": false,
        "properties": { "sql": { "type": "string", "description": "One query; changes go over /api/v1/changes." }, "numbers": refer("schemas", "Numbers") },
    });
    json!({
        "operationId": "sql", "summary": "Answers an SQL query", "tags": ["query"],
        "requestBody": { "required": true, "content": content(body) },
        "responses": responses(&[("200", rows("The rows."))], &["400", "401", "406", "413", "415", "422"]),
    })
}

/// An answer in each of its forms.
fn rows(description: &str) -> Value {
    let answer = json!({
        "type": "object", "required": ["records", "csn"],
        "properties": {
            "records": { "type": "array", "items": { "type": "object" } },
            "count": { "type": "integer" },
            "cursor": refer("schemas", "Cursor"),
            "csn": refer("schemas", "Csn"),
        },
    });
    let content = json!({
        "application/json": { "schema": answer },
        "application/x-ndjson": {},
        "application/vnd.apache.arrow.stream": {},
    });
    json!({ "description": description, "content": content, "headers": { "X-Quarry-CSN": refer("headers", "Csn") } })
}

fn changes() -> Value {
    let body = json!({
        "type": "object", "required": ["changes"], "additionalProperties": false,
        "properties": {
            "changes": { "type": "array", "items": refer("schemas", "Change"), "maxItems": 10_000 },
            "atomic": { "type": "boolean", "default": true, "description": "All or nothing; else each change is a transaction of its own." },
            "dryRun": { "type": "boolean", "default": false, "description": "The whole verdict; nothing is kept." },
            "returning": { "enum": ["records", "ids"], "default": "records" },
        },
    });
    let result = json!({
        "type": "object",
        "description": "What was done; of a change that failed by itself, its error.",
        "properties": {
            "done": { "enum": ["created", "updated", "deleted", "undeleted", "acted"] },
            "object": { "type": "string" },
            "id": { "type": "string" },
            "ids": { "type": "array", "items": { "type": "string" } },
            "record": { "type": "object" },
            "returned": { "type": "object" },
            "error": { "type": "object" },
        },
    });
    let told = json!({
        "type": "object", "required": ["results", "warnings", "csn"],
        "properties": {
            "results": { "type": "array", "items": result },
            "warnings": { "type": "array", "items": refer("schemas", "Finding") },
            "warningsLeftOut": { "type": "integer" },
            "csn": { "type": ["integer", "null"] },
        },
    });
    let good = json!({ "description": "What became of each change, in order.", "content": content(told) });
    json!({
        "operationId": "change", "summary": "Makes changes", "tags": ["changes"],
        "requestBody": { "required": true, "content": content(body) },
        "responses": responses(&[("200", good)], &["400", "401", "404", "409", "413", "415", "422"]),
    })
}

fn upload() -> Value {
    let name = json!({ "name": "name", "in": "query", "required": true, "description": "What it is called.", "schema": { "type": "string", "maxLength": 255 } });
    let good = json!({ "description": "What a field will hold of it: send its id there within a day.", "content": content(refer("schemas", "Content")) });
    json!({
        "operationId": "upload", "summary": "Keeps a content", "tags": ["contents"],
        "parameters": [name],
        "requestBody": { "required": true, "content": { "*/*": {} } },
        "responses": responses(&[("201", good)], &["400", "401", "413", "415", "429"]),
    })
}

fn model(id: &str, summary: &str, errors: &[&str]) -> Value {
    let good = json!({ "description": "Labels are in the session's locale.", "content": content(json!({ "type": "object" })) });
    json!({
        "operationId": id, "summary": summary, "tags": ["model"],
        "parameters": [refer("parameters", "Locale"), refer("parameters", "Version")],
        "responses": responses(&[("200", good)], errors),
    })
}

/// Parameters by the name of their component.
pub(super) fn parameters() -> Value {
    let at = |place: &str, name: &str, description: &str, schema: Value| json!({ "name": name, "in": place, "description": description, "schema": schema });
    let query = |name: &str, description: &str, schema: Value| at("query", name, description, schema);
    let header = |name: &str, description: &str| at("header", name, description, json!({ "type": "string" }));
    let path = |name: &str, description: &str| json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } });
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    json!({
        "Id": path("id", "The record's id."),
        "Item": path("item", "The id of one of the contents."),
        "Object": path("object", "The object's name."),
        "Filter": query("filter", "A filter as JSON: {\"stage\": {\"$in\": [\"won\"]}}.", text()),
        "Select": query("select", "Fields and paths, with commas: name,account.name.", text()),
        "Sort": query("sort", "Fields and paths, with commas; -name is descending.", text()),
        "Limit": query("limit", "At most so many.", number()),
        "Offset": query("offset", "Behind so many.", number()),
        "Expand": query("expand", "Relations, with commas, or JSON.", text()),
        "Search": query("search", "Words to be found.", text()),
        "Count": query("count", "Also count all that match.", json!({ "type": "boolean" })),
        "IfMatch": header("If-Match", "The ETag of the record: the change is made only at this revision, else 412."),
        "IfNoneMatch": header("If-None-Match", "An ETag that the client knows: 304 when it is still that."),
        "Range": header("Range", "One range of bytes."),
        "Locale": header("Accept-Language", "The locale of labels."),
        "TimeZone": header("X-Quarry-Time-Zone", "The time zone of dates and bare local times, an IANA name."),
        "Version": header("X-Quarry-Version", "Versions of packages to see the objects in: crm@1.4."),
    })
}

/// Headers of answers.
pub(super) fn headers() -> Value {
    let header =
        |description: &str, kind: &str| json!({ "description": description, "schema": { "type": kind } });
    json!({
        "ETag": header("The revision of the record, or the hash of a content, in quotes.", "string"),
        "Location": header("Where the record is.", "string"),
        "Csn": header("The commit whose state it is.", "integer"),
        "Warnings": header("What rules only warn of: a JSON list of findings.", "string"),
    })
}

/// Errors by their status; each has the same body.
const ERRORS: [(&str, &str); 13] = [
    ("400", "The request, or the data in it, must be changed."),
    ("401", "No login, or a wrong one."),
    ("403", "Not allowed."),
    ("404", "There is no such object, record or content."),
    ("406", "There is no such form of answer."),
    ("409", "A unique value is taken, a delete is restricted, or a record was changed meanwhile."),
    ("412", "The record has another revision than If-Match says."),
    ("413", "The body is too large."),
    ("415", "The body is of another content type."),
    ("416", "There is no byte of that range."),
    ("422", "Understood, but past a limit."),
    ("429", "Too many at once; try again later."),
    ("", "Any other error."),
];

/// The components of errors.
pub(super) fn errors() -> Value {
    let error = |description: &str| json!({ "description": description, "content": content(refer("schemas", "Error")) });
    let all = ERRORS.map(|(status, description)| (format!("Error{status}"), error(description)));
    Value::Object(all.into_iter().collect())
}

/// The schemas that are of no object.
pub(super) fn schemas() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let all = json!({
        "Error": {
            "type": "object", "required": ["error"],
            "properties": { "error": {
                "type": "object", "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string", "description": "For programs: VALIDATION_FAILED, RECORD_NOT_FOUND, …" },
                    "message": text(),
                    "path": { "type": "string", "description": "The place in the request." },
                    "findings": { "type": "array", "items": refer("schemas", "Finding") },
                    "warnings": { "type": "array", "items": refer("schemas", "Finding") },
                    "warningsLeftOut": { "type": "integer" },
                    "requestId": { "type": "string", "description": "Stands in the server's log too." },
                },
            } },
        },
        "Finding": {
            "type": "object", "required": ["change", "object", "code", "message"],
            "properties": {
                "change": { "type": "integer", "description": "Which change of the request, from 0." },
                "object": text(), "id": text(), "field": text(),
                "code": { "type": "string", "description": "required, max_length, unique, …, or that of a rule." },
                "message": text(), "constraint": text(),
            },
        },
        "Content": {
            "type": "object", "required": ["id", "name", "type", "size", "hash"],
            "properties": { "id": text(), "name": text(), "type": { "type": "string", "description": "Its media type." }, "size": { "type": "integer" }, "hash": text() },
        },
        "Deleted": {
            "type": "object",
            "properties": { "deleted_at": { "type": "string", "format": "date-time" }, "deleted_by": { "type": ["string", "null"] } },
        },
        "Cursor": { "type": "object", "description": "Where the next page begins; null: nowhere.", "properties": { "next": { "type": ["string", "null"] } } },
        "Csn": { "type": "integer", "description": "The commit whose state was read." },
        "Numbers": { "enum": ["string", "float"], "default": "string", "description": "How decimals look." },
        "Query": question(),
        "Change": change(),
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

/// The keys of a question by their first names.
fn question() -> Value {
    let any = |description: &str| json!({ "description": description });
    json!({
        "type": "object", "required": ["object"],
        "description": "An ObjectQL question. Keys have other spellings too, which mean the same.",
        "properties": {
            "object": { "type": "string" },
            "fields": any("A list of fields and paths; {field, as} renames, {formula, as} computes."),
            "where": any("A filter in object or array form."),
            "search": any("Words, or {query, fields}."),
            "orderBy": any("\"-amount\", [\"-amount\", \"name\"], [{field, order, nulls}]."),
            "limit": { "type": "integer", "minimum": 0 },
            "offset": { "type": "integer", "minimum": 0 },
            "after": { "type": "string", "description": "The cursor of the page before." },
            "expand": any("Relations to bring along, each with a question of its own."),
            "groupBy": any("Fields, paths, {field, granularity, timeZone, as}."),
            "aggregations": any("[{function, field, filter, as}]."),
            "having": any("A filter over keys and aggregates."),
            "rollup": { "type": "boolean" },
            "pivot": any("{on, values}."),
            "windows": any("[{function, field, partitionBy, orderBy, as}]."),
            "distinct": { "type": "boolean" },
            "count": { "type": "boolean", "description": "Also count all that match." },
            "asOf": { "type": ["string", "integer"], "description": "A past state: an instant or a commit." },
            "numbers": refer("schemas", "Numbers"),
            "explain": { "type": "boolean", "description": "The plan instead of the rows." },
        },
    })
}

fn change() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object", "required": ["op", "object"], "additionalProperties": false,
        "properties": {
            "op": { "enum": ["create", "update", "upsert", "delete", "undelete", "action"] },
            "object": text(),
            "id": { "type": "string", "description": "\"$ref:0.id\" is the record of change 0." },
            "where": { "description": "All that match, of an update or delete." },
            "on": { "type": "array", "items": text(), "description": "Of an upsert: fields that are unique together." },
            "data": { "type": "object" },
            "ifRevision": { "type": "integer", "description": "Only at this revision." },
            "action": text(),
            "parameters": { "type": "object" },
        },
    })
}
