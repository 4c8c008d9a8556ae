//! What clients send.

use super::*;

#[test]
fn a_token_is_found_in_the_message_that_the_standard_describes() {
    let found = |message: &str| token_in(message.as_bytes()).map(|token| token.map(str::to_owned));
    for message in [
        "n,,\x01auth=Bearer a.b.c\x01\x01",
        "y,,\x01auth=bearer   a.b.c\x01\x01",
        "n,,\x01host=db.example.com\x01port=5432\x01auth=BEARER a.b.c\x01\x01",
    ] {
        assert_eq!(found(message), Some(Some("a.b.c".to_owned())), "{message:?}");
    }
    // Asked is where tokens are made, or it is none.
    for message in [
        "n,,\x01auth=\x01\x01",
        "n,,\x01auth=Basic abc\x01\x01",
        "n,,\x01auth=Bearer \x01\x01",
        "n,,\x01auth=Bearer a b\x01\x01",
    ] {
        assert_eq!(found(message), Some(None), "{message:?}");
    }
    for message in [
        "",
        "n,,",
        "n,,\x01",
        "n,,\x01\x01",
        "n,,\x01host=x\x01\x01",
        "n,,\x01auth=Bearer a\x01",
        "n,,auth=Bearer a\x01\x01",
        "p=tls-server-end-point,,\x01auth=Bearer a\x01\x01",
        "n,a=admin,\x01auth=Bearer a\x01\x01",
        "n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
        "n,,\x01auth\x01\x01",
        "n,,\x01au1h=x\x01auth=Bearer a\x01\x01",
        "n,,\x01auth=Bearer \u{e9}\x01\x01",
    ] {
        assert_eq!(found(message), None, "{message:?}");
    }
    assert_eq!(token_in(b"n,,\x01auth=Bearer \xff\x01\x01"), None);
}
