//! The database names the tenant; what is suspended sends its clients away.

use quarry_engine::{NewTenant, TenantName};
use tokio_postgres::{Config, NoTls};

use crate::fixture::{PASSWORD, Server, code, text};

const OTHER_PASSWORD: &str = "another horse battery";

async fn with_acme() -> Server {
    let server = Server::start().await;
    let engines = server.engines.clone();
    let new = NewTenant { admin_password: Some(OTHER_PASSWORD.into()), location: None };
    let made = move || engines.create(&TenantName::try_from("acme").unwrap(), new);
    tokio::task::spawn_blocking(made).await.unwrap().unwrap();
    server
}

fn acme(server: &Server) -> Config {
    let mut config = server.config();
    config.dbname("acme").password(OTHER_PASSWORD);
    config
}

async fn refusal(config: &Config) -> String {
    let error = config.connect(NoTls).await.err().unwrap();
    code(&error).code().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_the_tenant_and_its_users_are_its_own() {
    let server = with_acme().await;
    let (of_acme, connection) = acme(&server).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let of_main = server.connect().await;
    of_acme.batch_execute("INSERT INTO vendor (name) VALUES ('Of acme')").await.unwrap();
    assert_eq!(text(&of_acme, "SELECT count(*) FROM vendor WHERE name = 'Of acme'").await, "1");
    assert_eq!(text(&of_main, "SELECT count(*) FROM vendor WHERE name = 'Of acme'").await, "0");
    let mut mixed = acme(&server);
    assert_eq!(refusal(mixed.password(PASSWORD)).await, "28P01", "the main tenant's password");
    let mut mixed = server.config();
    assert_eq!(refusal(mixed.password(OTHER_PASSWORD)).await, "28P01");
    let mut nobody = server.config();
    assert_eq!(refusal(nobody.dbname("nobody")).await, "28P01", "no tenant is as a wrong password");
    assert_eq!(refusal(nobody.dbname("No.Tenant")).await, "3D000", "told to who has proven himself");
    assert_eq!(refusal(nobody.password("wrong password")).await, "28P01", "and to nobody else");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_connected_is_sent_away_when_the_tenant_is_suspended() {
    let server = with_acme().await;
    let (client, connection) = acme(&server).connect(NoTls).await.unwrap();
    let ended = tokio::spawn(connection);
    let of_main = server.connect().await;
    assert_eq!(text(&client, "SELECT 1").await, "1");
    let engines = server.engines.clone();
    let suspend = move || engines.suspend(&TenantName::try_from("acme").unwrap());
    tokio::task::spawn_blocking(suspend).await.unwrap().unwrap();
    let error = ended.await.unwrap().unwrap_err();
    assert_eq!(code(&error).code(), "57P03", "{error:?}");
    assert!(client.batch_execute("SELECT 1").await.is_err());
    assert_eq!(refusal(&acme(&server)).await, "57P03");
    assert_eq!(refusal(acme(&server).password("wrong password")).await, "28P01", "told to nobody else");
    assert_eq!(text(&of_main, "SELECT 1").await, "1");
    server.stop().await;
}
