//! `pg_catalog` and `information_schema` as DataFusion schemas: a table is built when it is first asked for.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    catalog::{MemTable, SchemaProvider, TableProvider},
    error::Result,
    logical_expr::ScalarUDF,
};
use parking_lot::Mutex;

use super::{
    CatalogSession,
    facts::{self, TABLES},
    functions,
    model::Model,
    rows,
};

/// A catalog table's schema and name.
type QualifiedName = (&'static str, &'static str);

/// The model with the tables that were built from it so far.
#[derive(Debug)]
pub struct Built {
    /// The model.
    pub model: Arc<Model>,
    /// The functions over it.
    pub functions: Vec<Arc<ScalarUDF>>,
    tables: Mutex<HashMap<QualifiedName, Arc<dyn TableProvider>>>,
}

impl Built {
    /// A model of which no table has been asked for.
    pub fn new(model: Model) -> Built {
        let model = Arc::new(model);
        Built { functions: functions::of_model(&model), model, tables: Mutex::new(HashMap::new()) }
    }
}

/// One of the two catalog schemas, for one session.
pub struct CatalogSchema {
    name: &'static str,
    built: Arc<Built>,
    session: CatalogSession,
}

impl CatalogSchema {
    /// The schema of that name (`pg_catalog` or `information_schema`).
    pub fn new(name: &'static str, built: &Arc<Built>, session: &CatalogSession) -> CatalogSchema {
        CatalogSchema { name, built: Arc::clone(built), session: session.clone() }
    }

    fn build(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(fact) = facts::table(self.name, name) else {
            return Ok(None);
        };
        let key = (fact.schema, fact.name);
        if let Some(table) = self.built.tables.lock().get(&key) {
            return Ok(Some(Arc::clone(table)));
        }
        let batch = rows::batch(fact, &rows::Source { model: &self.built.model, session: &self.session })?;
        let table: Arc<dyn TableProvider> = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?);
        if !rows::is_live(fact) {
            self.built.tables.lock().insert(key, Arc::clone(&table));
        }
        Ok(Some(table))
    }
}

impl std::fmt::Debug for CatalogSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CatalogSchema").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        TABLES.iter().filter(|table| table.schema == self.name).map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.build(name)
    }

    fn table_exist(&self, name: &str) -> bool {
        facts::table(self.name, name).is_some()
    }
}
