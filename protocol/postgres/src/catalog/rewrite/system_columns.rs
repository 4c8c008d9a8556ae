//! `tableoid` and `xmin`, which every catalog table of PostgreSQL has and no `*` shows. They are the same in every row
//! here (a table's oid; the transaction number of rows that are visible to all), so that each becomes a literal.

use std::{collections::HashMap, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Ident, Query, Select, SelectItem, TableFactor, VisitorMut,
};

use super::build::{self, catalog_table, folded};
use crate::{
    catalog::{
        RewriteError,
        facts::{self, TableFact},
    },
    walk,
};

/// `FrozenTransactionId`.
const FROZEN: u32 = 2;

/// The visitor. Inner SELECTs come first: a name means the nearest table of that name.
pub struct SystemColumns;

impl VisitorMut for SystemColumns {
    type Break = RewriteError;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let mut tables = Tables::of(select);
        if tables.by_name.is_empty() {
            return ControlFlow::Continue(());
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(value) = tables.value_of(expr)
            {
                let name = match expr {
                    Expr::CompoundIdentifier(names) => names.last().cloned(),
                    Expr::Identifier(name) => Some(name.clone()),
                    _ => None,
                };
                let alias = name.unwrap_or_else(|| Ident::new("tableoid"));
                *item = SelectItem::ExprWithAlias { expr: value, alias };
            }
        }
        walk::change(select, &mut tables)
    }
}

/// The catalog tables of one SELECT by the names they go by there.
struct Tables {
    by_name: HashMap<String, &'static TableFact>,
    /// The table that a bare name belongs to: the only one.
    only: Option<&'static TableFact>,
    /// Queries within this SELECT that are being visited.
    depth: usize,
}

impl Tables {
    fn of(select: &Select) -> Tables {
        let factors: Vec<&TableFactor> = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|j| &j.relation)))
            .collect();
        let by_name: HashMap<_, _> = factors.iter().filter_map(|factor| named(factor)).collect();
        let only = match factors.as_slice() {
            [one] => named(one).map(|(_, fact)| fact),
            _ => None,
        };
        Tables { by_name, only, depth: 0 }
    }

    /// The value of an expression that is nothing but such a column.
    fn value_of(&self, expr: &Expr) -> Option<Expr> {
        let (fact, column) = match expr {
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [table, column] => (*self.by_name.get(&folded(table))?, folded(column)),
                _ => return None,
            },
            Expr::Identifier(column) if self.depth == 0 => (self.only?, folded(column)),
            _ => return None,
        };
        let number = match column.as_str() {
            "tableoid" => fact.oid,
            "xmin" => FROZEN,
            _ => return None,
        };
        // Some tables have a column of that name themselves.
        let is_own = fact.columns.iter().any(|own| own.name == column);
        (!is_own).then(|| Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(build::number(&number.to_string())),
            data_type: DataType::IntUnsigned(None),
            array: false,
            format: None,
        })
    }
}

impl VisitorMut for Tables {
    type Break = RewriteError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Some(value) = self.value_of(expr) {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

/// A catalog table with its rows of its own (no view), and the name it goes by.
fn named(factor: &TableFactor) -> Option<(String, &'static TableFact)> {
    let (schema, table) = catalog_table(factor)?;
    let fact = facts::table(&schema, &table).filter(|fact| fact.kind == "r")?;
    let TableFactor::Table { alias, .. } = factor else { return None };
    let name = alias.as_ref().map_or(table, |alias| folded(&alias.name));
    Some((name, fact))
}
