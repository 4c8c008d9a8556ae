//! What is not seen, guessed from what is told about it: counts, sums, orders, pages, plans, and errors that only a record that is not seen
//! can make.

use serde_json::{Value, json};

use super::stage::{Ask, Intruder, Stage, Told};

fn question(more: Value) -> Ask {
    let mut question = json!({ "object": "company" });
    question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Ask::ObjectQl(question)
}

fn sql(text: &str) -> Ask {
    Ask::Sql(text.to_owned())
}

/// The one row of an answer, as text.
async fn row(intruder: &Intruder<'_>, ask: Ask) -> String {
    let told = intruder.ask(&ask).await;
    let rows = told.rows();
    assert_eq!(rows.len(), 1, "{ask:?}: {told:?}");
    let values: Vec<&Value> = match &rows[0] {
        Value::Object(row) => row.values().collect(),
        row => row.as_array().unwrap().iter().collect(),
    };
    let text = |value: &&Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    values.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn counts_and_sums() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let aggregates = json!([
        { "function": "count", "as": "a" }, { "function": "sum", "field": "stars", "as": "b" },
        { "function": "max", "field": "stars", "as": "c" }, { "function": "min", "field": "stars", "as": "d" },
        { "function": "count_distinct", "field": "name", "as": "e" },
    ]);
    assert_eq!(row(&clerk, question(json!({ "aggregations": aggregates }))).await, "2 8 5 3 2");
    let text = "SELECT count(*), sum(stars), max(stars), min(stars), count(DISTINCT name) FROM company";
    assert_eq!(row(&clerk, sql(text)).await, "2 8 5 3 2");
    assert_eq!(row(&clerk, sql("SELECT count(*) FROM deal")).await, "1");
    assert_eq!(row(&clerk, sql("SELECT count(*) FROM company WHERE stars > 70")).await, "0");
    assert_eq!(row(&clerk, sql("SELECT count(*) FROM company WHERE stars = 77")).await, "0");
    assert_eq!(row(&clerk, sql("SELECT count(*) FROM company WHERE id = 'com_hid1'")).await, "0");
    assert_eq!(
        row(&clerk, sql("SELECT percentile_cont(1.0) WITHIN GROUP (ORDER BY stars) FROM company")).await,
        "5"
    );
    let told = clerk.ask(&question(json!({ "fields": [], "limit": 0, "count": true }))).await;
    assert!(told.body["count"] == 2 || told.is_refused(), "{told:?}");
    for filter in [
        json!({ "stars": 77 }),
        json!({ "name": "Umbra" }),
        json!({ "id": "com_hid1" }),
        json!({ "name": { "$like": "Umb%" } }),
    ] {
        let told = clerk.ask(&question(json!({ "fields": ["id"], "where": filter, "count": true }))).await;
        assert_eq!((told.rows().len(), &told.body["count"]), (0, &json!(0)), "{filter}");
    }
    let over_many = json!({ "groupBy": ["region"], "aggregations": [{ "function": "sum", "field": "deals.amount", "as": "n" }] });
    assert_eq!(row(&clerk, question(over_many)).await.split(' ').next_back(), Some("10"));
    let told = clerk
        .ask(&Ask::GraphQl("{ companies { totalCount aggregate { count sum { stars } max { stars } } groups(by: [{region: VALUE}]) { count } } }".into()))
        .await;
    let companies = &told.body["data"]["companies"];
    assert_eq!(
        (&companies["totalCount"], &companies["aggregate"]["count"]),
        (&json!(2), &json!(2)),
        "{told:?}"
    );
    assert_eq!(companies["aggregate"]["max"]["stars"].to_string().trim_matches('"'), "5");
    assert_eq!(companies["groups"][0]["count"], 2);
    let listed = clerk.http("GET", "/api/v1/data/company?top=1&count=true", None);
    assert_eq!((&listed.body["total"], &listed.body["hasMore"]), (&json!(2), &json!(true)), "{listed:?}");
}

