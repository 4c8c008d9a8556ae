//! A small SQL question around the planner: columns, conditions, an order and a page of one object.
//!
//! Such a plan is taken apart into what [`Direct`] reads by: the same expressions, after the same analysis, with the columns of
//! projections and aliases written out. Nothing in it belongs to one state of the records, so where it does not depend on the
//! instant or the session either, [`super::known`] keeps it, and the question asked again is not planned at all.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{Schema, SchemaRef},
};
use datafusion::{
    catalog::default_table_source::source_as_provider,
    common::{
        DFSchema, DFSchemaRef, Result as PlanResult, ScalarValue,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    execution::SessionState,
    logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, ScalarUDF, SortExpr, simplify::SimplifyContext},
    optimizer::simplify_expressions::ExprSimplifier,
};

use super::{
    gather::{Gathered, has_shape},
    instants, parameters, rounding,
    table::ObjectTable,
};
use crate::{
    error::Result,
    plan::{
        At, ROOT,
        direct::{Direct, Read, Told, is_by_key},
    },
    policy::Seeing,
    run::Deadline,
    view::{ObjectView, Restriction},
};

/// What a part of an expression takes, about.
const NODE_BYTES: usize = 128;

/// A question over one object; parameters are open.
pub(super) struct Small {
    view: Arc<ObjectView>,
    read: Arc<Read>,
    /// The columns that are read, with their types.
    stored: DFSchemaRef,
    filter: Option<Expr>,
    sort: Vec<SortExpr>,
    skip: Option<Expr>,
    fetch: Option<Expr>,
    told: Arc<[Told]>,
    /// What is told has parameters in it.
    is_open: bool,
    /// The columns of the answer.
    schema: SchemaRef,
    /// The same for every instant and session.
    pub(super) is_lasting: bool,
    /// Nothing is asked but what the key is.
    pub(super) is_by_key: bool,
}

impl Small {
    /// Takes a plan with open parameters apart; none where it is more than such a question.
    ///
    /// # Errors
    ///
    /// Those of the analysis.
    pub(super) fn of(
        state: &SessionState,
        plan: &LogicalPlan,
        values: &[ScalarValue],
    ) -> Result<Option<Small>> {
        if !has_shape(plan) {
            return Ok(None);
        }
        let typed = parameters::typed(plan.clone(), values)?;
        let plan = state.analyzer().execute_and_check(typed, state.config_options(), |_, _| {})?;
        let Some(gathered) = Gathered::of(&plan)? else { return Ok(None) };
        let provider = source_as_provider(&gathered.source)?;
        let Some(table) = provider.downcast_ref::<ObjectTable>() else { return Ok(None) };
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Self::over(state, table, gathered, schema)
    }

    fn over(
        state: &SessionState,
        table: &ObjectTable,
        gathered: Gathered,
        schema: SchemaRef,
    ) -> Result<Option<Small>> {
        let Some(mut scope) = table.scope() else { return Ok(None) };
        let is_lasting = !gathered.exprs().any(calls);
        let subject = |name: &str| Ok(scope.subject(name, At { code: "INVALID_FIELD", place: name })?.expr);
        let Some(written) = gathered.written_out(subject)? else { return Ok(None) };
        let Some(read) = scope.alone() else { return Ok(None) };
        let known = table.stored_schema();
        let fields = read.iter().map(|name| known.field_with_name(name).cloned());
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let stored = Arc::new(DFSchema::try_from_qualified_schema(ROOT, &Schema::new(fields))?);
        let simple = |expr| simplified(state, &stored, expr);
        let key = |key: SortExpr| PlanResult::Ok(SortExpr { expr: simple(key.expr)?, ..key });
        let columns = written.columns.into_iter().map(simple).collect::<PlanResult<Vec<_>>>()?;
        let filter = written.filters.into_iter().reduce(Expr::and).map(simple).transpose()?;
        let sort = written.sort.unwrap_or_default().into_iter().map(key).collect::<PlanResult<_>>()?;
        let read = Read::new(scope.view(), read)?;
        Ok(Some(Small {
            view: Arc::clone(scope.view()),
            told: Told::all(&read, &columns),
            is_open: columns.iter().any(is_open),
            read,
            is_by_key: filter.as_ref().is_some_and(|filter| is_by_key(scope.view(), filter)),
            filter,
            sort,
            skip: written.skip,
            fetch: written.fetch,
            stored,
            schema,
            is_lasting: is_lasting && !scope.reads_clock(),
        }))
    }

