//! Subqueries in expressions of catalog questions, in the forms DataFusion can decorrelate.
//!
//! - `ARRAY(SELECT x …)` becomes `(SELECT array_agg(x) …)`.
//! - A scalar subquery that refers to the outer query must be an aggregate for DataFusion: `(SELECT x …)` becomes `(SELECT first_value(x) …)`. In
//!   PostgreSQL such a subquery gives one row at most, or it is an error; over the catalog tables it is by their keys.
//! - A condition in it that speaks of the outer query only (`a.atthasdef`) goes round it: `CASE WHEN a.atthasdef THEN (…) END`.
//! - A table that nothing fills ([`rows::is_always_empty`]) has no rows to find: the subquery is NULL, `EXISTS` false.
//! - No column here has another collation than its type's, so a condition that asks for one is false.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    JoinOperator, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    Value, Visitor, VisitorMut, helpers::attached_token::AttachedToken,
};

use super::build::{
    self, all_of, boolean, call, catalog_table, conjuncts, folded, function_name, item_expr, item_expr_mut,
    null, ordered_call, take,
};
use crate::{
    catalog::{RewriteError, facts, rows},
    walk,
};

const AGGREGATES: [&str; 14] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "string_agg",
    "array_agg",
    "bool_and",
    "bool_or",
    "every",
    "json_agg",
    "jsonb_agg",
    "first_value",
    "last_value",
];

/// The visitor. Inner subqueries are met first.
pub struct Subqueries;

impl VisitorMut for Subqueries {
    type Break = RewriteError;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        // No row will be there to answer a subquery for.
        if select.from.iter().any(is_empty_join) {
            for output in select.projection.iter_mut().filter_map(item_expr_mut) {
                walk::change(output, &mut Unasked)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        for output in select.projection.iter_mut().filter_map(item_expr_mut) {
            walk::change(output, &mut CountedExists)?;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Subquery(query) => {
                if let Some(changed) = scalar(query) {
                    *expr = changed;
                }
            }
            Expr::Function(function) if function_name(function).as_deref() == Some("array") => {
                if let FunctionArguments::Subquery(query) = &function.args {
                    *expr = array(query);
                }
            }
            Expr::Exists { subquery, negated } if never_has_rows(subquery) => *expr = boolean(*negated),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Makes every subquery of an expression that is never asked NULL.
struct Unasked;

impl VisitorMut for Unasked {
    type Break = RewriteError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Subquery(_) => *expr = null(),
            Expr::Function(function) if function_name(function).as_deref() == Some("array") => {
                *expr = call("parse_text_array", vec![build::text("{}")]);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// DataFusion plans EXISTS as a condition only: as an output it becomes `coalesce((SELECT count(1) …), 0) > 0`.
struct CountedExists;

impl VisitorMut for CountedExists {
    type Break = RewriteError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Exists { subquery, negated } = expr else {
            return ControlFlow::Continue(());
        };
        let SetExpr::Select(select) = subquery.body.as_mut() else {
            return ControlFlow::Continue(());
        };
        if !is_plain(select) || subquery.limit_clause.is_some() {
            return ControlFlow::Continue(());
        }
        select.projection = vec![SelectItem::UnnamedExpr(call("count", vec![build::number("1")]))];
        let count = call("coalesce", vec![Expr::Subquery(subquery.clone()), build::number("0")]);
        let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
        let compared = Expr::BinaryOp { left: Box::new(count), op, right: Box::new(build::number("0")) };
        *expr = Expr::Nested(Box::new(compared));
        ControlFlow::Continue(())
    }
}

/// What a scalar subquery becomes; none when it stays.
fn scalar(query: &mut Query) -> Option<Expr> {
    if never_has_rows(query) {
        return is_null_when_empty(query).then(null);
    }
    let order = order_of(query);
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    let names = Names::of(&select.from);
    let conditions = select.selection.take().map(conjuncts).unwrap_or_default();
    if conditions.iter().any(is_other_collation) {
        return Some(null());
    }
    let (outer, inner): (Vec<_>, Vec<_>) =
        conditions.into_iter().partition(|condition| names.is_outer_only(condition));
    let correlated = !outer.is_empty() || inner.iter().any(|condition| names.mentions_outer(condition));
    select.selection = all_of(inner);
    if !correlated {
        return None;
    }
    if !is_aggregate(select) {
        let output = select.projection.first_mut().and_then(item_expr_mut)?;
        *output = ordered_call("first_value", vec![take(output)], order);
        query.order_by = None;
        query.limit_clause = None;
    }
    let subquery = Expr::Subquery(Box::new(query.clone()));
    Some(match all_of(outer) {
        Some(condition) => case_when(condition, subquery),
        None => subquery,
    })
}

/// `ARRAY(SELECT x …)`.
fn array(query: &Query) -> Expr {
    if never_has_rows(query) {
        return call("parse_text_array", vec![build::text("{}")]);
    }
    let mut query = query.clone();
    let order = order_of(&query);
    let plain = matches!(query.body.as_ref(), SetExpr::Select(select) if is_plain(select))
        && query.limit_clause.is_none();
    if plain
        && let SetExpr::Select(select) = query.body.as_mut()
        && let Some(output) = select.projection.first_mut().and_then(item_expr_mut)
    {
        let element = take(output);
        let order = order.into_iter().map(|by| by_output(by, &element)).collect();
        *output = ordered_call("array_agg", vec![element], order);
        query.order_by = None;
    }
    Expr::Subquery(Box::new(query))
}

/// `ORDER BY 1` means the output.
fn by_output(mut by: OrderByExpr, output: &Expr) -> OrderByExpr {
    if matches!(&by.expr, Expr::Value(value) if matches!(&value.value, Value::Number(place, _) if place == "1"))
    {
        by.expr = output.clone();
    }
    by
}

fn order_of(query: &Query) -> Vec<OrderByExpr> {
    match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(order)) => order.clone(),
        _ => Vec::new(),
    }
}

fn case_when(condition: Expr, result: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: None,
    }
}

fn is_plain(select: &Select) -> bool {
    select.distinct.is_none() && !is_grouped(select) && select.having.is_none() && !is_aggregate(select)
}

fn is_grouped(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
}

fn aggregate_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => function_name(function)
            .filter(|name| function.over.is_none() && AGGREGATES.contains(&name.as_str())),
        _ => None,
    }
}

