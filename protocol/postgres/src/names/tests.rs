//! Names and qualified names as SQL writes them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use datafusion::sql::sqlparser::{
    ast::{Expr, SelectItem, SetExpr, Statement},
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::{folded, name_outputs, shown};

/// The names of the first SELECT list, as a client sees them.
fn names(sql: &str) -> Vec<String> {
    inner_names(sql).iter().map(|name| shown(name).to_owned()).collect()
}

/// The same, as the planner sees them.
fn inner_names(sql: &str) -> Vec<String> {
    let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
    name_outputs(&mut statement);
    let Statement::Query(query) = statement else { panic!("no query") };
    let SetExpr::Select(select) = *query.body else { panic!("no select") };
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => folded(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => folded(parts.last().unwrap()),
        SelectItem::ExprWithAlias { alias, .. } => folded(alias),
        other => panic!("no name: {other}"),
    };
    select.projection.iter().map(name).collect()
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
    let sql = "SELECT id, id, count(*), count(*) FROM t";
    assert_eq!(names(sql), ["id", "id", "count", "count"]);
    let mut inner = inner_names(sql);
    inner.sort_unstable();
    inner.dedup();
    assert_eq!(inner.len(), 4, "{inner:?}");
}
