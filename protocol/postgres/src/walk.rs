//! Walks over SQL syntax trees.
//!
//! The parser's own walk is generic over the visitor, and all of the tree's code is compiled anew for each one: a
//! megabyte and seconds of build time apiece. Here it is compiled once per way of breaking off, over a pointer to the
//! visitor.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut, Visitor,
    VisitorMut,
};

/// Walks over a tree and lets the visitor change it.
pub fn change<B>(node: &mut impl VisitMut, visitor: &mut dyn VisitorMut<Break = B>) -> ControlFlow<B> {
    node.visit(&mut ByPointerMut(visitor))
}

/// Walks over a tree.
pub fn look<B>(node: &impl Visit, visitor: &mut dyn Visitor<Break = B>) -> ControlFlow<B> {
    node.visit(&mut ByPointer(visitor))
}

struct ByPointer<'a, B>(&'a mut dyn Visitor<Break = B>);

struct ByPointerMut<'a, B>(&'a mut dyn VisitorMut<Break = B>);

macro_rules! pass_on {
    ($($hook:ident: $node:ty),+ $(,)?) => {
        $(fn $hook(&mut self, node: $node) -> ControlFlow<B> {
            self.0.$hook(node)
        })+
    };
}

impl<B> Visitor for ByPointer<'_, B> {
    type Break = B;

    pass_on! {
        pre_visit_query: &Query, post_visit_query: &Query,
        pre_visit_select: &Select, post_visit_select: &Select,
        pre_visit_relation: &ObjectName, post_visit_relation: &ObjectName,
        pre_visit_table_factor: &TableFactor, post_visit_table_factor: &TableFactor,
        pre_visit_expr: &Expr, post_visit_expr: &Expr,
        pre_visit_statement: &Statement, post_visit_statement: &Statement,
        pre_visit_value: &ValueWithSpan, post_visit_value: &ValueWithSpan,
    }
}

impl<B> VisitorMut for ByPointerMut<'_, B> {
    type Break = B;

    pass_on! {
        pre_visit_query: &mut Query, post_visit_query: &mut Query,
        pre_visit_select: &mut Select, post_visit_select: &mut Select,
        pre_visit_relation: &mut ObjectName, post_visit_relation: &mut ObjectName,
        pre_visit_table_factor: &mut TableFactor, post_visit_table_factor: &mut TableFactor,
        pre_visit_expr: &mut Expr, post_visit_expr: &mut Expr,
        pre_visit_statement: &mut Statement, post_visit_statement: &mut Statement,
        pre_visit_value: &mut ValueWithSpan, post_visit_value: &mut ValueWithSpan,
    }
}
