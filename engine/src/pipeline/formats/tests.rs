//! What is an address, a URL, a phone number, and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{TextFormat, fault};

#[test]
fn formats_accept_what_people_use_and_refuse_what_nobody_can() {
    let cases: [(TextFormat, &[&str], &[&str]); 4] = [
        (
            TextFormat::Email,
            &[
                "a@b.co",
                "li.wei+crm@acme-group.com.cn",
                "o'neil@example.com",
                "用户@例子.公司",
                "root@localhost",
            ],
            &["", "a", "@b.co", "a@", "a@b@c.de", "a b@c.de", "a@b..de", "a@-b.de", "a@b.de\n", "<a@b.de>"],
        ),
        (
            TextFormat::Url,
            &["https://acme.com", "HTTP://acme.com:8080/a?b=c#d", "ftp://files.acme.com/x", "http://[::1]/"],
            &[
                "",
                "acme.com",
                "https://",
                "https:///x",
                "javascript:alert(1)",
                "https://a b",
                "http://?x",
                "é",
            ],
        ),
        (
            TextFormat::Phone,
            &["+49 (0)30 123-456", "555.123.4567 ext 9", "110"],
            &["", "12", "call me", "+-()"],
        ),
        (TextFormat::Color, &["#fff", "#1E90FF", "#1e90ff80"], &["", "red", "#ff", "#12345g"]),
    ];
    for (format, right, wrong) in cases {
        for text in right {
            assert_eq!(fault(format, text), None, "{text:?}");
        }
        for text in wrong {
            assert!(fault(format, text).is_some(), "{text:?}");
        }
    }
}
