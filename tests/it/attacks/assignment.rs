//! Mass assignment: values for what no client writes, slipped in among those that he may write, by every way there is to write.

use serde_json::{Value, json};

use super::stage::{Ask, Stage};

/// Fields that the clerk does not write, with a value that each would take.
fn forbidden() -> Vec<(&'static str, Value)> {
    vec![
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("created_by", json!("usr_forged")),
        ("updated_at", json!("2001-01-01T00:00:00Z")),
        ("updated_by", json!("usr_forged")),
        ("revision", json!(99)),
        ("package_version", json!("vault@9.9.9")),
        ("rank", json!(1)),
        ("serial", json!("C-9999")),
        ("sealed", json!("broken")),
        ("worth", json!(1)),
        ("tenant", json!("other")),
        ("admin", json!(true)),
    ]
}

/// All that is kept of the record, as the administrator sees it.
fn kept(stage: &Stage) -> Value {
    stage.server.query(json!({ "object": "company", "where": { "id": "com_own1" } }))[0].clone()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn in_an_update() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let before = kept(&stage);
    for (name, value) in forbidden() {
        let data = json!({ "stars": 4, name: value });
        let change =
            |change: Value| Ask::Http("POST", "/api/v1/changes".into(), Some(json!({ "changes": [change] })));
        for ask in [
            change(json!({ "op": "update", "object": "company", "id": "com_own1", "data": data })),
            change(
                json!({ "op": "update", "object": "company", "where": { "id": "com_own1" }, "data": data }),
            ),
            change(
                json!({ "op": "upsert", "object": "company", "on": ["name"], "data": { "name": "First", "stars": 4, name: value } }),
            ),
            Ask::Http("PATCH", "/api/v1/objects/company/com_own1".into(), Some(data.clone())),
            Ask::GraphQl(format!(
                "mutation {{ updateCompany(id: \"com_own1\", set: {{stars: 4, {}: {value}}}) {{ id }} }}",
                camel(name)
            )),
            Ask::Sql(format!(
                "UPDATE company SET stars = 4, {name} = {} WHERE id = 'com_own1'",
                literal(&value)
            )),
            Ask::Http(
                "POST",
                "/api/command".into(),
                Some(
                    json!({ "type": "update", "object": "company", "id": "com_own1", "data": { name: value } }),
                ),
            ),
        ] {
            let told = clerk.ask(&ask).await;
            // The older endpoints leave out what is read-only, and say so.
            let is_left_out = matches!(&ask, Ask::Http(_, path, _) if path == "/api/command");
            assert!(told.is_refused() || is_left_out, "{ask:?}: {told:?}");
        }
        let now = kept(&stage);
        assert_eq!((&now[name], &now["stars"]), (&before[name], &before["stars"]), "{name}");
    }
}

/// The endpoints that take records back as they were read leave such fields out, and name them.
#[tokio::test]
async fn in_a_record_that_is_sent_back() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let before = kept(&stage);
    for (name, value) in forbidden() {
        let told = clerk.http("PATCH", "/api/v1/data/company/com_own1", Some(&json!({ name: value })));
        let is_named = told.body["droppedFields"].to_string().contains(name);
        assert!(told.is_refused() || is_named, "{name}: {told:?}");
        assert_eq!(kept(&stage)[name], before[name], "{name}");
    }
    let told =
        clerk.http("PATCH", "/api/v1/data/company/com_own1", Some(&json!({ "id": "com_other", "stars": 3 })));
    assert!(
        stage.server.query(json!({ "object": "company", "where": { "id": "com_other" } })).is_empty(),
        "{told:?}"
    );
}

#[tokio::test]
async fn in_a_new_record() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    for (at, (name, value)) in forbidden().into_iter().enumerate() {
        let data = |door: &str| json!({ "name": format!("New {door} {at}"), name: value });
        for ask in [
            Ask::Http(
                "POST",
                "/api/v1/changes".into(),
                Some(
                    json!({ "changes": [{ "op": "create", "object": "company", "data": data("changes") }] }),
                ),
            ),
            Ask::Http("POST", "/api/v1/objects/company".into(), Some(data("objects"))),
            Ask::GraphQl(format!(
                "mutation {{ createCompany(input: {{name: \"New graphql {at}\", {}: {value}}}) {{ id }} }}",
                camel(name)
            )),
            Ask::Sql(format!(
                "INSERT INTO company (name, {name}) VALUES ('New sql {at}', {})",
                literal(&value)
            )),
            Ask::Sql(format!(
                "INSERT INTO company (name, {name}) SELECT 'New select {at}', {}",
                literal(&value)
            )),
        ] {
            let told = clerk.ask(&ask).await;
            assert!(told.is_refused(), "{ask:?}: {told:?}");
        }
        let told = clerk.http("POST", "/api/v1/data/company", Some(&data("data")));
        let made =
            stage.server.query(json!({ "object": "company", "where": { "name": format!("New data {at}") } }));
        assert!(made.is_empty() || made[0].get(name).is_none_or(|kept| *kept != value), "{name}: {told:?}");
    }
    let made = stage
        .server
        .psql_ok("SELECT count(*) FROM company WHERE name LIKE 'New %' AND name NOT LIKE 'New data%'");
    assert_eq!(made, "0", "a change that was refused leaves nothing");
}

