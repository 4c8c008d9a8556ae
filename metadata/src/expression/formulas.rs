//! Formula fields: each is compiled when it is first named, with the formulas that it names written out.
//!
//! What comes of it reads stored fields alone, so that nobody behind the compiler needs to know that formulas stand on formulas.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    expression::{
        needs::variables,
        scope::{Objects, Scope, Use},
        tree::{Expression, Node, NodeKind, Root, Step},
        value_type::Type,
    },
    issue::{Issues, Place},
    limits::FORMULA_DEPTH_MAX,
    model::{Field, FieldKind, Object},
    name::{FieldName, ObjectName},
};

/// Digits of a whole number that is a decimal.
const INT_DIGITS_BEYOND: u8 = 19;

/// A formula as its author wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) source: String,
    pub(crate) place: Place,
    pub(crate) returns: Returns,
    /// An index finds records by it.
    pub(crate) indexed: bool,
}

/// What its author said a formula gives.
#[derive(Clone, Debug)]
pub(crate) enum Returns {
    /// Nothing was said.
    Anything,
    /// A number of whatever digits come out.
    SomeNumber,
    /// This kind of field.
    Exactly(FieldKind),
}

impl Returns {
    /// The type to bring the formula to.
    fn wanted(&self) -> Option<Type> {
        match self {
            Returns::Exactly(kind) => Type::of(kind),
            Returns::SomeNumber | Returns::Anything => None,
        }
    }
}

/// A field of an object.
type Name = (ObjectName, FieldName);

/// How far a formula is.
enum State {
    Underway,
    Done(Option<Arc<Expression>>),
}

/// All formulas of a registry on their way.
struct Formulas<'a> {
    objects: &'a HashMap<ObjectName, &'a Object>,
    written: &'a HashMap<Name, Written>,
    states: RefCell<HashMap<Name, State>>,
    /// Those underway, the outermost first.
    path: RefCell<Vec<Name>>,
    issues: RefCell<Issues>,
}

/// Compiles all formulas: what each field's kind is then, for those that have no issue.
pub(crate) fn compile_all(
    objects: &HashMap<ObjectName, &Object>,
    written: &HashMap<Name, Written>,
    issues: &mut Issues,
) -> HashMap<Name, FieldKind> {
    let formulas = Formulas {
        objects,
        written,
        states: RefCell::default(),
        path: RefCell::default(),
        issues: RefCell::default(),
    };
    let mut names: Vec<&Name> = written.keys().collect();
    names.sort();
    let mut kinds = HashMap::new();
    for name in names {
        let Some(expression) = formulas.compiled(name) else { continue };
        let Some(written) = written.get(name) else { continue };
        let returned = returned(written, &expression, &mut formulas.issues.borrow_mut());
        if let Some((returns, expression)) = returned {
            if let (true, Some(beyond)) = (written.indexed, expression.beyond()) {
                let message = format!(
                    "what an index finds is kept, and this looks at {beyond}, which can change when the record is not written; take `index` out"
                );
                formulas.issues.borrow_mut().error(&written.place, "not-in-this-place", message);
            }
            let (returns, expression) = (Box::new(returns), Arc::new(expression));
            kinds.insert(name.clone(), FieldKind::Formula { returns, expression, stored: written.indexed });
        }
    }
    issues.0.extend(formulas.issues.into_inner().0);
    kinds
}

impl Formulas<'_> {
    fn compiled(&self, name: &Name) -> Option<Arc<Expression>> {
        if let Some(State::Done(done)) = self.states.borrow().get(name) {
            return done.clone();
        }
        let written = self.written.get(name)?;
        let refused = self.refusal(name);
        if let Some((code, message)) = refused {
            self.issues.borrow_mut().error(&written.place, code, message);
            return None;
        }
        self.states.borrow_mut().insert(name.clone(), State::Underway);
        self.path.borrow_mut().push(name.clone());
        let mut issues = Issues::default();
        let object = self.objects.get(&name.0)?;
        let scope = Scope::new(self, object, Use::Formula);
        let compiled = Expression::compile(&written.source, &written.place, &scope, &mut issues);
        self.path.borrow_mut().pop();
        self.issues.borrow_mut().0.extend(issues.0);
        // What others see of it has the digits that the field has.
        let compiled = compiled.map(|expression| Arc::new(as_declared(written, expression)));
        self.states.borrow_mut().insert(name.clone(), State::Done(compiled.clone()));
        compiled
    }

    /// Why a formula can't be compiled here: it stands on itself, or on too many others.
    fn refusal(&self, name: &Name) -> Option<(&'static str, String)> {
        let path = self.path.borrow();
        if let Some(at) = path.iter().position(|known| known == name) {
            let round: Vec<String> = path
                .iter()
                .skip(at)
                .chain([name])
                .map(|(object, field)| format!("{object}.{field}"))
                .collect();
            return Some((
                "formula-cycle",
                format!("a formula can't stand on itself: {}", round.join(" → ")),
            ));
        }
        (path.len() >= FORMULA_DEPTH_MAX).then(|| {
            ("expression-cost", format!("formulas stand on formulas at most {FORMULA_DEPTH_MAX} deep"))
        })
    }
}

