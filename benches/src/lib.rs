//! Benches: criterion, and the suites that ask Quarry and its peers the same in one run.

pub mod measure;
pub mod process;
pub mod report;
pub mod resident;
