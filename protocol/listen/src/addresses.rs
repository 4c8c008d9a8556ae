//! How many connections one address has. An address is what one party has at hand: all of IPv4's 32 bits, the first 64 of IPv6's.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;

/// Counts connections by address.
pub struct Addresses {
    max: usize,
    /// Those that have none are not in it: it is never larger than the number of connections.
    counted: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place; it is given back when this is dropped.
pub struct AddressPlace {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// At most `max` connections from each address.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, counted: Mutex::default() })
    }

    /// A place for one more connection from there; none when the address has all that it may have.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let address = network(address);
        let mut counted = self.counted.lock();
        let count = counted.entry(address).or_insert(0);
        if *count >= self.max {
            if *count == 0 {
                counted.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(AddressPlace { addresses: self.clone(), address })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counted = self.addresses.counted.lock();
        if let Some(count) = counted.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counted.remove(&self.address);
            }
        }
    }
}

/// An IPv4 address in IPv6's clothes is one; of IPv6 the first half, as whoever has one address has all that begin like it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}
