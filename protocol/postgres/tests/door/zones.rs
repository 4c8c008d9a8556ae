//! Instants under `SET timezone`, against what PostgreSQL 15 answered to the same: `zones.tsv` has a zone, a question and the rows. Where
//! `QUARRY_TEST_POSTGRES` names a server (`host=… user=…`), it is asked too, and must still answer so.

use tokio_postgres::{Client, NoTls};

use crate::fixture::{Server, code, refused, text};

const BY_POSTGRES: &str = include_str!("zones.tsv");

/// Around the changes of New York's clocks in 2018, a leap day, the end of a quarter and of a year, and the day that Samoa left out; each with
/// a day and a text beside it.
const RECORDS: &str = "INSERT INTO ware (id, checked_at, since, code, name) VALUES
    ('w1', '2018-03-11 06:59:59.5Z', '2018-03-11', '2018-03-11 02:30:00', 'a'),
    ('w2', '2018-03-11 07:00:00Z', '2018-03-11', '2018-03-11 03:30:00', 'b'),
    ('w3', '2018-11-04 05:30:00Z', '2018-11-04', '2018-11-04 01:30:00', 'c'),
    ('w4', '2018-11-04 06:30:00Z', '2018-11-04', '2018-11-04 00:59:59', 'd'),
    ('w5', '2024-02-29 23:30:00.123456Z', '2024-03-01', '2024-03-31 02:30:00', 'e'),
    ('w6', '2024-07-01 03:59:59.999999Z', '2024-06-30', '2024-07-01 12:00:00', 'f'),
    ('w7', '2020-12-31 23:45:00Z', '2021-01-01', '2021-01-01 00:00:00', 'g'),
    ('w8', NULL, NULL, NULL, 'h'),
    ('w9', '2011-12-30 10:00:00Z', '2011-12-30', '2011-12-30 12:00:00', 'i')";

async fn filled() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.connect().await;
    client.batch_execute(RECORDS).await.unwrap_or_else(|error| panic!("{error:?}"));
    (server, client)
}

