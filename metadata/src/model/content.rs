//! Which contents a field takes: documents, pictures, recordings.

use serde::Serialize;

/// Which contents a field takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContentKind {
    /// The family of media types that the field's type stands for: `image`, `video`, `audio`; none for a file.
    pub family: Option<&'static str>,
    /// It takes any of these: a media type (`application/pdf`), a family of them (`image/*`), an ending of a name
    /// (`.pdf`), in lower case; all where nothing is listed.
    pub accept: Vec<String>,
    /// Bytes at most.
    pub max_bytes: Option<u32>,
}

impl ContentKind {
    /// Whether a content of this media type and name is one of those. Nobody looks into it: its sender says what it is.
    pub fn accepts(&self, media_type: &str, name: &str) -> bool {
        let (media_type, name) = (essence(media_type), name.to_lowercase());
        let is_one = |accepted: &String| match accepted.strip_suffix('*') {
            _ if accepted.starts_with('.') => name.ends_with(accepted.as_str()),
            Some(family) => media_type.starts_with(family),
            None => media_type == *accepted,
        };
        let is_of_family = |family| media_type.strip_prefix(family).is_some_and(|rest| rest.starts_with('/'));
        self.family.is_none_or(is_of_family) && (self.accept.is_empty() || self.accept.iter().any(is_one))
    }

    /// What it takes, for people.
    pub fn told(&self) -> String {
        match (self.family, self.accept.as_slice()) {
            (Some(family), []) => format!("{family}/*"),
            (None, []) => "any type".to_owned(),
            (_, accept) => accept.join(", "),
        }
    }

    /// Whether a text is a media type without parameters (`application/pdf`), or a family of them (`image/*`).
    pub fn is_media_type(text: &str) -> bool {
        let is_name = |name: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
            name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(allowed)
        };
        text.split_once('/').is_some_and(|(family, rest)| is_name(family) && (rest == "*" || is_name(rest)))
    }

    /// The parts of a value, in their order.
    pub const PARTS: [&'static str; 5] = ["id", "name", "type", "size", "hash"];
}

/// A media type without its parameters, in lower case.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
