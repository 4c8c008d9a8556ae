//! Files of records: what is in them, what they are called, who may have them.

use super::*;

impl Shop {
    async fn file(&self, query: &str) -> (String, String, String) {
        let answer = self.get(&format!("/api/v1/data/product/export?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {:?}", answer.body);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.header("content-type").to_owned(), answer.header("content-disposition").to_owned(), text)
    }
}

#[tokio::test]
async fn a_file_is_csv_or_a_list_in_json() {
    let shop = Shop::open().await;
    shop.stock().await;
    let awkward = json!({ "name": "A\"b, c", "about": "two\nlines", "tags": ["new", "sale"], "active": null, "price": 1 });
    assert_eq!(shop.post("/api/v1/data/product", awkward).await.status, StatusCode::CREATED);
    let select = "select=name,price,active,tags,about,maker_id&sort=-price";
    let csv = "name,price,active,tags,about,maker_id\r\nDesk,99.00,true,,,acme\r\nChair,20.50,true,,,acme\r\n\
               Lamp,5.25,true,,,acme\r\n\"A\"\"b, c\",1.00,,\"[\"\"new\"\",\"\"sale\"\"]\",\"two\nlines\",\r\n";
    let (kind, name, text) = shop.file(select).await;
    assert_eq!(
        (kind.as_str(), name.as_str()),
        ("text/csv; charset=utf-8", "attachment; filename=\"product.csv\"")
    );
    assert_eq!(text, csv);
    assert_eq!(shop.file(&format!("format=csv&{select}")).await.2, csv);
    let (kind, name, text) = shop.file("format=json&select=name,price&sort=price&top=2").await;
    assert_eq!((kind.as_str(), name.as_str()), ("application/json", "attachment; filename=\"product.json\""));
    assert_eq!(text, r#"[{"name":"A\"b, c","price":"1.00"},{"name":"Lamp","price":"5.25"}]"#);
    // As a list: filters in every spelling, names of any casing, pages; no record is a file too.
    assert_eq!(
        shop.file("select=Name&filter=%7B%22price%22%3A%7B%22%24lt%22%3A10%7D%7D&active=true").await.2,
        "name\r\nLamp\r\n"
    );
    assert_eq!(shop.file("select=name&sort=price&skip=2&top=1").await.2, "name\r\nChair\r\n");
    assert_eq!(shop.file("select=name,code&name=Nobody").await.2, "name,code\r\n");
    assert_eq!(shop.file("format=json&name=Nobody").await.2, "[]");
    let part = shop.get("/api/v1/data/product/export?top=1").await;
    assert_eq!(part.header("x-quarry-count"), "4");
}

#[tokio::test]
async fn a_file_that_can_not_be_is_refused_by_name() {
    let shop = Shop::open().await;
    shop.stock().await;
    for (query, status, code, named) in [
        ("format=xlsx", 501, "NOT_IMPLEMENTED", "xlsx"),
        ("format=parquet", 501, "NOT_IMPLEMENTED", "parquet"),
        ("format=pdf", 400, "INVALID_REQUEST", "pdf"),
        ("format=csv&format=json", 400, "INVALID_REQUEST", "format"),
        ("safe=yes", 400, "INVALID_REQUEST", "safe"),
        ("safe=true&safe=false", 400, "INVALID_REQUEST", "safe"),
        ("safe=true&format=json", 400, "INVALID_REQUEST", "safe"),
        ("template=true", 400, "UNSUPPORTED_QUERY_PARAM", "template"),
        ("select=nothing", 400, "INVALID_FIELD", "nothing"),
        ("sort=nothing", 400, "INVALID_SORT", "nothing"),
        ("limit=50001", 400, "BATCH_TOO_LARGE", "50001"),
        ("limit=x", 400, "INVALID_REQUEST", "limit"),
        ("filter=%7B%22price%22%3A%7B%22%24is%22%3A1%7D%7D", 400, "INVALID_FILTER", "$is"),
    ] {
        let answer = shop.get(&format!("/api/v1/data/product/export?{query}")).await;
        assert_eq!(answer.bare(), (status, code.to_owned()), "{query}");
        let message = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{query}: {message}");
    }
    assert_eq!(shop.get("/api/v1/data/prodcut/export").await.bare(), (404, "OBJECT_NOT_FOUND".into()));
    let posted = shop.post("/api/v1/data/product/export", json!({})).await;
    assert_eq!((posted.bare(), posted.header("allow")), ((405, "METHOD_NOT_ALLOWED".into()), "GET,HEAD"));
}

#[tokio::test]
async fn a_safe_file_has_no_formulas() {
    let shop = Shop::open().await;
    for (name, about) in [("=1+1", "@SUM(A1)"), ("+49", "-2"), ("\tx", "\r=x"), ("'=1", "a=1"), ("Lamp", "")]
    {
        let made =
            shop.post("/api/v1/data/product", json!({ "name": name, "about": about, "stock": -5 })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{name:?}: {:?}", made.body);
    }
    let select = "select=name,about,stock&sort=created_at,id";
    let cells = async |query: &str| {
        let (.., text) = shop.file(&format!("{query}{select}")).await;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut lines: Vec<Vec<String>> =
            reader.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect();
        lines.sort();
        lines
    };
    // A number is none, whatever it begins with; nor is what stands behind the first sign.
    let safe = [
        ["'\tx", "'\r=x", "-5"],
        ["'+49", "'-2", "-5"],
        ["'=1", "a=1", "-5"],
        ["'=1+1", "'@SUM(A1)", "-5"],
        ["Lamp", "", "-5"],
    ];
    assert_eq!(cells("safe=true&").await, safe);
    let plain = [
        ["\tx", "\r=x", "-5"],
        ["'=1", "a=1", "-5"],
        ["+49", "-2", "-5"],
        ["=1+1", "@SUM(A1)", "-5"],
        ["Lamp", "", "-5"],
    ];
    assert_eq!(cells("").await, plain);
    assert_eq!(cells("safe=false&").await, plain);
}

#[tokio::test]
async fn a_file_without_a_limit_is_whole_or_refused() {
    let shop = Shop::open().await;
    let rows: Vec<Value> = (0..1001).map(|at| json!({ "name": format!("Lamp {at}") })).collect();
    assert_eq!(shop.post("/api/v1/data/product/import", rows.into()).await.json()["created"], 1001);
    let cut = shop.get("/api/v1/data/product/export").await;
    assert_eq!(cut.bare(), (400, "BATCH_TOO_LARGE".into()));
    assert!(cut.json()["error"].as_str().unwrap().starts_with("1001 records match, 1000 allowed"));
    for (query, lines) in [("skip=1", 1000), ("limit=1000", 1000), ("limit=10", 10), ("name=Lamp%207", 1)] {
        let (.., text) = shop.file(&format!("select=name&sort=name&{query}")).await;
        assert_eq!(text.lines().count(), lines + 1, "{query}");
    }
}

#[tokio::test]
async fn a_file_has_what_its_reader_sees_and_may_take_away() {
    let mut shop = Shop::company().await;
    let path = "/api/v1/data/client/export?format=json&sort=name";
    let whole = shop.get(path).await.json();
    assert_eq!((whole.as_array().unwrap().len(), &whole[0]["secret"]), (2, &json!("hush")));
    shop.log_in("rep").await;
    assert_eq!(shop.get(path).await.bare(), (403, "PERMISSION_DENIED".into()));
    shop.log_in("taker").await;
    let seen = shop.get(path).await.json();
    assert_eq!(seen.as_array().unwrap().len(), 1, "{seen}");
    assert!(seen[0].get("secret").is_none());
    assert_ne!(seen[0]["phone"], "+49 30 1234567");
    let hidden = shop.get("/api/v1/data/client/export?select=secret").await;
    assert_eq!(hidden.bare(), (400, "INVALID_FIELD".into()));
    assert_eq!(
        shop.get("/api/v1/data/client/export?secret=hush").await.bare(),
        (400, "UNSUPPORTED_QUERY_PARAM".into())
    );
}
