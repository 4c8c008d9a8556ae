//! What happens when a record changes: session, transaction, pipeline.
