//! What the listeners of all doors have in common. It knows sockets, and nothing of what is said through them.
//!
//! 1. [`Addresses::take`] gives a connection its place among those of its address, or none.
//! 2. [`Tls::accept`] turns its socket into an encrypted [`Stream`], under the certificate that serves at that instant.
//! 3. [`Tls::reload`] reads the files again; who is connected stays so, and files that can't be used change nothing.

mod addresses;
mod stream;
mod tls;

pub use addresses::{AddressPlace, Addresses};
pub use stream::Stream;
pub use tls::{Accepted, Certificate, Protocol, Tls, TlsError, TlsFiles};
