//! What clients before `/api/v1` send: `/api/objectql`, `/api/query`, `/api/command`, `/api/data`, `/api/metadata`.

use super::*;

async fn rpc(shop: &Shop, op: &str, object: &str, args: Value) -> Answer {
    shop.post("/api/objectql", json!({ "op": op, "object": object, "args": args })).await
}

#[tokio::test]
async fn operations_find_and_count() {
    let shop = Shop::open().await;
    shop.stock().await;
    let page = json!({ "fields": ["name"], "filters": [["price", ">", 10], "and", ["name", "!=", "x"]], "sort": [["price", "desc"]], "top": 1, "skip": 1 });
    let told = json!({ "items": [{ "name": "Chair" }], "meta": { "total": 2, "page": 2, "size": 1, "pages": 2, "has_next": false } });
    assert_eq!(rpc(&shop, "find", "product", page).await.whole(), (200, told));
    let all = json!({ "items": [{ "name": "Acme" }], "meta": { "total": 1, "page": 1, "size": 1, "pages": 1, "has_next": false } });
    assert_eq!(rpc(&shop, "find", "Maker", json!({ "fields": ["Name"] })).await.whole(), (200, all));
    let one = rpc(&shop, "findOne", "maker", json!("acme")).await.json();
    assert_eq!((&one["@type"], &one["name"]), (&json!("maker"), &json!("Acme")));
    assert_eq!(rpc(&shop, "findOne", "maker", json!({ "id": "acme" })).await.json(), one);
    let first = json!({ "fields": ["name"], "sort": "name desc" });
    assert_eq!(
        rpc(&shop, "findOne", "product", first).await.json(),
        json!({ "@type": "product", "name": "Lamp" })
    );
    assert_eq!(rpc(&shop, "findOne", "maker", json!("nobody")).await.whole(), (200, Value::Null));
    let counts = |n: u64| (200, json!({ "count": n, "@type": "product" }));
    assert_eq!(rpc(&shop, "count", "product", Value::Null).await.whole(), counts(3));
    assert_eq!(
        rpc(&shop, "count", "product", json!({ "filters": { "price": { "$gt": 10 } } })).await.whole(),
        counts(2)
    );
    assert_eq!(rpc(&shop, "count", "product", json!([["name", "=", "Lamp"]])).await.whole(), counts(1));
    assert_eq!(rpc(&shop, "count", "product", json!({ "Name": "Lamp" })).await.whole(), counts(1));
    let sums = json!({ "groupBy": ["maker_id"], "aggregate": [{ "func": "max", "field": "price", "alias": "most" }] });
    let sums = rpc(&shop, "aggregate", "product", sums).await.json();
    assert_eq!(
        (&sums["items"], &sums["meta"]["total"]),
        (&json!([{ "maker_id": "acme", "most": "99.00" }]), &json!(1))
    );
    let ping = shop.post("/api/objectql", json!({ "op": "ping", "object": "_health", "args": {} })).await;
    assert_eq!(ping.whole(), (200, json!({ "ok": true })));
}

#[tokio::test]
async fn operations_change_records() {
    let shop = Shop::open().await;
    let made = rpc(&shop, "create", "maker", json!({ "id": "a", "Name": "Acme", "revision": 3 })).await;
    assert_eq!(
        (made.status, &made.json()["@type"], &made.json()["id"]),
        (StatusCode::OK, &json!("maker"), &json!("a"))
    );
    assert_eq!(made.header("x-objectstack-dropped-fields"), "revision;reason=readonly");
    let many = rpc(&shop, "createMany", "maker", json!([{ "name": "Bolt" }, { "name": "Cog" }])).await.json();
    assert_eq!(
        (&many["count"], &many["@type"], &many["items"][1]["name"]),
        (&json!(2), &json!("maker"), &json!("Cog"))
    );
    let changed =
        rpc(&shop, "update", "maker", json!({ "id": "a", "data": { "name": "Anew" } })).await.json();
    assert_eq!((&changed["name"], &changed["revision"]), (&json!("Anew"), &json!(2)));
    let filters = json!({ "filters": [["name", "in", ["Bolt", "Cog"]]], "data": { "parent_id": "a" } });
    let updated = rpc(&shop, "updateMany", "maker", filters).await.whole();
    assert_eq!(updated, (200, json!({ "count": 2, "@type": "maker" })));
    let deleted = rpc(&shop, "deleteMany", "maker", json!({ "filters": { "ParentId": "a" } })).await.whole();
    assert_eq!(deleted, (200, json!({ "count": 2, "@type": "maker" })));
    let deleted = rpc(&shop, "delete", "maker", json!({ "id": "a" })).await.whole();
    assert_eq!(deleted, (200, json!({ "id": "a", "deleted": true, "@type": "maker" })));
}

