//! Statements taken apart.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use datafusion::sql::sqlparser::ast::Statement;

use super::{count_parameters, parse};
use crate::sqlstate::SqlState;

const MAX: usize = 1 << 20;

#[test]
fn several_statements_and_none() {
    assert_eq!(parse("SELECT 1; SELECT 2;;", MAX).unwrap().len(), 2);
    for empty in ["", " ; ;", "-- comment", "/* comment */"] {
        assert!(parse(empty, MAX).unwrap().is_empty(), "{empty:?}");
    }
}

#[test]
fn abort_is_rollback() {
    assert!(matches!(parse("ABORT", MAX).unwrap()[0], Statement::Rollback { .. }));
}

#[test]
fn a_syntax_error_has_its_place() {
    for (sql, position) in
        [("SELECT 1 FROM", Some(14)), ("SELEKT 1", Some(1)), ("SELECT 1\n  FROM )", Some(17))]
    {
        let error = parse(sql, MAX).unwrap_err();
        assert_eq!(error.state, SqlState::SYNTAX, "{sql}");
        assert_eq!(error.position, position, "{sql}: {error}");
    }
}

#[test]
fn too_deep_and_too_long_are_refused() {
    let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(parse(&deep, MAX).unwrap_err().state, SqlState::TOO_COMPLEX);
    for chained in
        [format!("SELECT 1{}", "+1".repeat(200_000)), format!("SELECT a{}", "::int".repeat(100_000))]
    {
        assert_eq!(parse(&chained, MAX).unwrap_err().state, SqlState::TOO_COMPLEX);
    }
    let long = format!(
        "SELECT a FROM t WHERE a IN ({}) OR a = 1{}",
        "1, ".repeat(50_000) + "1",
        " OR a = 1".repeat(900)
    );
    assert!(parse(&long, MAX).is_ok());
    assert_eq!(parse("SELECT 1", 4).unwrap_err().state, SqlState::PROGRAM_LIMIT);
}

#[test]
fn what_the_planner_would_pass_over_is_refused() {
    for sql in [
        "DELETE FROM account TABLESAMPLE BERNOULLI (1)",
        "SELECT count(*) FROM account TABLESAMPLE SYSTEM (1)",
        "SELECT (SELECT max(id) FROM account FOR UPDATE)",
    ] {
        assert_eq!(parse(sql, MAX).unwrap_err().state, SqlState::FEATURE_NOT_SUPPORTED, "{sql}");
    }
}

#[test]
fn parameters_are_counted_by_the_highest() {
    let count = |sql: &str| count_parameters(&parse(sql, MAX).unwrap()[0]);
    assert_eq!(count("SELECT $2, $1 WHERE x = ANY($7)").unwrap(), 7);
    assert_eq!(count("INSERT INTO t VALUES ($1, $2 + $3)").unwrap(), 3);
    assert_eq!(count("SELECT 1 LIMIT $1").unwrap(), 1);
    assert_eq!(count("SELECT $0").unwrap_err().state, SqlState::UNDEFINED_PARAMETER);
}
