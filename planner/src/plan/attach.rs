//! Bringing related records along: one plan per level and batch of parents.
//!
//! A batch of parents gives the keys; storage's index gives the rows of the children as a row set; one plan reads,
//! filters and sorts them; its rows are dealt out to their parents as they come, limit and offset per parent. Then
//! the same for the children's own relations. Memory holds what was brought for one batch of the answer, on all
//! levels: no more than `expand_rows_max` records, and their bytes are taken from the pool of all questions
//! ([`Kept`]). A record is read once, but stands in the answer below each record that leads to it: what is counted there
//! is how often it stands, with all below it, before it is put there. How many relations a question may bring is limited where it is resolved; a few are read at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, RecordBatchOptions, StructArray,
        UInt32Array,
    },
    buffer::OffsetBuffer,
    compute::{concat_batches, take, take_record_batch},
    datatypes::{DataType, Field},
};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::{FutureExt, StreamExt, future::BoxFuture, future::try_join_all};
use quarry_storage::{RowSet, Value};

use super::{
    Question,
    records::{Output, Records},
};
use crate::{
    answer::bytes_of,
    error::{Error, Result},
    run::{Gone, apart, aside},
    view::Restriction,
};

/// More keys than so many are looked up by another thread: who asks for a whole batch has others waiting for its thread.
const KEYS_ASIDE_MAX: usize = 64;

/// A relation to bring along.
pub(crate) struct Attach {
    /// How many records a parent has at the other end.
    pub(crate) ends: Ends,
    /// The column of the parents' plan that holds the key, or the keys.
    pub(crate) parent_key: usize,
    /// The column of the children's plan that holds it.
    pub(crate) child_key: usize,
    /// The child's column of that key.
    pub(crate) link: String,
    /// What to bring.
    pub(crate) child: Records,
}

/// How many records stand at the other end of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// That of the parent's lookup.
    One,
    /// Those of the parent's list of references, in its order.
    Several,
    /// Those whose lookup is the parent.
    Many,
}

/// What an attach brought for one batch of parents.
struct Attached {
    /// A struct or a list of structs per parent.
    values: ArrayRef,
    /// Children per parent without limit and offset.
    counts: Vec<u64>,
    /// Records that stand below each parent, on all levels.
    weights: Vec<u64>,
}

/// What all levels bring along for one batch of the answer. Its memory goes back to the pool with it.
struct Kept {
    rows: AtomicU64,
    rows_max: u64,
    bytes: MemoryReservation,
}

impl Kept {
    fn new(question: &Question) -> Kept {
        let shared = &question.small.runtime_env().memory_pool;
        let pool = question.context.memory.as_ref().map_or(shared, |share| share.pool());
        let bytes = MemoryConsumer::new("expand").register(pool);
        Kept { rows: AtomicU64::new(0), rows_max: question.options.expand_rows_max, bytes }
    }

    /// Takes one more record in.
    fn row(&self) -> Result<()> {
        if self.rows.fetch_add(1, Ordering::Relaxed) < self.rows_max {
            return Ok(());
        }
        Err(self.too_many())
    }

    fn too_many(&self) -> Error {
        let message = format!(
            "a question brings at most {} related records at a time (expand_rows_max): ask for less",
            self.rows_max
        );
        Error::limited("expand", message)
    }

    /// Takes in so many records at once, each as often as it stands in the answer.
    fn standing(&self, weights: &[u64]) -> Result<()> {
        let all = weights.iter().copied().fold(0, u64::saturating_add);
        if all > self.rows_max { Err(self.too_many()) } else { Ok(()) }
    }

    /// Takes the memory of records that stand in several places.
    fn copies(&self, values: &ArrayRef, children: usize, places: usize) -> Result<()> {
        if places <= children {
            return Ok(());
        }
        self.grow(values.get_array_memory_size())
    }

