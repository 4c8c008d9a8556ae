//! What fields say in expressions beside their types, when all objects and formulas are known: computed defaults, when a field is
//! required, readonly or visible, and the fields that stand in the format of a number.

mod numbers;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    compile::{Drafts, book::Book, lists, rules::check_options, submission, summaries::Settled},
    definition::{Located, default::DefaultDefinition, field::FieldDefinition},
    expression::{Expression, Root, Scope, Type, Use},
    issue::{Issues, Place},
    model::{Clause, Conditions, Default_, Field, FieldKind, Object},
    name::{FieldName, ObjectName},
};

/// What is known of a field now.
struct Found {
    object: ObjectName,
    field: FieldName,
    default: Option<Clause>,
    conditions: Option<Conditions>,
    /// By the values of options.
    options: Vec<(String, Clause)>,
}

/// Types what the fields of all objects say.
pub(super) fn settle(drafts: &mut Drafts<'_>, book: &Book<'_>, issues: &mut Issues) {
    let mut found = Vec::new();
    for (name, draft) in drafts.iter() {
        for (field, written) in &draft.definition.fields {
            let Some(held) = draft.object.fields.get(field) else { continue };
            let keeps_drafts = draft.definition.enabled.drafts;
            let clauses = Clauses { drafts, book, object: &draft.object, field: held, keeps_drafts };
            let (default, conditions) =
                (clauses.default(written, issues), clauses.conditions(written, issues));
            let options = clauses.options(written, issues);
            if default.is_some() || conditions.is_some() || !options.is_empty() {
                let (object, field) = (name.clone(), field.clone());
                found.push(Found { object, field, default, conditions, options });
            }
        }
    }
    for Found { object, field, default, conditions, options } in found {
        let field = drafts.get_mut(&object).and_then(|draft| draft.object.fields.get_mut(&field));
        if let Some(field) = field {
            if let Some(default) = default {
                field.default = Some(Default_::Computed(default));
            }
            field.conditions = conditions.map(Arc::new);
            offer(field, options);
        }
    }
    for draft in drafts.values() {
        circles(draft.object.fields.values().collect(), draft.definition, issues);
    }
    numbers::settle(drafts, issues);
}

fn offer(field: &mut Field, conditions: Vec<(String, Clause)>) {
    let (FieldKind::Select { options } | FieldKind::MultiSelect { options }) = &mut field.kind else {
        return;
    };
    for (value, clause) in conditions {
        if let Some(option) = options.iter_mut().find(|option| option.value == value) {
            option.visible = Some(clause);
        }
    }
}

struct Clauses<'a, 'd> {
    drafts: &'a Drafts<'d>,
    book: &'a Book<'a>,
    object: &'a Object,
    field: &'a Field,
    /// Nothing is required of a draft.
    keeps_drafts: bool,
}

impl Clauses<'_, '_> {
    fn default(&self, written: &FieldDefinition, issues: &mut Issues) -> Option<Clause> {
        let Located { value: DefaultDefinition::Computed(source), place } = written.default.as_ref()? else {
            return None;
        };
        let text = Located { value: source.clone(), place: place.clone() };
        let wanted = match Type::of(&self.field.kind) {
            Some(wanted) if wanted != Type::Json => wanted,
            _ => {
                let message = format!("no expression gives a {}", self.field.declared);
                issues.error(place, "bad-default", message);
                return None;
            }
        };
        let known = Settled(self.drafts);
        let scope = Scope::new(&known, self.object, Use::Default);
        let expression = Expression::compile_as(source, &wanted, place, &scope, issues)?;
        check_options(self.field, &expression.node, &text, issues);
        for field in own_fields(&expression) {
            if let Some(why) = self.object.field(field.as_str()).and_then(unknown_yet) {
                let message = format!("`{field}` {why}: a default can't stand on it");
                issues.error(place, "not-in-this-place", message);
            }
        }
        self.clause(text, expression, issues)
    }

