//! What a client says. Decoded here, not by the protocol library: its decoders read past a message that is shorter than it
//! claims, and panic; these refuse.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::reader::Reader;
use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// The first words of a connection.
#[derive(Debug)]
pub enum Opening {
    /// Asks for TLS.
    Tls,
    /// Asks for GSSAPI encryption.
    Gss,
    /// Ends another connection's running statement.
    Cancel {
        /// Which connection.
        pid: i32,
        /// Its secret.
        key: Bytes,
    },
    /// Begins a session.
    Startup {
        /// The protocol's minor version (of 3).
        minor: u16,
        /// `user`, `database`, and settings.
        parameters: BTreeMap<String, String>,
    },
}

/// What `Describe` and `Close` are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

/// A prepared statement with its values.
#[derive(Debug)]
pub struct Bind {
    /// The portal to make; empty: the unnamed one.
    pub portal: String,
    /// The prepared statement.
    pub statement: String,
    /// Format codes of the parameters: none, one for all, or one each.
    pub parameter_formats: Vec<i16>,
    /// The values; none is null.
    pub parameters: Vec<Option<Bytes>>,
    /// Format codes of the result's columns: none, one for all, or one each.
    pub result_formats: Vec<i16>,
}

/// A message of an open connection.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Frontend {
    Password(Bytes),
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target, String),
    Execute {
        portal: String,
        rows_max: usize,
    },
    Close(Target, String),
    Flush,
    Sync,
    Terminate,
    /// Any of the messages of a COPY: none is ever begun here.
    Copy,
    FunctionCall,
}

const CANCEL: i32 = 80_877_102;
const TLS: i32 = 80_877_103;
const GSS: i32 = 80_877_104;

/// Reads the body (without its length) of a connection's first message.
///
/// # Errors
///
/// `08P01`, and `0A000` for a protocol that is not 3.
pub fn decode_opening(body: Bytes) -> Result<Opening> {
    let mut reader = Reader::new(body);
    let code = reader.i32()?;
    match code {
        TLS => return reader.end().map(|()| Opening::Tls),
        GSS => return reader.end().map(|()| Opening::Gss),
        CANCEL => {
            let pid = reader.i32()?;
            let length = reader.remaining();
            return Ok(Opening::Cancel { pid, key: reader.bytes(length)? });
        }
        _ => {}
    }
    let (major, minor) = (code >> 16, u16::try_from(code & 0xffff).unwrap_or(u16::MAX));
    if major != 3 {
        let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
        return Err(PgError::fatal(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let mut parameters = BTreeMap::new();
    loop {
        let name = reader.text()?;
        if name.is_empty() {
            break;
        }
        let value = reader.text()?;
        parameters.insert(name, value);
    }
    Ok(Opening::Startup { minor, parameters })
}

/// Reads one message: its type byte and its body.
///
/// # Errors
///
/// `08P01`, fatal, for what is not a message; `22021` for text that is not UTF-8.
pub fn decode(kind: u8, body: Bytes) -> Result<Frontend> {
    let mut reader = Reader::new(body);
    let message = match kind {
        b'p' => {
            let length = reader.remaining();
            Frontend::Password(reader.bytes(length)?)
        }
        b'Q' => Frontend::Query(reader.text()?),
        b'P' => decode_parse(&mut reader)?,
        b'B' => Frontend::Bind(decode_bind(&mut reader)?),
        b'D' => Frontend::Describe(decode_target(&mut reader)?, reader.text()?),
        b'C' => Frontend::Close(decode_target(&mut reader)?, reader.text()?),
        b'E' => {
            let portal = reader.text()?;
            let rows_max = usize::try_from(reader.i32()?).unwrap_or(0);
            Frontend::Execute { portal, rows_max }
        }
        b'H' => Frontend::Flush,
        b'S' => Frontend::Sync,
        b'X' => Frontend::Terminate,
        b'd' | b'c' | b'f' => return Ok(Frontend::Copy),
        b'F' => return Ok(Frontend::FunctionCall),
        other => {
            let message = format!("invalid frontend message type {other}");
            return Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, message));
        }
    };
    reader.end()?;
    Ok(message)
}

fn decode_target(reader: &mut Reader) -> Result<Target> {
    match reader.u8()? {
        b'S' => Ok(Target::Statement),
        b'P' => Ok(Target::Portal),
        other => Err(PgError::fatal(SqlState::PROTOCOL_VIOLATION, format!("invalid message target {other}"))),
    }
}

fn decode_parse(reader: &mut Reader) -> Result<Frontend> {
    let name = reader.text()?;
    let text = reader.text()?;
    let count = reader.u16()?;
    let types = (0..count).map(|_| reader.u32()).collect::<Result<_>>()?;
    Ok(Frontend::Parse { name, text, types })
}

fn decode_bind(reader: &mut Reader) -> Result<Bind> {
    let portal = reader.text()?;
    let statement = reader.text()?;
    let parameter_formats = decode_formats(reader)?;
    let count = reader.u16()?;
    let mut parameters = Vec::new();
    for _ in 0..count {
        let length = reader.i32()?;
        parameters.push(match usize::try_from(length) {
            Ok(length) => Some(reader.bytes(length)?),
            Err(_) => None,
        });
    }
    let result_formats = decode_formats(reader)?;
    Ok(Bind { portal, statement, parameter_formats, parameters, result_formats })
}

fn decode_formats(reader: &mut Reader) -> Result<Vec<i16>> {
    let count = reader.u16()?;
    (0..count).map(|_| reader.i16()).collect()
}