    /// Takes the memory of a batch: as it came, and once more as it is dealt out.
    fn batch(&self, batch: &RecordBatch) -> Result<()> {
        self.grow(bytes_of(batch).saturating_mul(2))
    }

    fn grow(&self, bytes: usize) -> Result<()> {
        self.bytes.try_grow(bytes).map_err(|_| {
            let message = "the related records don't fit into the memory of all questions (memory_bytes): \
                           ask for less, or later";
            Error::limited("expand", message)
        })
    }
}

/// Makes a batch of the answer from a batch of the plan.
pub(crate) async fn assemble(
    records: &Records,
    question: &Question,
    batch: RecordBatch,
) -> Result<RecordBatch> {
    Ok(level(records, question, &Kept::new(question), batch).await?.0)
}

/// The same on every level; with it how many records each one is with all below it.
fn level<'a>(
    records: &'a Records,
    question: &'a Question,
    kept: &'a Kept,
    batch: RecordBatch,
) -> BoxFuture<'a, Result<(RecordBatch, Vec<u64>)>> {
    async move {
        let attached =
            try_join_all(records.attaches.iter().map(|attach| attach.bring(question, kept, &batch))).await?;
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
        let below =
            |row: usize| attached.iter().filter_map(move |attached| attached.weights.get(row).copied());
        let weights = (0..batch.num_rows()).map(|row| below(row).fold(1, u64::saturating_add)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok((RecordBatch::try_new_with_options(Arc::clone(&records.schema), columns, &options)?, weights))
    }
    .boxed()
}

impl Attach {
    async fn bring(&self, question: &Question, kept: &Kept, parents: &RecordBatch) -> Result<Attached> {
        let gone = || Error::internal("the plan has no key column");
        let keys = keys_of(parents.columns().get(self.parent_key).ok_or_else(gone)?)?;
        let mut groups: HashMap<&str, usize> = HashMap::with_capacity(keys.len());
        for key in keys.iter().flatten() {
            let next = groups.len();
            groups.entry(key).or_insert(next);
        }
        let dealt = {
            // Given back before the levels below take theirs, so none waits for one that waits.
            let turn = question.expanding.acquire().await;
            let _turn = turn.map_err(|error| Error::internal(error.to_string()))?;
            let rows = self.find(question, groups.keys().map(|key| Arc::from(*key)).collect()).await?;
            self.deal(question, kept, rows, &groups).await?
        };
        let (children, weights) = level(&self.child, question, kept, dealt.children).await?;
        let children = StructArray::from(children);
        let groups_of_parent: Vec<Vec<usize>> = keys
            .iter()
            .map(|keys| keys.iter().filter_map(|key| groups.get(key).copied()).collect())
            .collect();
        let counts = groups_of_parent
            .iter()
            .map(|own| own.iter().filter_map(|group| dealt.counts.get(*group)).sum())
            .collect();
        let places = self.places(&dealt.members, &groups_of_parent);
        let weight = |child: &u32| usize::try_from(*child).ok().and_then(|child| weights.get(child).copied());
        let weights: Vec<u64> =
            places.iter().map(|own| own.iter().filter_map(weight).fold(0, u64::saturating_add)).collect();
        kept.standing(&weights)?;
        let values = match self.ends {
            Ends::Several | Ends::Many => lists(&children, &places)?,
            Ends::One => take(
                &children,
                &places.iter().map(|own| own.first().copied()).collect::<UInt32Array>(),
                None,
            )?,
        };
        kept.copies(&values, Array::len(&children), places.iter().map(Vec::len).sum())?;
        Ok(Attached { values, counts, weights })
    }

    /// The children of each parent, by their places, in the order in which they came or in that of the parent's own list.
    fn places(&self, members: &[Vec<u32>], parents: &[Vec<usize>]) -> Vec<Vec<u32>> {
        let most = if self.ends == Ends::One { 1 } else { usize::MAX };
        let of = |own: &Vec<usize>| -> Vec<u32> {
            own.iter().filter_map(|group| members.get(*group)).flatten().copied().take(most).collect()
        };
        parents.iter().map(of).collect()
    }

