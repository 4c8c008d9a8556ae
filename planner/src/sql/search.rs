//! The table function `search('account', 'words')`: an object's rows that hit, with `_score`.

use std::sync::Arc;

use super::{catalog::State, table};
use crate::{objectql::Search, plan::text_query, view::Restriction};
use datafusion::{
    catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider},
    common::{Result, plan_datafusion_err, plan_err},
    logical_expr::Expr,
};

/// `search(object, words)`; the object may be qualified by its package (`crm.account`).
#[derive(Debug)]
pub(super) struct SearchFunction(pub(super) State);

impl TableFunctionImpl for SearchFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let [object, words] = args.exprs() else {
            return plan_err!("search takes two texts: search('object', 'words')");
        };
        let (object, words) = (literal(object)?, literal(words)?);
        let (package, name) =
            object.rsplit_once('.').map_or((None, &*object), |(package, name)| (Some(package), name));
        let view = self
            .0
            .views
            .get(name)
            .filter(|view| package.is_none_or(|package| view.object.package.as_str() == package));
        let view = view.ok_or_else(|| plan_datafusion_err!("table '{object}' not found"))?;
        let search = Search { text: words, fields: Vec::new() };
        let query = text_query(view, &search)?;
        Ok(table::table(&self.0, view, Restriction::Text(query))?)
    }
}

fn literal(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Literal(value, _) => match value.try_as_str() {
            Some(Some(text)) => Ok(text.to_owned()),
            _ => plan_err!("search takes texts, not {value}"),
        },
        other => plan_err!("search takes literal texts, not {other}"),
    }
}
