//! Columns that a plan has in another shape than storage: composites are kept as JSON text and read as structs, vectors
//! are kept as bytes and read as lists of floats.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, FixedSizeListArray, Float32Builder, StringViewArray,
        new_null_array,
    },
    buffer::NullBuffer,
    datatypes::{DataType, Field as ArrowField, FieldRef, Schema},
    error::ArrowError,
    json::ReaderBuilder,
};
use datafusion::common::{DataFusionError, Result};
use indexmap::IndexMap;
use quarry_metadata::{Field, FieldKind, FieldName};
use serde_json::Value;

use crate::lower;

/// The key under which a row's JSON stands for the reader of records.
const ROW: &str = "v";
const FLOAT_BYTES: usize = size_of::<f32>();

/// What becomes of a stored column.
#[derive(Clone, Debug, Default)]
pub(super) enum Shape {
    /// Nothing.
    #[default]
    Stored,
    /// JSON text becomes a struct, or a list of structs.
    Parts {
        field: FieldRef,
        /// The parts, where one of them is JSON itself: it stays text.
        with_json: Option<Arc<IndexMap<FieldName, Field>>>,
    },
    /// Bytes become a list of so many floats.
    Floats { item: FieldRef, length: i32 },
}

impl Shape {
    /// The shape of a field's column.
    pub(super) fn of(field: &Field) -> Shape {
        match (&field.kind, lower::arrow_type(field)) {
            (FieldKind::Composite { parts, .. }, data_type) if !parts.is_empty() => Shape::Parts {
                field: Arc::new(ArrowField::new(ROW, data_type, true)),
                with_json: holds_json(parts).then(|| Arc::new(parts.clone())),
            },
            (_, DataType::FixedSizeList(item, length)) => Shape::Floats { item, length },
            _ => Shape::Stored,
        }
    }

    /// Whether a plan has the column as storage does.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self, Shape::Stored)
    }

    /// The column as a plan has it.
    pub(super) fn field(&self, stored: &FieldRef) -> FieldRef {
        let data_type = match self {
            Shape::Stored => return Arc::clone(stored),
            Shape::Parts { field, .. } => field.data_type().clone(),
            Shape::Floats { item, length } => DataType::FixedSizeList(Arc::clone(item), *length),
        };
        Arc::new(ArrowField::new(stored.name(), data_type, true))
    }

    /// Brings a stored column into its shape.
    ///
    /// # Errors
    ///
    /// What was written does not fit the field: it was checked when it was.
    pub(super) fn apply(&self, stored: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Shape::Stored => Ok(Arc::clone(stored)),
            Shape::Parts { field, with_json } => parts(stored, field, with_json.as_deref()),
            Shape::Floats { item, length } => floats(stored, item, *length),
        }
    }
}

fn holds_json(parts: &IndexMap<FieldName, Field>) -> bool {
    parts.values().any(|part| match &part.kind {
        kind if lower::is_free_json(kind) => true,
        FieldKind::Composite { parts, .. } => holds_json(parts),
        _ => false,
    })
}

fn parts(
    stored: &ArrayRef,
    field: &FieldRef,
    with_json: Option<&IndexMap<FieldName, Field>>,
) -> Result<ArrayRef> {
    let texts = texts(stored)?;
    if texts.null_count() == texts.len() {
        return Ok(new_null_array(field.data_type(), texts.len()));
    }
    let mut rows = String::with_capacity(texts.len() * 16 + texts.total_buffer_bytes_used());
    for text in texts.iter() {
        let text = match (text, with_json) {
            (None, _) => Cow::Borrowed("null"),
            (Some(text), None) => Cow::Borrowed(text),
            (Some(text), Some(parts)) => Cow::Owned(with_json_as_text(text, parts)?),
        };
        rows.push_str("{\"v\":");
        rows.push_str(&text);
        rows.push_str("}\n");
    }
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(texts.len().max(1)).build_decoder()?;
    let read = decoder.decode(rows.as_bytes())?;
    let batch = decoder.flush()?;
    let array = batch.as_ref().and_then(|batch| batch.columns().first());
    match array.filter(|array| array.len() == texts.len() && read == rows.len()) {
        Some(array) => Ok(Arc::clone(array)),
        None => Err(DataFusionError::Internal("a composite's rows could not be read".into())),
    }
}

fn texts(stored: &ArrayRef) -> Result<&StringViewArray> {
    stored.as_string_view_opt().ok_or_else(|| DataFusionError::Internal("a composite is kept as text".into()))
}

fn with_json_as_text(text: &str, parts: &IndexMap<FieldName, Field>) -> Result<String> {
    let external = |error| DataFusionError::External(Box::new(error));
    let mut value: Value = serde_json::from_str(text).map_err(external)?;
    quote(&mut value, parts);
    Ok(value.to_string())
}

// As deep as fields are declared within fields.
fn quote(value: &mut Value, parts: &IndexMap<FieldName, Field>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| quote(item, parts)),
        Value::Object(given) => {
            for (name, part) in given.iter_mut() {
                match parts.get(name.as_str()).map(|part| &part.kind) {
                    Some(kind) if lower::is_free_json(kind) && !part.is_null() => {
                        *part = Value::String(part.to_string());
                    }
                    Some(FieldKind::Composite { parts, .. }) => quote(part, parts),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn floats(stored: &ArrayRef, item: &FieldRef, length: i32) -> Result<ArrayRef> {
    let no_vector = || ArrowError::InvalidArgumentError("a vector is kept as bytes".into());
    let bytes: &BinaryArray = stored.as_binary_opt::<i32>().ok_or_else(no_vector)?;
    let count = usize::try_from(length).unwrap_or(0);
    let mut numbers = Float32Builder::with_capacity(bytes.len().saturating_mul(count));
    let mut valid = Vec::with_capacity(bytes.len());
    for value in bytes.iter() {
        let whole = value.filter(|value| value.len() == count * FLOAT_BYTES);
        valid.push(whole.is_some());
        match whole {
            Some(value) => {
                let (chunks, _) = value.as_chunks::<FLOAT_BYTES>();
                chunks.iter().for_each(|chunk| numbers.append_value(f32::from_le_bytes(*chunk)));
            }
            None => numbers.append_nulls(count),
        }
    }
    let nulls = Some(NullBuffer::from(valid));
    let list = FixedSizeListArray::try_new(Arc::clone(item), length, Arc::new(numbers.finish()), nulls)?;
    Ok(Arc::new(list))
}
