//! Connections: lists of records with their page and their numbers.

use std::ops::Range;

use arrow::{
    array::{Array, AsArray, ListArray, StructArray},
    datatypes::ArrowNativeType,
};

use super::{
    BoundObject, Numbers, Out, ParentNumbers, Texts, ValueCells, column, count_cells, count_column,
    must_column, write_absent,
};
use crate::{
    compile::{
        COUNT, ConnectionItem, ConnectionPlan, CountFrom, CursorPlan, EdgeItem, KeyBytes, ObjectPlan,
        PageItem, ToMany, encode, encode_position,
    },
    error::{Failure, Result},
};

/// A connection over the arrays that hold its records.
pub(crate) struct BoundConnection<'a> {
    plan: &'a ConnectionPlan,
    items: Vec<(&'a [u8], Bound<'a>)>,
    cursors: Vec<ValueCells<'a>>,
    list: Option<&'a ListArray>,
    count: Count<'a>,
    parents: Option<(Texts<'a>, &'a ParentNumbers)>,
}

enum Bound<'a> {
    Text(&'a [u8]),
    TotalCount,
    Nodes(BoundObject<'a>),
    Edges(Vec<(&'a [u8], BoundEdge<'a>)>),
    PageInfo(&'a [(KeyBytes, PageItem)]),
    Numbers(&'a ObjectPlan, &'a StructArray, BoundObject<'a>),
    Groups(BoundObject<'a>, usize),
}

enum BoundEdge<'a> {
    Text(&'a [u8]),
    Node(BoundObject<'a>),
    Cursor,
}

enum Count<'a> {
    Unknown,
    Known(u64),
    /// A column beside the list.
    Beside(ValueCells<'a>),
    /// A column of the numbers.
    Numbers(ValueCells<'a>),
}

/// What was fetched for a list at the root.
pub(crate) struct RootRows {
    pub rows: StructArray,
    pub count: Option<u64>,
    pub aggregate: Option<StructArray>,
    pub groups: Vec<StructArray>,
    pub numbers: Numbers,
}

/// Which records of the arrays are the list's, and which row of the numbers.
struct Part {
    range: Range<usize>,
    parent: usize,
    numbers: Option<usize>,
}

impl<'a> BoundConnection<'a> {
    /// A list at the root.
    ///
    /// # Errors
    ///
    /// Internal when a column is missing.
    pub fn root(plan: &'a ConnectionPlan, fetched: &'a RootRows) -> Result<Self> {
        let count = match (plan.count, fetched.count, &fetched.aggregate) {
            (CountFrom::Nowhere, _, _) => Count::Unknown,
            (CountFrom::Rows, Some(count), _) => Count::Known(count),
            (CountFrom::Aggregate, _, Some(numbers)) => Count::Numbers(count_cells(numbers, COUNT)?),
            _ => return Err(Failure::internal("the answer has no count")),
        };
        let bind = Bind {
            rows: Some(&fetched.rows),
            aggregate: fetched.aggregate.as_ref(),
            numbers: &fetched.numbers,
        };
        let items = bind.items(plan, &fetched.groups)?;
        Ok(Self { plan, items, cursors: bind.cursors(plan)?, list: None, count, parents: None })
    }

    /// A related list in the rows of its parents.
    ///
    /// # Errors
    ///
    /// Internal when a column is missing.
    pub fn nested(many: &'a ToMany, parents: &'a StructArray, numbers: &'a Numbers) -> Result<Self> {
        let plan = &many.connection;
        let list = match &many.column {
            Some(name) => {
                let list = must_column(parents, name)?.as_list_opt::<i32>();
                Some(list.ok_or_else(|| Failure::internal(format!("{name} is no list")))?)
            }
            None => None,
        };
        let mine = numbers.get(&many.site);
        let beside = many.column.as_ref().and_then(|name| column(parents, &count_column(name)));
        let count = match (plan.count, beside, mine) {
            (CountFrom::Nowhere, _, _) => Count::Unknown,
            (CountFrom::Rows, Some(array), _) => Count::Beside(ValueCells::stored(array, false)?),
            (CountFrom::Aggregate, _, Some(mine)) => Count::Numbers(count_cells(&mine.rows, COUNT)?),
            _ => return Err(Failure::internal("the answer has no count for a related list")),
        };
        let rows = list.and_then(|list| list.values().as_struct_opt());
        let bind = Bind { rows, aggregate: mine.map(|mine| &mine.rows), numbers };
        let items = bind.items(plan, &[])?;
        let parents = match (&many.parent, mine) {
            (Some(parent), Some(mine)) => Some((Texts::new(must_column(parents, parent)?)?, mine)),
            _ => None,
        };
        Ok(Self { plan, items, cursors: bind.cursors(plan)?, list, count, parents })
    }

    /// Appends the connection at the root.
    ///
    /// # Errors
    ///
    /// `Limit` when the response grows too large.
    pub fn write_root(&self, rows: usize, out: &mut Out) -> Result<()> {
        self.write(&Part { range: 0..rows, parent: 0, numbers: Some(0) }, out)
    }

    /// Appends the connection of one parent.
    ///
    /// # Errors
    ///
    /// `Limit` when the response grows too large.
    pub fn write_of(&self, parent: usize, out: &mut Out) -> Result<()> {
        let range = self.list.filter(|list| list.is_valid(parent)).map_or(0..0, |list| {
            let offsets = list.value_offsets();
            offsets[parent].as_usize()..offsets[parent + 1].as_usize()
        });
        let numbers =
            self.parents.as_ref().and_then(|(ids, numbers)| numbers.by_parent.get(ids.get(parent)?)).copied();
        self.write(&Part { range, parent, numbers }, out)
    }

    fn write(&self, part: &Part, out: &mut Out) -> Result<()> {
        let page = self.plan.page;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let shown = part.range.len().min(limit);
        let more = part.range.len() > shown;
        let start = part.range.start;
        let record = |place: usize| if page.backwards { start + shown - 1 - place } else { start + place };
        out.object(&self.items, |out, item| {
            match item {
                Bound::Text(text) => out.push(text),
                Bound::TotalCount => self.write_count(part, out),
                Bound::Nodes(object) => out.list(0..shown, |out, place| {
                    object.write(record(place), out)?;
                    out.check()
                })?,
                Bound::Edges(items) => out.list(0..shown, |out, place| {
                    out.object(items, |out, item| {
                        match item {
                            BoundEdge::Text(text) => out.push(text),
                            BoundEdge::Node(object) => object.write(record(place), out)?,
                            BoundEdge::Cursor => self.write_cursor(record(place), place, out),
                        }
                        Ok(())
                    })?;
                    out.check()
                })?,
                Bound::PageInfo(items) => out.object(items, |out, item| {
                    match item {
                        PageItem::Text(text) => out.push(text),
                        PageItem::HasNext => flag(if page.backwards { page.precedes } else { more }, out),
                        PageItem::HasPrevious => flag(if page.backwards { more } else { page.follows }, out),
                        PageItem::Start | PageItem::End if shown == 0 => out.push(b"null"),
                        PageItem::Start => self.write_cursor(record(0), 0, out),
                        PageItem::End => self.write_cursor(record(shown - 1), shown - 1, out),
                    }
                    Ok(())
                })?,
                Bound::Numbers(plan, rows, object) => match part.numbers {
                    Some(row) => object.write(row, out)?,
                    None => write_absent(plan, rows, out)?,
                },
                Bound::Groups(object, rows) => out.list(0..*rows, |out, row| object.write(row, out))?,
            }
            Ok(())
        })
    }

    fn write_count(&self, part: &Part, out: &mut Out) {
        match (&self.count, part.numbers) {
            (Count::Known(count), _) => out.push(count.to_string().as_bytes()),
            (Count::Beside(cells), _) => cells.write(part.parent, &mut out.bytes),
            (Count::Numbers(cells), Some(row)) => cells.write(row, &mut out.bytes),
            (Count::Numbers(_), None) => out.push(b"0"),
            (Count::Unknown, _) => out.push(b"null"),
        }
    }

    fn write_cursor(&self, row: usize, place: usize, out: &mut Out) {
        let cursor = match &self.plan.cursors {
            CursorPlan::Position => encode_position(
                self.plan.page.offset.saturating_add(u64::try_from(place).unwrap_or(u64::MAX)),
            ),
            CursorPlan::Keys { spelling, .. } => {
                let mut keys = Vec::new();
                for cells in &self.cursors {
                    keys.push(b',');
                    cells.write(row, &mut keys);
                }
                encode(spelling, &keys)
            }
        };
        quarry_json::write_text(&cursor, &mut out.bytes);
    }
}

fn flag(flag: bool, out: &mut Out) {
    out.push(if flag { b"true" } else { b"false" });
}

/// The arrays that a connection's plan is bound to; no rows where none were asked for.
struct Bind<'a> {
    rows: Option<&'a StructArray>,
    aggregate: Option<&'a StructArray>,
    numbers: &'a Numbers,
}

impl<'a> Bind<'a> {
    fn rows(&self) -> Result<&'a StructArray> {
        self.rows.ok_or_else(|| Failure::internal("the answer has no records"))
    }

    fn items(
        &self,
        plan: &'a ConnectionPlan,
        groups: &'a [StructArray],
    ) -> Result<Vec<(&'a [u8], Bound<'a>)>> {
        let object = |plan: &'a ObjectPlan| BoundObject::new(plan, self.rows()?, self.numbers);
        let mut items = Vec::with_capacity(plan.items.len());
        for (key, item) in &plan.items {
            let bound = match item {
                ConnectionItem::Text(text) => Bound::Text(text),
                ConnectionItem::TotalCount => Bound::TotalCount,
                ConnectionItem::Nodes(plan) => Bound::Nodes(object(plan)?),
                ConnectionItem::Edges(edges) => {
                    let edges = edges.iter().map(|(key, item)| {
                        let bound = match item {
                            EdgeItem::Text(text) => BoundEdge::Text(text),
                            EdgeItem::Node(plan) => BoundEdge::Node(object(plan)?),
                            EdgeItem::Cursor => BoundEdge::Cursor,
                        };
                        Ok((key.as_slice(), bound))
                    });
                    Bound::Edges(edges.collect::<Result<_>>()?)
                }
                ConnectionItem::PageInfo(items) => Bound::PageInfo(items),
                ConnectionItem::Aggregate(plan) => {
                    let rows =
                        self.aggregate.ok_or_else(|| Failure::internal("the answer has no aggregates"))?;
                    Bound::Numbers(plan, rows, BoundObject::new(plan, rows, self.numbers)?)
                }
                ConnectionItem::Groups(index) => {
                    let (plan, rows) = plan
                        .groups
                        .get(*index)
                        .zip(groups.get(*index))
                        .ok_or_else(|| Failure::internal("the answer has no groups"))?;
                    Bound::Groups(BoundObject::new(&plan.object, rows, self.numbers)?, rows.len())
                }
            };
            items.push((key.as_slice(), bound));
        }
        Ok(items)
    }

    fn cursors(&self, plan: &'a ConnectionPlan) -> Result<Vec<ValueCells<'a>>> {
        match &plan.cursors {
            CursorPlan::Position => Ok(Vec::new()),
            CursorPlan::Keys { columns, .. } => columns
                .iter()
                .map(|(name, _)| ValueCells::stored(must_column(self.rows()?, name)?, false))
                .collect(),
        }
    }
}
