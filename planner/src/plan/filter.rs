//! Predicates, two-valued.
//!
//! SQL's logic has three values, ObjectQL's two: a comparison with null is false, and its negation true. AND and OR are
//! monotone, so null may stand for false below them; a negation turns it into false first (`IS NOT TRUE`). `$ne`, `$nin`
//! and `$notContains` are negations, so they include rows without a value.
//!
//! What is asked of related records becomes a mark: a column of the plan that says whether there is one for which the filter is true.

use datafusion::{
    common::ScalarValue,
    functions::{expr_fn as text_fn, string::expr_fn as string_fn},
    functions_nested::expr_fn as list_fn,
    logical_expr::{Expr, Like, lit},
};
use serde_json::Value;

use super::{
    records::Resolving,
    scope::{Scope, Subject},
};
use crate::{
    coerce::{Class, Coercer, Comparand},
    error::{Error, Result},
    objectql::{Filter, Operand, Operator, Quantifier},
};

/// Where the names of a filter come from: a scope's paths, or the keys and aggregates of a group.
pub(super) trait Names {
    /// What the name stands for.
    fn subject(&mut self, path: &str, at: &str) -> Result<Subject>;

    /// The objects that paths start from; none where there are no records.
    fn scope(&mut self) -> Option<&mut Scope>;
}

/// Makes predicates of filters.
pub(super) struct Filters<'a, N> {
    pub(super) names: &'a mut N,
    pub(super) with: Resolving<'a>,
}

impl<N: Names> Filters<'_, N> {
    /// The predicate of a filter.
    ///
    /// # Errors
    ///
    /// `Missing` for an unknown name, `Invalid` for a value or operator that does not fit, `Limited` past the depth.
    pub(super) fn predicate(&mut self, filter: &Filter) -> Result<Expr> {
        self.at_depth(filter, 0)
    }

    fn at_depth(&mut self, filter: &Filter, depth: usize) -> Result<Expr> {
        let depth_max = self.with.options.depth_max;
        if depth > depth_max {
            return Err(Error::limited("where", format!("filters nest at most {depth_max} levels deep")));
        }
        match filter {
            Filter::And(all) => self.join(all, depth, true),
            Filter::Or(any) => self.join(any, depth, false),
            Filter::Not(inner) => Ok(negated(self.at_depth(inner, depth + 1)?)),
            Filter::Compare { path, operator, operand, at } => self.compare(path, *operator, operand, at),
            Filter::Related { path, quantifier, filter, at } => {
                // All are so when none is not.
                let is_every = *quantifier == Quantifier::Every;
                let there = self.related(path, filter, is_every, (at, depth))?;
                Ok(if *quantifier == Quantifier::Some { there } else { negated(there) })
            }
        }
    }

    /// Whether a related record is there for which the filter is true, or not true.
    fn related(
        &mut self,
        path: &str,
        filter: &Filter,
        is_not: bool,
        (at, depth): (&str, usize),
    ) -> Result<Expr> {
        let with = self.with.further(at)?;
        let Some(scope) = self.names.scope() else {
            return Err(Error::invalid(
                "INVALID_FILTER",
                at,
                "groups have no related records: $some, $every and $none are asked of records",
            ));
        };
        let (mut inner, link) = scope.begin_many(path, at)?;
        let is_true = Filters { names: &mut inner, with }.at_depth(filter, depth + 1)?;
        let counts = if is_not { negated(is_true) } else { is_true };
        Ok(scope.mark(link, inner, counts))
    }

    fn join(&mut self, parts: &[Filter], depth: usize, all: bool) -> Result<Expr> {
        let parts = parts.iter().map(|part| self.at_depth(part, depth + 1)).collect::<Result<Vec<_>>>()?;
        Ok(balanced(parts, all))
    }

    fn compare(&mut self, path: &str, operator: Operator, operand: &Operand, at: &str) -> Result<Expr> {
        let left = self.names.subject(path, at)?;
        match operand {
            Operand::Field(other) => {
                let right = self.names.subject(other, at)?;
                compare_fields((path, left), operator, (other, right), at)
            }
            Operand::Value(value) | Operand::Literal(value) => {
                let literal = matches!(operand, Operand::Literal(_));
                let coercer =
                    Coercer { context: self.with.context, class: &left.class, name: path, at, literal };
                Comparison { column: left.expr.clone(), coercer }.by(operator, value)
            }
        }
    }
}

/// One column against a value.
struct Comparison<'a> {
    column: Expr,
    coercer: Coercer<'a>,
}

