//! Steps of triggers and actions, compiled: every expression in them can be evaluated as it stands.

use std::{collections::HashSet, sync::Arc};

use quarry_metadata::{
    FieldName, Object, ObjectName,
    expression::{Children, Expression, Root, Step as Lookup, Type},
    rules::{Action, Refusal, Step, Target, Trigger, Values, Wanted},
};

use super::evaluation::{Together, first_field};
use crate::{error::Result, layout::Layout};

/// A trigger, to be run.
pub(crate) struct Program {
    /// `account.follow_up`: its object and its name.
    pub name: Arc<str>,
    /// Only where this is true.
    pub when: Option<Together>,
    pub steps: Vec<Do>,
}

/// An action, to be done.
pub(crate) struct Act {
    /// `lead.convert`: its object and its name.
    pub name: Arc<str>,
    /// Refused where this is not true.
    pub when: Option<Together>,
    pub refusal: Option<Refusal>,
    /// What the caller gives, as the columns of a table that is nowhere.
    pub parameters: Arc<Layout>,
    pub steps: Vec<Do>,
    /// What the caller gets, each by name, evaluated at once.
    pub returns: Vec<(String, Type)>,
    pub returned: Option<Together>,
}

/// One step.
pub(crate) enum Do {
    Set(Given),
    Find {
        when: Option<Together>,
        refusal: Refusal,
    },
    Create {
        when: Option<Together>,
        object: ObjectName,
        /// The fields by which one that is there already is found, and changed instead.
        on: Option<Vec<String>>,
        name: Option<Arc<str>>,
        values: Given,
    },
    Update {
        when: Option<Together>,
        target: Chosen,
        values: Given,
    },
    Delete {
        when: Option<Together>,
        target: Chosen,
    },
    CallAction {
        when: Option<Together>,
        action: String,
        target: Chosen,
        /// None when nothing is given.
        parameters: Option<Given>,
    },
    ForEach {
        children: Children,
        name: Arc<str>,
        /// Asked with the child by its name.
        filter: Option<Together>,
        steps: Vec<Do>,
    },
    First {
        wanted: Sought,
        name: Arc<str>,
        order_by: Option<FieldName>,
        steps: Vec<Do>,
    },
}

/// Values for fields, all evaluated at once.
pub(crate) struct Given {
    pub fields: Vec<FieldName>,
    pub values: Together,
}

/// Which records a step is about; conditions are asked of each of them.
pub(crate) enum Chosen {
    Record { root: Root, path: Vec<Lookup>, object: ObjectName, filter: Option<Together> },
    Children { children: Children, filter: Option<Together> },
    Matching(Sought),
}

/// Records that are looked for.
pub(crate) struct Sought {
    pub object: ObjectName,
    /// An indexed field and what it must be.
    pub by: Option<(FieldName, Together)>,
    pub filter: Together,
}

impl Program {
    /// Compiles a trigger.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(object: &ObjectName, trigger: &Trigger) -> Result<Program> {
        Ok(Program {
            name: format!("{object}.{}", trigger.name).into(),
            when: optional(&trigger.when)?,
            steps: steps(&trigger.steps)?,
        })
    }

    /// It sets fields of its own record or refuses it, and looks for, makes, changes and deletes no others.
    pub fn is_own(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Do::Set(_) | Do::Find { .. }))
    }

    /// It writes no others, and looks at no others of this object: what is done to one record can't matter to what it does with
    /// the next.
    pub fn takes_many(&self, object: &ObjectName) -> bool {
        is_apart(self.when.as_ref(), object) && are_apart(&self.steps, object)
    }

    /// The fields of its own record that it sets.
    pub fn sets(&self) -> HashSet<FieldName> {
        let mut fields = HashSet::new();
        set_by(&self.steps, &mut fields);
        fields
    }
}

fn is_apart<'t>(asked: impl IntoIterator<Item = &'t Together>, object: &ObjectName) -> bool {
    asked.into_iter().all(|asked| !asked.looks_at(object))
}

// As deep as steps are within steps.
fn are_apart(steps: &[Do], object: &ObjectName) -> bool {
    steps.iter().all(|step| match step {
        Do::Set(given) => is_apart([&given.values], object),
        Do::Find { when, .. } => is_apart(when, object),
        Do::ForEach { children, filter, steps, .. } => {
            children.object != *object && is_apart(filter, object) && are_apart(steps, object)
        }
        Do::First { wanted: Sought { object: sought, by, filter }, steps, .. } => {
            let by = by.iter().map(|(_, value)| value);
            sought != object && is_apart(by.chain([filter]), object) && are_apart(steps, object)
        }
        Do::Create { .. } | Do::Update { .. } | Do::Delete { .. } | Do::CallAction { .. } => false,
    })
}

