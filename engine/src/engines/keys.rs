//! Master keys as people write them.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use quarry_storage::{Ids, KeyProvider, MasterKeys};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

/// The master keys in a text: one a line (or with commas between), each 32 bytes as base64; `#` begins a comment. The first wraps, all unwrap.
///
/// # Errors
///
/// `Invalid` with the number of what is no key; the key itself is never told.
pub fn master_keys(text: &str, ids: Arc<dyn Ids>) -> Result<Arc<dyn KeyProvider>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let written = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|key| !key.is_empty());
    let mut keys = Vec::new();
    for (number, key) in (1..).zip(written) {
        let bytes = STANDARD.decode(key).map(Zeroizing::new).ok().filter(|bytes| bytes.len() == KEY_BYTES);
        let wrong = || Error::invalid(format!("master key {number} is not {KEY_BYTES} bytes in base64"));
        keys.push(bytes.ok_or_else(wrong)?);
    }
    Ok(Arc::new(MasterKeys::new(&keys, ids)?))
}
