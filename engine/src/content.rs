//! Contents: documents, pictures and recordings that fields of records hold.
//!
//! 1. [`Session::upload`] notes in the log who sends what; [`Upload::add`] takes the bytes as they come, and
//!    [`Upload::finish`] notes their length and hash when they are durable. So no content lies anywhere that the log does
//!    not speak of.
//! 2. Who sent it puts its id into a field of one record, by the pipeline (`pipeline/contents`), and that record has it from
//!    then on: nobody reads what another sent by writing its id somewhere.
//! 3. [`Session::download`] finds it through the session's own view of the record ([`download`]).
//! 4. What no record has got in time is removed ([`upkeep`]). What a record has had stays, as its history does.

mod download;
mod row;
mod upkeep;

use std::ops::Bound;

use quarry_metadata::ContentKind;
use quarry_storage::{Key, NewContent, Value};
use tokio::{sync::OwnedSemaphorePermit, task::spawn_blocking};

pub use self::download::Download;
pub(crate) use self::{row::UploadRow, upkeep::contents_of};
use crate::{
    engine::Engine,
    error::{Error, ErrorKind, Result},
    session::Session,
    system::UPLOAD,
};

/// Bytes that are gathered before they are written.
const PIECE_BYTES: usize = 1 << 20;
/// Characters of a content's name.
const NAME_CHARACTERS_MAX: usize = 255;
/// Characters of a media type with its parameters.
const MEDIA_TYPE_CHARACTERS_MAX: usize = 127;
/// What a content is of which nothing else is said.
const ANY_MEDIA_TYPE: &str = "application/octet-stream";
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Limits of contents, each with its unit.
#[derive(Clone, Debug)]
pub struct ContentOptions {
    /// Bytes of one content.
    pub content_bytes_max: u64,
    /// Uploads at once; each holds up to 9 MiB of memory.
    pub uploads_max: usize,
    /// Contents that a user has sent and no record has got yet.
    pub waiting_max: usize,
    /// How long a content waits for its record before it is removed.
    pub waiting_seconds_max: u64,
}

impl Default for ContentOptions {
    fn default() -> Self {
        Self {
            content_bytes_max: 256 << 20,
            uploads_max: 16,
            waiting_max: 10_000,
            waiting_seconds_max: 24 * 60 * 60,
        }
    }
}

/// What is told of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// What a record is given; nobody can guess it.
    pub id: String,
    /// What its sender calls it.
    pub name: String,
    /// The media type that its sender says it has.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it, 64 hexadecimal digits.
    pub hash: String,
}

/// A content on its way. Dropped before it is finished, it leaves nothing but a note that it was sent.
pub struct Upload {
    session: Session,
    id: Key,
    bytes: u64,
    waiting: Vec<u8>,
    content: Option<NewContent>,
    _permit: OwnedSemaphorePermit,
}

impl Session {
    /// Begins to take a content of this name and media type; `application/octet-stream` when none is said.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name or a media type that can't be kept; `Limited` past the uploads at once, or those that wait
    /// for a record; those of the store.
    pub async fn upload(&self, name: &str, media_type: Option<&str>) -> Result<Upload> {
        self.upload_of(name, media_type, None).await
    }

    /// As [`Self::upload`], where it is said how many bytes will come: room for them is reserved before anything is kept. What comes beyond
    /// that is reserved as it comes.
    ///
    /// # Errors
    ///
    /// As [`Self::upload`]; `Limited`, `CONTENT_TOO_LARGE`, `STORAGE_QUOTA` for what could not be kept anyway.
    pub async fn upload_of(
        &self,
        name: &str,
        media_type: Option<&str>,
        bytes: Option<u64>,
    ) -> Result<Upload> {
        self.must_write()?;
        let bytes = bytes.unwrap_or(0);
        must_be_allowed(bytes, self.engine().content_bytes_max())?;
        let (name, media_type) = (checked_name(name)?, checked_media_type(media_type)?);
        let permit = self.engine().uploads().clone().try_acquire_owned().map_err(|_| {
            let message = "too many contents are being sent at once; try again later";
            Error::new(ErrorKind::Limited, "UPLOADS_BUSY", message)
        })?;
        let session = self.clone();
        let begin = move || {
            let engine = session.engine();
            let room = engine.store().reserve(bytes)?;
            let by = session.principal().user_id.as_str();
            let id = engine.note_sending(by, name, media_type)?;
            let content = Some(engine.store().new_content(&id)?.within(room));
            Ok(Upload { session, id, bytes: 0, waiting: Vec::new(), content, _permit: permit })
        };
        spawn_blocking(begin).await?
    }
}

