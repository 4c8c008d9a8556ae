//! What lies behind a reference: a record that is not seen is reached by no path, expand, join or write, and is as one that is not there.

use serde_json::{Value, json};

use super::stage::{Ask, Intruder, Stage, Told};

fn question(more: Value) -> Ask {
    let mut question = json!({ "object": "company", "orderBy": ["id"] });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ask::ObjectQl(question)
}

fn sql(text: &str) -> Ask {
    Ask::Sql(text.to_owned())
}

/// The same request about a record that is not seen and about one that is not there.
async fn is_as_none(intruder: &Intruder<'_>, make: impl Fn(&str) -> Vec<Ask>) {
    let plain = |told: &Told, id: &str| told.body.to_string().replace(id, "it");
    for (hidden, none) in make("com_hid1").iter().zip(make("com_none")) {
        let (told, wanted) = (intruder.ask(hidden).await, intruder.ask(&none).await);
        assert_eq!(told.status, wanted.status, "{hidden:?}: {told:?} {wanted:?}");
        assert_eq!(plain(&told, "com_hid1"), plain(&wanted, "com_none"), "{hidden:?}");
        told.must_be_silent(hidden);
    }
}

#[tokio::test]
async fn paths_and_ids() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let told = clerk
        .ask(&question(json!({ "fields": ["id", "partner_id", "partner.name", "partner.stars"] })))
        .await;
    assert_eq!(
        told.rows()[0],
        json!({ "id": "com_own1", "partner_id": null, "partner.name": null, "partner.stars": null })
    );
    assert_eq!(told.rows()[1]["partner.name"], "First");
    for filter in [
        json!({ "partner_id": "com_hid1" }),
        json!({ "partner_id": { "$in": ["com_hid1"] } }),
        json!({ "partner_id": { "$startsWith": "com_hid" } }),
        json!({ "partner.name": "Umbra" }),
        json!({ "partner.stars": { "$gt": 70 } }),
        json!({ "partner.partner.stars": { "$gt": 70 } }),
        json!({ "partners": { "$some": { "name": "Penumbra" } } }),
        json!({ "deals": { "$some": { "amount": { "$gt": 500 } } } }),
    ] {
        let told = clerk.ask(&question(json!({ "fields": ["id"], "where": filter, "count": true }))).await;
        assert_eq!((told.rows().len(), &told.body["count"]), (0, &json!(0)), "{filter}: {told:?}");
    }
    let told = clerk.ask(&question(json!({ "fields": ["id"], "where": { "partner_id": null } }))).await;
    assert_eq!(told.rows()[0]["id"], "com_own1", "it reads as null, and so it is found as null");
    let told = clerk.ask(&question(json!({ "orderBy": [], "groupBy": ["partner.name"], "aggregations": [{ "function": "count", "as": "n" }] }))).await;
    told.must_be_silent(&question(json!({})));
    for text in [
        "SELECT id FROM company WHERE partner_id = 'com_hid1'",
        "SELECT id FROM company WHERE partner_id LIKE 'com_hid%'",
        "SELECT c.id FROM company c JOIN company p ON p.id = c.partner_id WHERE p.name = 'Umbra'",
        "SELECT id FROM company WHERE partner_id IN (SELECT company_id FROM deal WHERE amount > 500)",
        "SELECT id FROM deal WHERE company_id = 'com_hid1'",
    ] {
        assert_eq!(clerk.ask(&sql(text)).await.rows().len(), 0, "{text}");
    }
    let told = clerk
        .ask(&sql(
            "SELECT partner_id, md5(partner_id), length(partner_id) FROM company WHERE id = 'com_own1'",
        ))
        .await;
    assert_eq!(told.rows()[0], json!([null, null, null]));
}

#[tokio::test]
async fn expands_and_nested_selections() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let ask = question(json!({ "fields": ["id"], "expand": {
        "partner": { "fields": ["name"], "expand": { "deals": { "fields": ["title", "amount"] } } },
        "partners": { "fields": ["name"], "count": true }, "deals": { "fields": ["amount"], "count": true } } }));
    let told = clerk.ask(&ask).await;
    told.must_be_silent(&ask);
    let first = &told.rows()[0];
    assert!(first["partner"].is_null(), "{first}");
    assert_eq!(
        (&first["partners"][0]["name"], &first["partners@count"]),
        (&json!("Second"), &json!(1)),
        "{first}"
    );
    assert_eq!(first["deals"].as_array().unwrap().len(), 1);
    let ask = Ask::GraphQl(
        "{ companies { nodes { id partnerId partner { name deals { nodes { amount } } } partners { totalCount nodes { name } } } }
           company(id: \"com_hid1\") { name deals { nodes { title } } } deal(id: \"dea_hid\") { title company { name } }
           deals { totalCount nodes { company { name partner { name } } } } }"
            .into(),
    );
    let told = clerk.ask(&ask).await;
    told.must_be_silent(&ask);
    let data = &told.body["data"];
    assert_eq!(
        (&data["company"], &data["deal"], &data["deals"]["totalCount"]),
        (&Value::Null, &Value::Null, &json!(1)),
        "{told:?}"
    );
    for path in [
        "/api/v1/objects/company/com_own1?expand=partner,partners,deals",
        "/api/v1/data/company?expand=partner,partners",
    ] {
        let told = clerk.http("GET", path, None);
        assert_eq!(told.status, 200, "{told:?}");
        told.must_be_silent(&Ask::GraphQl(path.into()));
    }
}

