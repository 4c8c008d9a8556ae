//! Arrow to JSON bytes, for the doors that speak JSON.
//!
//! The road of a batch:
//!
//! 1. [`Encoder::new`] looks at a schema once: it escapes the column names and refuses what JSON can't carry.
//! 2. [`Encoder::bind`] gives [`Rows`] over one batch: every array downcast once, so that a cell costs one match.
//! 3. [`Rows::write_row`] and [`Rows::write_cell`] append bytes; no value is built per cell.
//!
//! A door with its own idea of an object's shape (GraphQL) takes [`Cells`] for its leaves and writes the rest itself.
//!
//! | Arrow | JSON |
//! |---|---|
//! | Boolean, integers | `true`, `-5` |
//! | floats | shortest digits that read back the same; NaN and the infinities, which JSON has not, are `null` |
//! | Decimal | text with all digits of its scale (`"12.50"`), or a number (`12.50`) with [`Numbers::Float`] |
//! | text, dictionaries of it | text |
//! | text of a field with [`JSON_TEXT`] | as it stands |
//! | Date | `"2024-02-29"` |
//! | Time | `"13:05:00"`, `"13:05:00.250"` |
//! | Timestamp with a time zone | RFC 3339 in UTC: `"2024-02-29T13:05:00Z"`; without one, the same without `Z` |
//! | Binary | base64 with padding |
//! | List, Struct | array, object |
//! | Interval, Duration | text as Arrow shows them |

mod cells;
mod encoder;
mod error;
mod number;
mod text;
mod time;

pub use cells::{Cells, JSON_TEXT};
pub use encoder::{Encoder, Numbers, Options, Rows, Separator};
pub use error::{Error, Result};
pub use text::write_text;

#[cfg(test)]
mod tests;
