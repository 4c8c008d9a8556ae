//! Questions in measures and dimensions.

use super::*;

const QUERY: &str = "/api/v1/analytics/query";

impl Shop {
    async fn analyse(&self, question: Value) -> Value {
        let answer = self.post(QUERY, question.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{question}: {:?}", answer.body);
        let told = answer.json();
        assert_eq!(told["success"], true);
        told["data"].clone()
    }

    /// A maker with products of some days.
    async fn dated(&self) {
        self.stock().await;
        let product = |name: &str, since: &str, seen: &str, price: f64| {
            let data = json!({ "name": name, "since": since, "seen_at": seen, "price": price, "size": "small", "maker_id": null });
            json!({ "op": "create", "object": "product", "data": data })
        };
        let changes = [
            product("One", "2024-01-15", "2024-01-15T23:30:00Z", 1.5),
            product("Two", "2024-02-10", "2024-02-10T10:00:00Z", 2.0),
            product("Three", "2024-02-20", "2024-02-20T10:00:00Z", 4.25),
        ];
        let answer = self.post("/api/v1/changes", json!({ "changes": changes })).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
}

#[tokio::test]
async fn measures_by_dimensions_are_groups() {
    let shop = Shop::open().await;
    shop.dated().await;
    let data = shop.analyse(json!({
        "cube": "product", "measures": ["count", "price_sum"], "dimensions": ["maker.name"], "order": { "price_sum": "desc" },
    }));
    let told = json!({
        "rows": [{ "maker.name": "Acme", "count": 3, "price_sum": 124.75 }, { "maker.name": null, "count": 3, "price_sum": 7.75 }],
        "fields": [{ "name": "maker.name", "type": "string" }, { "name": "count", "type": "number" }, { "name": "price_sum", "type": "number" }],
    });
    assert_eq!(data.await, told);
    // The cube's name may stand before its members, which are then called so.
    let data = shop.analyse(json!({
        "cube": "Product", "measures": ["Product.count", "Product.price_max"], "dimensions": ["Product.size"],
        "where": { "price": { "$lt": 50 } }, "order": { "count": "asc" }, "limit": 1, "offset": 1,
    }));
    let rows = json!([{ "Product.size": "small", "Product.count": 3, "Product.price_max": 4.25 }]);
    assert_eq!(data.await["rows"], rows);
    for (measure, value) in [
        ("count", json!(6)),
        ("price_avg", json!(22.083_333)),
        ("price_min", json!(1.5)),
        ("size_count_distinct", json!(1)),
        ("since_min", json!("2024-01-15")),
        ("Active_sum", json!(6)),
    ] {
        let data = shop.analyse(json!({ "cube": "product", "measures": [measure] })).await;
        let told = &data["rows"][0][measure];
        match value.as_f64() {
            Some(number) => assert!((told.as_f64().unwrap() - number).abs() < 1e-9, "{measure}: {told}"),
            None => assert_eq!(*told, value, "{measure}"),
        }
    }
}

#[tokio::test]
async fn times_are_cut_and_bounded() {
    let shop = Shop::open().await;
    shop.dated().await;
    let by = async |time: Value, zone: &str| {
        let question = json!({ "cube": "product", "measures": ["count"], "timeDimensions": [time], "timezone": zone,
                               "where": { "maker_id": null } });
        shop.analyse(question).await
    };
    let month = by(json!({ "dimension": "since", "granularity": "month" }), "UTC").await;
    let rows = json!([{ "since": "2024-01", "count": 1 }, { "since": "2024-02", "count": 2 }]);
    assert_eq!((&month["rows"], &month["fields"][0]), (&rows, &json!({ "name": "since", "type": "time" })));
    // An instant is of the day that it is in the zone asked.
    let day =
        json!({ "dimension": "seen_at", "granularity": "day", "dateRange": ["2024-01-16", "2024-01-16"] });
    assert_eq!(by(day.clone(), "UTC").await["rows"], json!([]));
    assert_eq!(by(day, "Europe/Berlin").await["rows"], json!([{ "seen_at": "2024-01-16", "count": 1 }]));
    // A range alone makes no groups; a dimension that is listed is cut where it stands.
    let range = json!({ "dimension": "since", "dateRange": ["2024-02-01", "2024-02-29"] });
    assert_eq!(by(range, "UTC").await["rows"], json!([{ "count": 2 }]));
    let data = shop
        .analyse(json!({ "cube": "product", "measures": ["price_sum"], "dimensions": ["size", "since"],
                         "timeDimensions": [{ "dimension": "product.since", "granularity": "year" }], "where": { "maker_id": null } }))
        .await;
    assert_eq!(data["rows"], json!([{ "size": "small", "since": "2024", "price_sum": 7.75 }]));
    for preset in [
        "today",
        "yesterday",
        "this_week",
        "last_week",
        "this_month",
        "last_month",
        "this_quarter",
        "last_quarter",
        "this_year",
        "last_year",
        "last_7_days",
        "last_30_days",
        "last_90_days",
        "Last 7 days",
    ] {
        let question = json!({ "cube": "product", "measures": ["count"], "timeDimensions": [{ "dimension": "since", "dateRange": preset }] });
        let rows = shop.analyse(question).await["rows"].clone();
        // Those of the stock are since today.
        let is_now =
            !preset.contains("yesterday") && (!preset.starts_with("last") || preset.contains("days"));
        assert_eq!(rows[0]["count"], if is_now { 3 } else { 0 }, "{preset}");
    }
}

#[tokio::test]
async fn what_is_no_measure_dimension_or_range_is_refused_in_its_place() {
    let shop = Shop::open().await;
    shop.stock().await;
    let with = |key: &str, value: Value| {
        let mut question = json!({ "cube": "product", "measures": ["count"] });
        question[key] = value;
        question
    };
    let time = |key: &str, value: Value| {
        let mut time = json!({ "dimension": "since", "granularity": "day" });
        time[key] = value;
        with("timeDimensions", json!([time]))
    };
    for (question, code, path) in [
        (json!({ "measures": ["count"] }), "INVALID_REQUEST", "cube"),
        (json!({ "cube": "product" }), "INVALID_REQUEST", "measures"),
        (json!({ "cube": "product", "query": { "measures": ["count"] } }), "INVALID_REQUEST", "query"),
        (with("format", json!("csv")), "INVALID_REQUEST", "format"),
        (with("measures", json!(["total"])), "INVALID_REQUEST", "measures[0]"),
        (with("measures", json!(["count", "count"])), "INVALID_REQUEST", "measures[1]"),
        (with("measures", json!(["count", "nothing_sum"])), "INVALID_FIELD", "measures[1]"),
        (with("measures", json!(["name_sum"])), "INVALID_QUERY", "measures[0]"),
        (with("measures", json!("count")), "INVALID_REQUEST", "measures"),
        (with("dimensions", json!(["size", "nothing"])), "INVALID_FIELD", "dimensions[1]"),
        (with("dimensions", json!([1])), "INVALID_REQUEST", "dimensions[0]"),
        (time("granularity", json!("second")), "INVALID_QUERY", "timeDimensions[0].granularity"),
        (time("dimension", json!("name")), "INVALID_QUERY", "timeDimensions[0]"),
        (
            time("dateRange", json!("last_fortnight")),
            "ANALYTICS_DATE_RANGE_UNRECOGNIZED",
            "timeDimensions[0].dateRange",
        ),
        (
            time("dateRange", json!(["2024-01-01"])),
            "ANALYTICS_DATE_RANGE_UNRECOGNIZED",
            "timeDimensions[0].dateRange",
        ),
        (
            time("dateRange", json!(["2024-01-01", "never"])),
            "INVALID_FILTER",
            "timeDimensions[0].since.$between",
        ),
        (
            with("timeDimensions", json!([{ "dimension": "no_such_field" }])),
            "INVALID_REQUEST",
            "timeDimensions[0]",
        ),
        (
            with("timeDimensions", json!([{ "dimension": "since", "dateRange": null, "granularity": null }])),
            "INVALID_REQUEST",
            "timeDimensions[0]",
        ),
        (
            with("timeDimensions", json!([{ "dimension": "no_such_field", "dateRange": "today" }])),
            "INVALID_FIELD",
            "timeDimensions[0].no_such_field.$within",
        ),
        (time("compareTo", json!({})), "INVALID_REQUEST", "timeDimensions[0].compareTo"),
        (with("where", json!({ "price": { "$is": 1 } })), "INVALID_FILTER", "where.price.$is"),
        (with("order", json!({ "size": "asc" })), "INVALID_REQUEST", "order.size"),
        (with("order", json!({ "count": "up" })), "INVALID_REQUEST", "order.count"),
        (with("timezone", json!("Mars/Base")), "INVALID_REQUEST", "timezone"),
        (with("limit", json!(-1)), "INVALID_QUERY", "limit"),
    ] {
        let answer = shop.post(QUERY, question.clone()).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status.as_u16(), &error["code"], &error["details"]["path"]),
            (400, &json!(code), &json!(path)),
            "{question}: {error}"
        );
    }
    let none = shop.post(QUERY, json!({ "cube": "nothing", "measures": ["count"] })).await;
    assert_eq!(none.problem(), (404, "OBJECT_NOT_FOUND".into()));
    assert_eq!(shop.get("/api/v1/analytics/nothing").await.problem(), (404, "ENDPOINT_NOT_FOUND".into()));
}

