//! Encryption at rest: AES-256-GCM over every byte that a store writes. `FORMAT.md` tells the form, and why it is so.
//!
//! ```text
//! master key (outside)  ── wraps ──▶  data key (file `keys`)  ── derives, with a file's salt and name ──▶  file key
//! ```
//!
//! 1. [`StoreKeys::open`] reads or makes the key file before anything else of a store is touched.
//! 2. Objects go through [`blocks`]: [`crate::objects::Objects`] encrypts what it puts and decrypts what it reads.
//! 3. The log goes through [`crate::log`]'s framing: each frame is the inside of an encrypted one.
//!
//! What is above those two knows nothing of it, and a store without a key file never comes here.

pub(crate) mod blocks;
mod cipher;
mod keys;
mod provider;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    cipher::{FileCipher, NONCE_BYTES, SALT_BYTES, Salt, TAG_BYTES},
    keys::StoreKeys,
};
pub use self::{
    keys::{Erased, KeyState, erase_keys, key_state, rotate_data_key, rotate_master_key},
    provider::{DataKey, KeyProvider, MasterKeys, WrappedKey},
};