#[tokio::test]
async fn wrong_operations_are_told_in_the_older_form() {
    let shop = Shop::open().await;
    shop.stock().await;
    let code = |answer: &Answer| {
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap().to_owned())
    };
    for (op, object, args, status, expected) in [
        ("find", "nothing", json!({}), 404, "NOT_FOUND"),
        ("find", "product", json!({ "fitlers": [] }), 400, "INVALID_REQUEST"),
        ("drop", "product", json!({}), 400, "INVALID_REQUEST"),
        ("update", "product", json!({ "id": "nobody", "data": { "name": "Lamp" } }), 404, "NOT_FOUND"),
        ("create", "product", json!({ "name": "L" }), 400, "VALIDATION_ERROR"),
        ("create", "product", json!({ "name": "Lamp", "code": "Lamp" }), 409, "CONFLICT"),
        ("delete", "maker", json!({ "id": "acme" }), 409, "CONFLICT"),
        // A filter that is missing is not all records.
        ("deleteMany", "product", json!({}), 400, "INVALID_REQUEST"),
        ("deleteMany", "product", json!({ "filters": null }), 400, "INVALID_REQUEST"),
        ("updateMany", "product", json!({ "data": { "stock": 1 } }), 400, "INVALID_REQUEST"),
        ("count", "product", json!({ "fitlers": [["price", ">", 1]] }), 400, "INVALID_REQUEST"),
        ("action", "product", json!({ "id": "x", "action": "nothing" }), 404, "NOT_FOUND"),
    ] {
        let answer = rpc(&shop, op, object, args.clone()).await;
        assert_eq!(code(&answer), (status, expected.to_owned()), "{op} {object} {args}: {:?}", answer.body);
    }
    let someone = json!({ "op": "find", "object": "product", "args": {}, "user": { "id": "admin" } });
    assert_eq!(code(&shop.post("/api/objectql", someone).await), (400, "INVALID_REQUEST".into()));
    assert_eq!(rpc(&shop, "count", "product", Value::Null).await.json()["count"], 3);
}

#[tokio::test]
async fn questions_and_commands_of_the_older_driver() {
    let shop = Shop::open().await;
    shop.stock().await;
    let node = json!({ "type": "comparison", "field": "price", "operator": ">", "value": 10 });
    let question = json!({ "object": "product", "fields": ["name"], "filters": node, "sort": [{ "field": "price", "order": "desc" }], "top": 1, "count": true });
    let told = json!({ "object": "product", "value": [{ "name": "Desk" }], "count": 2, "hasMore": true });
    assert_eq!(shop.post("/api/query", question).await.whole(), (200, told));
    let method =
        |method: &str, query: Value| json!({ "method": method, "object": "product", "query": query });
    let first =
        shop.post("/api/query", method("findOne", json!({ "fields": ["name"], "orderBy": ["name"] }))).await;
    assert_eq!(first.json()["value"], json!([{ "name": "Chair" }]));
    let count = shop.post("/api/query", method("count", json!({ "where": { "name": "Lamp" } }))).await;
    assert_eq!(count.whole(), (200, json!({ "object": "product", "value": 1, "count": 1 })));
    assert_eq!(shop.post("/api/query", method("execute", json!({}))).await.status, StatusCode::BAD_REQUEST);

    let command = async |body: Value| shop.post("/api/command", body).await.whole();
    let made =
        command(json!({ "type": "create", "object": "maker", "data": { "id": "b", "name": "Bolt" } })).await;
    assert_eq!(
        (made.0, &made.1["success"], &made.1["affected"], &made.1["data"]["name"]),
        (200, &json!(true), &json!(1), &json!("Bolt"))
    );
    let done = |affected: u64| (200, json!({ "success": true, "affected": affected }));
    let silent = json!({ "method": "insert", "object": "maker", "data": [{ "id": "c", "name": "Cog" }, { "id": "d", "name": "Dab" }], "options": { "returning": false } });
    assert_eq!(command(silent).await, done(2));
    let updates = json!({ "type": "bulkUpdate", "object": "maker", "updates": [{ "id": "b", "data": { "name": "B" } }, { "id": "c", "data": { "name": "C" } }] });
    let updated = command(updates).await.1;
    assert_eq!((&updated["affected"], &updated["data"][1]["name"]), (&json!(2), &json!("C")));
    let where_ = json!({ "method": "update", "object": "maker", "data": { "parent_id": "acme" }, "options": { "where": { "name": { "$in": ["B", "C"] } }, "multi": true } });
    assert_eq!(command(where_).await, done(2));
    assert_eq!(command(json!({ "type": "bulkDelete", "object": "maker", "ids": ["b"] })).await, done(1));
    let rest = json!({ "method": "delete", "object": "maker", "options": { "where": { "parent_id": "acme" }, "multi": true } });
    assert_eq!(command(rest).await, done(1));
    for wrong in [
        json!({ "type": "delete", "object": "maker", "options": { "where": {} } }),
        json!({ "type": "delete", "object": "maker" }),
        json!({ "type": "delete", "object": "maker", "id": "d", "options": { "where": {}, "multi": true } }),
        json!({ "type": "create", "object": "maker", "data": {}, "options": { "where": {}, "multi": true } }),
        json!({ "type": "create", "method": "create", "object": "maker", "data": {} }),
        json!({ "method": "execute", "object": "maker", "command": "drop" }),
        json!({ "type": "update", "object": "maker", "id": "d", "data": {}, "upsert": true }),
    ] {
        let refused = shop.post("/api/command", wrong.clone()).await;
        assert_eq!(refused.problem(), (400, "INVALID_REQUEST".into()), "{wrong}: {:?}", refused.body);
    }
    assert_eq!(shop.get("/api/v1/data/maker?top=0&count=true").await.json()["total"], 2);
}

