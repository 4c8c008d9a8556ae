//! SQL over the same views: DataFusion's planner, our tables.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    catalog::SchemaProvider,
    common::ParamValues,
    execution::{SendableRecordBatchStream, SessionState},
    logical_expr::{LogicalPlan, ScalarUDF},
    sql::sqlparser::ast::Statement,
};

use crate::error::Result;

/// What a door adds: its catalog schemas (`pg_catalog`, `information_schema`) and its functions.
#[derive(Clone, Default)]
pub struct SqlExtras {
    /// Schemas by name.
    pub schemas: Vec<(String, Arc<dyn SchemaProvider>)>,
    /// Scalar functions.
    pub functions: Vec<Arc<ScalarUDF>>,
}

/// Plans and runs SQL queries over one session's views on one state. Objects answer as `account` and as
/// `crm.account`; `search('account', 'words')` is a table function (the object's columns and `_score`). Only queries:
/// DDL, DML, SET and COPY are refused here (a door does its own).
pub struct SqlSession {
    state: SessionState,
}

impl SqlSession {
    /// DataFusion's state underneath, for doors that plan expressions.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Plans a parsed query (`Statement::Query`, `Explain`, `ShowTables`…); parameters `$1` stay open. Not optimized.
    ///
    /// # Errors
    ///
    /// `Missing` for an unknown table or column, `Invalid` for the rest; the DataFusion error is the source.
    pub async fn plan(&self, statement: Statement) -> Result<LogicalPlan> {
        let _ = statement;
        todo!()
    }

    /// The types of the open parameters, by position, as far as they can be inferred.
    ///
    /// # Errors
    ///
    /// `Invalid`.
    pub fn parameter_types(&self, plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
        let _ = plan;
        todo!()
    }

    /// Analyzes and optimizes, so that the schema is the one the rows will have.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Violated`.
    pub fn optimize(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let _ = plan;
        todo!()
    }

    /// Binds the parameters and runs; rows come as a stream that obeys the context's timeout; dropping it ends the work.
    ///
    /// # Errors
    ///
    /// As above, and `Limited`.
    pub async fn execute(&self, plan: LogicalPlan, parameters: ParamValues) -> Result<SendableRecordBatchStream> {
        let _ = (plan, parameters);
        todo!()
    }
}
