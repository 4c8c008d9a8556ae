//! Validations: every kind comes to one expression that is true where the rule is broken, but for `unique`.

use super::{Compiler, field_named, messages};
use crate::{
    definition::{
        Located,
        package::PackageDefinition,
        validation::{CheckDefinition, Measure, ValidationDefinition},
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
        let checker = Checker { scope: &scope, place: &written.name.place };
        let check = fields.as_ref().and_then(|fields| checker.check(&written.check, fields, issues));
        let refusal = messages::refusal(&written.refusal, &written.name.value, None, &scope, issues);
        let guard = match guard {
            Some(None) => return None,
            guard => guard.flatten(),
        };
        let check = match check? {
            Checked::Broken(broken) => Check::Broken(match guard {
                Some(guard) => both(guard, broken),
                None => broken,
            }),
            Checked::Unique => {
                if let Some(guard) = &guard {
                    check_reach(guard, when, issues);
                }
                let fields = written.fields.iter().map(|field| field.value.clone()).collect();
                Check::Unique { fields, when: guard }
            }
        };
        if written.on.contains(&Event::Delete) && matches!(check, Check::Unique { .. }) {
            issues.error(
                &written.name.place,
                "wrong-value",
                "what is deleted is like no other; take `delete` out of `on`",
            );
        }
        let validation = Validation {
            name: written.name.value.clone(),
            package: package.name.value.clone(),
            severity: refusal.severity,
            on: written.on.clone(),
            error_code: refusal.error_code,
            message: refusal.message,
            fields: written.fields.iter().map(|field| field.value.clone()).collect(),
            check,
        };
        self.rules_of(object).validations.push(validation);
        Some(())
    }
}

/// Whether a record counts for a `unique` must be seen of the record alone: nothing else tells when it changes.
fn check_reach(guard: &Expression, when: Option<&Located<String>>, issues: &mut Issues) {
    let needs = guard.needs();
    let alone = needs.children.is_empty()
        && !needs.now
        && !needs.today
        && !needs.roles
        && needs
            .fields
            .keys()
            .all(|(root, path)| *root == crate::expression::Root::Record && path.steps.is_empty());
    if let (false, Some(when)) = (alone, when) {
        let message = "which records a `unique` counts is seen of their own fields alone";
        issues.error(&when.place, "not-in-this-place", message);
    }
}

enum Checked {
    Broken(Expression),
    Unique,
}

struct Checker<'a> {
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
        };
        Some(Checked::Broken(broken))
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
    binary(Operator::And, left, right)
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
