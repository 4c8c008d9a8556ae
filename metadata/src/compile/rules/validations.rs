//! Validations: every kind comes to one expression that is true where the rule is broken, but for `unique`.

use std::collections::BTreeSet;

use super::{Compiler, Known, field_named, messages, uniques};
use crate::{
    compile::submission,
    definition::{
        Located,
        composite::{PartDefinition, Together},
        package::PackageDefinition,
        validation::{Asked, CheckDefinition, Measure, ValidationDefinition},
    },
    expression::{Expression, Node, NodeKind, Operator, Scope, Type, Use},
    issue::{Issues, Place},
    model::{Field, FieldKind, Object},
    rules::{Check, Event, Validation},
};

impl Compiler<'_> {
    pub(super) fn validation(
        &mut self,
        object: &Object,
        package: &PackageDefinition,
        written: &ValidationDefinition,
        issues: &mut Issues,
    ) -> Option<()> {
        self.enter(object, "validation", &written.name, issues)?;
        let scope = Scope::new(&self.known, object, Use::Validation);
        let fields: Option<Vec<&Field>> = {
            let mut found = |name| field_named(&self.known, object, name, issues);
            let fields: Vec<_> = written.fields.iter().map(&mut found).collect();
            fields.into_iter().collect()
        };
        let when = written.when.as_ref();
        let guard = when.map(|when| Expression::condition(&when.value, &when.place, &scope, issues));
        let checker = Checker { known: &self.known, object, scope: &scope, place: &written.name.place };
        let check = fields.as_ref().and_then(|fields| checker.check(&written.check, fields, issues));
        let refusal = messages::refusal(&written.refusal, &written.name.value, None, &scope, issues);
        let guard = match guard {
            Some(None) => return None,
            guard => guard.flatten(),
        };
        let (on, of_drafts) = self.of_drafts(object, written, issues)?;
        let check = match check? {
            Checked::Broken(broken) => {
                let guards = of_drafts.into_iter().chain(guard);
                Check::Broken(
                    guards.reduce(Expression::and).into_iter().chain([broken]).reduce(Expression::and)?,
                )
            }
            Checked::Unique => {
                let fields = written.fields.iter().map(|field| field.value.clone()).collect();
                let guard = guard.as_ref().zip(when.map(|when| &when.place));
                Check::Unique(uniques::unique(object, &written.name, fields, guard, issues)?)
            }
        };
        let validation = Validation {
            name: written.name.value.clone(),
            package: package.name.value.clone(),
            severity: refusal.severity,
            on,
            error_code: refusal.error_code,
            message: refusal.message,
            fields: written.fields.iter().map(|field| field.value.clone()).collect(),
            check,
        };
        if matches!(validation.check, Check::Unique(_)) {
            uniques::check(&validation, &written.name.place, issues);
        }
        self.rules_of(object).validations.push(validation);
        Some(())
    }
}

impl Compiler<'_> {
    /// When a rule is asked, and of which records of an object that keeps drafts: not of drafts, but in full when one is submitted.
    fn of_drafts(
        &self,
        object: &Object,
        written: &ValidationDefinition,
        issues: &mut Issues,
    ) -> Option<(BTreeSet<Event>, Option<Expression>)> {
        let keeps = self.known.drafts.get(&object.name).is_some_and(|draft| draft.definition.enabled.drafts);
        let mut on = written.on.clone();
        let only_new = on.contains(&Event::Create) && !on.contains(&Event::Update);
        let which = match &written.asked {
            Asked::AtSubmit(place) if !keeps => {
                let message = format!(
                    "nothing of `{}` is submitted: it keeps no drafts (`enable: {{drafts: true}}`)",
                    object.name
                );
                issues.error(place, "wrong-value", message);
                return None;
            }
            Asked::OfDraftsToo => return Some((on, None)),
            _ if !keeps || matches!(written.check, CheckDefinition::Unique) => return Some((on, None)),
            _ if on.iter().all(|event| *event == Event::Delete) => return Some((on, None)),
            Asked::AtSubmit(_) => submission::SUBMITTED_NOW,
            Asked::OfSubmitted if only_new && on.contains(&Event::Delete) => {
                let message = format!(
                    "`{}` keeps drafts: write a rule for `create` and another for `delete`",
                    object.name
                );
                issues.error(&written.name.place, "wrong-value", message);
                return None;
            }
            // What is asked of a new record is asked when it is submitted.
            Asked::OfSubmitted if only_new => {
                on.insert(Event::Update);
                submission::SUBMITTED_NOW
            }
            Asked::OfSubmitted => submission::NOT_A_DRAFT,
        };
        let scope = Scope::new(&self.known, object, Use::Validation);
        let guard = Expression::condition(which, &written.name.place, &scope, issues)?;
        Some((on, Some(guard)))
    }
}

