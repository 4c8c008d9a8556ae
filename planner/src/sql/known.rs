//! Small questions that were asked before: what is left to do for them is to read.
//!
//! One is kept for a statement as it was written, the types of its parameters, the views and the time zone. Views are made anew
//! with every registry, and are a principal's own, so nobody is answered by what somebody else may see.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Weak},
};

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::{common::ScalarValue, sql::sqlparser::ast::Statement};
use quick_cache::{Equivalent, Weighter, sync::Cache};

use super::small::Small;
use crate::{context::QueryContext, view::Views};

/// All that is kept may be so large; the least asked goes first.
const BYTES_MAX: u64 = 32 << 20;
/// Longer statements are not kept.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// What a question takes that has hardly a letter.
const KNOWN_BYTES: usize = 2 << 10;
/// What a parsed statement takes for each letter of its text, about.
const BYTES_OF_A_LETTER: usize = 16;
/// Questions for which there is room at first.
const QUESTIONS_EXPECTED: usize = 1_024;

/// The questions of a process.
pub(crate) struct KnownQuestions(Cache<Known, Arc<Small>, Bytes>);

/// What a question is known by.
pub(super) struct Asked<'a> {
    pub(super) statement: &'a Statement,
    pub(super) values: &'a [ScalarValue],
    pub(super) context: &'a QueryContext,
}

struct Known {
    statement: Arc<Statement>,
    types: Vec<DataType>,
    zone: Tz,
    /// Its memory is not given to other views while this is here.
    views: Weak<Views>,
    /// What all of it takes, roughly.
    bytes: u64,
}

impl KnownQuestions {
    pub(super) fn get(&self, asked: &Asked<'_>) -> Option<Arc<Small>> {
        self.0.get(asked)
    }

    pub(super) fn keep(&self, asked: &Asked<'_>, small: Arc<Small>) {
        let text = asked.statement.to_string().len();
        if text > TEXT_BYTES_MAX {
            return;
        }
        let bytes = KNOWN_BYTES + text * BYTES_OF_A_LETTER + small.size();
        let known = Known {
            statement: Arc::new(asked.statement.clone()),
            types: asked.values.iter().map(ScalarValue::data_type).collect(),
            zone: asked.context.time_zone,
            views: Arc::downgrade(&asked.context.views),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        };
        self.0.insert(known, small);
    }
}

impl Default for KnownQuestions {
    fn default() -> Self {
        KnownQuestions(Cache::with_weighter(QUESTIONS_EXPECTED, BYTES_MAX, Bytes))
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Known, Arc<Small>> for Bytes {
    fn weight(&self, known: &Known, _: &Arc<Small>) -> u64 {
        known.bytes
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.statement.hash(state);
        self.types.iter().for_each(|each| each.hash(state));
        self.zone.hash(state);
        self.views.as_ptr().hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.statement.hash(state);
        self.values.iter().for_each(|value| value.data_type().hash(state));
        self.context.time_zone.hash(state);
        Arc::as_ptr(&self.context.views).hash(state);
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.views.ptr_eq(&other.views)
            && self.zone == other.zone
            && self.types == other.types
            && self.statement == other.statement
    }
}

impl Eq for Known {}

impl Equivalent<Known> for Asked<'_> {
    fn equivalent(&self, known: &Known) -> bool {
        let types = self.values.iter().map(ScalarValue::data_type);
        std::ptr::eq(known.views.as_ptr(), Arc::as_ptr(&self.context.views))
            && known.zone == self.context.time_zone
            && known.types.iter().cloned().eq(types)
            && *known.statement == *self.statement
    }
}
