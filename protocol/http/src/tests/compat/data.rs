//! `/api/v1/data/:object[/:id]`.

use super::*;

#[tokio::test]
async fn a_list_is_asked_by_its_query_string() {
    let shop = Shop::open().await;
    shop.stock().await;
    let ask = async |query: &str| shop.get(&format!("/api/v1/data/product?{query}")).await.whole();
    let list = |records: Value, more: bool| {
        (200, json!({ "object": "product", "records": records, "hasMore": more }))
    };
    let lamp = json!([{ "name": "Lamp" }]);
    assert_eq!(ask("select=name&sort=price&top=1").await, list(lamp.clone(), true));
    assert_eq!(ask("select=name&sort=-price&skip=2&top=1").await, list(lamp.clone(), false));
    // Every spelling of a filter, and what equals a value.
    for filter in [
        "filter=%7B%22price%22%3A%7B%22%24lt%22%3A10%7D%7D",
        "where=%5B%22price%22%2C%22%3C%22%2C10%5D",
        "filters=%5B%5B%22price%22%2C%22%3C%22%2C10%5D%2C%22and%22%2C%5B%22name%22%2C%22%3D%22%2C%22Lamp%22%5D%5D",
        "%24filter=%7B%22name%22%3A%22Lamp%22%7D",
        "name=Lamp",
        "Name=Lamp&MakerId=acme",
        "price=5.25&active=true",
        "price=5.25&filter=%7B%22active%22%3Atrue%7D",
    ] {
        assert_eq!(ask(&format!("select=name&{filter}")).await, list(lamp.clone(), false), "{filter}");
    }
    assert_eq!(ask("name=Lamp&price=99").await, list(json!([]), false));
    let counted = json!({ "object": "product", "records": [], "total": 3, "hasMore": true });
    assert_eq!(ask("top=0&%24count=true").await, (200, counted));
    let expanded = ask("select=name&expand=Maker&name=Lamp").await.1;
    assert_eq!(expanded["records"][0]["maker"]["name"], "Acme", "{expanded}");
    let other = shop.get("/api/v1/data/Product?top=1&select=Name&sort=Name%20desc").await.whole();
    assert_eq!(other, list(lamp, true));
}

#[tokio::test]
async fn a_long_list_ends_at_its_limit_and_tells_whether_there_is_more() {
    let shop = Shop::open().await;
    let change = |at: usize| json!({ "op": "create", "object": "maker", "data": { "name": format!("Maker {at:04}") } });
    let changes: Vec<Value> = (0..1300).map(change).collect();
    let made = shop.post("/api/v1/changes", json!({ "changes": changes, "returning": "ids" })).await;
    assert_eq!(made.status, StatusCode::OK);
    // Rows are written 1,024 at a time.
    for (limit, rows, more) in
        [(1024, 1024, true), (1025, 1025, true), (1299, 1299, true), (1300, 1300, false), (2000, 1300, false)]
    {
        let told = shop.get(&format!("/api/v1/data/maker?select=name&sort=name&top={limit}")).await.json();
        let records = told["records"].as_array().unwrap();
        assert_eq!((records.len(), &told["hasMore"]), (rows, &json!(more)), "{limit}");
        assert_eq!(records[rows - 1], json!({ "name": format!("Maker {:04}", rows - 1) }));
    }
}

#[tokio::test]
async fn a_parameter_that_is_nothing_is_refused() {
    let shop = Shop::open().await;
    shop.stock().await;
    for (query, code) in [
        ("nmae=Lamp", "UNSUPPORTED_QUERY_PARAM"),
        ("cursor=x", "UNSUPPORTED_QUERY_PARAM"),
        ("price=%5Bobject%20Object%5D", "INVALID_FILTER"),
        ("filter=%5Bobject%20Object%5D", "INVALID_FILTER"),
        ("top=x", "INVALID_REQUEST"),
        ("top=1&limit=2", "INVALID_REQUEST"),
        ("filter=%7B", "INVALID_REQUEST"),
        ("sort=nothing", "INVALID_SORT"),
        ("select=nothing", "INVALID_FIELD"),
        ("filter=%7B%22nothing%22%3A1%7D", "INVALID_FIELD"),
        ("name=a&name=b&filter=%7B%22name%22%3A%7B%22%24is%22%3A1%7D%7D", "INVALID_FILTER"),
    ] {
        let answer = shop.get(&format!("/api/v1/data/product?{query}")).await;
        assert_eq!(answer.bare(), (400, code.to_owned()), "{query}: {:?}", answer.body);
    }
    assert_eq!(shop.get("/api/v1/data/prodcut").await.bare(), (404, "OBJECT_NOT_FOUND".into()));
    for path in ["/api/v1/data/product?upsert=true", "/api/v1/data/product/query?top=1"] {
        let answer = shop.post(path, json!({})).await;
        assert_eq!(answer.bare(), (400, "UNSUPPORTED_QUERY_PARAM".into()), "{path}");
    }
}

