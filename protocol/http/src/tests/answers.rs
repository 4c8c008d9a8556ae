//! What is asked rightly is answered.

use arrow::ipc::reader::StreamReader;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

#[tokio::test]
async fn questions_are_answered_as_json_lines_and_arrow() {
    let shop = Shop::open().await;
    shop.stock().await;
    let question = json!({
        "object": "product", "fields": ["name", "price", "maker.name"], "where": { "price": { "$lt": 50 } },
        "orderBy": ["-price"], "limit": 1, "count": true,
    });
    let answer = shop.post("/api/v1/query", question.clone()).await;
    let told = answer.json();
    assert_eq!(told["records"], json!([{ "name": "Chair", "price": "20.50", "maker.name": "Acme" }]));
    assert_eq!(told["count"], json!(2));
    assert!(told["csn"].as_u64().unwrap() > 0);
    let send = |accept: &'static str, question: Value| {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let shop = &shop;
        async move { shop.send("POST", "/api/v1/query", &headers, question.to_string()).await }
    };
    let mut all = question;
    all["limit"] = json!(10);
    all["numbers"] = json!("float");
    let lines = send("application/x-ndjson", all.clone()).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let text = String::from_utf8(lines.body.to_vec()).unwrap();
    assert_eq!(
        text,
        "{\"name\":\"Chair\",\"price\":20.50,\"maker.name\":\"Acme\"}\n{\"name\":\"Lamp\",\"price\":5.25,\"maker.name\":\"Acme\"}\n"
    );
    let arrow = send("application/vnd.apache.arrow.stream", all).await;
    let batches: Vec<_> =
        StreamReader::try_new(arrow.body.as_ref(), None).unwrap().map(|b| b.unwrap()).collect();
    assert_eq!(batches.iter().map(|b| b.num_rows()).sum::<usize>(), 2);
    let plan = shop.post("/api/v1/query", json!({ "object": "product", "explain": true })).await;
    assert!(plan.json()["plan"].as_str().unwrap().contains("product"));
}

#[tokio::test]
async fn a_page_tells_where_the_next_begins_and_where_the_one_before_it_ends() {
    let shop = Shop::open().await;
    shop.stock().await;
    let mut question = json!({ "object": "product", "fields": ["name"], "where": { "price": { "$lt": 50 } }, "orderBy": ["-price"], "limit": 1 });
    let first = shop.post("/api/v1/query", question.clone()).await.json();
    assert_eq!(first["records"], json!([{ "name": "Chair" }]));
    assert!(first["cursor"]["next"].is_string() && first["cursor"].get("previous").is_none(), "{first}");
    question["after"] = first["cursor"]["next"].clone();
    let second = shop.post("/api/v1/query", question.clone()).await.json();
    assert_eq!(second["records"], json!([{ "name": "Lamp" }]));
    question["before"] = second["cursor"]["previous"].clone();
    question.as_object_mut().unwrap().remove("after");
    let again = shop.post("/api/v1/query", question.clone()).await.json();
    assert_eq!(again["records"], first["records"]);
    question["before"] = again["cursor"]["previous"].clone();
    let none = shop.post("/api/v1/query", question).await.json();
    assert_eq!((&none["records"], &none["cursor"]["previous"]), (&json!([]), &json!(null)));
}

#[tokio::test]
async fn an_answer_without_rows_is_whole_in_every_form() {
    let shop = Shop::open().await;
    let question = json!({ "object": "product", "fields": ["name"] }).to_string();
    for (accept, body) in [("*/*", "{\"records\":[],\"csn\":"), ("application/x-ndjson", "")] {
        let headers = [("content-type", "application/json"), ("accept", accept)];
        let answer = shop.send("POST", "/api/v1/query", &headers, question.clone()).await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.starts_with(body) && (body.is_empty() == text.is_empty()), "{text}");
    }
    let headers = [("content-type", "application/json"), ("accept", "application/vnd.apache.arrow.stream")];
    let arrow = shop.send("POST", "/api/v1/query", &headers, question).await;
    assert_eq!(StreamReader::try_new(arrow.body.as_ref(), None).unwrap().count(), 0);
}

