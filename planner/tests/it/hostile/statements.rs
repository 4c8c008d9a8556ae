//! Statements of SQL.

use super::{ANSWERED, Case, LIMIT, TIMEOUT, sql};

/// Common tables, each twice the one before.
fn doubling(levels: usize, body: impl Fn(usize) -> String) -> String {
    let tables: Vec<String> =
        (1..=levels).map(|level| format!("t{level} as ({})", body(level - 1))).collect();
    format!("with t0 as (select 1 as x), {} select count(*) from t{levels}", tables.join(", "))
}

pub fn statements() -> Vec<Case> {
    let joins: Vec<String> = (0..200).map(|n| format!("join account a{n} on a{n}.id = a.id")).collect();
    vec![
        sql(
            "a cartesian product",
            "select count(*) from account a, account b, account c",
            &[ANSWERED, LIMIT],
        ),
        sql(
            "one that no pair survives",
            "select count(*) from account a, account b, contact c where a.name < b.name and b.name < c.name",
            &[LIMIT],
        ),
        sql(
            "one behind an aggregate",
            "select a.name, (select count(*) from account b, account c where b.name > a.name) from account a",
            &[LIMIT, "NOT_SUPPORTED"],
        ),
        sql(
            "a join on what is the same in all",
            "select count(*) from contact a join contact b on a.name = b.name join contact c on b.name = c.name join contact d on c.name = d.name",
            &[LIMIT, TIMEOUT],
        ),
        sql(
            "doubling by union",
            doubling(40, |n| format!("select * from t{n} union all select * from t{n}")),
            &[LIMIT],
        ),
        sql("doubling by join", doubling(40, |n| format!("select a.x from t{n} a, t{n} b")), &[LIMIT]),
        sql(
            "doubling by union, under names that differ by quotes",
            doubling(40, |n| format!("select * from t{n} union all select * from t{n}"))
                .replace(
                    "select count",
                    ", \"T39\" as (select 1 as x), \"T40\" as (select 1 as x) select count",
                )
                .replace(") , ", "), "),
            &[LIMIT],
        ),
        sql(
            "a number that doubles with each table",
            doubling(40, |n| format!("select x + x as x from t{n}"))
                .replace("select 1 as x", "select employees as x from account")
                .replace("count(*)", "x"),
            &[ANSWERED, "EXPRESSION_FAILED", LIMIT],
        ),
        sql(
            "a constant as an order, and no column",
            "select 1 as one from account order by one limit 5",
            &[ANSWERED],
        ),
        sql("a long chain of tables", doubling(2_000, |n| format!("select x + 1 as x from t{n}")), &[LIMIT]),
        sql("many joins", format!("select count(*) from account a {}", joins.join(" ")), &[LIMIT]),
    ]
}

