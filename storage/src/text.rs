//! A Tantivy index over some rows: of a segment, on disk; of a piece of a delta or of own writes, in memory.
//!
//! The document's number is the row's. A searchable column is a text field `t<position>`, tokenized; what rows are
//! found by is a bytes field of the name of its [`Indexed`], that holds the row's term ([`crate::term`]). Deltas have hash
//! maps for the values, so their indexes hold the text fields alone. Nothing is stored.
//!
//! In a folder of this machine, Tantivy writes its files itself and maps them into memory to read them: they are in
//! the system's page cache, which gives them back when memory is short. Anywhere else an index is made in memory and
//! then put there file by file, and read by ranges ([`directory`]).

mod agreement;
mod directory;
mod kept;
mod order;
mod values;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use std::io;

use tantivy::{
    Index, ReloadPolicy, Searcher, TantivyError,
    directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
    schema::{BytesOptions, Field, FieldType, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
};

use self::{directory::ObjectDirectory, kept::Kept, words::TOKENIZER};
pub(crate) use self::{
    order::{Source, in_order},
    values::each_shared_term,
    words::analyzer,
    writer::TextWriter,
};
use crate::{
    catalog::{Indexed, Table},
    error::{Error, Result},
    objects::{ObjectName, Objects},
    value::Row,
};

/// What an open index takes in memory besides what is mapped: roughly, for itself and per field.
const READER_BYTES: usize = 32 << 10;
const READER_BYTES_PER_FIELD: usize = 4 << 10;

/// How a read fails where files are missing, short or not what they should be.
const DAMAGE: [io::ErrorKind; 3] =
    [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData];

/// A finished index.
pub(crate) struct TextPart {
    searcher: Searcher,
    fields: Fields,
    kept: Kept,
    bytes: usize,
}

/// Text fields by column position, value fields by the name of what they index.
#[derive(Clone, Default)]
struct Fields {
    texts: Vec<(usize, Field)>,
    values: Vec<(String, Field)>,
}

/// Which fields an index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TextsOnly,
    TextsAndValues,
}

impl TextPart {
    /// An index in memory over the searchable columns of these rows.
    pub fn of_rows(table: &Table, rows: &[Row]) -> Result<TextPart> {
        let mut writer = TextWriter::of_texts(table, rows.len());
        for row in rows {
            writer.add(row)?;
        }
        writer.into_part()
    }

    /// An index of a segment, checked byte by byte unless it was before; `None` when it is missing, damaged or of
    /// another make: then it must be made anew.
    ///
    /// # Errors
    ///
    /// `Io` when it could not be read: that says nothing about the index.
    pub fn open(objects: &Objects, name: &ObjectName, is_checked: bool) -> Result<Option<TextPart>> {
        match Self::try_open(objects, name, is_checked) {
            Err(Error::Io { context, source }) if !DAMAGE.contains(&source.kind()) => {
                Err(Error::Io { context, source })
            }
            Err(_) => Ok(None),
            Ok(part) => Ok(part),
        }
    }

    fn try_open(objects: &Objects, name: &ObjectName, is_checked: bool) -> Result<Option<TextPart>> {
        let (index, held_bytes) = match objects.mappable_folder(name) {
            Some(folder) => (Index::open_in_dir(folder).map_err(tantivy_error)?, 0),
            None => {
                let directory = ObjectDirectory::open(objects, name)?;
                let bytes = directory.bytes();
                (Index::open(directory).map_err(tantivy_error)?, bytes)
            }
        };
        // Only files that are listed are checked.
        if index.directory().list_managed_files().is_empty() {
            return Ok(None);
        }
        if !is_checked && !index.validate_checksum().map_err(tantivy_error)?.is_empty() {
            return Ok(None);
        }
        TextPart::over(&index, held_bytes).map(Some).map_err(tantivy_error)
    }

    /// Has it all the fields that the table, as far as these `columns`, wants?
    pub fn covers(&self, table: &Table, columns: usize) -> bool {
        let mut texts = table.searchable.iter().filter(|at| **at < columns);
        let mut values = table.indexed.iter().filter(|index| index.columns.iter().all(|at| *at < columns));
        texts.all(|at| self.text_field(*at).is_some())
            && values.all(|index| self.fields.value(index).is_some())
    }

    fn over(index: &Index, held_bytes: usize) -> Result<TextPart, TantivyError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = Fields::of(&index.schema());
        let count = fields.texts.len() + fields.values.len();
        let searcher = reader.searcher();
        let bytes = READER_BYTES + READER_BYTES_PER_FIELD * count + held_bytes;
        let bytes = bytes.saturating_add(Kept::bytes_max(searcher.num_docs()));
        Ok(TextPart { searcher, fields, kept: Kept::default(), bytes })
    }

    /// What it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Tantivy's view of it.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The text field of a column.
    pub fn text_field(&self, column: usize) -> Option<Field> {
        self.fields.texts.iter().find(|(at, _)| *at == column).map(|(_, field)| *field)
    }

    /// The column of a text field.
    pub fn column_of(&self, field: Field) -> Option<usize> {
        self.fields.texts.iter().find(|(_, known)| *known == field).map(|(at, _)| *at)
    }
}

impl Fields {
    /// Text that was cut into words in another way is not known.
    fn of(schema: &Schema) -> Fields {
        let mut fields = Fields::default();
        for (field, entry) in schema.fields() {
            match entry.field_type() {
                FieldType::Bytes(_) => fields.values.push((entry.name().to_string(), field)),
                FieldType::Str(options) => {
                    let position = entry.name().strip_prefix('t').and_then(|digits| digits.parse().ok());
                    let how = options.get_indexing_options().map(TextFieldIndexing::tokenizer);
                    if let (Some(at), Some(TOKENIZER)) = (position, how) {
                        fields.texts.push((at, field));
                    }
                }
                _ => {}
            }
        }
        fields
    }

    fn value(&self, index: &Indexed) -> Option<Field> {
        self.values.iter().find(|(name, _)| **name == *index.name).map(|(_, field)| *field)
    }
}

fn schema(table: &Table, kind: Kind) -> Schema {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    for at in &table.searchable {
        builder.add_text_field(&format!("t{at}"), text.clone());
    }
    if kind == Kind::TextsAndValues {
        for index in &table.indexed {
            builder.add_bytes_field(&index.name, BytesOptions::default().set_indexed());
        }
    }
    builder.build()
}

/// A failure of an index: of reading or writing it, or its own, which is never the data's fault.
pub(crate) fn tantivy_error(error: TantivyError) -> Error {
    let io = match &error {
        TantivyError::IoError(io)
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: io, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: io, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error: io, .. })
        | TantivyError::LockFailure(LockError::IoError(io), _) => Some(io.clone()),
        _ => None,
    };
    match io {
        Some(io) => Error::Io { context: "text index".into(), source: io::Error::new(io.kind(), io) },
        None => Error::Internal(format!("text index: {error}")),
    }
}