impl Comparison<'_> {
    fn by(self, operator: Operator, value: &Value) -> Result<Expr> {
        self.check(operator)?;
        match operator {
            Operator::Eq => self.equal(value),
            Operator::Ne => Ok(negated(self.equal(value)?)),
            Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => self.ordered(operator, value),
            Operator::Between => self.between(value),
            Operator::In => self.any_of(value),
            Operator::Nin => Ok(negated(self.any_of(value)?)),
            Operator::Null => {
                Ok(if self.asked(value)? { self.column.is_null() } else { self.column.is_not_null() })
            }
            Operator::Empty => {
                let asked = self.asked(value)?;
                let empty = self.empty();
                Ok(if asked { empty } else { negated(empty) })
            }
            Operator::Within => {
                let span = self.coercer.within(value)?;
                Ok(self.equals(span))
            }
            Operator::Has | Operator::HasAny | Operator::HasAll => self.list(operator, value),
            Operator::Contains | Operator::NotContains if self.is_list() => {
                let has = self.list(Operator::Has, value)?;
                Ok(if operator == Operator::Contains { has } else { negated(has) })
            }
            Operator::NotContains => Ok(negated(self.text(Operator::Contains, value)?)),
            Operator::Contains
            | Operator::StartsWith
            | Operator::EndsWith
            | Operator::IContains
            | Operator::IStartsWith
            | Operator::IEndsWith
            | Operator::IEq
            | Operator::Like
            | Operator::ILike => self.text(operator, value),
        }
    }

    fn is_list(&self) -> bool {
        self.coercer.class.is_list()
    }

    /// Does the operator make sense for the field's type?
    fn check(&self, operator: Operator) -> Result<()> {
        let class = self.coercer.class;
        let fits = match operator {
            Operator::Null | Operator::Empty => true,
            Operator::Eq | Operator::Ne => !class.is_opaque(),
            Operator::In | Operator::Nin => class.is_sortable(),
            Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte | Operator::Between => {
                class.is_ordered()
            }
            Operator::Contains | Operator::NotContains => class.is_text() || self.is_list(),
            Operator::StartsWith
            | Operator::EndsWith
            | Operator::IContains
            | Operator::IStartsWith
            | Operator::IEndsWith
            | Operator::IEq
            | Operator::Like
            | Operator::ILike => class.is_text(),
            Operator::Has | Operator::HasAny | Operator::HasAll => self.is_list(),
            Operator::Within => matches!(class, Class::Date | Class::DateTime),
        };
        if fits {
            return Ok(());
        }
        let instead = match (self.is_list(), operator) {
            (true, Operator::In) => ": use \"$hasAny\"",
            _ => "",
        };
        let name = self.coercer.name;
        Err(self.coercer.error(format!(
            "\"{}\" does not fit {name:?}, a {} field{instead}",
            operator.name(),
            class.name()
        )))
    }

    fn asked(&self, value: &Value) -> Result<bool> {
        value.as_bool().ok_or_else(|| self.coercer.error(format!("expects true or false, not {value}")))
    }

    fn equal(&self, value: &Value) -> Result<Expr> {
        if self.is_list() && !value.is_null() {
            return self.same_list(value);
        }
        Ok(self.equals(self.coercer.value(value)?))
    }

    fn equals(&self, comparand: Comparand) -> Expr {
        let column = self.column.clone();
        match comparand {
            Comparand::Null => column.is_null(),
            Comparand::One(value) => column.eq(lit(value)),
            Comparand::Span(from, until) => column.clone().gt_eq(lit(from)).and(column.lt(lit(until))),
        }
    }

    fn ordered(&self, operator: Operator, value: &Value) -> Result<Expr> {
        let (first, after) = match self.coercer.value(value)? {
            Comparand::Null => {
                return Err(self.coercer.error("null is neither larger nor smaller: use \"$null\""));
            }
            Comparand::One(value) => (value, None),
            Comparand::Span(from, until) => (from, Some(until)),
        };
        let column = self.column.clone();
        // A day against instants is all of its instants: later than it is from its end on.
        Ok(match (operator, after) {
            (Operator::Gt, None) => column.gt(lit(first)),
            (Operator::Gt, Some(end)) => column.gt_eq(lit(end)),
            (Operator::Gte, _) => column.gt_eq(lit(first)),
            (Operator::Lt, _) => column.lt(lit(first)),
            (_, None) => column.lt_eq(lit(first)),
            (_, Some(end)) => column.lt(lit(end)),
        })
    }

    fn between(&self, value: &Value) -> Result<Expr> {
        let Some([from, to]) = value.as_array().map(Vec::as_slice) else {
            return Err(self.coercer.error(format!("expects [from, to], not {value}")));
        };
        Ok(self.ordered(Operator::Gte, from)?.and(self.ordered(Operator::Lte, to)?))
    }

    fn any_of(&self, value: &Value) -> Result<Expr> {
        let mut values = Vec::new();
        let mut parts = Vec::new();
        for comparand in self.coercer.list(value)? {
            match comparand {
                Comparand::One(value) => values.push(lit(value)),
                other => parts.push(self.equals(other)),
            }
        }
        if !values.is_empty() {
            parts.push(self.column.clone().in_list(values, false));
        }
        Ok(balanced(parts, false))
    }

    fn empty(&self) -> Expr {
        let null = self.column.clone().is_null();
        match self.coercer.class {
            class if class.is_list() => null.or(list_fn::cardinality(self.column.clone()).eq(lit(0u64))),
            class if class.is_text() || *class == Class::Json => null.or(self.column.clone().eq(text(""))),
            _ => null,
        }
    }

    fn one_text(&self, value: &Value) -> Result<String> {
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self
                .coercer
                .error(format!("{:?} is compared with a text, not {value}", self.coercer.name))),
        }
    }

    fn text(&self, operator: Operator, value: &Value) -> Result<Expr> {
        let wanted = self.one_text(value)?;
        let column = self.column.clone();
        let folded = || (string_fn::lower(self.column.clone()), text(&wanted.to_lowercase()));
        Ok(match operator {
            Operator::Contains => text_fn::contains(column, text(&wanted)),
            Operator::StartsWith => text_fn::starts_with(column, text(&wanted)),
            Operator::EndsWith => text_fn::ends_with(column, text(&wanted)),
            Operator::Like => like(column, text(&wanted)),
            // Folded as the others are: by Unicode.
            Operator::ILike => call(like, folded()),
            Operator::IContains => call(text_fn::contains, folded()),
            Operator::IStartsWith => call(text_fn::starts_with, folded()),
            Operator::IEndsWith => call(text_fn::ends_with, folded()),
            _ => call(Expr::eq, folded()),
        })
    }

    /// Options of a multi-select, checked.
    fn options(&self, values: &[Value]) -> Result<Vec<Expr>> {
        let option = |value: &Value| match self.coercer.value(value)? {
            Comparand::One(ScalarValue::Utf8View(Some(option))) => Ok(lit(option)),
            _ => Err(self.coercer.error(format!("expects options, not {value}"))),
        };
        values.iter().map(option).collect()
    }

    fn list(&self, operator: Operator, value: &Value) -> Result<Expr> {
        let wanted = match (operator, value.as_array()) {
            (Operator::Has, _) => self.options(std::slice::from_ref(value))?,
            (_, Some(values)) => self.options(values)?,
            (_, None) => return Err(self.coercer.error(format!("expects a list of options, not {value}"))),
        };
        let has = wanted.into_iter().map(|option| list_fn::array_has(self.column.clone(), option)).collect();
        Ok(balanced(has, operator == Operator::HasAll))
    }

    /// The same options in the same order.
    fn same_list(&self, value: &Value) -> Result<Expr> {
        let Some(values) = value.as_array() else {
            let name = self.coercer.name;
            return Err(self
                .coercer
                .error(format!("{name:?} holds a list: use \"$has\", or compare with a list")));
        };
        let wanted = self.options(values)?;
        let count = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
        let mut parts = vec![list_fn::cardinality(self.column.clone()).eq(lit(count))];
        for (position, option) in (1i64..).zip(wanted) {
            parts.push(list_fn::array_element(self.column.clone(), lit(position)).eq(option));
        }
        Ok(balanced(parts, true))
    }
}