    /// The rows of the children, by their index.
    async fn find(&self, question: &Question, keys: Vec<Arc<str>>) -> Result<RowSet> {
        let table = question.context.snapshot.table(self.child.table())?;
        let (link, ends) = (self.link.clone(), self.ends);
        let are_few = keys.len() <= KEYS_ASIDE_MAX;
        let find = move |gone: &Gone| {
            gone.check()?;
            if ends != Ends::Many {
                return Ok(table.keys(&keys)?);
            }
            let values: Vec<Value> = keys.into_iter().map(Value::Text).collect();
            Ok(table.lookup(&link, &values)?)
        };
        match are_few {
            true => aside(&question.deadline, self.child.view().pace(), find).await,
            false => apart(&question.deadline, find).await,
        }
    }

    /// Reads the children and deals them out to their parents.
    async fn deal(
        &self,
        question: &Question,
        kept: &Kept,
        rows: RowSet,
        groups: &HashMap<&str, usize>,
    ) -> Result<Dealt> {
        let restriction = Restriction::Rows(rows);
        let direct = question.direct(&self.child, restriction.clone()).await?;
        let mut dealing = Dealing {
            attach: self,
            members: vec![Vec::new(); groups.len()],
            counts: vec![0; groups.len()],
            batches: Vec::new(),
            rows: 0,
            kept,
        };
        let schema = match direct {
            Some(batch) => {
                let schema = batch.schema();
                dealing.take(batch, groups)?;
                schema
            }
            None => {
                let plan = self.child.plan(&question.context.seeing(), restriction, true)?;
                let mut stream = question.stream(&plan).await?;
                while let Some(batch) = stream.next().await {
                    dealing.take(batch?, groups)?;
                }
                stream.schema()
            }
        };
        let children = concat_batches(&schema, &dealing.batches)?;
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
    batches: Vec<RecordBatch>,
    rows: u32,
    kept: &'a Kept,
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
            self.kept.row()?;
            members.push(self.rows);
            let more = self.rows.checked_add(1);
            self.rows =
                more.ok_or_else(|| Error::limited("expand", "too many related records: ask for less"))?;
            kept.push(row);
        }
        let batch = match kept.len() {
            0 => return Ok(()),
            all if all == batch.num_rows() => batch,
            _ => take_record_batch(&batch, &UInt32Array::from(kept))?,
        };
        self.kept.batch(&batch)?;
        self.batches.push(batch);
        Ok(())
    }
}

/// The keys of every parent: one, none, or those of its list.
fn keys_of(column: &ArrayRef) -> Result<Vec<Vec<&str>>> {
    let odd = || Error::internal("a key column is no text");
    if let Some(lists) = column.as_list_opt::<i32>() {
        let items = lists.values().as_string_opt::<i32>().ok_or_else(odd)?;
        let ends = lists.value_offsets().windows(2).enumerate();
        let place = |at: i32| usize::try_from(at).unwrap_or(0);
        let keys = ends.map(|(row, ends)| match ends {
            [from, until] if lists.is_valid(row) => {
                (place(*from)..place(*until)).map(|item| items.value(item)).collect()
            }
            _ => Vec::new(),
        });
        return Ok(keys.collect());
    }
    let keys = column.as_string_view_opt().ok_or_else(odd)?;
    Ok(keys.iter().map(|key| key.into_iter().collect()).collect())
}

/// A list of children per parent.
fn lists(children: &StructArray, places: &[Vec<u32>]) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(places.iter().map(Vec::len));
    let indices: UInt32Array = places.iter().flatten().copied().collect::<Vec<u32>>().into();
    let values = take(children, &indices, None)?;
    let item = Arc::new(Field::new("item", DataType::Struct(children.fields().clone()), true));
    Ok(Arc::new(ListArray::try_new(item, offsets, values, None)?))
}
