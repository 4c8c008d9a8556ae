//! Reading: types in both formats, parameters, names, portals, errors.

use std::time::{Duration, SystemTime};

use futures::{StreamExt, pin_mut};
use tokio_postgres::{
    Client,
    types::{Kind, ToSql, Type},
};

use crate::fixture::{Server, code, refused, text, texts};

async fn filled() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "INSERT INTO vendor (id, name) VALUES ('ven_1', 'Acme');
             INSERT INTO ware (id, name, code, price, stock, weight, on_sale, since, checked_at, opens, grade, tags, vendor_id, extra)
             VALUES ('war_1', 'Lamp', 'L-1', 12345678901234.56, 9007199254740993, 0.0000000001, true, '2024-02-29',
                     '2024-06-01T12:00:00Z', '09:30:00.25', 'a', '{hot,\"with, comma\"}', 'ven_1', '{\"a\": [1, 2]}'),
                    ('war_2', 'Röhre', 'R-2', 0.10, -1, NULL, false, '1999-12-31', NULL, NULL, NULL, NULL, NULL, NULL);",
        )
        .await
        .unwrap_or_else(|e| panic!("{e:?}"));
    (server, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_reads_the_same_in_text_and_binary() {
    let (_server, client) = filled().await;
    let sql = "SELECT name, price, stock, weight, on_sale, since, checked_at, opens, grade, tags, extra FROM ware ORDER BY id";
    let shown = texts(&client, sql).await;
    assert_eq!(
        shown[0],
        [
            "Lamp",
            "12345678901234.56",
            "9007199254740993",
            "0.0000000001",
            "t",
            "2024-02-29",
            "2024-06-01 12:00:00+00",
            "09:30:00.25",
            "a",
            "{hot,\"with, comma\"}",
            shown[0][10].as_str()
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&shown[0][10]).unwrap();
    assert_eq!(json, serde_json::json!({"a": [1, 2]}));
    assert_eq!(shown[1][..6], ["Röhre", "0.10", "-1", "NULL", "f", "1999-12-31"]);

    let rows = client.query(sql, &[]).await.unwrap();
    let row = &rows[0];
    let types: Vec<&str> = row.columns().iter().map(|c| c.type_().name()).collect();
    assert_eq!(
        types,
        [
            "text",
            "numeric",
            "int8",
            "numeric",
            "bool",
            "date",
            "timestamptz",
            "time",
            "text",
            "_text",
            "text"
        ]
    );
    assert_eq!(row.get::<_, &str>(0), "Lamp");
    assert_eq!(row.get::<_, i64>(2), 9_007_199_254_740_993);
    assert!(row.get::<_, bool>(4));
    let instant: SystemTime = row.get(6);
    assert_eq!(instant.duration_since(SystemTime::UNIX_EPOCH).unwrap(), Duration::from_secs(1_717_243_200));
    assert_eq!(row.get::<_, Vec<String>>(9), ["hot", "with, comma"]);
    assert_eq!(rows[1].get::<_, Option<Vec<String>>>(9), None);
    assert_eq!(rows[1].get::<_, Option<&str>>(8), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_are_shown_in_the_sessions_zone() {
    let (_server, client) = filled().await;
    client.batch_execute("SET timezone = 'Asia/Kolkata'").await.unwrap();
    assert_eq!(
        text(&client, "SELECT checked_at FROM ware WHERE id = 'war_1'").await,
        "2024-06-01 17:30:00+05:30"
    );
    client.batch_execute("RESET timezone").await.unwrap();
    assert_eq!(
        text(&client, "SELECT checked_at FROM ware WHERE id = 'war_1'").await,
        "2024-06-01 12:00:00+00"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_described_and_inferred() {
    let (_server, client) = filled().await;
    let cases: &[(&str, &[Type])] = &[
        ("SELECT id FROM ware WHERE name = $1", &[Type::TEXT]),
        ("SELECT id FROM ware WHERE stock > $1 AND on_sale = $2", &[Type::INT8, Type::BOOL]),
        ("SELECT id FROM ware WHERE price BETWEEN $1 AND $2", &[Type::NUMERIC, Type::NUMERIC]),
        ("SELECT id FROM ware WHERE since >= $1 LIMIT $2 OFFSET $3", &[Type::DATE, Type::INT8, Type::INT8]),
        ("SELECT $1::int4 + 1, $2::text[], $3", &[Type::INT4, Type::TEXT_ARRAY, Type::TEXT]),
        (
            "INSERT INTO ware (name, price, stock, since, tags) VALUES ($1, $2, $3, $4, $5)",
            &[Type::TEXT, Type::NUMERIC, Type::INT8, Type::DATE, Type::TEXT_ARRAY],
        ),
        (
            "UPDATE ware SET checked_at = $1, price = price * $3 WHERE id = $2 RETURNING id",
            &[Type::TIMESTAMPTZ, Type::TEXT, Type::NUMERIC],
        ),
        ("DELETE FROM ware WHERE id = ANY($1)", &[Type::TEXT_ARRAY]),
    ];
    for (sql, types) in cases {
        let prepared = client.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        assert_eq!(prepared.params(), *types, "{sql}");
    }
    assert_eq!(
        text(&client, "SELECT 1.50::numeric").await,
        "1.50",
        "a cast without digits keeps those there are"
    );
    let said = client.prepare_typed("SELECT $1", &[Type::INT4]).await.unwrap();
    assert_eq!(said.columns()[0].type_(), &Type::INT4, "the client's own types hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_bind_in_binary_with_lists_and_nulls() {
    let (_server, client) = filled().await;
    let one = |sql: &'static str, values: Vec<Box<dyn ToSql + Sync + Send>>| {
        let client = &client;
        async move {
            let values: Vec<&(dyn ToSql + Sync)> =
                values.iter().map(|v| &**v as &(dyn ToSql + Sync)).collect();
            let rows = client.query(sql, &values).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            rows.iter().map(|r| r.get::<_, String>(0)).collect::<Vec<_>>()
        }
    };
    assert_eq!(one("SELECT id FROM ware WHERE name = $1", vec![Box::new("Röhre")]).await, ["war_2"]);
    assert_eq!(one("SELECT id FROM ware WHERE stock > $1", vec![Box::new(0i64)]).await, ["war_1"]);
    let ids = vec!["war_2", "war_1", "none"];
    assert_eq!(
        one("SELECT id FROM ware WHERE id = ANY($1) ORDER BY id", vec![Box::new(ids)]).await,
        ["war_1", "war_2"]
    );
    let stocks = vec![-1i64];
    assert_eq!(one("SELECT id FROM ware WHERE stock = ANY($1)", vec![Box::new(stocks)]).await, ["war_2"]);
    let nothing: Option<String> = None;
    assert!(one("SELECT id FROM ware WHERE name = $1", vec![Box::new(nothing)]).await.is_empty());
    assert_eq!(
        one("SELECT id FROM ware ORDER BY id LIMIT $1 OFFSET $2", vec![Box::new(1i64), Box::new(1i64)]).await,
        ["war_2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_named_as_postgresql_names_them() {
    let (_server, client) = filled().await;
    let cases: &[(&str, &[&str])] = &[
        (
            "SELECT count(*), sum(price), 1, 'x', name FROM ware GROUP BY name",
            &["count", "sum", "?column?", "?column?", "name"],
        ),
        ("SELECT id, id, ware.id AS other FROM ware", &["id", "id", "other"]),
        (
            "SELECT *, id FROM vendor",
            &[
                "id",
                "name",
                "created_at",
                "created_by",
                "updated_at",
                "updated_by",
                "owner",
                "revision",
                "package_version",
                "id",
            ],
        ),
        (
            "SELECT stock::text, CAST(1 AS int8), upper(name), CASE WHEN true THEN 1 END FROM ware",
            &["stock", "int8", "upper", "case"],
        ),
        ("SELECT NULL, NULL", &["?column?", "?column?"]),
        ("SELECT a.id, b.id FROM ware a JOIN ware b ON a.id = b.id", &["id", "id"]),
    ];
    for (sql, names) in cases {
        let prepared = client.prepare(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let found: Vec<&str> = prepared.columns().iter().map(|c| c.name()).collect();
        assert_eq!(found, *names, "{sql}");
        client.query(&prepared, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn described_types_are_those_of_the_rows() {
    let (_server, client) = filled().await;
    let sql = "SELECT count(*), sum(stock), avg(price), max(since), sum(CASE WHEN on_sale THEN 1 ELSE 0.0 END) / count(*), array_agg(id) FROM ware";
    let prepared = client.prepare(sql).await.unwrap();
    let described: Vec<Type> = prepared.columns().iter().map(|c| c.type_().clone()).collect();
    let rows = client.query(&prepared, &[]).await.unwrap();
    let sent: Vec<Type> = rows[0].columns().iter().map(|c| c.type_().clone()).collect();
    assert_eq!(described, sent);
    assert_eq!(rows[0].get::<_, i64>(0), 2);
    assert!(matches!(described[5].kind(), Kind::Array(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn portals_give_as_many_rows_as_are_asked_for() {
    let (_server, mut client) = filled().await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("SELECT x FROM generate_series(1, 25) AS t(x)", &[]).await.unwrap();
    let mut counts = Vec::new();
    let mut all = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 10).await.unwrap();
        counts.push(rows.len());
        all.extend(rows.iter().map(|r| r.get::<_, i64>(0)));
        if rows.len() < 10 {
            break;
        }
    }
    assert_eq!(counts, [10, 10, 5]);
    assert_eq!(all, (1..=25).collect::<Vec<i64>>());
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_streamed() {
    let (_server, client) = filled().await;
    let none: [&str; 0] = [];
    let rows = client
        .query_raw("SELECT x, 'row ' || x FROM generate_series(1, 200000) AS t(x)", none)
        .await
        .unwrap();
    pin_mut!(rows);
    let mut count = 0i64;
    while let Some(row) = rows.next().await {
        count += 1;
        assert_eq!(row.unwrap().get::<_, i64>(0), count);
    }
    assert_eq!(count, 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_codes_of_postgresql() {
    let (_server, client) = filled().await;
    let cases = [
        ("SELECT * FROM no_such_thing", "42P01"),
        ("SELECT * FROM shop.no_such_thing", "42P01"),
        ("SELECT no_such_field FROM ware", "42703"),
        ("SELECT * FROM ware WHERE no_such_field = 1", "42703"),
        ("SELECT w.id FROM ware w WHERE w.id IS NULL ORDER BY w.no_such_field", "42703"),
        ("SELEC 1", "42601"),
        ("SELECT no_such_function(1)", "42883"),
        ("SELECT 1 / 0", "22012"),
        ("SELECT CAST('x' AS int)", "22P02"),
        ("SELECT CAST(2147483647.5 AS int)", "22003"),
        ("SELECT CAST(2147483647.5::float8 AS int)", "22003"),
        ("SELECT CAST('NaN'::float8 AS int)", "22003"),
        ("SELECT CAST(40000 AS int2)", "22003"),
        ("SELECT id IN (SELECT id FROM ware WHERE stock > 0) FROM ware", "0A000"),
        ("SELECT name, count(*) FROM ware", "42803"),
        ("SELECT id FROM ware a JOIN vendor b ON a.vendor_id = b.id", "42702"),
        ("SELECT (SELECT id FROM ware)", "21000"),
        ("CREATE TABLE t (x int)", "0A000"),
        ("DROP TABLE ware", "0A000"),
        ("CALL convert('x')", "0A000"),
        ("TRUNCATE ware", "0A000"),
        ("ALTER TABLE ware ADD COLUMN x int", "0A000"),
        ("COPY ware FROM STDIN", "0A000"),
        ("SELECT * FROM ware FOR UPDATE", "0A000"),
        ("LISTEN ware", "0A000"),
    ];
    for (sql, state) in cases {
        refused(&client, sql, state).await;
    }
    let error = refused(&client, "SELECT nmae FROM ware", "42703").await;
    assert!(error.hint().is_some_and(|h| h.contains("\"name\"")), "{error:?}");
    assert!(error.message().contains("column \"nmae\" does not exist"), "{error:?}");
    let error = client.query("SELECT id FROM ware WHERE stock = $1", &[&"x"]).await.unwrap_err();
    assert!(error.code().is_none(), "the driver itself knows that text is no int8");
    let error = client.prepare("SELECT * FROM no_such_thing").await.unwrap_err();
    assert_eq!(code(&error).code(), "42P01");
    assert_eq!(text(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_the_plan_in_one_column() {
    let (_server, client) = filled().await;
    let lines = texts(&client, "EXPLAIN SELECT name FROM ware WHERE grade = 'a'").await;
    assert!(lines.len() > 2 && lines.iter().all(|l| l.len() == 1), "{lines:?}");
    assert!(!texts(&client, "EXPLAIN (ANALYZE, FORMAT TEXT) SELECT count(*) FROM ware").await.is_empty());
    refused(&client, "EXPLAIN (FORMAT JSON) SELECT 1", "0A000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_text_search_answers_in_sql() {
    let (_server, client) = filled().await;
    assert_eq!(text(&client, "SELECT id FROM search('ware', 'lamp')").await, "war_1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_to_numeric_is_one_whatever_the_parameter_was_declared_as() {
    use tokio_postgres::types::Type;
    let server = Server::start().await;
    let client = server.connect().await;
    let half = "SELECT ($1::numeric / 2)::text";
    for (declared, given) in [(Type::INT4, 7), (Type::INT8, 7), (Type::TEXT, 7)] {
        let statement = client.prepare_typed(half, std::slice::from_ref(&declared)).await.unwrap();
        let value: Box<dyn tokio_postgres::types::ToSql + Sync> = match declared {
            Type::INT4 => Box::new(given),
            Type::INT8 => Box::new(i64::from(given)),
            _ => Box::new(given.to_string()),
        };
        let told: String = client.query_one(&statement, &[value.as_ref()]).await.unwrap().get(0);
        assert!(told.starts_with("3.5"), "{declared}: {told}");
    }
    assert_eq!(text(&client, "SELECT CAST(-1.50 AS numeric)").await, "-1.50");
    client
        .batch_execute(
            "PREPARE half (int) AS SELECT $1::numeric / 2; PREPARE same (numeric) AS SELECT $1::numeric",
        )
        .await
        .unwrap();
    assert!(text(&client, "EXECUTE half(7)").await.starts_with("3.5"));
    assert_eq!(text(&client, "EXECUTE same(1.50)").await, "1.50");
}
