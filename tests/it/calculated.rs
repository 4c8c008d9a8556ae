//! What is calculated, and what is conditional, is the same by every door.

use serde_json::{Value, json};

use crate::server::{Server, root};

fn server() -> Server {
    let packages = format!(
        "{}:{}",
        root().join("packages/core").display(),
        root().join("tests/it/fixtures/calculated").display()
    );
    Server::start_in(tempfile::tempdir().unwrap(), packages.as_ref(), &[])
}

fn http(server: &Server, change: Value) -> Result<String, Vec<String>> {
    let (status, answer) = server.post("/api/v1/changes", &json!({ "changes": [change] }));
    match status {
        200 => Ok(answer["results"][0]["ids"][0]
            .as_str()
            .or(answer["results"][0]["id"].as_str())
            .unwrap_or_default()
            .to_owned()),
        _ => {
            let findings =
                answer["error"]["findings"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
            Err(findings
                .map(|f| format!("{} {}", f["field"].as_str().unwrap_or("-"), f["code"].as_str().unwrap()))
                .collect())
        }
    }
}

fn create(server: &Server, object: &str, data: Value) -> Result<String, Vec<String>> {
    http(server, json!({ "op": "create", "object": object, "data": data }))
}

fn update(server: &Server, id: &str, data: Value) -> Result<String, Vec<String>> {
    http(server, json!({ "op": "update", "object": "order", "id": id, "data": data }))
}

#[test]
fn calculated_and_conditional_fields_by_every_door() {
    let server = server();
    let order = create(&server, "order", json!({ "name": "one" })).unwrap();
    each_door_is_summed_up(&server, &order);
    each_door_shows_and_finds_it(&server, &order);
    no_door_writes_it(&server, &order);
    conditions_hold_at_each_door(&server, &order);
    a_renderer_is_told(&server);
    let server = server.crash_and_restart();
    shows(&server, &order, "ONE-001|3|36.00|2026-01-02|2.00|f");
}

fn shows(server: &Server, order: &str, expected: &str) {
    let sql =
        format!("SELECT number, items, total, first_due, mean, is_large FROM \"order\" WHERE id = '{order}'");
    assert_eq!(server.psql_ok(&sql), expected);
}

fn each_door_is_summed_up(server: &Server, order: &str) {
    let line = create(server, "line", json!({ "order_id": order, "price": "50.00" })).unwrap();
    shows(server, order, "ONE-001|1|50.00|2026-01-02|1.00|f");
    let made = server.graphql(&format!(
        "mutation {{ createLine(input: {{ orderId: \"{order}\", quantity: 2, price: \"25.00\" }}) {{ id record {{ order {{ items total isLarge }} }} }} }}"
    ));
    assert_eq!(
        made["createLine"]["record"]["order"],
        json!({ "items": 2, "total": "100.00", "isLarge": true }),
        "seen with the change"
    );
    let inserted = server.psql_ok(&format!(
        "BEGIN; INSERT INTO line (order_id, quantity, price) VALUES ('{order}', 3, 4); \
         SELECT items, total FROM \"order\" WHERE id = '{order}'; COMMIT"
    ));
    assert_eq!(inserted, "3|112.00", "seen in the transaction");
    server.psql_ok(&format!("UPDATE line SET cancelled = true WHERE id = '{line}'"));
    server.psql_ok("UPDATE line SET price = 12 WHERE quantity = 2");
    shows(server, order, "ONE-001|3|36.00|2026-01-02|2.00|f");
}

fn each_door_shows_and_finds_it(server: &Server, order: &str) {
    let filter = json!({ "items": 3, "total": { "$gt": 35 }, "mean": "2.00", "first_due": "2026-01-02" });
    let found = server.query(json!({ "object": "order", "fields": ["id", "total", "items"], "where": filter, "orderBy": ["-total"] }));
    assert_eq!(found, [json!({ "id": order, "total": "36.00", "items": 3 })]);
    let grouped = server.query(json!({ "object": "order", "groupBy": ["items"], "aggregations": [{ "function": "sum", "field": "total", "as": "all" }] }));
    assert_eq!(grouped, [json!({ "items": 3, "all": "36.00" })]);
    let data = server.graphql("{ orders(where: {items: {eq: 3}, total: {lt: \"37\"}}, orderBy: [{total: DESC}]) { nodes { code total mean firstDue } } }");
    assert_eq!(
        data["orders"]["nodes"],
        json!([{ "code": "ONE", "total": "36.00", "mean": "2.00", "firstDue": "2026-01-02" }])
    );
    assert_eq!(
        server.psql_ok("SELECT code FROM \"order\" WHERE items = 3 AND total < 37 ORDER BY total DESC"),
        "ONE"
    );
}

fn no_door_writes_it(server: &Server, order: &str) {
    assert_eq!(update(server, order, json!({ "total": 1 })), Err(vec!["total readonly".to_owned()]));
    let (_, refused) = server.post(
        "/graphql",
        &json!({ "query": format!("mutation {{ updateOrder(id: \"{order}\", set: {{ total: \"1\" }}) {{ id }} }}") }),
    );
    assert!(refused["errors"].is_array(), "{refused}");
    assert!(!server.psql(&format!("UPDATE \"order\" SET total = 1 WHERE id = '{order}'")).status.success());
}

fn conditions_hold_at_each_door(server: &Server, order: &str) {
    assert_eq!(update(server, order, json!({ "status": "lost" })), Err(vec!["reason required".to_owned()]));
    let refused = server.psql(&format!("UPDATE \"order\" SET status = 'sent' WHERE id = '{order}'"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("carrier") && said.contains("23502"), "{said}");
    let sent = server.graphql(&format!(
        "mutation {{ updateOrder(id: \"{order}\", set: {{ status: sent, carrier: \"Post\", discount: \"5\" }}) {{ id }} }}"
    ));
    assert_eq!(sent["updateOrder"]["id"], order);
    let locked = update(server, order, json!({ "discount": 6, "status": "draft" }));
    assert_eq!(locked, Err(vec!["discount readonly".to_owned()]));
    assert!(
        !server.psql(&format!("UPDATE \"order\" SET discount = 6 WHERE id = '{order}'")).status.success()
    );
    assert_eq!(
        create(server, "order", json!({ "name": "two", "code": null })),
        Err(vec!["code required".to_owned()])
    );
    let numbers = server.psql_ok("INSERT INTO \"order\" (name) VALUES ('one'), ('two') RETURNING number");
    assert_eq!(numbers, "ONE-002\nTWO-001");
}

fn a_renderer_is_told(server: &Server) {
    let (_, meta) = server.request("GET", "/api/v1/meta/objects/order", None);
    let field = |name: &str| {
        let fields = meta["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).cloned().unwrap()
    };
    let total = field("total");
    assert_eq!(
        (&total["type"], &total["returnType"], &total["readonly"]),
        (&json!("summary"), &json!("currency"), &json!(true))
    );
    assert_eq!(
        total["summaryOperations"],
        json!({ "object": "line", "relationshipField": "order_id", "function": "sum", "field": "net", "filter": "!cancelled" })
    );
    assert_eq!(field("code")["default"], json!({ "dialect": "cel", "source": "upper(name)" }));
    assert_eq!(field("status")["default"], "draft");
    assert_eq!(field("reason")["requiredWhen"], "status == \"lost\"");
    assert_eq!(field("discount")["readonlyWhen"], "status == \"sent\"");
    assert_eq!(field("carrier")["visibleWhen"], "status == \"sent\"");
    let not_null = "SELECT column_name FROM information_schema.columns WHERE table_name = 'order' AND is_nullable = 'NO' AND column_name IN ('name', 'carrier')";
    assert_eq!(server.psql_ok(not_null), "name", "one that is not always required may be null");
}
