//! The columns of one level of a question: fields, paths, formulas, windows, and what is brought along.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField};
use datafusion::logical_expr::{Expr, ident};
use indexmap::IndexMap;

use super::{
    attach::{Attach, Ends},
    member::Member,
    records::{Level, Output, Records, Resolving},
    scope::{At, Scope, unknown},
    windows,
};
use crate::{
    error::{Error, Result},
    lower,
    objectql::{Expand, Query, Selection},
    view::{ObjectView, Restriction, SCORE},
};

/// Collects the columns of one level.
pub(super) struct Building<'a> {
    pub(super) with: Resolving<'a>,
    pub(super) scope: Scope,
    pub(super) columns: Vec<Expr>,
    pub(super) attaches: Vec<Attach>,
    pub(super) named: IndexMap<String, (Output, ArrowField)>,
    /// Columns of related records are fetched by key afterwards.
    pub(super) fetch_late: bool,
}

impl Building<'_> {
    /// The position of a column of the plan, added when it is not there.
    pub(super) fn column(&mut self, expr: Expr) -> usize {
        let is_it = |known: &Expr| match (known, &expr) {
            // Names differ sooner than what qualifies them.
            (Expr::Column(known), Expr::Column(column)) => {
                known.name == column.name && known.relation == column.relation
            }
            _ => *known == expr,
        };
        if let Some(position) = self.columns.iter().position(is_it) {
            return position;
        }
        self.columns.push(expr);
        self.columns.len() - 1
    }

    fn put(&mut self, name: &str, output: Output, data_type: DataType) -> Result<()> {
        self.put_field(output, ArrowField::new(name, data_type, true))
    }

    fn put_field(&mut self, output: Output, field: ArrowField) -> Result<()> {
        let name = field.name().clone();
        if self.named.insert(name.clone(), (output, field)).is_some() {
            let message = format!("{name:?} is asked twice: give one of them another name with \"as\"");
            return Err(Error::invalid("INVALID_QUERY", "fields", message));
        }
        Ok(())
    }

    pub(super) fn select(&mut self, fields: &[Selection]) -> Result<()> {
        if fields.is_empty() {
            let view = Arc::clone(self.scope.view());
            for name in &view.fields {
                self.path(name.as_str(), name.as_str())?;
            }
            return Ok(());
        }
        let mut late: IndexMap<&str, Vec<(&str, &str)>> = IndexMap::new();
        for selection in fields {
            let name = selection.alias.as_deref().unwrap_or(&selection.path);
            match selection.path.split_once('.') {
                Some((relation, rest)) if self.fetch_late && !self.scope.is_composite(relation) => {
                    // Its place among the columns is kept; what stands there is known when all paths are.
                    self.put(name, Output::Column(0), DataType::Null)?;
                    late.entry(relation).or_default().push((name, rest));
                }
                _ => self.path(name, &selection.path)?,
            }
        }
        for (relation, paths) in late {
            self.fetch(relation, &paths)?;
        }
        Ok(())
    }

    fn path(&mut self, name: &str, path: &str) -> Result<()> {
        let place = format!("fields.{path}");
        if path == SCORE {
            let subject = self.scope.subject(path, At { code: "INVALID_FIELD", place: &place })?;
            let position = self.column(subject.expr);
            return self.put(name, Output::Column(position), DataType::Float32);
        }
        if let Some(named) = self.scope.named(path).cloned() {
            let position = self.column(named.subject.expr);
            return self.put(name, Output::Column(position), named.data_type);
        }
        let at = At { code: "INVALID_FIELD", place: &place };
        let made = |expr, field: &_| (expr, lower::arrow_field(name, field));
        let (expr, field) = self.scope.field(path, at, made)?;
        let position = self.column(expr);
        self.put_field(Output::Column(position), field)
    }

    /// Columns of a related record, fetched by key.
    fn fetch(&mut self, relation: &str, paths: &[(&str, &str)]) -> Result<()> {
        let fields = paths.iter().map(|(_, rest)| Selection { path: (*rest).to_owned(), alias: None });
        let mut query = Query { fields: fields.collect(), ..Query::default() };
        query.fields.dedup();
        let place = format!("fields.{relation}");
        let attach = self.attach(relation, &query, At { code: "INVALID_FIELD", place: &place })?;
        for (name, rest) in paths {
            let Some(inner) = self.attaches.get(attach) else { continue };
            let (column, field) =
                inner.child.schema.column_with_name(rest).ok_or_else(|| {
                    Error::internal(format!("{relation}.{rest} was resolved and is not there"))
                })?;
            let field = field.clone().with_name(*name);
            self.named.insert((*name).to_owned(), (Output::Inner { attach, column }, field));
        }
        Ok(())
    }

    /// Columns of windows; what they hold, a plan knows.
    pub(super) fn windows(&mut self, windows: &[Member]) -> Result<()> {
        if windows.is_empty() {
            return Ok(());
        }
        let plan = self.scope.plan(&self.with.context.seeing(), Restriction::None)?;
        let plan = windows::add(plan, windows, |index, _| windows::column(index))?;
        for (index, window) in windows.iter().enumerate() {
            let name = windows::column(index);
            let data_type = plan.schema().field_with_unqualified_name(&name)?.data_type().clone();
            let position = self.column(ident(name));
            self.put(&window.name, Output::Column(position), data_type)?;
        }
        Ok(())
    }

    pub(super) fn expand(&mut self, expands: &IndexMap<String, Expand>) -> Result<()> {
        for (name, expand) in expands {
            let place = format!("expand.{name}");
            let attach =
                self.attach(&expand.relation, &expand.query, At { code: "INVALID_FIELD", place: &place })?;
            let Some(made) = self.attaches.get(attach) else { continue };
            let structure = DataType::Struct(made.child.schema.fields().clone());
            let data_type = match made.ends {
                Ends::One => structure,
                Ends::Several | Ends::Many => {
                    DataType::List(Arc::new(ArrowField::new("item", structure, true)))
                }
            };
            let field = ArrowField::new(name, data_type, true);
            // An expand of the same name as a field stands in its place.
            self.named.insert(name.clone(), (Output::Attached(attach), field));
            if expand.query.count {
                self.put(&format!("{name}@count"), Output::Count(attach), DataType::Int64)?;
            }
        }
        Ok(())
    }

    /// The attach of a relation.
    fn attach(&mut self, name: &str, query: &Query, at: At<'_>) -> Result<usize> {
        let view = Arc::clone(self.scope.view());
        let (relation, lookup, ends) = if let Some((relation, lookup)) = view.to_one(name) {
            (relation, lookup.name.as_str(), Ends::One)
        } else if let Some((relation, list)) = view.to_several(name) {
            (relation, list.name.as_str(), Ends::Several)
        } else if let Some((relation, lookup)) = view.to_many(name) {
            (relation, lookup.as_str(), Ends::Many)
        } else {
            return Err(unknown_relation(&view, name, at));
        };
        if ends != Ends::One && at.place.starts_with("fields") {
            let message = format!("{name:?} leads to several records: use \"expand\"");
            return Err(Error::invalid("INVALID_FIELD", at.place, message));
        }
        let target = self.with.context.views.get(relation.target.as_str());
        let target = target.ok_or_else(|| unknown_relation(&view, name, at))?;
        let named = self.with.context.views.get(&query.object).map(|view| &view.object.name);
        if !query.object.is_empty() && named != Some(&target.object.name) {
            let message = format!("{name:?} leads to {:?}, not to {:?}", relation.target, query.object);
            return Err(Error::invalid("INVALID_QUERY", at.place, message));
        }
        // What a list refers to comes in its order, each record by itself.
        let below = self.with.below(if ends == Ends::Many { Level::ToMany } else { Level::ToOne })?;
        let mut child = Records::resolve(below, target, query).map_err(|error| inside(at.place, error))?;
        let (own, link) = if ends == Ends::Many { ("id", lookup) } else { (lookup, "id") };
        let key = self.scope.column(own);
        let parent_key = self.column(key);
        let child_key = child.key(link);
        let link = target.object.field(link).map_or(link, |field| field.column()).to_owned();
        self.attaches.push(Attach { ends, parent_key, child_key, link, child });
        Ok(self.attaches.len() - 1)
    }
}

fn unknown_relation(view: &ObjectView, name: &str, at: At<'_>) -> Error {
    unknown(view, name, name, at)
}

/// An error of a nested query, with the way to it (a comparison read from JSON knows its whole way already).
fn inside(place: &str, mut error: Error) -> Error {
    if error.path.is_empty() {
        error.path = place.to_owned();
    } else if !error.path.contains(&format!("{place}.")) {
        error.path = format!("{place}.{}", error.path);
    }
    error
}
