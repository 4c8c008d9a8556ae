//! Formulas that a question brings itself: named, typed against the object as the formulas of packages are, and then named as fields are.

use std::path::PathBuf;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use quarry_metadata::{
    Issues, Place,
    expression::{Expression, Scope as Names, Type, Use},
};

use super::scope::{Scope, Subject};
use crate::{
    coerce::Class,
    error::{Error, Result},
    expression::arrow,
    objectql::Formula,
};

/// A formula of a question.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) subject: Subject,
    pub(super) data_type: DataType,
}

/// Resolves formulas against the root of a scope, and names them there.
///
/// # Errors
///
/// `Invalid` for a text that is no formula of that object, and for a name that is taken; `Missing` for what the session may not see.
pub(super) fn resolve(scope: &mut Scope, formulas: &[Formula]) -> Result<()> {
    for formula in formulas {
        let Formula { name, text, at } = formula;
        let refuse = |message: String| Err(Error::invalid("INVALID_FORMULA", at.clone(), message));
        // One without a name goes by its text, and is the same wherever it stands.
        if name == text && scope.named(name).is_some() {
            continue;
        }
        if name != text && scope.is_taken(name) {
            return refuse(format!("{name:?} is a name already: give the formula another one with \"as\""));
        }
        let view = scope.view().clone();
        let registry = scope.registry();
        let mut issues = Issues::default();
        let place = Place { file: PathBuf::new(), line: 1, path: at.clone() };
        let names = Names::new(&*registry, &view.object, Use::Formula);
        let Some(expression) = Expression::compile(text, &place, &names, &mut issues) else {
            let told: Vec<String> = issues.0.into_iter().map(|issue| issue.message).collect();
            return refuse(told.join("; "));
        };
        let expr: Expr = scope.written_out(&expression, at)?;
        let type_ = expression.type_();
        if matches!(type_, Type::Duration | Type::Record(_)) {
            return refuse(format!("the formula gives a {type_}, which no answer holds"));
        }
        let subject = Subject { expr, class: class(type_) };
        scope.name(Named { name: name.clone(), subject, data_type: arrow(type_) });
    }
    Ok(())
}

fn class(type_: &Type) -> Class {
    match type_ {
        Type::Bool => Class::Bool,
        Type::Int => Class::Int,
        Type::Decimal { precision, scale } => Class::Decimal { precision: *precision, scale: *scale },
        Type::Double => Class::Float,
        Type::Text => Class::Text,
        Type::Date => Class::Date,
        Type::DateTime => Class::DateTime,
        Type::Time => Class::Time,
        Type::List(_) => Class::List,
        Type::Null | Type::Duration | Type::Json | Type::Record(_) => Class::Json,
    }
}
