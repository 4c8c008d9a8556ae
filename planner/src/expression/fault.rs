//! Why a value could not be computed.

/// Why a value could not be computed. On the read path it is null; on the write path it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More digits than the number may have.
    #[error("a number is too large to be computed with")]
    Overflow,
    /// By zero.
    #[error("a division by zero")]
    DivisionByZero,
    /// A text that is no number.
    #[error("a text is not a number")]
    NotANumber,
    /// A text that is no day or instant.
    #[error("a text is not a date")]
    NotADate,
    /// A day or instant before or after all that are kept.
    #[error("a date is outside of what can be kept")]
    DateOutOfRange,
}
