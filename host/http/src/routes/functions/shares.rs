//! Places that requests wait for, of which no address has all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many places in all, and so many for each address. Whoever waits does so among the requests of its own address first.
pub(crate) struct Shares {
    all: Arc<Semaphore>,
    of_each: usize,
    addresses: Mutex<HashMap<IpAddr, Share>>,
}

/// What one address has, as long as one of its requests has a place or waits for one.
struct Share {
    places: Arc<Semaphore>,
    requests: usize,
}

/// A place; free again when this is dropped.
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _counted: Counted,
}

/// A request that counts for its address.
struct Counted {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl Shares {
    /// Room for `all`, of which one address has at most `of_each`.
    pub(crate) fn new(all: usize, of_each: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(all)), of_each, addresses: Mutex::default() })
    }

    /// Waits for a place.
    pub(crate) async fn take(self: &Arc<Self>, address: IpAddr) -> Place {
        // The same caller by IPv4 and by IPv4 within IPv6 is one.
        let address = address.to_canonical();
        let (places, counted) = self.count(address);
        let own = places.acquire_owned().await.expect("the semaphore is never closed");
        let all = self.all.clone().acquire_owned().await.expect("the semaphore is never closed");
        Place { _all: all, _own: own, _counted: counted }
    }

    fn count(self: &Arc<Self>, address: IpAddr) -> (Arc<Semaphore>, Counted) {
        let mut addresses = self.addresses();
        let new = || Share { places: Arc::new(Semaphore::new(self.of_each)), requests: 0 };
        let share = addresses.entry(address).or_insert_with(new);
        share.requests += 1;
        (share.places.clone(), Counted { shares: self.clone(), address })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Share>> {
        // Every change of the map is one step that cannot stop halfway.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut addresses = self.shares.addresses();
        if let Some(share) = addresses.get_mut(&self.address) {
            share.requests -= 1;
            if share.requests == 0 {
                // Addresses that are gone must not gather in memory.
                addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// What a future comes to, if that is at once.
    async fn is_ready<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[tokio::test]
    async fn one_address_leaves_places_to_others() {
        let shares = Shares::new(3, 2);
        let (first, _second) = (shares.take(address(1)).await, shares.take(address(1)).await);
        assert!(is_ready(shares.take(address(1))).await.is_none(), "it has its share");
        let third = is_ready(shares.take(address(2))).await.expect("there is one for another");
        assert!(is_ready(shares.take(address(3))).await.is_none(), "all are taken");
        drop(third);
        assert!(is_ready(shares.take(address(3))).await.is_some());
        drop(first);
        assert!(is_ready(shares.take("::ffff:10.0.0.1".parse().unwrap())).await.is_some());
    }

    #[tokio::test]
    async fn addresses_without_requests_are_forgotten() {
        let shares = Shares::new(1, 1);
        let place = shares.take(address(1)).await;
        assert!(is_ready(shares.take(address(1))).await.is_none());
        assert_eq!(shares.addresses().len(), 1);
        drop(place);
        assert!(shares.addresses().is_empty());
    }
}
