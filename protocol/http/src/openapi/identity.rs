//! Logging in, sessions, keys, and what users are given.

use serde_json::{Map, Value, json};

use super::{content, responses};

/// The paths.
pub(super) fn paths() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("/api/v1/auth/login".into(), json!({ "post": login() }));
    all.insert("/api/v1/auth/refresh".into(), json!({ "post": refresh() }));
    let out =
        operation("log_out", "login", "Ends the session of the access token", "204", None, &["400", "401"]);
    all.insert("/api/v1/auth/logout".into(), json!({ "post": out }));
    let me = operation(
        "who_am_i",
        "login",
        "Who one is, by what, and what one was given",
        "200",
        Some(me()),
        &["401"],
    );
    all.insert("/api/v1/auth/me".into(), json!({ "get": me }));
    let sets = json!({ "type": "object", "properties": { "permissionSets": texts() } });
    let list = operation(
        "name_permission_sets",
        "users",
        "Every permission set by its name",
        "200",
        Some(sets),
        &["401"],
    );
    all.insert("/api/v1/permission-sets".into(), json!({ "get": list }));
    all.extend(held("/api/v1/auth", "own", "login", Vec::new()));
    all.extend(held("/api/v1/users/{name}", "users", "users", vec![named("name", "The login name.")]));
    all.extend(users());
    all
}

/// Sessions and keys below a path, of oneself or of a user.
fn held(base: &str, whose: &str, tag: &str, parameters: Vec<Value>) -> Map<String, Value> {
    let at = |more: Option<&str>| {
        let more = more.map(|about| named("id", about));
        json!(parameters.iter().cloned().chain(more).collect::<Vec<_>>())
    };
    let errors = &["401", "403", "404"];
    let list = |what: &str, item: Value| json!({ "type": "object", "properties": { what: { "type": "array", "items": item } } });
    let id = |what: &str| format!("{what}_{whose}");
    let ended = json!({ "type": "object", "properties": { "ended": { "type": "integer" } } });
    let mut all = Map::new();
    all.insert(
        format!("{base}/sessions"),
        json!({
            "parameters": at(None),
            "get": operation(&id("list_sessions"), tag, "Sessions, the newest first", "200", Some(list("sessions", session())), errors),
            "delete": operation(&id("end_sessions"), tag, "Ends all sessions", "200", Some(ended), errors),
        }),
    );
    all.insert(
        format!("{base}/sessions/{{id}}"),
        json!({
            "parameters": at(Some("The session's id.")),
            "delete": operation(&id("end_session"), tag, "Ends a session", "204", None, errors),
        }),
    );
    let mut make = operation(
        &id("make_key"),
        tag,
        "Makes an API key; it is told this once",
        "201",
        Some(key(true)),
        &["400", "401", "403", "404", "409", "422"],
    );
    make["requestBody"] = json!({ "required": true, "content": content(new_key()) });
    all.insert(
        format!("{base}/keys"),
        json!({
            "parameters": at(None),
            "get": operation(&id("list_keys"), tag, "API keys, the newest first", "200", Some(list("keys", key(false))), errors),
            "post": make,
        }),
    );
    all.insert(
        format!("{base}/keys/{{id}}"),
        json!({
            "parameters": at(Some("The key's id.")),
            "delete": operation(&id("revoke_key"), tag, "Revokes an API key", "204", None, errors),
        }),
    );
    all
}

fn users() -> Map<String, Value> {
    let name = named("name", "The login name.");
    let errors = &["401", "403", "404"];
    let rights = json!({
        "type": "object",
        "properties": {
            "id": text(), "name": text(), "kind": { "enum": ["person", "service"] }, "admin": truth(),
            "password": { "type": "boolean", "description": "Has one." }, "permissionSets": { "type": "array", "items": grant() },
        },
    });
    let given = json!({ "type": "object", "properties": { "permissionSets": { "type": "array", "items": grant() } } });
    let mut give = operation(
        "grant",
        "users",
        "Gives a permission set",
        "200",
        Some(given.clone()),
        &["400", "401", "403", "404"],
    );
    let until =
        json!({ "type": "object", "additionalProperties": false, "properties": { "expires": instant() } });
    give["requestBody"] = json!({ "required": false, "content": content(until) });
    let take = operation("revoke", "users", "Takes a permission set", "200", Some(given), errors);
    let lifted = json!({ "type": "object", "properties": { "lifted": truth() } });
    let mut all = Map::new();
    let mut insert = |path: &str, told: Value| drop(all.insert(path.to_owned(), told));
    insert(
        "/api/v1/users/{name}",
        json!({ "parameters": [name], "get": operation("tell_user_rights", "users", "What a user was given", "200", Some(rights.clone()), errors) }),
    );
    insert(
        "/api/v1/users/{name}/permission-sets",
        json!({ "parameters": [name], "get": operation("tell_user_grants", "users", "What a user was given", "200", Some(rights), errors) }),
    );
    insert(
        "/api/v1/users/{name}/permission-sets/{set}",
        json!({ "parameters": [name, named("set", "The permission set.")], "put": give, "delete": take }),
    );
    insert(
        "/api/v1/users/{name}/lock",
        json!({ "parameters": [name], "delete": operation("lift_lock", "users", "Lifts what failed logins have brought", "200", Some(lifted), &["401", "403"]) }),
    );
    all
}

