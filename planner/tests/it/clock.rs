//! What time is in SQL, as PostgreSQL's manual has it (9.9.4, 9.9.5): the instant of a statement, and the clocks of zones.

use arrow::{array::RecordBatch, util::display::array_value_to_string};
use futures::TryStreamExt;
use quarry_planner::{Result, sql::SqlExtras};

use crate::fixture::{Kept, Shop};

/// The type and the value that an expression has in a session of a zone. The clock stands at 2026-07-28T12:00:00Z.
async fn told(shop: &Shop, zone: &str, expression: &str) -> Result<(String, String)> {
    let mut context = shop.context();
    context.time_zone = zone.parse().unwrap();
    let session = shop.planner.sql(&context, &SqlExtras::default());
    let batches: Vec<RecordBatch> =
        session.ask(&format!("select {expression} as t")).await?.try_collect().await?;
    let column = batches[0].column(0);
    let value = array_value_to_string(column, 0).unwrap();
    let kind = match column.data_type() {
        arrow::datatypes::DataType::Timestamp(_, zone) => {
            if zone.is_some() { "timestamptz" } else { "timestamp" }.to_owned()
        }
        other => other.to_string(),
    };
    Ok((kind, value))
}

#[tokio::test]
async fn now_is_an_instant() {
    let shop = Shop::filled(Kept::Both);
    for zone in ["UTC", "Europe/Berlin", "America/New_York"] {
        for now in ["now()", "current_timestamp", "NOW()"] {
            let told = told(&shop, zone, now).await.unwrap();
            assert_eq!(told, ("timestamptz".into(), "2026-07-28T12:00:00Z".into()), "{zone} {now}");
        }
    }
    // The day that it is here.
    for (zone, day) in [
        ("UTC", "2026-07-28T00:00:00Z"),
        ("Europe/Berlin", "2026-07-27T22:00:00Z"),
        ("America/New_York", "2026-07-28T04:00:00Z"),
        ("Pacific/Kiritimati", "2026-07-28T10:00:00Z"),
    ] {
        let told = told(&shop, zone, "date_trunc('day', now())").await.unwrap();
        assert_eq!(told, ("timestamptz".into(), day.into()), "{zone}");
    }
    for (expression, value) in [
        ("now() = now()", "true"),
        ("now() = timestamptz '2026-07-28 12:00:00Z'", "true"),
        ("now() - interval '1 hour' < now()", "true"),
        ("now() + interval '1 day' = timestamptz '2026-07-29 12:00:00Z'", "true"),
        (
            "(select count(*) from account where seen_at < now() or seen_at >= now() or seen_at is null) = (select count(*) from account)",
            "true",
        ),
        (
            "(select count(*) from account where coalesce(seen_at, now()) = now()) = (select count(*) from account where seen_at is null)",
            "true",
        ),
        ("extract(year from now())", "2026"),
    ] {
        let told = told(&shop, "Europe/Berlin", expression)
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error:?}"));
        assert_eq!(told.1, value, "{expression}");
    }
}

#[tokio::test]
async fn at_time_zone_goes_from_instants_to_clocks_and_back() {
    let shop = Shop::filled(Kept::Both);
    for (zone, expression, kind, value) in [
        // The manual's examples.
        (
            "UTC",
            "timestamp '2001-02-16 20:38:40' at time zone 'America/Denver'",
            "timestamptz",
            "2001-02-17T03:38:40Z",
        ),
        (
            "America/Los_Angeles",
            "timestamp '2001-02-16 20:38:40' at time zone 'America/Denver'",
            "timestamptz",
            "2001-02-17T03:38:40Z",
        ),
        (
            "UTC",
            "timestamp with time zone '2001-02-16 20:38:40-05' at time zone 'America/Denver'",
            "timestamp",
            "2001-02-16T18:38:40",
        ),
        (
            "UTC",
            "timestamp '2001-02-16 20:38:40' at time zone 'Asia/Tokyo' at time zone 'America/Chicago'",
            "timestamp",
            "2001-02-16T05:38:40",
        ),
        (
            "UTC",
            "timezone('America/Denver', timestamp '2001-02-16 20:38:40')",
            "timestamptz",
            "2001-02-17T03:38:40Z",
        ),
        // An instant is the same in every session.
        ("Asia/Tokyo", "now() at time zone 'europe/berlin'", "timestamp", "2026-07-28T14:00:00"),
        ("UTC", "now() AT TIME ZONE 'UTC'", "timestamp", "2026-07-28T12:00:00"),
        (
            "UTC",
            "date_trunc('day', now() at time zone 'Pacific/Kiritimati')",
            "timestamp",
            "2026-07-29T00:00:00",
        ),
        (
            "UTC",
            "date_trunc('day', now() at time zone 'Pacific/Kiritimati') at time zone 'Pacific/Kiritimati'",
            "timestamptz",
            "2026-07-28T10:00:00Z",
        ),
        ("UTC", "cast(now() at time zone 'Pacific/Kiritimati' as date)", "Date32", "2026-07-29"),
        ("UTC", "extract(hour from now() at time zone 'Asia/Kolkata')", "Int32", "17"),
        // A day or a text is an instant by the session's clock.
        ("Europe/Berlin", "date '2024-07-01' at time zone 'UTC'", "timestamp", "2024-06-30T22:00:00"),
        ("Europe/Berlin", "'2024-07-01 12:00:00' at time zone 'UTC'", "timestamp", "2024-07-01T10:00:00"),
        // What clocks skip, and what they show twice.
        (
            "UTC",
            "timestamp '2018-03-11 02:30:00' at time zone 'America/New_York'",
            "timestamptz",
            "2018-03-11T07:30:00Z",
        ),
        (
            "UTC",
            "timestamp '2018-11-04 01:30:00' at time zone 'America/New_York'",
            "timestamptz",
            "2018-11-04T06:30:00Z",
        ),
        ("UTC", "cast(null as timestamp) at time zone 'UTC' is null", "Boolean", "true"),
        ("UTC", "now() at time zone null is null", "Boolean", "true"),
        // Of records: there and back.
        (
            "America/New_York",
            "(select count(*) from account where (seen_at at time zone 'Asia/Tokyo') at time zone 'Asia/Tokyo' = seen_at) = (select count(seen_at) from account)",
            "Boolean",
            "true",
        ),
        (
            "UTC",
            "(select count(*) from account, (values ('Asia/Tokyo')) as zones (z) \
             where seen_at at time zone z <> seen_at at time zone 'Asia/Tokyo') = 0",
            "Boolean",
            "true",
        ),
    ] {
        let told =
            told(&shop, zone, expression).await.unwrap_or_else(|error| panic!("{expression}: {error:?}"));
        assert_eq!(told, (kind.to_owned(), value.to_owned()), "{zone}: {expression}");
    }
    for (expression, named) in [
        ("now() at time zone 'Mars/Base'", "Mars/Base"),
        ("now() at time zone 5", "Int64"),
        ("5 at time zone 'UTC'", "Int64"),
        ("time '10:00' at time zone 'UTC'", "Time64"),
        ("'never' at time zone 'UTC'", "never"),
    ] {
        let error = told(&shop, "UTC", expression).await.unwrap_err();
        assert!(error.message.contains(named), "{expression}: {error}");
        assert_ne!(error.code, "INTERNAL_ERROR", "{expression}: {error:?}");
    }
}
