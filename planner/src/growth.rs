//! Functions of SQL that make much of little: a list of ten billion numbers of two, a gigabyte of one letter.
//!
//! What an expression makes of a batch is not counted against the memory of all questions. Most expressions make about as
//! much as they are given; those that don't are wrapped here, and look at their arguments first. Texts that are joined to others
//! are looked at when they are made: no step makes more than twice what the one before was allowed.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array},
    compute::{cast, kernels::length::length},
    datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, TimeUnit},
};
use datafusion::{
    common::{DFSchema, Result, config::ConfigOptions, tree_node::Transformed},
    execution::FunctionRegistry,
    logical_expr::{
        BinaryExpr, ColumnarValue, Documentation, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs,
        ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr_rewriter::FunctionRewrite,
    },
};

use crate::{answer::bytes_of_array, error::Error};

/// What one function may make of one batch, bytes.
pub(crate) const FUNCTION_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a list's item, at least.
const ITEM_BYTES: u64 = 8;
/// Bytes of a character, at most.
const CHARACTER_BYTES: u64 = 4;
const DAY_MICROS: i64 = 86_400_000_000;
/// Of the shortest month.
const MONTH_DAYS: i64 = 28;

/// How a function's result grows with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// A text, so many times.
    Repeats,
    /// A text, filled up to so many characters.
    Pads,
    /// A text in which each of one becomes another.
    Replaces,
    /// From one to another by steps.
    Series,
    /// A value, so many times.
    Lists,
    /// A list of so many.
    Resizes,
    /// Texts, one after another.
    Joins,
}

const GROWING: &[(&str, Growth)] = &[
    ("repeat", Growth::Repeats),
    ("lpad", Growth::Pads),
    ("rpad", Growth::Pads),
    ("replace", Growth::Replaces),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
    ("array_repeat", Growth::Lists),
    ("array_resize", Growth::Resizes),
    ("concat", Growth::Joins),
    ("concat_ws", Growth::Joins),
];

/// Puts a bound on the functions of a registry that need one.
///
/// # Errors
///
/// A function that is not there.
pub(crate) fn bound(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for (name, growth) in GROWING {
        let inner = registry.udf(name)?;
        let bounded = ScalarUDF::new_from_impl(Bounded { inner, growth: *growth });
        registry.register_udf(Arc::new(bounded))?;
    }
    let signature = Signature::any(1, Volatility::Immutable);
    let joined = Arc::new(ScalarUDF::new_from_impl(Joined { signature }));
    registry.register_function_rewrite(Arc::new(JoinsAreBounded { joined }))
}

/// `a || b` becomes what looks at its result.
#[derive(Debug)]
struct JoinsAreBounded {
    joined: Arc<ScalarUDF>,
}

impl FunctionRewrite for JoinsAreBounded {
    fn name(&self) -> &'static str {
        "joins_are_bounded"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_join = matches!(&expr, Expr::BinaryExpr(BinaryExpr { op: Operator::StringConcat, .. }));
        Ok(if is_join { Transformed::yes(self.joined.call(vec![expr])) } else { Transformed::no(expr) })
    }
}

/// Hands on what it is given, if that is not too much.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &'static str {
        "joined"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(made) = arguments.args.into_iter().next() else {
            return Err(Error::internal("a joined text that is none").into());
        };
        let bytes = match &made {
            ColumnarValue::Array(texts) => bytes_of_array(texts),
            ColumnarValue::Scalar(text) => text.try_as_str().flatten().map_or(0, str::len),
        };
        check("||", to_u64(bytes))?;
        Ok(made)
    }
}

fn check(function: &str, bytes: u64) -> Result<()> {
    if bytes <= FUNCTION_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "{function} would make about {bytes} bytes of some rows, {FUNCTION_BYTES_MAX} are allowed (function_bytes_max): \
         ask for less"
    );
    Err(Error::limited("", message).into())
}

/// A function that refuses to make too much.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given = ColumnarValue::values_to_arrays(&arguments.args)?;
        check(&format!("{}()", self.name()), self.growth.bytes(&given)?)?;
        self.inner.invoke_with_args(arguments)
    }
}