#[tokio::test]
async fn of_an_owner() {
    let stage = Stage::open();
    let other = stage.user("other", &["clerk"]);
    let clerk = stage.clerk().await;
    for ask in [
        Ask::Http("PATCH", "/api/v1/objects/company/com_own1".into(), Some(json!({ "owner": other }))),
        Ask::Http("PATCH", "/api/v1/data/company/com_own1".into(), Some(json!({ "owner": other }))),
        Ask::Http("POST", "/api/v1/objects/company".into(), Some(json!({ "name": "Gift", "owner": other }))),
        Ask::GraphQl(format!(
            "mutation {{ updateCompany(id: \"com_own1\", set: {{owner: \"{other}\"}}) {{ id }} }}"
        )),
        Ask::Sql(format!("UPDATE company SET owner = '{other}' WHERE id = 'com_own1'")),
        Ask::Sql("UPDATE company SET owner = NULL WHERE id = 'com_own1'".into()),
        Ask::Sql(format!("INSERT INTO company (name, owner) VALUES ('Gift', '{other}')")),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
    }
    assert_eq!(stage.server.psql_ok("SELECT count(*) FROM company WHERE name = 'Gift'"), "0");
    assert_eq!(kept(&stage)["owner"], json!(stage.id_of("clerk")));
}

/// What is written once is not written again, and a key of a record never.
#[tokio::test]
async fn of_what_is_written_once() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let patch = |data: Value| Ask::Http("PATCH", "/api/v1/objects/company/com_own1".into(), Some(data));
    assert!(!clerk.ask(&patch(json!({ "once": "first" }))).await.is_refused());
    for ask in [
        patch(json!({ "once": "second" })),
        patch(json!({ "once": null })),
        patch(json!({ "id": "com_other" })),
        Ask::GraphQl("mutation { updateCompany(id: \"com_own1\", set: {once: \"second\"}) { id } }".into()),
        Ask::Sql("UPDATE company SET once = 'second' WHERE id = 'com_own1'".into()),
        Ask::Sql("UPDATE company SET id = 'com_other' WHERE id = 'com_own1'".into()),
        Ask::Sql("INSERT INTO company (id, name) VALUES ('com_own1', 'x') ON CONFLICT (id) DO UPDATE SET once = 'second'".into()),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
    }
    assert_eq!(kept(&stage)["once"], "first");
}

/// Nobody makes himself more than he is.
#[tokio::test]
async fn of_ones_own_rights() {
    let stage = Stage::open();
    stage.user("chief", &["read_all_data"]);
    let id = stage.id_of("clerk");
    let clerk = stage.clerk().await;
    let http =
        |method: &'static str, path: &str, body: Option<Value>| Ask::Http(method, path.to_owned(), body);
    for ask in [
        http(
            "POST",
            "/api/v1/auth/users",
            Some(json!({ "user": "mole", "password": "correct horse battery", "admin": true })),
        ),
        http("PUT", "/api/v1/users/clerk/permission-sets/read_all_data", None),
        http("PUT", "/api/v1/users/clerk/permission-sets/administrator", None),
        http("POST", "/api/v1/auth/keys", Some(json!({ "name": "k", "permissionSets": ["read_all_data"] }))),
        http("POST", "/api/v1/users/admin/keys", Some(json!({ "name": "k" }))),
        http(
            "POST",
            "/api/v1/auth/password",
            Some(json!({ "user": "admin", "password": "another horse battery" })),
        ),
        http("GET", "/api/v1/users/admin", None),
        http("DELETE", "/api/v1/users/admin/sessions", None),
        http("GET", "/scim/v2/Users", None),
        http("POST", "/scim/v2/Users", Some(json!({ "userName": "mole" }))),
        http(
            "POST",
            "/api/v1/packages/publish",
            Some(json!({ "packages": [{ "files": { "package.yml": "name: x\nversion: 1.0.0\n" } }] })),
        ),
        http(
            "POST",
            "/api/v1/packages/test",
            Some(json!({ "packages": [{ "files": { "package.yml": "name: x\nversion: 1.0.0\n" } }] })),
        ),
        http("PUT", "/api/v1/meta/object/mine", Some(json!({ "fields": { "title": { "type": "text" } } }))),
        http("POST", "/api/v1/tenants", Some(json!({ "name": "mole" }))),
        http("GET", "/api/v1/tenants", None),
        http("POST", "/api/v1/audit/holds", Some(json!({ "record": "company/com_own1", "reason": "x" }))),
        http("PATCH", &format!("/api/v1/objects/user/{id}"), Some(json!({ "username": "admin" }))),
        Ask::Sql(format!("UPDATE \"user\" SET username = 'admin' WHERE id = '{id}'")),
        Ask::Sql("SELECT * FROM audit.changes".into()),
        Ask::Sql("SELECT * FROM audit.events".into()),
        Ask::Sql("SET SESSION AUTHORIZATION admin".into()),
        Ask::Sql("SET ROLE admin".into()),
        Ask::Sql("GRANT ALL ON company TO clerk".into()),
        Ask::Sql("SET is_superuser = on".into()),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
    }
    let me = clerk.http("GET", "/api/v1/auth/me", None);
    assert_eq!(
        (&me.body["permissionSets"], &me.body["user"]["admin"]),
        (&json!(["clerk"]), &json!(false)),
        "{me:?}"
    );
}
