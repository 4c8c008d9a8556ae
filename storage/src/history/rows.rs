//! Log entries as the rows that history shows: who, when, what, old, new.
//!
//! What a row says follows from its entry and the names and types in the catalog; and as those of a table never change, any later
//! catalog gives the same rows.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{ArrayRef, BinaryBuilder, Int64Builder, StringViewBuilder, TimestampMicrosecondBuilder},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    record_batch::RecordBatch,
};

use super::text;
use crate::{
    catalog::{Catalog, Table},
    columns,
    error::Result,
    log::{ChangeEntry, Entry, FoundFrame, TableEntry, TransactionEntry},
    schema::{ColumnSpec, ColumnType, TableName, TableSpec},
    store::CommitOrigin,
    value::{Key, Row},
};

/// A batch is handed on past so many rows, or so many bytes.
const BATCH_ROWS: usize = 8_192;
const BATCH_BYTES: usize = 8 << 20;

/// Positions of columns that rows are chosen by.
pub(super) const CSN: usize = 0;
pub(super) const AT: usize = 1;
pub(super) const ACTOR: usize = 2;
pub(super) const TABLE: usize = 5;
pub(super) const KEY: usize = 6;
/// From where it was sent; files of before end here, with the entry itself.
pub(super) const DOOR: usize = 11;
/// The entry itself, in the files only.
pub(super) const FRAME: usize = 15;

/// The columns of history:
///
/// | column | type | |
/// |---|---|---|
/// | `csn` | Int64 | the commit |
/// | `at` | Timestamp(µs, UTC) | the transaction's instant; null for a change of the catalog |
/// | `actor`, `transaction`, `package_version` | Utf8View | as committed; null for a change of the catalog |
/// | `table`, `key` | Utf8View | the row; null for a change of the catalog |
/// | `operation` | Utf8View | `insert`, `update`, `delete`, `catalog` |
/// | `column` | Utf8View | the changed column of an update |
/// | `old`, `new` | Utf8View | its values; of a delete and an insert: the row as a JSON object |
/// | `door`, `address`, `request`, `client` | Utf8View | from where it was sent; null where that is not known |
pub fn history_schema() -> SchemaRef {
    Arc::new(Schema::new(fields()))
}

/// With the entry itself, on the first of its rows.
pub(super) fn file_schema() -> SchemaRef {
    let mut all = fields();
    all.push(Field::new("frame", DataType::Binary, true));
    Arc::new(Schema::new(all))
}

fn fields() -> Vec<Field> {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        Field::new("csn", DataType::Int64, false),
        Field::new("at", time, true),
        text("actor"),
        text("transaction"),
        text("package_version"),
        text("table"),
        text("key"),
        Field::new("operation", DataType::Utf8View, false),
        text("column"),
        text("old"),
        text("new"),
        text("door"),
        text("address"),
        text("request"),
        text("client"),
    ]
}

/// Which changes are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub tables: Option<HashSet<TableName>>,
    pub key: Option<Key>,
    pub actor: Option<String>,
    /// From the first up to but without the second, microseconds.
    pub times: (Option<i64>, Option<i64>),
}

impl Wanted {
    fn transaction(&self, transaction: &TransactionEntry) -> bool {
        let at = transaction.time_micros;
        let (from, to) = self.times;
        from.is_none_or(|from| at >= from)
            && to.is_none_or(|to| at < to)
            && self.actor.as_ref().is_none_or(|actor| *actor == transaction.actor)
    }

    fn table(&self, name: &TableName) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.contains(name))
    }

    fn key(&self, key: &str) -> bool {
        self.key.as_ref().is_none_or(|wanted| **wanted == *key)
    }

    fn catalog(&self) -> bool {
        self.tables.is_none() && self.key.is_none() && self.actor.is_none() && self.times == (None, None)
    }
}

/// Rows of history that grow into a batch.
pub(super) struct Rows {
    csn: Int64Builder,
    at: TimestampMicrosecondBuilder,
    /// From `actor` to `client`.
    texts: Vec<StringViewBuilder>,
    /// In files only.
    frame: Option<BinaryBuilder>,
    /// The entry's frame, until its first row has it.
    pending: Option<Vec<u8>>,
    rows: usize,
    bytes: usize,
}

