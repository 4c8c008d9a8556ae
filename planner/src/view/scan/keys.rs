//! What joins above a scan know of its rows: the keys that they must have ([`crate::view::joined`]).
//!
//! A join tells its keys when it has read its other side, before it asks for the first row. So a scan that is told of one begins
//! when it is asked, and not before; what it isn't told by then, it does without.

use std::{collections::HashSet, sync::Arc};

use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{BinaryExpr, CaseExpr, DynamicFilterPhysicalExpr, InListExpr, Literal},
    },
};
use quarry_storage::{ScanRequest, TableSnapshot, Value};

use super::{ScanExec, to_u64};
use crate::view::{
    access::{Access, fits, value_of},
    narrow::INDEX_SHARE,
};

/// Keys are looked up where there is at most one for so many rows: each costs an index as much as a scan so many rows.
const KEY_SHARE: u64 = 128;

/// A key of a join that a column of the scan becomes.
#[derive(Clone, Debug)]
pub(crate) struct JoinKey {
    /// What the join knows; nothing at first.
    pub(crate) known: Arc<DynamicFilterPhysicalExpr>,
    /// Which of the join's keys.
    pub(crate) number: usize,
    /// The same as the join knows it.
    pub(crate) key: Arc<dyn PhysicalExpr>,
}

/// A key, and the position in the table of the column that it is.
#[derive(Clone)]
pub(super) struct Keyed {
    key: JoinKey,
    column: usize,
}

impl Keyed {
    pub(super) fn known(&self) -> Arc<dyn PhysicalExpr> {
        Arc::clone(&self.key.known) as Arc<dyn PhysicalExpr>
    }

    pub(super) fn column(&self) -> usize {
        self.column
    }
}

impl ScanExec {
    /// A scan that need not give rows without one of a join's keys in one of its columns; `None` where no index has that column, or it
    /// gives but a part of its rows, or few.
    pub(crate) fn with_key(&self, column: usize, key: &JoinKey) -> Option<ScanExec> {
        let request = &self.request;
        let column = self.layout.plain(column)?;
        let name = &self.table.spec().columns.get(column)?.name;
        let are_few = rows_of(request, &self.table) < self.join_lookup_rows_min;
        if request.first.is_some() || request.limit.is_some() || are_few || !self.table.has_index(name) {
            return None;
        }
        let keyed = Keyed { key: key.clone(), column };
        let keys = self.keys.iter().cloned().chain([keyed]).collect();
        Some(self.again().with_keys(keys))
    }
}

/// The request without the rows that have none of the keys, as far as indexes find that out at small cost, or `always`. Blocks.
pub(super) fn narrowed(
    table: &TableSnapshot,
    request: &ScanRequest,
    (keys, always): (&[Keyed], bool),
) -> Result<ScanRequest> {
    let external = |error| DataFusionError::External(Box::new(error));
    let mut request = request.clone();
    for Keyed { key, column } in keys {
        let Some(wanted) = table.spec().columns.get(*column) else { continue };
        let known = key.known.current()?;
        let Some(found) = values(&known, key)? else { continue };
        let all = rows_of(&request, table);
        let distinct: HashSet<&ScalarValue> = found.iter().filter(|value| !value.is_null()).collect();
        if !always && to_u64(distinct.len()).saturating_mul(KEY_SHARE) > all {
            continue;
        }
        let typed = |value: &&ScalarValue| value_of(value).filter(|_| fits(wanted.column_type, value));
        let Some(values) = distinct.iter().map(typed).collect::<Option<Vec<Value>>>() else { continue };
        let access = Access::Lookup { column: wanted.name.to_string(), values };
        if !always && access.estimate(table).map_err(external)?.saturating_mul(INDEX_SHARE) > all {
            continue;
        }
        let rows = access.rows(table).map_err(external)?;
        request.rows = Some(request.rows.take().map_or_else(|| rows.clone(), |before| before.and(&rows)));
    }
    Ok(request)
}

/// How many rows are read, at most.
fn rows_of(request: &ScanRequest, table: &TableSnapshot) -> u64 {
    match (&request.rows, &request.hits) {
        (Some(rows), _) => rows.len(),
        (None, Some(hits)) => hits.rows().len(),
        (None, None) => table.statistics().rows,
    }
}

/// The values of a key of which a row must have one for this to be true, null aside; none where it may have any.
fn values(known: &Arc<dyn PhysicalExpr>, key: &JoinKey) -> Result<Option<Vec<ScalarValue>>> {
    if let Some(both) = known.downcast_ref::<BinaryExpr>() {
        let (left, right) = (values(both.left(), key)?, values(both.right(), key)?);
        return Ok(match (both.op(), left, right) {
            (Operator::And, Some(left), Some(right)) if right.len() < left.len() => Some(right),
            (Operator::And, Some(left), _) => Some(left),
            (Operator::And, None, right) => right,
            (Operator::Or, Some(left), Some(right)) => Some([left, right].concat()),
            _ => None,
        });
    }
    if let Some(literal) = known.downcast_ref::<Literal>() {
        return Ok((*literal.value() == ScalarValue::Boolean(Some(false))).then(Vec::new));
    }
    // One list for each partition, by which of them a row goes to: in any of them.
    if let Some(cases) = known.downcast_ref::<CaseExpr>() {
        let mut all = Vec::new();
        let otherwise = cases.else_expr().map(|other| values(other, key)).transpose()?;
        let branches = cases.when_then_expr().iter().map(|(_, then)| values(then, key));
        for branch in branches.chain(otherwise.map(Ok)) {
            let Some(of_branch) = branch? else { return Ok(None) };
            all.extend(of_branch);
        }
        return Ok(Some(all));
    }
    match known.downcast_ref::<InListExpr>() {
        Some(list) if !list.negated() => listed(list, key),
        _ => Ok(None),
    }
}

/// Of a list of keys, or of structs of all keys of a join.
fn listed(list: &InListExpr, key: &JoinKey) -> Result<Option<Vec<ScalarValue>>> {
    let literals = list.list().iter().map(|item| item.downcast_ref::<Literal>().map(Literal::value));
    let Some(literals) = literals.collect::<Option<Vec<_>>>() else { return Ok(None) };
    if list.expr() == &key.key {
        return Ok(Some(literals.into_iter().cloned().collect()));
    }
    let all = list.expr().downcast_ref::<ScalarFunctionExpr>().filter(|made| made.name() == "struct");
    if all.and_then(|made| made.args().get(key.number)) != Some(&key.key) {
        return Ok(None);
    }
    let part = |literal: &ScalarValue| match literal {
        ScalarValue::Struct(keys) => match keys.columns().get(key.number) {
            Some(column) => ScalarValue::try_from_array(column, 0).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    };
    literals.into_iter().map(part).collect()
}
