//! Operators: `&&`, `==`, `+`, `in`, `?:` …

use cel::{
    IdedExpr,
    common::ast::{CallExpr, operators as cel_operators},
};

use super::{Checker, is_null, not};
use crate::expression::{
    arithmetic::{alike, arithmetic, binary},
    literals::as_moment,
    tree::{Literal, Node, NodeKind, Operator},
    value_type::Type,
};

/// An operator by CEL's name of it.
fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        cel_operators::LOGICAL_AND => Operator::And,
        cel_operators::LOGICAL_OR => Operator::Or,
        cel_operators::EQUALS => Operator::Equal,
        cel_operators::NOT_EQUALS => Operator::NotEqual,
        cel_operators::LESS => Operator::Less,
        cel_operators::LESS_EQUALS => Operator::LessOrEqual,
        cel_operators::GREATER => Operator::Greater,
        cel_operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        cel_operators::ADD => Operator::Add,
        cel_operators::SUBSTRACT => Operator::Subtract,
        cel_operators::MULTIPLY => Operator::Multiply,
        cel_operators::DIVIDE => Operator::Divide,
        cel_operators::MODULO => Operator::Modulo,
        _ => return None,
    })
}

impl Checker<'_> {
    /// The node of a call that is an operator; `Err` for one that is a function.
    pub(super) fn operation(&mut self, id: u64, call: &CallExpr) -> Result<Option<Node>, ()> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (cel_operators::LOGICAL_NOT, [inner]) => Ok(self.boolean(inner).map(not)),
            (cel_operators::NEGATE, [inner]) => Ok(self.negated(id, inner)),
            (cel_operators::CONDITIONAL, [condition, then, otherwise]) => {
                Ok(self.conditional(id, condition, then, otherwise))
            }
            (cel_operators::IN, [item, list]) => Ok(self.within(id, item, list)),
            (name, [left, right]) => match operator(name) {
                Some(operator) => Ok(self.binary(id, operator, left, right)),
                None if name.starts_with("_") => Ok(self.refused(id)),
                None => Err(()),
            },
            (name, _) if name.starts_with("_") => Ok(self.refused(id)),
            _ => Err(()),
        }
    }

    fn refused(&mut self, id: u64) -> Option<Node> {
        self.error(
            id,
            "not-supported-yet",
            "an item of a list can't be taken by its place; use `exists`, `filter` or `in`",
        );
        None
    }

    fn binary(&mut self, id: u64, operator: Operator, left: &IdedExpr, right: &IdedExpr) -> Option<Node> {
        use Operator as O;
        match operator {
            O::And | O::Or => {
                let (left, right) = (self.boolean(left), self.boolean(right));
                Some(binary(operator, Type::Bool, left?, right?))
            }
            O::Equal | O::NotEqual => self.equality(id, operator, left, right),
            O::Less | O::LessOrEqual | O::Greater | O::GreaterOrEqual => {
                let (left, right) = self.both(left, right)?;
                let ordered = left.type_.is_ordered() || right.type_.is_ordered();
                self.compared(id, operator, left, right, ordered)
            }
            O::Add | O::Subtract | O::Multiply | O::Divide | O::Modulo => {
                let (left, right) = self.both(left, right)?;
                let types = (left.type_.clone(), right.type_.clone());
                let node = arithmetic(operator, left, right);
                if node.is_none() {
                    let message = does_not_take(operator, &types.0, &types.1);
                    self.error(id, "expression-type", message);
                }
                node
            }
        }
    }

    /// Both sides, so that what is wrong with either is told.
    fn both(&mut self, left: &IdedExpr, right: &IdedExpr) -> Option<(Node, Node)> {
        let (left, right) = (self.node(left), self.node(right));
        Some((left?, right?))
    }

    fn equality(&mut self, id: u64, operator: Operator, left: &IdedExpr, right: &IdedExpr) -> Option<Node> {
        let negated = |node: Node| if operator == Operator::NotEqual { not(node) } else { node };
        let (left, right) = (self.presence_beside(left, right), self.presence_beside(right, left));
        let (left, right) = (left?, right?);
        if right.is_null_literal() {
            return Some(negated(is_null(left)));
        }
        if left.is_null_literal() {
            return Some(negated(is_null(right)));
        }
        self.check_options(id, &left, &right)?;
        let comparable = |type_: &Type| type_.is_ordered() || *type_ == Type::Bool;
        let fits = comparable(&left.type_) && comparable(&right.type_);
        self.compared(id, operator, left, right, fits)
    }

    /// A record may stand beside null.
    fn presence_beside(&mut self, expr: &IdedExpr, beside: &IdedExpr) -> Option<Node> {
        use cel::common::ast::{Expr, LiteralValue};
        match &beside.expr {
            Expr::Literal(LiteralValue::Null) => self.presence(expr),
            _ => self.node(expr),
        }
    }

    fn compared(&mut self, id: u64, operator: Operator, left: Node, right: Node, fits: bool) -> Option<Node> {
        let (one, two) = (left.type_.clone(), right.type_.clone());
        let left = as_moment(&left, &two).unwrap_or(left);
        let right = as_moment(&right, &one).unwrap_or(right);
        let sides = if fits { alike(left, right) } else { None };
        match sides {
            Some((left, right)) => Some(binary(operator, Type::Bool, left, right)),
            None => {
                self.error(id, "expression-type", does_not_take(operator, &one, &two));
                None
            }
        }
    }

    fn negated(&mut self, id: u64, inner: &IdedExpr) -> Option<Node> {
        let inner = self.node(inner)?;
        let type_ = inner.type_.clone();
        match (&inner.kind, &type_) {
            (NodeKind::Literal(Literal::Int(value)), _) if *value != i64::MIN => {
                Some(Node::literal(type_, Literal::Int(-value)))
            }
            (NodeKind::Literal(Literal::Decimal(value)), _) => {
                Some(Node::literal(type_, Literal::Decimal(-value)))
            }
            (_, Type::Int | Type::Decimal { .. } | Type::Double | Type::Duration) => {
                Some(Node { type_, kind: NodeKind::Negate(Box::new(inner)) })
            }
            _ => {
                self.error(id, "expression-type", format!("`-` does not take a {type_}"));
                None
            }
        }
    }

    fn conditional(
        &mut self,
        id: u64,
        condition: &IdedExpr,
        then: &IdedExpr,
        otherwise: &IdedExpr,
    ) -> Option<Node> {
        let condition = self.boolean(condition);
        let (then, otherwise) = self.both(then, otherwise)?;
        let (one, two) = (then.type_.clone(), otherwise.type_.clone());
        let Some((then, otherwise)) = alike(then, otherwise) else {
            self.error(
                id,
                "expression-type",
                format!("both ends of `? :` give one type; here are {one} and {two}"),
            );
            return None;
        };
        let (condition, then, otherwise) = (Box::new(condition?), Box::new(then), Box::new(otherwise));
        Some(Node { type_: then.type_.clone(), kind: NodeKind::Conditional { condition, then, otherwise } })
    }

    fn within(&mut self, id: u64, item: &IdedExpr, list: &IdedExpr) -> Option<Node> {
        let (item, list) = self.both(item, list)?;
        let (one, two) = (item.type_.clone(), list.type_.clone());
        let Type::List(of) = &two else {
            self.error(id, "expression-type", format!("`in` looks into a list, not into a {two}"));
            return None;
        };
        self.check_options(id, &item, &list)?;
        let common =
            one.common(of).filter(|common| common.is_ordered() || matches!(common, Type::Bool | Type::Null));
        // A list of a column can't be converted, one that is written down can.
        let list = match (common.clone(), list.kind) {
            (Some(common), NodeKind::List(items)) => {
                let items = items.into_iter().map(|item| item.converted(&common)).collect();
                Some(Node { type_: Type::List(Box::new(common)), kind: NodeKind::List(items) })
            }
            (Some(common), kind) if common == **of => Some(Node { type_: two.clone(), kind }),
            _ => None,
        };
        let (Some(common), Some(list)) = (common, list) else {
            self.error(id, "expression-type", format!("a {one} is never in a {two}"));
            return None;
        };
        let (item, list) = (Box::new(item.converted(&common)), Box::new(list));
        Some(Node { type_: Type::Bool, kind: NodeKind::In { item, list } })
    }

    /// What must be true or false.
    pub(super) fn boolean(&mut self, expr: &IdedExpr) -> Option<Node> {
        let node = self.node(expr)?;
        if matches!(node.type_, Type::Bool | Type::Null) {
            return Some(node.converted(&Type::Bool));
        }
        let message = format!("a condition is wanted here, not a {}", node.type_);
        self.error(expr.id, "expression-type", message);
        None
    }
}

fn does_not_take(operator: Operator, left: &Type, right: &Type) -> String {
    use Type as T;
    let hint = match (operator, left, right) {
        (Operator::Add | Operator::Subtract, T::Date | T::DateTime, T::Int) => {
            "; write `addDays(x, 7)`, or `x + duration(\"7d\")`"
        }
        (_, T::Double, T::Int | T::Decimal { .. }) | (_, T::Int | T::Decimal { .. }, T::Double) => {
            "; write `decimal(x)` or `double(x)`, so that no exact number becomes a binary one in silence"
        }
        (_, T::Date, T::DateTime) | (_, T::DateTime, T::Date) => "; write `date(x)`",
        (Operator::Add, T::Text, _) | (Operator::Add, _, T::Text) => "; write `text(x)`",
        (Operator::Equal | Operator::NotEqual, T::List(_), _) => "; use `in`, `exists` or `size`",
        _ => "",
    };
    format!("`{}` does not take {left} and {right}{hint}", operator.symbol())
}
