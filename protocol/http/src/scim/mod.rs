//! SCIM 2.0 (RFC 7643, RFC 7644): a directory looks after users, and after who has which permission set.
//!
//! A user is a record of the object `user` with what he logs in with; a group is a permission set, which exists because a package declares
//! it: its members can be changed, groups can be neither made nor deleted. What a directory sends that is not kept is refused and named,
//! but for what the RFC tells to ignore (`id`, `meta`, `groups`). Administrators may use it.

mod filter;
mod group;
mod patch;
mod problem;
mod schema;
mod user;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
pub(crate) use problem::told;
use serde_json::{Map, Value, json};

use crate::{Door, problem::Problem};

/// What a page holds when nothing is said.
const COUNT_DEFAULT: usize = 100;
/// What a page holds at most.
const COUNT_MAX: usize = 200;
/// Operations of one PATCH, and members of one group that are changed by it.
const OPERATIONS_MAX: usize = 1_000;
/// The media type of all answers.
pub(crate) const MEDIA_TYPE: &str = "application/scim+json";

/// The routes.
pub(crate) fn routes() -> Router<Door> {
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(schema::config))
        .route("/scim/v2/ResourceTypes", get(schema::resource_types))
        .route("/scim/v2/ResourceTypes/{id}", get(schema::resource_type))
        .route("/scim/v2/Schemas", get(schema::schemas))
        .route("/scim/v2/Schemas/{id}", get(schema::schema))
        .route("/scim/v2/Users", get(user::list).post(user::create))
        .route(
            "/scim/v2/Users/{id}",
            get(user::read).put(user::replace).patch(user::patch).delete(user::delete),
        )
        .route("/scim/v2/Groups", get(group::list).post(not_implemented))
        .route(
            "/scim/v2/Groups/{id}",
            get(group::read).put(group::replace).patch(group::patch).delete(not_implemented),
        )
        .route("/scim/v2/Bulk", any(not_implemented))
        .route("/scim/v2/Me", any(not_implemented))
        .route("/scim/v2/.search", any(not_implemented))
}

async fn not_implemented() -> Problem {
    let message = "this is not offered: permission sets come from packages, and there is no bulk, search or self endpoint";
    Problem::new(StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message)
}

/// What a list is asked for.
struct Page {
    filter: Option<String>,
    /// The first one, from 1 on.
    start: usize,
    count: usize,
    chosen: Chosen,
}

/// Which attributes are told.
#[derive(Default)]
struct Chosen {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Page {
    fn of(query: &[(String, String)]) -> Result<Page, Problem> {
        let mut page = Page { filter: None, start: 1, count: COUNT_DEFAULT, chosen: Chosen::default() };
        for (name, value) in query {
            let number = || {
                let wrong = || Problem::invalid(format!("{name} is a whole number")).at(name.clone());
                value.parse::<i64>().map_err(|_| wrong()).map(|n| usize::try_from(n).unwrap_or(0))
            };
            match name.as_str() {
                "filter" => page.filter = Some(value.clone()),
                "startIndex" => page.start = number()?.max(1),
                "count" => page.count = number()?.min(COUNT_MAX),
                _ => page.chosen.take(name, value)?,
            }
        }
        Ok(page)
    }

    /// How many are left out, and how many are told.
    fn window(&self) -> (usize, usize) {
        (self.start - 1, self.count)
    }

    fn answer(&self, total: usize, resources: Vec<Value>) -> Response {
        let told: Vec<Value> = resources.into_iter().map(|resource| self.chosen.of(resource)).collect();
        answer(&json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": total,
            "startIndex": self.start,
            "itemsPerPage": told.len(),
            "Resources": told,
        }))
    }
}

impl Chosen {
    fn of_query(query: &[(String, String)]) -> Result<Chosen, Problem> {
        let mut chosen = Chosen::default();
        for (name, value) in query {
            chosen.take(name, value)?;
        }
        Ok(chosen)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let names = || value.split(',').map(|name| first_name(name).to_ascii_lowercase()).collect();
        match name {
            "attributes" => self.only = Some(names()),
            "excludedAttributes" => self.without = names(),
            _ => {
                let message = format!("there is no parameter {name:?}");
                return Err(Problem::invalid(message).at(name));
            }
        }
        Ok(())
    }

    /// A resource with what was chosen of it; what it is and its id are always told.
    fn of(&self, resource: Value) -> Value {
        let Value::Object(all) = resource else { return resource };
        let is_told = |name: &str| {
            let name = name.to_ascii_lowercase();
            let is_wanted = self.only.as_ref().is_none_or(|only| only.contains(&name));
            ["schemas", "id"].contains(&name.as_str()) || (is_wanted && !self.without.contains(&name))
        };
        Value::Object(all.into_iter().filter(|(name, _)| is_told(name)).collect())
    }

    fn tells(&self, name: &str) -> bool {
        let name = name.to_owned();
        self.only.as_ref().is_none_or(|only| only.contains(&name)) && !self.without.contains(&name)
    }
}

/// The attribute of a path like `name.formatted`, without what says whose it is.
fn first_name(path: &str) -> &str {
    let path = path.trim();
    let path = path.rsplit_once(':').map_or(path, |(_, name)| name);
    path.split(['.', '[']).next().unwrap_or_default()
}

/// An answer in SCIM's media type.
fn answer(told: &Value) -> Response {
    let media_type = [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))];
    (media_type, told.to_string()).into_response()
}

/// The operations of a PATCH.
fn operations(body: &Map<String, Value>) -> Result<Vec<patch::Operation>, Problem> {
    let wrong =
        || Problem::invalid("a PATCH has the schema PatchOp and a list of Operations").at("Operations");
    let is_patch = |schema: &Value| schema.as_str() == Some("urn:ietf:params:scim:api:messages:2.0:PatchOp");
    if !body.get("schemas").and_then(Value::as_array).is_some_and(|schemas| schemas.iter().any(is_patch)) {
        return Err(wrong());
    }
    if let Some(unknown) = body.keys().find(|key| !["schemas", "Operations"].contains(&key.as_str())) {
        return Err(Problem::invalid(format!("unknown key {unknown:?}")).at(unknown));
    }
    let given = body.get("Operations").and_then(Value::as_array).ok_or_else(wrong)?;
    if given.len() > OPERATIONS_MAX {
        let message = format!("a PATCH has at most {OPERATIONS_MAX} operations");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_MANY", message));
    }
    given.iter().map(patch::Operation::of).collect()
}
