//! The published data set through the importer, and its known answers by every door.

use serde_json::{Value, json};

use crate::server::{Server, data_set, root};

const WON: &str = "10005534";

/// A decimal as text without the zeros behind its point.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.split_once('.') {
        Some((whole, rest)) if rest.trim_end_matches('0').is_empty() => whole.to_owned(),
        _ => text,
    }
}

#[test]
fn known_answers_by_every_door_and_changes_seen_by_all() {
    let Some(data) = data_set() else { return };
    let server = Server::start();
    let mapping = root().join("packages/sales_pipeline/import.yml");
    let output = server
        .command(&["import", "--mapping", mapping.to_str().unwrap(), data.to_str().unwrap()])
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1,425") || said.contains("1425"), "deals without a client are counted: {said}");
    assert!(said.contains("1,480") || said.contains("1480"), "uses of the alias GTXPro are counted: {said}");

    objectql_answers(&server);
    graphql_answers(&server);
    sql_answers(&server);
    rest_answers(&server);
    a_change_by_any_door_is_seen_by_the_others(&server);
}

fn objectql_answers(server: &Server) {
    let won = server.query(json!({"object": "deal", "where": {"deal_stage": "Won"},
        "aggregations": [{"function": "sum", "field": "close_value", "as": "won"}]}));
    assert_eq!(plain(&won[0]["won"]), WON);
    let stages = server.query(json!({"object": "deal", "groupBy": ["deal_stage"],
        "aggregations": [{"function": "count", "as": "n"}], "orderBy": ["-n"]}));
    let counted: Vec<_> =
        stages.iter().map(|s| (s["deal_stage"].as_str().unwrap(), s["n"].as_i64().unwrap())).collect();
    assert_eq!(counted, [("Won", 4238), ("Lost", 2473), ("Engaging", 1589), ("Prospecting", 500)]);
    let best = server.query(json!({"object": "deal", "filters": [["deal_stage", "=", "Won"]],
        "groupBy": ["sales_agent.sales_agent"], "limit": 1, "orderBy": ["-won"],
        "aggregations": [{"function": "sum", "field": "close_value", "as": "won"}]}));
    assert_eq!(best[0]["sales_agent.sales_agent"], "Darcel Schlecht");
    assert_eq!(plain(&best[0]["won"]), "1153214");
}

fn graphql_answers(server: &Server) {
    let data = server.graphql(
        "{ deals(where: {dealStage: {eq: Won}}) { totalCount aggregate { count sum { closeValue } } }
           open: deals(where: {closeDate: {isNull: true}}) { totalCount }
           orphan: deals(where: {accountId: {isNull: true}}) { totalCount } }",
    );
    assert_eq!(plain(&data["deals"]["aggregate"]["sum"]["closeValue"]), WON, "{data}");
    assert_eq!(data["deals"]["totalCount"], 4238);
    assert_eq!(data["open"]["totalCount"], 2089);
    assert_eq!(data["orphan"]["totalCount"], 1425);
}

fn sql_answers(server: &Server) {
    assert_eq!(server.psql_ok("SELECT sum(close_value)::bigint FROM deal WHERE deal_stage = 'Won'"), WON);
    assert_eq!(
        server.psql_ok("SELECT deal_stage, count(*) FROM sales_pipeline.deal GROUP BY 1 ORDER BY 2 DESC"),
        "Won|4238\nLost|2473\nEngaging|1589\nProspecting|500"
    );
    let best = "SELECT a.sales_agent, sum(d.close_value)::bigint AS won FROM deal d
                JOIN sales_agent a ON a.id = d.sales_agent WHERE d.deal_stage = 'Won'
                GROUP BY 1 ORDER BY won DESC LIMIT 1";
    assert_eq!(server.psql_ok(best), "Darcel Schlecht|1153214");
}

fn rest_answers(server: &Server) {
    let filter = "%7B%22deal_stage%22%3A%22Prospecting%22%7D";
    let (status, answer) =
        server.request("GET", &format!("/api/v1/objects/deal?filter={filter}&count=true&limit=1"), None);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["count"], 500);
    assert_eq!(answer["records"].as_array().unwrap().len(), 1);
}

fn a_change_by_any_door_is_seen_by_the_others(server: &Server) {
    let names = |server: &Server| {
        let seen =
            |rows: Vec<Value>| rows.into_iter().map(|r| r["product"].as_str().unwrap().to_owned()).collect();
        let by_objectql: Vec<String> =
            seen(server.query(json!({"object": "item", "where": {"series": "NEW"}, "orderBy": ["product"]})));
        let by_sql: Vec<String> = server
            .psql_ok("SELECT product FROM item WHERE series = 'NEW' ORDER BY product")
            .lines()
            .map(str::to_owned)
            .collect();
        let by_graphql: Vec<String> = seen(
            server.graphql(
                "{ items(where: {series: {eq: \"NEW\"}}, orderBy: [{product: ASC}]) { nodes { product } } }",
            )["items"]["nodes"]
                .as_array()
                .unwrap()
                .clone(),
        );
        assert_eq!(by_objectql, by_sql);
        assert_eq!(by_objectql, by_graphql);
        by_sql
    };
    let (status, made) = server.post(
        "/api/v1/changes",
        &json!({"changes": [{"op": "create", "object": "item", "data": {"product": "A", "series": "NEW", "sales_price": 1}}]}),
    );
    assert_eq!(status, 200, "{made}");
    assert_eq!(names(server), ["A"]);
    server.psql_ok("INSERT INTO item (product, series, sales_price) VALUES ('B', 'NEW', 2)");
    assert_eq!(names(server), ["A", "B"]);
    server.graphql(
        "mutation { createItem(input: {product: \"C\", series: \"NEW\", salesPrice: \"3\"}) { id } }",
    );
    assert_eq!(names(server), ["A", "B", "C"]);
    let (status, made) = server.request(
        "POST",
        "/api/v1/objects/item",
        Some(&json!({"product": "D", "series": "NEW", "sales_price": 4})),
    );
    assert_eq!(status, 201, "{made}");
    assert_eq!(names(server), ["A", "B", "C", "D"]);
    server.psql_ok("DELETE FROM item WHERE series = 'NEW' AND product <> 'D'");
    assert_eq!(names(server), ["D"]);
}
