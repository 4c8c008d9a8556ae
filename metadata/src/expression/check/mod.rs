//! From CEL's tree to ours: names resolved, types given, cost bounded.
//!
//! Every part is checked by itself, so that one mistake does not hide another: a part that can't be understood gives nothing,
//! and what stands around it says nothing more about it.

mod calls;
mod comprehensions;
mod names;
mod operators;
mod options;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue},
};

use crate::{
    decimal::Decimal,
    expression::{
        parse::Parsed,
        scope::Scope,
        tree::{Expression, Literal, Node, NodeKind},
        value_type::Type,
    },
    issue::{Issues, Place},
    limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX},
};

/// Digits that a number with a point may have: more are not kept by CEL's parser.
const LITERAL_DIGITS_MAX: usize = 15;

/// Checks a parsed expression; what is wrong with it is told in `issues`, and nothing comes of it then.
pub(super) fn check(
    parsed: &Parsed,
    place: &Place,
    scope: &Scope<'_>,
    issues: &mut Issues,
) -> Option<Expression> {
    let mut checker = Checker { parsed, place, scope, issues, variables: Vec::new(), depth: 0 };
    let node = checker.node(&parsed.root)?;
    if matches!(node.type_, Type::Record(_)) {
        checker.error(parsed.root.id, "expression-type", "a record is no value; name one of its fields");
        return None;
    }
    if node.count() > EXPRESSION_NODES_MAX {
        let message = format!(
            "evaluating this takes more than {EXPRESSION_NODES_MAX} operations, formulas that it names included"
        );
        checker.error(parsed.root.id, "expression-cost", message);
        return None;
    }
    Some(Expression { node })
}

/// What a comprehension calls an item.
struct Variable {
    name: String,
    type_: Type,
}

struct Checker<'a> {
    parsed: &'a Parsed,
    place: &'a Place,
    scope: &'a Scope<'a>,
    issues: &'a mut Issues,
    variables: Vec<Variable>,
    depth: usize,
}

impl Checker<'_> {
    fn error(&mut self, id: u64, code: &'static str, message: impl Into<String>) {
        let message = format!("{}, at character {}", message.into(), self.parsed.character(id));
        self.issues.error(self.place, code, message);
    }

    /// The node of a part, with its depth counted.
    fn node(&mut self, expr: &IdedExpr) -> Option<Node> {
        self.depth += 1;
        let node = if self.depth > EXPRESSION_DEPTH_MAX {
            let message = format!("more than {EXPRESSION_DEPTH_MAX} operations within operations");
            self.error(expr.id, "expression-cost", message);
            None
        } else {
            self.part(expr)
        };
        self.depth -= 1;
        node
    }

    fn part(&mut self, expr: &IdedExpr) -> Option<Node> {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr.id, literal),
            Expr::Ident(_) => self.named_value(expr),
            Expr::Select(select) if select.test => {
                let field = self.selected(expr.id, select)?;
                Some(not(is_null(self.value(expr.id, field)?)))
            }
            Expr::Select(_) => self.named_value(expr),
            Expr::Call(call) => self.call(expr.id, call),
            Expr::List(list) => self.list(expr.id, &list.elements),
            Expr::Comprehension(comprehension) => self.comprehension(expr.id, comprehension),
            Expr::Map(_) | Expr::Struct(_) => {
                self.error(expr.id, "expression-type", "maps and messages are not used in expressions");
                None
            }
            Expr::Unspecified => {
                self.error(expr.id, "expression-syntax", "can't be read as CEL");
                None
            }
        }
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Option<Node> {
        let refused = match literal {
            LiteralValue::Null => return Some(Node::literal(Type::Null, Literal::Null)),
            LiteralValue::Boolean(flag) => {
                return Some(Node::literal(Type::Bool, Literal::Bool(*flag.inner())));
            }
            LiteralValue::Int(number) => {
                return Some(Node::literal(Type::Int, Literal::Int(*number.inner())));
            }
            LiteralValue::String(text) => {
                return Some(Node::literal(Type::Text, Literal::Text(text.inner().to_owned())));
            }
            LiteralValue::Double(number) => {
                let written = number.inner().to_string();
                let decimal = Decimal::parse(&written).filter(|_| {
                    let digits = written.chars().filter(char::is_ascii_digit).collect::<String>();
                    digits.trim_start_matches('0').len() <= LITERAL_DIGITS_MAX
                });
                match decimal {
                    Some(decimal) => return Some(decimal_literal(decimal)),
                    None => "a number with a point has at most 15 digits; `decimal(\"…\")` takes more",
                }
            }
            LiteralValue::UInt(_) => "numbers have a sign here; write it without `u`",
            LiteralValue::Bytes(_) => "bytes are not used in expressions",
        };
        self.error(id, "expression-type", refused);
        None
    }

    fn list(&mut self, id: u64, elements: &[IdedExpr]) -> Option<Node> {
        let items: Vec<_> = elements.iter().map(|element| self.node(element)).collect();
        let items = items.into_iter().collect::<Option<Vec<_>>>()?;
        let mut common = Type::Null;
        for item in &items {
            match common.common(&item.type_) {
                Some(wider) if !matches!(wider, Type::Record(_) | Type::List(_)) => common = wider,
                _ => {
                    let message =
                        format!("the values of a list are of one type; here are {common} and {}", item.type_);
                    self.error(id, "expression-type", message);
                    return None;
                }
            }
        }
        let items = items.into_iter().map(|item| item.converted(&common)).collect();
        Some(Node { type_: Type::List(Box::new(common)), kind: NodeKind::List(items) })
    }
}

fn decimal_literal(decimal: Decimal) -> Node {
    let (mantissa, scale) = decimal.parts();
    let digits = mantissa.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1).max(scale);
    let type_ = Type::Decimal {
        precision: u8::try_from(digits).unwrap_or(u8::MAX).max(1),
        scale: u8::try_from(scale).unwrap_or(u8::MAX),
    };
    Node::literal(type_, Literal::Decimal(mantissa))
}

fn not(node: Node) -> Node {
    Node { type_: Type::Bool, kind: NodeKind::Not(Box::new(node)) }
}

fn is_null(node: Node) -> Node {
    Node { type_: Type::Bool, kind: NodeKind::IsNull(Box::new(node)) }
}
