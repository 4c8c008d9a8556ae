//! The typed tree of an expression: canonical, so that two ways of writing the same are one, and serialisable.

use std::fmt;

use serde::Serialize;

use crate::{
    expression::{functions::Function, value_type::Type},
    name::{FieldName, ObjectName, RelationName},
};

/// An expression whose names are resolved and whose types fit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Expression {
    /// Its outermost operation.
    pub node: Node,
}

impl Expression {
    /// What it evaluates to.
    pub fn type_(&self) -> &Type {
        &self.node.type_
    }

    /// Always null.
    pub fn null() -> Expression {
        Expression { node: Node { type_: Type::Null, kind: NodeKind::Literal(Literal::Null) } }
    }

    /// Where this and the other, both conditions, are true.
    pub(crate) fn and(self, other: Expression) -> Expression {
        let (left, right) = (Box::new(self.node), Box::new(other.node));
        let kind = NodeKind::Binary { operator: Operator::And, left, right };
        Expression { node: Node { type_: Type::Bool, kind } }
    }
}

/// One operation and what it gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Node {
    /// The type of its value.
    pub type_: Type,
    /// The operation.
    pub kind: NodeKind,
}

/// The operations. Operands have the types that the operation wants: where one had to be converted, [`NodeKind::Convert`]
/// says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum NodeKind {
    /// A value that is written down.
    Literal(Literal),
    /// A stored field of a record, or of one that its lookups lead to; null where one of them is empty.
    Field {
        /// Whose.
        root: Root,
        /// The way to it.
        path: Path,
    },
    /// The records of a child relation of the record, as a list.
    Children(Children),
    /// The value that a comprehension stands at, where it is no record.
    Item(String),
    /// A list of the user's.
    UserList(UserList),
    /// The day, in the session's time zone.
    Today,
    /// The transaction's instant.
    Now,
    /// True for false, false for true.
    Not(Box<Node>),
    /// The number or duration with the other sign.
    Negate(Box<Node>),
    /// True where there is no value; never null.
    IsNull(Box<Node>),
    /// True where two values of one type are not the same, null being a value like any other; never null.
    Differs(Box<Node>, Box<Node>),
    /// An operator between two.
    Binary {
        /// The operator.
        operator: Operator,
        /// Its left side.
        left: Box<Node>,
        /// Its right side.
        right: Box<Node>,
    },
    /// `condition ? then : otherwise`; null for a null condition.
    Conditional {
        /// Decides.
        condition: Box<Node>,
        /// For true.
        then: Box<Node>,
        /// For false.
        otherwise: Box<Node>,
    },
    /// Whether a list holds a value.
    In {
        /// The value.
        item: Box<Node>,
        /// The list.
        list: Box<Node>,
    },
    /// A list of values that are written down or computed.
    List(Vec<Node>),
    /// A function.
    Call {
        /// Which.
        function: Function,
        /// What it is given.
        arguments: Vec<Node>,
    },
    /// Something asked or made of each item of a list.
    Comprehension {
        /// What.
        comprehension: Comprehension,
        /// The list.
        list: Box<Node>,
        /// What the body calls an item.
        variable: String,
        /// Asked or made of each.
        body: Box<Node>,
    },
    /// The same value as another type: a whole number as decimal, a decimal with other digits (rounded, half away from
    /// zero), null as anything.
    Convert(Box<Node>),
}

/// What is a list of each user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum UserList {
    /// `user.roles`: the names of the permission sets that he has.
    Roles,
    /// `user.teams`: the ids of the teams that he is a member of.
    Teams,
    /// `user.subordinates`: the ids of the users below him in the hierarchy of roles.
    Subordinates,
}

impl UserList {
    /// All of them, with the names that they go by.
    pub const ALL: [(&str, UserList); 3] =
        [("roles", UserList::Roles), ("teams", UserList::Teams), ("subordinates", UserList::Subordinates)];
}

/// A value that is written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Literal {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number: its digits without the point; the node's type has the scale.
    Decimal(i128),
    /// Text.
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds.
    Duration(i64),
}

/// A record that fields are read of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Root {
    /// The record.
    Record,
    /// The record as it was before the change; all null when there was none.
    Old,
    /// The session's user, a record of `user`.
    User,
    /// A record that a comprehension or the surroundings gave a name.
    Named(String),
}

/// A way from a record to a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Path {
    /// The lookups to follow, in order.
    pub steps: Vec<Step>,
    /// The field at the end.
    pub field: FieldName,
}

/// A lookup followed to its record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Step {
    /// The lookup.
    pub lookup: FieldName,
    /// The object it leads to.
    pub target: ObjectName,
}

impl Path {
    /// A field of the record itself.
    pub fn field(field: FieldName) -> Path {
        Path { steps: Vec::new(), field }
    }

    /// The same field, seen from where `steps` begin.
    pub(crate) fn behind(&self, steps: &[Step]) -> Path {
        Path { steps: [steps, &self.steps].concat(), field: self.field.clone() }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "{}.", step.lookup)?;
        }
        write!(f, "{}", self.field)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Root::Record => "record",
            Root::Old => "old",
            Root::User => "user",
            Root::Named(name) => name,
        })
    }
}

