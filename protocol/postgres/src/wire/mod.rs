//! Bytes of the protocol: what a client says, and the socket it says it through.

mod frontend;
mod reader;
mod socket;

pub use frontend::{Bind, Frontend, Opening, Target};
pub use reader::Reader;
pub use socket::{Wire, WireLimits};
