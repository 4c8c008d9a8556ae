//! Benches: criterion, and the suites that ask Quarry and its peers the same in one run.

pub mod answer;
pub mod company;
pub mod measure;
pub mod moved;
pub mod page;
pub mod plot;
pub mod process;
pub mod report;
pub mod resident;
pub mod results;
