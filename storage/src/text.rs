//! A text index over some rows.

use crate::{catalog::Table, error::Result, value::Row};

pub(crate) struct TextPart;

impl TextPart {
    pub fn of_rows(_table: &Table, _rows: &[Row]) -> Result<TextPart> {
        Ok(TextPart)
    }
}