/// An object of which nothing is seen is at no end of a reference.
#[tokio::test]
async fn objects_that_are_not_seen() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let told = clerk.ask(&question(json!({ "fields": ["id", "keeper_id"] }))).await;
    if !told.is_refused() {
        assert_eq!(told.rows()[0]["keeper_id"], Value::Null, "{told:?}");
    }
    let pairs = [("keeper.zqtitle", "keeper.zqtitel"), ("keeper_id.zqtitle", "keeper_id.zqtitel")];
    for (hidden, none) in pairs {
        let told = clerk.ask(&question(json!({ "fields": [hidden] }))).await;
        let wanted = clerk.ask(&question(json!({ "fields": [none] }))).await;
        assert!(told.is_refused());
        let plain = |told: &Told, name: &str| told.body.to_string().replace(name, "it");
        assert_eq!(plain(&told, hidden), plain(&wanted, none));
    }
    for ask in [
        question(json!({ "fields": ["id"], "expand": ["keeper"] })),
        Ask::ObjectQl(json!({ "object": "zqvault" })),
        Ask::Http("GET", "/api/v1/objects/zqvault".into(), None),
        Ask::Http("GET", "/api/v1/objects/zqvault/zqv_1".into(), None),
        Ask::Http("GET", "/api/v1/data/zqvault/zqv_1".into(), None),
        Ask::Http("GET", "/api/v1/meta/objects/zqvault".into(), None),
        Ask::Http("PATCH", "/api/v1/objects/zqvault/zqv_1".into(), Some(json!({}))),
        Ask::GraphQl("{ zqvaults { totalCount } }".into()),
        Ask::GraphQl("{ companies { nodes { keeper { id } } } }".into()),
        sql("SELECT * FROM zqvault"),
        sql("SELECT * FROM vault.zqvault"),
        sql("SELECT 'zqvault'::regclass"),
        sql("SELECT c.id FROM company c JOIN zqvault z ON z.id = c.keeper_id"),
        sql("INSERT INTO zqvault (zqtitle) VALUES ('x')"),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
        told.must_be_silent(&ask);
    }
}

/// Reading, changing, deleting, sharing: of what is not seen each is told what it would be told of nothing.
#[tokio::test]
async fn records_by_their_ids() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    is_as_none(&clerk, |id| {
        let change = |change: Value| Ask::Http("POST", "/api/v1/changes".into(), Some(json!({ "changes": [change] })));
        let at = |method: &'static str, path: String, body: Option<Value>| Ask::Http(method, path, body);
        vec![
            at("GET", format!("/api/v1/objects/company/{id}"), None),
            at("GET", format!("/api/v1/data/company/{id}"), None),
            at("GET", format!("/api/v1/objects/company/{id}/shares"), None),
            at("POST", format!("/api/v1/objects/company/{id}/shares"), Some(json!({ "user": "usr_none" }))),
            at("GET", format!("/api/v1/security/explain?object=company&id={id}"), None),
            at("PATCH", format!("/api/v1/objects/company/{id}"), Some(json!({ "stars": 1 }))),
            at("PATCH", format!("/api/v1/data/company/{id}"), Some(json!({ "stars": 1 }))),
            change(json!({ "op": "update", "object": "company", "id": id, "data": { "stars": 1 } })),
            change(json!({ "op": "update", "object": "company", "id": id, "ifRevision": 7, "data": {} })),
            change(json!({ "op": "update", "object": "company", "where": { "id": id }, "data": { "stars": 1 } })),
            Ask::GraphQl(format!("{{ company(id: \"{id}\") {{ name }} }}")),
            Ask::GraphQl(format!("mutation {{ updateCompany(id: \"{id}\", set: {{stars: 1}}) {{ id }} }}")),
            sql(&format!("UPDATE company SET stars = 1 WHERE id = '{id}' RETURNING id")),
            // A reference to it is written as little as one to nothing.
            change(json!({ "op": "update", "object": "company", "id": "com_own1", "data": { "partner_id": id } })),
            change(json!({ "op": "create", "object": "deal", "data": { "title": "x", "company_id": id } })),
            at("PATCH", "/api/v1/objects/company/com_own1".into(), Some(json!({ "partner_id": id }))),
            Ask::GraphQl(format!("mutation {{ createDeal(input: {{title: \"x\", companyId: \"{id}\"}}) {{ id }} }}")),
            sql(&format!("INSERT INTO deal (title, company_id) VALUES ('x', '{id}')")),
            sql(&format!("UPDATE company SET partner_id = '{id}' WHERE id = 'com_own1'")),
        ]
    })
    .await;
    let stars = stage.server.psql_ok("SELECT stars, revision FROM company WHERE id = 'com_hid1'");
    assert_eq!(stars, "77|1");
}