impl Upload {
    /// More of it.
    ///
    /// # Errors
    ///
    /// `Limited` past the size of a content; those of the store. It can't go on then.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let allowed = self.session.engine().content_options().content_bytes_max;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Err(error) = must_be_allowed(self.bytes, allowed) {
            self.content = None;
            return Err(error);
        }
        self.waiting.extend_from_slice(bytes);
        match self.waiting.len() >= PIECE_BYTES {
            true => self.write().await,
            false => Ok(()),
        }
    }

    /// That was all; the content is durable, and so is the note of it.
    ///
    /// # Errors
    ///
    /// Those of the store; no record can have the content then.
    pub async fn finish(mut self) -> Result<Uploaded> {
        if !self.waiting.is_empty() {
            self.write().await?;
        }
        let finish = move || {
            let content = self.content.take().ok_or_else(broken_off)?;
            let engine = self.session.engine();
            let mut work = engine.work(&engine.active(), &self.session.principal().user_id);
            let noted = UploadRow::of(&work.row(UPLOAD, &self.id)?.ok_or_else(broken_off)?)?;
            if noted.expires_micros.is_some_and(|at| at < work.actor.now_micros) {
                return Err(broken_off());
            }
            let row = UploadRow { measure: Some(content.finish()?), ..noted };
            work.put_system(UPLOAD, row.to_row())?;
            engine.commit_asked(work)?;
            row.uploaded().ok_or_else(broken_off)
        };
        spawn_blocking(finish).await?
    }

    async fn write(&mut self) -> Result<()> {
        let piece = std::mem::take(&mut self.waiting);
        let mut content = self.content.take().ok_or_else(broken_off)?;
        let write = move || content.write(&piece).map(|()| content);
        self.content = Some(spawn_blocking(write).await??);
        Ok(())
    }
}

impl Engine {
    /// Notes that someone sends a content; its id.
    fn note_sending(&self, by: &str, name: Key, media_type: Key) -> Result<Key> {
        let mut work = self.work(&self.active(), by);
        let now_micros = work.actor.now_micros;
        let table = work.view().table(UPLOAD)?;
        let now = Value::Timestamp(now_micros);
        let of_user = table.lookup("uploaded_by", &[Value::Text(by.into())])?;
        let waiting = of_user.and(&table.range("expires_at", Bound::Excluded(&now), Bound::Unbounded)?);
        let (waiting, allowed) =
            (usize::try_from(waiting.len()).unwrap_or(usize::MAX), self.content_options());
        if waiting >= allowed.waiting_max {
            return Err(Error::limited("contents that no record has", waiting + 1, allowed.waiting_max));
        }
        let secret = self.world().ids.secret();
        let chance = secret.first_chunk().copied().map(u128::from_le_bytes).unwrap_or_default();
        let id = Key::from(format!("upl_{chance:032x}"));
        let lasts = i64::try_from(allowed.waiting_seconds_max).unwrap_or(i64::MAX);
        let row = UploadRow {
            id: id.clone(),
            name,
            media_type,
            measure: None,
            by: by.into(),
            at_micros: now_micros,
            expires_micros: Some(now_micros.saturating_add(lasts.saturating_mul(MICROS_PER_SECOND))),
            holder: None,
        };
        work.put_system(UPLOAD, row.to_row())?;
        self.commit_asked(work)?;
        Ok(id)
    }
}

fn must_be_allowed(bytes: u64, allowed: u64) -> Result<()> {
    if bytes <= allowed {
        return Ok(());
    }
    let message = format!("a content may have at most {allowed} bytes");
    Err(Error::new(ErrorKind::Limited, "CONTENT_TOO_LARGE", message))
}

fn broken_off() -> Error {
    Error::new(ErrorKind::Invalid, "INVALID_REQUEST", "the upload was broken off; send the content again")
}

/// A name is one line, and leads into no folder.
fn checked_name(name: &str) -> Result<Key> {
    let length = name.chars().count();
    let refuse = |why: &str| {
        Err(Error::new(ErrorKind::Invalid, "INVALID_NAME", format!("the name of a content {why}")).at("name"))
    };
    if name.trim().is_empty() || length > NAME_CHARACTERS_MAX {
        return refuse(&format!("has 1 to {NAME_CHARACTERS_MAX} characters, not {length}"));
    }
    if name.chars().any(|c| c.is_control() || ['/', '\\'].contains(&c)) {
        return refuse("has no line breaks or other control characters, and no / or \\");
    }
    Ok(name.into())
}

fn checked_media_type(given: Option<&str>) -> Result<Key> {
    let text = given.map_or(ANY_MEDIA_TYPE, str::trim);
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let is_plain = parameters.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let is_one = ContentKind::is_media_type(essence.trim()) && !essence.contains('*');
    if is_plain && is_one && text.len() <= MEDIA_TYPE_CHARACTERS_MAX {
        return Ok(text.into());
    }
    let message = format!(
        "a content's media type looks like image/png and has at most {MEDIA_TYPE_CHARACTERS_MAX} characters"
    );
    Err(Error::new(ErrorKind::Invalid, "INVALID_MEDIA_TYPE", message).at("content-type"))
}

#[cfg(test)]
mod tests;