/// What an entry's rows have in common.
struct Head<'a> {
    csn: i64,
    by: Option<&'a TransactionEntry>,
}

/// The rest of a row.
#[derive(Default)]
struct Cells<'a> {
    table: Option<&'a str>,
    key: Option<&'a str>,
    operation: &'static str,
    column: Option<&'a str>,
    old: Option<String>,
    new: Option<String>,
}

impl Rows {
    /// No rows yet; those for a file also take the frames.
    pub fn new(for_file: bool) -> Rows {
        let at = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Rows {
            csn: Int64Builder::new(),
            at,
            texts: (ACTOR..FRAME).map(|_| StringViewBuilder::new()).collect(),
            frame: for_file.then(BinaryBuilder::new),
            pending: None,
            rows: 0,
            bytes: 0,
        }
    }

    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds what is wanted of an entry. In a file, every entry has a row at least, which has its frame.
    pub fn add(&mut self, catalog: &Catalog, csn: u64, entry: &Entry, wanted: &Wanted) -> Result<()> {
        let csn = i64::try_from(csn).unwrap_or(i64::MAX);
        match entry {
            Entry::Catalog(specs) => {
                if wanted.catalog() {
                    let new = Some(catalog_json(specs));
                    self.push(
                        &Head { csn, by: None },
                        Cells { operation: "catalog", new, ..Cells::default() },
                    );
                }
            }
            Entry::Transaction(transaction) if wanted.transaction(transaction) => {
                let head = Head { csn, by: Some(transaction) };
                for changes in &transaction.tables {
                    let table = catalog.must_by_id(changes.table)?;
                    if wanted.table(&table.spec.name) {
                        self.table(&head, table, changes, wanted)?;
                    }
                }
                if self.pending.is_some() {
                    self.push(&head, Cells { operation: "nothing", ..Cells::default() });
                }
            }
            Entry::Load(load) if wanted.transaction(&load.by) => {
                let head = Head { csn, by: Some(&load.by) };
                for loaded in &load.tables {
                    let table = catalog.must_by_id(loaded.table)?;
                    // Which rows it were, only their segments know.
                    if wanted.table(&table.spec.name) && wanted.key.is_none() {
                        let rows: u64 = loaded.segments.iter().map(|segment| u64::from(segment.rows)).sum();
                        let (table, new) = (Some(&*table.spec.name), Some(format!("{{\"rows\":{rows}}}")));
                        self.push(&head, Cells { table, new, operation: "load", ..Cells::default() });
                    }
                }
                if self.pending.is_some() {
                    self.push(&head, Cells { operation: "nothing", ..Cells::default() });
                }
            }
            Entry::Checkpoint(checkpoint) => {
                let is_wanted = wanted.tables.is_none() && wanted.key.is_none();
                if is_wanted && wanted.transaction(&checkpoint.by) {
                    let hash: String = checkpoint.hash.iter().map(|byte| format!("{byte:02x}")).collect();
                    let new = Some(format!("{{\"upTo\":{},\"hash\":\"{hash}\"}}", checkpoint.csn));
                    let head = Head { csn, by: Some(&checkpoint.by) };
                    self.push(&head, Cells { operation: "checkpoint", new, ..Cells::default() });
                }
            }
            Entry::Transaction(_) | Entry::Load(_) => {}
        }
        Ok(())
    }

    /// As [`Self::add`], all of it, with its frame.
    pub fn add_framed(&mut self, catalog: &Catalog, csn: u64, entry: &Entry, frame: Vec<u8>) -> Result<()> {
        self.bytes += frame.len();
        self.pending = Some(frame);
        self.add(catalog, csn, entry, &Wanted::default())
    }

