//! Transactions over psql: nothing of a failed one is left, and two that update one record do not both win.

use crate::server::Server;

#[test]
fn a_transaction_that_fails_or_rolls_back_leaves_nothing() {
    let server = Server::start();
    server.psql_ok("BEGIN; INSERT INTO account (name) VALUES ('One'); ROLLBACK;");
    assert_eq!(server.psql_ok("SELECT count(*) FROM account"), "0");
    let failed = server.psql("BEGIN; INSERT INTO account (name) VALUES ('One'); INSERT INTO account (name) VALUES ('One'); COMMIT;");
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(!failed.status.success() && said.contains("23505"), "{said}");
    assert_eq!(server.psql_ok("SELECT count(*) FROM account"), "0");
    server.psql_ok("BEGIN; INSERT INTO account (name) VALUES ('One'); UPDATE account SET description = 'mine' WHERE name = 'One'; COMMIT;");
    assert_eq!(server.psql_ok("SELECT name, description FROM account"), "One|mine");
}