fn compare_fields(
    (left_name, left): (&str, Subject),
    operator: Operator,
    (right_name, right): (&str, Subject),
    at: &str,
) -> Result<Expr> {
    let error = |message: String| Err(Error::invalid("INVALID_FILTER", at, message));
    if !left.class.comparable(&right.class) {
        let (left, right) = (left.class.name(), right.class.name());
        return error(format!("{left_name:?} is a {left}, {right_name:?} a {right}: they can't be compared"));
    }
    let ordered = left.class.is_ordered() && right.class.is_ordered();
    Ok(match operator {
        Operator::Eq => left.expr.eq(right.expr),
        Operator::Ne => negated(left.expr.eq(right.expr)),
        Operator::Gt if ordered => left.expr.gt(right.expr),
        Operator::Gte if ordered => left.expr.gt_eq(right.expr),
        Operator::Lt if ordered => left.expr.lt(right.expr),
        Operator::Lte if ordered => left.expr.lt_eq(right.expr),
        other => return error(format!("\"{}\" does not compare two fields", other.name())),
    })
}

/// True where the predicate is false or null.
fn negated(predicate: Expr) -> Expr {
    Expr::IsNotTrue(Box::new(predicate))
}

/// AND or OR of many as a tree of little depth, so that a long list is no deep recursion.
fn balanced(mut parts: Vec<Expr>, all: bool) -> Expr {
    match parts.len() {
        0 => lit(all),
        1 => parts.swap_remove(0),
        count => {
            let right = parts.split_off(count / 2);
            let (left, right) = (balanced(parts, all), balanced(right, all));
            if all { left.and(right) } else { left.or(right) }
        }
    }
}

fn like(text: Expr, pattern: Expr) -> Expr {
    Expr::Like(Like::new(false, Box::new(text), Box::new(pattern), None, false))
}

fn call(function: fn(Expr, Expr) -> Expr, (left, right): (Expr, Expr)) -> Expr {
    function(left, right)
}

fn text(value: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(value.to_owned())))
}
