//! Functions of SQL that make much of little: a list of ten billion numbers of two, a gigabyte of one letter.
//!
//! What an expression makes of a batch is not counted against the memory of all questions. Most expressions make about as
//! much as they are given; those that don't are wrapped here, and look at their arguments first.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray},
    compute::{cast, kernels::length::length},
    datatypes::{DataType, FieldRef, Int64Type, IntervalMonthDayNanoType, TimeUnit},
};
use datafusion::{
    common::{DFSchema, Result, ScalarValue, config::ConfigOptions, tree_node::Transformed},
    execution::FunctionRegistry,
    logical_expr::{
        BinaryExpr, ColumnarValue, Documentation, Expr, ExprSchemable, Operator, ReturnFieldArgs,
        ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr_rewriter::FunctionRewrite,
    },
};

use crate::{answer::bytes_of_array, error::Error};

/// What one function may make of one batch, bytes.
pub(crate) const FUNCTION_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a list's item, at least.
const ITEM_BYTES: u64 = 8;
/// Bytes of a replacement that are not counted.
const REWRITES_LETTERS: u64 = 16;
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
    /// A text in which each match becomes another, with parts of what matched.
    Rewrites,
    /// A list's items, with a text between.
    Prints,
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
    ("regexp_replace", Growth::Rewrites),
    ("array_to_string", Growth::Prints),
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
    let signature = Signature::any(2, Volatility::Immutable);
    let joined = Arc::new(ScalarUDF::new_from_impl(Joined { signature }));
    registry.register_function_rewrite(Arc::new(JoinsAreBounded { joined }))
}

/// `a || b` of two texts looks at them first.
#[derive(Debug)]
struct JoinsAreBounded {
    joined: Arc<ScalarUDF>,
}

impl FunctionRewrite for JoinsAreBounded {
    fn name(&self) -> &'static str {
        "joins_are_bounded"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) = &expr else {
            return Ok(Transformed::no(expr));
        };
        // Of other types one at least is small, or a list, which shares nothing with a text.
        if ![left, right].iter().all(|side| side.get_type(schema).is_ok_and(|kind| kind.is_string())) {
            return Ok(Transformed::no(expr));
        }
        Ok(Transformed::yes(self.joined.call(vec![*left.clone(), *right.clone()])))
    }
}

/// One text behind the other; null where one of them is.
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
        let has = |kind: &DataType| arguments.contains(kind);
        let widest = [DataType::Utf8View, DataType::LargeUtf8].into_iter().find(has);
        Ok(widest.unwrap_or(DataType::Utf8))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = arguments.args.iter().all(|given| matches!(given, ColumnarValue::Scalar(_)));
        let given = given(&arguments.args, if is_scalar { 1 } else { arguments.number_rows })?;
        let bytes = given.iter().map(|texts| to_u64(bytes_of_array(texts))).fold(0, u64::saturating_add);
        check("||", bytes)?;
        let views = given.iter().map(|texts| cast(texts, &DataType::Utf8View));
        let [left, right] = &views.collect::<Result<Vec<_>, _>>()?[..] else {
            return Err(Error::internal("a join of more or fewer than two texts").into());
        };
        let pairs = left.as_string_view().iter().zip(right.as_string_view().iter());
        let texts: StringViewArray =
            pairs.map(|(left, right)| left.zip(right).map(|(left, right)| [left, right].concat())).collect();
        let texts = cast(&texts, arguments.return_field.data_type())?;
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&texts, 0)?),
            false => ColumnarValue::Array(texts),
        })
    }
}

/// Arguments as columns; a text that is the same for all rows is shared by them.
fn given(arguments: &[ColumnarValue], rows: usize) -> Result<Vec<ArrayRef>> {
    let column = |argument: &ColumnarValue| match argument {
        ColumnarValue::Scalar(scalar) if scalar.data_type().is_string() => {
            scalar.cast_to(&DataType::Utf8View)?.to_array_of_size(rows)
        }
        other => other.to_array(rows),
    };
    arguments.iter().map(column).collect()
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
        let is_scalar = arguments.args.iter().all(|given| matches!(given, ColumnarValue::Scalar(_)));
        let given = given(&arguments.args, if is_scalar { 1 } else { arguments.number_rows })?;
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
            (Growth::Rewrites, _) => {
                let Some(to) = argument(2) else { return Ok(0) };
                let (whole, to) = (lengths(first)?, lengths(to)?);
                let rows = whole.iter().zip(to.iter()).map(|(whole, to)| (known(whole), known(to)));
                // Each of its letters may match, and so may what is between them; `\\1` takes two letters. A short text
                // that is put in makes not much of any text.
                let row = |(whole, to): (u64, u64)| match to <= REWRITES_LETTERS {
                    true => whole,
                    false => whole.saturating_add(1).saturating_mul(to).saturating_mul(2),
                };
                rows.map(row).fold(0, u64::saturating_add)
            }
            (Growth::Prints, Some(between)) => {
                let items = first.as_list_opt::<i32>().map_or(first.len(), |list| list.values().len());
                let longest = lengths(between)?.iter().map(known).max().unwrap_or(0);
                to_u64(items).saturating_mul(longest).saturating_add(to_u64(bytes_of_array(first)))
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
