//! SQL over the same views: names, parameters, what is refused.

use arrow::{array::RecordBatch, datatypes::DataType};
use datafusion::{
    common::ScalarValue,
    sql::sqlparser::{dialect::PostgreSqlDialect, parser::Parser},
};
use futures::TryStreamExt;
use quarry_planner::{Error, ErrorKind, PlannerOptions, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::fixture::{Kept, Shop, to_json};

async fn run(shop: &Shop, sql: &str, parameters: Vec<ScalarValue>) -> Result<Json, Error> {
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    let plan = session.plan(statement).await?;
    let batches: Vec<RecordBatch> = session.execute(plan, parameters).await?.try_collect().await?;
    Ok(to_json(&batches))
}

#[tokio::test]
async fn administrators_read_what_was_changed_and_others_find_no_such_table() {
    for kept in [Kept::Delta, Kept::Both, Kept::Segment] {
        let shop = Shop::filled(kept);
        let cases = [
            (
                "select object, record, operation, old from audit.changes where record = 'acc_3'",
                json!([{"object": "account", "record": "acc_3", "operation": "insert", "old": null}]),
            ),
            (
                "select count(*) as n from audit.changes where object = 'account' and csn > 1 and actor = ''",
                json!([{"n": 5}]),
            ),
            ("select count(*) as n from audit.changes where csn between 0 and 1", json!([{"n": 0}])),
            ("select count(*) as n from audit.changes where at >= '2100-01-01T00:00:00Z'", json!([{"n": 0}])),
            (
                "select a.name from audit.changes c join account a on a.id = c.record where c.record = 'acc_1'",
                json!([{"name": "Acme"}]),
            ),
            (
                "select record from main.audit.changes where object = 'account' limit 1",
                json!([{"record": "acc_1"}]),
            ),
        ];
        for (sql, expected) in cases {
            let got = run(&shop, sql, Vec::new()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(got, expected, "{sql}");
        }
        let context = quarry_planner::QueryContext { reads_audit: false, ..shop.context() };
        let session = shop.planner.sql(&context, &SqlExtras::default());
        let error = session.ask("select * from audit.changes").await.err().expect("it is not theirs");
        assert_eq!(error.kind, ErrorKind::Missing, "{error:?}");
    }
}

#[tokio::test]
async fn queries_answer_over_the_views() {
    let shop = Shop::filled(Kept::Both);
    let cases = [
        (
            "select id from account where industry = 'tech' order by id",
            json!([{"id": "acc_1"}, {"id": "acc_5"}]),
        ),
        ("select ID from shop.Account where id in ('acc_3', 'x')", json!([{"id": "acc_3"}])),
        ("select count(*) as n from public.account", json!([{"n": 5}])),
        ("select count(*) as n from main.shop.\"order\" where account_id is null", json!([{"n": 1}])),
        (
            "select a.name, sum(o.amount) as s from account a join \"order\" o on o.account_id = a.id \
             group by a.name order by s desc",
            json!([{"name": "Acme", "s": 425.75}, {"name": "Globex", "s": 0.01}]),
        ),
        ("select id from search('account', 'globex')", json!([{"id": "acc_3"}])),
        (
            "select id from search('shop.account', 'data') where _score > 0 order by id",
            json!([{"id": "acc_1"}, {"id": "acc_3"}, {"id": "acc_5"}]),
        ),
        ("select name from core.\"user\" order by name limit 1", json!([{"name": "Ann"}])),
        (
            "select id from account where revenue > 1200.5 - 0.1 and revenue < 2000 order by id offset 1",
            json!([{"id": "acc_5"}]),
        ),
        (
            "with t as (select industry, count(*) as n from account group by industry) select n from t \
          where industry is null",
            json!([{"n": 1}]),
        ),
    ];
    for (sql, expected) in cases {
        let got = run(&shop, sql, Vec::new()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(got, expected, "{sql}");
    }
}

#[tokio::test]
async fn parameters_are_typed_and_bound() {
    let shop = Shop::filled(Kept::Segment);
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let sql = "select id from account where id = $1 and revenue > $2 and seen_at < $3 limit $4";
    let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    let plan = session.plan(statement).await.unwrap();
    let types = session.parameter_types(&plan).unwrap();
    assert!(matches!(types[0], Some(DataType::Utf8View)), "{types:?}");
    assert!(matches!(types[1], Some(DataType::Decimal128(_, 2))), "{types:?}");
    assert!(matches!(types[2], Some(DataType::Timestamp(_, Some(_)))), "{types:?}");
    assert_eq!(types[3], Some(DataType::Int64));
    let optimized = session.optimize(&plan).unwrap();
    assert_eq!(optimized.schema().field(0).name(), "id");
    let values = vec![ScalarValue::from("acc_1"), ScalarValue::from("acc_9")];
    for (id, expected) in values.into_iter().zip([json!([{"n": 1}]), json!([{"n": 0}])]) {
        let got = run(&shop, "select count(*) as n from account where id = $1", vec![id]).await.unwrap();
        assert_eq!(got, expected);
    }
}

#[tokio::test]
async fn only_queries_pass_and_errors_name_what_is_wrong() {
    let shop = Shop::filled(Kept::Delta);
    let cases = [
        ("insert into account (id) values ('x')", "NOT_A_QUERY"),
        ("update account set name = 'x'", "NOT_A_QUERY"),
        ("delete from account", "NOT_A_QUERY"),
        ("create table t (a int)", "NOT_A_QUERY"),
        ("select 1 as a into t", "NOT_A_QUERY"),
        ("drop table account", "NOT_A_QUERY"),
        ("copy account to '/tmp/x.csv'", "NOT_A_QUERY"),
        ("set timezone = 'UTC'", "NOT_A_QUERY"),
        ("explain insert into account (id) values ('x')", "NOT_A_QUERY"),
        ("select * from acount", "OBJECT_NOT_FOUND"),
        ("select * from crm.account", "OBJECT_NOT_FOUND"),
        ("select * from core.account", "OBJECT_NOT_FOUND"),
        ("select nam from account", "INVALID_FIELD"),
        ("select a.name from account a where false order by a.nam", "INVALID_FIELD"),
        ("select name from account where false order by sum(nam) over ()", "INVALID_FIELD"),
        ("select * from search('contact', 'x')", "INVALID_QUERY"),
        ("select 1 / (employees - employees) from account", "EXPRESSION_FAILED"),
    ];
    for (sql, code) in cases {
        let error = run(&shop, sql, Vec::new()).await.expect_err(sql);
        assert_eq!(error.code, code, "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn rows_of_totals_are_sorted_by_every_key() {
    for partitions in [1, 3] {
        let options = PlannerOptions {
            target_partitions: partitions,
            single_partition_rows: 1,
            ..PlannerOptions::default()
        };
        let shop = Shop::empty(options);
        for id in ["acc_1", "acc_2"] {
            shop.insert("account", &[json!({"id": id, "name": "x"})]);
            shop.insert("order", &[json!({"id": format!("ord_{id}"), "account_id": id, "stage": "won"})]);
        }
        shop.store.fold().unwrap();
        // The join makes the two keys equal, the condition fixes one: in the rows of the totals neither is so.
        let joined =
            "select o.account_id as one, a.id as two from \"order\" o join account a on a.id = o.account_id
            group by rollup (o.account_id, a.id) order by 1, 2 limit 4";
        let fixed = "select account_id as one, stage as two from \"order\" where stage = 'won'
            group by grouping sets ((account_id, stage), (account_id)) order by stage nulls first, account_id";
        let row = |one: Json, two: Json| json!({ "one": one, "two": two });
        let rows = |keys: [(Json, Json); 4]| Json::from(keys.map(|(one, two)| row(one, two)).to_vec());
        let (acc_1, acc_2, won, none) = (json!("acc_1"), json!("acc_2"), json!("won"), Json::Null);
        let of_joined = [(&acc_1, &acc_1), (&acc_1, &none), (&acc_2, &acc_2), (&acc_2, &none)];
        let of_fixed = [(&acc_1, &none), (&acc_2, &none), (&acc_1, &won), (&acc_2, &won)];
        for (sql, wanted) in [(joined, of_joined), (fixed, of_fixed)] {
            let wanted = rows(wanted.map(|(one, two)| (one.clone(), two.clone())));
            assert_eq!(run(&shop, sql, Vec::new()).await.unwrap(), wanted, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_join_that_tries_too_many_pairs_is_refused_before_it_runs() {
    let options = PlannerOptions { join_pairs_max: 20, ..PlannerOptions::default() };
    let shop = Shop::empty(options);
    let accounts: Vec<Json> = (0..5).map(|n| json!({"id": format!("acc_{n}"), "name": "x"})).collect();
    shop.insert("account", &accounts);
    let sql = "select count(*) from account a, account b where a.name > b.name";
    let error = run(&shop, sql, Vec::new()).await.expect_err("25 pairs");
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"));
    let by_key = "select count(*) as n from account a, account b where a.id = 'acc_1' and a.id > b.id";
    assert_eq!(run(&shop, by_key, Vec::new()).await.unwrap(), json!([{"n": 1}]));
}

/// Ranges go by indexes where few records are in them, by bounds of row groups else, and least and greatest values may
/// come from what storage knows: the answers are the same, folded or not.
#[tokio::test]
async fn ranges_and_extremes_are_the_same_however_the_rows_lie() {
    let shop = Shop::empty(PlannerOptions::default());
    let order = |n: i32| {
        let stage = if n % 3 == 0 { json!("won") } else { Json::Null };
        json!({"id": format!("ord_{n:03}"), "number": format!("o{n:03}"), "amount": n.to_string(), "stage": stage})
    };
    shop.insert("order", &(0..300).map(order).collect::<Vec<_>>());
    let cases = [
        (
            "select count(*) as n from \"order\" where number >= 'o100' and number < 'o110'",
            json!([{"n": 10}]),
        ),
        ("select count(*) as n from \"order\" where number between 'o100' and 'o110'", json!([{"n": 11}])),
        ("select count(*) as n from \"order\" where 'o290' <= number and amount > 295", json!([{"n": 4}])),
        ("select count(*) as n from \"order\" where number like 'o29%'", json!([{"n": 10}])),
        ("select count(*) as n from \"order\" where number like '%9'", json!([{"n": 30}])),
        ("select count(*) as n from \"order\" where amount >= 100 and amount < 110", json!([{"n": 10}])),
        ("select count(*) as n from \"order\" where amount > 1000", json!([{"n": 0}])),
        ("select count(*) as n from \"order\" where amount < 123456789012345678901234", json!([{"n": 300}])),
        ("select count(*) as n from \"order\" where stage is not null and amount < 30", json!([{"n": 10}])),
        ("select count(*) as n from \"order\" where id > 'ord_297'", json!([{"n": 2}])),
        ("select id from \"order\" where id > 'ord_250' order by id limit 1", json!([{"id": "ord_251"}])),
        (
            "select min(number) as a, max(number) as b, count(stage) as c, count(*) as d from \"order\"",
            json!([{"a": "o000", "b": "o299", "c": 100, "d": 300}]),
        ),
        ("select max(number) as m from \"order\" where stage is null", json!([{"m": "o299"}])),
    ];
    for folded in [false, true] {
        for (sql, expected) in &cases {
            let got = run(&shop, sql, Vec::new()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(&got, expected, "{sql}, folded: {folded}");
        }
        shop.store.fold().unwrap();
    }
    shop.insert("order", &[order(300)]);
    let got =
        run(&shop, "select max(number) as m, count(stage) as n from \"order\"", Vec::new()).await.unwrap();
    assert_eq!(got, json!([{"m": "o300", "n": 101}]));
}

#[tokio::test]
async fn instants_are_truncated_by_the_clock_of_the_session_or_of_a_zone_that_is_named() {
    let shop = Shop::filled(Kept::Both);
    // Berlin: UTC+1 in winter, UTC+2 in summer; the clock goes forward on 2024-03-31 and back on 2024-10-27.
    let cases = [
        ("Europe/Berlin", "date_trunc('day', timestamptz '2024-06-30 22:30:00Z')", "2024-06-30T22:00:00Z"),
        ("Europe/Berlin", "date_trunc('month', timestamptz '2024-06-30 22:30:00Z')", "2024-06-30T22:00:00Z"),
        ("Europe/Berlin", "date_trunc('day', timestamptz '2024-03-31 12:00:00Z')", "2024-03-30T23:00:00Z"),
        ("Europe/Berlin", "date_trunc('week', timestamptz '2024-04-02 00:30:00Z')", "2024-03-31T22:00:00Z"),
        ("Europe/Berlin", "date_trunc('hour', timestamptz '2024-10-27 01:30:00Z')", "2024-10-27T01:00:00Z"),
        ("UTC", "date_trunc('day', timestamptz '2024-06-30 22:30:00Z')", "2024-06-30T00:00:00Z"),
        (
            "UTC",
            "date_trunc('day', timestamptz '2024-06-30 22:30:00Z', 'Europe/Berlin')",
            "2024-06-30T22:00:00Z",
        ),
        (
            "Europe/Berlin",
            "date_trunc('day', timestamptz '2024-06-30 22:30:00Z', 'America/New_York')",
            "2024-06-30T04:00:00Z",
        ),
        ("Asia/Kathmandu", "date_trunc('hour', timestamptz '2024-06-30 22:30:00Z')", "2024-06-30T22:15:00Z"),
    ];
    for (zone, expression, expected) in cases {
        let mut context = shop.context();
        context.time_zone = zone.parse().unwrap();
        let session = shop.planner.sql(&context, &SqlExtras::default());
        let text = format!(
            "select count(*) as n from (select {expression} as t) where t = timestamptz '{expected}'"
        );
        let batches: Vec<RecordBatch> = session.ask(&text).await.unwrap().try_collect().await.unwrap();
        assert_eq!(to_json(&batches), json!([{"n": 1}]), "{zone}: {expression}");
    }
    // Of records, in groups, and again when nothing is planned any more.
    let mut context = shop.context();
    context.time_zone = chrono_tz::Asia::Tokyo;
    for text in [
        "select count(*) as n from account where date_trunc('day', seen_at) <> \
         date_trunc('day', seen_at, 'Asia/Tokyo')",
        "select count(distinct t) as n from (select date_trunc('year', seen_at) as t from account group by 1) \
         where t <> date_trunc('year', t, 'Asia/Tokyo')",
    ] {
        let session = shop.planner.sql(&context, &SqlExtras::default());
        for _ in 0..2 {
            let batches: Vec<RecordBatch> = session.ask(text).await.unwrap().try_collect().await.unwrap();
            assert_eq!(to_json(&batches), json!([{"n": 0}]), "{text}");
        }
    }
    for (text, code) in [
        ("select date_trunc('day', now(), 'Mars/Base')", "INVALID_QUERY"),
        ("select date_trunc('day', seen_at, name) from account", "NOT_SUPPORTED"),
    ] {
        let error = run(&shop, text, Vec::new()).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
    }
}