#[tokio::test]
async fn cubes_are_the_objects_that_are_seen() {
    let mut shop = Shop::company().await;
    let cubes =
        async |shop: &Shop, query: &str| shop.get(&format!("/api/v1/analytics/meta{query}")).await.json();
    let whole = cubes(&shop, "?cube=Client").await;
    let client = &whole["data"]["cubes"][0];
    assert_eq!((&whole["success"], &client["name"]), (&json!(true), &json!("client")));
    let stars = json!({ "name": "stars_sum", "label": "Stars (sum)", "type": "sum", "sql": "stars" });
    assert_eq!(client["measures"]["stars_sum"], stars);
    assert_eq!(client["measures"]["count"]["type"], "count");
    assert!(client["measures"].get("name_sum").is_none());
    assert_eq!(
        client["dimensions"]["region"],
        json!({ "name": "region", "label": "Region", "type": "string", "sql": "region" })
    );
    assert_eq!(
        client["dimensions"]["created_at"]["granularities"],
        json!(["hour", "day", "week", "month", "quarter", "year"])
    );
    assert!(client["dimensions"].get("secret").is_some());
    shop.log_in("rep").await;
    let seen = cubes(&shop, "").await;
    let names: Vec<&str> =
        seen["data"]["cubes"].as_array().unwrap().iter().map(|cube| cube["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"client") && !names.contains(&"vault"), "{names:?}");
    let client = cubes(&shop, "?cube=client").await["data"]["cubes"][0].clone();
    assert!(
        client["dimensions"].get("secret").is_none()
            && client["measures"].get("secret_count_distinct").is_none()
    );
    let hidden = shop.post(QUERY, json!({ "cube": "client", "measures": ["secret_count_distinct"] })).await;
    assert_eq!(hidden.problem(), (400, "INVALID_FIELD".into()));
    // Only what he sees is counted.
    let counted = shop.analyse(json!({ "cube": "client", "measures": ["count"] })).await;
    assert_eq!(counted["rows"], json!([{ "count": 1 }]));
    assert_eq!(
        shop.get("/api/v1/analytics/meta?cube=vault").await.problem(),
        (404, "OBJECT_NOT_FOUND".into())
    );
    assert_eq!(
        shop.get("/api/v1/analytics/meta?cubes=x").await.problem(),
        (400, "UNSUPPORTED_QUERY_PARAM".into())
    );
}
