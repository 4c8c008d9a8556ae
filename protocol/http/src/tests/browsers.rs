//! What browsers are told, and what pages of other sites may do.

use super::*;
use crate::Origins;

const APP: &str = "https://app.example";

async fn shop_for(origins: &str, credentials: bool) -> Shop {
    let origins = Origins::parse(origins, credentials).unwrap();
    Shop::open_with(HttpOptions { origins, ..HttpOptions::default() }).await
}

#[tokio::test]
async fn every_answer_tells_a_browser_to_make_nothing_of_it() {
    let shop = Shop::open().await;
    for path in ["/health/live", "/api/v1/packages", "/api/v1/nothing", "/", "/graphql?query={__typename}"] {
        let answer = shop.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
        assert!(answer.headers.get("strict-transport-security").is_none(), "not over TLS");
    }
}

/// The pages that are served here ask for no script but those that their policy lets run.
#[tokio::test]
async fn the_pages_work_under_their_policies() {
    let shop = Shop::open().await;
    for path in ["/graphql", "/api/v1/docs"] {
        let page = shop.send("GET", path, &[("accept", "text/html")], Body::empty()).await;
        assert_eq!(page.status, StatusCode::OK);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe-inline'"),
            "{policy}"
        );
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(!text.contains("://") || text.contains("http://www.w3.org"), "{path} asks no other host");
        for script in text.split("<script").skip(1) {
            let (attributes, rest) = script.split_once('>').unwrap();
            assert!(attributes.contains("src="), "{path}: a script in the page would not run");
            assert!(rest.starts_with("</script>"), "{path}");
        }
        assert!(!text.contains(" onclick=") && !text.contains(" onload="), "{path}");
        for source in text.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let accept = [("accept-encoding", "gzip")];
            let asset = shop.send("GET", source, &accept, Body::empty()).await;
            assert_eq!(asset.status, StatusCode::OK, "{source}");
            assert_eq!(asset.header("x-content-type-options"), "nosniff");
            assert!(asset.header("content-type").starts_with("text/javascript"), "{source}");
        }
    }
}

#[tokio::test]
async fn no_page_of_another_site_asks_unless_its_origin_is_named() {
    let preflight = [
        ("origin", APP),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let closed = Shop::open().await;
    let told = closed.send("OPTIONS", "/api/v1/query", &preflight, Body::empty()).await;
    assert!(told.headers.get("access-control-allow-origin").is_none());

    let shop = shop_for("https://other.example https://app.example", true).await;
    let told = shop.send("OPTIONS", "/api/v1/query", &preflight, Body::empty()).await;
    assert_eq!(told.status, StatusCode::OK);
    assert_eq!(told.header("access-control-allow-origin"), APP);
    assert_eq!(told.header("access-control-allow-credentials"), "true");
    assert!(told.header("access-control-allow-headers").contains("authorization"));
    assert!(told.header("vary").to_ascii_lowercase().contains("origin"), "no cache gives it to another");
    let read = shop.send("GET", "/api/v1/packages", &[("origin", APP)], Body::empty()).await;
    assert_eq!(read.header("access-control-allow-origin"), APP);
    let evil =
        shop.send("GET", "/api/v1/packages", &[("origin", "https://app.example.evil")], Body::empty()).await;
    assert!(evil.headers.get("access-control-allow-origin").is_none());

    let any = shop_for("*", false).await;
    let told = any.send("OPTIONS", "/api/v1/query", &preflight, Body::empty()).await;
    assert_eq!(told.header("access-control-allow-origin"), "*");
    assert!(told.headers.get("access-control-allow-credentials").is_none());
}

#[tokio::test]
async fn what_a_page_of_another_site_makes_a_browser_send_changes_nothing() {
    let shop = Shop::open().await;
    shop.stock().await;
    let cross = ("sec-fetch-site", "cross-site");
    // Without a body nothing has a content type that a browser would ask leave for.
    for (method, path, headers, body) in [
        ("POST", "/api/v1/packages/reload", vec![cross], ""),
        ("POST", "/api/v1/files?name=a.txt", vec![cross, ("content-type", "text/plain")], "x"),
        (
            "DELETE",
            "/api/v1/objects/maker/acme",
            vec![("origin", "https://evil.example"), ("host", "q.example")],
            "",
        ),
        (
            "POST",
            "/graphql",
            vec![cross, ("content-type", "application/json")],
            r#"{"query":"{__typename}"}"#,
        ),
        ("GET", "/graphql?query={__typename}", vec![cross, ("sec-fetch-mode", "no-cors")], ""),
    ] {
        let answer = shop.send(method, path, &headers, body).await;
        assert_eq!(answer.problem(), (403, "CROSS_ORIGIN".to_owned()), "{method} {path}");
    }
    let own = [("sec-fetch-site", "same-origin"), ("origin", "http://q.example"), ("host", "q.example")];
    assert_eq!(shop.send("POST", "/api/v1/packages/reload", &own, "").await.status, StatusCode::OK);
    assert_eq!(shop.send("POST", "/api/v1/packages/reload", &[], "").await.status, StatusCode::OK);
    // A form can't send JSON by that name, and no other is taken.
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let answer = shop
            .send("POST", "/graphql", &[("content-type", content_type)], r#"{"query":"{__typename}"}"#)
            .await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
}