/// A child relation of the record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Children {
    /// Its name.
    pub relation: RelationName,
    /// The object of the children.
    pub object: ObjectName,
    /// Their lookup to the record.
    pub lookup: FieldName,
}

/// Operators between two. Arithmetic that can't be done (overflow, division by zero) is an error value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Operator {
    /// Both; false when one is false, even if the other is null.
    And,
    /// One of them; true when one is true, even if the other is null.
    Or,
    /// The same value.
    Equal,
    /// Another value.
    NotEqual,
    /// Before.
    Less,
    /// Before or the same.
    LessOrEqual,
    /// Behind.
    Greater,
    /// Behind or the same.
    GreaterOrEqual,
    /// Sum; one text behind another; a day or instant moved on by a duration.
    Add,
    /// Difference; what lies between two days or instants; a day or instant moved back.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient; of whole numbers without what is behind the point.
    Divide,
    /// What a division of whole numbers leaves over.
    Modulo,
}

impl Operator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::And => "&&",
            Operator::Or => "||",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
        }
    }
}

/// What is asked or made of each item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Comprehension {
    /// Is it true of one at least?
    Exists,
    /// Is it true of all?
    All,
    /// Is it true of exactly one?
    ExistsOne,
    /// The list of what is made of each.
    Map,
    /// The list of those of which it is true.
    Filter,
}

impl Node {
    /// The operands, in order.
    pub fn operands(&self) -> Vec<&Node> {
        match &self.kind {
            NodeKind::Literal(_)
            | NodeKind::Field { .. }
            | NodeKind::Children(_)
            | NodeKind::Item(_)
            | NodeKind::UserList(_)
            | NodeKind::Today
            | NodeKind::Now => Vec::new(),
            NodeKind::Not(inner)
            | NodeKind::Negate(inner)
            | NodeKind::IsNull(inner)
            | NodeKind::Convert(inner) => vec![inner],
            NodeKind::Differs(left, right) | NodeKind::Binary { left, right, .. } => vec![left, right],
            NodeKind::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
            NodeKind::In { item, list } => vec![item, list],
            NodeKind::Comprehension { list, body, .. } => vec![list, body],
            NodeKind::List(items) | NodeKind::Call { arguments: items, .. } => items.iter().collect(),
        }
    }

    /// The operands, to be changed.
    pub(crate) fn operands_mut(&mut self) -> Vec<&mut Node> {
        match &mut self.kind {
            NodeKind::Literal(_)
            | NodeKind::Field { .. }
            | NodeKind::Children(_)
            | NodeKind::Item(_)
            | NodeKind::UserList(_)
            | NodeKind::Today
            | NodeKind::Now => Vec::new(),
            NodeKind::Not(inner)
            | NodeKind::Negate(inner)
            | NodeKind::IsNull(inner)
            | NodeKind::Convert(inner) => vec![inner],
            NodeKind::Differs(left, right) | NodeKind::Binary { left, right, .. } => vec![left, right],
            NodeKind::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
            NodeKind::In { item, list } => vec![item, list],
            NodeKind::Comprehension { list, body, .. } => vec![list, body],
            NodeKind::List(items) | NodeKind::Call { arguments: items, .. } => items.iter_mut().collect(),
        }
    }

    /// Whether this operation itself, its operands aside, looks at the session's time zone.
    pub fn reads_zone(&self) -> bool {
        let NodeKind::Call { function, arguments } = &self.kind else { return false };
        let given = |type_: Type| arguments.iter().any(|argument| argument.type_ == type_);
        (function.sees_instants_locally() && given(Type::DateTime))
            || (*function == Function::DateTime && given(Type::Date))
    }

    /// How many operations it is made of.
    pub fn count(&self) -> usize {
        1 + self.operands().into_iter().map(Node::count).sum::<usize>()
    }

    pub(crate) fn literal(type_: Type, literal: Literal) -> Node {
        Node { type_, kind: NodeKind::Literal(literal) }
    }

    pub(crate) fn is_null_literal(&self) -> bool {
        matches!(self.kind, NodeKind::Literal(Literal::Null))
    }

    /// The same value as `type_`, which its own type can be brought to.
    pub(crate) fn converted(self, type_: &Type) -> Node {
        match (&self.kind, &self.type_, type_) {
            _ if self.type_ == *type_ => self,
            (NodeKind::Literal(Literal::Null), ..) => Node::literal(type_.clone(), Literal::Null),
            (NodeKind::Literal(Literal::Int(value)), _, Type::Decimal { scale, .. }) => {
                let unit = 10i128.checked_pow(u32::from(*scale));
                match unit.and_then(|unit| i128::from(*value).checked_mul(unit)) {
                    Some(value) => Node::literal(type_.clone(), Literal::Decimal(value)),
                    None => Node { type_: type_.clone(), kind: NodeKind::Convert(Box::new(self)) },
                }
            }
            _ => Node { type_: type_.clone(), kind: NodeKind::Convert(Box::new(self)) },
        }
    }
}
