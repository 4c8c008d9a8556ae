//! What a change is about: one object as the session sees it, under the name that the statement gives it.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, TableAlias, TableFactor};
use pgwire::api::Type;
use quarry_metadata::{Field, FieldKind, FieldName};
use quarry_planner::{
    ObjectView, Views,
    lower::{BIN_VIEW, arrow_type},
    sql::RECYCLE_BIN,
};

use super::ast;
use crate::{
    error::{PgError, Result, nearest},
    names::folded,
    pg_type::of_arrow,
    sqlstate::SqlState,
    startup::DATABASE,
};

/// The object that a change is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the session sees it.
    pub view: Arc<ObjectView>,
    /// The table in a FROM, with its alias.
    pub factor: TableFactor,
    /// What its columns are qualified with.
    pub qualifier: Ident,
    /// Its deleted records are meant.
    pub is_bin: bool,
}

impl Target {
    /// Finds the object of a table in a statement.
    ///
    /// # Errors
    ///
    /// `42P01`; `42809` for the catalog; `0A000` for what is no table.
    pub fn of_factor(views: &Views, factor: &TableFactor) -> Result<Target> {
        let target = Target::or_bin_of_factor(views, factor)?;
        if target.is_bin {
            return Err(only_looked_at(target.object()));
        }
        Ok(target)
    }

    /// As [`Self::of_factor`], where deleted records may be meant too.
    ///
    /// # Errors
    ///
    /// As [`Self::of_factor`].
    pub fn or_bin_of_factor(views: &Views, factor: &TableFactor) -> Result<Target> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Err(PgError::unsupported("only an object can be changed", "name the object"));
        };
        let (view, is_bin) = find(views, name)?;
        let qualifier = match (alias, ast::parts(name).last()) {
            (Some(alias), _) => alias.name.clone(),
            (None, Some(last)) => (*last).clone(),
            (None, None) => Ident::new(view.object.name.as_str()),
        };
        Ok(Target { view, factor: factor.clone(), qualifier, is_bin })
    }

    /// What kind of values a field has.
    pub fn kind(&self, field: &FieldName) -> Option<&FieldKind> {
        self.view.field(field.as_str()).map(|field| &field.kind)
    }

    /// Finds the object of an INSERT.
    ///
    /// # Errors
    ///
    /// As [`Self::of_factor`].
    pub fn of_name(views: &Views, name: &ObjectName, alias: Option<&Ident>) -> Result<Target> {
        let alias = alias.map(|name| TableAlias {
            explicit: true,
            name: name.clone(),
            columns: Vec::new(),
            at: None,
        });
        let factor = TableFactor::Table {
            name: name.clone(),
            alias,
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
        Target::of_factor(views, &factor)
    }

    /// The object's name; of deleted records, that of the object that they were of.
    pub fn object(&self) -> &str {
        let name = self.view.object.name.as_str();
        if self.is_bin { name.strip_prefix(BIN_VIEW).unwrap_or(name) } else { name }
    }

    /// A field by the name a statement writes.
    ///
    /// # Errors
    ///
    /// `42703`, with the nearest name.
    pub fn field(&self, written: &Ident) -> Result<&Field> {
        let name = folded(written);
        match self.view.writable(&name) {
            Some(field) => Ok(field),
            None => {
                let message = format!("column \"{name}\" of relation \"{}\" does not exist", self.object());
                let mut error = PgError::new(SqlState::UNDEFINED_COLUMN, message);
                error.hint = nearest(&name, self.view.fields.iter().map(FieldName::as_str));
                error.table = Some(self.object().to_owned());
                error.column = Some(name);
                Err(error)
            }
        }
    }
}

/// What can be done with deleted records, for whoever tries something else.
pub fn only_looked_at(object: &str) -> PgError {
    let message = format!("cannot change \"{BIN_VIEW}{object}\": deleted records come back, or are purged");
    let hint = format!(
        "undelete with UPDATE {BIN_VIEW}{object} SET deleted_at = NULL WHERE …; purge with DELETE FROM {BIN_VIEW}{object} WHERE …"
    );
    PgError::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint(hint)
}

/// The type a field's column is announced as.
pub fn type_of(field: &Field) -> Type {
    match &field.kind {
        // What is made of parts comes in as the text of its JSON.
        FieldKind::Composite { .. } => Type::TEXT,
        _ => of_arrow(&arrow_type(field)),
    }
}

/// An object, or its deleted records.
fn find(views: &Views, name: &ObjectName) -> Result<(Arc<ObjectView>, bool)> {
    let parts: Vec<String> = ast::parts(name).into_iter().map(folded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (schema, object) = match parts.as_slice() {
        [object] => (None, *object),
        [schema, object] => (Some(*schema), *object),
        [database, schema, object] if *database == DATABASE => (Some(*schema), *object),
        _ => {
            let message = format!("cross-database references are not implemented: {name}");
            return Err(PgError::unsupported(message, format!("the database is \"{DATABASE}\"")));
        }
    };
    if let Some(schema @ ("pg_catalog" | "information_schema")) = schema {
        let message = format!("cannot change \"{schema}.{object}\": it is told by the packages");
        return Err(PgError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if schema == Some(RECYCLE_BIN)
        && let Some(bin) = views.bin(object)
    {
        return Ok((bin.clone(), true));
    }
    let in_schema =
        |view: &&Arc<ObjectView>| schema.is_none_or(|s| s == "public" || view.object.package.as_str() == s);
    let view = views.get(object).filter(in_schema).cloned();
    view.map(|view| (view, false)).ok_or_else(|| {
        let written = parts.join(".");
        let mut error =
            PgError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{written}\" does not exist"));
        error.hint = nearest(object, views.objects.keys().map(|n| n.as_str()));
        error
    })
}
