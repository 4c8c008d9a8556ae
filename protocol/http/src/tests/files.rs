//! Contents as a client sends and fetches them.

use super::*;

const SCAN: &str = "/api/v1/objects/paper/p/content/scan";

async fn office() -> Shop {
    office_with(ContentOptions::default(), HttpOptions::default()).await
}

async fn office_with(contents: ContentOptions, options: HttpOptions) -> Shop {
    Shop::open_on("contents", contents, options).await
}

/// Sends a content; `name` as it stands in a URL.
async fn send(shop: &Shop, name: &str, media_type: &str, body: impl Into<Body>) -> Answer {
    shop.send("POST", &format!("/api/v1/files?name={name}"), &[("content-type", media_type)], body).await
}

async fn scanned(shop: &Shop, name: &str, media_type: &str, body: &'static [u8]) -> Value {
    let sent = send(shop, name, media_type, body).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{:?}", sent.body);
    let told = sent.json();
    let data = json!({ "id": "p", "name": "p", "scan": told["id"] });
    let made = shop.post("/api/v1/objects/paper", data).await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    assert_eq!(made.json()["scan"], told, "a record tells what the upload told");
    told
}

#[tokio::test]
async fn what_is_sent_can_be_fetched_from_its_record() {
    let shop = office().await;
    let told = scanned(&shop, "scan.pdf", "application/pdf", b"%PDF of ten").await;
    let keys: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "type", "size", "hash"]);
    assert_eq!(
        (&told["name"], &told["type"], &told["size"]),
        (&json!("scan.pdf"), &json!("application/pdf"), &json!(11))
    );
    let got = shop.get(SCAN).await;
    assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &b"%PDF of ten"[..]));
    let tag = format!("\"{}\"", told["hash"].as_str().unwrap());
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "11"),
        ("content-disposition", "attachment; filename=\"scan.pdf\"; filename*=UTF-8''scan.pdf"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
        ("etag", &tag),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    let head = shop.send("HEAD", SCAN, &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (StatusCode::OK, "11", 0));
    for known in [tag.as_str(), "*", &format!("\"x\", W/{tag}")] {
        let same = shop.send("GET", SCAN, &[("if-none-match", known)], "").await;
        assert_eq!((same.status, same.header("etag"), same.body.len()), (StatusCode::NOT_MODIFIED, &*tag, 0));
    }
    assert_eq!(shop.send("GET", SCAN, &[("if-none-match", "\"x\"")], "").await.status, StatusCode::OK);
    let empty = send(&shop, "empty", "a/b", Body::empty()).await.json();
    shop.send(
        "PATCH",
        "/api/v1/objects/paper/p",
        &[("content-type", "application/json")],
        json!({ "anything": empty }).to_string(),
    )
    .await;
    let got = shop.get("/api/v1/objects/paper/p/content/anything").await;
    assert_eq!((got.status, got.header("content-length"), got.body.len()), (StatusCode::OK, "0", 0));
}

#[tokio::test]
async fn a_part_of_it_may_be_asked_for() {
    let shop = office().await;
    let told = scanned(&shop, "scan.pdf", "application/pdf", b"0123456789").await;
    let part = async |range: &str| shop.send("GET", SCAN, &[("range", range)], "").await;
    for (range, body, told) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-5", "2345", "bytes 2-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=8-18446744073709551615", "89", "bytes 8-9/10"),
        ("bytes=8-99999999999999999999999", "89", "bytes 8-9/10"),
    ] {
        let got = part(range).await;
        assert_eq!((got.status, &got.body[..]), (StatusCode::PARTIAL_CONTENT, body.as_bytes()), "{range}");
        assert_eq!(
            (got.header("content-range"), got.header("content-length")),
            (told, &*body.len().to_string())
        );
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=99-100"] {
        let got = part(range).await;
        assert_eq!(got.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!((got.header("content-range"), got.body.len()), ("bytes */10", 0));
    }
    for range in ["bytes=0-1,3-4", "bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=+1-2", "bytes"] {
        assert_eq!(part(range).await.status, StatusCode::OK, "{range} is as if it were not asked");
    }
    let tag = format!("\"{}\"", told["hash"].as_str().unwrap());
    let if_same = async |tag: &str| {
        shop.send("GET", SCAN, &[("range", "bytes=0-0"), ("if-range", tag)], "").await.status
    };
    assert_eq!(if_same(&tag).await, StatusCode::PARTIAL_CONTENT);
    assert_eq!(if_same("\"another\"").await, StatusCode::OK);
}