impl Objects for Formulas<'_> {
    fn object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name).copied()
    }

    fn formula(&self, object: &Object, field: &Field) -> Option<Arc<Expression>> {
        self.compiled(&(object.name.clone(), field.name.clone()))
    }
}

/// The expression brought to the type that its field says it gives, where that is possible.
fn as_declared(written: &Written, expression: Expression) -> Expression {
    let wanted = written.returns.wanted();
    match (expression.type_(), wanted) {
        (Type::Null, Some(wanted)) => Expression { node: expression.node.converted(&wanted) },
        (given, Some(wanted @ Type::Decimal { .. })) if given.is_exact() => {
            Expression { node: expression.node.converted(&wanted) }
        }
        _ => expression,
    }
}

/// The kind of field that a formula gives: as declared, else by its type.
fn returned(
    written: &Written,
    expression: &Expression,
    issues: &mut Issues,
) -> Option<(FieldKind, Expression)> {
    let given = expression.type_();
    let inferred = kind_of(given);
    let returns = match (&written.returns, inferred) {
        (Returns::Exactly(declared), _) if Type::of(declared).as_ref() == Some(given) => declared.clone(),
        (Returns::SomeNumber, Some(inferred)) if given.is_exact() => inferred,
        (Returns::Exactly(_) | Returns::SomeNumber, _) => {
            let wanted = written.returns.wanted();
            let wanted = wanted.map_or_else(|| "a number".to_owned(), |wanted| format!("a {wanted}"));
            let message = format!("the expression gives a {given}, and `returnType` says {wanted}");
            issues.error(&written.place, "expression-type", message);
            return None;
        }
        (Returns::Anything, Some(inferred)) => inferred,
        (Returns::Anything, None) => {
            let message = format!(
                "a field can't hold a {given}; make a text, number, boolean, date, datetime or time of it"
            );
            issues.error(&written.place, "expression-type", message);
            return None;
        }
    };
    // A decimal without digits behind the point is stored as one only when it has more than a whole number's.
    let stored = Type::of(&returns)?;
    Some((returns, Expression { node: expression.node.clone().converted(&stored) }))
}

fn kind_of(type_: &Type) -> Option<FieldKind> {
    Some(match type_ {
        Type::Bool => FieldKind::Boolean,
        Type::Int => FieldKind::number(18, 0),
        Type::Decimal { precision, scale } => {
            let precision = if *scale == 0 { (*precision).max(INT_DIGITS_BEYOND) } else { *precision };
            FieldKind::number(precision, i8::try_from(*scale).ok()?)
        }
        Type::Text => FieldKind::text(),
        Type::Date => FieldKind::Date,
        Type::DateTime => FieldKind::DateTime,
        Type::Time => FieldKind::Time,
        _ => return None,
    })
}

/// What a formula's tree is when its record is reached from another: every field one root and some lookups further away.
/// Its variables get names that no others have.
pub(super) fn placed(node: &Node, root: &Root, steps: &[Step]) -> Node {
    let mut bound = BTreeSet::new();
    variables(node, &mut bound);
    let mut node = node.clone();
    place(&mut node, root, steps, &bound);
    node
}

fn place(node: &mut Node, new_root: &Root, steps: &[Step], bound: &BTreeSet<String>) {
    match &mut node.kind {
        NodeKind::Field { root, path } => match root {
            Root::Named(name) if bound.contains(name) => *name = format!("{name}'"),
            _ => {
                *path = path.behind(steps);
                *root = new_root.clone();
            }
        },
        NodeKind::Item(name) => *name = format!("{name}'"),
        NodeKind::Comprehension { variable, .. } => *variable = format!("{variable}'"),
        _ => {}
    }
    for operand in node.operands_mut() {
        place(operand, new_root, steps, bound);
    }
}
