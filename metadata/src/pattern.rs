//! A regular expression that texts of a field must match: compiled once, when its package is.

use serde::{Serialize, Serializer};

/// Bytes that a compiled pattern may take; one that needs more is refused. The time of a match is linear in the text.
const COMPILED_BYTES_MAX: usize = 256 << 10;

/// A pattern. It may match anywhere in a text, as JSON Schema has it: write `^…$` to speak of the whole.
#[derive(Clone, Debug)]
pub struct Pattern(regex::Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for its author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let built = regex::RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(bytes) => format!("it would take more than {bytes} bytes compiled"),
            // The library draws the place over several lines; the last one says what is wrong.
            other => {
                let told = other.to_string();
                let last = told.lines().last().unwrap_or_default().trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a text matches.
    pub fn accepts(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
