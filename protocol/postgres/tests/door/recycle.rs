//! The recycle bin in SQL: looked at, brought back, purged.

use tokio_postgres::{Client, NoTls};

use crate::fixture::{PASSWORD, Server, refused, text, texts};

async fn started() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute(
            "INSERT INTO vendor (id, name) VALUES ('ven_1', 'One'), ('ven_2', 'Two'), ('ven_3', 'Three')",
        )
        .await
        .unwrap();
    client.batch_execute("DELETE FROM vendor WHERE id <> 'ven_2'").await.unwrap();
    (server, client)
}

/// Someone who is no administrator.
async fn clerk(server: &Server) -> Client {
    server.engine.add_user("clerk", PASSWORD, false).unwrap();
    let operator = server.engine.operator().unwrap();
    server.engine.session(operator, Default::default()).grant("clerk", "write_all_data", None).unwrap();
    let mut config = server.config();
    config.user("clerk");
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_are_a_table_of_their_own() {
    let (_server, client) = started().await;
    assert_eq!(texts(&client, "SELECT id FROM vendor").await, [["ven_2"]]);
    let bin = "SELECT b.id, b.name, u.name FROM recycle_bin.vendor b JOIN \"user\" u ON u.id = b.deleted_by \
               WHERE b.deleted_at > now() - interval '1 hour' ORDER BY 1";
    assert_eq!(texts(&client, bin).await, [["ven_1", "One", "admin"], ["ven_3", "Three", "admin"]]);
    for change in [
        "UPDATE recycle_bin.vendor SET name = 'x'",
        "UPDATE recycle_bin.vendor SET deleted_at = now()",
        "UPDATE recycle_bin.vendor SET deleted_at = NULL, name = 'x'",
        "INSERT INTO recycle_bin.vendor (name) VALUES ('x')",
    ] {
        let error = refused(&client, change, "42809").await;
        assert!(error.hint().is_some_and(|hint| hint.contains("undelete")), "{change}: {error:?}");
    }
    refused(&client, "UPDATE recycle_bin.vendor SET deleted_at = NULL RETURNING id", "0A000").await;
    refused(&client, "SELECT * FROM recycle_bin.ware", "42P01").await;
    refused(&client, "DELETE FROM recycle_bin.ware", "42P01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_come_back_and_are_purged() {
    let (_server, client) = started().await;
    let back = "UPDATE recycle_bin.vendor SET deleted_at = NULL WHERE";
    assert_eq!(client.execute(&format!("{back} name = 'One'"), &[]).await.unwrap(), 1);
    assert_eq!(
        client.execute(&format!("{back} id = $1"), &[&"ven_2"]).await.unwrap(),
        0,
        "it is not deleted"
    );
    let there = "SELECT id, revision FROM vendor ORDER BY id";
    assert_eq!(texts(&client, there).await, [["ven_1", "2"], ["ven_2", "1"]]);

    client
        .batch_execute("BEGIN; DELETE FROM vendor WHERE id = 'ven_1'; DELETE FROM recycle_bin.vendor")
        .await
        .unwrap();
    assert_eq!(text(&client, "SELECT count(*) FROM recycle_bin.vendor").await, "0");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(texts(&client, "SELECT id FROM recycle_bin.vendor").await, [["ven_3"]]);
    client.batch_execute("DELETE FROM vendor WHERE id = 'ven_1'").await.unwrap();
    let purge =
        "DELETE FROM recycle_bin.vendor AS b WHERE b.deleted_at < now() AND b.id = 'ven_1' RETURNING b.name";
    assert_eq!(texts(&client, purge).await, [["One"]]);
    assert!(texts(&client, purge).await.is_empty());
    assert_eq!(client.execute(&format!("{back} true"), &[]).await.unwrap(), 1);
    assert_eq!(texts(&client, there).await, [["ven_2", "1"], ["ven_3", "2"]]);
    let life =
        "SELECT operation FROM audit.changes WHERE object = 'vendor' AND record = 'ven_1' ORDER BY csn";
    assert_eq!(texts(&client, life).await, [["insert"], ["delete"], ["undelete"], ["delete"], ["purge"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_it_is_told_the_truth() {
    let (server, client) = started().await;
    let clerk = clerk(&server).await;
    refused(&clerk, "DELETE FROM recycle_bin.vendor", "42501").await;
    let may = "SELECT has_table_privilege('recycle_bin.vendor', 'SELECT'), has_table_privilege('recycle_bin.vendor', 'DELETE'), \
               has_table_privilege('recycle_bin.vendor', 'INSERT, UPDATE'), has_column_privilege('recycle_bin.vendor', 'deleted_at', 'UPDATE'), \
               has_column_privilege('recycle_bin.vendor', 'name', 'UPDATE'), has_table_privilege('vendor', 'DELETE')";
    assert_eq!(texts(&client, may).await, [["t", "t", "f", "t", "f", "t"]]);
    assert_eq!(texts(&clerk, may).await, [["t", "f", "f", "t", "f", "t"]]);
    let audit = "SELECT has_table_privilege('audit.changes', 'SELECT'), has_table_privilege('audit.changes', 'INSERT')";
    assert_eq!(texts(&client, audit).await, [["t", "f"]]);
    let error = refused(&clerk, audit, "42P01").await;
    assert!(error.message().contains("audit.changes"), "{error:?}");
    let grants = "SELECT table_schema, privilege_type FROM information_schema.table_privileges WHERE table_name = 'vendor' ORDER BY 1, 2";
    let shown = |rows: Vec<Vec<String>>| rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>();
    let own = ["shop DELETE", "shop INSERT", "shop SELECT", "shop UPDATE"];
    let wanted = |bin: &[&str]| bin.iter().chain(&own).map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(shown(texts(&client, grants).await), wanted(&["recycle_bin DELETE", "recycle_bin SELECT"]));
    assert_eq!(shown(texts(&clerk, grants).await), wanted(&["recycle_bin SELECT"]));
    assert_eq!(
        client.execute("UPDATE recycle_bin.vendor SET deleted_at = NULL", &[]).await.unwrap(),
        2,
        "after all that was refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_security_tells_what_keeps_what() {
    let (server, client) = started().await;
    let told =
        texts(&client, "EXPLAIN (SECURITY) SELECT v.name FROM vendor v, (SELECT 1 FROM vendor) x").await;
    let told: Vec<&str> = told.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(told[..2], ["vendor:", "  read: view_all_data"]);
    let nobody = {
        server.engine.add_user("nobody", PASSWORD, false).unwrap();
        let mut config = server.config();
        config.user("nobody");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    assert!(
        texts(&nobody, "EXPLAIN (SECURITY) SELECT 1 FROM vendor").await.is_empty(),
        "nothing is told of what is not seen"
    );
    refused(&client, "EXPLAIN (SECURITY, ANALYZE) SELECT 1 FROM vendor", "0A000").await;
}
