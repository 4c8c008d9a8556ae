//! Packages over HTTP, and clients on older versions at this door and at GraphQL's.

use super::*;

const V1: &str =
    "idPrefix: itm\nfields:\n  name: { type: text, required: true }\n  price: { type: currency }\n";
const V2: &str = "alias: item\nidPrefix: itm\nfields:\n  name: { type: text, required: true }\n  amount: { type: currency, alias: price }\n  \
                  rank: { type: number, scale: 0, required: true, default: 3 }\n";

fn packages(version: &str, file: &str, object: &str) -> Value {
    let package = format!("name: store\nversion: {version}\ndepends: {{ core: '*' }}\n");
    json!({ "packages": [{ "files": { "package.yml": package, file: object } }] })
}

impl Shop {
    async fn install(&self, version: &str, file: &str, object: &str) -> Answer {
        let published = self.post("/api/v1/packages/publish", packages(version, file, object)).await;
        assert_eq!(published.status, StatusCode::CREATED, "{:?}", published.body);
        let id = format!("store@{version}");
        let answer = self.post("/api/v1/packages/activate", json!({ "versions": [id] })).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer
    }

    async fn graphql(&self, version: Option<&str>, query: &str) -> Value {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(version.map(|version| ("x-quarry-version", version)));
        self.send("POST", "/graphql", &headers, json!({ "query": query }).to_string()).await.json()
    }
}

#[tokio::test]
async fn packages_are_checked_planned_published_activated_listed_and_rolled_back() {
    let shop = Shop::open().await;
    let wrong = packages("1.0.0", "item.object.yml", "fields: { name: { type: txt } }");
    let checked = shop.post("/api/v1/packages/check", wrong.clone()).await.json();
    assert_eq!(checked["state"], "draft");
    assert_eq!(checked["issues"][0]["code"], "unknown-type");
    assert_eq!(checked["issues"][0]["place"]["path"], "fields.name.type");
    let refused = shop.post("/api/v1/packages/publish", wrong).await;
    assert_eq!(refused.problem(), (400, "INVALID_PACKAGES".to_owned()));
    let checked = shop.post("/api/v1/packages/check", packages("1.0.0", "item.object.yml", V1)).await.json();
    assert_eq!(checked, json!({ "state": "validated", "issues": [] }));

    shop.install("1.0.0", "item.object.yml", V1).await;
    let item =
        json!({ "op": "create", "object": "item", "id": "one", "data": { "name": "Lamp", "price": "1.50" } });
    assert_eq!(shop.post("/api/v1/changes", json!({ "changes": [item] })).await.status, StatusCode::OK);

    let breaking = packages(
        "1.1.0",
        "item.object.yml",
        "idPrefix: itm\nfields: { name: { type: text, required: true } }",
    );
    let diff = shop.post("/api/v1/packages/diff", breaking.clone()).await.json();
    assert_eq!(diff["allowed"], false);
    let gone = &diff["differences"][1];
    assert_eq!(
        (&gone["code"], &gone["class"], &gone["records"]),
        (&json!("field-removed"), &json!("refused"), &json!(1))
    );
    assert_eq!(
        gone["api"],
        json!({ "objectql": "item.price", "sql": "store.item.price", "graphql": "Item.price" })
    );
    let refused = shop.post("/api/v1/packages/publish", breaking).await;
    assert_eq!(refused.problem(), (409, "BREAKING_CHANGE".to_owned()));
    let other = packages("1.0.0", "item.object.yml", &V1.replace("text, required", "textarea, required"));
    assert_eq!(
        shop.post("/api/v1/packages/publish", other).await.problem(),
        (409, "VERSION_PUBLISHED".to_owned())
    );

    let plan = shop.post("/api/v1/packages/plan", packages("1.1.0", "good.object.yml", V2)).await.json();
    assert_eq!(plan["allowed"], true, "{plan}");
    let fill = json!({ "effect": { "backfill": { "object": "good", "field": "rank" } }, "records": 1 });
    assert!(plan["steps"].as_array().unwrap().contains(&fill), "{plan}");
    shop.install("1.1.0", "good.object.yml", V2).await;
    let told = shop.get("/api/v1/objects/good/one").await.json();
    assert_eq!((&told["amount"], &told["rank"]), (&json!("1.50"), &json!(3)));

    let all = shop.get("/api/v1/packages").await.json();
    let state = |id: &str| {
        let mut all = all["packages"].as_array().unwrap().iter();
        let is =
            |v: &&Value| format!("{}@{}", v["name"].as_str().unwrap(), v["version"].as_str().unwrap()) == id;
        all.find(is).unwrap()["state"].clone()
    };
    assert_eq!((state("store@1.0.0"), state("store@1.1.0")), (json!("superseded"), json!("active")));
    let one = shop.get("/api/v1/packages/store/1.0.0").await.json();
    assert_eq!(one["files"]["item.object.yml"], V1);
    assert_eq!(
        shop.get("/api/v1/packages/store/9.0.0").await.problem(),
        (404, "VERSION_NOT_FOUND".to_owned())
    );
    let back = shop.post("/api/v1/packages/rollback", json!({ "package": "store" })).await;
    assert_eq!(back.status, StatusCode::OK, "{:?}", back.body);
    assert_eq!(shop.get("/api/v1/objects/good").await.problem(), (404, "OBJECT_NOT_FOUND".to_owned()));
    assert_eq!(shop.get("/api/v1/objects/item/one").await.json()["price"], "1.50");
}