pub fn series_and_texts() -> Vec<Case> {
    vec![
        sql("a series without end", "select count(*) from generate_series(1, 1000000000000000)", &[LIMIT]),
        sql("a long series", "select sum(x) from generate_series(1, 9000000000) as s(x)", &[TIMEOUT, LIMIT]),
        sql("a huge list", "select unnest(range(0, 100000000000))", &[LIMIT]),
        sql(
            "a huge list of each row",
            "select max(cardinality(generate_series(1, 100000 + length(name)))) from account",
            &[LIMIT],
        ),
        sql("a huge text", "select length(repeat('x', 2000000000))", &[LIMIT]),
        sql("a huge text of each row", "select max(length(repeat(notes, 100000))) from account", &[LIMIT]),
        sql("a text that is filled up", "select length(lpad('x', 2000000000, 'y'))", &[LIMIT]),
        sql(
            "a text that grows in steps",
            "select length(replace(replace(replace(repeat('a', 1000), 'a', repeat('b', 1000)), 'b', repeat('c', 1000)), 'c', repeat('d', 1000)))",
            &[LIMIT],
        ),
        sql(
            "a text joined to itself",
            "select length(r || r || r) from (select repeat('x', 60000000) as r)",
            &[LIMIT],
        ),
        sql(
            "a text joined to itself of each row",
            "select max(length(r || r || 'x')) from (select repeat(notes, 20) as r from account)",
            &[ANSWERED],
        ),
        sql(
            "a text that doubles with each table",
            doubling(12, |n| format!("select x || x as x from t{n}"))
                .replace("select 1 as x", "select repeat('x', 30000000) as x")
                .replace("count(*)", "max(length(x))"),
            &[LIMIT],
        ),
        sql(
            "many texts as one",
            "select length(concat(r, r, r)) from (select repeat('x', 60000000) as r)",
            &[LIMIT],
        ),
        sql(
            "a large text beside each row",
            "select max(length(name || repeat('x', 60000000))) from account",
            &[LIMIT],
        ),
        sql(
            "a large text for each match",
            "select length(regexp_replace(repeat('x', 10000000), 'x', repeat('y', 1000000), 'g'))",
            &[LIMIT],
        ),
        sql(
            "a large text between items",
            "select length(array_to_string(array_repeat('x', 1000000), repeat('y', 1000000)))",
            &[LIMIT],
        ),
        sql("a list of lists", "select cardinality(array_repeat(array_repeat(1, 100000), 100000))", &[LIMIT]),
        sql(
            "a table that grows by itself",
            "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t",
            &[TIMEOUT, LIMIT],
        ),
        sql(
            "a table that doubles by itself",
            "with recursive t(n) as (select 1 union all select t.n from t, (values (1), (2)) v) select count(*) from t",
            &[TIMEOUT, LIMIT],
        ),
    ]
}

pub fn patterns_and_windows() -> Vec<Case> {
    vec![
        sql(
            "a large pattern",
            "select count(*) from account where notes ~ '((a{1000}){1000}){1000}'",
            &[ANSWERED, "EXPRESSION_FAILED", "INVALID_QUERY", TIMEOUT],
        ),
        sql(
            "a pattern that tries everything",
            "select count(*) from account where notes ~ '^(a+)+$' or notes ~ '(a|aa)+$'",
            &[ANSWERED],
        ),
        sql(
            "a long pattern",
            format!("select count(*) from account where notes like '{}z'", "%a".repeat(60)),
            &[ANSWERED],
        ),
        sql("a chain of additions", format!("select {}1", "1+".repeat(50_000)), &[LIMIT]),
        sql(
            "brackets",
            format!("select {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            &[LIMIT, "INVALID_QUERY"],
        ),
        sql(
            "a list of many values",
            format!("select count(*) from account where id in ({}'x')", "'acc_1',".repeat(100_000)),
            &[ANSWERED, LIMIT, TIMEOUT],
        ),
        sql(
            "a window over everything",
            "select sum(w) from (select sum(length(notes)) over (order by name rows between unbounded preceding and current row) as w from account)",
            &[ANSWERED],
        ),
        sql(
            "a window that counts all pairs",
            "select sum(w) from (select count(*) over (order by x rows between 100000 preceding and 100000 following) as w from generate_series(1, 900000) as s(x))",
            &[ANSWERED, TIMEOUT, LIMIT],
        ),
        sql(
            "all rows as one list",
            "select cardinality(array_agg(x)) from generate_series(1, 50000000) as s(x)",
            &[LIMIT, TIMEOUT],
        ),
        sql(
            "all texts as one",
            "select length(string_agg(repeat('x', 1000), ',')) from generate_series(1, 1000000) as s(x)",
            &[LIMIT, TIMEOUT],
        ),
        sql(
            "a group for each row",
            "select count(*) from (select x, count(*) from generate_series(1, 900000) as s(x) group by x)",
            &[ANSWERED, LIMIT, TIMEOUT],
        ),
        sql(
            "a sort of everything",
            "select x from generate_series(1, 20000000) as s(x) order by random() limit 1 offset 19999999",
            &[LIMIT, TIMEOUT],
        ),
    ]
}
