//! The recycle bin in SQL: looked at, and not written.

use quarry_engine::{Change, Operation, SessionOptions};

use crate::fixture::{PASSWORD, Server, refused, texts};

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_are_a_table_of_their_own() {
    let server = Server::start().await;
    let client = server.connect().await;
    client
        .batch_execute("INSERT INTO vendor (id, name) VALUES ('ven_1', 'One'), ('ven_2', 'Two')")
        .await
        .unwrap();
    client.batch_execute("DELETE FROM vendor WHERE id = 'ven_1'").await.unwrap();
    assert_eq!(texts(&client, "SELECT id FROM vendor").await, [["ven_2"]]);
    let bin = "SELECT b.id, b.name, u.name FROM recycle_bin.vendor b JOIN \"user\" u ON u.id = b.deleted_by \
               WHERE b.deleted_at > now() - interval '1 hour'";
    assert_eq!(texts(&client, bin).await, [["ven_1", "One", "admin"]]);
    for change in [
        "DELETE FROM recycle_bin.vendor",
        "UPDATE recycle_bin.vendor SET name = 'x'",
        "INSERT INTO recycle_bin.vendor (name) VALUES ('x')",
    ] {
        let error = refused(&client, change, "42809").await;
        assert!(error.hint().is_some_and(|hint| hint.contains("undelete")), "{change}: {error:?}");
    }
    refused(&client, "SELECT * FROM recycle_bin.ware", "42P01").await;
    let principal = server.engine.login("admin", PASSWORD).await.unwrap();
    let session = server.engine.session(principal, SessionOptions::default());
    let operation = Operation::Undelete { id: "ven_1".to_owned() };
    let undelete = Change { object: "vendor".to_owned(), operation, if_revision: None };
    session.change(vec![undelete], false).await.unwrap();
    assert_eq!(
        texts(&client, "SELECT id, revision FROM vendor ORDER BY id").await,
        [["ven_1", "2"], ["ven_2", "1"]]
    );
    let life =
        "SELECT operation FROM audit.changes WHERE object = 'vendor' AND record = 'ven_1' ORDER BY csn";
    assert_eq!(texts(&client, life).await, [["insert"], ["delete"], ["undelete"]]);
}