impl Growth {
    /// What comes of these arguments, about.
    fn bytes(self, given: &[ArrayRef]) -> Result<u64> {
        let argument = |at: usize| given.get(at);
        let (Some(first), second) = (argument(0), argument(1)) else { return Ok(0) };
        Ok(match (self, second) {
            (Growth::Repeats, Some(count)) => products(&lengths(first)?, &integers(count)?),
            (Growth::Pads, Some(count)) => total(&integers(count)?).saturating_mul(CHARACTER_BYTES),
            (Growth::Resizes, Some(count)) => total(&integers(count)?).saturating_mul(ITEM_BYTES),
            (Growth::Replaces, Some(from)) => {
                let Some(to) = argument(2) else { return Ok(0) };
                let (whole, from, to) = (lengths(first)?, lengths(from)?, lengths(to)?);
                let rows = whole.iter().zip(from.iter()).zip(to.iter());
                let row = |((whole, from), to): ((Option<i64>, Option<i64>), Option<i64>)| {
                    let (whole, from, to) = (known(whole), known(from), known(to));
                    (whole / from.max(1)).saturating_add(1).saturating_mul(to).saturating_add(whole)
                };
                rows.map(row).fold(0, u64::saturating_add)
            }
            (Growth::Lists, Some(count)) => {
                let each = to_u64(first.get_array_memory_size()) / to_u64(first.len()).max(1);
                total(&integers(count)?).saturating_mul(each.max(ITEM_BYTES))
            }
            (Growth::Joins, _) => {
                given.iter().map(|texts| to_u64(bytes_of_array(texts))).fold(0, u64::saturating_add)
            }
            (Growth::Series, stop) => steps(first, stop, argument(2))?.saturating_mul(ITEM_BYTES),
            (_, None) => 0,
        })
    }
}

/// The items of all series together.
fn steps(first: &ArrayRef, stop: Option<&ArrayRef>, step: Option<&ArrayRef>) -> Result<u64> {
    let Some(stop) = stop else { return Ok(total(&integers(first)?)) };
    let (from, until) = (instants(first)?, instants(stop)?);
    let default = if first.data_type().is_integer() { 1 } else { DAY_MICROS };
    let step = step.map(distances).transpose()?;
    let mut items = 0_u64;
    for row in 0..first.len() {
        let at = |values: &Int64Array| values.is_valid(row).then(|| values.value(row));
        let (Some(from), Some(until)) = (at(&from), at(&until)) else { continue };
        let step = step.as_ref().map_or(Some(default), at).unwrap_or(default);
        items = items.saturating_add(until.abs_diff(from) / step.unsigned_abs().max(1)).saturating_add(1);
    }
    Ok(items)
}

/// Numbers as they are; days and instants as microseconds.
fn instants(values: &ArrayRef) -> Result<Int64Array> {
    match values.data_type() {
        data_type if data_type.is_temporal() => {
            integers(&cast(values, &DataType::Timestamp(TimeUnit::Microsecond, None))?)
        }
        _ => integers(values),
    }
}

/// Numbers as they are; intervals as microseconds, the least that they may be.
fn distances(values: &ArrayRef) -> Result<Int64Array> {
    let Some(intervals) = values.as_primitive_opt::<IntervalMonthDayNanoType>() else {
        return integers(values);
    };
    let micros = |interval: arrow::datatypes::IntervalMonthDayNano| {
        let days = i64::from(interval.months) * MONTH_DAYS + i64::from(interval.days);
        days.saturating_mul(DAY_MICROS).saturating_add(interval.nanoseconds / 1_000)
    };
    Ok(intervals.iter().map(|interval| interval.map(micros)).collect())
}

fn integers(values: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(values, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// Of texts, bytes.
fn lengths(values: &ArrayRef) -> Result<Int64Array> {
    if values.data_type().is_null() {
        return Ok(Int64Array::new_null(values.len()));
    }
    integers(&length(values)?)
}

fn products(left: &Int64Array, right: &Int64Array) -> u64 {
    let rows = left.iter().zip(right.iter());
    rows.map(|(left, right)| known(left).saturating_mul(known(right))).fold(0, u64::saturating_add)
}

fn total(values: &Int64Array) -> u64 {
    values.iter().map(known).fold(0, u64::saturating_add)
}

/// A count; what is below nothing, or missing, is nothing.
fn known(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
