//! What the service offers, as it tells directories itself (RFC 7643, sections 5 to 7).

use axum::{extract::Path, http::StatusCode};
use serde_json::{Value, json};

use super::{COUNT_MAX, answer};
use crate::problem::{Answered, Problem};

/// The schema of users.
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The schema of groups.
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// `GET /scim/v2/ServiceProviderConfig`.
pub(super) async fn config() -> Answered {
    let no = json!({ "supported": false });
    let scheme = |kind: &str, name: &str, description: &str| json!({ "type": kind, "name": name, "description": description });
    Ok(answer(&json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": COUNT_MAX },
        "changePassword": { "supported": true },
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            scheme("oauthbearertoken", "Bearer token", "An API key or an access token of an administrator"),
            scheme("httpbasic", "HTTP Basic", "Name and password of an administrator"),
        ],
        "meta": { "resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig" },
    })))
}

/// `GET /scim/v2/ResourceTypes`.
pub(super) async fn resource_types() -> Answered {
    Ok(answer(&listed(types())))
}

/// `GET /scim/v2/ResourceTypes/{id}`.
pub(super) async fn resource_type(Path(id): Path<String>) -> Answered {
    one_of(types(), &id)
}

/// `GET /scim/v2/Schemas`.
pub(super) async fn schemas() -> Answered {
    Ok(answer(&listed(all_schemas())))
}

/// `GET /scim/v2/Schemas/{id}`.
pub(super) async fn schema(Path(id): Path<String>) -> Answered {
    one_of(all_schemas(), &id)
}

fn one_of(all: Vec<Value>, id: &str) -> Answered {
    let found = all.into_iter().find(|one| one.get("id").and_then(Value::as_str) == Some(id));
    let missing = || {
        let message = format!("there is nothing called {id:?}");
        Problem::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", message)
    };
    Ok(answer(&found.ok_or_else(missing)?))
}

fn listed(all: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(),
        "startIndex": 1,
        "itemsPerPage": all.len(),
        "Resources": all,
    })
}

fn types() -> Vec<Value> {
    let resource_type = |id: &str, endpoint: &str, schema: &str, description: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": id, "name": id, "endpoint": endpoint, "description": description, "schema": schema,
            "meta": { "resourceType": "ResourceType", "location": format!("/scim/v2/ResourceTypes/{id}") },
        })
    };
    vec![
        resource_type("User", "/Users", USER, "Someone who may log in"),
        resource_type("Group", "/Groups", GROUP, "A permission set, and who has it"),
    ]
}

/// What is said of an attribute.
struct Attribute {
    name: &'static str,
    kind: &'static str,
    mutability: &'static str,
    required: bool,
    unique: bool,
}

impl Attribute {
    const fn text(name: &'static str) -> Attribute {
        Attribute { name, kind: "string", mutability: "readWrite", required: false, unique: false }
    }

    const fn read_only(name: &'static str) -> Attribute {
        Attribute { mutability: "readOnly", ..Attribute::text(name) }
    }

    const fn truth(name: &'static str) -> Attribute {
        Attribute { kind: "boolean", ..Attribute::text(name) }
    }

    fn told(&self) -> Value {
        json!({
            "name": self.name, "type": self.kind, "multiValued": false, "required": self.required,
            "caseExact": true, "mutability": self.mutability,
            "returned": if self.mutability == "writeOnly" { "never" } else { "default" },
            "uniqueness": if self.unique { "server" } else { "none" },
        })
    }

    /// One with parts.
    fn with(&self, many: bool, parts: &[Attribute]) -> Value {
        let mut told = self.told();
        if let Some(told) = told.as_object_mut() {
            told.insert("type".to_owned(), json!("complex"));
            told.insert("multiValued".to_owned(), json!(many));
            told.insert("subAttributes".to_owned(), parts.iter().map(Attribute::told).collect());
        }
        told
    }
}

fn all_schemas() -> Vec<Value> {
    let schema = |id: &str, name: &str, attributes: Vec<Value>| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": id, "name": name, "attributes": attributes,
            "meta": { "resourceType": "Schema", "location": format!("/scim/v2/Schemas/{id}") },
        })
    };
    let user_name = Attribute { required: true, unique: true, ..Attribute::text("userName") };
    let password = Attribute { mutability: "writeOnly", ..Attribute::text("password") };
    let name_parts =
        [Attribute::text("formatted"), Attribute::text("givenName"), Attribute::text("familyName")];
    let email_parts = [Attribute::text("value"), Attribute::read_only("type")];
    let group_parts = [Attribute::read_only("value"), Attribute::read_only("display")];
    let user = vec![
        user_name.told(),
        Attribute::text("name").with(false, &name_parts),
        Attribute::text("displayName").told(),
        Attribute::text("emails").with(true, &email_parts),
        Attribute::truth("active").told(),
        password.told(),
        Attribute::read_only("groups").with(true, &group_parts),
    ];
    let member_parts =
        [Attribute { mutability: "immutable", ..Attribute::text("value") }, Attribute::read_only("display")];
    let group = vec![
        Attribute { unique: true, ..Attribute::read_only("displayName") }.told(),
        Attribute::text("members").with(true, &member_parts),
    ];
    vec![schema(USER, "User", user), schema(GROUP, "Group", group)]
}
