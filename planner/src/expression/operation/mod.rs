//! Our scalar functions: everything that an expression does to values but logic and comparison.

mod arguments;
mod lists;
mod moments;
mod numbers;
mod texts;

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{array::ArrayRef, datatypes::DataType};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        expr::ScalarFunction,
    },
};
use quarry_metadata::expression::{Function, Operator, Type};
use regex::{Regex, RegexBuilder};

pub(super) use arguments::{Arguments, Cells};
pub(super) use lists::{flattened, taken};

use super::{compile::Mode, data_type::arrow, fault::Fault};

/// Memory that a regular expression may take, read.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Arithmetic(Operator),
    Negate,
    Convert,
    Call(Function),
    In,
    MakeList,
}

/// One operation as a scalar function.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    action: Action,
    returns: Type,
    mode: Mode,
    pattern: Option<Regex>,
    signature: Signature,
}

impl Operation {
    pub(super) fn new(action: Action, returns: &Type, mode: Mode) -> Operation {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Operation { action, returns: returns.clone(), mode, pattern: None, signature }
    }

    /// With the regular expression that it matches.
    pub(super) fn with_pattern(mut self, pattern: Option<&str>) -> Result<Operation> {
        if let Some(pattern) = pattern {
            let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
            self.pattern = Some(built.map_err(|error| DataFusionError::External(Box::new(error)))?);
        }
        Ok(self)
    }

    /// The expression that calls it.
    pub(super) fn call(self, arguments: Vec<Expr>) -> Expr {
        let function = Arc::new(ScalarUDF::new_from_impl(self));
        Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))
    }

    fn array(&self, arguments: &Arguments) -> Result<ArrayRef> {
        match self.action {
            Action::Arithmetic(operator) => match (&self.returns, operator) {
                (Type::Text, _) => texts::concatenated(arguments),
                (Type::Int | Type::Decimal { .. } | Type::Double, _) => {
                    numbers::arithmetic(operator, &self.returns, arguments, self.mode)
                }
                _ => moments::arithmetic(operator, &self.returns, arguments, self.mode),
            },
            Action::Negate => numbers::negated(&self.returns, arguments, self.mode),
            Action::Convert => numbers::converted(&self.returns, arguments, self.mode),
            Action::In => lists::contains(arguments),
            Action::MakeList => lists::made(&self.returns, arguments),
            Action::Call(function) => self.called(function, arguments),
        }
    }

    fn called(&self, function: Function, arguments: &Arguments) -> Result<ArrayRef> {
        use Function as F;
        match function {
            F::Size | F::IsBlank | F::IsEmpty | F::JoinNonEmpty | F::Sum => {
                lists::called(function, &self.returns, arguments, self.mode)
            }
            F::Min | F::Max if arguments.len() == 1 => {
                lists::called(function, &self.returns, arguments, self.mode)
            }
            F::Min | F::Max | F::Coalesce => lists::chosen(function, arguments),
            F::Contains | F::StartsWith | F::EndsWith => texts::asked(function, arguments),
            F::Matches => texts::matches(self.pattern.as_ref(), arguments),
            F::Upper | F::Lower | F::Trim => texts::changed(function, arguments),
            F::Text => texts::written(arguments),
            F::Abs | F::Round | F::Floor | F::Ceil | F::Int | F::Double | F::Decimal => {
                numbers::called(function, &self.returns, arguments, self.mode)
            }
            F::Year
            | F::Quarter
            | F::Month
            | F::Day
            | F::Weekday
            | F::Hour
            | F::Minute
            | F::AddDays
            | F::AddMonths
            | F::DaysBetween
            | F::Date
            | F::DateTime
            | F::Hours
            | F::Minutes
            | F::Seconds => moments::called(function, arguments, self.mode),
        }
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Operation) -> bool {
        let pattern =
            |operation: &Operation| operation.pattern.as_ref().map(|pattern| pattern.as_str().to_owned());
        (self.action, &self.returns, self.mode, pattern(self))
            == (other.action, &other.returns, other.mode, pattern(other))
    }
}

impl Eq for Operation {}

impl Hash for Operation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.action, &self.returns, self.mode).hash(state);
    }
}

impl ScalarUDFImpl for Operation {
    fn name(&self) -> &str {
        match self.action {
            Action::Arithmetic(operator) => operator.symbol(),
            Action::Negate => "-",
            Action::Convert => "convert",
            Action::Call(function) => function.name(),
            Action::In => "in",
            Action::MakeList => "list",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow(&self.returns))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::new(args.args, args.number_rows)?;
        let array = self.array(&arguments)?;
        Ok(match arguments.are_constant() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }
}

/// A value, or why there is none: told or not, as the mode wants it.
fn settled<T>(computed: Result<Option<T>, Fault>, mode: Mode) -> Result<Option<T>> {
    match (computed, mode) {
        (Ok(value), _) => Ok(value),
        (Err(_), Mode::Lenient) => Ok(None),
        (Err(fault), Mode::Strict) => Err(DataFusionError::External(Box::new(fault))),
    }
}