fn login() -> Value {
    let body = json!({
        "type": "object", "required": ["user", "password"], "additionalProperties": false,
        "properties": { "user": text(), "password": { "type": "string", "format": "password" } },
    });
    open("login", "Logs in", body)
}

fn refresh() -> Value {
    let body = json!({
        "type": "object", "required": ["refreshToken"], "additionalProperties": false,
        "properties": { "refreshToken": text() },
    });
    open("refresh", "Exchanges a refresh token for the next pair of tokens; it works once", body)
}

/// An operation that gives tokens.
fn open(id: &str, summary: &str, body: Value) -> Value {
    let told = json!({
        "type": "object", "required": ["token", "expires", "refreshToken", "refreshExpires", "session", "user"],
        "properties": {
            "token": { "type": "string", "description": "To be sent as `Authorization: Bearer …`." },
            "expires": instant(), "refreshToken": text(), "refreshExpires": instant(), "session": text(), "user": user(),
        },
    });
    let good = json!({ "description": "Tokens, and who one is.", "content": content(told) });
    json!({
        "operationId": id, "summary": summary, "tags": ["login"], "security": [],
        "requestBody": { "required": true, "content": content(body) },
        "responses": responses(&[("200", good)], &["400", "401", "413", "415", "429"]),
    })
}

fn operation(
    id: &str,
    tag: &str,
    summary: &str,
    status: &str,
    told: Option<Value>,
    errors: &[&str],
) -> Value {
    let mut good = json!({ "description": summary });
    if let Some(told) = told {
        good["content"] = content(told);
    }
    json!({ "operationId": id, "summary": summary, "tags": [tag], "responses": responses(&[(status, good)], errors) })
}

fn me() -> Value {
    json!({
        "type": "object", "required": ["user", "means", "permissionSets", "readOnly"],
        "properties": {
            "user": user(), "means": { "enum": ["password", "session", "key", "issuer", "console"] },
            "permissionSets": texts(), "readOnly": truth(), "session": text(), "key": text(), "issuer": text(),
        },
    })
}

fn user() -> Value {
    json!({
        "type": "object",
        "properties": { "id": text(), "name": text(), "admin": truth(), "kind": { "enum": ["person", "service"] } },
    })
}

fn session() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": text(), "began": instant(), "refreshed": instant(), "expires": instant(),
            "address": { "type": ["string", "null"] }, "current": truth(),
        },
    })
}

fn new_key() -> Value {
    json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "maxLength": 120 }, "permissionSets": texts(), "readOnly": truth(),
            "days": { "type": "integer", "minimum": 1, "maximum": 3650, "default": 90 },
        },
    })
}

fn key(with_secret: bool) -> Value {
    let mut told = json!({
        "type": "object",
        "properties": {
            "id": text(), "name": text(), "permissionSets": { "type": ["array", "null"], "items": text() },
            "readOnly": truth(), "made": instant(), "madeBy": text(), "expires": instant(),
            "lastUsed": { "type": ["string", "null"], "format": "date-time" },
        },
    });
    if with_secret {
        told["properties"]["key"] = json!({ "type": "string", "description": "The key itself." });
    }
    told
}

fn grant() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": text(), "expires": { "type": ["string", "null"], "format": "date-time" },
            "givenBy": text(), "given": instant(),
        },
    })
}

fn named(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn texts() -> Value {
    json!({ "type": "array", "items": text() })
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}
