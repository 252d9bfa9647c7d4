//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the connections of each address, so that one that opens many leaves room for the others.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    address: IpAddr,
    places: Arc<Places>,
}

impl Places {
    /// Room for `most` connections of each address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// A place for a connection of `address`; `None` when it has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        // The same caller by IPv4 and by IPv4 within IPv6 is one.
        let address = address.to_canonical();
        let mut taken = self.taken();
        let count = taken.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { address, places: self.clone() })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Every change of the map is one step that cannot stop halfway.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                // Addresses that are gone must not gather in memory.
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_number_of_places_and_gets_them_back() {
        let places = Places::new(2);
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = places.take(one).unwrap();
        let _second = places.take("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert!(places.take(one).is_none());
        assert!(places.take(other).is_some(), "another address has its own");
        drop(first);
        assert!(places.take(one).is_some());
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let places = Places::new(1);
        drop(places.take("10.0.0.1".parse().unwrap()));
        assert!(places.taken().is_empty());
    }
}
