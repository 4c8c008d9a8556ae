//! The functions that tools call on a PostgreSQL: about objects, about the session, and PostgreSQL's own that DataFusion lacks.
//!
//! Each takes and gives [`Cell`]s, one row at a time: catalog questions are small, and a function is then one readable line.
//! A null argument gives null, as nearly all of PostgreSQL's do, unless the function is made with [`CatalogFunction::seeing_nulls`].

mod arrays;
mod names;
mod objects;
mod privileges;
mod session;
mod text;

use std::{
    hash::{Hash, Hasher},
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
};

use arrow::{array::ArrayRef, datatypes::DataType};
use datafusion::{
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};

pub use arrays::parse_array;

use super::{CatalogSession, cell::Cell, column::Shape, model::Model};

type Run = Arc<dyn Fn(&[Cell]) -> Result<Cell> + Send + Sync>;

/// Functions that depend on nothing.
pub fn pure() -> &'static [Arc<ScalarUDF>] {
    static PURE: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
        [text::functions(), arrays::functions(), objects::fixed()].into_iter().flatten().collect()
    });
    &PURE
}

/// Functions over the model.
pub fn of_model(model: &Arc<Model>) -> Vec<Arc<ScalarUDF>> {
    [objects::functions(model), names::functions(model)].into_iter().flatten().collect()
}

/// Functions over the session.
pub fn of_session(model: &Arc<Model>, session: &CatalogSession) -> Vec<Arc<ScalarUDF>> {
    [session::functions(model, session), privileges::functions(model, session)]
        .into_iter()
        .flatten()
        .collect()
}

/// One function.
struct CatalogFunction {
    name: &'static str,
    returns: Shape,
    arguments: RangeInclusive<usize>,
    strict: bool,
    signature: Signature,
    run: Run,
}

impl CatalogFunction {
    /// A function that takes that many arguments, of any type.
    fn new(
        name: &'static str,
        returns: Shape,
        arguments: RangeInclusive<usize>,
        run: impl Fn(&[Cell]) -> Result<Cell> + Send + Sync + 'static,
    ) -> CatalogFunction {
        let signature =
            Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable);
        CatalogFunction { name, returns, arguments, strict: true, signature, run: Arc::new(run) }
    }

    /// The same, run on null arguments too.
    fn seeing_nulls(mut self) -> CatalogFunction {
        self.strict = false;
        self
    }

    /// The same, run once per row and never at planning time.
    fn volatile(mut self) -> CatalogFunction {
        self.signature.volatility = Volatility::Volatile;
        self
    }

    fn udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::new_from_impl(self))
    }

    fn row(&self, arguments: &[Cell]) -> Result<Cell> {
        if self.strict && arguments.contains(&Cell::Null) {
            return Ok(Cell::Null);
        }
        (self.run)(arguments)
    }
}

/// A function that always gives the same.
fn constant(
    name: &'static str,
    returns: Shape,
    arguments: RangeInclusive<usize>,
    value: Cell,
) -> Arc<ScalarUDF> {
    CatalogFunction::new(name, returns, arguments, move |_| Ok(value.clone())).seeing_nulls().udf()
}

/// The argument at a place; null when it was not given.
fn argument(arguments: &[Cell], at: usize) -> &Cell {
    arguments.get(at).unwrap_or(&Cell::Null)
}

/// The argument at a place as text; empty when it is none.
fn text_argument(arguments: &[Cell], at: usize) -> &str {
    argument(arguments, at).as_text().unwrap_or_default()
}

fn invalid(message: String) -> DataFusionError {
    DataFusionError::Plan(message)
}

impl std::fmt::Debug for CatalogFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.run, &other.run)
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if !self.arguments.contains(&arguments.len()) {
            return Err(invalid(format!(
                "function {} does not exist with {} arguments",
                self.name,
                arguments.len()
            )));
        }
        Ok(self.returns.arrow())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows =
            if constant && self.signature.volatility != Volatility::Volatile { 1 } else { args.number_rows };
        let columns =
            args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let mut cells = Vec::with_capacity(rows);
        for row in 0..rows {
            let arguments =
                columns.iter().map(|column| Cell::read(column, row)).collect::<Result<Vec<_>>>()?;
            cells.push(self.row(&arguments)?);
        }
        let array = self.returns.build(&cells)?;
        if rows == 1 && constant {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}
