//! Who waits for a check of a password: so many in all, and from one address no more than half of
//! them, so that one guesser with many names leaves room for everybody else.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::lock;

/// How many may wait for their check: a few seconds' worth.
const WAITING_MAX: usize = 64;
const WAITING_MAX_PER_ADDRESS: usize = WAITING_MAX / 2;

/// Counts those who wait or are being checked.
#[derive(Default)]
pub(super) struct Queue(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    all: usize,
    by_address: HashMap<Option<IpAddr>, usize>,
}

/// Somebody's place; dropping it frees the place.
pub(super) struct Place {
    queue: Arc<Mutex<Waiting>>,
    address: Option<IpAddr>,
}

impl Queue {
    /// A place for a check that `address` asks for, if there is one.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Option<Place> {
        let mut waiting = lock(&self.0);
        let of_address = waiting.by_address.get(&address).copied().unwrap_or(0);
        if waiting.all >= WAITING_MAX || of_address >= WAITING_MAX_PER_ADDRESS {
            return None;
        }
        waiting.all += 1;
        waiting.by_address.insert(address, of_address + 1);
        Some(Place {
            queue: Arc::clone(&self.0),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.queue);
        waiting.all -= 1;
        if let Entry::Occupied(mut count) = waiting.by_address.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_the_others() {
        let queue = Queue::default();
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let mut places = Vec::new();
        while let Some(place) = queue.enter(address(1)) {
            places.push(place);
        }
        assert_eq!(places.len(), WAITING_MAX_PER_ADDRESS);
        for last in 2_u8.. {
            let Some(place) = queue.enter(address(last)) else {
                break;
            };
            places.push(place);
        }
        assert_eq!(places.len(), WAITING_MAX);
        places.clear();
        assert!(lock(&queue.0).by_address.is_empty());
        assert!(queue.enter(address(1)).is_some());
    }
}
