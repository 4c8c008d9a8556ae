//! A forged tenant: named in a body, a header, a host, a token, a login, a database or a reference, by someone of another one.
//!
//! At the HTTP door alone some of these are tried in `protocol/http/src/tests/tenants.rs`, too.

use serde_json::json;
use tokio_postgres::NoTls;

use super::stage::{Ask, Intruder, Stage, Told, send};
use crate::server::{PASSWORD, Server, basic};

/// A server with the tenants `acme`, whose administrator attacks, and `other`, which has one company.
fn tenants(stage: &Stage) {
    for name in ["acme", "other"] {
        let body = json!({ "name": name, "adminPassword": PASSWORD });
        let (status, told) = stage.server.post("/api/v1/tenants", &body);
        assert_eq!(status, 201, "{told}");
    }
    let body = json!({ "id": "com_other", "name": "Umbra" });
    let told = send(
        &stage.server,
        ("POST", "/api/v1/objects/company"),
        Some(&body),
        &[("Authorization", &basic("admin@other", PASSWORD))],
    );
    assert_eq!(told.status, 201, "{told:?}");
}

async fn acme(stage: &Stage) -> Intruder<'_> {
    Intruder::enter(&stage.server, "admin", "acme").await
}

/// Names of the companies of a tenant.
async fn companies(server: &Server, tenant: &str) -> Vec<String> {
    let intruder = Intruder::enter(server, "admin", tenant).await;
    let told = intruder
        .ask(&Ask::ObjectQl(json!({ "object": "company", "fields": ["name"], "orderBy": ["name"] })))
        .await;
    told.rows().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn login(server: &Server, user: &str) -> Told {
    let body = json!({ "user": user, "password": PASSWORD });
    send(server, ("POST", "/api/v1/auth/login"), Some(&body), &[])
}

#[tokio::test]
async fn in_a_body() {
    let stage = Stage::open();
    tenants(&stage);
    let acme = acme(&stage).await;
    for name in
        ["tenant", "tenant_id", "tenantId", "organization_id", "org_id", "database", "$tenant", "_tenant"]
    {
        let create =
            json!({ "op": "create", "object": "company", "data": { "name": "Forged", name: "other" } });
        let beside =
            json!({ "op": "create", "object": "company", "data": { "name": "Forged" }, name: "other" });
        for ask in [
            Ask::Http("POST", "/api/v1/changes".into(), Some(json!({ "changes": [create] }))),
            Ask::Http("POST", "/api/v1/changes".into(), Some(json!({ "changes": [beside] }))),
            Ask::Http("POST", "/api/v1/changes".into(), Some(json!({ "changes": [], name: "other" }))),
            Ask::Http(
                "POST",
                "/api/v1/objects/company".into(),
                Some(json!({ "name": "Forged", name: "other" })),
            ),
            Ask::Http(
                "POST",
                "/api/v1/data/company".into(),
                Some(json!({ "name": "Forged", name: "other" })),
            ),
            Ask::Http(
                "POST",
                format!("/api/v1/objects/company?{name}=other"),
                Some(json!({ "name": "Forged" })),
            ),
            Ask::Http(
                "POST",
                format!("/api/v1/data/company?{name}=other"),
                Some(json!({ "name": "Forged" })),
            ),
            Ask::ObjectQl(json!({ "object": "company", name: "other" })),
            Ask::ObjectQl(json!({ "object": "company", "where": { name: "other" } })),
            Ask::Http("GET", format!("/api/v1/objects/company?{name}=other"), None),
            Ask::GraphQl(format!(
                "mutation {{ createCompany(input: {{name: \"Forged\", {}: \"other\"}}) {{ id }} }}",
                name.trim_start_matches('$')
            )),
            Ask::Sql(format!("INSERT INTO company (name, \"{name}\") VALUES ('Forged', 'other')")),
        ] {
            let told = acme.ask(&ask).await;
            let is_ignored =
                matches!(&ask, Ask::Http("POST", path, _) if path.starts_with("/api/v1/objects/company?"));
            assert!(told.is_refused() || is_ignored, "{ask:?}: {told:?}");
        }
    }
    assert_eq!(companies(&stage.server, "other").await, ["Umbra"]);
    assert_eq!(companies(&stage.server, "main").await.len(), 4);
}

#[tokio::test]
async fn in_a_header_or_a_host() {
    let stage = Stage::open();
    tenants(&stage);
    let acme = acme(&stage).await;
    let headers = [
        ("X-Tenant", "other"),
        ("X-Tenant-Id", "other"),
        ("X-Quarry-Tenant", "other"),
        ("X-Organization-Id", "other"),
        ("X-Database", "other"),
        ("Host", "other"),
        ("Host", "other.example.com"),
        ("X-Forwarded-Host", "other.example.com"),
        ("Forwarded", "host=other"),
        ("Cookie", "tenant=other; session=other~qa_1"),
        ("X-Api-Key", "other~qk_1_2"),
        ("X-Quarry-Version", "other"),
    ];
    for (at, header) in headers.iter().enumerate() {
        let body = json!({ "name": format!("Mine {at}") });
        let made = acme.http_with("POST", "/api/v1/objects/company", Some(&body), &[*header]);
        let question = json!({ "object": "company", "fields": ["name"] });
        let told = acme.http_with("POST", "/api/v1/query", Some(&question), &[*header]);
        assert!(!told.body.to_string().contains("Umbra"), "{header:?}: {told:?}");
        assert!(made.status == 201 || made.is_refused(), "{header:?}: {made:?}");
    }
    assert_eq!(companies(&stage.server, "other").await, ["Umbra"]);
    let own = companies(&stage.server, "acme").await;
    assert!(own.len() > 6 && own.iter().all(|name| name.starts_with("Mine")), "{own:?}");
}

#[tokio::test]
async fn in_a_token() {
    let stage = Stage::open();
    tenants(&stage);
    let told = login(&stage.server, "admin@acme");
    let (token, refresh) =
        (told.body["token"].as_str().unwrap(), told.body["refreshToken"].as_str().unwrap());
    let (bare, bare_refresh) = (token.strip_prefix("acme~").unwrap(), refresh.strip_prefix("acme~").unwrap());
    let bearer = |token: &str| format!("Bearer {token}");
    let key = send(
        &stage.server,
        ("POST", "/api/v1/auth/keys"),
        Some(&json!({ "name": "k" })),
        &[("Authorization", &bearer(token))],
    );
    let key = key.body["key"].as_str().unwrap().strip_prefix("acme~").unwrap().to_owned();
    for prefix in [
        "",
        "other~",
        "main~",
        "acme~acme~",
        "other~acme~",
        "ACME~",
        "../acme~",
        "acme/../other~",
        "~",
        "acme\u{0}~",
    ] {
        for secret in [bare, &key] {
            let forged = format!("{prefix}{secret}");
            if !forged.chars().all(|c| c.is_ascii_graphic()) {
                continue;
            }
            for header in [("Authorization", bearer(&forged)), ("X-Api-Key", forged.clone())] {
                let told = send(&stage.server, ("GET", "/api/v1/auth/me"), None, &[(header.0, &header.1)]);
                assert_eq!(told.status, 401, "{header:?}: {told:?}");
            }
        }
        let body = json!({ "refreshToken": format!("{prefix}{bare_refresh}") });
        let told = send(&stage.server, ("POST", "/api/v1/auth/refresh"), Some(&body), &[]);
        assert!(told.status == 401 || told.status == 400, "{body}: {told:?}");
    }
    let me = send(&stage.server, ("GET", "/api/v1/auth/me"), None, &[("Authorization", &bearer(token))]);
    assert_eq!(me.status, 200, "the true one is as good as before: {me:?}");
}

#[tokio::test]
async fn in_a_login() {
    let stage = Stage::open();
    tenants(&stage);
    let body = json!({ "user": "only", "password": PASSWORD });
    let made = send(
        &stage.server,
        ("POST", "/api/v1/auth/users"),
        Some(&body),
        &[("Authorization", &basic("admin@acme", PASSWORD))],
    );
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(login(&stage.server, "only@acme").status, 200);
    let wanted = login(&stage.server, "nobody");
    assert_eq!(wanted.status, 401);
    // Who names a tenant is told of it, whether there is one or not.
    let of_tenant = login(&stage.server, "nobody@none");
    for user in [
        "only",
        "only@other",
        "only@main",
        "only@acme@other",
        "only@ACME",
        "only@acme ",
        "only@../acme",
        "only@acme\u{0}",
        "only@acme/",
        "only@none",
        "@acme",
        "acme~only",
    ] {
        let tenant = user.rsplit_once('@').map(|(_, tenant)| tenant);
        let names_one = tenant.is_some_and(|tenant| ["acme", "other", "none"].contains(&tenant));
        let wanted = if names_one { &of_tenant } else { &wanted };
        let told = login(&stage.server, user);
        assert_eq!((told.status, &told.body), (401, &wanted.body), "{user:?}");
    }
}

#[tokio::test]
async fn in_a_database() {
    let stage = Stage::open();
    tenants(&stage);
    let body = json!({ "user": "only", "password": PASSWORD });
    let made = send(
        &stage.server,
        ("POST", "/api/v1/auth/users"),
        Some(&body),
        &[("Authorization", &basic("admin@acme", PASSWORD))],
    );
    assert_eq!(made.status, 201, "{made:?}");
    for (user, database) in [
        ("only", "other"),
        ("only", "main"),
        ("only@acme", "other"),
        ("only", "acme@other"),
        ("only", "none"),
    ] {
        let how = format!(
            "host=127.0.0.1 port={} user={user} password='{PASSWORD}' dbname={database}",
            stage.server.pg_port
        );
        let Err(error) = tokio_postgres::connect(&how, NoTls).await else {
            panic!("{user} is in {database}")
        };
        let code = error.code().map(|code| code.code().to_owned());
        assert!(
            ["28P01", "3D000"].contains(&code.as_deref().unwrap_or_default()),
            "{user} {database}: {error:?}"
        );
    }
    let acme = acme(&stage).await;
    for text in [
        "SELECT * FROM other.public.company",
        "SELECT * FROM other.vault.company",
        "SELECT * FROM acme.vault.company",
        "INSERT INTO other.vault.company (name) VALUES ('x')",
        "SELECT * FROM dblink('dbname=other', 'SELECT 1')",
        "SET SESSION AUTHORIZATION 'admin@other'",
        "SET search_path = other; SELECT * FROM other.company",
    ] {
        let told = acme.ask(&Ask::Sql(text.into())).await;
        assert!(told.is_refused(), "{text}: {told:?}");
    }
    let told = acme.ask(&Ask::Sql("SELECT string_agg(datname, ',') FROM pg_database".into())).await;
    assert!(!told.body.to_string().contains("other"), "{told:?}");
    let names = ["pg_stat_activity", "pg_roles", "pg_user", "pg_database", "pg_namespace"];
    for name in names {
        let told = acme.ask(&Ask::Sql(format!("SELECT * FROM {name}"))).await;
        assert!(!told.body.to_string().contains("other"), "{name}: {told:?}");
    }
}

/// Ids of another tenant's records mean nothing here.
#[tokio::test]
async fn in_a_reference() {
    let stage = Stage::open();
    tenants(&stage);
    let acme = acme(&stage).await;
    let own =
        acme.http("POST", "/api/v1/objects/company", Some(&json!({ "id": "com_mine", "name": "Mine" })));
    assert_eq!(own.status, 201, "{own:?}");
    for make in [
        |id: &str| {
            Ask::Http("PATCH", "/api/v1/objects/company/com_mine".into(), Some(json!({ "partner_id": id })))
        },
        |id: &str| {
            Ask::GraphQl(format!(
                "mutation {{ createDeal(input: {{title: \"x\", companyId: \"{id}\"}}) {{ id }} }}"
            ))
        },
        |id: &str| Ask::Sql(format!("UPDATE company SET partner_id = '{id}' WHERE id = 'com_mine'")),
        |id: &str| Ask::Http("GET", format!("/api/v1/objects/company/{id}"), None),
        |id: &str| Ask::Http("DELETE", format!("/api/v1/objects/company/{id}"), None),
    ] {
        let (told, wanted) = (acme.ask(&make("com_other")).await, acme.ask(&make("com_never")).await);
        assert!(told.is_refused(), "{told:?}");
        let plain = |told: &Told, id: &str| told.body.to_string().replace(id, "it");
        assert_eq!(plain(&told, "com_other"), plain(&wanted, "com_never"));
    }
    // The same id and the same unique name are free here.
    let told =
        acme.http("POST", "/api/v1/objects/company", Some(&json!({ "id": "com_other", "name": "Umbra" })));
    assert_eq!(told.status, 201, "{told:?}");
    assert_eq!(companies(&stage.server, "other").await, ["Umbra"]);
    let session = login(&stage.server, "admin@other").body["session"].clone();
    let told = acme.http("DELETE", &format!("/api/v1/auth/sessions/{}", session.as_str().unwrap()), None);
    assert_eq!(told.status, 404, "{told:?}");
}