#[tokio::test]
async fn a_record_is_a_resource_with_its_revision_as_etag() {
    let shop = Shop::open().await;
    let json = [("content-type", "application/json")];
    let made = shop
        .post("/api/v1/objects/product", json!({ "name": "Lamp", "price": "5.25", "extra": { "a": [1] } }))
        .await;
    assert_eq!((made.status, made.header("etag")), (StatusCode::CREATED, "\"1\""));
    assert_eq!(made.json()["price"], json!("5.25"));
    assert_eq!(made.json()["extra"], json!({ "a": [1] }));
    let place = made.header("location").to_owned();
    let read = shop.get(&place).await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, made.json()));
    assert_eq!(
        shop.send("GET", &place, &[("if-none-match", "\"1\"")], "").await.status,
        StatusCode::NOT_MODIFIED
    );
    let few = shop.get(&format!("{place}?select=name,revision")).await;
    assert_eq!(few.json(), json!({ "name": "Lamp", "revision": 1 }));

    let with = |tag: &'static str| [json[0], ("if-match", tag)];
    let changed = shop.send("PATCH", &place, &with("\"1\""), r#"{"name": "Light"}"#).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    assert_eq!(changed.json()["name"], json!("Light"));
    let stale = shop.send("PATCH", &place, &with("\"1\""), r#"{"name": "Late"}"#).await;
    assert_eq!(stale.problem(), (412, "CONCURRENT_UPDATE".to_owned()));
    assert_eq!(
        shop.send("DELETE", &place, &[("if-match", "\"1\"")], "").await.status,
        StatusCode::PRECONDITION_FAILED
    );
    assert_eq!(
        shop.send("DELETE", &place, &[("if-match", "\"2\"")], "").await.status,
        StatusCode::NO_CONTENT
    );
    for (method, body) in [("GET", ""), ("PATCH", r#"{"name": "Late"}"#), ("DELETE", "")] {
        let gone = shop.send(method, &place, &json, body).await;
        assert_eq!(gone.problem(), (404, "RECORD_NOT_FOUND".to_owned()), "{method}");
    }
}

#[tokio::test]
async fn a_list_is_asked_by_its_query_string() {
    let shop = Shop::open().await;
    shop.stock().await;
    let path = "/api/v1/objects/product?select=name&sort=-price&top=2&skip=0&count=true&filter=%7B%22price%22%3A%7B%22%24gt%22%3A1%7D%7D";
    let told = shop.get(path).await.json();
    assert_eq!(told["records"], json!([{ "name": "Desk" }, { "name": "Chair" }]));
    assert_eq!(told["count"], json!(3));
    let expanded =
        shop.get("/api/v1/objects/product?select=name&sort=name&limit=1&expand=maker").await.json();
    assert_eq!(expanded["records"][0]["maker"]["name"], json!("Acme"));
}

#[tokio::test]
async fn json_is_json_at_every_depth() {
    let shop = Shop::open().await;
    let extra = json!({ "a": [1, { "b": null }] });
    let changes = json!([
        { "op": "create", "object": "maker", "id": "acme", "data": { "name": "Acme" } },
        { "op": "create", "object": "product", "id": "lamp", "data": { "name": "Lamp", "maker_id": "acme", "extra": extra } },
        { "op": "create", "object": "review", "data": { "text": "bright", "product_id": "lamp" } },
    ]);
    assert_eq!(shop.post("/api/v1/changes", json!({ "changes": changes })).await.status, StatusCode::OK);
    let ask = async |question: Value| shop.post("/api/v1/query", question).await.json()["records"][0].clone();
    let own = ask(json!({ "object": "product", "fields": [{ "field": "extra", "as": "more" }] })).await;
    assert_eq!(own, json!({ "more": extra }));
    let many =
        json!({ "object": "maker", "fields": ["name"], "expand": { "products": { "fields": ["extra"] } } });
    assert_eq!(ask(many).await["products"], json!([{ "extra": extra }]));
    let deep = json!({ "object": "maker", "fields": ["name"], "expand": { "products": {
        "fields": ["name"], "expand": { "reviews": { "fields": ["product.extra"], "expand": { "product": { "fields": ["extra"] } } } } } } });
    let review = ask(deep).await["products"][0]["reviews"][0].clone();
    assert_eq!(review, json!({ "product.extra": extra, "product": { "extra": extra } }));
    let path = json!({ "object": "review", "fields": ["product.extra"], "limit": 1 });
    assert_eq!(ask(path).await, json!({ "product.extra": extra }));
}

#[tokio::test]
async fn the_root_leads_on() {
    let mut shop = Shop::open().await;
    shop.token.clear();
    let page = shop.send("GET", "/", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], "").await;
    assert_eq!((page.status, page.header("location")), (StatusCode::TEMPORARY_REDIRECT, "/graphql"));
    let told = shop.get("/").await;
    assert_eq!((told.status, &told.json()["doors"]["query"]), (StatusCode::OK, &json!("/api/v1/query")));
}

#[tokio::test]
async fn an_id_that_looks_like_a_token_is_an_id() {
    let shop = Shop::open().await;
    let answer = shop.get("/api/v1/objects/user/%7Bcurrent_user%7D").await;
    assert_eq!(answer.problem(), (404, "RECORD_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn changes_are_one_transaction_and_answer_with_the_records() {
    let shop = Shop::open().await;
    let body = json!({ "changes": [
        { "op": "create", "object": "maker", "data": { "name": "Acme" } },
        { "op": "create", "object": "product", "data": { "name": "Lamp", "code": "L", "maker_id": "$ref:0.id" } },
        { "op": "upsert", "object": "product", "on": ["code"], "data": { "code": "L", "price": "7.10" } },
        { "op": "update", "object": "product", "where": { "code": "L" }, "data": { "stock": 3 } },
        { "op": "create", "object": "maker", "id": "gone", "data": { "name": "Gone" } },
        { "op": "delete", "object": "maker", "id": "gone" },
    ]});
    let mut dry = body.clone();
    dry["dryRun"] = json!(true);
    let verdict = shop.post("/api/v1/changes", dry).await.json();
    assert_eq!(verdict["csn"], json!(null));
    assert_eq!(verdict["results"][1]["record"]["name"], json!("Lamp"));
    assert_eq!(shop.get("/api/v1/objects/maker").await.json()["records"], json!([]));

    let told = shop.post("/api/v1/changes", body).await.json();
    let done: Vec<&str> =
        told["results"].as_array().unwrap().iter().map(|r| r["done"].as_str().unwrap()).collect();
    assert_eq!(done, ["created", "created", "updated", "updated", "created", "deleted"]);
    let product = &told["results"][2]["record"];
    assert_eq!((&product["price"], &product["stock"]), (&json!("7.10"), &json!(3)));
    assert_eq!(product["maker_id"], told["results"][0]["id"]);
    assert_eq!(told["results"][5], json!({ "done": "deleted", "object": "maker", "id": "gone" }));
    assert!(told["csn"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn changes_that_are_no_transaction_fail_one_by_one() {
    let shop = Shop::open().await;
    let body = json!({ "atomic": false, "returning": "ids", "changes": [
        { "op": "create", "object": "maker", "id": "a", "data": { "name": "Acme" } },
        { "op": "create", "object": "maker", "data": { "name": "Acme" } },
        { "op": "create", "object": "maker", "id": "b", "data": { "name": "Bolt" } },
    ]});
    let told = shop.post("/api/v1/changes", body).await.json();
    assert_eq!(told["results"][0], json!({ "done": "created", "object": "maker", "id": "a" }));
    assert_eq!(told["results"][1]["error"]["code"], json!("UNIQUE_VIOLATION"));
    assert_eq!(told["results"][1]["error"]["findings"][0]["change"], json!(1));
    assert_eq!(told["results"][2]["id"], json!("b"));
}

#[tokio::test]
async fn basic_logins_and_a_clients_own_request_id_are_taken() {
    let mut shop = Shop::open().await;
    shop.token.clear();
    let basic = format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}")));
    let headers = [("authorization", basic.as_str()), ("x-request-id", "my-own.1")];
    let answer = shop.send("GET", "/api/v1/meta/objects/product", &headers, "").await;
    assert_eq!((answer.status, answer.header("x-request-id")), (StatusCode::OK, "my-own.1"));
    let told = answer.json();
    let price = told["fields"].as_array().unwrap().iter().find(|field| field["name"] == "price").unwrap();
    assert_eq!((&price["type"], &price["max"]), (&json!("currency"), &json!("1000000.5")));
    assert!(told["relations"].as_array().unwrap().iter().any(|relation| relation["name"] == "maker"));
}
