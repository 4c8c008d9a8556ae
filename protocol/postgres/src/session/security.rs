//! `EXPLAIN (SECURITY)`: what keeps which records and fields of the tables of a query from this session.

use std::{collections::BTreeSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{Expr, Statement, visit_relations};
use quarry_engine::Explained;

use super::Session;
use crate::error::{PgError, Result};

/// Whether that is asked.
pub(super) fn is_asked(statement: &Statement) -> bool {
    let Statement::Explain { options: Some(options), .. } = statement else { return false };
    let is_off = |arg: &Option<Expr>| {
        let told = arg.as_ref().map(|arg| arg.to_string().trim_matches('\'').to_ascii_lowercase());
        matches!(told.as_deref(), Some("false" | "off" | "0"))
    };
    options.iter().any(|option| option.name.value.eq_ignore_ascii_case("security") && !is_off(&option.arg))
}

impl Session {
    /// The lines of it.
    ///
    /// # Errors
    ///
    /// `0A000` beside other options; for a table that is not seen, as for one that is not there.
    pub(super) async fn security(&self, statement: &Statement) -> Result<Vec<String>> {
        let Statement::Explain { statement: inner, options, .. } = statement else { return Ok(Vec::new()) };
        if options.as_ref().is_some_and(|options| options.len() > 1) {
            let hint = "ask EXPLAIN (SECURITY) by itself";
            return Err(PgError::unsupported("the EXPLAIN option security goes with no other", hint));
        }
        let views = self.user.context().views;
        let mut objects = BTreeSet::new();
        let _: ControlFlow<()> = visit_relations(inner, |name| {
            let last = name.0.last().and_then(|part| part.as_ident());
            objects.extend(
                last.and_then(|ident| views.get(&ident.value)).map(|view| view.object.name.to_string()),
            );
            ControlFlow::Continue(())
        });
        let user = self.user.clone();
        let explain = move || {
            let told = objects.iter().map(|object| user.explain_access(object, None, None));
            told.collect::<std::result::Result<Vec<_>, _>>()
        };
        let told = tokio::task::spawn_blocking(explain).await.map_err(quarry_engine::Error::from)?;
        Ok(told.map_err(PgError::from)?.iter().flat_map(lines).collect())
    }
}

fn lines(told: &Explained) -> Vec<String> {
    let mut lines = vec![format!("{}:", told.object)];
    for act in &told.acts {
        let because: Vec<String> = act
            .because
            .iter()
            .map(|said| match said.set.as_str() {
                "" => said.layer.clone(),
                set => format!("{set}: {}", said.layer),
            })
            .collect();
        let because = if because.is_empty() { "nothing allows it".to_owned() } else { because.join("; ") };
        lines.push(format!("  {}: {because}", act.act));
    }
    for (what, fields) in [("masked", &told.masked), ("only read", &told.readonly), ("hidden", &told.hidden)]
    {
        if !fields.is_empty() {
            lines.push(format!("  {what}: {}", fields.join(", ")));
        }
    }
    lines
}
