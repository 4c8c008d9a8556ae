//! A set of texts that were met, kept as 128-bit fingerprints: 16 bytes each, however long the texts are.
//!
//! Two SipHashes with different beginnings make a fingerprint. Among ten million texts the chance that any two share one is
//! below 10⁻²⁴. The road not taken is an exact set on disk.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use anyhow::{Result, bail};

/// Texts of one set.
const SEEN_MAX: usize = 20_000_000;

/// Texts that were met.
#[derive(Debug, Default)]
pub struct Seen(HashSet<u128>);

impl Seen {
    /// Remembers `parts`; false when they were there.
    ///
    /// # Errors
    ///
    /// Past the limit: then the input has to be split.
    pub fn insert(&mut self, parts: &[&str]) -> Result<bool> {
        if self.0.len() >= SEEN_MAX {
            bail!("more than {SEEN_MAX} rows in one file; split it");
        }
        Ok(self.0.insert(fingerprint(parts)))
    }

    /// Whether `parts` were met.
    pub fn contains(&self, parts: &[&str]) -> bool {
        self.0.contains(&fingerprint(parts))
    }
}

fn fingerprint(parts: &[&str]) -> u128 {
    let half = |beginning: u64| {
        let mut hasher = DefaultHasher::new();
        (beginning, parts).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}
