//! Pages: put together they are the list, in both directions, whatever is changed between them.

use serde_json::{Value, json};

use super::client::Server;

const ORDERS: [&str; 6] = [
    "[]",
    "[{revenue: ASC}]",
    "[{revenue: DESC}, {name: ASC}]",
    "[{revenue: ASC_NULLS_FIRST}, {name: DESC}]",
    "[{parent: {name: ASC}}, {listed: DESC}]",
    "[{industry: DESC_NULLS_FIRST}, {auditedAt: DESC}]",
];

async fn page(server: &Server, order: &str, arguments: &str) -> Value {
    let query = format!(
        "{{ companies(orderBy: {order}, {arguments}) {{ totalCount edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    server.data(&query).await["companies"].clone()
}

fn ids(page: &Value) -> Vec<String> {
    page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().into()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_make_the_list() {
    let server = Server::start().await;
    for order in ORDERS {
        let whole = ids(&page(&server, order, "first: 10").await);
        assert_eq!(whole.len(), 4);
        let (mut forwards, mut after) = (Vec::new(), String::new());
        loop {
            let page = page(&server, order, &format!("first: 1{after}")).await;
            assert_eq!(page["totalCount"], 4, "{order}");
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !forwards.is_empty(), "{order}");
            forwards.extend(ids(&page));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", page["pageInfo"]["endCursor"]);
        }
        assert_eq!(forwards, whole, "{order}");
        let (mut backwards, mut before) = (Vec::new(), String::new());
        loop {
            let page = page(&server, order, &format!("last: 3{before}")).await;
            backwards.splice(0..0, ids(&page));
            if page["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
            before = format!(", before: {}", page["pageInfo"]["startCursor"]);
        }
        assert_eq!(backwards, whole, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_and_goes_between_pages_moves_nothing() {
    let server = Server::start().await;
    let order = "[{name: ASC}]";
    let first = page(&server, order, "first: 2").await;
    assert_eq!(ids(&first), ["com_acme", "com_bolt"]);
    let cursor = &first["pageInfo"]["endCursor"];
    server.data("mutation { a: createCompany(input: {name: \"Aaa\"}) { id } b: deleteCompany(id: \"com_bolt\") { id } }").await;
    let second = page(&server, order, &format!("first: 5, after: {cursor}")).await;
    assert_eq!(ids(&second), ["com_cogs", "com_dust"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_belong_to_their_order() {
    let server = Server::start().await;
    let page = page(&server, "[{name: ASC}]", "first: 1").await;
    let cursor = &page["pageInfo"]["endCursor"];
    let cases = [
        format!("orderBy: {{name: DESC}}, after: {cursor}"),
        "after: \"bm9uc2Vuc2U\"".into(),
        "after: \"\"".into(),
        "after: \"WzEsW10\"".into(),
        format!("search: \"anvils\", after: {cursor}"),
        "first: 1, last: 1".into(),
        format!("orderBy: {{name: ASC}}, offset: 1, after: {cursor}"),
    ];
    for arguments in cases {
        let query = format!("{{ companies({arguments}) {{ nodes {{ id }} }} }}");
        let answer = server.post(&json!({ "query": query })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{arguments}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranked_lists_are_paged_forwards() {
    let server = Server::start().await;
    let list = |arguments: &str| {
        format!(
            "{{ companies(search: \"anvils\"{arguments}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )
    };
    let whole = ids(&server.data(&list("")).await["companies"]);
    assert_eq!(whole.len(), 2);
    let first = server.data(&list(", first: 1")).await["companies"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = format!(", after: {}", first["pageInfo"]["endCursor"]);
    let second = server.data(&list(&after)).await["companies"].clone();
    assert_eq!([ids(&first), ids(&second)].concat(), whole);
    let answer = server.post(&json!({ "query": list(", last: 1") })).await;
    assert_eq!(answer.code(), "UNSUPPORTED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_look_like_tokens_stand_for_themselves() {
    let server = Server::start().await;
    server
        .data("mutation { createCompanies(input: [{name: \"{today}\"}, {name: \"{current_user}\"}, {name: \"{x}\"}]) { count } }")
        .await;
    let (mut seen, mut after) = (0, String::new());
    loop {
        let page = page(&server, "[{name: DESC}]", &format!("first: 1{after}")).await;
        seen += ids(&page).len();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, 7);
    let nobody = server.data("{ user(id: \"{current_user}\") { id } }").await;
    assert_eq!(nobody["user"], Value::Null, "an id is no token");
}