#[tokio::test]
async fn a_question_in_the_body_may_group() {
    let shop = Shop::open().await;
    shop.stock().await;
    let ask = async |question: Value| shop.post("/api/v1/data/product/query", question).await;
    let question = json!({ "object": "Product", "fields": ["name"], "where": { "price": { "$gt": 10 } }, "orderBy": [{ "field": "price", "order": "asc" }], "limit": 1, "count": true });
    let told = json!({ "object": "product", "records": [{ "name": "Chair" }], "total": 2, "hasMore": true });
    assert_eq!(ask(question).await.whole(), (200, told));
    let grouped = json!({ "groupBy": ["maker_id"], "aggregations": [{ "function": "sum", "field": "price", "alias": "total" }, { "function": "count", "alias": "n" }] });
    let told = json!({ "object": "product", "records": [{ "maker_id": "acme", "total": "124.75", "n": 3 }], "total": 1, "hasMore": false });
    assert_eq!(ask(grouped).await.whole(), (200, told));
    let listed = "groupBy=maker_id&aggregations=%5B%7B%22function%22%3A%22count%22%2C%22alias%22%3A%22n%22%7D%5D&having=%7B%22n%22%3A%7B%22%24gt%22%3A1%7D%7D";
    let told = json!({ "object": "product", "records": [{ "maker_id": "acme", "n": 3 }], "total": 1, "hasMore": false });
    assert_eq!(shop.get(&format!("/api/v1/data/product?{listed}")).await.whole(), (200, told));
    assert_eq!(ask(json!({ "object": "maker" })).await.bare(), (400, "QUERY_OBJECT_MISMATCH".into()));
    assert_eq!(ask(json!({ "joins": [] })).await.bare().0, 400);
    assert_eq!(ask(json!({ "fields": ["name"], "feilds": [] })).await.bare(), (400, "INVALID_QUERY".into()));
}

#[tokio::test]
async fn a_record_is_made_read_changed_and_deleted() {
    let shop = Shop::open().await;
    let made = shop.post("/api/v1/data/Product", json!({ "id": "lamp", "Name": "Lamp", "price": 5 })).await;
    let record = made.json()["record"].clone();
    assert_eq!(
        (&record["name"], &record["price"], &record["revision"]),
        (&json!("Lamp"), &json!("5.00"), &json!(1))
    );
    assert_eq!(made.whole(), (201, json!({ "object": "product", "id": "lamp", "record": record })));
    assert_eq!(made.header("etag"), "\"1\"");
    let read = shop.get("/api/v1/data/product/lamp").await;
    assert_eq!(read.whole(), (200, json!({ "object": "product", "id": "lamp", "record": record })));
    let few = shop.get("/api/v1/data/product/lamp?select=name").await;
    assert_eq!(
        few.whole(),
        (200, json!({ "object": "product", "id": "lamp", "record": { "name": "Lamp" } }))
    );
    let changed = shop.patch("/api/v1/data/product/lamp", &[], json!({ "Price": "6.50" })).await;
    let record = changed.json()["record"].clone();
    assert_eq!((&record["price"], &record["revision"]), (&json!("6.50"), &json!(2)));
    assert_eq!(changed.whole(), (200, json!({ "object": "product", "id": "lamp", "record": record })));
    let deleted = shop.delete("/api/v1/data/product/lamp").await;
    assert_eq!(deleted.whole(), (200, json!({ "object": "product", "id": "lamp", "success": true })));
    assert_eq!(shop.get("/api/v1/data/product/lamp").await.bare(), (404, "RECORD_NOT_FOUND".into()));
    assert_eq!(shop.delete("/api/v1/data/product/lamp").await.bare(), (404, "RECORD_NOT_FOUND".into()));
    assert_eq!(shop.patch("/api/v1/data/product/lamp", &[], json!({ "price": 1 })).await.bare().0, 404);
}

