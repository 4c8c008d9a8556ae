//! Makes an index, in memory that does not grow with the rows: past a bound, what there is becomes a part in the place
//! of the index, and parts are merged, in their order, when all rows are there.

use std::{collections::HashSet, path::Path};

use tantivy::{
    Directory, Index, IndexSettings, Segment, SingleSegmentIndexWriter, TantivyDocument,
    directory::{MmapDirectory, RamDirectory},
    indexer::merge_filtered_segments,
    schema::{Field, Schema},
};

use super::{Fields, Kind, TextPart, directory, schema, tantivy_error, words::tokenizers};
use crate::{
    catalog::{Indexed, Table},
    error::{Error, Result},
    objects::{ObjectName, Objects},
    value::{Row, Value},
};

/// What Tantivy plans its hash table for; it takes more as it needs. A table for many rows costs more to make than a
/// few rows cost to index.
const WRITER_BYTES_MAX: usize = 16 << 20;
const WRITER_BYTES_MIN: usize = 128 << 10;
const WRITER_BYTES_PER_ROW: usize = 2 << 10;
/// What a part takes in memory before it is written.
const PART_BYTES_MAX: usize = 96 << 20;
/// Where Tantivy names the parts that make up an index.
const META: &str = "meta.json";

/// An index being made.
pub(crate) struct TextWriter {
    schema: Schema,
    fields: Fields,
    /// What the value fields hold.
    values: Vec<(Indexed, Field)>,
    target: Target,
    /// The part that takes the rows; there is none before the first row.
    open: Option<SingleSegmentIndexWriter>,
    open_bytes: usize,
    part_bytes_max: usize,
    /// Those before.
    parts: Vec<Segment>,
}

/// Where an index is made.
enum Target {
    /// It stays in memory.
    Memory(RamDirectory),
    /// In the folder where it is to be.
    Folder(Objects, ObjectName),
    /// In memory, to be put there.
    Objects(Objects, ObjectName, RamDirectory),
}

impl TextWriter {
    /// An index with all fields of the table; what is there under this name goes.
    pub fn create(objects: &Objects, name: &ObjectName, table: &Table) -> Result<TextWriter> {
        let target = if objects.mappable_folder(name).is_some() {
            objects.make_mappable_folder(name)?;
            Target::Folder(objects.clone(), name.clone())
        } else {
            objects.delete_folder(name)?;
            Target::Objects(objects.clone(), name.clone(), RamDirectory::create())
        };
        Ok(TextWriter::new(table, (Kind::TextsAndValues, usize::MAX), target))
    }

    /// An index that stays in memory, with all fields of the table.
    pub fn in_memory(table: &Table) -> TextWriter {
        TextWriter::new(table, (Kind::TextsAndValues, usize::MAX), Target::Memory(RamDirectory::create()))
    }

    /// An index of so many rows that stays in memory, with the text fields alone.
    pub fn of_texts(table: &Table, rows: usize) -> TextWriter {
        TextWriter::new(table, (Kind::TextsOnly, rows), Target::Memory(RamDirectory::create()))
    }

    fn new(table: &Table, (kind, rows): (Kind, usize), target: Target) -> TextWriter {
        let schema = schema(table, kind);
        let fields = Fields::of(&schema);
        let known = table.indexed.iter().filter_map(|index| Some((index.clone(), fields.value(index)?)));
        TextWriter {
            values: known.collect(),
            schema,
            fields,
            target,
            open: None,
            open_bytes: rows.saturating_mul(WRITER_BYTES_PER_ROW).clamp(WRITER_BYTES_MIN, WRITER_BYTES_MAX),
            part_bytes_max: PART_BYTES_MAX,
            parts: Vec::new(),
        }
    }

    /// The next row.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        let mut document = TantivyDocument::new();
        for (at, field) in &self.fields.texts {
            if let Value::Text(text) = row.get(*at) {
                document.add_text(*field, text);
            }
        }
        for (index, field) in &self.values {
            if let Some(term) = index.term(row) {
                document.add_bytes(*field, &term);
            }
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(open(&self.schema, self.target.directory()?, self.open_bytes)?),
        };
        open.add_document(document).map_err(tantivy_error)?;
        if open.mem_usage() > self.part_bytes_max { self.close_part() } else { Ok(()) }
    }

    /// What it holds in memory.
    pub fn bytes(&self) -> usize {
        self.open.as_ref().map_or(0, SingleSegmentIndexWriter::mem_usage)
    }

    fn close_part(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let index = open.finalize().map_err(tantivy_error)?;
        self.parts.extend(index.searchable_segments().map_err(tantivy_error)?);
        Ok(())
    }

    /// The finished index, of one that stays in memory.
    pub fn into_part(mut self) -> Result<TextPart> {
        TextPart::over(&self.finish()?, 0).map_err(tantivy_error)
    }

    /// Puts the finished index there, durably.
    pub fn publish(mut self) -> Result<()> {
        let index = self.finish()?;
        match self.target {
            Target::Memory(_) => Ok(()),
            Target::Folder(objects, name) => objects.sync_made_in(&name),
            Target::Objects(objects, name, memory) => directory::put(&index, &memory, &objects, &name),
        }
    }

    fn finish(&mut self) -> Result<Index> {
        self.close_part()?;
        match self.parts.as_slice() {
            [] => open(&self.schema, self.target.directory()?, WRITER_BYTES_MIN)?
                .finalize()
                .map_err(tantivy_error),
            [only] => Ok(only.index().clone()),
            [first, ..] => {
                let settings = first.index().settings().clone();
                let all = self.parts.iter().map(|_| None).collect();
                let merged = merge_filtered_segments(&self.parts, settings, all, self.target.directory()?);
                without_parts(merged.map_err(tantivy_error)?)
            }
        }
    }
}

impl Target {
    fn directory(&self) -> Result<Box<dyn Directory>> {
        match self {
            Target::Memory(memory) | Target::Objects(_, _, memory) => Ok(Box::new(memory.clone())),
            Target::Folder(objects, name) => {
                let folder = objects.mappable_folder(name);
                let folder = folder.ok_or_else(|| Error::Internal("an index without its folder".into()))?;
                let opened = MmapDirectory::open(folder);
                Ok(Box::new(opened.map_err(|error| tantivy_error(error.into()))?))
            }
        }
    }
}

fn open(
    schema: &Schema,
    directory: Box<dyn Directory>,
    bytes_planned: usize,
) -> Result<SingleSegmentIndexWriter> {
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    let builder = Index::builder().schema(schema.clone()).settings(settings).tokenizers(tokenizers());
    builder.single_segment_index_writer(directory, bytes_planned).map_err(tantivy_error)
}

/// Removes the files of what was merged.
fn without_parts(mut index: Index) -> Result<Index> {
    let named = index.searchable_segment_metas().map_err(tantivy_error)?;
    let named: Vec<String> = named.iter().map(|meta| meta.id().uuid_string()).collect();
    let is_named = |path: &Path| {
        let name = path.to_str().unwrap_or_default();
        name == META || named.iter().any(|segment| name.starts_with(segment))
    };
    let files = index.directory().list_managed_files();
    let living: HashSet<_> = files.into_iter().filter(|path| is_named(path)).collect();
    index.directory_mut().garbage_collect(|| living).map_err(tantivy_error)?;
    Ok(index)
}

#[cfg(test)]
mod tests;