/// Neither the end of a page nor the place behind it tells that something lies there.
#[tokio::test]
async fn pages_and_cursors() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let first = clerk.ask(&question(json!({ "fields": ["id"], "orderBy": ["-stars"], "limit": 1 }))).await;
    assert_eq!(first.rows()[0]["id"], "com_own2", "the record with most stars that is seen");
    let next = first.body["cursor"]["next"].clone();
    let second = clerk
        .ask(&question(json!({ "fields": ["id"], "orderBy": ["-stars"], "limit": 1, "after": next })))
        .await;
    assert_eq!(second.rows()[0]["id"], "com_own1");
    let last = &second.body["cursor"]["next"];
    if !last.is_null() {
        let end = clerk
            .ask(&question(json!({ "fields": ["id"], "orderBy": ["-stars"], "limit": 1, "after": last })))
            .await;
        assert_eq!(end.rows().len(), 0, "{end:?}");
    }
    // A cursor of one's own making, on the place of a record that is not seen.
    let cursor = json!({ "fields": ["id"], "orderBy": ["stars"], "limit": 5, "cursor": { "stars": 77, "id": "com_hid1" } });
    assert_eq!(clerk.ask(&question(cursor)).await.rows().len(), 0);
    let told = clerk
        .ask(&question(json!({ "fields": ["id"], "orderBy": ["stars"], "offset": 1, "limit": 5 })))
        .await;
    assert_eq!(told.rows().len(), 1);
    let told = clerk
        .ask(&Ask::GraphQl(
            "{ companies(first: 2, orderBy: [{stars: DESC}]) { nodes { id } pageInfo { hasNextPage } } }"
                .into(),
        ))
        .await;
    assert_eq!(told.body["data"]["companies"]["pageInfo"]["hasNextPage"], false, "{told:?}");
    assert_eq!(
        row(&clerk, sql("SELECT string_agg(id, ',' ORDER BY stars) FROM company")).await,
        "com_own1,com_own2"
    );
    let lag = "SELECT string_agg(coalesce(before, '-'), ',') FROM (SELECT lag(id) OVER (ORDER BY stars DESC) AS before FROM company) q";
    assert!(!row(&clerk, sql(lag)).await.contains("hid"));
}

/// An expression fails on a record that is not seen: it must never have been computed of it.
#[tokio::test]
async fn errors_of_division() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let admin = stage.admin().await;
    // 77 and 0 are stars of companies that are not seen.
    for text in [
        "SELECT sum(10 / (stars - 77)) FROM company",
        "SELECT 10 / stars FROM company",
        "SELECT id FROM company WHERE 10 / (stars - 77) > -1",
        "SELECT id FROM company WHERE 10 / (stars - 77) > -1 AND name = 'First'",
        "SELECT id FROM company WHERE stars = 77 AND 10 / (stars - 77) > -1",
        "SELECT id FROM company WHERE name = 'Umbra' OR 10 / stars > -1",
        "SELECT id FROM company ORDER BY 10 / (stars - 77) LIMIT 1",
        "SELECT 10 / (stars - 77), count(*) FROM company GROUP BY 1",
        "SELECT max(10 / stars) OVER (ORDER BY id) FROM company",
        "SELECT c.id FROM company c JOIN company d ON 10 / (d.stars - 77) = c.stars",
        "SELECT id FROM deal WHERE 10 / (amount - 1000) > -1",
        "SELECT count(*) FILTER (WHERE 10 / (stars - 77) > 0) FROM company",
        "SELECT id FROM search('company', 'com_own1') WHERE 10 / stars > -1",
    ] {
        let told = clerk.ask(&sql(text)).await;
        assert!(!told.is_refused(), "{text}: {told:?}");
    }
    assert!(
        admin.ask(&sql("SELECT sum(10 / (stars - 77)) FROM company")).await.is_refused(),
        "who sees it has the error"
    );
    for formula in ["10 / (stars - 77)", "10 / stars"] {
        for ask in [
            json!({ "fields": ["id", { "formula": formula, "as": "x" }] }),
            json!({ "fields": ["id", { "formula": formula, "as": "x" }], "where": { "x": { "$gt": -1 } } }),
            json!({ "fields": ["id", { "formula": formula, "as": "x" }], "orderBy": ["x"], "limit": 1 }),
            json!({ "aggregations": [{ "function": "sum", "formula": formula, "as": "x" }] }),
        ] {
            let told = clerk.ask(&question(ask.clone())).await;
            assert!(!told.is_refused(), "{ask}: {told:?}");
        }
    }
}

#[tokio::test]
async fn errors_of_casts_and_patterns() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    // Notes are numbers in what is seen, and none in what is not.
    for text in [
        "SELECT sum(notes::int) FROM company",
        "SELECT id FROM company WHERE notes::int > 0",
        "SELECT id FROM company WHERE notes::int > 0 AND stars > 0",
        "SELECT id FROM company WHERE stars > 0 AND CAST(notes AS bigint) > 0",
        "SELECT id FROM company ORDER BY notes::numeric",
        "SELECT notes::int, count(*) FROM company GROUP BY 1",
        "SELECT c.id FROM company c JOIN company d ON c.notes::int = d.notes::int",
        "SELECT id FROM company WHERE ('2024-01-0' || notes)::date > '2000-01-01'",
        "SELECT max(notes::int) OVER () FROM company",
    ] {
        let told = clerk.ask(&sql(text)).await;
        assert!(!told.is_refused(), "{text}: {told:?}");
        told.must_be_silent(&sql(text));
    }
    assert_eq!(row(&clerk, sql("SELECT sum(notes::int) FROM company")).await, "3");
    assert!(stage.admin().await.ask(&sql("SELECT sum(notes::int) FROM company")).await.is_refused());
    // What does fail tells of one's own records only.
    let own = clerk.ask(&sql("SELECT name::int FROM company")).await;
    assert!(own.is_refused());
    own.must_be_silent(&sql("SELECT name::int FROM company"));
}

