//! Names as clients of other casings write them: `Account` for `account`, `AccountId` for `account_id` or the lookup `account`.
//!
//! A name that is right as it stands is taken as it stands. Any other is compared without case and underscores, and is
//! taken for what it then equals when that is one thing only; else it stays, to be refused by who knows all names.

use std::collections::HashSet;

use axum::http::StatusCode;
use quarry_engine::{
    ObjectView, Query, Views,
    objectql::{Expand, Filter, Operand, Order},
};
use quarry_metadata::{Field, FieldKind, RelationKind, nearest::did_you_mean};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// An object as the session sees it.
pub(super) type View = ObjectView;

/// The names that a session knows.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    views: &'a Views,
}

impl<'a> Names<'a> {
    pub fn of(views: &'a Views) -> Self {
        Self { views }
    }

    /// The object of that name.
    ///
    /// # Errors
    ///
    /// 404 when there is none; 400 when it may be one of several.
    pub fn object(self, name: &str) -> Result<&'a View, Problem> {
        if let Some(view) = self.views.get(name) {
            return Ok(view);
        }
        let wanted = folded(name);
        let mut alike =
            self.views.objects.values().filter(|view| folded(view.object.name.as_str()) == wanted);
        match (alike.next(), alike.next()) {
            (Some(view), None) => Ok(view),
            (Some(one), Some(other)) => {
                let (one, other) = (&one.object.name, &other.object.name);
                Err(Problem::invalid(format!("{name:?} may be {one} or {other}; write it as one of them"))
                    .at("object"))
            }
            (None, _) => {
                let near = did_you_mean(name, self.views.objects.keys().map(|name| name.as_str()));
                let message = format!("there is no object {name:?}{near}");
                Err(Problem::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", message).at("object"))
            }
        }
    }

    /// Puts our names in place of a client's, in all of a question.
    ///
    /// # Errors
    ///
    /// As [`Self::object`].
    pub fn question(self, query: &mut Query) -> Result<(), Problem> {
        let view = self.object(&query.object)?;
        if self.views.get(&query.object).is_none() {
            query.object = view.object.name.to_string();
        }
        self.body(view, query);
        Ok(())
    }

    fn body(self, view: &View, query: &mut Query) {
        let given = given_names(query);
        let path = |path: &mut String| {
            if !given.contains(path.as_str()) {
                *path = self.path(view, path);
            }
        };
        let order = |keys: &mut Vec<Order>| keys.iter_mut().for_each(|key| path(&mut key.path));
        query.fields.iter_mut().for_each(|field| path(&mut field.path));
        query.group_by.iter_mut().for_each(|key| path(&mut key.path));
        order(&mut query.order_by);
        for aggregation in &mut query.aggregations {
            aggregation.path.iter_mut().for_each(path);
            aggregation.filter.iter_mut().for_each(|filter| self.filter(view, filter, &given));
            order(&mut aggregation.order_by);
        }
        for window in &mut query.windows {
            window.path.iter_mut().for_each(path);
            window.partition_by.iter_mut().for_each(path);
            order(&mut window.order_by);
        }
        query.filter.iter_mut().for_each(|filter| self.filter(view, filter, &given));
        query.having.iter_mut().for_each(|filter| self.filter(view, filter, &given));
        query.search.iter_mut().flat_map(|search| &mut search.fields).for_each(path);
        let expand = std::mem::take(&mut query.expand);
        query.expand = expand.into_iter().map(|(key, expand)| self.expand(view, key, expand)).collect();
    }

    fn expand(self, view: &View, key: String, mut expand: Expand) -> (String, Expand) {
        let relation = self.name(view, &expand.relation);
        let key = if key == expand.relation { relation.clone() } else { key };
        expand.relation = relation;
        if let Some(target) = self.target(view, &expand.relation) {
            self.body(target, &mut expand.query);
        }
        (key, expand)
    }

    /// Puts our names in place of a client's in a predicate over an object.
    pub fn predicate(self, view: &View, filter: &mut Filter) {
        self.filter(view, filter, &HashSet::new());
    }

