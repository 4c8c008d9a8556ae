//! The GraphQL door: schema from the registry, operations to query trees.
//!
//! The road of an operation:
//!
//! 1. [`router`]'s handlers read the request (`request::Question`) and ask the session for its views.
//! 2. `doors::Doors` keeps one `door::Door` per set of views: a `model::Model` (GraphQL's names beside the
//!    registry's) and the type system made from it by `schema::build`. What a session may not see is in neither.
//! 3. `document::DocumentLimits` bounds and parses the document; the library validates it against the schema;
//!    `values::variables` checks the variables.
//! 4. `compile::Compiler` turns each root field's selection into one ObjectQL query with expands, and a plan of how
//!    its columns are written back.
//! 5. `run::query` asks all questions of the operation on one state; `run::mutation` makes all changes of the operation
//!    in one transaction and reads the records as it left them.
//! 6. `write` appends the response's bytes straight from the Arrow arrays, in the order of the selection.

mod collect;
mod compile;
mod document;
mod door;
mod doors;
mod error;
mod graphiql;
mod media;
mod model;
mod request;
mod run;
mod schema;
mod serve;
mod values;
mod write;

pub use compile::PageLimits;
pub use document::DocumentLimits;
pub use serve::{router, sdl};

/// The door's limits.
#[derive(Clone, Debug)]
pub struct GraphqlOptions {
    /// Of a document, before it runs.
    pub document: DocumentLimits,
    /// Of lists.
    pub page: PageLimits,
    /// Of a response, bytes.
    pub response_bytes_max: usize,
    /// Of all answers that one operation holds until its response is written, bytes of their Arrow arrays.
    pub answer_bytes_max: usize,
    /// Validated documents kept per set of views.
    pub documents_kept: usize,
}

impl Default for GraphqlOptions {
    fn default() -> Self {
        Self {
            document: DocumentLimits::default(),
            page: PageLimits::default(),
            response_bytes_max: 64 << 20,
            answer_bytes_max: 256 << 20,
            documents_kept: 1_000,
        }
    }
}

#[cfg(test)]
mod tests;
