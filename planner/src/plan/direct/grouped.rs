//! Groups of a few rows: DataFusion's aggregation over them, and what a plan does above it, at once.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::concat_batches,
    datatypes::{Field, Schema},
};
use datafusion::{
    catalog::memory::MemorySourceConfig,
    common::{Column, DFSchema, Result as PlanResult, exec_err},
    execution::SessionState,
    logical_expr::{Expr, SortExpr, physical_planning_context::PhysicalPlanningContext},
    physical_expr::aggregate::{LoweredAggregate, LoweredAggregateBuilder},
    physical_plan::{
        ExecutionPlan,
        aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy},
        execute_stream,
    },
};
use futures::TryStreamExt;

use super::{Direct, Gathered, Making, Page, coerced, columns::Names, settled};
use crate::{
    context::QueryContext,
    error::{Error, Result},
    plan::member::Member,
    run::{Deadline, Gone, aside, task},
};

/// A question for groups of rows that are few.
pub(crate) struct DirectGroups<'a> {
    pub(crate) rows: Direct,
    pub(in crate::plan) keys: &'a [Member],
    pub(in crate::plan) aggregates: &'a [Member],
    pub(in crate::plan) having: Option<&'a Expr>,
    pub(in crate::plan) sort: &'a [SortExpr],
    pub(in crate::plan) limit: Option<usize>,
    pub(in crate::plan) offset: usize,
    /// Names of the answer's columns, in order.
    pub(in crate::plan) columns: &'a [String],
}

impl DirectGroups<'_> {
    /// The groups, as the plan would give them; nothing where it should.
    ///
    /// # Errors
    ///
    /// As those of a plan.
    pub(crate) async fn rows(
        self,
        (state, context): (&Arc<SessionState>, &QueryContext),
        deadline: &Deadline,
    ) -> Result<Option<RecordBatch>> {
        let DirectGroups { rows, keys, aggregates, having, sort, limit, offset, columns } = self;
        let (gathering, view) = (Arc::clone(state), Arc::clone(&rows.view));
        let gathered = aside(deadline, view.pace(), move |gone| rows.gather(&gathering, gone)).await?;
        let Some(gathered) = gathered else { return Ok(None) };
        let aggregation =
            Aggregating { state, schema: gathered.names.qualified()? }.over(&gathered, keys, aggregates)?;
        let context = match &context.memory {
            Some(share) => share.context(state),
            None => task(state, Arc::clone(state.runtime_env())),
        };
        let schema = aggregation.schema();
        let groups = execute_stream(aggregation, context)?.try_collect::<Vec<_>>();
        let groups = deadline.wait(groups).await?;
        let gone = Gone::at(deadline);
        let groups = concat_batches(&schema, &groups)?;
        let groups = named((state, &gone), keys.iter().chain(aggregates), &groups)?;
        let schema = DFSchema::try_from(groups.schema_ref().as_ref().clone())?;
        let made = Making { state, read: None, names: Names::of(schema), gone: &gone };
        let groups = match having {
            Some(having) => made.kept(&settled(state, made.names.qualified()?, having.clone())?, groups)?,
            None => groups,
        };
        let groups = Page { sort, limit, offset }.of(&made, groups)?;
        gone.check()?;
        let places = columns.iter().map(|name| groups.schema_ref().index_of(name));
        Ok(Some(groups.project(&places.collect::<Result<Vec<_>, _>>()?)?))
    }
}

/// The members' values of what came out of the aggregation, under their names.
fn named<'m>(
    (state, gone): (&SessionState, &Gone),
    members: impl Iterator<Item = &'m Member>,
    groups: &RecordBatch,
) -> Result<RecordBatch> {
    let schema = DFSchema::try_from(groups.schema_ref().as_ref().clone())?;
    let made = Making { state, read: None, names: Names::of(schema), gone };
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (member, field) in members.zip(groups.schema_ref().fields()) {
        let value = Expr::Column(Column::new_unqualified(field.name()));
        let outer = settled(state, made.names.qualified()?, member.outer(value, field.data_type())?)?;
        let column = made.column(&outer, groups)?;
        fields.push(Field::new(&member.name, column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(groups.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

/// Makes the aggregation of rows that are there.
struct Aggregating<'a> {
    state: &'a SessionState,
    schema: &'a DFSchema,
}

impl Aggregating<'_> {
    fn over(
        &self,
        gathered: &Gathered,
        keys: &[Member],
        aggregates: &[Member],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let key = |member: &Member| {
            let Expr::Alias(alias) = &member.inner else { return exec_err!("a key without a name") };
            let expr = settled(self.state, self.schema, alias.expr.as_ref().clone())?;
            Ok((self.state.create_physical_expr(expr, self.schema)?, alias.name.clone()))
        };
        let keys = PhysicalGroupBy::new_single(keys.iter().map(key).collect::<PlanResult<_>>()?);
        let beside = aggregates.iter().filter_map(|member| member.beside.as_ref());
        let all = aggregates.iter().map(|member| &member.inner).chain(beside);
        let (mut made, mut filters) = (Vec::new(), Vec::new());
        for aggregate in all {
            let LoweredAggregate { aggregate, filter, .. } = self.lowered(aggregate)?;
            made.push(aggregate);
            filters.push(filter);
        }
        let schema = gathered.rows.schema();
        let input =
            MemorySourceConfig::try_new_exec(&[vec![gathered.rows.clone()]], Arc::clone(&schema), None)?;
        let mode = AggregateMode::Single;
        Ok(Arc::new(AggregateExec::try_new(mode, keys, made, filters, input, schema)?))
    }

    /// With arguments of the types that the function takes, which are all that may be made simpler.
    fn lowered(&self, aggregate: &Expr) -> Result<LoweredAggregate> {
        let Expr::Alias(mut alias) = coerced(self.state, self.schema, aggregate.clone())? else {
            return Err(Error::internal("an aggregate without a name"));
        };
        let Expr::AggregateFunction(function) = alias.expr.as_mut() else {
            return Err(Error::internal(format!("{} is no aggregate", alias.expr)));
        };
        let filter = function.params.filter.iter_mut().map(AsMut::as_mut);
        for argument in function.params.args.iter_mut().chain(filter) {
            *argument = settled(self.state, self.schema, std::mem::take(argument))?;
        }
        let (expr, physical) = (Expr::Alias(alias), self.schema.as_arrow());
        let context = PhysicalPlanningContext::default();
        let properties = self.state.execution_props();
        Ok(LoweredAggregateBuilder::new(&expr, self.schema, physical, properties, &context).build()?)
    }
}