    fn filter(self, view: &View, filter: &mut Filter, given: &HashSet<String>) {
        let own = |path: &mut String| {
            if !given.contains(path.as_str()) {
                *path = self.path(view, path);
            }
        };
        match filter {
            Filter::And(parts) | Filter::Or(parts) => {
                parts.iter_mut().for_each(|part| self.filter(view, part, given));
            }
            Filter::Not(part) => self.filter(view, part, given),
            Filter::Compare { path, operand, .. } => {
                own(path);
                if let Operand::Field(other) = operand {
                    own(other);
                }
            }
            Filter::Related { path, filter, .. } => {
                own(path);
                let target = path.split('.').try_fold(view, |view, step| self.target(view, step));
                if let Some(target) = target {
                    self.filter(target, filter, &HashSet::new());
                }
            }
        }
    }

    /// A path, each step by our name as far as the steps are known.
    fn path(self, view: &View, path: &str) -> String {
        let mut at = Some(view);
        let mut steps = Vec::new();
        for step in path.split('.') {
            let name = at.map_or_else(|| step.to_owned(), |view| self.name(view, step));
            at = at.and_then(|view| self.target(view, &name));
            steps.push(name);
        }
        steps.join(".")
    }

    /// Our name of a field or relation.
    fn name(self, view: &View, name: &str) -> String {
        let is_known = view.object.field(name).is_some() || view.object.relation(name).is_some();
        if is_known || name.starts_with('_') {
            return name.to_owned();
        }
        if let Some(field) = field_like(view, name) {
            return field.name.to_string();
        }
        let wanted = folded(name);
        let mut alike = view.object.relations.keys().filter(|relation| folded(relation.as_str()) == wanted);
        match (alike.next(), alike.next()) {
            (Some(relation), None) => relation.to_string(),
            _ => name.to_owned(),
        }
    }

    /// Where a lookup or relation leads.
    fn target(self, view: &View, name: &str) -> Option<&'a View> {
        let relation = view.object.relation(name).or_else(|| {
            let mut relations = view.object.relations.values();
            relations.find(|relation| {
                !matches!(relation.kind, RelationKind::ToMany { .. }) && relation.is_carried_by(name)
            })
        })?;
        self.views.get(relation.target.as_str()).map(AsRef::as_ref)
    }

    /// The fields of a record under our names.
    ///
    /// # Errors
    ///
    /// 400 when two of them are the same field.
    pub fn data(self, view: &View, data: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
        let mut named = Map::new();
        for (name, value) in data {
            let ours = self.written(view, &name);
            if named.insert(ours.clone(), value).is_some() {
                let message = format!("{name} and another name of it stand for {ours}; give it once");
                return Err(Problem::invalid(message).at(name));
            }
        }
        Ok(named)
    }

    /// Our name of a field that is given a value; one that is not known stays as it is.
    pub fn written(self, view: &View, name: &str) -> String {
        match view.object.field(name) {
            Some(_) => name.to_owned(),
            None => field_like(view, name).map_or_else(|| name.to_owned(), |field| field.name.to_string()),
        }
    }

    /// A field by its own name or one that is like it.
    pub fn field(self, view: &'a View, name: &str) -> Option<&'a Field> {
        view.field(name).or_else(|| field_like(view, name).filter(|field| !field.is_write_only()))
    }
}

/// The one field that a name of another casing stands for.
fn field_like<'v>(view: &'v View, name: &str) -> Option<&'v Field> {
    let wanted = folded(name);
    let fields = || view.object.fields.values().filter(|field| view.writable(field.name.as_str()).is_some());
    let mut alike = fields().filter(|field| folded(field.name.as_str()) == wanted);
    if let Some(first) = alike.next() {
        return alike.next().is_none().then_some(first);
    }
    let is_reference =
        |field: &&Field| matches!(field.kind, FieldKind::Lookup { .. } | FieldKind::References { .. });
    let mut alike = fields()
        .filter(is_reference)
        .filter(|field| wanted.strip_suffix("id").is_some_and(|rest| rest == folded(field.name.as_str())));
    let first = alike.next()?;
    alike.next().is_none().then_some(first)
}

/// Names that the question itself gives: they are no fields.
fn given_names(query: &Query) -> HashSet<String> {
    let selected = query.fields.iter().filter_map(|field| field.alias.clone());
    let keys = query.group_by.iter().filter_map(|key| key.alias.clone());
    let formulas = query.formulas.iter().map(|formula| formula.name.clone());
    let aggregates = query.aggregations.iter().map(|aggregation| aggregation.name());
    let windows = query.windows.iter().map(|window| window.alias.clone());
    selected.chain(keys).chain(formulas).chain(aggregates).chain(windows).collect()
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