/// That a unique value is taken can't be kept from who writes it; whose it is, and what else it has, can.
#[tokio::test]
async fn errors_of_unique_values() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let taken = json!({ "name": "Umbra" });
    let changes = json!({ "changes": [{ "op": "create", "object": "company", "data": taken }] });
    let upsert = json!({ "changes": [{ "op": "upsert", "object": "company", "on": ["name"], "data": { "name": "Umbra", "stars": 1 } }] });
    for ask in [
        Ask::Http("POST", "/api/v1/changes".into(), Some(changes)),
        Ask::Http("POST", "/api/v1/changes".into(), Some(upsert)),
        Ask::Http("POST", "/api/v1/objects/company".into(), Some(taken.clone())),
        Ask::Http("POST", "/api/v1/data/company".into(), Some(taken)),
        Ask::GraphQl("mutation { createCompany(input: {name: \"Umbra\"}) { id } }".into()),
        sql("INSERT INTO company (name) VALUES ('Umbra')"),
        sql("UPDATE company SET name = 'Umbra' WHERE id = 'com_own1'"),
        sql(
            "INSERT INTO company (name, stars) VALUES ('Umbra', 1) ON CONFLICT (name) DO UPDATE SET stars = 1 RETURNING stars",
        ),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
        told.must_be_silent(&ask);
        assert!(!told.body.to_string().contains("com_hid1"), "{ask:?}: {told:?}");
    }
    // An id that is taken, too.
    let told =
        clerk.http("POST", "/api/v1/objects/company", Some(&json!({ "id": "com_hid1", "name": "Fresh" })));
    assert!(told.is_refused());
    told.must_be_silent(&sql(""));
    // A constraint over a field that is not seen is not named.
    stage.server.psql_ok("UPDATE company SET rumour = NULL WHERE id = 'com_own2'; UPDATE company SET code = 'other' WHERE id = 'com_own2'");
    stage.server.psql_ok("UPDATE company SET rumour = 'zq com_own1' WHERE id = 'com_own2'");
    for ask in [
        Ask::Http("PATCH", "/api/v1/objects/company/com_own2".into(), Some(json!({ "code": "shared" }))),
        Ask::Http("PATCH", "/api/v1/data/company/com_own2".into(), Some(json!({ "code": "shared" }))),
        Ask::GraphQl("mutation { updateCompany(id: \"com_own2\", set: {code: \"shared\"}) { id } }".into()),
        sql("UPDATE company SET code = 'shared' WHERE id = 'com_own2'"),
    ] {
        let told = clerk.ask(&ask).await;
        assert!(told.is_refused(), "{ask:?}: {told:?}");
        told.must_be_silent(&ask);
    }
}

/// Plans and statistics are the same whatever there is that is not seen.
#[tokio::test]
async fn plans_and_statistics() {
    let stage = Stage::open();
    let clerk = stage.clerk().await;
    let asked = [
        sql("EXPLAIN SELECT * FROM company WHERE stars > 4 ORDER BY stars LIMIT 1"),
        sql("EXPLAIN SELECT count(*) FROM company"),
        sql("EXPLAIN SELECT d.id FROM deal d JOIN company c ON c.id = d.company_id WHERE c.name = 'Umbra'"),
        sql("EXPLAIN (SECURITY) SELECT * FROM company"),
        sql("SELECT reltuples, relpages FROM pg_class WHERE relname = 'company'"),
        sql("SELECT * FROM pg_stats WHERE tablename = 'company'"),
        sql("SELECT pg_relation_size('company'), pg_total_relation_size('company')"),
        sql("SELECT * FROM pg_stat_user_tables WHERE relname = 'company'"),
        question(json!({ "explain": true, "where": { "stars": { "$gt": 4 } } })),
    ];
    let mut before: Vec<Told> = Vec::new();
    for ask in &asked {
        before.push(clerk.ask(ask).await);
    }
    let more = |n: usize| json!({ "op": "create", "object": "company", "data": { "name": format!("More {n}"), "stars": 1000 + n } });
    let changes: Vec<Value> = (0..200).map(more).collect();
    assert_eq!(stage.server.post("/api/v1/changes", &json!({ "changes": changes })).0, 200);
    for (ask, before) in asked.iter().zip(before) {
        let told = clerk.ask(ask).await;
        assert_eq!(told, before, "{ask:?}");
        told.must_be_silent(ask);
    }
    for text in ["EXPLAIN VERBOSE SELECT * FROM company", "EXPLAIN ANALYZE VERBOSE SELECT * FROM company"] {
        let told = clerk.ask(&sql(text)).await;
        assert!(told.is_refused(), "{text}: {told:?}");
    }
}
