//! A content as a session may read it: through its own view of the record that has it.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, StructArray},
    datatypes::Int64Type,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use quarry_metadata::FieldKind;
use quarry_planner::objectql::{Filter, Query, Selection};
use quarry_storage::{Content, Measure};
use tokio::task::spawn_blocking;

use super::Uploaded;
use crate::{
    error::{Error, ErrorKind, Result},
    session::Session,
};

/// A content to be read.
pub struct Download {
    about: Uploaded,
    content: Arc<Content>,
}

impl Session {
    /// The content that a field of a record has; of several, that of the id `item`.
    ///
    /// # Errors
    ///
    /// `Missing` when there is none that this session may see; `Invalid` when one of several must be named; `Internal`, with the
    /// place in the log, when it is damaged.
    pub async fn download(
        &self,
        object: &str,
        id: &str,
        field: &str,
        item: Option<&str>,
    ) -> Result<Download> {
        let context = self.context();
        let view = context.views.get(object);
        let several = match view.and_then(|view| view.field(field)).map(|field| &field.kind) {
            Some(FieldKind::Composite { content: Some(_), many, .. }) => *many,
            _ if view.is_some() => return Err(none(object, id, field)),
            // The question itself tells that there is no such object.
            _ => false,
        };
        let selection = Selection { path: field.to_owned(), alias: None };
        let query = Query {
            object: object.to_owned(),
            fields: vec![selection],
            filter: Some(Filter::id(id)),
            ..Query::default()
        };
        let mut batches = self.engine().planner().query(&context, &query).await?.batches;
        let mut found = None;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(Error::of_rows)?;
            found = found.or(batch.columns().first().filter(|column| !column.is_empty()).map(contents));
        }
        let Some(contents) = found else {
            let message = format!("there is no {object} {id:?}");
            return Err(Error::new(ErrorKind::Missing, "RECORD_NOT_FOUND", message));
        };
        if several && item.is_none() {
            let message = format!("{field} holds several contents; name one of them by its id");
            return Err(Error::invalid(message));
        }
        let wanted = |content: &Uploaded| item.is_none_or(|item| content.id == item);
        let about = contents.into_iter().find(wanted).ok_or_else(|| none(object, id, field))?;
        self.open(about).await
    }

    async fn open(&self, about: Uploaded) -> Result<Download> {
        let engine = self.engine().clone();
        let open = move || {
            let content = engine.store().content(&about.id)?;
            let Measure { bytes, hash } = content.measure();
            if (bytes, &hash) != (about.bytes, &about.hash) {
                return Err(Error::internal(format!(
                    "the content {:?} is not what its record says",
                    about.id
                )));
            }
            Ok(Download { about, content })
        };
        spawn_blocking(open).await?
    }
}

impl Download {
    /// What is told of it.
    pub fn about(&self) -> &Uploaded {
        &self.about
    }

    /// A range of its bytes as a stream, each of them checked before it is given. It ends with an error where it is damaged
    /// (`Internal`) or can't be read (`Unavailable`).
    pub fn bytes(&self, range: Range<u64>) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        stream::try_unfold(self.content.pieces(range), |mut pieces| async move {
            let read = move || Ok::<_, Error>(pieces.read_on()?.map(|piece| (piece, pieces)));
            spawn_blocking(read).await?
        })
    }
}

fn none(object: &str, id: &str, field: &str) -> Error {
    let message = format!("{field:?} of {object} {id:?} has no such content");
    Error::new(ErrorKind::Missing, "CONTENT_NOT_FOUND", message)
}

/// The contents in the first row of a column.
fn contents(column: &ArrayRef) -> Vec<Uploaded> {
    let column = match column.as_list_opt::<i32>() {
        Some(list) if list.is_null(0) => return Vec::new(),
        Some(list) => list.value(0),
        None => column.slice(0, 1),
    };
    let Some(parts) = column.as_struct_opt() else { return Vec::new() };
    (0..parts.len()).filter(|row| parts.is_valid(*row)).filter_map(|row| content(parts, row)).collect()
}

fn content(parts: &StructArray, row: usize) -> Option<Uploaded> {
    let text = |name: &str| {
        let texts = parts.column_by_name(name)?.as_string_view_opt()?;
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let sizes = parts.column_by_name("size")?.as_primitive_opt::<Int64Type>()?;
    let bytes = u64::try_from(sizes.value(row)).ok()?;
    let (id, name, media_type, hash) = (text("id")?, text("name")?, text("type")?, text("hash")?);
    Some(Uploaded { id, name, media_type, bytes, hash })
}
