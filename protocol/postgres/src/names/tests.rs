#![allow(clippy::unwrap_used, clippy::expect_used)]

use datafusion::sql::sqlparser::{dialect::PostgreSqlDialect, parser::Parser};

use super::{name_outputs, shown};

/// The names of the first SELECT list, as a client sees them.
fn names(sql: &str) -> Vec<String> {
    let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    name_outputs(&mut statement);
    let text = statement.to_string();
    let list = text.strip_prefix("SELECT ").unwrap().split(" FROM").next().unwrap().to_owned();
    let name = |item: &str| match item.rsplit_once(" AS ") {
        Some((_, alias)) => shown(alias.trim_matches('"')).to_owned(),
        None => item.rsplit('.').next().unwrap().to_owned(),
    };
    list.split(", ").map(name).collect()
}

#[test]
fn columns_are_named_as_postgresql_names_them() {
    let cases: &[(&str, &[&str])] = &[
        ("SELECT a, t.b FROM t", &["a", "b"]),
        ("SELECT count(*), SUM(x) FROM t", &["count", "sum"]),
        ("SELECT 1, 'x', NULL, a + 1 FROM t", &["?column?", "?column?", "?column?", "?column?"]),
        ("SELECT true, a::text, '1'::bigint, CAST(now() AS date) FROM t", &["bool", "a", "int8", "now"]),
        ("SELECT CASE WHEN a THEN 1 ELSE b END, CASE WHEN a THEN 1 ELSE 2 END FROM t", &["b", "case"]),
        ("SELECT EXTRACT(year FROM a), a AT TIME ZONE 'UTC' FROM t", &["extract", "timezone"]),
        ("SELECT EXISTS (SELECT 1), (SELECT max(x) AS m) FROM t", &["exists", "m"]),
        ("SELECT a AS \"Mixed Case\", a FROM t", &["Mixed Case", "a"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(names(sql), *expected, "{sql}");
    }
}

#[test]
fn the_same_name_twice_differs_inside_and_is_the_same_outside() {
    let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, "SELECT id, id, count(*), count(*) FROM t")
        .unwrap()
        .remove(0);
    name_outputs(&mut statement);
    let text = statement.to_string();
    let mut aliases: Vec<&str> =
        text.split(" AS ").skip(1).map(|part| part.split([',', ' ']).next().unwrap()).collect();
    assert_eq!(
        aliases.iter().map(|a| shown(a.trim_matches('"'))).collect::<Vec<_>>(),
        ["id", "count", "count"]
    );
    aliases.sort_unstable();
    aliases.dedup();
    assert_eq!(aliases.len(), 3, "{text}");
}