    fn table(&mut self, head: &Head<'_>, table: &Table, changes: &TableEntry, wanted: &Wanted) -> Result<()> {
        let columns = table.spec.columns.as_slice();
        let name = Some(&*table.spec.name);
        for change in &changes.changes {
            let key = key(change)?;
            if !wanted.key(key) {
                continue;
            }
            let cells = |operation| Cells { table: name, key: Some(key), operation, ..Cells::default() };
            match change {
                ChangeEntry::Insert(row) => {
                    self.push(head, Cells { new: Some(text::json(columns, row)), ..cells("insert") });
                }
                ChangeEntry::Delete(row) => {
                    self.push(head, Cells { old: Some(text::json(columns, row)), ..cells("delete") });
                }
                ChangeEntry::Update { fields, .. } if fields.is_empty() => self.push(head, cells("update")),
                ChangeEntry::Update { fields, .. } => {
                    for (at, old, new) in fields {
                        let column = usize::try_from(*at).ok().and_then(|at| columns.get(at));
                        let kind = column.map_or(ColumnType::Text, |column| column.column_type);
                        let (old, new) = (text::text(kind, old), text::text(kind, new));
                        let column = column.map(|column: &ColumnSpec| &*column.name);
                        self.push(head, Cells { column, old, new, ..cells("update") });
                    }
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, head: &Head<'_>, cells: Cells<'_>) {
        self.csn.append_value(head.csn);
        self.at.append_option(head.by.map(|by| by.time_micros));
        let origin = head.by.and_then(|by| by.origin.as_ref());
        let told = |part: fn(&CommitOrigin) -> &String| {
            origin.map(|origin| part(origin).as_str()).filter(|text| !text.is_empty())
        };
        let texts = [
            head.by.map(|by| by.actor.as_str()),
            head.by.map(|by| by.transaction.as_str()),
            head.by.map(|by| by.package_version.as_str()),
            cells.table,
            cells.key,
            Some(cells.operation),
            cells.column,
            cells.old.as_deref(),
            cells.new.as_deref(),
            told(|origin| &origin.door),
            told(|origin| &origin.address),
            told(|origin| &origin.request),
            told(|origin| &origin.client),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            self.bytes += 16 + text.map_or(0, str::len);
            builder.append_option(text);
        }
        if let Some(frames) = &mut self.frame {
            frames.append_option(self.pending.take());
        }
        self.rows += 1;
    }

    /// The rows so far.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(self.csn.finish()), Arc::new(self.at.finish())];
        arrays.extend(self.texts.iter_mut().map(|texts| Arc::new(texts.finish()) as ArrayRef));
        let schema = match &mut self.frame {
            Some(frames) => {
                arrays.push(Arc::new(frames.finish()));
                file_schema()
            }
            None => history_schema(),
        };
        self.bytes = 0;
        columns::record_batch(schema, arrays, std::mem::take(&mut self.rows))
    }
}

/// All rows of an entry.
pub(crate) fn rows_of(catalog: &Catalog, frame: &FoundFrame, entry: &Entry) -> Result<RecordBatch> {
    let mut rows = Rows::new(true);
    rows.add_framed(catalog, frame.csn, entry, frame.bytes.clone())?;
    let shown = rows.take()?;
    let columns: Vec<usize> = (0..FRAME).collect();
    shown.project(&columns).map_err(columns::arrow_error)
}

/// The key of the changed row.
fn key(change: &ChangeEntry) -> Result<&Key> {
    match change {
        ChangeEntry::Insert(row) | ChangeEntry::Delete(row) => Row::key(row),
        ChangeEntry::Update { key, .. } => Ok(key),
    }
}

/// The tables as a JSON object: per table an object of its columns and their types.
fn catalog_json(specs: &[Arc<TableSpec>]) -> String {
    let mut out = String::from("{");
    for (number, spec) in specs.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        text::quote(&mut out, &spec.name);
        out.push_str(":{");
        for (number, column) in spec.columns.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            text::quote(&mut out, &column.name);
            out.push(':');
            text::quote(&mut out, &type_name(column.column_type));
        }
        out.push('}');
    }
    out.push('}');
    out
}

fn type_name(kind: ColumnType) -> String {
    let name = match kind {
        ColumnType::Bool => "bool",
        ColumnType::Int => "int",
        ColumnType::Float => "float",
        ColumnType::Decimal { precision, scale } => return format!("decimal({precision},{scale})"),
        ColumnType::Text => "text",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::Timestamp => "timestamp",
        ColumnType::TextList => "text list",
        ColumnType::Bytes => "bytes",
    };
    name.to_string()
}