    fn conditions(&self, written: &FieldDefinition, issues: &mut Issues) -> Option<Conditions> {
        let (place, of_submitted) = (&written.place, written.required_of_submitted);
        let written = &written.conditions;
        if written.is_empty() && !of_submitted {
            return None;
        }
        let known = Settled(self.drafts);
        let scope = Scope::new(&known, self.object, Use::Condition);
        let mut clause = |text: &Option<Located<String>>| {
            let text = text.clone()?;
            let condition = Expression::condition(&text.value, &text.place, &scope, issues)?;
            self.clause(text, condition, issues)
        };
        let (required, readonly) = (clause(&written.required), clause(&written.readonly));
        let visible = clause(&written.visible);
        let required = match required {
            None if of_submitted => self.not_a_draft(place, issues),
            Some(required) if self.keeps_drafts => self.not_a_draft(place, issues).map(|no_draft| {
                let source = format!("{} && ({})", no_draft.source, required.source);
                let expression =
                    Expression::clone(&no_draft.expression).and(Expression::clone(&required.expression));
                Clause { source, expression: Arc::new(expression) }
            }),
            required => required,
        };
        Some(Conditions { required, readonly, visible })
    }

    fn not_a_draft(&self, place: &Place, issues: &mut Issues) -> Option<Clause> {
        let known = Settled(self.drafts);
        let scope = Scope::new(&known, self.object, Use::Condition);
        let expression = Expression::condition(submission::NOT_A_DRAFT, place, &scope, issues)?;
        Some(Clause { source: submission::NOT_A_DRAFT.to_owned(), expression: Arc::new(expression) })
    }

    fn options(&self, written: &FieldDefinition, issues: &mut Issues) -> Vec<(String, Clause)> {
        let known = Settled(self.drafts);
        let scope = Scope::new(&known, self.object, Use::Condition);
        let mut found = Vec::new();
        for (value, text) in &written.option_conditions {
            let condition = Expression::condition(&text.value, &text.place, &scope, issues);
            let clause = condition.and_then(|condition| self.clause(text.clone(), condition, issues));
            found.extend(clause.map(|clause| (value.clone(), clause)));
        }
        found
    }

    fn clause(&self, text: Located<String>, expression: Expression, issues: &mut Issues) -> Option<Clause> {
        if !lists::check_told(&[&expression], &text.place, issues) {
            return None;
        }
        lists::check_roles(&[&expression], &text.place, self.book, issues);
        Some(Clause { source: text.value, expression: Arc::new(expression) })
    }
}

/// Why a field has no value yet when defaults are made.
fn unknown_yet(field: &Field) -> Option<&'static str> {
    match &field.kind {
        FieldKind::Id => None,
        FieldKind::AutoNumber { .. } => Some("is numbered after that"),
        _ if field.system && field.name.as_str() != "owner" => {
            Some("is kept by the engine, and written after that")
        }
        _ => None,
    }
}

/// The fields of the record itself that an expression begins with.
fn own_fields(expression: &Expression) -> Vec<FieldName> {
    let needs = expression.needs();
    let first = |path: &crate::expression::Path| {
        path.steps.first().map_or_else(|| path.field.clone(), |step| step.lookup.clone())
    };
    needs.of(&Root::Record).map(|(path, _)| first(path)).collect()
}

/// Defaults that stand on themselves, by way of other defaults, each circle once.
fn circles(
    fields: Vec<&Field>,
    definition: &crate::definition::object::ObjectDefinition,
    issues: &mut Issues,
) {
    let computed = |field: &&Field| match &field.default {
        Some(Default_::Computed(clause)) => Some((field.name.clone(), own_fields(&clause.expression))),
        _ => None,
    };
    let below: BTreeMap<FieldName, Vec<FieldName>> = fields.iter().filter_map(computed).collect();
    for name in below.keys() {
        let Some(path) = way_back(&below, name) else { continue };
        let place = definition.fields.get(name).and_then(|field| field.default.as_ref()).map(|d| &d.place);
        if let (Some(place), true) = (place, path.iter().all(|other| name <= other)) {
            let told: Vec<&str> = path.iter().chain([name]).map(FieldName::as_str).collect();
            let message = format!("a default can't stand on itself: {}", told.join(" → "));
            issues.error(place, "default-cycle", message);
        }
    }
}

fn way_back(below: &BTreeMap<FieldName, Vec<FieldName>>, from: &FieldName) -> Option<Vec<FieldName>> {
    let mut seen: Vec<&FieldName> = Vec::new();
    let mut paths = VecDeque::from([vec![from.clone()]]);
    while let Some(path) = paths.pop_front() {
        for next in path.last().and_then(|last| below.get(last)).into_iter().flatten() {
            if next == from {
                return Some(path);
            }
            if !seen.contains(&next) {
                seen.push(next);
                paths.push_back([path.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
