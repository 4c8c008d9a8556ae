//! The parts of INSERT, UPDATE and DELETE, resolved: what they are about, what they ask, what they give back.

use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, Insert, ObjectName, SelectItem, SetExpr,
    Statement, TableObject, TableWithJoins, Update, UpdateTableFromKind,
};
use quarry_engine::{Input, Value};
use quarry_metadata::FieldName;
use quarry_planner::{Views, lower::DELETED_AT};

use super::{
    ast,
    cell::{Cell, cell_of},
    target::{Target, only_looked_at, type_of},
};
use crate::{
    error::{PgError, Result},
    parameter::Hints,
    sqlstate::SqlState,
};

/// The key of every object.
pub const ID: &str = "id";

/// An INSERT.
pub struct InsertShape {
    /// What it is about.
    pub target: Target,
    /// Which fields it gives.
    pub fields: Vec<FieldName>,
    /// Where their values come from.
    pub source: Source,
}

/// Where an INSERT's records come from.
pub enum Source {
    /// `DEFAULT VALUES`.
    Defaults,
    /// `VALUES`.
    Values(Vec<Vec<Cell>>),
    /// A query.
    Query(Box<Statement>),
}

/// An UPDATE or DELETE.
pub struct FoundShape {
    /// What it is about.
    pub target: Target,
    /// Where records are looked for.
    pub from: Vec<TableWithJoins>,
    /// Which.
    pub selection: Option<Expr>,
    /// What they get; nothing for DELETE.
    pub assignments: Vec<(FieldName, Cell)>,
}

impl InsertShape {
    /// Reads an INSERT.
    ///
    /// # Errors
    ///
    /// `42P01`, `42703`, `42701`, `42601`, `0A000`.
    pub fn read(views: &Views, insert: &Insert) -> Result<InsertShape> {
        let TableObject::TableName(name) = &insert.table else {
            return Err(PgError::unsupported("INSERT takes an object", "name the object"));
        };
        let alias = insert.table_alias.as_ref().map(|a| &a.alias);
        let target = Target::of_name(views, name, alias)?;
        if insert.or.is_some() || insert.ignore || insert.overwrite || insert.replace_into {
            return Err(PgError::unsupported("this form of INSERT is not supported", "use ON CONFLICT"));
        }
        let mut fields = Vec::new();
        for written in &insert.columns {
            let field = target.field(single(written)?)?.name.clone();
            add_once(&mut fields, field)?;
        }
        if fields.is_empty() {
            fields = target.view.fields.clone();
        }
        let source = match &insert.source {
            None => Source::Defaults,
            Some(query) => match query.body.as_ref() {
                SetExpr::Values(values) if query.with.is_none() && query.order_by.is_none() => {
                    let rows = values.rows.iter().map(|row| read_row(row, fields.len()));
                    Source::Values(rows.collect::<Result<_>>()?)
                }
                _ => Source::Query(Box::new(Statement::Query(query.clone()))),
            },
        };
        if let Source::Values(rows) = &source {
            // Fewer values than columns are allowed only where no columns were named.
            let width = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|r| r.len() != width) {
                return Err(PgError::new(SqlState::SYNTAX, "VALUES lists must all be the same length"));
            }
            if !insert.columns.is_empty() && width < fields.len() {
                return Err(PgError::new(
                    SqlState::SYNTAX,
                    "INSERT has more target columns than expressions",
                ));
            }
            fields.truncate(width);
        }
        Ok(InsertShape { target, fields, source })
    }
}

fn read_row(row: &[Expr], width: usize) -> Result<Vec<Cell>> {
    if row.len() > width {
        return Err(PgError::new(SqlState::SYNTAX, "INSERT has more expressions than target columns"));
    }
    row.iter().map(cell_of).collect()
}

fn single(name: &ObjectName) -> Result<&Ident> {
    match ast::parts(name).as_slice() {
        [one] => Ok(one),
        _ => Err(PgError::new(SqlState::SYNTAX, format!("a column is named without its table here: {name}"))),
    }
}

