//! Numbers over the records at the far end of a path to many (`orders.amount`, `orders.lines.amount`).
//!
//! They are made for each record of the root before they are joined to it: child records grouped by the record they belong
//! to, one row for each. So the join adds no row, and a record of the root counts once, whatever it has below it. Several
//! numbers over one relation are made in one pass.

use std::sync::Arc;

use datafusion::{
    common::{Column, JoinType, TableReference},
    logical_expr::{Expr, LogicalPlanBuilder},
};

use super::{At, LINK, Scope, Subject, alias, unknown};
use crate::{
    error::{Error, Result},
    policy::Seeing,
    view::{ObjectView, Restriction},
};

/// What is made for each record of the root.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    /// The relations, from the root on.
    way: Vec<String>,
    /// The records at their end, and what leads from there back to the root.
    inner: Scope,
    link: Expr,
    numbers: Vec<Expr>,
}

/// The end of a path to many.
pub(in crate::plan) struct FarEnd {
    fold: usize,
    pub(in crate::plan) subject: Subject,
    /// Each value stands in one record only.
    pub(in crate::plan) is_unique: bool,
}

impl Scope {
    /// Whether a path begins with a relation to many records.
    pub(in crate::plan) fn leads_to_many(&self, path: &str) -> bool {
        let first = path.split_once('.').map_or(path, |(first, _)| first);
        self.view.field(first).is_none() && self.view.to_many(first).is_some()
    }

    /// What stands at the end of a path to many; of a path that ends with the relation, the records' ids.
    ///
    /// # Errors
    ///
    /// As [`Scope::field`].
    pub(in crate::plan) fn far_end(&mut self, path: &str, at: At<'_>) -> Result<FarEnd> {
        let mut view = Arc::clone(&self.view);
        let mut way: Vec<(String, Arc<ObjectView>)> = Vec::new();
        let mut rest = path;
        let mut lookups = Vec::new();
        while !rest.is_empty() {
            let (name, further) = rest.split_once('.').unwrap_or((rest, ""));
            let Some((relation, lookup)) = view.to_many(name).filter(|_| view.field(name).is_none()) else {
                break;
            };
            if way.len() >= self.depth_max {
                let message = format!("paths go at most {} relations far", self.depth_max);
                return Err(Error::limited(at.place, message));
            }
            let target = self.views.get(relation.target.as_str());
            let target = Arc::clone(target.ok_or_else(|| unknown(&view, name, path, at))?);
            lookups.push(lookup.as_str().to_owned());
            way.push((name.to_owned(), Arc::clone(&target)));
            (view, rest) = (target, further);
        }
        let fold = self.fold(&way, &lookups)?;
        let rest = if rest.is_empty() { "id" } else { rest };
        let inner =
            &mut self.folds.get_mut(fold).ok_or_else(|| Error::internal("a fold that is gone"))?.inner;
        let subject = inner.subject(rest, at)?;
        let is_unique = rest == "id" || inner.view.field(rest).is_some_and(|field| field.unique);
        Ok(FarEnd { fold, subject, is_unique })
    }

    /// The fold over these relations, made once.
    fn fold(&mut self, way: &[(String, Arc<ObjectView>)], lookups: &[String]) -> Result<usize> {
        let names = way.iter().map(|(name, _)| name);
        if let Some(known) = self.folds.iter().position(|fold| fold.way.iter().eq(names.clone())) {
            return Ok(known);
        }
        let Some((_, end)) = way.last() else {
            return Err(Error::internal("a path to many that goes nowhere"));
        };
        let mut inner =
            Scope::new(Arc::clone(&self.views), Arc::clone(end), self.depth_max, false, self.clock);
        // Back from the far end: each lookup leads to the record that the relation began at.
        let mut node = 0;
        for (level, lookup) in lookups.iter().enumerate().skip(1).rev() {
            let Some((_, before)) = way.get(level - 1) else { continue };
            node = inner.joined(node, lookup, Arc::clone(before));
        }
        let first = lookups.first().map(String::as_str).unwrap_or_default();
        let link = inner.read(node, first);
        self.read(0, "id");
        let way = names.cloned().collect();
        self.folds.push(Fold { way, inner, link, numbers: Vec::new() });
        Ok(self.folds.len() - 1)
    }

    /// A column with the number that an aggregate over the far end makes for each record of the root; none where there is
    /// nothing at the far end.
    pub(in crate::plan) fn folded(&mut self, end: &FarEnd, number: Expr) -> Expr {
        let mut place = 0;
        if let Some(fold) = self.folds.get_mut(end.fold) {
            place = fold.numbers.len();
            fold.numbers.push(number);
        }
        Expr::Column(Column::new(Some(fold_alias(end.fold)), number_name(place)))
    }

    /// Joins them to the records of the root.
    pub(super) fn with_folds(&self, plan: LogicalPlanBuilder, seeing: &Seeing) -> Result<LogicalPlanBuilder> {
        let mut plan = plan;
        for (index, fold) in self.folds.iter().enumerate() {
            let numbers = fold.numbers.iter().enumerate();
            let numbers = numbers.map(|(place, number)| number.clone().alias(number_name(place)));
            let below =
                fold.inner.plan(seeing, Restriction::None)?.filter(fold.link.clone().is_not_null())?;
            let below = below.aggregate(vec![fold.link.clone().alias(LINK)], numbers.collect::<Vec<_>>())?;
            let below = below.alias(fold_alias(index))?.build()?;
            let own = Column::new(Some(alias(0)), "id");
            let link = Column::new(Some(fold_alias(index)), LINK);
            plan = plan.join(below, JoinType::Left, (vec![own], vec![link]), None)?;
        }
        Ok(plan)
    }
}

fn fold_alias(index: usize) -> TableReference {
    TableReference::bare(format!("f{index}"))
}

fn number_name(place: usize) -> String {
    format!("n{place}")
}
