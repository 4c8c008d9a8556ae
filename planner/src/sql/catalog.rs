//! The catalog of one SQL session: each package is a schema, and all of them are on the search path.
//!
//! `crm.account` is the object of that package; plain `account` resolves through the schema `public`, which holds the
//! objects of every package (names are unique among them) and, before them, the door's `pg_catalog`.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use datafusion::{
    catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider},
    common::{DataFusionError, Result},
    sql::sqlparser::{
        ast::Statement,
        dialect::PostgreSqlDialect,
        tokenizer::{Token, Tokenizer},
    },
};
use quarry_metadata::{FieldName, Object, PackageName};

use super::table;
use crate::{
    coerce::Clock,
    policy::Seeing,
    view::{AuditTable, EventsTable, ObjectView, Restriction, Views},
};

/// The one database of a session.
pub(crate) const CATALOG: &str = "main";
/// The schema of names without a schema.
pub(crate) const SEARCH_PATH: &str = "public";
const PG_CATALOG: &str = "pg_catalog";
/// The schema of what administrators may look at, and its tables. A package of that name comes first.
pub const AUDIT: &str = "audit";
/// See [`AUDIT`].
pub const CHANGES: &str = "changes";
/// See [`AUDIT`].
pub const EVENTS: &str = "events";
/// The schema of deleted records, a table for each object that keeps them. A package of that name comes first.
pub const RECYCLE_BIN: &str = "recycle_bin";

/// What a session's tables are made from.
#[derive(Clone)]
pub(super) struct State {
    pub(super) views: Arc<Views>,
    pub(super) seeing: Seeing,
    /// The schema `audit` is there.
    pub(super) reads_audit: bool,
    /// The words of the statement that are former names of fields: columns of their own in its tables.
    pub(super) former: Arc<RwLock<HashSet<String>>>,
    pub(super) clock: Clock,
}

impl State {
    /// Looks for former names of fields in a statement.
    pub(super) fn hear(&self, statement: &Statement) {
        let known = self.views.former_names();
        if known.is_empty() {
            return;
        }
        let text = statement.to_string();
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, &text).tokenize().unwrap_or_default();
        let words = tokens.into_iter().filter_map(|token| match token {
            Token::Word(word) if word.quote_style.is_some() => Some(word.value),
            Token::Word(word) => Some(word.value.to_lowercase()),
            _ => None,
        });
        self.former
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(words.filter(|word| known.contains(word.as_str())));
    }

    /// The former names of a view's fields that the statement says.
    pub(super) fn former(&self, view: &ObjectView) -> Vec<FieldName> {
        let said = self.former.read().unwrap_or_else(PoisonError::into_inner);
        if said.is_empty() {
            return Vec::new();
        }
        view.former_names().filter(|name| said.contains(name.as_str())).cloned().collect()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

/// All catalogs of a session: one.
#[derive(Debug)]
pub(super) struct SessionCatalogs(Arc<SessionCatalog>);

#[derive(Debug)]
struct SessionCatalog {
    state: State,
    extras: Vec<(String, Arc<dyn SchemaProvider>)>,
}

impl SessionCatalogs {
    pub(super) fn new(state: State, extras: Vec<(String, Arc<dyn SchemaProvider>)>) -> SessionCatalogs {
        SessionCatalogs(Arc::new(SessionCatalog { state, extras }))
    }
}

impl CatalogProviderList for SessionCatalogs {
    fn register_catalog(
        &self,
        _: String,
        catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        // Nobody adds a database to a session; the one offered is handed back.
        Some(catalog)
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.into()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.0) as Arc<dyn CatalogProvider>)
    }
}

impl SessionCatalog {
    fn extra(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.extras.iter().find(|(extra, _)| extra == name).map(|(_, schema)| Arc::clone(schema))
    }

    fn packages(&self) -> Vec<PackageName> {
        let mut names: Vec<PackageName> = Vec::new();
        for view in self.state.views.objects.values() {
            if !names.contains(&view.object.package) {
                names.push(view.object.package.clone());
            }
        }
        names
    }
}

impl CatalogProvider for SessionCatalog {
    fn schema_names(&self) -> Vec<String> {
        let packages = self.packages().into_iter().map(|name| name.to_string());
        let audit = self.state.reads_audit.then(|| AUDIT.into());
        let bins = (!self.state.views.bins.is_empty()).then(|| RECYCLE_BIN.into());
        let extras = self.extras.iter().map(|(name, _)| name.clone());
        packages.chain(extras).chain(audit).chain(bins).chain([SEARCH_PATH.into()]).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if let Some(extra) = self.extra(name) {
            return Some(extra);
        }
        let state = self.state.clone();
        if name == SEARCH_PATH {
            return Some(Arc::new(ViewSchema { state, package: None, before: self.extra(PG_CATALOG) }));
        }
        let package = self.packages().into_iter().find(|package| package.as_str() == name);
        if package.is_none() && name == AUDIT && state.reads_audit {
            return Some(Arc::new(AuditSchema(state)));
        }
        if package.is_none() && name == RECYCLE_BIN && !state.views.bins.is_empty() {
            return Some(Arc::new(BinSchema(state)));
        }
        let package = package?;
        Some(Arc::new(ViewSchema { state, package: Some(package), before: None }))
    }
}

/// The schema `audit`.
#[derive(Debug)]
struct AuditSchema(State);

#[async_trait]
impl SchemaProvider for AuditSchema {
    fn table_names(&self) -> Vec<String> {
        vec![CHANGES.into(), EVENTS.into()]
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let State { views, seeing, .. } = &self.0;
        Ok(match name {
            CHANGES => Some(Arc::new(AuditTable::new(views, seeing.snapshot()))),
            EVENTS => Some(Arc::new(EventsTable::new(seeing.snapshot()))),
            _ => None,
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        [CHANGES, EVENTS].contains(&name)
    }
}

/// The schema `recycle_bin`.
#[derive(Debug)]
struct BinSchema(State);

#[async_trait]
impl SchemaProvider for BinSchema {
    fn table_names(&self) -> Vec<String> {
        self.0.views.bins.keys().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let provider = self.0.views.bin(name).map(|view| table::table(&self.0, view, Restriction::None));
        Ok(provider.transpose()?)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.views.bin(name).is_some()
    }
}

/// The objects of one package, or of all.
#[derive(Debug)]
struct ViewSchema {
    state: State,
    package: Option<PackageName>,
    before: Option<Arc<dyn SchemaProvider>>,
}

impl ViewSchema {
    fn holds(&self, object: &Object) -> bool {
        self.package.as_ref().is_none_or(|package| *package == object.package)
    }
}

#[async_trait]
impl SchemaProvider for ViewSchema {
    fn table_names(&self) -> Vec<String> {
        let views = self.state.views.objects.values();
        views.filter(|view| self.holds(&view.object)).map(|view| view.object.name.to_string()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(before) = &self.before
            && let Some(table) = before.table(name).await?
        {
            return Ok(Some(table));
        }
        let view = self.state.views.get(name).filter(|view| self.holds(&view.object));
        let provider = view.map(|view| table::table(&self.state, view, Restriction::None));
        Ok(provider.transpose()?)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.before.as_ref().is_some_and(|before| before.table_exist(name))
            || self.state.views.get(name).is_some_and(|view| self.holds(&view.object))
    }
}
