//! Derived names, by example.

use super::*;

#[test]
fn plurals() {
    for (one, several) in [
        ("account", "accounts"),
        ("opportunity", "opportunities"),
        ("Campaign Member", "Campaign Members"),
        ("day", "days"),
        ("box", "boxes"),
        ("branch", "branches"),
        ("case", "cases"),
        ("news", "newses"),
        ("y", "ys"),
        ("客户", "客户s"),
    ] {
        assert_eq!(plural(one), several);
    }
}

#[test]
fn cases() {
    assert_eq!(camel_case("annual_revenue"), "annualRevenue");
    assert_eq!(camel_case("p_d_f_url"), "pDFUrl");
    assert_eq!(camel_case("maxLength"), "maxLength");
    assert_eq!(pascal_case("case_comment"), "CaseComment");
    assert_eq!(title_case("campaign_member"), "Campaign Member");
}

#[test]
fn lookups() {
    assert_eq!(relation_of_lookup("account_id"), "account");
    assert_eq!(relation_of_lookup("campaign"), "campaign");
    assert_eq!(relation_of_lookup("paid"), "paid");
}
