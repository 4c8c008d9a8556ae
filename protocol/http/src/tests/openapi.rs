//! The OpenAPI document. Real validators, and answers held against it: `tests/clients/openapi`.

use std::collections::BTreeSet;

use super::*;

const PATH: &str = "/api/v1/openapi.json";

/// Every value under a key, at any depth.
fn each<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(key));
            object.values().for_each(|value| each(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|value| each(value, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_resolves_and_every_parameter_of_a_path_is_declared() {
    let shop = Shop::open_on("desk", Default::default(), HttpOptions::default()).await;
    let document = shop.get(PATH).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    each(&document, "$ref", &mut references);
    assert!(references.len() > 100, "{}", references.len());
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}')).collect();
        let shared = item["parameters"].as_array().cloned().unwrap_or_default();
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            let own = operation["parameters"].as_array().cloned().unwrap_or_default();
            let all: Vec<Value> = shared
                .iter()
                .chain(&own)
                .map(|parameter| match parameter["$ref"].as_str() {
                    Some(to) => document.pointer(&to[1..]).unwrap().clone(),
                    None => parameter.clone(),
                })
                .collect();
            let in_path = all.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap());
            assert_eq!(in_path.collect::<BTreeSet<_>>(), named, "{method} {path}");
            let distinct: BTreeSet<_> = all.iter().map(|p| (p["in"].as_str(), p["name"].as_str())).collect();
            assert_eq!(distinct.len(), all.len(), "{method} {path}");
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "{id}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    assert!(document["paths"].as_object().unwrap().keys().any(|path| path.contains("/actions/")));
}

#[tokio::test]
async fn each_object_has_its_forms() {
    let shop = Shop::open().await;
    let document = shop.get(PATH).await.json();
    let schemas = &document["components"]["schemas"];
    let field = |form: &str, name: &str| schemas[form]["properties"][name].clone();
    let price = json!({
        "title": "Price", "type": ["string", "null"], "format": "decimal", "pattern": "^-?[0-9]+(\\.[0-9]+)?$", "x-precision": 18, "x-scale": 2,
        "x-minimum": "0", "x-maximum": "1000000.5", "x-type": "currency",
    });
    assert_eq!(field("product", "price"), price);
    let price = json!({
        "title": "Price", "type": ["string", "number", "null"], "pattern": "^-?[0-9]+(\\.[0-9]+)?$", "x-precision": 18, "x-scale": 2,
        "minimum": 0, "maximum": 1_000_000.5, "x-type": "currency",
    });
    assert_eq!(field("product.create", "price"), price);
    let sizes = |form: &str| field(form, "size")["enum"].clone();
    assert_eq!(sizes("product"), json!(["small", "large", "huge", null]));
    assert_eq!(sizes("product.create"), json!(["small", "large", null]));
    assert_eq!(field("product", "stock")["type"], json!(["integer", "null"]));
    assert_eq!(field("product", "seen_at")["format"], "date-time");
    assert_eq!(field("product", "maker_id")["x-reference"], "maker");
    assert_eq!(
        (field("product", "rating")["readOnly"].clone(), field("product.create", "rating")),
        (json!(true), Value::Null)
    );
    assert_eq!(field("product.create", "active")["default"], true);
    assert_eq!(field("product.create", "name")["maxLength"], 10);
    // What is required, and what may be null.
    assert_eq!(schemas["product.create"]["required"], json!(["name"]));
    assert_eq!(schemas["product.update"]["required"], Value::Null);
    assert_eq!(field("product", "name")["type"], "string");
    assert_eq!(field("product.update", "name")["type"], "string");
    // A password is written and never read.
    assert_eq!(
        (field("crate", "secret"), field("crate.create", "secret")["writeOnly"].clone()),
        (Value::Null, json!(true))
    );
    assert_eq!(field("crate", "doubled")["readOnly"], true);
    assert!(document["paths"]["/api/v1/objects/crate/deleted"].is_object());
    assert!(document["paths"]["/api/v1/objects/maker/deleted"].is_null());
    assert_eq!(
        document["paths"]["/api/v1/objects/maker/{id}"]["patch"]["responses"]["412"]["$ref"],
        "#/components/responses/Error412"
    );
}

#[tokio::test]
async fn the_document_is_known_by_its_tag_and_follows_locale_and_registry() {
    let mut shop = Shop::open().await;
    let first = shop.get(PATH).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(shop.get(PATH).await.body, first.body);
    let same = shop.send("GET", PATH, &[("if-none-match", &tag)], "").await;
    assert_eq!(
        (same.status, same.body.len(), same.header("etag")),
        (StatusCode::NOT_MODIFIED, 0, tag.as_str())
    );
    let german = shop.send("GET", PATH, &[("accept-language", "de"), ("if-none-match", &tag)], "").await;
    assert_eq!(german.status, StatusCode::OK);
    let labels = german.json()["components"]["schemas"]["parcel"]["properties"]["status"]["x-labels"].clone();
    assert_eq!(labels["packed"], "Gepackt");
    let strange = shop.send("GET", PATH, &[("accept-language", "x\"y\\z")], "").await;
    assert!(strange.header("etag").ends_with(concat!("-xyz-", env!("CARGO_PKG_VERSION"), "\"")));
    let put = shop
        .send(
            "PUT",
            "/api/v1/meta/object/shelf",
            &[("content-type", "application/json")],
            r#"{"fields": {"title": {"type": "text"}}}"#,
        )
        .await;
    assert_eq!(put.status, StatusCode::OK, "{:?}", put.body);
    let next = shop.send("GET", PATH, &[("if-none-match", &tag)], "").await;
    assert!(next.json()["components"]["schemas"]["shelf"].is_object());
    assert_ne!(next.header("etag"), tag);
    shop.token.clear();
    assert_eq!(shop.get(PATH).await.problem(), (401, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn the_page_is_open_and_asks_no_other_host() {
    let mut shop = Shop::open().await;
    shop.token.clear();
    for (path, kind) in [
        ("/api/v1/docs", "text/html"),
        ("/api/v1/docs/docs.js", "text/javascript"),
        ("/api/v1/docs/docs.css", "text/css"),
    ] {
        let file = shop.get(path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(file.header("content-type").starts_with(kind));
        let policy = file.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
            "{policy}"
        );
        let text = String::from_utf8(file.body.to_vec()).unwrap();
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"),
            "{path}"
        );
        assert!(
            !text.contains("<style") && !text.contains(" style=") && !text.contains("<script>"),
            "{path}"
        );
    }
}
