//! Is a segment what it should be? Every block, every row group, and its index against one made anew of its rows.

use super::{Segment, write};
use crate::{
    catalog::Table,
    columns,
    error::{Error, Result},
    text::{TextPart, TextWriter},
    value::Key,
};

impl Segment {
    /// Tells all that is damaged.
    ///
    /// # Errors
    ///
    /// `Io` when something can't be read at all.
    pub fn inspect(&self, table: &Table, tell: &mut dyn FnMut(Error)) -> Result<()> {
        let damages = self.file.damages()?;
        let is_whole = damages.is_empty();
        damages.into_iter().for_each(&mut *tell);
        if !is_whole {
            return Ok(());
        }
        let mut fresh = TextWriter::in_memory(table);
        let mut last: Option<Key> = None;
        for group in 0..self.meta.groups.len() {
            if let Err(error) = self.inspect_group(table, group, &mut last, &mut fresh) {
                tell(match error {
                    damage @ Error::Damaged { .. } => damage,
                    other => self.damaged(write::COLUMNS, other.to_string()),
                });
                return Ok(());
            }
        }
        let name = self.folder.clone().join(write::INDEX);
        match TextPart::open(&self.ground.objects, &name, false)? {
            None => tell(
                self.damaged(write::INDEX, "the index is missing or damaged; it can be made anew".into()),
            ),
            // One that lacks a field is made anew when that is asked for.
            Some(index) if !index.covers(table, self.columns_kept()) => {}
            Some(index) => {
                if let Some(what) = index.differs_from(&fresh.into_part()?)? {
                    tell(self.damaged(write::INDEX, format!("{what}; the index can be made anew")));
                }
            }
        }
        Ok(())
    }

    /// Rows in the order of keys, as many as `segment.meta` tells, and made by no later entry than it tells.
    fn inspect_group(
        &self,
        table: &Table,
        group: usize,
        last: &mut Option<Key>,
        fresh: &mut TextWriter,
    ) -> Result<()> {
        let all: Vec<usize> = (0..table.spec.columns.len()).collect();
        let arrays = self.columns(table, group, &all)?;
        let csns = self.csns(group)?;
        let batch = columns::record_batch(table.schema.clone(), arrays, csns.len())?;
        let rows = columns::rows(&table.spec, &batch)?;
        let damaged = |what: &str| self.damaged(write::COLUMNS, format!("row group {group}: {what}"));
        let Some(meta) = self.meta.groups.get(group) else {
            return Err(damaged("it is not in segment.meta"));
        };
        if usize::try_from(meta.rows) != Ok(rows.len()) {
            return Err(damaged("its rows are not as many as segment.meta tells"));
        }
        if csns.iter().any(|csn| *csn > self.meta.csn_max) {
            return Err(damaged("it has rows of a later entry than segment.meta tells"));
        }
        let ends =
            (rows.first().map(|row| row.key()).transpose()?, rows.last().map(|row| row.key()).transpose()?);
        if ends != (Some(&meta.first_key), Some(&meta.last_key)) {
            return Err(damaged("its keys are not those that segment.meta tells"));
        }
        for row in &rows {
            let key = row.key()?;
            if last.as_ref().is_some_and(|last| last >= key) {
                return Err(damaged("its keys are not in order"));
            }
            *last = Some(key.clone());
            fresh.add(row)?;
        }
        Ok(())
    }

    fn damaged(&self, part: &str, what: String) -> Error {
        Error::Damaged { file: self.ground.objects.place(&self.folder.clone().join(part)), offset: 0, what }
    }
}
