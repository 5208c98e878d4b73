//! How many connections may be open, in all and of one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::config::Limits;
use crate::api::metrics::Limit;
use crate::api::network::Network;

/// Connections taken beyond the limit, for questions after the service's health alone: whoever
/// watches it should not take a crowd for a failure.
const RESERVE: usize = 16;

/// Counts connections against their limits.
pub(super) struct Admission {
    all: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    per_address: Arc<PerAddress>,
    per_address_max: usize,
    unlimited: Vec<Network>,
}

/// A connection's place; dropping it frees the place.
pub(super) struct Permit {
    /// Whether it is one of the reserve.
    pub(super) is_reserve: bool,
    _one_of_all: OwnedSemaphorePermit,
    _one_of_address: Option<AddressPermit>,
}

impl Admission {
    /// Proxies have no limit of their own: they ask for many.
    pub(super) fn new(limits: &Limits, proxies: &[Network]) -> Self {
        let all = limits.connections.min(Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(all)),
            reserve: Arc::new(Semaphore::new(RESERVE)),
            per_address: Arc::default(),
            per_address_max: limits.connections_per_address,
            unlimited: [limits.unlimited_networks.as_slice(), proxies].concat(),
        }
    }

    /// A place for a connection from `address`, or the limit that leaves none.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Permit, Limit> {
        let address = address.to_canonical();
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let (one_of_all, is_reserve) = match take(&self.all) {
            Some(place) => (place, false),
            None => (take(&self.reserve).ok_or(Limit::Connections)?, true),
        };
        let unlimited = self.unlimited.iter().any(|net| net.contains(address));
        let one_of_address = if unlimited {
            None
        } else {
            let place = AddressPermit::take(&self.per_address, address, self.per_address_max);
            Some(place.ok_or(Limit::ConnectionsPerAddress)?)
        };
        Ok(Permit {
            is_reserve,
            _one_of_all: one_of_all,
            _one_of_address: one_of_address,
        })
    }
}

#[derive(Default)]
struct PerAddress(Mutex<HashMap<IpAddr, usize>>);

impl PerAddress {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct AddressPermit {
    counts: Arc<PerAddress>,
    address: IpAddr,
}

impl AddressPermit {
    fn take(counts: &Arc<PerAddress>, address: IpAddr, max: usize) -> Option<Self> {
        let mut all = counts.lock();
        let count = all.get(&address).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        all.insert(address, count + 1);
        Some(Self {
            counts: Arc::clone(counts),
            address,
        })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.counts.lock().entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_address_and_come_back() {
        let limits = Limits {
            body: 0,
            fields: 0,
            statistics_per_request: 0,
            header: 0,
            header_timeout: Duration::ZERO,
            request_timeout: Duration::ZERO,
            connections: 3,
            connections_per_address: 1,
            unlimited_networks: vec!["10.0.0.0/24".parse().unwrap()],
            stream_clients: 2,
            response: 0,
        };
        let admission = Admission::new(&limits, &["10.9.0.0/16".parse().unwrap()]);
        let admit = |address: &str| admission.admit(address.parse().unwrap());
        let first = admit("192.0.2.1").ok().unwrap();
        let crowded = |address| admit(address).err();
        assert_eq!(crowded("192.0.2.1"), Some(Limit::ConnectionsPerAddress));
        assert_eq!(
            crowded("::ffff:192.0.2.1"),
            Some(Limit::ConnectionsPerAddress)
        );
        let inside = (admit("10.0.0.1"), admit("10.9.0.1"));
        assert!(inside.0.is_ok() && inside.1.is_ok());
        let mut reserve = Vec::new();
        while let Ok(permit) = admit("10.0.0.2") {
            assert!(permit.is_reserve);
            reserve.push(permit);
        }
        assert_eq!(reserve.len(), RESERVE);
        assert_eq!(crowded("10.0.0.2"), Some(Limit::Connections));
        drop(first);
        let again = admit("192.0.2.1");
        assert!(again.as_ref().is_ok_and(|permit| !permit.is_reserve));
        drop((inside, again));
        assert!(admission.per_address.lock().is_empty());
    }
}
