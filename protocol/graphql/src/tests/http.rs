//! Manners of GraphQL over HTTP.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use super::client::{Server, post};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_types_and_status_codes() {
    let server = Server::start().await;
    let good = json!({"query": "{ __typename }"}).to_string();
    let cases: Vec<(&str, String, u16, &str)> = vec![
        (JSON, good.clone(), 200, JSON),
        (GRAPHQL, good.clone(), 200, GRAPHQL),
        ("*/*", good.clone(), 200, JSON),
        ("application/json;q=0.5, application/graphql-response+json", good.clone(), 200, GRAPHQL),
        ("text/css", good, 406, JSON),
        (JSON, "{".into(), 400, JSON),
        (GRAPHQL, "{".into(), 400, GRAPHQL),
        (JSON, "[]".into(), 400, JSON),
        (JSON, "{}".into(), 400, JSON),
        (JSON, json!({"query": 1}).to_string(), 400, JSON),
        (JSON, json!({"query": "{ __typename }", "variables": "x"}).to_string(), 400, JSON),
        (JSON, json!({"query": "{ __typename }", "operationName": 1}).to_string(), 400, JSON),
        (JSON, json!({"query": "{ __typename }", "quer": 1}).to_string(), 400, JSON),
        (JSON, json!({"query": "{"}).to_string(), 200, JSON),
        (GRAPHQL, json!({"query": "{"}).to_string(), 400, GRAPHQL),
        (JSON, json!({"query": "{ nothing }"}).to_string(), 200, JSON),
        (GRAPHQL, json!({"query": "{ nothing }"}).to_string(), 400, GRAPHQL),
        (GRAPHQL, json!({"query": "query($i: Int!) { __typename }"}).to_string(), 400, GRAPHQL),
    ];
    for (accept, body, status, media) in cases {
        let answer = server.send(post(accept, body.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{accept} {body}: {}", answer.text());
        let content_type = answer.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert_eq!(content_type, format!("{media}; charset=utf-8"), "{accept} {body}");
        if status != 200 {
            assert!(answer.json().get("data").is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_must_be_json() {
    let server = Server::start().await;
    for content_type in [None, Some("text/plain"), Some("application/json; charset=latin1")] {
        let mut request = Request::post("/graphql");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let answer = server.send(request.body(Body::from(r#"{"query":"{__typename}"}"#)).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_asks_queries_and_nothing_else() {
    let server = Server::start().await;
    let get = |uri: &str| Request::get(uri.to_owned()).body(Body::empty()).unwrap();
    let uri = "/graphql?query=query($id:ID!)%7Bcompany(id:$id)%7Bname%7D%7D&variables=%7B%22id%22:%22com_acme%22%7D";
    let answer = server.send(get(uri)).await;
    assert_eq!(answer.json(), json!({"data": {"company": {"name": "Acme"}}}));
    let uri = "/graphql?query=mutation%7BdeletePerson(id:%22per_eve%22)%7Bid%7D%7D";
    let answer = server.send(get(uri)).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED".into()));
    assert_eq!(server.data("{ person(id: \"per_eve\") { id } }").await["person"]["id"], "per_eve");
    assert_eq!(server.send(get("/graphql")).await.status, StatusCode::BAD_REQUEST);
    let answer = server.send(get("/graphql?query=%7B__typename%7D&variables=nonsense")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_without_a_login_but_the_page() {
    let server = Server::start().await;
    let answer = server.anonymous(post(GRAPHQL, r#"{"query":"{__typename}"}"#)).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED".into()));
    assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
    let get = |uri: &str| {
        Request::get(uri.to_owned())
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .header(header::ACCEPT_ENCODING, "gzip, br")
            .body(Body::empty())
            .unwrap()
    };
    let page = server.anonymous(get("/graphql")).await;
    assert_eq!(page.status, StatusCode::OK);
    let html = page.text();
    assert!(!html.contains("http:") && !html.contains("https:"), "the page must ask no other host");
    let sources = html.split("/graphql/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let mut count = 0;
    for name in sources {
        let asset = server.anonymous(get(&format!("/graphql/assets/{name}"))).await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert!(!asset.body.is_empty(), "{name}");
        count += 1;
    }
    assert_eq!(count, 5);
    assert_eq!(server.anonymous(get("/graphql/assets/nothing.js")).await.status, StatusCode::NOT_FOUND);
}