fn add_once(fields: &mut Vec<FieldName>, field: FieldName) -> Result<()> {
    if fields.contains(&field) {
        let message = format!("column \"{field}\" specified more than once");
        return Err(PgError::new(SqlState::DUPLICATE_COLUMN, message));
    }
    fields.push(field);
    Ok(())
}

/// Reads the assignments of a SET.
///
/// # Errors
///
/// `42703`, `42601`, `0A000`.
pub fn read_assignments(target: &Target, assignments: &[Assignment]) -> Result<Vec<(FieldName, Cell)>> {
    let mut read = Vec::new();
    let mut fields = Vec::new();
    for Assignment { target: to, value } in assignments {
        let pairs: Vec<(&ObjectName, &Expr)> = match (to, value) {
            (AssignmentTarget::ColumnName(name), value) => vec![(name, value)],
            (AssignmentTarget::Tuple(names), Expr::Tuple(values)) if names.len() == values.len() => {
                names.iter().zip(values).collect()
            }
            (AssignmentTarget::Tuple(_), _) => {
                let hint = "assign each column by itself";
                return Err(PgError::unsupported("this form of SET is not supported", hint));
            }
        };
        for (name, value) in pairs {
            let field = target.field(single(name)?)?.name.clone();
            let cell = cell_of(value)?;
            if matches!(cell, Cell::Default) {
                let hint = "give the value, or NULL";
                return Err(PgError::unsupported("SET column = DEFAULT is not supported", hint));
            }
            add_once(&mut fields, field.clone())?;
            read.push((field, cell));
        }
    }
    Ok(read)
}

impl FoundShape {
    /// Reads an UPDATE.
    ///
    /// # Errors
    ///
    /// As [`InsertShape::read`].
    pub fn of_update(views: &Views, update: &Update) -> Result<FoundShape> {
        let target = Target::or_bin_of_factor(views, &update.table.relation)?;
        if !update.table.joins.is_empty()
            || update.or.is_some()
            || update.limit.is_some()
            || !update.order_by.is_empty()
        {
            return Err(PgError::unsupported(
                "this form of UPDATE is not supported",
                "use UPDATE … FROM … WHERE",
            ));
        }
        let mut from = vec![ast::table(target.factor.clone())];
        match &update.from {
            Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => {
                from.extend(tables.iter().cloned());
            }
            None => {}
        }
        let assignments = read_assignments(&target, &update.assignments)?;
        if target.is_bin {
            check_undelete(&target, &assignments, update)?;
        }
        Ok(FoundShape { target, from, selection: update.selection.clone(), assignments })
    }

    /// Reads a DELETE.
    ///
    /// # Errors
    ///
    /// As [`InsertShape::read`].
    pub fn of_delete(views: &Views, delete: &Delete) -> Result<FoundShape> {
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        let [TableWithJoins { relation, joins }] = tables.as_slice() else {
            return Err(PgError::unsupported("DELETE takes one object", "use DELETE FROM … USING … WHERE"));
        };
        if !joins.is_empty()
            || !delete.tables.is_empty()
            || delete.limit.is_some()
            || !delete.order_by.is_empty()
        {
            return Err(PgError::unsupported(
                "this form of DELETE is not supported",
                "use DELETE FROM … USING … WHERE",
            ));
        }
        let target = Target::or_bin_of_factor(views, relation)?;
        let mut from = vec![ast::table(target.factor.clone())];
        from.extend(delete.using.iter().flatten().cloned());
        Ok(FoundShape { target, from, selection: delete.selection.clone(), assignments: Vec::new() })
    }

