//! What a long list is known by, so that it need not be held to be known again.

/// The BLAKE3 hash of some texts in their order: lists with the same fingerprint are the same, as nobody finds two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of these texts. Of a set they are given in an order of its own.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            // Where one ends and the next begins counts too.
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Fingerprint(hasher.finalize().into())
    }
}
