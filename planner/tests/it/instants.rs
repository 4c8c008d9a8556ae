//! What can't be told of instants by a session's clock is refused by name. What is told, the door compares with PostgreSQL
//! (`protocol/postgres/tests/door/zones.rs`).

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use quarry_planner::{Result, sql::SqlExtras};

use serde_json::json;

use crate::fixture::{Kept, Shop, to_json};

async fn asked(shop: &Shop, zone: &str, text: &str) -> Result<Vec<RecordBatch>> {
    let mut context = shop.context();
    context.time_zone = zone.parse().unwrap();
    let session = shop.planner.sql(&context, &SqlExtras::default());
    Ok(session.ask(text).await?.try_collect().await?)
}

#[tokio::test]
async fn what_would_go_by_another_clock_is_refused_by_name() {
    let shop = Shop::filled(Kept::Both);
    for (text, named) in [
        (
            "select count(*) over (order by seen_at range between interval '1 day' preceding and current row) from account",
            "RANGE of days or months",
        ),
        ("select seen_at from account union all select date '2024-01-01'", "a set operation"),
        ("select id from account where seen_at in (select date '2024-01-01')", "IN and ANY of a subquery"),
        ("select x from (values (now()), (date '2024-01-01')) t(x)", "VALUES"),
        (
            "select x from (values (date '2024-01-01'), (null), (timestamptz '2024-01-01 00:00:00')) t(x)",
            "VALUES",
        ),
        ("select try_cast('2024-01-01' as timestamptz)", "TRY_CAST"),
        ("select arrow_cast(array_agg(seen_at), 'List(Date32)') from account", "unnest it"),
        ("select to_char(5, '999')", "to_char of Int64"),
        ("select to_char(interval '1 hour', 'HH24')", "to_char of Interval"),
        ("select to_timestamp('2024-01-01', 'YYYY-MM-DD')", "to_timestamp of a text and its format"),
        ("select now() at time zone 'MSK'", "Europe/Moscow"),
        ("select now() at time zone 'AAA3BBB,M3.2.0,M11.1.0'", "rules of its own"),
        ("select now() at time zone interval '1 day'", "must not include months or days"),
        ("select date_trunc('day', now(), '+02:00:30')", "whole minutes"),
        ("select cast(5 as timestamp)", "to_timestamp"),
        ("select date_bin('1 month', seen_at, now()) from account", "months or years"),
        ("select extract(timezone from seen_at at time zone 'UTC') from account", "it has none"),
        ("select extract(fortnight from now())", "FORTNIGHT"),
    ] {
        let error = asked(&shop, "America/New_York", text).await.map(|rows| to_json(&rows)).unwrap_err();
        assert!(error.message.to_ascii_lowercase().contains(&named.to_ascii_lowercase()), "{text}: {error}");
        assert_ne!(error.code, "INTERNAL_ERROR", "{text}: {error:?}");
    }
    // Where the clock has no part in it, or is that of UTC; a series has as many steps by any clock.
    let series = "select count(*) as n from generate_series(timestamptz '2018-03-01 12:00:00', timestamptz '2018-03-20 12:30:00', interval '1 day')";
    assert_eq!(to_json(&asked(&shop, "America/New_York", series).await.unwrap()), json!([{"n": 20}]));
    for (zone, text) in [
        (
            "UTC",
            "select count(*) over (order by seen_at range between interval '1 day' preceding and current row) from account",
        ),
        (
            "America/New_York",
            "select count(*) over (order by seen_at range between interval '3 hours' preceding and current row) from account",
        ),
        ("UTC", "select arrow_cast(array_agg(seen_at), 'List(Date32)') from account"),
        ("America/New_York", "select id from account where seen_at in (select timestamp '2024-01-01')"),
    ] {
        asked(&shop, zone, text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}