/// Whether a SELECT gives one row by aggregation (or is grouped, which DataFusion takes as such).
fn is_aggregate(select: &Select) -> bool {
    is_grouped(select) || select.projection.iter().filter_map(item_expr).any(has_aggregate)
}

fn has_aggregate(expr: &Expr) -> bool {
    struct Found;
    impl Visitor for Found {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if aggregate_name(expr).is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    walk::look(expr, &mut Found).is_break()
}

/// Whether the one output is null when no row is found: any but a count.
fn is_null_when_empty(query: &Query) -> bool {
    let Some(output) =
        build::select_of(&query.body).and_then(|select| select.projection.first()).and_then(item_expr)
    else {
        return false;
    };
    !has_aggregate(output) || aggregate_name(output).is_some_and(|name| name != "count")
}

/// Whether a query reads a table that nothing fills, in a way that leaves no rows.
fn never_has_rows(query: &Query) -> bool {
    build::select_of(&query.body).is_some_and(|select| select.from.iter().any(is_empty_join))
}

fn is_empty_join(from: &TableWithJoins) -> bool {
    // A right or full join keeps rows of its own side: nothing is said about those.
    let keeps_left = |operator: &JoinOperator| {
        matches!(
            operator,
            JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::CrossJoin(_)
                | JoinOperator::Left(_)
                | JoinOperator::LeftOuter(_)
        )
    };
    let inner = |operator: &JoinOperator| {
        matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
    };
    from.joins.iter().all(|join| keeps_left(&join.join_operator))
        && (is_empty_table(&from.relation)
            || from.joins.iter().any(|join| inner(&join.join_operator) && is_empty_table(&join.relation)))
}

fn is_empty_table(factor: &TableFactor) -> bool {
    if let Some(list) = unnested(factor) {
        return is_never_filled(list);
    }
    let fact = catalog_table(factor).and_then(|(schema, name)| facts::table(&schema, &name));
    fact.is_some_and(rows::is_always_empty)
}

/// The one list that a FROM item unnests.
fn unnested(factor: &TableFactor) -> Option<&Expr> {
    match factor {
        TableFactor::UNNEST { array_exprs, .. } => array_exprs.first().filter(|_| array_exprs.len() == 1),
        TableFactor::Table { name, args: Some(args), .. } if build::parts(name).last()? == "unnest" => {
            match args.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(list))] => Some(list),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Options and access lists, which nothing here has.
fn is_never_filled(list: &Expr) -> bool {
    let name = match list {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(names) => match names.last() {
            Some(name) => name,
            None => return false,
        },
        _ => return false,
    };
    let name = folded(name);
    facts::column_type(&name).is_some()
        && (name.ends_with("options") || name.ends_with("acl") || name == "evttags" || name == "setconfig")
}

/// `a.attcollation <> t.typcollation`.
fn is_other_collation(condition: &Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } = condition else {
        return false;
    };
    let name = |expr: &Expr| match expr {
        Expr::CompoundIdentifier(names) => names.last().map(folded),
        Expr::Identifier(name) => Some(folded(name)),
        _ => None,
    };
    let is_collation = |expr: &Expr| matches!(name(expr).as_deref(), Some("attcollation" | "typcollation"));
    is_collation(left) && is_collation(right)
}

/// The tables of one FROM, to tell its own columns from the outer query's.
struct Names {
    tables: Vec<(String, Option<&'static facts::TableFact>)>,
}

impl Names {
    fn of(from: &[TableWithJoins]) -> Names {
        let factors = from.iter().flat_map(|from| {
            std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
        });
        let tables = factors
            .map(|factor| {
                let table = catalog_table(factor);
                let fact = table.as_ref().and_then(|(schema, name)| facts::table(schema, name));
                let alias = match factor {
                    TableFactor::Table { alias, .. }
                    | TableFactor::Derived { alias, .. }
                    | TableFactor::UNNEST { alias, .. } => alias.as_ref(),
                    _ => None,
                };
                let name = alias.map(|alias| folded(&alias.name)).or(table.map(|(_, name)| name));
                (name.unwrap_or_default(), fact)
            })
            .collect();
        Names { tables }
    }

    fn is_own(&self, column: &[String]) -> bool {
        match column {
            [.., table, _] => self.tables.iter().any(|(name, _)| name == table),
            [column] => self.tables.iter().any(|(_, fact)| {
                fact.is_none_or(|fact| fact.columns.iter().any(|known| known.name == column))
            }),
            [] => false,
        }
    }

    /// Whether every column of a condition is the outer query's, and there is one.
    fn is_outer_only(&self, condition: &Expr) -> bool {
        let columns = columns_of(condition);
        columns
            .as_ref()
            .is_some_and(|columns| !columns.is_empty() && columns.iter().all(|column| !self.is_own(column)))
    }

    fn mentions_outer(&self, condition: &Expr) -> bool {
        columns_of(condition).is_some_and(|columns| columns.iter().any(|column| !self.is_own(column)))
    }
}

/// The columns an expression names; none when it holds a subquery, whose columns are another matter.
fn columns_of(expr: &Expr) -> Option<Vec<Vec<String>>> {
    #[derive(Default)]
    struct Columns(Vec<Vec<String>>);
    impl Visitor for Columns {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(name) => self.0.push(vec![folded(name)]),
                Expr::CompoundIdentifier(names) => self.0.push(names.iter().map(folded).collect()),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut columns = Columns::default();
    walk::look(expr, &mut columns).is_continue().then_some(columns.0)
}
