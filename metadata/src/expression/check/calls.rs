//! Functions, and the few calls that the checker makes something else of.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue},
};

use super::Checker;
use crate::{
    expression::{
        functions::Function,
        literals,
        tree::{Literal, Node, NodeKind},
        value_type::Type,
    },
    nearest::did_you_mean,
};

/// Memory that a regular expression may take, read.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Digits that `round` keeps at most.
const ROUND_DIGITS_MAX: u8 = 18;

impl Checker<'_> {
    /// The node of an operator or function.
    pub(super) fn call(&mut self, id: u64, call: &CallExpr) -> Option<Node> {
        if let Ok(node) = self.operation(id, call) {
            return node;
        }
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            ("today", []) => Some(Node { type_: Type::Date, kind: NodeKind::Today }),
            ("now", []) => Some(Node { type_: Type::DateTime, kind: NodeKind::Now }),
            ("changed", [field]) => self.changed(id, field),
            ("duration", [text]) => self.duration(text),
            ("daysFromNow", [days]) => self.days_away(id, days, 1),
            ("daysAgo", [days]) => self.days_away(id, days, -1),
            ("has", _) => {
                self.error(
                    id,
                    "expression-syntax",
                    "`has` takes a path with a point in it: `has(record.x)`; or write `x != null`",
                );
                None
            }
            (name, arguments) => match Function::named(name) {
                Some(function) => self.function(id, function, arguments),
                None => {
                    let near = did_you_mean(name, Function::names());
                    self.error(id, "unknown-function", format!("there is no function `{name}`{near}"));
                    None
                }
            },
        }
    }

    fn function(&mut self, id: u64, function: Function, arguments: &[&IdedExpr]) -> Option<Node> {
        let arguments: Vec<_> = arguments.iter().map(|argument| self.node(argument)).collect();
        let arguments = arguments.into_iter().collect::<Option<Vec<_>>>()?;
        if let (Function::Round, [number, digits]) = (function, arguments.as_slice())
            && let Some(node) = rounded(number, digits)
        {
            return Some(node);
        }
        let types: Vec<Type> = arguments.iter().map(|argument| argument.type_.clone()).collect();
        match function.signature(&types) {
            Ok(signature) => {
                let arguments = arguments
                    .into_iter()
                    .zip(&signature.arguments)
                    .map(|(node, type_)| node.converted(type_));
                let arguments = arguments.collect::<Vec<_>>();
                if let Some(literal) = self.written_moment(id, function, &arguments) {
                    return literal;
                }
                self.check_pattern(id, function, &arguments)?;
                Some(Node { type_: signature.returns, kind: NodeKind::Call { function, arguments } })
            }
            Err(message) => {
                self.error(id, "expression-type", message);
                None
            }
        }
    }

    /// `date("2024-05-31")` is read now, or refused now.
    fn written_moment(&mut self, id: u64, function: Function, arguments: &[Node]) -> Option<Option<Node>> {
        let (wanted, example) = match function {
            Function::Date => (Type::Date, "2024-05-31"),
            Function::DateTime => (Type::DateTime, "2024-05-31T12:00:00Z"),
            _ => return None,
        };
        let [Node { kind: NodeKind::Literal(Literal::Text(text)), .. }] = arguments else { return None };
        let literal = literals::moment(text, &wanted);
        if literal.is_none() {
            self.error(id, "expression-type", format!("{text:?} is not a {wanted}, such as {example:?}"));
        }
        Some(literal.map(|literal| Node::literal(wanted, literal)))
    }

    /// A pattern is written down, so that it is read once and known to be one.
    fn check_pattern(&mut self, id: u64, function: Function, arguments: &[Node]) -> Option<()> {
        if function != Function::Matches {
            return Some(());
        }
        let refused = match arguments.get(1).map(|pattern| &pattern.kind) {
            Some(NodeKind::Literal(Literal::Text(pattern))) => {
                let built = regex::RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build();
                built.err().map(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
            }
            _ => Some("it must be a text that is written down".to_owned()),
        };
        match refused {
            Some(why) => {
                self.error(id, "expression-type", format!("`matches` takes a regular expression: {why}"));
                None
            }
            None => Some(()),
        }
    }

    /// `changed("stage")`: another value than before, null being one.
    fn changed(&mut self, id: u64, field: &IdedExpr) -> Option<Node> {
        let Expr::Literal(LiteralValue::String(name)) = &field.expr else {
            self.error(
                id,
                "expression-syntax",
                "`changed` takes the name of a field in quotes: `changed(\"stage\")`",
            );
            return None;
        };
        let side = |root: &str| {
            let operand = IdedExpr { id: field.id, expr: Expr::Ident(root.to_owned()) };
            let select = cel::common::ast::SelectExpr {
                operand: Box::new(operand),
                field: name.inner().to_owned(),
                test: false,
            };
            IdedExpr { id: field.id, expr: Expr::Select(select) }
        };
        let now = self.named_value(&side("record"))?;
        let before = self.named_value(&side("old"))?;
        Some(Node { type_: Type::Bool, kind: NodeKind::Differs(Box::new(before), Box::new(now)) })
    }

    fn duration(&mut self, text: &IdedExpr) -> Option<Node> {
        let written = match &text.expr {
            Expr::Literal(LiteralValue::String(written)) => literals::duration(written.inner()),
            _ => None,
        };
        if written.is_none() {
            let message =
                "`duration` takes a text that is written down, such as \"30d\", \"36h\", \"1h30m\", \"90s\"";
            self.error(text.id, "expression-type", message);
        }
        written.map(|micros| Node::literal(Type::Duration, Literal::Duration(micros)))
    }

    /// `daysFromNow(7)`, `daysAgo(7)`: a day.
    fn days_away(&mut self, id: u64, days: &IdedExpr, sign: i64) -> Option<Node> {
        let days = self.node(days)?;
        let days = match (&days.type_, &days.kind) {
            (Type::Int, NodeKind::Literal(Literal::Int(count))) if sign < 0 => {
                Node::literal(Type::Int, Literal::Int(count.saturating_neg()))
            }
            (Type::Int, _) if sign < 0 => Node { type_: Type::Int, kind: NodeKind::Negate(Box::new(days)) },
            (Type::Int, _) => days,
            _ => {
                self.error(id, "expression-type", format!("days are a whole number, not a {}", days.type_));
                return None;
            }
        };
        let today = Node { type_: Type::Date, kind: NodeKind::Today };
        Some(Node {
            type_: Type::Date,
            kind: NodeKind::Call { function: Function::AddDays, arguments: vec![today, days] },
        })
    }
}

/// `round(x, 2)`: the decimal with so many digits behind the point.
fn rounded(number: &Node, digits: &Node) -> Option<Node> {
    let NodeKind::Literal(Literal::Int(digits)) = &digits.kind else { return None };
    let digits = u8::try_from(*digits).ok().filter(|digits| *digits <= ROUND_DIGITS_MAX)?;
    match number.type_ {
        Type::Decimal { scale, .. } if digits >= scale => Some(number.clone()),
        Type::Decimal { precision, scale } => {
            let precision = precision - scale + digits + 1;
            Some(number.clone().converted(&Type::Decimal { precision, scale: digits }))
        }
        Type::Int => Some(number.clone()),
        _ => None,
    }
}
