//! What is told beside an answer, unless `client_min_messages` leaves it out.

use pgwire::messages::response::NoticeResponse;
use quarry_engine::Warnings;

use super::Session;
use crate::{
    error::{PgError, Severity},
    sqlstate::SqlState,
};

/// The levels of `client_min_messages` at which no warning is sent.
const WITHOUT_WARNINGS: &[&str] = &["error"];

impl Session {
    /// A warning beside the answer.
    pub(crate) fn warn(&mut self, state: SqlState, message: &str) {
        let warning = PgError { severity: Severity::Warning, ..PgError::new(state, message) };
        self.tell(warning.to_notice());
    }

    /// Keeps what the changes of the running statement have met, until it is known what became of them.
    pub(crate) fn keep_warnings(&mut self, warnings: Warnings) {
        self.warnings.extend(warnings);
    }

    /// Forgets what was kept: the statement is tried again.
    pub(crate) fn forget_warnings(&mut self) {
        self.warnings = Warnings::default();
    }

    /// Tells what was kept.
    pub(crate) fn tell_warnings(&mut self) {
        let Warnings { told, more } = std::mem::take(&mut self.warnings);
        for finding in &told {
            self.tell(PgError::warning(finding).to_notice());
        }
        if more > 0 {
            self.warn(SqlState::WARNING, &format!("{more} more warnings are not told"));
        }
    }

    fn tell(&mut self, notice: NoticeResponse) {
        let least = self.settings.get("client_min_messages").unwrap_or_default();
        if !WITHOUT_WARNINGS.contains(&least.as_str()) {
            self.wire.put(&notice);
        }
    }
}