#[tokio::test]
async fn what_is_asked_of_packages_is_read_strictly_and_only_of_administrators() {
    let mut shop = Shop::open().await;
    for (path, body) in [
        ("publish", json!({})),
        ("publish", json!({ "packages": [] })),
        ("publish", json!({ "packages": [{ "files": { "package.yml": 1 } }] })),
        ("publish", json!({ "packages": [{ "files": {}, "force": true }] })),
        ("activate", json!({ "versions": [] })),
        ("activate", json!({ "versions": ["core@1.0.0"], "force": true })),
        ("rollback", json!({ "package": 1 })),
    ] {
        let answer = shop.post(&format!("/api/v1/packages/{path}"), body.clone()).await;
        assert_eq!(answer.problem(), (400, "INVALID_REQUEST".to_owned()), "{path} {body}");
    }
    let nameless = shop
        .post("/api/v1/packages/publish", json!({ "packages": [{ "files": { "a.object.yml": "" } }] }))
        .await;
    assert_eq!(nameless.problem(), (400, "INVALID_PACKAGES".to_owned()));
    let body = json!({ "user": "mona", "password": PASSWORD });
    shop.post("/api/v1/auth/users", body.clone()).await;
    shop.token = shop.post("/api/v1/auth/login", body).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(shop.get("/api/v1/packages").await.status, StatusCode::FORBIDDEN);
    let publish = shop.post("/api/v1/packages/publish", packages("1.0.0", "item.object.yml", V1)).await;
    assert_eq!(publish.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn two_clients_on_two_versions_share_a_record() {
    let shop = Shop::open().await;
    shop.install("1.0.0", "item.object.yml", V1).await;
    let item =
        json!({ "op": "create", "object": "item", "id": "one", "data": { "name": "Lamp", "price": "1.50" } });
    shop.post("/api/v1/changes", json!({ "changes": [item] })).await;
    shop.install("1.1.0", "good.object.yml", V2).await;
    let old = [("content-type", "application/json"), ("x-quarry-version", "store@1.0")];

    // HTTP: the old client changes and sees what it knows.
    let change = json!({ "price": "2.00" }).to_string();
    let answer = shop.send("PATCH", "/api/v1/objects/item/one", &old, change).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let seen = shop.send("GET", "/api/v1/objects/item/one", &old, "").await.json();
    assert_eq!(
        (&seen["price"], seen.get("rank"), seen.get("amount")),
        (&json!("2.00"), None, None),
        "{seen}"
    );
    assert_eq!(shop.send("GET", "/api/v1/objects/good/one", &old, "").await.status, StatusCode::NOT_FOUND);
    let made =
        json!({ "changes": [{ "op": "create", "object": "item", "data": { "name": "Desk" } }] }).to_string();
    let made = shop.send("POST", "/api/v1/changes", &old, made).await.json();
    assert_eq!(made["results"][0]["object"], "item", "{made}");
    assert_eq!(made["results"][0]["record"]["name"], "Desk", "{made}");
    let meta = shop.send("GET", "/api/v1/meta/objects/item", &old, "").await.json();
    assert!(meta["fields"].as_array().unwrap().iter().all(|field| field["name"] != "rank"), "{meta}");

    // GraphQL: each has a schema of its own; former names answer in today's.
    let then = shop.graphql(Some("store@1.0"), "{ item(id: \"one\") { __typename price } }").await;
    assert_eq!(then["data"]["item"], json!({ "__typename": "Item", "price": "2.00" }), "{then}");
    let unknown = shop.graphql(Some("store@1.0"), "{ item(id: \"one\") { rank } }").await;
    assert!(unknown["errors"][0]["message"].as_str().unwrap().contains("rank"), "{unknown}");
    let now = shop.graphql(None, "{ good(id: \"one\") { amount rank } item(id: \"one\") { price } items(where: { price: { gt: 1 } }) { nodes { id } } }").await;
    assert_eq!(now["data"]["good"], json!({ "amount": "2.00", "rank": 3 }), "{now}");
    assert_eq!(
        (&now["data"]["item"]["price"], &now["data"]["items"]["nodes"]),
        (&json!("2.00"), &json!([{ "id": "one" }])),
        "{now}"
    );
    let changed = shop
        .graphql(None, "mutation { updateItem(id: \"one\", set: { price: 4 }) { record { amount } } }")
        .await;
    assert_eq!(changed["data"]["updateItem"]["record"]["amount"], "4.00", "{changed}");
    let twice = shop
        .graphql(None, "mutation { updateGood(id: \"one\", set: { price: 4, amount: 5 }) { record { id } } }")
        .await;
    assert!(twice["errors"][0]["message"].as_str().unwrap().contains("given twice"), "{twice}");
    let schema = "{ __type(name: \"Good\") { fields(includeDeprecated: true) { name isDeprecated deprecationReason } } }";
    let schema = shop.graphql(None, schema).await;
    let price = json!({ "name": "price", "isDeprecated": true, "deprecationReason": "called amount now" });
    assert!(schema["data"]["__type"]["fields"].as_array().unwrap().contains(&price), "{schema}");

    for (version, code) in
        [("store@3", "VERSION_NOT_FOUND"), ("store", "INVALID_VERSION"), (" ", "INVALID_REQUEST")]
    {
        let answer = shop.send("GET", "/api/v1/objects/item", &[("x-quarry-version", version)], "").await;
        assert_eq!(answer.problem().1, code, "{version}");
    }
}

#[tokio::test]
async fn packages_of_other_programs_come_in_our_form_with_a_report() {
    let shop = Shop::open().await;
    let object = r#"{"name": "Gadget", "fields": {"title": {"type": "string", "required": true}, "glow": {"type": "aura"}}}"#;
    let body = json!({ "files": { "gadget.object.json": object }, "name": "store", "version": "2.0.0" });
    let answer = shop.post("/api/v1/packages/import", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let answer = answer.json();
    let outcomes: Vec<_> = answer["report"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    assert!(
        outcomes.contains(&("gadget.title", "mapped")) && outcomes.contains(&("gadget.glow", "left_out")),
        "{outcomes:?}"
    );
    let published = shop.post("/api/v1/packages/publish", json!({ "packages": answer["packages"] })).await;
    assert_eq!(published.status, StatusCode::CREATED, "{:?}", published.body);
    let nothing = shop.post("/api/v1/packages/import", json!({ "files": { "a.yml": 1 } })).await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
}