#[tokio::test]
async fn a_name_comes_back_as_a_name_and_nothing_else() {
    let shop = office().await;
    for (number, (name, wanted)) in [
        ("a%20b.pdf", r#"filename="a b.pdf"; filename*=UTF-8''a%20b.pdf"#),
        ("%22%3B+x%3D%22y%25.pdf", r#"filename="_; x=_y_.pdf"; filename*=UTF-8''%22%3B%20x%3D%22y%25.pdf"#),
        ("%E6%B5%8B%E8%AF%95.pdf", r#"filename="__.pdf"; filename*=UTF-8''%E6%B5%8B%E8%AF%95.pdf"#),
        ("it's%20(1)*.pdf", r#"filename="it's (1)*.pdf"; filename*=UTF-8''it%27s%20%281%29%2A.pdf"#),
    ]
    .into_iter()
    .enumerate()
    {
        let told = send(&shop, name, "application/pdf", "x").await.json();
        let id = format!("n{number}");
        shop.post("/api/v1/objects/paper", json!({ "id": id, "name": "n", "scan": told["id"] })).await;
        let got = shop.get(&format!("/api/v1/objects/paper/{id}/content/scan")).await;
        assert_eq!(got.header("content-disposition"), format!("attachment; {wanted}"));
    }
    for name in ["a%0Ab", "a%0D%0ASet-Cookie:%20x", "a%00", "..%2Fa", "%5Ca", "", "%20"] {
        assert_eq!(send(&shop, name, "a/b", "x").await.problem(), (400, "INVALID_NAME".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn what_can_not_be_taken_is_refused_with_its_reason() {
    let contents = ContentOptions { content_bytes_max: 1000, ..ContentOptions::default() };
    let shop = office_with(contents, HttpOptions { body_bytes_max: 500, ..HttpOptions::default() }).await;
    assert_eq!(send(&shop, "a", "a/b", vec![1; 1000]).await.status, StatusCode::CREATED, "past other bodies");
    let long = [("content-type", "a/b"), ("content-length", "1001")];
    let told = shop.send("POST", "/api/v1/files?name=a", &long, vec![1; 1001]).await;
    assert_eq!(told.problem(), (413, "BODY_TOO_LARGE".to_owned()));
    let pieces = (0..11).map(|_| Ok::<_, std::io::Error>(vec![1; 100]));
    let streamed = Body::from_stream(futures::stream::iter(pieces));
    let told = send(&shop, "a", "a/b", streamed).await;
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE, "{:?}", told.body);
    let broken = [Ok(vec![1; 10]), Err(std::io::Error::other("gone"))];
    let broken = send(&shop, "a", "a/b", Body::from_stream(futures::stream::iter(broken))).await;
    assert_eq!(broken.problem(), (400, "INVALID_REQUEST".to_owned()));
    for (path, media_type, problem) in [
        ("/api/v1/files", "a/b", (400, "INVALID_REQUEST")),
        ("/api/v1/files?name=a&name=b", "a/b", (400, "INVALID_REQUEST")),
        ("/api/v1/files?nam=a", "a/b", (400, "UNSUPPORTED_QUERY_PARAM")),
        ("/api/v1/files?name=a", "pdf", (400, "INVALID_MEDIA_TYPE")),
        ("/api/v1/files?name=a", "ü/b", (400, "INVALID_MEDIA_TYPE")),
        ("/api/v1/files?name=a", "Multipart/Form-Data; boundary=x", (415, "UNSUPPORTED_MEDIA_TYPE")),
    ] {
        let answer = shop.send("POST", path, &[("content-type", media_type)], "x").await;
        assert_eq!(answer.problem(), (problem.0, problem.1.to_owned()), "{path} {media_type}");
    }
    assert_eq!(shop.get("/api/v1/files").await.problem(), (405, "METHOD_NOT_ALLOWED".to_owned()));
    let none = shop.send("POST", "/api/v1/files?name=a", &[], "x").await.json();
    assert_eq!(none["type"], "application/octet-stream");
}

#[tokio::test]
async fn nobody_fetches_what_he_may_not_see() {
    let mut shop = office().await;
    let told = scanned(&shop, "scan.pdf", "application/pdf", b"%PDF").await;
    for (path, code) in [
        ("/api/v1/objects/paper/p/content/anything", "CONTENT_NOT_FOUND"),
        ("/api/v1/objects/paper/p/content/name", "CONTENT_NOT_FOUND"),
        ("/api/v1/objects/paper/p/content/nothing", "CONTENT_NOT_FOUND"),
        ("/api/v1/objects/paper/p/content/scan/upl_0", "CONTENT_NOT_FOUND"),
        ("/api/v1/objects/paper/q/content/scan", "RECORD_NOT_FOUND"),
        ("/api/v1/objects/papers/p/content/scan", "OBJECT_NOT_FOUND"),
        ("/api/v1/objects/_upload/p/content/scan", "OBJECT_NOT_FOUND"),
    ] {
        assert_eq!(shop.get(path).await.problem(), (404, code.to_owned()), "{path}");
    }
    let one = format!("{SCAN}/{}", told["id"].as_str().unwrap());
    assert_eq!(&shop.get(&one).await.body[..], b"%PDF");
    let waiting = send(&shop, "b.pdf", "application/pdf", "secret").await.json();
    let ann = json!({ "user": "ann", "password": PASSWORD });
    assert_eq!(shop.post("/api/v1/auth/users", ann.clone()).await.status, StatusCode::CREATED);
    let writes = "/api/v1/users/ann/permission-sets/write_all_data";
    assert_eq!(shop.send("PUT", writes, &[], "").await.status, StatusCode::OK);
    let admin = std::mem::take(&mut shop.token);
    for (method, path) in [("GET", SCAN), ("GET", &*one), ("POST", "/api/v1/files?name=a")] {
        assert_eq!(shop.send(method, path, &[], "x").await.problem().0, 401, "{method} {path}");
    }
    shop.token = shop.post("/api/v1/auth/login", ann).await.json()["token"].as_str().unwrap().to_owned();
    for id in [&waiting["id"], &told["id"]] {
        let answer = shop.post("/api/v1/objects/paper", json!({ "name": "mine", "scan": id })).await;
        assert_eq!(answer.problem(), (400, "VALIDATION_FAILED".to_owned()));
        assert_eq!(answer.json()["error"]["findings"][0]["code"], "content_not_found");
    }
    shop.token = admin;
    assert_eq!(shop.send("DELETE", "/api/v1/objects/paper/p", &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.get(SCAN).await.problem(), (404, "RECORD_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn the_model_tells_what_a_field_takes() {
    let shop = office().await;
    let meta = shop.get("/api/v1/meta/objects/paper").await.json();
    let fields = meta["fields"].as_array().unwrap();
    let told = |name: &str| {
        let field = fields.iter().find(|field| field["name"] == name).unwrap();
        json!([field["type"], field["accept"], field["maxSize"], field["multiple"]])
    };
    assert_eq!(told("scan"), json!(["file", [".pdf", "image/*"], 1000, null]));
    assert_eq!(told("photos"), json!(["image", ["image/*"], null, true]));
    assert_eq!(told("anything"), json!(["file", null, null, null]));
}
