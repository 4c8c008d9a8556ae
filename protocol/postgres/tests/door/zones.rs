//! Instants under `SET timezone`, against what PostgreSQL 15 answered to the same: `zones.tsv` has a zone, a question and the rows. Where
//! `QUARRY_TEST_POSTGRES` names a server (`host=… user=…`), it is asked too, and must still answer so.

use tokio_postgres::{Client, NoTls};

use crate::fixture::{Server, code};

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
