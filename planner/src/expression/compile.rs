//! From the typed tree to a DataFusion expression.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator as Native, expr::Case, lit, when},
};
use quarry_metadata::expression::{
    Children, Function, Literal, Node, NodeKind, Operator, Path, Root, Type, UserList,
};

use super::{
    comprehension,
    data_type::{arrow, scalar},
    operation::{Action, Operation},
};
use crate::error::Result;

/// Something that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Leaf {
    /// A field of a record.
    Field(Root, Path),
    /// The records of a child relation, as a list of structs whose members are named by their paths.
    Children(Children),
    /// The value that a comprehension stands at.
    Item(String),
    /// A list of the user's.
    UserList(UserList),
    /// The day.
    Today,
    /// The instant.
    Now,
    /// The name of the session's time zone.
    Zone,
}

/// Where the leaves of an expression come from: the columns of a scan, or of a batch.
pub(crate) trait Leaves {
    /// The expression that reads a leaf.
    ///
    /// # Errors
    ///
    /// `Internal` for a leaf that nobody was told of.
    fn leaf(&mut self, leaf: &Leaf, type_: &Type) -> Result<Expr>;

    /// The members that the records of a child relation have, in order.
    fn members(&self, children: &Children) -> Vec<(Path, Type)>;

    /// What is in a list of the user's, where that is known already.
    ///
    /// # Errors
    ///
    /// When it can't be found.
    fn items(&self, _: UserList) -> Result<Option<Vec<String>>> {
        Ok(None)
    }
}

/// What becomes of arithmetic that can't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mode {
    /// Null.
    Lenient,
    /// The evaluation ends with a [`super::Fault`].
    Strict,
}

/// The DataFusion expression of a node, which evaluates to `arrow(node.type_)`.
///
/// # Errors
///
/// `Internal` for a leaf that nobody was told of.
pub(crate) fn lowered(node: &Node, leaves: &mut dyn Leaves, mode: Mode) -> Result<Expr> {
    let mut lower = |node: &Node| lowered(node, leaves, mode);
    Ok(match &node.kind {
        NodeKind::Literal(literal) => lit(scalar(literal, &node.type_)?),
        NodeKind::Field { root, path } => {
            leaves.leaf(&Leaf::Field(root.clone(), path.clone()), &node.type_)?
        }
        NodeKind::Children(children) => leaves.leaf(&Leaf::Children(children.clone()), &node.type_)?,
        NodeKind::Item(name) => leaves.leaf(&Leaf::Item(name.clone()), &node.type_)?,
        NodeKind::UserList(list) => leaves.leaf(&Leaf::UserList(*list), &node.type_)?,
        NodeKind::Today => leaves.leaf(&Leaf::Today, &node.type_)?,
        NodeKind::Now => leaves.leaf(&Leaf::Now, &node.type_)?,
        NodeKind::Not(inner) => Expr::Not(Box::new(lower(inner)?)),
        NodeKind::IsNull(inner) => lower(inner)?.is_null(),
        NodeKind::Differs(left, right) => native(lower(left)?, Native::IsDistinctFrom, lower(right)?),
        NodeKind::Conditional { .. } => conditional(node, leaves, mode)?,
        NodeKind::Binary { operator, left, right } => {
            let operands = vec![lower(left)?, lower(right)?];
            binary(*operator, node, operands, mode)
        }
        NodeKind::In { item, list } => within(item, list, leaves, mode)?,
        NodeKind::Negate(inner) => operation(Action::Negate, node, vec![lower(inner)?], mode),
        NodeKind::Convert(inner) => operation(Action::Convert, node, vec![lower(inner)?], mode),
        NodeKind::List(items) if items.is_empty() => lit(empty_list(&node.type_)),
        NodeKind::List(items) => {
            let items = items.iter().map(lower).collect::<Result<Vec<_>>>()?;
            operation(Action::MakeList, node, items, mode)
        }
        NodeKind::Call { function, arguments } => {
            let arguments_lowered = arguments.iter().map(lower).collect::<Result<Vec<_>>>()?;
            call(*function, node, arguments, arguments_lowered, leaves, mode)?
        }
        NodeKind::Comprehension { comprehension, list, variable, body } => {
            let list_lowered = lower(list)?;
            let over = comprehension::Over { comprehension: *comprehension, list, variable, body };
            comprehension::lowered(node, over, list_lowered, leaves, mode)?
        }
    })
}

/// `a ? b : c ? d : e` as one `CASE`, with nothing for a condition of which nothing is known. One within the other would come to the
/// same, but DataFusion makes the expressions in a `CASE` anew for it, and so those of the innermost twice for each around it.
fn conditional(node: &Node, leaves: &mut dyn Leaves, mode: Mode) -> Result<Expr> {
    let nothing = lit(ScalarValue::try_new_null(&arrow(&node.type_))?);
    let mut cases = Vec::new();
    let mut rest = node;
    while let NodeKind::Conditional { condition, then, otherwise } = &rest.kind {
        let condition = lowered(condition, leaves, mode)?;
        let then = lowered(then, leaves, mode)?;
        cases.push((Box::new(condition.clone()), Box::new(then)));
        cases.push((Box::new(condition.is_null()), Box::new(nothing.clone())));
        rest = otherwise;
    }
    let otherwise = lowered(rest, leaves, mode)?;
    Ok(Expr::Case(Case::new(None, cases, Some(Box::new(otherwise)))))
}

