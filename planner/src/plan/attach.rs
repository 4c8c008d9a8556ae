//! Bringing related records along: one plan per level and batch of parents.
//!
//! A batch of parents gives the keys; storage's index gives the rows of the children as a row set; one plan reads,
//! filters and sorts them; its rows are dealt out to their parents as they come, limit and offset per parent. Then
//! the same for the children's own relations. Memory holds the kept children of one batch of parents, and no more
//! than `expand_rows_max` of them.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, RecordBatchOptions, StructArray,
        UInt32Array,
    },
    buffer::OffsetBuffer,
    compute::{concat_batches, take, take_record_batch},
    datatypes::{DataType, Field},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, future::try_join_all};
use quarry_storage::{RowSet, Value};

use super::{
    Question,
    records::{Output, Records},
};
use crate::{
    error::{Error, Result},
    view::Restriction,
};

/// A relation to bring along.
pub(crate) struct Attach {
    /// Several records per parent.
    pub(crate) many: bool,
    /// The column of the parents' plan that holds the key.
    pub(crate) parent_key: usize,
    /// The column of the children's plan that holds it.
    pub(crate) child_key: usize,
    /// The child's column of that key.
    pub(crate) link: String,
    /// What to bring.
    pub(crate) child: Records,
}

/// What an attach brought for one batch of parents.
struct Attached {
    /// A struct or a list of structs per parent.
    values: ArrayRef,
    /// Children per parent without limit and offset.
    counts: Vec<u64>,
}

/// Makes batches of the answer from batches of the plan.
pub(crate) fn assemble<'a>(
    records: &'a Records,
    question: &'a Question,
    batch: RecordBatch,
) -> BoxFuture<'a, Result<RecordBatch>> {
    async move {
        let attached =
            try_join_all(records.attaches.iter().map(|attach| attach.bring(question, &batch))).await?;
        let gone = || Error::internal("the plan gave fewer columns than were asked");
        let mut columns = Vec::with_capacity(records.outputs.len());
        for output in &records.outputs {
            columns.push(match output {
                Output::Column(index) => batch.columns().get(*index).cloned().ok_or_else(gone)?,
                Output::Attached(index) => Arc::clone(&attached.get(*index).ok_or_else(gone)?.values),
                Output::Inner { attach, column } => {
                    let record = &attached.get(*attach).ok_or_else(gone)?.values;
                    record.as_struct().columns().get(*column).cloned().ok_or_else(gone)?
                }
                Output::Count(index) => {
                    let counts = &attached.get(*index).ok_or_else(gone)?.counts;
                    let counts = counts.iter().map(|count| i64::try_from(*count).ok());
                    Arc::new(counts.collect::<Int64Array>()) as ArrayRef
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&records.schema), columns, &options)?)
    }
    .boxed()
}

impl Attach {
    async fn bring(&self, question: &Question, parents: &RecordBatch) -> Result<Attached> {
        let gone = || Error::internal("the plan has no key column");
        let keys = parents.columns().get(self.parent_key).ok_or_else(gone)?.as_string_view();
        let mut groups: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
        for key in keys.iter().flatten() {
            let next = groups.len();
            groups.entry(key).or_insert(next);
        }
        let rows = self.find(question, groups.keys().map(|key| Arc::from(*key)).collect()).await?;
        let dealt = self.deal(question, rows, &groups).await?;
        let children = StructArray::from(assemble(&self.child, question, dealt.children).await?);
        let group_of = |key: Option<&str>| key.and_then(|key| groups.get(key).copied());
        let group_of_parent: Vec<Option<usize>> = keys.iter().map(group_of).collect();
        let of = |list: &[u64], group: &Option<usize>| group.and_then(|g| list.get(g).copied()).unwrap_or(0);
        let counts = group_of_parent.iter().map(|group| of(&dealt.counts, group)).collect();
        let values = match self.many {
            true => lists(&children, &dealt.members, &group_of_parent)?,
            false => {
                let member = |group: &Option<usize>| dealt.members.get((*group)?)?.first().copied();
                let indices: UInt32Array = group_of_parent.iter().map(member).collect();
                take(&children, &indices, None)?
            }
        };
        Ok(Attached { values, counts })
    }

