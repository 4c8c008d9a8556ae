//! Reading questions: every spelling means the same, every mistake is named with its place.
