//! One text becomes each side's own.

use super::{Ask, ask, name};

fn sql(text: &str, side: &str) -> String {
    match ask(text, side) {
        Ask::Sql(sql) => sql,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_side_gets_its_own_spelling() {
    let text = "SELECT {month:o.d}, {quarter:o.d} FROM {user} WHERE id = $1";
    let expected = "SELECT date_trunc('month', o.d), date_trunc('quarter', o.d) FROM \"user\" WHERE id = $1";
    for side in [name::QUARRY, name::POSTGRES, name::DUCKDB, name::DATAFUSION] {
        assert_eq!(sql(text, side), expected);
    }
    let sqlite = sql(text, name::SQLITE);
    assert!(sqlite.starts_with("SELECT strftime('%Y-%m-01', o.d), printf('%s-%02d-01'"), "{sqlite}");
    assert!(sqlite.ends_with("FROM \"user\" WHERE id = ?1"), "{sqlite}");
}

#[test]
fn who_has_no_time_zones_is_not_asked_for_them() {
    let text = "SELECT {ny-month:at} FROM t";
    assert!(matches!(ask(text, name::SQLITE), Ask::Cannot(why) if why == "no time zones"));
    assert_eq!(
        sql(text, name::POSTGRES),
        "SELECT CAST(date_trunc('month', at AT TIME ZONE 'America/New_York') AS date) FROM t"
    );
}
