//! Many records: of one object, and of several in one transaction.

use super::*;

fn makers(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "id": name.to_lowercase(), "data": { "name": name } })).collect()
}

#[tokio::test]
async fn many_records_are_made_at_once_or_not_at_all() {
    let shop = Shop::open().await;
    let two = json!([{ "id": "a", "name": "Acme", "revision": 7 }, { "id": "b", "Name": "Bolt" }]);
    let made = shop.post("/api/v1/data/maker/createMany", two.clone()).await;
    let told = made.json();
    assert_eq!(
        (made.status, &told["object"], &told["count"]),
        (StatusCode::CREATED, &json!("maker"), &json!(2))
    );
    assert_eq!((&told["records"][0]["id"], &told["records"][1]["name"]), (&json!("a"), &json!("Bolt")));
    assert_eq!(told["droppedFields"][0]["fields"], json!(["revision"]));
    let again =
        shop.post("/api/v1/data/maker/createMany", json!([{ "name": "Cog" }, { "name": "Acme" }])).await;
    assert_eq!(again.bare(), (409, "UNIQUE_VIOLATION".into()));
    assert_eq!(shop.get("/api/v1/data/maker?top=0&%24count=true").await.json()["total"], 2);
    let many: Value = (0..201).map(|at| json!({ "name": format!("Maker {at}") })).collect();
    assert_eq!(
        shop.post("/api/v1/data/maker/createMany", many).await.bare(),
        (400, "BATCH_TOO_LARGE".into())
    );
    assert_eq!(
        shop.post("/api/v1/data/maker/createMany", json!({})).await.bare(),
        (400, "INVALID_REQUEST".into())
    );
}

#[tokio::test]
async fn each_record_of_a_batch_is_told_what_became_of_it() {
    let shop = Shop::open().await;
    let batch = async |body: Value| shop.post("/api/v1/data/maker/batch", body).await;
    let made = batch(json!({ "operation": "create", "records": makers(&["A", "B"]) })).await;
    let csn = made.json()["csn"].clone();
    let told = json!({
        "success": true, "operation": "create", "total": 2, "succeeded": 2, "failed": 0, "csn": csn,
        "results": [{ "id": "a", "success": true, "index": 0, "object": "maker" }, { "id": "b", "success": true, "index": 1, "object": "maker" }],
    });
    assert_eq!(made.whole(), (200, told));
    // One by one: the first failure ends it, unless it is to go on.
    let records = makers(&["C", "A", "D"]);
    let stopped = batch(json!({ "operation": "create", "records": records })).await.json();
    let outcomes = |told: &Value| -> Vec<String> {
        let outcome = |result: &Value| match &result["errors"][0]["code"] {
            Value::Null => result["id"].as_str().unwrap().to_owned(),
            code => code.as_str().unwrap().to_owned(),
        };
        told["results"].as_array().unwrap().iter().map(outcome).collect()
    };
    assert_eq!(outcomes(&stopped), ["c", "UNIQUE_VIOLATION", "NOT_ATTEMPTED"]);
    assert_eq!(
        (&stopped["success"], &stopped["succeeded"], &stopped["failed"]),
        (&json!(false), &json!(1), &json!(2))
    );
    let went_on = json!({ "operation": "create", "records": makers(&["A", "D"]), "options": { "continueOnError": true } });
    assert_eq!(outcomes(&batch(went_on).await.json()), ["UNIQUE_VIOLATION", "d"]);
    // All or none.
    let atomic =
        json!({ "operation": "create", "records": makers(&["E", "A", "F"]), "options": { "atomic": true } });
    let undone = batch(atomic).await;
    assert_eq!(outcomes(&undone.json()), ["ROLLED_BACK", "UNIQUE_VIOLATION", "NOT_ATTEMPTED"]);
    assert_eq!((undone.status, &undone.json()["succeeded"]), (StatusCode::OK, &json!(0)));
    let dry = json!({ "operation": "update", "records": [{ "id": "a", "data": { "name": "Anew" } }], "options": { "validateOnly": true, "returnRecords": true } });
    let dry = batch(dry).await.json();
    assert_eq!((&dry["results"][0]["data"]["name"], &dry["csn"]), (&json!("Anew"), &Value::Null));
    let names = shop.get("/api/v1/data/maker?select=name&sort=name").await.json()["records"].clone();
    assert_eq!(names, json!([{ "name": "A" }, { "name": "B" }, { "name": "C" }, { "name": "D" }]));
}

