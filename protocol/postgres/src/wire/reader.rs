//! A cursor over bytes from outside that never reads past their end.

use bytes::{Buf, Bytes};

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// Reads the parts of one message.
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// A reader of one message's body.
    pub fn new(body: Bytes) -> Self {
        Reader { rest: body }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte.
    ///
    /// # Errors
    ///
    /// `08P01` at the end, as every other read here.
    pub fn u8(&mut self) -> Result<u8> {
        self.need(1)?;
        Ok(self.rest.get_u8())
    }

    /// A big-endian 16-bit number.
    ///
    /// # Errors
    ///
    /// As [`Self::u8`].
    pub fn i16(&mut self) -> Result<i16> {
        self.need(2)?;
        Ok(self.rest.get_i16())
    }

    /// A big-endian unsigned 16-bit number.
    ///
    /// # Errors
    ///
    /// As [`Self::u8`].
    pub fn u16(&mut self) -> Result<u16> {
        self.need(2)?;
        Ok(self.rest.get_u16())
    }

    /// A big-endian 32-bit number.
    ///
    /// # Errors
    ///
    /// As [`Self::u8`].
    pub fn i32(&mut self) -> Result<i32> {
        self.need(4)?;
        Ok(self.rest.get_i32())
    }

    /// A big-endian unsigned 32-bit number.
    ///
    /// # Errors
    ///
    /// As [`Self::u8`].
    pub fn u32(&mut self) -> Result<u32> {
        self.need(4)?;
        Ok(self.rest.get_u32())
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::u8`].
    pub fn bytes(&mut self, length: usize) -> Result<Bytes> {
        self.need(length)?;
        Ok(self.rest.split_to(length))
    }

    /// A zero-terminated text.
    ///
    /// # Errors
    ///
    /// `08P01` without its zero, `22021` when it is not UTF-8.
    pub fn text(&mut self) -> Result<String> {
        let end = self.rest.iter().position(|b| *b == 0).ok_or_else(|| violation("a text has no end"))?;
        let text = self.rest.split_to(end);
        self.rest.advance(1);
        String::from_utf8(text.to_vec()).map_err(|_| {
            PgError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\"")
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// `08P01` when something is left.
    pub fn end(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(violation("bytes are left over")) }
    }

    fn need(&self, length: usize) -> Result<()> {
        if self.rest.len() < length { Err(violation("it ends too early")) } else { Ok(()) }
    }
}

fn violation(what: &str) -> PgError {
    PgError::fatal(SqlState::PROTOCOL_VIOLATION, format!("invalid message format: {what}"))
}