fn binary(operator: Operator, node: &Node, operands: Vec<Expr>, mode: Mode) -> Expr {
    let operator_native = match operator {
        Operator::And => Native::And,
        Operator::Or => Native::Or,
        Operator::Equal => Native::Eq,
        Operator::NotEqual => Native::NotEq,
        Operator::Less => Native::Lt,
        Operator::LessOrEqual => Native::LtEq,
        Operator::Greater => Native::Gt,
        Operator::GreaterOrEqual => Native::GtEq,
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            return operation(Action::Arithmetic(operator), node, operands, mode);
        }
    };
    match <[Expr; 2]>::try_from(operands) {
        Ok([left, right]) => native(left, operator_native, right),
        Err(_) => lit(datafusion::common::ScalarValue::Null),
    }
}

fn call(
    function: Function,
    node: &Node,
    arguments: &[Node],
    mut lowered: Vec<Expr>,
    leaves: &mut dyn Leaves,
    mode: Mode,
) -> Result<Expr> {
    let is_blank = matches!(function, Function::IsBlank | Function::IsEmpty);
    if let (true, Some(Node { type_, .. })) = (is_blank, arguments.first())
        && !matches!(type_, Type::Text | Type::List(_))
    {
        return Ok(lowered.swap_remove(0).is_null());
    }
    if node.reads_zone() {
        lowered.push(leaves.leaf(&Leaf::Zone, &Type::Text)?);
    }
    let pattern = match arguments.get(1).map(|pattern| &pattern.kind) {
        Some(NodeKind::Literal(Literal::Text(pattern))) if function == Function::Matches => {
            Some(pattern.as_str())
        }
        _ => None,
    };
    Ok(Operation::new(Action::Call(function), &node.type_, mode).with_pattern(pattern)?.call(lowered))
}

/// A list that is written down is DataFusion's own `IN`; any other is looked through.
fn within(item: &Node, list: &Node, leaves: &mut dyn Leaves, mode: Mode) -> Result<Expr> {
    let wanted = lowered(item, leaves, mode)?;
    if let NodeKind::List(items) = &list.kind {
        let items = items.iter().map(|item| lowered(item, leaves, mode)).collect::<Result<Vec<_>>>()?;
        return Ok(among(wanted, items)?);
    }
    if let NodeKind::UserList(list) = &list.kind
        && let Some(items) = leaves.items(*list)?
    {
        return Ok(among(
            wanted,
            items.into_iter().map(|item| lit(ScalarValue::Utf8View(Some(item)))).collect(),
        )?);
    }
    let list = lowered(list, leaves, mode)?;
    Ok(Operation::new(Action::In, &Type::Bool, mode).call(vec![wanted, list]))
}

fn among(wanted: Expr, items: Vec<Expr>) -> datafusion::common::Result<Expr> {
    match items.is_empty() {
        true => when(wanted.is_not_null(), lit(false)).end(),
        false => Ok(wanted.in_list(items, false)),
    }
}

fn operation(action: Action, node: &Node, operands: Vec<Expr>, mode: Mode) -> Expr {
    Operation::new(action, &node.type_, mode).call(operands)
}

fn native(left: Expr, operator: Native, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)))
}

fn empty_list(type_: &Type) -> datafusion::common::ScalarValue {
    let item = match arrow(type_) {
        DataType::List(item) => item.data_type().clone(),
        other => other,
    };
    datafusion::common::ScalarValue::List(datafusion::common::ScalarValue::new_list(&[], &item, true))
}

/// Whether anything in it may fail, so that a null may have a reason to tell.
pub(super) fn may_fail(node: &Node) -> bool {
    let own = match &node.kind {
        NodeKind::Binary { operator, left, .. } => {
            let arithmetic = matches!(
                operator,
                Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo
            );
            arithmetic && left.type_ != Type::Text
        }
        NodeKind::Negate(_) => true,
        NodeKind::Convert(inner) => inner.type_ != Type::Null,
        NodeKind::Call { function, .. } => !matches!(
            function,
            Function::Size
                | Function::Contains
                | Function::StartsWith
                | Function::EndsWith
                | Function::Matches
                | Function::Upper
                | Function::Lower
                | Function::Trim
                | Function::JoinNonEmpty
                | Function::Min
                | Function::Max
                | Function::Coalesce
                | Function::IsBlank
                | Function::IsEmpty
                | Function::Text
        ),
        _ => false,
    };
    own || node.operands().into_iter().any(may_fail)
}

/// The arrow type of the items of a child relation's list.
pub(super) fn record_type(members: &[(Path, Type)]) -> DataType {
    let field = |(path, type_): &(Path, Type)| {
        Arc::new(arrow::datatypes::Field::new(path.to_string(), arrow(type_), true))
    };
    DataType::Struct(members.iter().map(field).collect())
}