#[tokio::test]
async fn batches_update_upsert_and_delete() {
    let shop = Shop::open().await;
    shop.stock().await;
    let id = shop.get("/api/v1/data/product?name=Lamp").await.json()["records"][0]["id"].clone();
    let update = json!({ "records": [{ "id": id, "data": { "price": 6 } }], "options": { "atomic": true, "returnRecords": true } });
    let told = shop.post("/api/v1/data/product/updateMany", update).await.json();
    assert_eq!(
        (&told["results"][0]["data"]["price"], &told["operation"]),
        (&json!("6.00"), &json!("update"))
    );
    let upsert = json!({ "operation": "upsert", "records": [
        { "externalId": "Lamp", "data": { "price": 7 } }, { "data": { "code": "New", "name": "New" } }, { "id": id, "data": { "stock": 2 } },
    ] });
    let told = shop.post("/api/v1/data/product/batch", upsert).await.json();
    assert_eq!(
        (&told["succeeded"], &told["results"][0]["id"], &told["results"][2]["id"]),
        (&json!(3), &id, &id),
        "{told}"
    );
    let lamp = shop.get("/api/v1/data/product?select=price,stock&name=Lamp").await.json()["records"].clone();
    assert_eq!(lamp, json!([{ "price": "7.00", "stock": 2 }]));
    let gone = shop.post("/api/v1/data/product/deleteMany", json!({ "ids": [id, "nobody"] })).await.json();
    assert_eq!(
        (&gone["succeeded"], &gone["results"][1]["errors"][0]["code"]),
        (&json!(1), &json!("RECORD_NOT_FOUND"))
    );
    for wrong in [
        json!({ "operation": "update", "records": [{ "data": {} }] }),
        json!({ "operation": "upsert", "records": [{ "data": { "name": "x" } }] }),
        json!({ "operation": "delete", "records": [{ "id": "x", "data": {} }] }),
        json!({ "operation": "frobnicate", "records": [{ "id": "x" }] }),
        json!({ "operation": "delete", "records": [{ "id": "x" }], "options": { "force": true } }),
        json!({ "operation": "delete", "records": [{ "id": "x", "rev": 1 }] }),
    ] {
        let answer = shop.post("/api/v1/data/product/batch", wrong.clone()).await;
        assert_eq!(answer.bare(), (400, "INVALID_REQUEST".into()), "{wrong}");
    }
}

#[tokio::test]
async fn operations_over_several_objects_are_one_transaction() {
    let shop = Shop::open().await;
    let batch =
        async |operations: Value| shop.post("/api/v1/batch", json!({ "operations": operations })).await;
    let made = batch(json!([
        { "object": "Maker", "data": { "name": "Acme" } },
        { "object": "product", "action": "create", "data": { "name": "Lamp", "MakerId": { "$ref": 0 } } },
        { "object": "product", "action": "update", "id": { "$ref": 1 }, "data": { "price": 3 } },
        { "object": "crate", "data": { "name": "Box", "keeper_id": { "$ref": 0 }, "maker_ids": [{ "$ref": 0 }] } },
    ]))
    .await;
    let told = made.json();
    assert_eq!(
        (made.status, &told["succeeded"], &told["failed"]),
        (StatusCode::OK, &json!(4), &json!(0)),
        "{told}"
    );
    let results = told["results"].as_array().unwrap();
    assert_eq!(results[1]["data"]["maker_id"], results[0]["id"]);
    assert_eq!((&results[2]["id"], &results[2]["data"]["price"]), (&results[1]["id"], &json!("3.00")));
    assert_eq!(results[3]["data"]["maker_ids"], json!([results[0]["id"]]));
    let failed = batch(json!([
        { "object": "maker", "data": { "name": "Bolt" } },
        { "object": "product", "data": { "name": "L" } },
        { "object": "maker", "data": { "name": "Cog" } },
    ]))
    .await;
    assert_eq!(failed.bare(), (400, "VALIDATION_FAILED".into()));
    let told = failed.json();
    assert_eq!((&told["fields"][0]["field"], &told["object"]), (&json!("name"), &json!("product")));
    let codes: Vec<&str> = told["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["errors"][0]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["ROLLED_BACK", "VALIDATION_FAILED", "NOT_ATTEMPTED"]);
    assert_eq!(shop.get("/api/v1/data/maker?top=0&%24count=true").await.json()["total"], 1);
    for (operations, code) in [
        (json!([{ "object": "product", "data": { "maker_id": { "$ref": 5 } } }]), "BATCH_UNRESOLVED_REF"),
        (json!([{ "object": "product", "data": { "maker_id": { "$ref": 0 } } }]), "BATCH_UNRESOLVED_REF"),
        (json!([{ "action": "create", "data": {} }]), "VALIDATION_FAILED"),
        (json!([{ "object": "product", "action": "drop" }]), "VALIDATION_FAILED"),
        (json!([{ "object": "product", "action": "update", "data": {} }]), "VALIDATION_FAILED"),
        (json!([{ "object": "product", "data": {}, "when": true }]), "INVALID_REQUEST"),
    ] {
        assert_eq!(batch(operations.clone()).await.bare(), (400, code.to_owned()), "{operations}");
    }
    assert_eq!(
        batch(json!([{ "object": "nothing", "data": {} }])).await.bare(),
        (404, "OBJECT_NOT_FOUND".into())
    );
    let alone = shop.post("/api/v1/batch", json!({ "operations": [], "atomic": false })).await;
    assert_eq!(alone.bare(), (400, "BATCH_NOT_ATOMIC".into()));
    let many: Vec<Value> = (0..1001).map(|_| json!({ "object": "maker", "data": {} })).collect();
    assert_eq!(batch(many.into()).await.bare(), (400, "BATCH_TOO_LARGE".into()));
    assert_eq!(batch(json!([])).await.json()["results"], json!([]));
}
