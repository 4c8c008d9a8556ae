//! What a statement is short for, written out before it is planned: where DataFusion's planner would take it for something else than PostgreSQL
//! does, or not take it at all.
//!
//! | written | meant |
//! |---|---|
//! | `value AT TIME ZONE zone` | `timezone(zone, value)` |
//! | `extract(part FROM value)` | `date_part('part', value)` |
//! | `timestamp`, `timestamptz` | of microseconds: those of nanoseconds end in 2262 |
//! | `value::timestamptz(2)` | `timestamp(value::timestamptz, 2)`, which rounds ([`super::digits`]) |
//! | `x = ANY (SELECT …)`, `x <> ALL (SELECT …)` | `x IN (…)`, `x NOT IN (…)` |
//! | `localtimestamp`, `age(value)` | `now()::timestamp`, `age(current_date, value)` |
//! | `generate_series('…'::timestamp, '…', '1 day')`, of `date` | all three of their types, days as instants |
//! | `max(a), max(a::date)`, `GROUP BY a::date, a::time`, `VALUES (a::date)` | the same, with casts that are known by name ([`super::named`]) |

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, Interval, ObjectName, ObjectNamePart, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, TimezoneInfo, TypedString, Value, Visit, VisitMut,
    Visitor, VisitorMut,
};

use super::{digits, instants::written, named, zone};

const MICROSECOND_DIGITS: u64 = 6;

/// Writes a statement out.
pub(super) fn as_meant(statement: &mut Statement) {
    let mut calls = Calls::default();
    if Visit::visit(&*statement, &mut AnyCast).is_break() {
        let walked = Visit::visit(&*statement, &mut calls);
        debug_assert!(walked.is_continue(), "nothing breaks the walk off");
    }
    let mut meant = AsMeant { alike: calls.alike(), is_named: false, tables_around: 0 };
    let changed = VisitMut::visit(statement, &mut meant);
    debug_assert!(changed.is_continue(), "nothing breaks the walk off");
}

/// Looks for a cast.
struct AnyCast;

impl Visitor for AnyCast {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Cast { .. }) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The calls of a statement that differ in their casts alone, and casts by which rows are grouped.
#[derive(Default)]
struct Calls {
    /// As they are written, by what is left of them without casts.
    written: HashMap<String, HashSet<String>>,
}

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let GroupByExpr::Expressions(keys, _) = &select.group_by else { return ControlFlow::Continue(()) };
        if keys.is_empty() {
            return ControlFlow::Continue(());
        }
        // A key may be the place of a column, or its name.
        let columns = select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        });
        let may_clash = |key: &&Expr| {
            matches!(key, Expr::Cast { .. } | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        };
        columns.chain(keys).filter(may_clash).for_each(|key| self.note(key));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(_) = expr {
            self.note(expr);
        }
        ControlFlow::Continue(())
    }
}

impl Calls {
    fn note(&mut self, expr: &Expr) {
        let mut bare = expr.clone();
        if VisitMut::visit(&mut bare, &mut WithoutCasts).is_continue() {
            self.written.entry(bare.to_string()).or_default().insert(expr.to_string());
        }
    }

    fn alike(self) -> HashSet<String> {
        self.written.into_values().filter(|written| written.len() > 1).flatten().collect()
    }
}

struct WithoutCasts;

impl VisitorMut for WithoutCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, .. } = expr {
            *expr = taken(inner);
        }
        ControlFlow::Continue(())
    }
}

/// Gives the casts of a call names of their own.
struct NamedCasts;

impl VisitorMut for NamedCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { data_type, .. } = expr {
            let name = data_type.to_string();
            *expr = call(named::NAME, [taken(expr), text(name)]);
        }
        ControlFlow::Continue(())
    }
}

struct AsMeant {
    /// Calls whose casts need names, and such casts.
    alike: HashSet<String>,
    /// What comes next is a cast that has just got its name.
    is_named: bool,
    /// Calls in a FROM around it. DataFusion's series are of nanoseconds.
    tables_around: usize,
}