    /// What reads the rows on a state of the records; none where the values ask for a plan.
    ///
    /// # Errors
    ///
    /// Those of the values.
    pub(super) fn direct(
        &self,
        (state, seeing): (&SessionState, &Seeing),
        values: &[ScalarValue],
        rows_max: u64,
    ) -> Result<Option<Direct>> {
        let bind = |expr: &Expr| bound(state, &self.stored, expr, values);
        let count = |expr: &Option<Expr>| match expr {
            Some(expr) => bind(expr).map(|bound| rows_of(&bound)),
            None => Ok(Some(None)),
        };
        let (Some(offset), Some(limit)) = (count(&self.skip)?, count(&self.fetch)?) else { return Ok(None) };
        if limit == Some(0) {
            return Ok(None);
        }
        let tell = |told: &Told| match told {
            Told::Read(place) => Ok(Told::Read(*place)),
            Told::Made(expr) => bind(expr).map(Told::Made),
        };
        let sorted = |key: &SortExpr| PlanResult::Ok(SortExpr { expr: bind(&key.expr)?, ..key.clone() });
        Ok(Some(Direct {
            view: Arc::clone(&self.view),
            seeing: seeing.clone(),
            restriction: Restriction::None,
            read: Arc::clone(&self.read),
            far: Vec::new(),
            rows_max,
            filter: self.filter.as_ref().map(bind).transpose()?,
            sort: self.sort.iter().map(sorted).collect::<PlanResult<_>>()?,
            limit,
            offset: offset.unwrap_or(0),
            told: match self.is_open {
                false => Arc::clone(&self.told),
                true => self.told.iter().map(tell).collect::<PlanResult<_>>()?,
            },
        }))
    }

    /// Reads the rows on a state of the records; none where there may be many, or where the values ask for a plan.
    ///
    /// # Errors
    ///
    /// As those of a plan.
    pub(super) async fn rows(
        &self,
        (state, seeing): (&Arc<SessionState>, &Seeing),
        values: &[ScalarValue],
        (rows_max, deadline): (u64, &Deadline),
    ) -> Result<Option<RecordBatch>> {
        let Some(direct) = self.direct((state, seeing), values, rows_max)? else { return Ok(None) };
        let Some(rows) = direct.rows(state, deadline).await? else { return Ok(None) };
        self.answer(rows)
    }

    /// The rows under the answer's schema; none where they are not of the type that was announced: that is left to the plan.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(super) fn answer(&self, rows: RecordBatch) -> Result<Option<RecordBatch>> {
        let columns = rows.columns().iter().zip(self.schema.fields());
        if columns.into_iter().any(|(column, field)| column.data_type() != field.data_type()) {
            return Ok(None);
        }
        let (_, columns, count) = rows.into_parts();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }

    /// All that it is made of, in expressions.
    pub(super) fn size(&self) -> usize {
        let made = self.told.iter().filter_map(Told::made);
        let all = made.chain(&self.filter).chain(self.sort.iter().map(|key| &key.expr));
        all.map(size_of).sum::<usize>() + self.told.len() * NODE_BYTES
    }
}

/// Whether it has a parameter in it.
fn is_open(expr: &Expr) -> bool {
    // The closure never fails, and neither does the walk.
    expr.exists(|expr| Ok(matches!(expr, Expr::Placeholder(_)))).unwrap_or(true)
}

/// With the values of its parameters.
fn bound(
    state: &SessionState,
    stored: &DFSchemaRef,
    expr: &Expr,
    values: &[ScalarValue],
) -> PlanResult<Expr> {
    let (expr, is_changed) = parameters::bound(expr, values)?;
    if is_changed { simplified(state, stored, expr) } else { Ok(expr) }
}

fn simplified(state: &SessionState, stored: &DFSchemaRef, expr: Expr) -> PlanResult<Expr> {
    if is_simple(&expr) {
        return Ok(expr);
    }
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(stored))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    ExprSimplifier::new(context).simplify(expr)
}

/// A column, a value, or one of them compared with the other.
fn is_simple(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => matches!(
            (left.as_ref(), right.as_ref()),
            (Expr::Column(_), Expr::Literal(value, _)) if !value.is_null()
        ),
        _ => false,
    }
}

/// The rows that LIMIT or OFFSET says, none for NULL; nothing where only a plan can tell, or say what is wrong.
fn rows_of(expr: &Expr) -> Option<Option<usize>> {
    match expr {
        Expr::Literal(value, _) if value.is_null() => Some(None),
        Expr::Literal(ScalarValue::Int64(Some(rows)), _) => usize::try_from(*rows).ok().map(Some),
        _ => None,
    }
}

/// Whether it calls a function that may know the session, the clock or a setting. Those that name their clock know the time zone alone,
/// which the question is kept for.
fn calls(expr: &Expr) -> bool {
    // The closure never fails, and neither does the walk.
    let knows_all = |func: &ScalarUDF| instants::names_its_clock(func) || rounding::is_rounding(func);
    let knows_more = |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if !knows_all(&call.func));
    expr.exists(|expr| Ok(knows_more(expr))).unwrap_or(true)
}

/// Bytes, roughly.
fn size_of(expr: &Expr) -> usize {
    let mut bytes = 0;
    let walked = expr.apply(|expr| {
        bytes += NODE_BYTES;
        if let Expr::Literal(value, _) = expr {
            bytes += value.size();
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_err() { usize::MAX } else { bytes }
}