#[tokio::test]
async fn older_resources_and_metadata_are_aliases() {
    let shop = Shop::open().await;
    shop.stock().await;
    let list =
        shop.get("/api/data/product?fields=name&sort=%5B%5B%22price%22%2C%22asc%22%5D%5D&limit=2").await;
    let meta = json!({ "total": 3, "page": 1, "size": 2, "pages": 2, "has_next": true });
    assert_eq!(
        list.whole(),
        (200, json!({ "items": [{ "name": "Lamp" }, { "name": "Chair" }], "meta": meta }))
    );
    let count =
        shop.get("/api/data/product?limit=0&filter=%5B%5B%22price%22%2C%22%3E%22%2C10%5D%5D").await.json();
    assert_eq!((&count["items"], &count["meta"]["total"]), (&json!([]), &json!(2)));
    let made = shop.post("/api/data/maker", json!({ "id": "b", "name": "Bolt" })).await;
    assert_eq!((made.status, &made.json()["@type"]), (StatusCode::CREATED, &json!("maker")));
    let many = shop.post("/api/data/maker", json!([{ "name": "Cog" }])).await;
    assert_eq!((many.status, &many.json()["count"]), (StatusCode::CREATED, &json!(1)));
    assert_eq!(shop.put("/api/data/maker/b", json!({ "name": "B" })).await.json()["name"], "B");
    assert_eq!(shop.get("/api/data/Maker/b").await.json()["name"], "B");
    let update = json!({ "filters": [["name", "=", "Cog"]], "data": { "parent_id": "b" } });
    assert_eq!(
        shop.post("/api/data/maker/bulk-update", update).await.json(),
        json!({ "count": 1, "@type": "maker" })
    );
    let delete = json!({ "filters": [["parent_id", "=", "b"]] });
    assert_eq!(
        shop.post("/api/data/maker/bulk-delete", delete).await.json(),
        json!({ "count": 1, "@type": "maker" })
    );
    let deleted = shop.delete("/api/data/maker/b").await;
    assert_eq!(deleted.whole(), (200, json!({ "id": "b", "deleted": true, "@type": "maker" })));
    let gone = shop.get("/api/data/maker/b").await;
    assert_eq!(gone.problem(), (404, "NOT_FOUND".into()));
    let objects = shop.get("/api/metadata/objects").await.json();
    let maker = objects["items"].as_array().unwrap().iter().find(|object| object["name"] == "maker").unwrap();
    assert_eq!(shop.get("/api/metadata/object/maker").await.json(), *maker);
    assert_eq!(maker["fields"]["parent_id"]["reference"], "maker");
}