enum Checked {
    Broken(Expression),
    Unique,
}

struct Checker<'a> {
    known: &'a Known<'a>,
    object: &'a Object,
    scope: &'a Scope<'a>,
    place: &'a Place,
}

impl Checker<'_> {
    fn check(&self, written: &CheckDefinition, fields: &[&Field], issues: &mut Issues) -> Option<Checked> {
        let condition = |text: &Located<String>, issues: &mut Issues| {
            Expression::condition(&text.value, &text.place, self.scope, issues)
        };
        let broken = match written {
            CheckDefinition::Holds(text) => not(condition(text, issues)?),
            CheckDefinition::Fails(text) => condition(text, issues)?,
            CheckDefinition::Present => self.any(fields.iter().map(|field| absent(field)), issues)?,
            CheckDefinition::Pattern(pattern) => {
                let quoted = quoted(&pattern.value);
                let texts = fields.iter().map(|field| format!("!matches({}, {quoted})", field.name));
                self.any_at(texts, &pattern.place, issues)?
            }
            CheckDefinition::Between { least, most, of } => {
                let mut broken = None;
                for (bound, sign) in [(least, "<"), (most, ">")] {
                    let Some(bound) = bound else { continue };
                    let texts = fields.iter().map(|field| match of {
                        Measure::Value => format!("{} {sign} ({})", field.name, bound.value),
                        Measure::Length => format!("size({}) {sign} ({})", field.name, bound.value),
                    });
                    let outside = self.any_at(texts, &bound.place, issues)?;
                    broken = Some(match broken {
                        Some(other) => either(other, outside),
                        None => outside,
                    });
                }
                broken?
            }
            CheckDefinition::Unique => {
                let refused = fields.iter().find(|field| !can_be_compared(&field.kind));
                if let Some(field) = refused {
                    let message = format!(
                        "`{}` is computed or holds several values: nothing keeps it unique",
                        field.name
                    );
                    issues.error(self.place, "not-for-this-type", message);
                    return None;
                }
                return Some(Checked::Unique);
            }
            CheckDefinition::Composite { together, parts } => {
                let broken: Vec<_> = parts.iter().map(|part| self.part(part, issues)).collect();
                let broken = broken.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
                match together {
                    Together::All => broken.reduce(either)?,
                    Together::Any => broken.reduce(both)?,
                }
            }
        };
        Some(Checked::Broken(broken))
    }

    /// Where a part of a composite is broken.
    fn part(&self, written: &PartDefinition, issues: &mut Issues) -> Option<Expression> {
        let fields: Vec<_> =
            written.fields.iter().map(|name| field_named(self.known, self.object, name, issues)).collect();
        let guard = written.when.as_ref();
        let guard = guard.map(|when| Expression::condition(&when.value, &when.place, self.scope, issues));
        let fields = fields.into_iter().collect::<Option<Vec<_>>>()?;
        let checker = Checker { place: &written.place, ..*self };
        let Checked::Broken(broken) = checker.check(&written.check, &fields, issues)? else { return None };
        match guard {
            Some(guard) => Some(both(guard?, broken)),
            None => Some(broken),
        }
    }

    fn any(&self, texts: impl Iterator<Item = String>, issues: &mut Issues) -> Option<Expression> {
        self.any_at(texts, self.place, issues)
    }

    /// Whether one of these is true.
    fn any_at(
        &self,
        texts: impl Iterator<Item = String>,
        place: &Place,
        issues: &mut Issues,
    ) -> Option<Expression> {
        let text: Vec<String> = texts.collect();
        Expression::condition(&text.join(" || "), place, self.scope, issues)
    }
}

fn absent(field: &Field) -> String {
    match Type::of(&field.kind) {
        Some(Type::Text | Type::List(_)) => format!("isBlank({})", field.name),
        _ => format!("{} == null", field.name),
    }
}

fn can_be_compared(kind: &FieldKind) -> bool {
    !kind.is_computed()
        && matches!(Type::of(kind), Some(known) if !matches!(known, Type::List(_) | Type::Json))
}

/// A text as CEL writes it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    let kind = NodeKind::Binary { operator, left: Box::new(left.node), right: Box::new(right.node) };
    Expression { node: Node { type_: Type::Bool, kind } }
}

/// Both are true.
fn both(left: Expression, right: Expression) -> Expression {
    left.and(right)
}

fn either(left: Expression, right: Expression) -> Expression {
    binary(Operator::Or, left, right)
}

/// It is false.
pub(super) fn not(condition: Expression) -> Expression {
    match condition.node.kind {
        NodeKind::Not(inner) => Expression { node: *inner },
        _ => Expression { node: Node { type_: Type::Bool, kind: NodeKind::Not(Box::new(condition.node)) } },
    }
}
