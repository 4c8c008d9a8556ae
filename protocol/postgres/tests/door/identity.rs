//! Who gets in by what, and what a connection may when its user's rights change.

use quarry_engine::{NewKey, Session, SessionOptions};
use tokio_postgres::NoTls;

use crate::fixture::*;

fn admin(server: &Server) -> Session {
    server.engine.session(server.engine.operator().unwrap(), SessionOptions::default())
}

async fn connect(
    server: &Server,
    user: &str,
    password: &str,
) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = server.config().user(user).password(password).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_the_door_until_it_is_revoked() {
    let server = Server::start().await;
    let admin = admin(&server);
    admin.add_service_account("robot", false).unwrap();
    let made = admin.make_key("robot", &NewKey { name: "nightly".into(), ..Default::default() }).unwrap();
    let client = connect(&server, &made.info.id, &made.text).await.unwrap();
    assert_eq!(text(&client, "SELECT current_user").await, "robot");
    // The key of another, half of the key, the key for another name.
    let other = admin.make_key("robot", &NewKey { name: "other".into(), ..Default::default() }).unwrap();
    for (user, password) in [
        (made.info.id.as_str(), other.text.as_str()),
        (&made.info.id, &made.text[..40]),
        ("robot", &made.text),
        ("admin", &made.text),
    ] {
        let error = connect(&server, user, password).await.err().unwrap();
        assert_eq!(code(&error).code(), "28P01", "{user}");
    }
    admin.revoke_key("robot", &made.info.id).unwrap();
    let error = client.simple_query("SELECT 1").await.unwrap_err();
    assert_eq!(code(&error).code(), "28P01");
    assert!(connect(&server, &made.info.id, &made.text).await.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_what_it_was_opened_by() {
    let server = Server::start().await;
    let admin = admin(&server);
    admin.add_user("li", PASSWORD, false).unwrap();
    let client = connect(&server, "li", PASSWORD).await.unwrap();
    assert_eq!(text(&client, "SELECT current_user").await, "li");
    admin.set_password("li", "another fine password").unwrap();
    let error = client.simple_query("SELECT 1").await.unwrap_err();
    assert_eq!(code(&error).code(), "28P01");
    assert!(client.is_closed() || client.simple_query("SELECT 1").await.is_err());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_reads_writes_nothing_here_either() {
    let server = Server::start().await;
    let new = NewKey { name: "reports".into(), read_only: true, ..Default::default() };
    let made = admin(&server).make_key("admin", &new).unwrap();
    let client = connect(&server, &made.info.id, &made.text).await.unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM \"user\"").await, "1");
    refused(&client, "INSERT INTO \"user\" (name) VALUES ('x')", "42501").await;
    refused(&client, "DELETE FROM \"user\"", "42501").await;
    server.stop().await;
}