impl VisitorMut for AsMeant {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = &mut *query.body {
            for cell in values.rows.iter_mut().flat_map(|row| &mut row.content) {
                if matches!(
                    cell,
                    Expr::Cast { .. } | Expr::TypedString(_) | Expr::Function(_) | Expr::BinaryOp { .. }
                ) {
                    *cell = call(named::NAME, [taken(cell), text(String::new())]);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.tables_around += usize::from(is_call(factor));
        if let TableFactor::Table { name, args: Some(args), .. } = factor
            && name.to_string().eq_ignore_ascii_case("generate_series")
        {
            type_series(&mut args.args);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.tables_around -= usize::from(is_call(factor));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let is_named = std::mem::take(&mut self.is_named);
        let is_cast = matches!(expr, Expr::Cast { .. });
        if self.alike.is_empty() || is_named || !(is_cast || matches!(expr, Expr::Function(_))) {
            return ControlFlow::Continue(());
        }
        if self.alike.contains(&expr.to_string()) {
            self.is_named = is_cast;
            return VisitMut::visit(expr, &mut NamedCasts);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        *expr = self.meant(taken(expr));
        ControlFlow::Continue(())
    }
}

impl AsMeant {
    fn meant(&self, expr: Expr) -> Expr {
        match expr {
            Expr::AtTimeZone { timestamp, time_zone } => call(zone::NAME, [*time_zone, *timestamp]),
            Expr::Extract { field, expr, .. } => call("date_part", [text(field.to_string()), *expr]),
            Expr::Cast { expr, data_type: SqlType::Timestamp(digits, zone), kind, array, format } => {
                if self.tables_around > 0 {
                    let (expr, data_type) = (Box::new(with_seconds(*expr)), SqlType::Timestamp(digits, zone));
                    return Expr::Cast { expr, data_type, kind, array, format };
                }
                let data_type = SqlType::Timestamp(Some(MICROSECOND_DIGITS), zone);
                rounded(Expr::Cast { expr, data_type, kind, array, format }, digits)
            }
            Expr::TypedString(TypedString {
                data_type: SqlType::Timestamp(digits, zone),
                mut value,
                uses_odbc_syntax,
            }) => {
                if self.tables_around > 0 {
                    complete(&mut value.value);
                    let data_type = SqlType::Timestamp(digits, zone);
                    return Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax });
                }
                let data_type = SqlType::Timestamp(Some(MICROSECOND_DIGITS), zone);
                rounded(Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax }), digits)
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some } => match *right {
                Expr::Subquery(subquery) => Expr::InSubquery { expr: left, subquery, negated: false },
                right => {
                    let right = Box::new(right);
                    Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some }
                }
            },
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => match *right {
                Expr::Subquery(subquery) => Expr::InSubquery { expr: left, subquery, negated: true },
                right => Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right: Box::new(right) },
            },
            Expr::Function(function) => called(function),
            other => other,
        }
    }
}

/// Functions that PostgreSQL has in other words.
fn called(mut function: Function) -> Expr {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return Expr::Function(function);
    };
    if name.value.eq_ignore_ascii_case("localtimestamp") && function.args == FunctionArguments::None {
        return Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(call("now", [])),
            data_type: SqlType::Timestamp(Some(MICROSECOND_DIGITS), TimezoneInfo::None),
            array: false,
            format: None,
        };
    }
    if name.value.eq_ignore_ascii_case("age")
        && let FunctionArguments::List(list) = &mut function.args
        && list.args.len() == 1
    {
        list.args.insert(0, argument(call("current_date", [])));
    }
    Expr::Function(function)
}

/// To so many digits of a second.
fn rounded(cast: Expr, digits: Option<u64>) -> Expr {
    match digits {
        Some(digits) if digits < MICROSECOND_DIGITS => {
            call(digits::NAME, [cast, Expr::Value(Value::Number(digits.to_string(), false).into())])
        }
        _ => cast,
    }
}

/// A text of a series with its seconds, which DataFusion wants.
fn with_seconds(mut expr: Expr) -> Expr {
    if let Expr::Value(value) = &mut expr {
        complete(&mut value.value);
    }
    expr
}

fn complete(value: &mut Value) {
    if let Value::SingleQuotedString(text) = value
        && let Some(complete) = written::with_seconds(text)
    {
        *text = complete;
    }
}

/// A text in a series of times is one of them, or how far it is from one to the next.
fn type_series(args: &mut [FunctionArg]) {
    let of = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(
            Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }),
        )) if matches!(data_type, SqlType::Timestamp(..) | SqlType::Date) => Some(data_type.clone()),
        _ => None,
    };
    let Some(mut data_type) = args.first().and_then(of) else { return };
    if data_type == SqlType::Date && args.iter().take(2).all(is_written_day) {
        args.iter_mut().take(2).for_each(as_instant);
        data_type = SqlType::Timestamp(None, TimezoneInfo::Tz);
    }
    for (place, arg) in args.iter_mut().enumerate().skip(1) {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else { continue };
        if !is_text(expr) {
            continue;
        }
        let value = Box::new(taken(expr));
        *expr = match place {
            1 => {
                let data_type = data_type.clone();
                Expr::Cast { kind: CastKind::Cast, expr: value, data_type, array: false, format: None }
            }
            _ => Expr::Interval(Interval {
                value,
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            }),
        };
    }
}

/// Whether it is a day that is written, or a text that stands for one.
fn is_written_day(arg: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else { return false };
    match expr {
        Expr::TypedString(TypedString { data_type: SqlType::Date, .. }) => true,
        Expr::Cast { expr, data_type: SqlType::Date, .. } => is_text(expr),
        other => is_text(other),
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

/// It becomes the instant at which the day begins, of which PostgreSQL makes such a series.
fn as_instant(arg: &mut FunctionArg) {
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(
        Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }),
    )) = arg
    {
        *data_type = SqlType::Timestamp(None, TimezoneInfo::Tz);
    }
}

/// `generate_series(…)`, where a table may stand.
fn is_call(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::Table { args: Some(_), .. } | TableFactor::Function { .. })
}

fn taken(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

fn text(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}

fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

fn call<const N: usize>(name: &str, arguments: [Expr; N]) -> Expr {
    let args = arguments.map(argument).into();
    let args = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
