//! Walks over SQL syntax trees.
//!
//! The parser's own walk is generic over the visitor, and all of the tree's code is compiled anew for each one: a
//! megabyte and seconds of build time apiece. Here it is compiled once, over a pointer to the visitor.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor,
    VisitorMut,
};

/// Walks over a tree.
pub fn look<V: Visitor>(node: &impl Visit, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut keeper = Keeper { visitor, broke: None };
    match node.visit(&mut ByPointer(&mut keeper)) {
        ControlFlow::Continue(()) => ControlFlow::Continue(()),
        ControlFlow::Break(()) => keeper.broke.map_or(ControlFlow::Continue(()), ControlFlow::Break),
    }
}

/// Walks over a tree and lets the visitor change it.
pub fn change<V: VisitorMut>(node: &mut impl VisitMut, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut keeper = KeeperMut { visitor, broke: None };
    match node.visit(&mut ByPointerMut(&mut keeper)) {
        ControlFlow::Continue(()) => ControlFlow::Continue(()),
        ControlFlow::Break(()) => keeper.broke.map_or(ControlFlow::Continue(()), ControlFlow::Break),
    }
}

/// Keeps what a visitor breaks with, so that all visitors look alike from outside.
struct Keeper<'a, V: Visitor> {
    visitor: &'a mut V,
    broke: Option<V::Break>,
}

struct KeeperMut<'a, V: VisitorMut> {
    visitor: &'a mut V,
    broke: Option<V::Break>,
}

struct ByPointer<'a>(&'a mut dyn Visitor<Break = ()>);

struct ByPointerMut<'a>(&'a mut dyn VisitorMut<Break = ()>);

/// All hooks of a visitor, handed on.
macro_rules! hooks {
    ($how:ident, $($hook:ident: $node:ty),+ $(,)?) => {
        $(fn $hook(&mut self, node: $node) -> ControlFlow<()> {
            hooks!(@$how self $hook node)
        })+
    };
    (@keep $keeper:ident $hook:ident $node:ident) => {
        $keeper.visitor.$hook($node).map_break(|value| $keeper.broke = Some(value))
    };
    (@pass $pointer:ident $hook:ident $node:ident) => {
        $pointer.0.$hook($node)
    };
    (shared $how:ident) => {
        hooks! { $how,
            pre_visit_query: &Query, post_visit_query: &Query,
            pre_visit_select: &Select, post_visit_select: &Select,
            pre_visit_relation: &ObjectName, post_visit_relation: &ObjectName,
            pre_visit_table_factor: &TableFactor, post_visit_table_factor: &TableFactor,
            pre_visit_expr: &Expr, post_visit_expr: &Expr,
            pre_visit_statement: &Statement, post_visit_statement: &Statement,
            pre_visit_value: &ValueWithSpan, post_visit_value: &ValueWithSpan,
        }
    };
    (mutable $how:ident) => {
        hooks! { $how,
            pre_visit_query: &mut Query, post_visit_query: &mut Query,
            pre_visit_select: &mut Select, post_visit_select: &mut Select,
            pre_visit_relation: &mut ObjectName, post_visit_relation: &mut ObjectName,
            pre_visit_table_factor: &mut TableFactor, post_visit_table_factor: &mut TableFactor,
            pre_visit_expr: &mut Expr, post_visit_expr: &mut Expr,
            pre_visit_statement: &mut Statement, post_visit_statement: &mut Statement,
            pre_visit_value: &mut ValueWithSpan, post_visit_value: &mut ValueWithSpan,
        }
    };
}

impl<V: Visitor> Visitor for Keeper<'_, V> {
    type Break = ();
    hooks!(shared keep);
}

impl Visitor for ByPointer<'_> {
    type Break = ();
    hooks!(shared pass);
}

impl<V: VisitorMut> VisitorMut for KeeperMut<'_, V> {
    type Break = ();
    hooks!(mutable keep);
}

impl VisitorMut for ByPointerMut<'_> {
    type Break = ();
    hooks!(mutable pass);
}
