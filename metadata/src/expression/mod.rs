//! Expressions: one language, CEL, for formulas, validations, conditions, defaults, triggers and policies.
//!
//! The road of an expression, from text to [`Expression`]:
//!
//! 1. `parse` gives CEL's own tree with the place of each part (the `cel` crate's parser).
//! 2. `check` resolves its names in a [`Scope`], gives every part a type, makes a formula's name into what it stands for,
//!    and bounds what evaluating it costs; it reports everything that is wrong at once.
//! 3. A typed tree comes of it ([`Node`]), canonical and serialisable, which knows what it [`needs`](Expression::needs).
//!
//! Nothing is evaluated here: the planner compiles the tree, the same way for one record and for a million. What the
//! language means (nulls, numbers, time) stands in `docs/expressions.md`.

mod arithmetic;
mod check;
mod formulas;
mod functions;
mod literals;
mod needs;
mod own;
mod parse;
mod scope;
mod source;
mod spreadsheet;
mod tree;
mod value_type;

pub use functions::Function;
pub use needs::Needs;
pub use scope::{Objects, Scope, Use};
pub use tree::{
    Children, Comprehension, Expression, Literal, Node, NodeKind, Operator, Path, Root, Step, UserList,
};
pub use value_type::Type;

pub(crate) use formulas::{Returns, Written, compile_all};
pub(crate) use parse::in_cel_of as in_cel;
pub(crate) use source::read;

use crate::issue::{Issues, Place};

impl Expression {
    /// Compiles a text; what is wrong with it is told in `issues`, and nothing comes of it then.
    pub fn compile(text: &str, place: &Place, scope: &Scope<'_>, issues: &mut Issues) -> Option<Expression> {
        let parsed = parse::parse(text, place, issues)?;
        check::check(&parsed, place, scope, issues)
    }

    /// As [`Self::compile`], for a text that must come to `wanted`: another type is converted where nothing is lost by it
    /// but digits behind the point (rounded), else it is an issue.
    pub fn compile_as(
        text: &str,
        wanted: &Type,
        place: &Place,
        scope: &Scope<'_>,
        issues: &mut Issues,
    ) -> Option<Expression> {
        let found = Expression::compile(text, place, scope, issues)?;
        let given = found.type_().clone();
        let fits = given == *wanted
            || given == Type::Null
            || (given.is_exact() && matches!(wanted, Type::Decimal { .. }));
        if !fits {
            let message = format!("the expression gives a {given}, and a {wanted} is wanted");
            issues.error(place, "expression-type", message);
            return None;
        }
        Some(Expression { node: found.node.converted(wanted) })
    }

    /// As [`Self::compile`], for a text that must be true or false.
    pub fn condition(
        text: &str,
        place: &Place,
        scope: &Scope<'_>,
        issues: &mut Issues,
    ) -> Option<Expression> {
        Expression::compile_as(text, &Type::Bool, place, scope, issues)
    }
}

#[cfg(test)]
mod tests;
