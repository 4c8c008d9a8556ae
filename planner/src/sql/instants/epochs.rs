//! `to_timestamp(seconds)` and what DataFusion has beside it tell instants, as in PostgreSQL; DataFusion makes readings of UTC of them, which a
//! session would take for what its own clock shows. `arrow_cast`, `to_date` and `to_time` of instants are casts.

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::{
    common::{DFSchema, Result, config::ConfigOptions, not_impl_err, tree_node::Transformed},
    logical_expr::{Expr, ExprSchemable, cast, expr::ScalarFunction, expr_rewriter::FunctionRewrite, lit},
};

use super::{
    is_instant, is_text,
    moved::{Turn, clocked},
    refused::has_instants,
};
use crate::sql::zone::{UTC, instant_in};

/// What tells an instant of a number, or of a text.
const OF_EPOCHS: [&str; 6] = [
    "from_unixtime",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_nanos",
    "to_timestamp_seconds",
];

/// The rewrite.
#[derive(Debug)]
pub(crate) struct EpochsAreInstants;

impl FunctionRewrite for EpochsAreInstants {
    fn name(&self) -> &'static str {
        "epochs_are_instants"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(call) = expr else { return Ok(Transformed::no(expr)) };
        let name = call.func.name();
        if OF_EPOCHS.contains(&name) {
            return of_epoch(call, schema);
        }
        let first = || call.args.first().and_then(|value| value.get_type(schema).ok());
        let is_first_instant = || first().is_some_and(|of| is_instant(&of));
        let wanted = match name {
            "to_date" if is_first_instant() => DataType::Date32,
            "to_time" if is_first_instant() => DataType::Time64(TimeUnit::Microsecond),
            "arrow_cast" | "arrow_try_cast" => {
                let wanted = Expr::ScalarFunction(call.clone()).get_type(schema)?;
                if !has_instants(&wanted) && !first().is_some_and(|of| has_instants(&of)) {
                    return Ok(Transformed::no(Expr::ScalarFunction(call)));
                }
                wanted
            }
            _ => return Ok(Transformed::no(Expr::ScalarFunction(call))),
        };
        Ok(match call.args.into_iter().next() {
            Some(value) => Transformed::yes(cast(value, wanted)),
            None => {
                Transformed::no(Expr::ScalarFunction(ScalarFunction { func: call.func, args: Vec::new() }))
            }
        })
    }
}

fn of_epoch(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let name = call.func.name().to_owned();
    let [value] = call.args.as_slice() else {
        return not_impl_err!(
            "{name} of a text and its format is not supported: cast the text to timestamptz"
        );
    };
    let of = value.get_type(schema)?;
    if is_instant(&of) {
        return Ok(Transformed::yes(value.clone()));
    }
    let is_reading = matches!(of, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    if is_text(&of) || is_reading {
        return Ok(Transformed::yes(cast(value.clone(), instant_in(UTC))));
    }
    let seconds = cast(value.clone(), DataType::Float64);
    let seconds = match name.as_str() {
        "to_timestamp_millis" => seconds / lit(1e3),
        "to_timestamp_micros" => seconds / lit(1e6),
        "to_timestamp_nanos" => seconds / lit(1e9),
        _ => seconds,
    };
    Ok(Transformed::yes(clocked(Turn::OfEpoch, Tz::UTC, seconds)))
}
