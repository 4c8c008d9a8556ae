//! Requests that ask too much are refused before they cost much; and the server goes on.

use serde_json::json;

use super::client::Server;
use crate::{GraphqlOptions, PageLimits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_ask_too_much() {
    let server = Server::start().await;
    let deep = format!("{{ companies {{ nodes {}id{} }} }}", "{ parent ".repeat(60), "}".repeat(60));
    let many_roots: String = (0..200).map(|index| format!("a{index}: __typename ")).collect();
    let many_in_fragments = format!(
        "{{ ...a ... on Query {{ {} }} }} fragment a on Query {{ {} }}",
        (0..60).map(|index| format!("a{index}: __typename ")).collect::<String>(),
        (60..120).map(|index| format!("a{index}: __typename ")).collect::<String>(),
    );
    let doubling: String = (0..30)
        .map(|index| format!("fragment f{index} on Company {{ ...f{} ...f{} }} ", index + 1, index + 1))
        .collect();
    let doubling = format!("{{ company(id: 1) {{ ...f0 }} }} {doubling} fragment f30 on Company {{ id }}");
    let circle =
        "{ company(id: 1) { ...a } } fragment a on Company { ...b ...b } fragment b on Company { ...a ...a }";
    let cases = [
        deep,
        format!("{{ {many_roots} }}"),
        many_in_fragments,
        doubling,
        circle.to_owned(),
        "{".repeat(200_000),
        "[".repeat(1_000),
        format!("{{ companies(where: {}) {{ totalCount }} }}", "{not:".repeat(100_000)),
        format!("{{ a(b: \"{}\") }}", "x".repeat(1 << 20)),
        "{ companies(first: 10001) { nodes { id } } }".to_owned(),
    ];
    for query in cases {
        let answer = server.post(&json!({ "query": query })).await;
        let shown: String = query.chars().take(60).collect();
        assert_eq!(answer.status.as_u16(), 400, "{shown}: {}", answer.text());
        assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{shown}: {}", answer.text());
    }
    assert_eq!(server.data("{ companies { totalCount } }").await["companies"]["totalCount"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_are_bounded() {
    let options = GraphqlOptions {
        response_bytes_max: 300,
        page: PageLimits { first_default: 2, first_max: 3 },
        ..GraphqlOptions::default()
    };
    let server = Server::with(options).await;
    let two = server.data("{ companies { nodes { id } } }").await;
    assert_eq!(two["companies"]["nodes"].as_array().unwrap().len(), 2);
    let wide = "{ companies { nodes { id name about parent { id name about } people { nodes { id name } } children { totalCount } } } }";
    let answer = server.post(&json!({ "query": wide })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (200, "LIMIT_EXCEEDED".into()));
    assert!(answer.json()["data"].is_null(), "a list can't be null, so data is");
    let answer = server.post(&json!({ "query": "{ companies(first: 4) { totalCount } }" })).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operation_keeps_is_bounded_over_all_its_fields() {
    let server = Server::with(GraphqlOptions { answer_bytes_max: 1_000, ..GraphqlOptions::default() }).await;
    let roots = |count: usize| -> String {
        let roots = (0..count).map(|index| format!("a{index}: companies {{ nodes {{ id name }} }} "));
        format!("{{ {} }}", roots.collect::<String>())
    };
    assert_eq!(server.data(&roots(1)).await["a0"]["nodes"].as_array().unwrap().len(), 4);
    let answer = server.post(&json!({ "query": roots(20) })).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
    assert!(answer.text().contains("answer_bytes_max"), "{}", answer.text());
    let many = GraphqlOptions { answer_bytes_max: 100_000, ..GraphqlOptions::default() };
    let all = Server::with(many).await.data(&roots(20)).await;
    assert_eq!(all.as_object().unwrap().len(), 20, "more than run at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_variables_are_refused() {
    let server = Server::start().await;
    let query = "query($w: CompanyWhere) { companies(where: $w) { totalCount } }";
    let nested = format!("{}{{}}{}", "{\"not\":".repeat(60), "}".repeat(60));
    let variables: serde_json::Value = serde_json::from_str(&format!("{{\"w\":{nested}}}")).unwrap();
    let answer = server.post(&json!({ "query": query, "variables": variables })).await;
    assert!(answer.json().get("errors").is_some(), "{}", answer.text());
    let body = format!("{{\"query\":\"{query}\",\"variables\":{{\"w\":{}", "{\"not\":".repeat(100_000));
    let answer = server.send(super::client::post("application/json", body)).await;
    assert_eq!(answer.status.as_u16(), 400);
}
