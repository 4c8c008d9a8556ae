//! Who wraps data keys: a master key of our own, or a key management service behind the same trait.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{NONCE_BYTES, TAG_BYTES};
use crate::{
    error::{Error, Result},
    world::Ids,
};

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// What the name of a master key is derived for.
const NAME_CONTEXT: &str = "quarry master key name v1";
/// Bytes of a name.
const NAME_BYTES: usize = 8;

/// A key that files' keys are derived from. Wiped when it is dropped, and never shown.
#[derive(Clone)]
pub struct DataKey(pub(super) Zeroizing<[u8; KEY_BYTES]>);

impl DataKey {
    /// A key of these bytes; `None` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<DataKey> {
        bytes.try_into().ok().map(|bytes| DataKey(Zeroizing::new(bytes)))
    }

    /// Its bytes, for who wraps it.
    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// A data key as it lies in a key file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The name of the master key that unwraps it.
    pub master: String,
    /// What the provider made of it.
    pub bytes: Vec<u8>,
}

/// Wraps and unwraps data keys. May block, and be asked by any thread.
pub trait KeyProvider: Send + Sync {
    /// The name of the master key that new wrappings are made with.
    fn master(&self) -> String;

    /// Wraps a data key. `context` is authenticated: the same is needed to unwrap it.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the service can't be reached.
    fn wrap_key(&self, key: &DataKey, context: &[u8]) -> Result<WrappedKey>;

    /// The data key in a wrapping.
    ///
    /// # Errors
    ///
    /// `Invalid` when the master key that it names is not known, or the wrapping is not its; `Unavailable`.
    fn unwrap_key(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<DataKey>;
}

/// Master keys of our own, from a file or the environment. The first wraps; all unwrap, so that a new one can be put
/// before the old one until every key file is wrapped anew.
pub struct MasterKeys {
    keys: Vec<MasterKey>,
    random: std::sync::Arc<dyn Ids>,
}

struct MasterKey {
    name: String,
    cipher: LessSafeKey,
}

impl MasterKeys {
    /// These keys, of 32 bytes each.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is none, one of them has another length, or one is there twice.
    pub fn new(keys: &[Zeroizing<Vec<u8>>], random: std::sync::Arc<dyn Ids>) -> Result<MasterKeys> {
        let mut known: Vec<MasterKey> = Vec::new();
        for bytes in keys {
            let wrong = || Error::Invalid(format!("a master key has {KEY_BYTES} bytes, not {}", bytes.len()));
            let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| wrong())?;
            let name = name_of(bytes);
            if known.iter().any(|other| other.name == name) {
                return Err(Error::Invalid(format!("the master key {name} is given twice")));
            }
            known.push(MasterKey { name, cipher: LessSafeKey::new(key) });
        }
        if known.is_empty() {
            return Err(Error::Invalid("no master key is given".into()));
        }
        Ok(MasterKeys { keys: known, random })
    }

    fn names(&self) -> String {
        self.keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeys({})", self.names())
    }
}

impl KeyProvider for MasterKeys {
    fn master(&self) -> String {
        self.keys.first().map(|key| key.name.clone()).unwrap_or_default()
    }

    fn wrap_key(&self, key: &DataKey, context: &[u8]) -> Result<WrappedKey> {
        let failed = || Error::Internal("a data key can't be wrapped".into());
        let master = self.keys.first().ok_or_else(failed)?;
        let random = self.random.secret();
        let (nonce, _) = random.split_first_chunk::<NONCE_BYTES>().ok_or_else(failed)?;
        let mut bytes = nonce.to_vec();
        let mut sealed = key.bytes().to_vec();
        let tag = master.cipher.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(context),
            &mut sealed,
        );
        bytes.extend_from_slice(&sealed);
        bytes.extend_from_slice(tag.map_err(|_| failed())?.as_ref());
        Ok(WrappedKey { master: master.name.clone(), bytes })
    }

    fn unwrap_key(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<DataKey> {
        let name = &wrapped.master;
        let Some(master) = self.keys.iter().find(|key| key.name == *name) else {
            let given = self.names();
            let what = format!("it is encrypted under the master key {name}; given are only: {given}");
            return Err(Error::Invalid(what));
        };
        let broken =
            || Error::Invalid(format!("a wrapped key was not made with the master key {name}, or changed"));
        let (nonce, sealed) = wrapped.bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        if sealed.len() != KEY_BYTES + TAG_BYTES {
            return Err(broken());
        }
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = master.cipher.open_in_place(nonce, Aad::from(context), &mut bytes);
        opened.ok().and_then(|key| DataKey::from_bytes(key)).ok_or_else(broken)
    }
}

/// What a master key is called: it tells nothing of the key.
fn name_of(key: &[u8]) -> String {
    let derived = blake3::derive_key(NAME_CONTEXT, key);
    derived.iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