    /// The rows of the children, by their index.
    async fn find(&self, question: &Question, keys: Vec<Arc<str>>) -> Result<RowSet> {
        let table = question.context.snapshot.table(self.child.table())?;
        let (link, many) = (self.link.clone(), self.many);
        let find = move || {
            if !many {
                return table.keys(&keys);
            }
            let values: Vec<Value> = keys.into_iter().map(Value::Text).collect();
            table.lookup(&link, &values)
        };
        let found = tokio::task::spawn_blocking(find).await;
        Ok(found.map_err(|error| Error::internal(error.to_string()))??)
    }

    /// Reads the children and deals them out to their parents.
    async fn deal(&self, question: &Question, rows: RowSet, groups: &HashMap<&str, usize>) -> Result<Dealt> {
        let empty = rows.is_empty();
        let plan = self.child.plan(&question.context.snapshot, Restriction::Rows(rows), true)?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let mut dealing = Dealing {
            attach: self,
            members: vec![Vec::new(); groups.len()],
            counts: vec![0; groups.len()],
            kept: Vec::new(),
            kept_rows: 0,
            rows_max: question.options.expand_rows_max,
        };
        let mut schema = schema;
        if !empty {
            let mut stream = question.stream(&plan).await?;
            schema = stream.schema();
            while let Some(batch) = stream.next().await {
                dealing.take(batch?, groups)?;
            }
        }
        let children = concat_batches(&schema, &dealing.kept)?;
        Ok(Dealt { children, members: dealing.members, counts: dealing.counts })
    }
}

/// Children read, and whose they are.
struct Dealt {
    children: RecordBatch,
    /// Per group of parents with one key: its children's positions in `children`.
    members: Vec<Vec<u32>>,
    counts: Vec<u64>,
}

struct Dealing<'a> {
    attach: &'a Attach,
    members: Vec<Vec<u32>>,
    counts: Vec<u64>,
    kept: Vec<RecordBatch>,
    kept_rows: u64,
    rows_max: u64,
}

impl Dealing<'_> {
    /// Keeps those rows of a batch that are in their parent's window.
    fn take(&mut self, batch: RecordBatch, groups: &HashMap<&str, usize>) -> Result<()> {
        let gone = || Error::internal("the children's plan has no key column");
        let keys = batch.columns().get(self.attach.child_key).ok_or_else(gone)?.as_string_view();
        let (offset, limit) = (self.attach.child.offset, self.attach.child.limit.unwrap_or(u64::MAX));
        let mut kept: Vec<u32> = Vec::with_capacity(batch.num_rows());
        for (row, key) in (0u32..).zip(keys.iter()) {
            let Some(group) = key.and_then(|key| groups.get(key).copied()) else { continue };
            let (Some(count), Some(members)) = (self.counts.get_mut(group), self.members.get_mut(group))
            else {
                continue;
            };
            let position = *count;
            *count += 1;
            if position < offset || position - offset >= limit {
                continue;
            }
            if self.kept_rows >= self.rows_max {
                let message =
                    format!("an expand brings at most {} records per level: ask for less", self.rows_max);
                return Err(Error::limited("expand", message));
            }
            members.push(u32::try_from(self.kept_rows).map_err(|error| Error::internal(error.to_string()))?);
            self.kept_rows += 1;
            kept.push(row);
        }
        if kept.len() == batch.num_rows() {
            self.kept.push(batch);
        } else if !kept.is_empty() {
            self.kept.push(take_record_batch(&batch, &UInt32Array::from(kept))?);
        }
        Ok(())
    }
}

/// A list of children per parent, in the order in which they came.
fn lists(children: &StructArray, members: &[Vec<u32>], parents: &[Option<usize>]) -> Result<ArrayRef> {
    let of =
        |group: &Option<usize>| group.and_then(|group| members.get(group)).map_or(&[][..], Vec::as_slice);
    let lengths = parents.iter().map(|group| of(group).len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let indices: UInt32Array = parents.iter().flat_map(of).copied().collect::<Vec<u32>>().into();
    let values = take(children, &indices, None)?;
    let item = Arc::new(Field::new("item", DataType::Struct(children.fields().clone()), true));
    Ok(Arc::new(ListArray::try_new(item, offsets, values, None)?))
}
