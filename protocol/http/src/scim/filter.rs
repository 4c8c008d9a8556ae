//! Filters: one comparison, `attribute eq value`, which is what directories look people up by.

use axum::http::StatusCode;
use serde_json::Value;

use crate::problem::Problem;

/// `attribute eq value`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    /// The attribute's path, small, without what says whose it is.
    pub path: String,
    /// A text, a number or a truth value.
    pub value: Value,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// `invalidFilter` for anything else.
    pub fn parse(text: &str) -> Result<Filter, Problem> {
        let refuse = || {
            let message =
                format!("{text:?}: filters are of the form attribute eq value, like userName eq \"li\"");
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_FILTER", message)
        };
        let (path, rest) = text.trim().split_once(char::is_whitespace).ok_or_else(refuse)?;
        let (operator, value) = rest.trim_start().split_once(char::is_whitespace).ok_or_else(refuse)?;
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(refuse());
        }
        let value: Value = serde_json::from_str(value.trim()).map_err(|_| refuse())?;
        if value.is_array() || value.is_object() {
            return Err(refuse());
        }
        let path = path.rsplit_once(':').map_or(path, |(_, path)| path).to_ascii_lowercase();
        Ok(Filter { path, value })
    }

    /// The value as a text.
    pub fn text(&self) -> Option<&str> {
        self.value.as_str()
    }

    /// An attribute that can't be compared.
    pub fn unknown(&self, known: &str) -> Problem {
        let message = format!("{:?} can't be compared; there are {known}", self.path);
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_FILTER", message)
    }
}
