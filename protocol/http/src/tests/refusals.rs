//! What is asked wrongly is told clearly, and nothing answers without a login.

use super::*;

#[tokio::test]
async fn nothing_but_health_answers_without_a_login() {
    let mut shop = Shop::open().await;
    shop.token.clear();
    for path in ["/health/live", "/health/ready", "/health/startup"] {
        assert_eq!(shop.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (method, path) in [
        ("POST", "/api/v1/query"),
        ("POST", "/api/v1/changes"),
        ("GET", "/api/v1/objects/product"),
        ("POST", "/api/v1/objects/product"),
        ("DELETE", "/api/v1/objects/product/x"),
        ("GET", "/api/v1/meta/objects"),
    ] {
        let answer = shop.send(method, path, &[], "").await;
        assert_eq!(answer.problem(), (401, "UNAUTHENTICATED".to_owned()), "{method} {path}");
        assert!(answer.header("www-authenticate").contains("Basic"));
    }
    for wrong in ["Bearer made-up", "Basic !!!", "Basic YWRtaW46d3Jvbmc=", "Digest x", "Bearer"] {
        let answer = shop.send("GET", "/api/v1/meta/objects", &[("authorization", wrong)], "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let login =
        shop.post("/api/v1/auth/login", json!({ "user": "nobody", "password": "whatever it is" })).await;
    assert_eq!(login.problem(), (401, "UNAUTHENTICATED".to_owned()));
}

/// Method, path, headers, body; status, code.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

#[tokio::test]
async fn bad_requests_get_their_status_and_code() {
    let shop = Shop::open().await;
    shop.stock().await;
    let json = ("content-type", "application/json");
    let cases: &[Case<'_>] = &[
        ("POST", "/api/v1/query", &[json], "{\n  \"object\": \"product\",\n}", 400, "INVALID_JSON"),
        ("POST", "/api/v1/query", &[json], "", 400, "INVALID_JSON"),
        ("POST", "/api/v1/query", &[json], "[]", 400, "INVALID_REQUEST"),
        ("POST", "/api/v1/query", &[("content-type", "text/plain")], "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/api/v1/query", &[], "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/api/v1/query", &[json, ("accept", "image/png")], "{}", 406, "NOT_ACCEPTABLE"),
        ("POST", "/api/v1/query", &[json], r#"{"object": "prodcut"}"#, 404, "OBJECT_NOT_FOUND"),
        ("POST", "/api/v1/query", &[json], r#"{"object": "product", "numbers": 1}"#, 400, "INVALID_REQUEST"),
        ("GET", "/api/v1/query", &[], "", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/api/v1/nowhere", &[], "", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/v1/objects/product?limt=1", &[], "", 400, "UNSUPPORTED_QUERY_PARAM"),
        ("GET", "/api/v1/objects/product?limit=x", &[], "", 400, "INVALID_REQUEST"),
        ("GET", "/api/v1/objects/product?filter=%7B", &[], "", 400, "INVALID_REQUEST"),
        ("GET", "/api/v1/objects/product?limit=1&top=2", &[], "", 400, "INVALID_REQUEST"),
        ("GET", "/api/v1/meta/objects/prodcut", &[], "", 404, "OBJECT_NOT_FOUND"),
        ("GET", "/api/v1/objects/product", &[("x-quarry-time-zone", "Mars")], "", 400, "INVALID_REQUEST"),
        ("PATCH", "/api/v1/objects/product/x", &[json, ("if-match", "1")], "{}", 400, "INVALID_REQUEST"),
        ("POST", "/api/v1/objects/product", &[json], r#"{"price": -1}"#, 400, "VALIDATION_FAILED"),
        (
            "POST",
            "/api/v1/objects/product",
            &[json],
            r#"{"name": "Lamp", "code": "Lamp"}"#,
            409,
            "UNIQUE_VIOLATION",
        ),
        ("DELETE", "/api/v1/objects/maker/acme", &[], "", 409, "DELETE_RESTRICTED"),
        ("POST", "/api/v1/changes", &[json], r#"{"changes": 1}"#, 400, "INVALID_REQUEST"),
        (
            "POST",
            "/api/v1/changes",
            &[json],
            r#"{"changes": [], "idempotencyKey": "x"}"#,
            400,
            "NOT_SUPPORTED",
        ),
        ("POST", "/api/v1/changes", &[json], r#"{"changes": [], "atomc": true}"#, 400, "INVALID_REQUEST"),
        (
            "POST",
            "/api/v1/changes",
            &[json],
            r#"{"changes": [{"op": "drop", "object": "product"}]}"#,
            400,
            "INVALID_REQUEST",
        ),
        (
            "POST",
            "/api/v1/changes",
            &[json],
            r#"{"changes": [{"op": "delete", "object": "product"}]}"#,
            400,
            "INVALID_REQUEST",
        ),
        (
            "POST",
            "/api/v1/auth/login",
            &[json],
            r#"{"user": "admin", "pasword": "x"}"#,
            400,
            "INVALID_REQUEST",
        ),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = shop.send(method, path, headers, body.to_string()).await;
        assert_eq!(
            answer.problem(),
            (*status, (*code).to_owned()),
            "{method} {path} {body}: {:?}",
            answer.body
        );
        assert!(!answer.json()["error"]["requestId"].as_str().unwrap().is_empty());
    }
    let place = shop.send("POST", "/api/v1/query", &[json], "{\n  \"object\": \"product\",\n}").await;
    assert!(
        place.json()["error"]["message"].as_str().unwrap().contains("line 3, column 1"),
        "{:?}",
        place.body
    );
    assert_eq!(shop.get("/api/v1/query").await.header("allow"), "POST");
}

#[tokio::test]
async fn findings_name_change_field_and_code() {
    let shop = Shop::open().await;
    let body = json!({ "changes": [
        { "op": "create", "object": "maker", "data": { "name": "Acme" } },
        { "op": "create", "object": "product", "data": { "name": "Lamp", "price": "1.234", "maker_id": "nobody" } },
    ]});
    let answer = shop.post("/api/v1/changes", body).await;
    let findings = answer.json()["error"]["findings"].clone();
    let brief: Vec<_> =
        findings.as_array().unwrap().iter().map(|f| (&f["change"], &f["field"], &f["code"])).collect();
    let (change, price, maker) = (json!(1), json!("price"), json!("maker_id"));
    let (scale, missing) = (json!("max_scale"), json!("reference_not_found"));
    assert_eq!(brief, [(&change, &price, &scale), (&change, &maker, &missing)]);
    assert_eq!(findings[1]["constraint"], json!("product_maker_id_fkey"));
}

#[tokio::test]
async fn bodies_past_the_limit_are_refused_whether_or_not_they_say_their_length() {
    let shop = Shop::open_with(HttpOptions { body_bytes_max: 1000, ..HttpOptions::default() }).await;
    let headers = [("content-type", "application/json")];
    let large = format!("{{\"object\": \"{}\"}}", "x".repeat(2000));
    let told =
        shop.send("POST", "/api/v1/query", &[headers[0], ("content-length", "2014")], large.clone()).await;
    assert_eq!(told.problem(), (413, "BODY_TOO_LARGE".to_owned()));
    let parts =
        large.into_bytes().chunks(100).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect::<Vec<_>>();
    let streamed = Body::from_stream(futures::stream::iter(parts));
    let cut = shop.send("POST", "/api/v1/query", &headers, streamed).await;
    assert_eq!(cut.problem(), (413, "BODY_TOO_LARGE".to_owned()));
}
