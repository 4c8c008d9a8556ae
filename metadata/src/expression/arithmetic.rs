//! What operators take and give.

use crate::expression::{
    tree::{Node, NodeKind, Operator},
    value_type::Type,
};

/// The node of an arithmetic operator, its operands brought to what it wants; nothing when it does not take these.
///
/// A product and a quotient keep the digits of their operands, a sum wants both alike.
pub(super) fn arithmetic(operator: Operator, left: Node, right: Node) -> Option<Node> {
    use Operator as O;
    use Type as T;
    let (left, right) = (filled(left, &right), right);
    let right = filled(right, &left);
    let (one, two) = (left.type_.clone(), right.type_.clone());
    if one.is_exact() && two.is_exact() {
        return exact(operator, left, right);
    }
    let type_ = match (operator, &one, &two) {
        (O::Add, T::Text, T::Text) => T::Text,
        (O::Add | O::Subtract | O::Multiply | O::Divide, T::Double, T::Double) => T::Double,
        (O::Add | O::Subtract, T::Date | T::DateTime | T::Duration, T::Duration) => one.clone(),
        (O::Add, T::Duration, T::Date | T::DateTime) => two.clone(),
        (O::Subtract, T::Date, T::Date) | (O::Subtract, T::DateTime, T::DateTime) => T::Duration,
        _ => return None,
    };
    // A duration behind what it moves.
    let (left, right) = if one == T::Duration && two != T::Duration { (right, left) } else { (left, right) };
    Some(binary(operator, type_, left, right))
}

fn exact(operator: Operator, left: Node, right: Node) -> Option<Node> {
    use Operator as O;
    let (one, two) = (left.type_.clone(), right.type_.clone());
    let type_ = match operator {
        O::Modulo if (&one, &two) != (&Type::Int, &Type::Int) => return None,
        _ if (&one, &two) == (&Type::Int, &Type::Int) => Type::Int,
        O::Add | O::Subtract => narrow(&left).sum(&narrow(&right))?,
        O::Multiply => narrow(&left).product(&narrow(&right))?,
        O::Divide => narrow(&left).quotient(&narrow(&right))?,
        _ => return None,
    };
    if type_ == Type::Int {
        return Some(binary(operator, type_, left, right));
    }
    let as_decimal = |node: Node| match node.type_.digits() {
        Some((precision, scale)) => node.converted(&Type::Decimal { precision, scale }),
        None => node,
    };
    Some(binary(operator, type_, as_decimal(left), as_decimal(right)))
}

/// A whole number that is written down has the digits that it has.
fn narrow(node: &Node) -> Type {
    match &node.kind {
        NodeKind::Literal(crate::expression::tree::Literal::Int(value)) => {
            let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
            Type::Decimal { precision: u8::try_from(digits).unwrap_or(19), scale: 0 }
        }
        _ => node.type_.clone(),
    }
}

/// Both sides of a comparison brought to one type; nothing when they can't be compared.
pub(super) fn alike(left: Node, right: Node) -> Option<(Node, Node)> {
    let common = match left.type_ == right.type_ {
        true => left.type_.clone(),
        false => narrow(&left).common(&narrow(&right))?,
    };
    Some((left.converted(&common), right.converted(&common)))
}

/// Null as a value of what stands beside it.
fn filled(node: Node, beside: &Node) -> Node {
    if node.type_ == Type::Null { node.converted(&beside.type_) } else { node }
}

pub(super) fn binary(operator: Operator, type_: Type, left: Node, right: Node) -> Node {
    Node { type_, kind: NodeKind::Binary { operator, left: Box::new(left), right: Box::new(right) } }
}
