//! What is kept of a content that was sent, as a row of [`crate::system::UPLOAD`].

use quarry_storage::{Key, Measure, Row, Value};
use serde_json::{Map, Value as Json, json};

use super::Uploaded;
use crate::error::{Error, Result};

/// A content that was sent, or is being sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UploadRow {
    pub id: Key,
    pub name: Key,
    pub media_type: Key,
    /// Length and hash, once all of it is durable.
    pub measure: Option<Measure>,
    pub by: Key,
    pub at_micros: i64,
    /// When it goes, while no record has it.
    pub expires_micros: Option<i64>,
    /// The record that has it: the table of its object, and its id.
    pub holder: Option<(Key, Key)>,
}

impl UploadRow {
    /// As a row.
    pub fn to_row(&self) -> Row {
        let text = |text: &Key| Value::Text(text.clone());
        let instant = |micros: Option<i64>| micros.map_or(Value::Null, Value::Timestamp);
        let bytes = |measure: &Measure| Value::Int(i64::try_from(measure.bytes).unwrap_or(i64::MAX));
        let measure = self.measure.as_ref();
        let holder = self.holder.as_ref();
        Row([
            text(&self.id),
            text(&self.name),
            text(&self.media_type),
            measure.map_or(Value::Null, bytes),
            measure.map_or(Value::Null, |measure| Value::Text(measure.hash.as_str().into())),
            text(&self.by),
            Value::Timestamp(self.at_micros),
            instant(self.expires_micros),
            holder.map_or(Value::Null, |(object, _)| text(object)),
            holder.map_or(Value::Null, |(_, record)| text(record)),
        ]
        .into())
    }

    /// From a row.
    ///
    /// # Errors
    ///
    /// `Internal` when a column does not hold what it should.
    pub fn of(row: &Row) -> Result<Self> {
        let damaged = || Error::internal("what is kept of a content can't be read");
        let text = |column: usize| match row.get(column) {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        let instant = |column: usize| match row.get(column) {
            Value::Timestamp(micros) => Some(*micros),
            _ => None,
        };
        let measure = match (row.get(3), row.get(4)) {
            (Value::Int(bytes), Value::Text(hash)) => {
                Some(Measure { bytes: u64::try_from(*bytes).map_err(|_| damaged())?, hash: hash.to_string() })
            }
            _ => None,
        };
        Ok(Self {
            id: text(0)?,
            name: text(1)?,
            media_type: text(2)?,
            measure,
            by: text(5)?,
            at_micros: instant(6).ok_or_else(damaged)?,
            expires_micros: instant(7),
            holder: text(8).ok().zip(text(9).ok()),
        })
    }

    /// What is told of it; none while it is being sent.
    pub fn uploaded(&self) -> Option<Uploaded> {
        let Measure { bytes, hash } = self.measure.clone()?;
        let (id, name, media_type) =
            (self.id.to_string(), self.name.to_string(), self.media_type.to_string());
        Some(Uploaded { id, name, media_type, bytes, hash })
    }
}

impl Uploaded {
    /// As a field has it.
    pub fn to_json(&self) -> Map<String, Json> {
        let Uploaded { id, name, media_type, bytes, hash } = self;
        let parts = [
            ("id", json!(id)),
            ("name", json!(name)),
            ("type", json!(media_type)),
            ("size", json!(bytes)),
            ("hash", json!(hash)),
        ];
        parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