    /// The question: the ids, the computed values, and `more`.
    ///
    /// # Errors
    ///
    /// `XX000`.
    pub fn question(&self, more: &[SelectItem]) -> Result<Statement> {
        let mut items = vec![ast::named(ast::column(&self.target.qualifier, ID), ID, 0)];
        for (number, (_, cell)) in self.assignments.iter().enumerate() {
            if let Cell::Computed(expr) = cell {
                items.push(ast::named((**expr).clone(), "set", number));
            }
        }
        items.extend(more.iter().cloned());
        ast::select(items, self.from.clone(), self.selection.clone())
    }
}

/// Deleted records come back when they are told not to be deleted, and in no other way.
fn check_undelete(target: &Target, assignments: &[(FieldName, Cell)], update: &Update) -> Result<()> {
    match assignments {
        [(field, Cell::Given(Input::Typed(Value::Null, _)))] if field.as_str() == DELETED_AT => {}
        _ => return Err(only_looked_at(target.object())),
    }
    if update.returning.is_some() {
        let hint = "ask for the records when they are back";
        return Err(PgError::unsupported("RETURNING of what comes back is not supported", hint));
    }
    Ok(())
}

/// The types that a change's fields give to its parameters.
///
/// # Errors
///
/// As reading it.
pub fn hints(views: &Views, statement: &Statement) -> Result<Hints> {
    let mut hints = Hints::new();
    match statement {
        Statement::Insert(insert) => {
            let shape = InsertShape::read(views, insert)?;
            if let Source::Values(rows) = &shape.source {
                for row in rows {
                    add_hints(&mut hints, &shape.target, shape.fields.iter().zip(row));
                }
            }
        }
        Statement::Update(update) => {
            let shape = FoundShape::of_update(views, update)?;
            add_hints(&mut hints, &shape.target, shape.assignments.iter().map(|(f, c)| (f, c)));
        }
        _ => {}
    }
    Ok(hints)
}

fn add_hints<'a>(hints: &mut Hints, target: &Target, cells: impl Iterator<Item = (&'a FieldName, &'a Cell)>) {
    for (name, cell) in cells {
        if let (Cell::Parameter(number), Some(field)) = (cell, target.view.object.field(name.as_str())) {
            hints.entry(*number).or_insert_with(|| type_of(field));
        }
    }
}

/// What a change asks before it is done; none when it asks nothing.
///
/// # Errors
///
/// As reading it.
pub fn question_of(views: &Views, statement: &Statement) -> Result<Option<Statement>> {
    match statement {
        Statement::Insert(insert) => match InsertShape::read(views, insert)?.source {
            Source::Query(query) => Ok(Some(*query)),
            Source::Values(rows) => {
                let computed = rows.into_iter().flatten().enumerate().filter_map(|(n, cell)| match cell {
                    Cell::Computed(expr) => Some(ast::named(*expr, "v", n)),
                    _ => None,
                });
                let items: Vec<SelectItem> = computed.collect();
                if items.is_empty() { Ok(None) } else { ast::select(items, Vec::new(), None).map(Some) }
            }
            Source::Defaults => Ok(None),
        },
        Statement::Update(update) => FoundShape::of_update(views, update)?.question(&[]).map(Some),
        Statement::Delete(delete) => FoundShape::of_delete(views, delete)?.question(&[]).map(Some),
        _ => Ok(None),
    }
}

/// The question whose columns are those of RETURNING; none without it.
///
/// # Errors
///
/// As reading the change.
pub fn returning_of(views: &Views, statement: &Statement) -> Result<Option<Statement>> {
    let (items, from) = match statement {
        Statement::Insert(insert) => {
            let target = InsertShape::read(views, insert)?.target;
            (&insert.returning, vec![ast::table(target.factor)])
        }
        Statement::Update(update) => {
            let target = FoundShape::of_update(views, update)?.target;
            (&update.returning, vec![ast::table(target.factor)])
        }
        Statement::Delete(delete) => (&delete.returning, FoundShape::of_delete(views, delete)?.from),
        _ => return Ok(None),
    };
    items.as_ref().map(|items| ast::select(items.clone(), from, None)).transpose()
}
