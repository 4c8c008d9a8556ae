//! What came of a statement, and how it is told: rows as they come, then the command tag.

use pgwire::messages::response::CommandComplete;

use super::Session;
use crate::{
    encode::{self, OutColumn, RowWriter},
    error::Result,
    run::Rows,
};

/// A command tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `SELECT n`, with the rows that were sent.
    Select,
    /// `FETCH n`, likewise.
    Fetch,
    /// As it is.
    Fixed(String),
}

impl Tag {
    /// The tag's text after so many rows.
    pub fn text(&self, rows: usize) -> String {
        match self {
            Tag::Select => format!("SELECT {rows}"),
            Tag::Fetch => format!("FETCH {rows}"),
            Tag::Fixed(text) => text.clone(),
        }
    }
}

/// What came of a statement.
pub enum Outcome {
    /// Rows to send.
    Rows(Rows, Tag),
    /// Rows of a cursor, at most so many.
    Fetch {
        /// The cursor.
        cursor: String,
        /// How many; none: all that are left.
        rows_max: Option<usize>,
    },
    /// No rows.
    Done(String),
}

impl Outcome {
    /// A statement without rows.
    pub fn done(tag: &str) -> Outcome {
        Outcome::Done(tag.to_owned())
    }
}

impl Session {
    /// Sends rows until `rows_max` (0: no limit) are sent or none are left; tells how many were sent.
    /// The client's pace is the query's: no more than a few batches wait.
    ///
    /// # Errors
    ///
    /// The query's, `57014`, and fatal ones of the socket.
    pub(super) async fn send_rows(
        &mut self,
        rows: &mut Rows,
        columns: &[OutColumn],
        rows_max: usize,
    ) -> Result<usize> {
        let zone = self.settings.time_zone();
        let mut sent = 0;
        loop {
            let left = if rows_max == 0 { usize::MAX } else { rows_max - sent };
            if left == 0 {
                return Ok(sent);
            }
            let Some(batch) = self.guard.wait(&mut self.wire, rows.next(left)).await? else {
                return Ok(sent);
            };
            let writer = RowWriter::new(&batch, columns, zone)?;
            for row in 0..batch.num_rows() {
                writer.write(row, self.wire.outgoing())?;
                if self.wire.is_full() {
                    self.guard.flush(&mut self.wire).await?;
                }
            }
            sent += batch.num_rows();
        }
    }

    /// Announces the columns.
    pub(super) fn send_columns(&mut self, columns: &[OutColumn]) {
        self.wire.put(&encode::describe(columns));
    }

    /// Tells that the statement is done, and the settings that it changed.
    pub(super) fn send_tag(&mut self, tag: String) {
        self.tell_settings();
        self.wire.put(&CommandComplete::new(tag));
    }
}