// As deep as steps are within steps.
fn set_by(steps: &[Do], fields: &mut HashSet<FieldName>) {
    for step in steps {
        match step {
            Do::Set(given) => fields.extend(given.fields.iter().cloned()),
            Do::ForEach { steps, .. } | Do::First { steps, .. } => set_by(steps, fields),
            Do::Find { .. }
            | Do::Create { .. }
            | Do::Update { .. }
            | Do::Delete { .. }
            | Do::CallAction { .. } => {}
        }
    }
}

impl Act {
    /// Compiles an action.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn of(object: &Object, action: &Action) -> Result<Act> {
        let values: Vec<&Expression> = action.returns.values().collect();
        Ok(Act {
            name: format!("{}.{}", object.name, action.name).into(),
            when: optional(&action.when)?,
            refusal: action.refusal.clone(),
            parameters: Arc::new(Layout::of_parameters(object, action)),
            steps: steps(&action.steps)?,
            returns: action
                .returns
                .iter()
                .map(|(name, value)| (name.clone(), value.type_().clone()))
                .collect(),
            returned: if values.is_empty() { None } else { Some(Together::new(&values)?) },
        })
    }
}

/// Compiles steps.
///
/// # Errors
///
/// `Internal`.
pub(super) fn steps(steps: &[Step]) -> Result<Vec<Do>> {
    let mut compiled = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Set(values) => compiled.extend(sets(values)?),
            other => compiled.push(single(other)?),
        }
    }
    Ok(compiled)
}

/// One after another, each sees what was set before it: only those are evaluated at once of which none looks at another.
fn sets(values: &Values) -> Result<Vec<Do>> {
    let mut done = Vec::new();
    let mut open: Vec<(&FieldName, &Expression)> = Vec::new();
    for (field, value) in values {
        let needs = value.needs();
        let is_set = |read: &FieldName| open.iter().any(|(set, _)| *set == read);
        if needs.of(&Root::Record).any(|(path, _)| is_set(first_field(path))) {
            done.push(Do::Set(given(std::mem::take(&mut open))?));
        }
        open.push((field, value));
    }
    if !open.is_empty() {
        done.push(Do::Set(given(open)?));
    }
    Ok(done)
}

fn single(step: &Step) -> Result<Do> {
    Ok(match step {
        Step::Set(_) => return Err(crate::Error::internal("a set is compiled field by field")),
        Step::Find(refusal) => Do::Find { when: optional(&refusal.when)?, refusal: refusal.clone() },
        Step::Create { when, object, name, values } => Do::Create {
            when: optional(when)?,
            object: object.clone(),
            on: None,
            name: name.as_deref().map(Arc::from),
            values: given(values)?,
        },
        Step::Upsert { when, object, on, name, values } => Do::Create {
            when: optional(when)?,
            object: object.clone(),
            on: Some(on.iter().map(FieldName::to_string).collect()),
            name: name.as_deref().map(Arc::from),
            values: given(values)?,
        },
        Step::CallAction { when, action, target, parameters } => Do::CallAction {
            when: optional(when)?,
            action: action.clone(),
            target: chosen(target)?,
            parameters: if parameters.is_empty() { None } else { Some(given(parameters)?) },
        },
        Step::Update { when, target, values } => {
            Do::Update { when: optional(when)?, target: chosen(target)?, values: given(values)? }
        }
        Step::Delete { when, target } => Do::Delete { when: optional(when)?, target: chosen(target)? },
        Step::ForEach { children, name, filter, steps: inner } => Do::ForEach {
            children: children.clone(),
            name: name.as_str().into(),
            filter: optional(filter)?,
            steps: steps(inner)?,
        },
        Step::First { wanted, name, order_by, steps: inner } => Do::First {
            wanted: sought(wanted)?,
            name: name.as_str().into(),
            order_by: order_by.clone(),
            steps: steps(inner)?,
        },
    })
}

fn chosen(target: &Target) -> Result<Chosen> {
    Ok(match target {
        Target::Record { root, path, object, filter } => Chosen::Record {
            root: root.clone(),
            path: path.clone(),
            object: object.clone(),
            filter: optional(filter)?,
        },
        Target::Children { children, filter } => {
            Chosen::Children { children: children.clone(), filter: optional(filter)? }
        }
        Target::Matching(wanted) => Chosen::Matching(sought(wanted)?),
    })
}

fn sought(wanted: &Wanted) -> Result<Sought> {
    let by = match &wanted.by {
        Some((field, value)) => Some((field.clone(), one(value)?)),
        None => None,
    };
    Ok(Sought { object: wanted.object.clone(), by, filter: one(&wanted.filter)? })
}

fn given<'v>(values: impl IntoIterator<Item = (&'v FieldName, &'v Expression)>) -> Result<Given> {
    let (fields, values): (Vec<&FieldName>, Vec<&Expression>) = values.into_iter().unzip();
    Ok(Given { fields: fields.into_iter().cloned().collect(), values: Together::new(&values)? })
}

pub(super) fn one(expression: &Expression) -> Result<Together> {
    Together::new(&[expression])
}

pub(super) fn optional(expression: &Option<Expression>) -> Result<Option<Together>> {
    expression.as_ref().map(one).transpose()
}
