//! What rules warn of, as notices beside the answer.

use futures::{StreamExt, stream::poll_fn};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls, error::DbError};

use crate::fixture::{Server, refused, text};

/// A client, and the notices that it is sent.
async fn listening(server: &Server) -> (Client, UnboundedReceiver<DbError>) {
    let (client, mut connection) = server.config().connect(NoTls).await.unwrap();
    let (sender, notices) = unbounded_channel();
    tokio::spawn(async move {
        let mut messages = poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                sender.send(notice).ok();
            }
        }
    });
    (client, notices)
}

fn told(notices: &mut UnboundedReceiver<DbError>) -> Vec<DbError> {
    std::iter::from_fn(|| notices.try_recv().ok()).collect()
}

fn messages(notices: &mut UnboundedReceiver<DbError>) -> Vec<String> {
    told(notices).iter().map(|notice| notice.message().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_are_notices_with_what_they_are_about() {
    let server = Server::start().await;
    let (client, mut notices) = listening(&server).await;
    let sql = "INSERT INTO ware (name, stock) VALUES ('a', -1), ('b', 1), ('c', -2)";
    assert_eq!(client.execute(sql, &[]).await.unwrap(), 3);
    let found = told(&mut notices);
    assert_eq!(found.len(), 2, "{found:?}");
    let first = &found[0];
    assert_eq!((first.severity(), first.code().code()), ("WARNING", "01000"));
    assert_eq!(first.message(), "a is oversold");
    let about = (first.table(), first.column(), first.constraint());
    assert_eq!(about, (Some("ware"), Some("stock"), Some("OVERSOLD")));
    client.batch_execute("UPDATE ware SET stock = stock - 1 WHERE name = 'a'").await.unwrap();
    assert_eq!(messages(&mut notices), ["a is oversold"]);
    client.batch_execute("UPDATE ware SET stock = 5").await.unwrap();
    assert!(messages(&mut notices).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_transaction_each_statement_tells_its_own() {
    let server = Server::start().await;
    let (client, mut notices) = listening(&server).await;
    client.batch_execute("BEGIN; INSERT INTO ware (name, stock) VALUES ('a', -1)").await.unwrap();
    assert_eq!(messages(&mut notices), ["a is oversold"]);
    client.batch_execute("INSERT INTO ware (name, stock) VALUES ('b', 1); COMMIT").await.unwrap();
    assert!(messages(&mut notices).is_empty());
    let error = refused(&client, "INSERT INTO ware (name, stock, price) VALUES ('c', -3, -1)", "23514").await;
    assert_eq!(error.column(), Some("price"));
    assert_eq!(messages(&mut notices), ["c is oversold"], "beside the error");
    assert_eq!(text(&client, "SELECT count(*) FROM ware").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_warned_of_what_is_passed_over() {
    let server = Server::start().await;
    let (client, mut notices) = listening(&server).await;
    client.batch_execute("INSERT INTO ware (code, name, stock) VALUES ('A', 'a', 1)").await.unwrap();
    for target in ["", "(code)", "ON CONSTRAINT ware_code_key"] {
        let sql = format!(
            "INSERT INTO ware (code, name, stock) VALUES ('A', 'again', -1), (NULL, 'b', -1) ON CONFLICT {target} DO NOTHING"
        );
        assert_eq!(client.execute(&sql, &[]).await.unwrap(), 1, "{sql}");
        assert_eq!(messages(&mut notices), ["b is oversold"], "{sql}");
    }
    let sql =
        "INSERT INTO ware (code, name, stock, price) VALUES ('A', 'again', -1, -1) ON CONFLICT DO NOTHING";
    refused(&client, sql, "23514").await;
    assert_eq!(messages(&mut notices), ["again is oversold"], "beside an error it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_leave_them_out() {
    let server = Server::start().await;
    let (client, mut notices) = listening(&server).await;
    client.batch_execute("SET client_min_messages = error").await.unwrap();
    client.batch_execute("INSERT INTO ware (name, stock) VALUES ('a', -1)").await.unwrap();
    assert!(messages(&mut notices).is_empty());
    client.batch_execute("SET client_min_messages = warning").await.unwrap();
    client.batch_execute("INSERT INTO ware (name, stock) VALUES ('b', -1)").await.unwrap();
    assert_eq!(messages(&mut notices), ["b is oversold"]);
}
