//! An object as a SQL table: its stored fields are a scan, its formulas are computed over it.
//!
//! A question that names no formula reads the scan as if there were none. Else the table is a plan of its own: the scan, the
//! joins that formulas follow, a projection; what the question filters by goes into it and down to the scan.

use std::{collections::BTreeSet, fmt, sync::Arc};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Result, Statistics},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType, ident},
    physical_plan::ExecutionPlan,
};

use super::catalog::State;
use crate::{
    lower,
    plan::{At, Scope},
    view::{ObjectView, Restriction, SCORE},
};

/// Lookups that a formula's path may follow.
const DEPTH_MAX: usize = 32;

/// The table of a view.
///
/// # Errors
///
/// `Internal` when the snapshot has no table for it.
pub(super) fn table(
    state: &State,
    view: &Arc<ObjectView>,
    restriction: Restriction,
) -> crate::error::Result<Arc<dyn TableProvider>> {
    let former = state.former(view);
    let stored = view.provider_with(&state.seeing, restriction.clone(), &former)?;
    let known = stored.schema();
    let mut fields = Vec::with_capacity(view.fields.len() + 1);
    for name in view.fields.iter().chain(&former) {
        match view.field(name.as_str()) {
            Some(field) if field.kind.is_computed() => {
                fields.push(Arc::new(lower::arrow_field(name.as_str(), field)))
            }
            _ => fields.extend(known.fields().find(name.as_str()).map(|(_, field)| Arc::clone(field))),
        }
    }
    fields.extend(known.fields().find(SCORE).map(|(_, field)| Arc::clone(field)));
    let schema = Arc::new(Schema::new(fields));
    Ok(Arc::new(ObjectTable { state: state.clone(), view: Arc::clone(view), stored, restriction, schema }))
}

pub(super) struct ObjectTable {
    state: State,
    view: Arc<ObjectView>,
    stored: Arc<dyn TableProvider>,
    restriction: Restriction,
    schema: SchemaRef,
}

impl fmt::Debug for ObjectTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectTable").field("object", &self.view.object.name).finish_non_exhaustive()
    }
}

impl ObjectTable {
    /// What its columns are made of; none where rows are ranked by a text.
    pub(super) fn scope(&self) -> Option<Scope> {
        matches!(self.restriction, Restriction::None).then(|| self.own_scope())
    }

    /// The columns that are kept, by the names they have here.
    pub(super) fn stored_schema(&self) -> SchemaRef {
        self.stored.schema()
    }

    fn own_scope(&self) -> Scope {
        let views = Arc::clone(&self.state.views);
        let has_score = matches!(self.restriction, Restriction::Text(_));
        Scope::new(views, Arc::clone(&self.view), DEPTH_MAX, has_score, self.state.clock)
    }

    fn is_computed(&self, name: &str) -> bool {
        self.view.field(name).is_some_and(|field| field.kind.is_computed())
    }

    fn names_computed(&self, filter: &Expr) -> bool {
        filter.column_refs().iter().any(|column| self.is_computed(&column.name))
    }

    /// The scan, the joins, the formulas, the filters: columns in the order wanted.
    async fn computed(
        &self,
        session: &dyn Session,
        wanted: &[String],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut scope = self.own_scope();
        let of_filters = filters.iter().flat_map(Expr::column_refs).map(|column| column.name.clone());
        let used: BTreeSet<String> = wanted.iter().cloned().chain(of_filters).collect();
        let mut columns = Vec::with_capacity(used.len());
        for name in used {
            let at = At { code: "INVALID_FIELD", place: &name };
            let expr = scope.subject(&name, at)?.expr;
            columns.push(expr.alias(name.clone()));
        }
        let mut plan = scope.plan(&self.state.seeing, self.restriction.clone())?.project(columns)?;
        for filter in filters {
            plan = plan.filter(filter.clone())?;
        }
        plan = plan.project(wanted.iter().map(|name| ident(name.as_str())).collect::<Vec<_>>())?;
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        session.create_physical_plan(&plan.build()?).await
    }
}

#[async_trait]
impl TableProvider for ObjectTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let name = |at: &usize| self.schema.fields().get(*at).map(|field| field.name().clone());
        let wanted: Vec<String> = projection.unwrap_or(&all).iter().filter_map(name).collect();
        let computed = wanted.iter().any(|name| self.is_computed(name))
            || filters.iter().any(|filter| self.names_computed(filter));
        if computed {
            return self.computed(state, &wanted, filters, limit).await;
        }
        let stored = self.stored.schema();
        let places = wanted.iter().map(|name| stored.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        self.stored.scan(state, Some(&places), filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let judge = |filter: &&Expr| match self.names_computed(filter) {
            true => Ok(vec![TableProviderFilterPushDown::Exact]),
            false => self.stored.supports_filters_pushdown(&[filter]),
        };
        Ok(filters.iter().map(judge).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let known = self.stored.statistics()?;
        if self.view.computed().next().is_none() {
            return Some(known);
        }
        let columns = vec![datafusion::common::ColumnStatistics::new_unknown(); self.schema.fields().len()];
        Some(Statistics { column_statistics: columns, ..known })
    }
}
