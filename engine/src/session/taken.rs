//! What a question takes away: every object of which records, or values, stand in its answer.
//!
//! Its own object, those that it brings along, and those that paths lead to: of fields, of group keys, of aggregates with what they count and
//! in which order, of windows, and of the formulas that it brings itself. What only chooses and sorts records (`where`, `orderBy`) takes
//! nothing away, and a formula of a package gives what its object gives.

use std::path::PathBuf;

use quarry_metadata::{
    Issues, Place,
    expression::{Expression, Root, Scope as Names, Use},
    permissions::Act,
};
use quarry_planner::{
    ObjectView, Query, Views,
    lower::BIN_VIEW,
    objectql::{Aggregation, Filter, Formula, Operand, Window},
};

use crate::{error::Result, rights::denied};

/// Refuses a question that takes away what may not be exported.
///
/// # Errors
///
/// `Denied`, with an object that stands in the way. What is not seen is for the question itself to tell.
pub(super) fn check(views: &Views, query: &Query) -> Result<()> {
    let mut waiting: Vec<(&str, &Query)> = vec![(&query.object, query)];
    while let Some((object, query)) = waiting.pop() {
        let Some(view) = views.get(object).or_else(|| views.bin(object.strip_prefix(BIN_VIEW)?)) else {
            continue;
        };
        may_go(view)?;
        let taken = Taken { views, view };
        taken.question(query)?;
        for expand in query.expand.values() {
            let way =
                view.object.relation(&expand.relation).or_else(|| Some(view.to_one(&expand.relation)?.0));
            waiting.extend(way.map(|way| (way.target.as_str(), &expand.query)));
        }
    }
    Ok(())
}

fn may_go(view: &ObjectView) -> Result<()> {
    match view.acts.contains(&Act::Export) {
        true => Ok(()),
        false => Err(denied(format!("you may not export records of {}", view.object.name))),
    }
}

/// What one object's question takes of others.
#[derive(Clone, Copy)]
struct Taken<'a> {
    views: &'a Views,
    view: &'a ObjectView,
}

impl Taken<'_> {
    fn question(self, query: &Query) -> Result<()> {
        let fields = query.fields.iter().map(|selection| &selection.path);
        for path in fields.chain(query.group_by.iter().map(|key| &key.path)) {
            self.path(path)?;
        }
        query.aggregations.iter().try_for_each(|aggregation| self.aggregation(aggregation))?;
        query.windows.iter().try_for_each(|window| self.window(window))?;
        query.formulas.iter().try_for_each(|formula| self.formula(formula))
    }

    fn aggregation(self, aggregation: &Aggregation) -> Result<()> {
        let orders = aggregation.order_by.iter().map(|order| &order.path);
        for path in aggregation.path.iter().chain(orders) {
            self.path(path)?;
        }
        aggregation.filter.as_ref().map_or(Ok(()), |filter| self.filter(filter))
    }

    fn window(self, window: &Window) -> Result<()> {
        let orders = window.order_by.iter().map(|order| &order.path);
        for path in window.path.iter().chain(&window.partition_by).chain(orders) {
            self.path(path)?;
        }
        Ok(())
    }

    /// What an aggregate counts tells what it is counted by. Filters nest no deeper than they are parsed.
    fn filter(self, filter: &Filter) -> Result<()> {
        match filter {
            Filter::And(all) | Filter::Or(all) => all.iter().try_for_each(|one| self.filter(one)),
            Filter::Not(inner) => self.filter(inner),
            Filter::Compare { path, operand, .. } => {
                self.path(path)?;
                match operand {
                    Operand::Field(other) => self.path(other),
                    Operand::Value(_) | Operand::Literal(_) => Ok(()),
                }
            }
            Filter::Related { path, filter, .. } => match self.end(path)? {
                Some(view) => Taken { view, ..self }.filter(filter),
                None => Ok(()),
            },
        }
    }

    fn path(self, path: &str) -> Result<()> {
        self.end(path).map(|_| ())
    }

    /// The object at the end of a path, all of which may go; none where a name leads nowhere.
    fn end(&self, path: &str) -> Result<Option<&ObjectView>> {
        let mut at = self.view;
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            // A lookup at the end is a value of the record that has it.
            let one = at.to_one(step).filter(|_| steps.peek().is_some()).map(|(way, _)| way);
            let way = one.or_else(|| Some(at.to_many(step)?.0));
            let Some(target) = way.and_then(|way| self.views.get(way.target.as_str())) else {
                return Ok(steps.peek().is_none().then_some(at));
            };
            may_go(target)?;
            at = target;
        }
        Ok(Some(at))
    }

    /// What is wrong with a formula is for the question itself to tell.
    fn formula(self, formula: &Formula) -> Result<()> {
        let place = Place { file: PathBuf::new(), line: 1, path: formula.at.clone() };
        let names = Names::new(&*self.views.registry, &self.view.object, Use::Formula);
        let Some(expression) = Expression::compile(&formula.text, &place, &names, &mut Issues::default())
        else {
            return Ok(());
        };
        let needs = expression.needs();
        let own = needs.fields.keys().filter(|(root, _)| *root != Root::User).map(|(_, path)| path);
        let of_children = needs.children.values().flat_map(|paths| paths.keys());
        let steps = own.chain(of_children).flat_map(|path| path.steps.iter().map(|step| &step.target));
        let objects = steps.chain(needs.children.keys().map(|children| &children.object));
        objects.filter_map(|object| self.views.get(object.as_str())).try_for_each(|view| may_go(view))
    }
}
