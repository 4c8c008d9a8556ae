//! Endpoints that clients of this family know and that are not built here: `501`, with what there is instead.

use axum::{
    Router,
    extract::Path,
    http::{Method, StatusCode, Uri},
    routing::any,
};

use crate::{Door, problem::Problem};

/// Their routes, each with what there is instead. One that ends with a slash stands for all that is below it.
const ABSENT: [(&str, &str); 29] = [
    ("/api/v1/data/{object}/{id}/shares", "the shares of a record are at /api/v1/objects/:object/:id/shares"),
    (
        "/api/v1/data/{object}/{id}/shares/",
        "the shares of a record are at /api/v1/objects/:object/:id/shares",
    ),
    (
        "/api/v1/data/{object}/import/",
        "there are no jobs: POST /api/v1/data/:object/import answers when its rows are through",
    ),
    ("/api/v1/search", "search each object: POST /api/v1/data/:object/query with search"),
    ("/api/v1/sharing/", "the shares of a record are at /api/v1/objects/:object/:id/shares"),
    ("/api/v1/share-links", "records are shared with users and teams only"),
    ("/api/v1/share-links/", "records are shared with users and teams only"),
    ("/api/v1/approvals/", "there are no approvals yet"),
    ("/api/v1/reports", "ask grouped questions"),
    ("/api/v1/reports/", "ask grouped questions"),
    ("/api/v1/forms/", "there are no forms yet"),
    ("/api/v1/notifications", "there are no notifications yet"),
    ("/api/v1/notifications/", "there are no notifications yet"),
    ("/api/v1/i18n/", "labels come in the language of Accept-Language at /api/v1/meta"),
    ("/api/v1/keys", "keys are at /api/v1/auth/keys"),
    ("/api/v1/keys/", "keys are at /api/v1/auth/keys"),
    ("/api/v1/ui/", "there are no views yet"),
    ("/api/v1/automation", "rules and actions are written in packages"),
    ("/api/v1/automation/", "rules and actions are written in packages"),
    ("/api/v1/analytics/sql", "explain: true tells the plan of a question of POST /api/v1/query"),
    (
        "/api/v1/analytics/dataset/",
        "packages declare no datasets; ask objects: POST /api/v1/analytics/query, or with totals POST /api/v1/query",
    ),
    ("/api/v1/security/", "why someone may do what is told by /api/v1/security/explain"),
    ("/api/v1/mcp", "there is no such server yet"),
    ("/api/v1/meta/object/{name}/", "an object's versions are those of its package: /api/v1/packages"),
    ("/rpc", "send {op, object, args} to /api/objectql"),
    (
        "/odata/",
        "ask GET /api/v1/data/:object, which knows $filter, $select, $orderby, $top, $skip and $expand",
    ),
    ("/api/sync", "send changes to /api/v1/changes"),
    ("/api/execute", "actions are at /api/v1/actions/:object/:action/:id"),
    ("/api/metadata/object/{name}/", "the object itself has its fields and actions"),
];

/// Kinds of metadata that clients ask for by name. Any other is no endpoint at all.
const KINDS: [&str; 18] = [
    "view",
    "page",
    "app",
    "dashboard",
    "report",
    "dataset",
    "datasource",
    "action",
    "flow",
    "permission",
    "translation",
    "webhook",
    "job",
    "hook",
    "seed",
    "role",
    "validation",
    "package",
];

/// The routes.
pub(super) fn routes() -> Router<Door> {
    let fixed = ABSENT.iter().fold(Router::new(), |router, (path, instead)| {
        let path =
            path.strip_suffix('/').map_or_else(|| (*path).to_owned(), |path| format!("{path}/{{*rest}}"));
        router.route(&path, any(async move |method: Method, uri: Uri| not_built(&method, &uri, instead)))
    });
    fixed
        .route(
            "/api/v1/meta/{kind}",
            any(async |Path(kind): Path<String>, m: Method, u: Uri| of_kind(&kind, &m, &u)),
        )
        .route("/api/v1/meta/{kind}/{*rest}", any(below_kind))
        .route(
            "/api/metadata/{kind}",
            any(async |Path(kind): Path<String>, m: Method, u: Uri| of_kind(&kind, &m, &u)),
        )
        .route("/api/metadata/{kind}/{*rest}", any(below_kind))
}

/// An object, asked to go.
pub(super) async fn object_stays(method: Method, uri: Uri) -> Problem {
    not_built(&method, &uri, "no version takes an object away (docs/packages.md)")
}

async fn below_kind(Path((kind, _)): Path<(String, String)>, method: Method, uri: Uri) -> Problem {
    of_kind(&kind, &method, &uri)
}

fn of_kind(kind: &str, method: &Method, uri: &Uri) -> Problem {
    if KINDS.contains(&kind) {
        return not_built(method, uri, "of what packages hold, objects can be read: /api/v1/meta/object");
    }
    let message = format!("there is nothing at {:?}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", message)
}

/// Names what is not there, and where to go instead.
pub(super) fn not_built(method: &Method, uri: &Uri, instead: &str) -> Problem {
    let message = format!("{method} {} is not implemented; {instead}", uri.path());
    Problem::new(StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED", message)
}