/// The rows of an answer, or why there are none.
async fn answer(client: &Client, zone: &str, question: &str) -> String {
    client.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
    let messages = match client.simple_query(question).await {
        Ok(messages) => messages,
        Err(error) => return format!("{} {error:?}", code(&error).code()),
    };
    let rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => {
            let cells = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned());
            Some(cells.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    rows.collect::<Vec<_>>().join(" ; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_are_answered_as_postgres_answers_them() {
    let (_server, client) = filled().await;
    let mut wrong = Vec::new();
    let mut lines = 0;
    for line in BY_POSTGRES.lines() {
        let [zone, question, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} is no line of three")
        };
        lines += 1;
        // Twice: what is known of a question that was asked before is known of its zone.
        for _ in 0..2 {
            let got = answer(&client, zone, question).await;
            if got != expected {
                wrong.push(format!("{zone}: {question}\n  wanted {expected}\n  got    {got}"));
                break;
            }
        }
    }
    assert!(lines > 500, "only {lines} lines");
    assert!(wrong.is_empty(), "{} of {lines}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_what_postgres_answers() {
    let Ok(server) = std::env::var("QUARRY_TEST_POSTGRES") else { return };
    let (client, connection) = tokio_postgres::connect(&server, NoTls).await.unwrap();
    tokio::spawn(connection);
    let table = "CREATE TEMP TABLE ware (id text, checked_at timestamptz, since date, code text, name text)";
    client.batch_execute(&format!("{table}; {RECORDS}")).await.unwrap();
    for line in BY_POSTGRES.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        assert_eq!(answer(&client, parts[0], parts[1]).await, parts[2], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_and_bound_is_read_by_the_sessions_clock() {
    let (_server, client) = filled().await;
    let zone = "America/New_York";
    for (given, read) in [
        // Skipped, shown twice, and told apart by its offset.
        ("'2018-03-11 02:30'", "2018-03-11 03:30:00-04"),
        ("'2018-11-04 01:30:00'", "2018-11-04 01:30:00-05"),
        ("'2018-11-04 01:30:00-04'", "2018-11-04 01:30:00-04"),
        ("timestamp '2018-11-04 01:30:00'", "2018-11-04 01:30:00-05"),
        ("date '2018-11-04'", "2018-11-04 00:00:00-04"),
        ("'2018-11-04'", "2018-11-04 00:00:00-04"),
        ("'2024-07-01 12:00:00 CET'", "2024-07-01 07:00:00-04"),
        ("timestamp '2024-01-31 12:00:00' + interval '1 month'", "2024-02-29 12:00:00-05"),
    ] {
        let update = format!("UPDATE ware SET checked_at = {given} WHERE id = 'w1' RETURNING checked_at");
        assert_eq!(answer(&client, zone, &update).await, read, "{given}");
        let insert = format!(
            "INSERT INTO ware (id, name, checked_at) VALUES ('new', 'n', {given}) RETURNING checked_at"
        );
        assert_eq!(answer(&client, zone, &insert).await, read, "{given}");
        client.batch_execute("DELETE FROM ware WHERE id = 'new'").await.unwrap();
    }
    let day = "UPDATE ware SET since = timestamptz '2024-07-01 03:59:59Z' WHERE id = 'w1' RETURNING since";
    assert_eq!(answer(&client, zone, day).await, "2024-06-30");
    let upsert = "INSERT INTO ware (id, name, checked_at) VALUES ('w1', 'n', NULL) ON CONFLICT (id) \
                  DO UPDATE SET checked_at = '2018-11-04 01:30' RETURNING checked_at";
    assert_eq!(answer(&client, zone, upsert).await, "2018-11-04 01:30:00-05");
    // Values beside a statement.
    client.batch_execute("PREPARE twice (timestamptz) AS SELECT $1").await.unwrap();
    for given in ["'2018-11-04 01:30:00'", "timestamp '2018-11-04 01:30:00'"] {
        let question = format!("EXECUTE twice ({given})");
        assert_eq!(answer(&client, zone, &question).await, "2018-11-04 01:30:00-05", "{given}");
    }
    let found = "SELECT id FROM ware WHERE checked_at = $1::text::timestamp ORDER BY id";
    for (zone, ids) in [("America/New_York", vec!["w1", "w4"]), ("UTC", vec![])] {
        client.batch_execute(&format!("SET timezone = '{zone}'")).await.unwrap();
        for _ in 0..2 {
            let rows = client.query(found, &[&"2018-11-04 01:30:00"]).await.unwrap();
            let got: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(got, ids, "{zone}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_that_are_none_or_not_known_here_have_their_codes() {
    let (_server, client) = filled().await;
    for (question, state) in [
        ("SELECT now() AT TIME ZONE 'Mars/Base'", "22023"),
        ("SELECT checked_at AT TIME ZONE code FROM ware WHERE id = 'w1'", "22023"),
        ("SELECT now() AT TIME ZONE INTERVAL '1 day'", "22023"),
        ("SELECT now() AT TIME ZONE 'MSK'", "0A000"),
        ("SELECT to_char(1, '9')", "42883"),
        ("SELECT timestamptz 'soon'", "22007"),
        ("SELECT id FROM ware WHERE checked_at > 'soon'", "22007"),
        ("SET timezone = 'EDT'", "22023"),
        ("SET timezone = '+02:00'", "22023"),
    ] {
        refused(&client, question, state).await;
    }
    for (set, shown) in [("'+02'", "+02"), ("-5", "-05"), ("'utc'", "+00")] {
        client.batch_execute(&format!("SET timezone = {set}")).await.unwrap();
        let told = text(&client, "SELECT to_char(now(), 'OF')").await;
        assert_eq!(told, shown, "SET timezone = {set}");
    }
}