#[tokio::test]
async fn what_no_client_writes_is_dropped_and_named_and_what_is_unknown_is_an_error() {
    let shop = Shop::open().await;
    let lamp = json!({ "id": "lamp", "name": "Lamp", "rating": 5, "number": "X", "CreatedAt": "2020-01-01T00:00:00Z" });
    let made = shop.post("/api/v1/data/product", lamp).await;
    let dropped =
        json!([{ "object": "product", "fields": ["rating", "number", "created_at"], "reason": "readonly" }]);
    assert_eq!((made.status, &made.json()["droppedFields"]), (StatusCode::CREATED, &dropped));
    let named = "rating;reason=readonly,number;reason=readonly,created_at;reason=readonly";
    assert_eq!(made.header("x-objectstack-dropped-fields"), named);
    assert_eq!(made.json()["record"]["rating"], Value::Null);
    // A whole record is sent back as it was read.
    let record = made.json()["record"].clone();
    let back = shop.patch("/api/v1/data/product/lamp", &[], record).await;
    assert_eq!(back.status, StatusCode::OK, "{:?}", back.body);
    let unknown = shop.patch("/api/v1/data/product/lamp", &[], json!({ "nmae": "x" })).await;
    assert_eq!(unknown.bare(), (400, "VALIDATION_FAILED".into()));
    assert_eq!(unknown.json()["fields"][0]["code"], "unknown_field");
    // Our own endpoint drops nothing.
    let ours = shop.patch("/api/v1/objects/product/lamp", &[], json!({ "rating": 5 })).await;
    assert_eq!(ours.problem(), (400, "VALIDATION_FAILED".into()));
}

#[tokio::test]
async fn a_record_is_changed_only_at_the_version_that_the_client_knows() {
    let shop = Shop::open().await;
    let made = shop.post("/api/v1/data/product", json!({ "id": "lamp", "name": "Lamp" })).await.json();
    let at = made["record"]["updated_at"].as_str().unwrap().to_owned();
    let path = "/api/v1/data/product/lamp";
    let light = json!({ "name": "Light" });
    let stale = shop.patch(path, &[("if-match", "2020-01-01T00:00:00Z")], light.clone()).await;
    assert_eq!(stale.bare(), (409, "CONCURRENT_UPDATE".into()));
    let changed = shop.patch(path, &[("if-match", &at)], light.clone()).await;
    assert_eq!(changed.json()["record"]["revision"], 2, "{:?}", changed.body);
    let stale = shop.patch(path, &[], json!({ "name": "Late", "expectedVersion": at })).await;
    assert_eq!(stale.bare(), (409, "CONCURRENT_UPDATE".into()));
    let stale = shop.patch(path, &[("if-match", "\"1\"")], light.clone()).await;
    assert_eq!(stale.bare(), (409, "CONCURRENT_UPDATE".into()));
    let stale = shop.patch(&format!("{path}?expectedVersion=1"), &[], light.clone()).await;
    assert_eq!(stale.bare(), (409, "CONCURRENT_UPDATE".into()));
    let strange = shop.patch(&format!("{path}?force=true"), &[], light.clone()).await;
    assert_eq!(strange.bare(), (400, "UNSUPPORTED_QUERY_PARAM".into()));
    let changed = shop.patch(path, &[], json!({ "name": "Lux", "expectedVersion": 2 })).await;
    assert_eq!(changed.json()["record"]["revision"], 3, "{:?}", changed.body);
    assert_eq!(
        shop.patch(path, &[("if-match", "soon")], light).await.bare(),
        (400, "INVALID_REQUEST".into())
    );
    assert_eq!(
        shop.delete(&format!("{path}?expectedVersion=2")).await.bare(),
        (409, "CONCURRENT_UPDATE".into())
    );
    assert_eq!(shop.delete(&format!("{path}?expectedVersion=3")).await.status, StatusCode::OK);
}
