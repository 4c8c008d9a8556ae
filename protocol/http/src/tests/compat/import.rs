//! Rows of a table as records.

use super::*;

impl Shop {
    async fn import(&self, body: Value) -> Value {
        let answer = self.post("/api/v1/data/product/import", body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {:?}", answer.body);
        answer.json()
    }

    async fn products(&self, query: &str) -> Value {
        self.get(&format!("/api/v1/data/product?sort=name&{query}")).await.json()["records"].clone()
    }
}

/// Each row's action, and code where it has one.
fn actions(told: &Value) -> Vec<String> {
    let action = |row: &Value| match &row["code"] {
        Value::Null => row["action"].as_str().unwrap().to_owned(),
        code => format!("{} {}", row["field"].as_str().unwrap_or("-"), code.as_str().unwrap()),
    };
    told["results"].as_array().unwrap().iter().map(action).collect()
}

fn counts(told: &Value) -> [u64; 6] {
    ["total", "ok", "errors", "created", "updated", "skipped"].map(|key| told[key].as_u64().unwrap())
}

#[tokio::test]
async fn rows_become_records_and_each_is_told_what_became_of_it() {
    let shop = Shop::open().await;
    shop.stock().await;
    let csv = "\u{feff}Product,price,active,size,tags,Maker,since,revision\r\n\
               Stool, 12.50 ,yes,SMALL,\"new; gift\",Acme,2024-02-29,7\r\n\
               X,3,no,,,acme,,\r\n\
               Bench,much,maybe,huge,,,yesterday,\r\n\
               \"Sofa, big\",400,,,,Nobody,,\r\n\
               Rug,1\r\n\
               Lid,,,,,,,\r\n";
    let mapping = json!({ "Product": "name", "Maker": "MakerId" });
    let told = shop.import(json!({ "format": "csv", "csv": csv, "mapping": mapping })).await;
    assert_eq!(
        actions(&told),
        [
            "created",
            "name min_length",
            "price invalid_number",
            "maker_id reference_not_found",
            "- unreadable",
            "created"
        ],
        "{told}"
    );
    assert_eq!(counts(&told), [6, 2, 4, 2, 0, 0]);
    assert_eq!(
        (&told["object"], &told["dryRun"], &told["writeMode"]),
        (&json!("product"), &json!(false), &json!("insert"))
    );
    let results = &told["results"];
    let id = results[0]["id"].clone();
    let dropped = json!([{ "object": "product", "fields": ["revision"], "reason": "readonly" }]);
    assert_eq!(
        results[0],
        json!({ "row": 1, "ok": true, "action": "created", "id": id, "droppedFields": dropped })
    );
    assert_eq!(
        results[3],
        json!({ "row": 4, "ok": false, "action": "failed", "field": "maker_id", "code": "reference_not_found",
                                   "error": "there is no maker \"Nobody\"" })
    );
    assert_eq!(results[4]["error"], "it has 2 cells, the first line 8");
    let all: Vec<&str> = results[2]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    assert_eq!(all, ["price", "active", "since", "size"]);
    let stool = json!([{ "price": "12.50", "active": true, "size": "small", "tags": ["new", "gift"], "maker_id": "acme", "since": "2024-02-29" }]);
    assert_eq!(shop.products("select=price,active,size,tags,maker_id,since&name=Stool").await, stool);
    // A cell without a value says nothing: the default holds.
    assert_eq!(
        shop.products("select=active,price&name=Lid").await,
        json!([{ "active": true, "price": null }])
    );
}

#[tokio::test]
async fn rows_update_what_they_match() {
    let shop = Shop::open().await;
    shop.stock().await;
    let row = |code: &str, price: Value, name: Value| json!({ "code": code, "price": price, "name": name });
    let rows = json!([row("Lamp", json!(6), json!("Lantern")), row("New", json!(7), json!("New")), row("", json!(8), json!("Blank")), { "price": 9 }]);
    let import = async |mode: &str, more: Value| {
        let mut body = json!({ "rows": rows, "writeMode": mode, "matchFields": ["Code"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.import(body).await
    };
    let told = import("update", json!({})).await;
    assert_eq!(actions(&told), ["updated", "skipped", "skipped", "skipped"], "{told}");
    assert_eq!(counts(&told), [4, 4, 0, 0, 1, 3]);
    assert_eq!(
        shop.products("select=name,price&code=Lamp").await,
        json!([{ "name": "Lantern", "price": "6.00" }])
    );
    let told = import("upsert", json!({ "skipBlankMatchKey": true })).await;
    assert_eq!(actions(&told), ["updated", "created", "skipped", "skipped"], "{told}");
    let told = import("upsert", json!({})).await;
    assert_eq!(actions(&told), ["updated", "updated", "created", "name required"], "{told}");
    // A field that is no key may be that of several; an upsert needs a key.
    let body = json!({ "rows": [{ "maker_id": "acme", "stock": 1 }], "writeMode": "update", "matchFields": ["maker_id"] });
    assert_eq!(actions(&shop.import(body).await), ["- ambiguous_match"]);
    let body =
        json!({ "rows": [{ "name": "Desk", "stock": 1 }], "writeMode": "upsert", "matchFields": ["name"] });
    let refused = shop.import(body).await;
    assert_eq!(refused["errors"], 1, "{refused}");
    // The same key twice in one request: the second row meets the first.
    let twice = json!({ "rows": [row("Z", json!(1), json!("Zet")), row("Z", json!(2), json!("Zed"))], "writeMode": "upsert", "matchFields": ["code"] });
    assert_eq!(actions(&shop.import(twice).await), ["created", "updated"]);
    assert_eq!(shop.products("select=name,price&code=Z").await, json!([{ "name": "Zed", "price": "2.00" }]));
}

#[tokio::test]
async fn a_trial_tells_the_same_and_keeps_nothing() {
    let shop = Shop::open().await;
    shop.stock().await;
    let csn = shop.get("/api/v1/data/product?top=0").await.header("x-quarry-csn").to_owned();
    // More than go into one transaction; the last is like the first.
    let mut rows: Vec<Value> =
        (0..600).map(|at| json!({ "name": format!("P{at}"), "code": format!("c{at}") })).collect();
    rows.push(json!({ "name": "Again", "code": "c0" }));
    rows.push(json!({ "name": "Lamp", "code": "other", "maker_id": "acme" }));
    let body = |dry: bool| json!({ "rows": rows, "dryRun": dry });
    let trial = shop.import(body(true)).await;
    assert_eq!(counts(&trial), [602, 600, 2, 600, 0, 0]);
    assert!(trial["results"].as_array().unwrap().iter().all(|row| row.get("id").is_none()));
    assert_eq!(shop.get("/api/v1/data/product?top=0").await.header("x-quarry-csn"), csn);
    let done = shop.import(body(false)).await;
    assert_eq!((counts(&done), actions(&done)), (counts(&trial), actions(&trial)));
    assert_eq!(&actions(&done)[600..], ["code unique", "- unique"]);
    assert_eq!(shop.get("/api/v1/data/product?top=0&count=true").await.json()["total"], 603);
}

#[tokio::test]
async fn a_file_that_was_exported_comes_back() {
    let shop = Shop::open().await;
    shop.stock().await;
    let about = json!({ "name": "A, \"b\"", "about": "two\nlines", "tags": ["new", "sale"], "size": "large", "code": "A",
                        "seen_at": "2024-01-02T03:04:05.006Z", "opens": "08:30:00", "extra": { "a": [1] } });
    assert_eq!(shop.post("/api/v1/data/product", about).await.status, StatusCode::CREATED);
    let select = "select=name,code,about,price,stock,active,since,seen_at,opens,size,tags,maker_id,extra";
    let before = shop.products(select).await;
    let csv =
        String::from_utf8(shop.get(&format!("/api/v1/data/product/export?{select}")).await.body.to_vec())
            .unwrap();
    let ids: Vec<Value> =
        shop.products("select=id").await.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    assert_eq!(shop.post("/api/v1/data/product/deleteMany", json!({ "ids": ids })).await.json()["failed"], 0);
    let told = shop.import(json!({ "csv": csv })).await;
    assert_eq!(counts(&told), [4, 4, 0, 4, 0, 0], "{told}");
    assert_eq!(shop.products(select).await, before);
}

#[tokio::test]
async fn columns_are_turned_filled_and_needed_as_the_mapping_says() {
    let shop = Shop::open().await;
    let mapping = json!([
        { "sourceField": "n", "targetField": "name", "transform": "uppercase" },
        { "sourceField": "c", "targetField": "code", "transform": "lowercase", "required": true },
        { "sourceField": "p", "targetField": "price", "defaultValue": 5 },
        { "sourceField": "a", "targetField": "about", "transform": "none" },
    ]);
    let rows =
        json!([{ "n": "lamp", "c": "LMP", "p": "-", "a": " x " }, { "n": "desk", "c": "n/a", "p": 1 }]);
    let told = shop
        .import(
            json!({ "rows": rows, "mapping": mapping, "nullValues": ["-", "n/a"], "trimWhitespace": false }),
        )
        .await;
    assert_eq!(actions(&told), ["created", "code required"], "{told}");
    let lamp = json!([{ "name": "LAMP", "code": "lmp", "price": "5.00", "about": " x " }]);
    assert_eq!(shop.products("select=name,code,price,about").await, lamp);
    // A list is a body too.
    let told = shop.import(json!([{ "Name": "Bare" }, 5])).await;
    assert_eq!(actions(&told), ["created", "- unreadable"]);
}

#[tokio::test]
async fn what_an_import_does_not_do_it_refuses_by_name() {
    let shop = Shop::open().await;
    let rows = json!([{ "name": "Lamp" }]);
    let with = |key: &str, value: Value| json!({ "rows": rows, key: value });
    let many: Vec<Value> = (0..5001).map(|_| json!({})).collect();
    let lines = "name\n".to_owned() + &"x\n".repeat(5001);
    for (body, status, code, named) in [
        (json!({}), 400, "INVALID_REQUEST", "csv"),
        (json!("name"), 400, "INVALID_REQUEST", "csv"),
        (json!({ "rows": rows, "csv": "name\nLamp" }), 400, "INVALID_REQUEST", "csv"),
        (json!({ "format": "csv", "rows": rows }), 400, "INVALID_REQUEST", "csv"),
        (with("format", json!("ods")), 400, "INVALID_REQUEST", "ods"),
        (with("dryrun", json!(true)), 400, "INVALID_REQUEST", "dryrun"),
        (with("dryRun", json!("yes")), 400, "INVALID_REQUEST", "dryRun"),
        (with("writeMode", json!("merge")), 400, "INVALID_REQUEST", "merge"),
        (with("writeMode", json!("upsert")), 400, "INVALID_REQUEST", "matchFields"),
        (with("matchFields", json!("name")), 400, "INVALID_REQUEST", "matchFields"),
        (with("matchFields", json!(["nothing"])), 400, "INVALID_FIELD", "nothing"),
        (with("mapping", json!({ "Nome": "name" })), 400, "INVALID_REQUEST", "Nome"),
        (with("mapping", json!({ "name": 1 })), 400, "INVALID_REQUEST", "name"),
        (with("mapping", json!([{ "sourceField": "name" }])), 400, "INVALID_REQUEST", "targetField"),
        (
            with("mapping", json!([{ "sourceField": "name", "targetField": "name", "format": "x" }])),
            400,
            "INVALID_REQUEST",
            "format",
        ),
        (
            with("mapping", json!([{ "sourceField": "name", "targetField": "name", "transform": "lookup" }])),
            400,
            "INVALID_REQUEST",
            "name",
        ),
        (
            with("mapping", json!([{ "sourceField": "name", "targetField": "name", "transform": "rot13" }])),
            400,
            "INVALID_REQUEST",
            "rot13",
        ),
        (
            with(
                "mapping",
                json!([{ "sourceField": "name", "targetField": "name", "transform": "date_format" }]),
            ),
            501,
            "NOT_IMPLEMENTED",
            "date_format",
        ),
        (json!({ "csv": "name,name\na,b" }), 400, "INVALID_REQUEST", "name"),
        (json!({ "csv": "name,\na,b" }), 400, "INVALID_REQUEST", "column 2"),
        (with("xlsxBase64", json!("")), 501, "NOT_IMPLEMENTED", "xlsxBase64"),
        (with("format", json!("xlsx")), 501, "NOT_IMPLEMENTED", "xlsx"),
        (with("mappingName", json!("m")), 501, "NOT_IMPLEMENTED", "mappingName"),
        (with("runAutomations", json!(false)), 501, "NOT_IMPLEMENTED", "runAutomations"),
        (with("treatAsHistorical", json!(true)), 501, "NOT_IMPLEMENTED", "treatAsHistorical"),
        (with("createMissingOptions", json!(true)), 501, "NOT_IMPLEMENTED", "createMissingOptions"),
        (json!({ "rows": many }), 413, "PAYLOAD_TOO_LARGE", "5000"),
        (json!({ "csv": lines }), 413, "PAYLOAD_TOO_LARGE", "5000"),
    ] {
        let answer = shop.post("/api/v1/data/product/import", body.clone()).await;
        let short = body.to_string().chars().take(200).collect::<String>();
        assert_eq!(answer.bare(), (status, code.to_owned()), "{short}: {:?}", answer.body);
        let message = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{short}: {message}");
    }
    for (key, value) in
        [("runAutomations", true), ("treatAsHistorical", false), ("createMissingOptions", false)]
    {
        assert_eq!(shop.import(json!({ "rows": [], key: value })).await["total"], 0);
    }
    let none = shop.post("/api/v1/data/prodcut/import", with("dryRun", json!(true))).await;
    assert_eq!(none.bare(), (404, "OBJECT_NOT_FOUND".into()));
    assert_eq!(shop.get("/api/v1/data/product?top=0&count=true").await.json()["total"], 0);
}

#[tokio::test]
async fn a_quote_that_is_not_closed_fails_its_row() {
    let shop = Shop::open().await;
    for (rest, code) in [
        ("\"Desk,2\nRug,3\n", "- unreadable"),
        ("Desk,\"2\nRug,3\n", "- unreadable"),
        ("Desk,\"", "- unreadable"),
        ("Desk,\"2\"\"", "- unreadable"),
        ("Desk,\"2\"", "created"),
        ("\"De\nsk\",2", "created"),
        ("Desk,2", "created"),
        ("\u{1}\u{1}", "- unreadable"),
        ("Desk,\"\u{1}", "- unreadable"),
    ] {
        let told = shop.import(json!({ "csv": format!("name,price\r\nLamp,1\r\n{rest}") })).await;
        assert_eq!(actions(&told), ["created", code], "{rest:?}: {told}");
        if code != "created" {
            let why = told["results"][1]["error"].as_str().unwrap();
            let is_open = rest.contains('"');
            assert_eq!(why.starts_with("a quote in it is not closed"), is_open, "{rest:?}: {why}");
        }
    }
    let first = shop.post("/api/v1/data/product/import", json!({ "csv": "name,\"price\nLamp,1\n" })).await;
    assert_eq!(first.bare(), (400, "INVALID_REQUEST".into()));
    assert_eq!(shop.import(json!({ "csv": "" })).await["total"], 0);
}

/// A small body must not become a large table.
#[tokio::test]
async fn what_rows_would_multiply_is_bounded() {
    let shop = Shop::open().await;
    let long = "n".repeat(257);
    let wide: Vec<String> = (0..2001).map(|at| format!("c{at}")).collect();
    let strange: serde_json::Map<String, Value> = (0..33).map(|at| (format!("c{at}"), json!(1))).collect();
    let rows: Vec<Value> = (0..500).map(|_| json!({})).collect();
    let filled = |rows: &[Value], default: Value| {
        let about = json!({ "sourceField": "a", "targetField": "about", "defaultValue": default });
        let rows = [&[json!({ "name": "Lamp", "a": null })], rows].concat();
        json!({ "rows": rows, "mapping": [about] })
    };
    for (body, status, code, named) in [
        (json!({ "csv": format!("name,{long}\nLamp,1") }), 400, "INVALID_REQUEST", "256"),
        (json!({ "rows": [{ (long.clone()): 1 }] }), 400, "INVALID_REQUEST", "256"),
        (json!({ "csv": wide.join(",") }), 400, "INVALID_REQUEST", "2000"),
        (json!({ "rows": [strange] }), 400, "INVALID_FIELD", "c32"),
        (json!({ "rows": [{ "n": 1 }], "mapping": { "n": long } }), 400, "INVALID_FIELD", "product"),
        (filled(&rows, json!("x".repeat(20_000))), 413, "PAYLOAD_TOO_LARGE", "501"),
        (filled(&rows, json!(vec![0; 2_000])), 413, "PAYLOAD_TOO_LARGE", "501"),
    ] {
        let answer = shop.post("/api/v1/data/product/import", body.clone()).await;
        let short = body.to_string().chars().take(200).collect::<String>();
        assert_eq!(answer.bare(), (status, code.to_owned()), "{short}: {:?}", answer.body);
        let message = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(message.contains(named) && message.len() < 500, "{short}: {message}");
    }
    // The same default for fewer rows is none too large.
    let told = shop.import(filled(&[], json!("x".repeat(200)))).await;
    assert_eq!(actions(&told), ["created"], "{told}");
    let alike: Vec<String> = (0..64)
        .map(|bits| {
            "active"
                .char_indices()
                .map(|(at, letter)| if bits >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
                .collect()
        })
        .collect();
    let told = shop.import(json!({ "csv": format!("{}\n{}", alike.join(","), ["yes"; 64].join(",")) })).await;
    let faults = told["results"][0]["fields"].as_array().unwrap();
    assert_eq!((faults.len(), &faults[32]["code"]), (33, &json!("too_many_errors")), "{told}");
}

#[tokio::test]
async fn rows_are_written_by_the_rights_of_who_sends_them() {
    let mut shop = Shop::company().await;
    shop.log_in("rep").await;
    let import = async |shop: &Shop, body: Value| shop.post("/api/v1/data/client/import", body).await;
    let rows = json!([
        { "name": "Bolt", "region": "the north" }, { "name": "Cog", "secret": "s" }, { "name": "Dot", "stars": 3 },
        { "name": "Eve", "region": "Norden", "phone": "+49 30 7654321" },
    ]);
    let told = import(&shop, json!({ "rows": rows })).await.json();
    assert_eq!(actions(&told), ["created", "secret unknown_field", "created", "created"], "{told}");
    // What he reads alone is taken out and named, as everywhere here.
    let dropped = json!([{ "object": "client", "fields": ["stars"], "reason": "readonly" }]);
    assert_eq!(told["results"][2]["droppedFields"], dropped);
    // What he does not see is not there to be changed, whatever it is called.
    let south = json!({ "rows": [{ "name": "South", "region": "north" }], "writeMode": "update", "matchFields": ["name"] });
    assert_eq!(actions(&import(&shop, south).await.json()), ["skipped"]);
    let by_secret =
        json!({ "rows": [{ "secret": "hush" }], "writeMode": "update", "matchFields": ["secret"] });
    assert_eq!(import(&shop, by_secret).await.bare(), (400, "INVALID_FIELD".into()));
    shop.log_in("looker").await;
    let denied = import(&shop, json!({ "rows": [{ "name": "Fox" }, { "name": "Gnu" }] })).await;
    match denied.status {
        StatusCode::OK => assert_eq!(actions(&denied.json()), ["- permission_denied", "- permission_denied"]),
        _ => assert_eq!(denied.bare(), (403, "PERMISSION_DENIED".into())),
    }
    shop.log_in("admin").await;
    let names = shop.get("/api/v1/data/client?select=name,region&sort=name").await.json()["records"].clone();
    let kept = json!([
        { "name": "Acme", "region": "north" }, { "name": "Bolt", "region": "north" },
        { "name": "Dot", "region": null }, { "name": "Eve", "region": "north" }, { "name": "South", "region": "south" },
    ]);
    assert_eq!(names, kept);
}

#[tokio::test]
async fn warnings_stand_with_their_rows() {
    let shop = Shop::open().await;
    let rows = json!([{ "name": "Light", "zone": "A", "weight": 1 }, { "name": "Heavy", "zone": "A", "weight": 500 }, { "name": "Gold", "weight": 5000 }]);
    let answer = shop.post("/api/v1/data/pallet/import", json!({ "rows": rows })).await;
    let told = answer.json();
    assert_eq!(actions(&told), ["created", "created", "weight LIFTABLE"], "{told}");
    assert!(told["results"][0].get("warnings").is_none(), "{told}");
    assert_eq!(told["results"][1]["warnings"][0]["message"], "Heavy weighs 500 kg");
    assert!(!answer.header("x-quarry-csn").is_empty());
}
