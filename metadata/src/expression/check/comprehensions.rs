//! `exists`, `all`, `exists_one`, `map`, `filter`: CEL's parser writes them out as loops; here they are found again.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
};

use super::{Checker, Variable};
use crate::{
    expression::{
        tree::{Comprehension, Node, NodeKind},
        value_type::Type,
    },
    limits::COMPREHENSION_DEPTH_MAX,
};

/// A loop as it was written: what it is, its condition, what it makes of each.
struct Written<'a> {
    condition: Option<(Comprehension, &'a IdedExpr)>,
    made: Option<&'a IdedExpr>,
}

impl Checker<'_> {
    pub(super) fn comprehension(&mut self, id: u64, comprehension: &ComprehensionExpr) -> Option<Node> {
        let Some(written) = written(comprehension) else {
            self.error(id, "expression-syntax", "this kind of loop is not used in expressions");
            return None;
        };
        let list = self.node(&comprehension.iter_range)?;
        let Type::List(item) = list.type_.clone() else {
            let message =
                format!("`exists`, `all`, `map` and `filter` go over a list, not over a {}", list.type_);
            self.error(id, "expression-type", message);
            return None;
        };
        if self.variables.len() >= COMPREHENSION_DEPTH_MAX {
            let message = format!("lists are gone over at most {COMPREHENSION_DEPTH_MAX} within each other");
            self.error(id, "expression-cost", message);
            return None;
        }
        let name = &comprehension.iter_var;
        self.variables.push(Variable { name: name.clone(), type_: *item });
        let node = self.looped(list, name, &written);
        self.variables.pop();
        node
    }

    fn looped(&mut self, list: Node, name: &str, written: &Written<'_>) -> Option<Node> {
        let mut node = list;
        if let Some((comprehension, condition)) = written.condition {
            let body = self.boolean(condition)?;
            let type_ = if comprehension == Comprehension::Filter { node.type_.clone() } else { Type::Bool };
            node = over(comprehension, type_, node, name, body);
        }
        let Some(made) = written.made else { return Some(node) };
        let body = self.node(made)?;
        if matches!(body.type_, Type::List(_) | Type::Record(_) | Type::Null) {
            self.error(
                made.id,
                "expression-type",
                "`map` makes a value of each item, not a list or a record",
            );
            return None;
        }
        let type_ = Type::List(Box::new(body.type_.clone()));
        Some(over(Comprehension::Map, type_, node, name, body))
    }
}

fn over(comprehension: Comprehension, type_: Type, list: Node, name: &str, body: Node) -> Node {
    let (list, body) = (Box::new(list), Box::new(body));
    Node { type_, kind: NodeKind::Comprehension { comprehension, list, variable: name.to_owned(), body } }
}

fn written(loop_: &ComprehensionExpr) -> Option<Written<'_>> {
    let Expr::Call(CallExpr { func_name, args, .. }) = &loop_.loop_step.expr else { return None };
    let asked = |what, condition| Some(Written { condition: Some((what, condition)), made: None });
    match (&loop_.accu_init.expr, func_name.as_str(), args.as_slice()) {
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR, [_, condition]) => {
            asked(Comprehension::Exists, condition)
        }
        (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND, [_, condition]) => {
            asked(Comprehension::All, condition)
        }
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL, [condition, _, _]) => {
            asked(Comprehension::ExistsOne, condition)
        }
        (Expr::List(_), operators::ADD, [_, made]) => {
            Some(Written { condition: None, made: Some(only(made)?) })
        }
        (Expr::List(_), operators::CONDITIONAL, [condition, step, _]) => {
            let Expr::Call(CallExpr { args, .. }) = &step.expr else { return None };
            let [_, made] = args.as_slice() else { return None };
            let made = only(made)?;
            let itself = matches!(&made.expr, Expr::Ident(name) if *name == loop_.iter_var);
            let made = if itself { None } else { Some(made) };
            Some(Written { condition: Some((Comprehension::Filter, condition)), made })
        }
        _ => None,
    }
}

/// The one item of a list.
fn only(list: &IdedExpr) -> Option<&IdedExpr> {
    match &list.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}
