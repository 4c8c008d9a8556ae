//! Values from one to another, as rows and as index terms see them.

use std::ops::Bound;

use crate::{
    term::{self, Term},
    value::Value,
};

/// Values of a column from one bound to the other; null is in no range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueRange<'a> {
    pub lower: Bound<&'a Value>,
    pub upper: Bound<&'a Value>,
}

/// Terms from one to another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TermRange {
    pub lower: Bound<Term>,
    pub upper: Bound<Term>,
}

/// A [`ValueRange`] in terms.
///
/// A long text is cut in its term, so where it stands among those cut at the same place, only the text itself tells.
/// A bound that is such a text has a neighbourhood of terms, its edge, of which rows must be looked at.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TermRanges {
    /// Terms of rows that are in the range.
    pub certain: Option<TermRange>,
    /// Terms of rows that may be.
    pub edges: Vec<TermRange>,
}

impl ValueRange<'_> {
    /// Is the value in the range?
    pub fn holds(&self, value: &Value) -> bool {
        !self.is_behind(value) && !self.is_before(value)
    }

    /// Does the range begin behind the value? So it does for all values before it.
    pub fn is_behind(&self, value: &Value) -> bool {
        match self.lower {
            Bound::Unbounded => value.is_null(),
            Bound::Included(lower) => value.compare(lower).is_lt() || value.is_null(),
            Bound::Excluded(lower) => value.compare(lower).is_le(),
        }
    }

    /// Does the range end before the value? So it does for all values behind it.
    pub fn is_before(&self, value: &Value) -> bool {
        match self.upper {
            Bound::Unbounded => false,
            Bound::Included(upper) => value.compare(upper).is_gt(),
            Bound::Excluded(upper) => value.compare(upper).is_ge(),
        }
    }

    /// The terms of its values.
    pub fn terms(&self) -> TermRanges {
        let (lower, lower_cut) = match self.lower {
            Bound::Unbounded => (Bound::Included(Term::from([1])), None),
            Bound::Included(value) | Bound::Excluded(value) => match term::cut(value) {
                Some(head) => (Bound::Included(behind_all(&head)), Some(head)),
                None => (self.lower.map(term::term), None),
            },
        };
        let (upper, upper_cut) = match self.upper {
            Bound::Unbounded => (Bound::Unbounded, None),
            Bound::Included(value) | Bound::Excluded(value) => match term::cut(value) {
                Some(head) => (Bound::Included(head.clone()), Some(head)),
                None => (self.upper.map(term::term), None),
            },
        };
        let mut heads: Vec<Term> = lower_cut.into_iter().chain(upper_cut).collect();
        heads.dedup();
        let edge = |head: Term| TermRange {
            upper: Bound::Excluded(behind_all(&head)),
            lower: Bound::Excluded(head),
        };
        let certain = TermRange { lower, upper };
        TermRanges {
            certain: (!certain.is_empty()).then_some(certain),
            edges: heads.into_iter().map(edge).filter(|edge| !edge.is_empty()).collect(),
        }
    }
}

impl TermRange {
    fn is_empty(&self) -> bool {
        match (&self.lower, &self.upper) {
            (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower >= upper,
            _ => false,
        }
    }
}

/// The first term behind all that begin with `head`, which begins with `01`.
fn behind_all(head: &[u8]) -> Term {
    let mut behind = head.to_vec();
    while behind.pop_if(|last| *last == u8::MAX).is_some() {}
    if let Some(last) = behind.last_mut() {
        *last += 1;
    }
    behind.into_boxed_slice()
}

/// The first text behind all that begin with `prefix`; `None` where no text is.
pub(crate) fn behind_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Between these two lie the surrogates, which are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests;
