//! Basic authentication: Argon2id where it must be, a short memory of proven credentials where it
//! need not, and bounds on what guessing may cost.

mod proven;
mod queue;
mod throttle;

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use headers::Header as _;
use headers::authorization::{Authorization, Basic};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use warp::http::header::HeaderValue;

use self::proven::{Fingerprint, Known, Proven};
use self::queue::Queue;
use self::throttle::{Source, Throttle};
use super::config::{Role, User};

/// Argon2 takes 19 MiB and some 27 ms of a core: so many checks at a time, at most.
const CHECKS_AT_A_TIME_MAX: usize = 2;
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// The Argon2id hash of a password, in the PHC form that the configuration takes.
#[must_use]
pub fn hash_password(password: &str) -> String {
    password_auth::generate_hash(password)
}

/// Whether a text is an Argon2id hash that passwords can be checked against.
#[must_use]
pub fn is_password_hash(text: &str) -> bool {
    // Version, parameters, salt and hash: a text without the last two can be read, too.
    text.starts_with("$argon2id$v=")
        && text.split('$').count() == 6
        && password_auth::is_hash_obsolete(text).is_ok()
}

/// Somebody who proved who they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
    /// `None` for all.
    tenants: Option<Vec<String>>,
    pub(super) role: Role,
}

impl Identity {
    /// The tenants that this user is bound to, if any.
    pub(super) fn tenants(&self) -> Option<Vec<String>> {
        self.tenants.clone()
    }

    /// Whether this user may see the tenant's statistics.
    pub(super) fn may_see(&self, tenant: &str) -> bool {
        self.tenants
            .as_ref()
            .is_none_or(|tenants| tenants.iter().any(|known| known == tenant))
    }
}

/// Why credentials were not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AuthError {
    /// They are none, or wrong.
    Wrong,
    /// Too many were wrong; for how long nothing is checked.
    Throttled(Duration),
    /// Too many are being checked.
    Busy(Duration),
}

/// Checks credentials.
pub(super) struct Authenticator {
    users: RwLock<Arc<HashMap<String, Account>>>,
    /// Verified for unknown users, so that their answer takes as long as everybody's.
    dummy_hash: SecretString,
    key: [u8; 32],
    /// Counts the exchanges of the users.
    epoch: AtomicU64,
    proven: Mutex<Proven>,
    throttle: Mutex<Throttle>,
    checks: Arc<Semaphore>,
    queue: Queue,
    /// One check at a time for the same credentials; the others wait for its end.
    pending: Mutex<HashMap<Fingerprint, watch::Receiver<()>>>,
}

struct Account {
    identity: Arc<Identity>,
    password_hash: SecretString,
}

impl Account {
    fn is_as(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.password_hash.expose_secret() == other.password_hash.expose_secret()
    }
}

impl Authenticator {
    pub(super) fn new(users: Vec<User>) -> Self {
        let dummy_hash = hash_password("");
        // The hash begins with 128 bits of salt from the system's random numbers, which nobody is
        // ever shown: as good a source for this process's key as any, at no further dependency.
        let key = blake3::derive_key(
            "peekd 2026-11 memory of proven credentials",
            dummy_hash.as_bytes(),
        );
        Self {
            users: RwLock::new(Arc::new(accounts(users))),
            dummy_hash: dummy_hash.into(),
            key,
            epoch: AtomicU64::new(0),
            proven: Mutex::new(Proven::default()),
            throttle: Mutex::new(Throttle::default()),
            checks: Arc::new(Semaphore::new(checks_at_a_time())),
            queue: Queue::default(),
            pending: Mutex::new(HashMap::new()),
        }
    }

    /// Exchanges the users and empties the memory, so that no withdrawn password goes on working.
    pub(super) fn replace_users(&self, users: Vec<User>) {
        let mut current = self.users.write().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = accounts(users);
        for (name, account) in &mut wanted {
            // Who is the same as before goes on being who they are.
            if let Some(known) = current.get(name).filter(|known| known.is_as(account)) {
                account.identity = Arc::clone(&known.identity);
            }
        }
        *current = Arc::new(wanted);
        // Under the users' lock: a check that began before must not be remembered after.
        *lock(&self.proven) = Proven::default();
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// Changes whenever the users are exchanged: what was proven before counts for nothing then.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whom this `Authorization` header stands for, if that was proven of late, and until when the
    /// proof is good unless the users change.
    pub(super) fn proven(&self, header: &[u8], now: Instant) -> Option<(Arc<Identity>, Instant)> {
        lock(&self.proven).good(&self.fingerprint(header), now)
    }

    /// Whether this user is still one, with the same password and the same tenants.
    pub(super) fn knows(&self, identity: &Arc<Identity>) -> bool {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        let known = users.get(&identity.name);
        known.is_some_and(|known| Arc::ptr_eq(&known.identity, identity))
    }

    /// Who sent this `Authorization` header from `source`.
    pub(super) async fn authenticate(
        &self,
        header: &HeaderValue,
        source: Option<IpAddr>,
    ) -> Result<Arc<Identity>, AuthError> {
        let fingerprint = self.fingerprint(header.as_bytes());
        let (_lead, was_proven) = loop {
            let was_proven = match lock(&self.proven).find(&fingerprint, Instant::now()) {
                Known::Proven(identity) => return Ok(identity),
                Known::Earlier => true,
                Known::Not => false,
            };
            match self.lead(fingerprint) {
                Ok(lead) => break (lead, was_proven),
                // The sender is dropped, never sent to: any result means that the check ended.
                Err(mut other) => other.changed().await.unwrap_or_default(),
            }
        };
        let credentials = parse(header).ok_or(AuthError::Wrong)?;
        let source = Source {
            address: source,
            user: self.fingerprint(credentials.username().as_bytes()),
        };
        // Who was proven before is never throttled or turned away: somebody else's guessing from
        // behind the same gateway must not lock them out.
        let _place = if was_proven {
            None
        } else {
            self.check_throttle(&source)?;
            let place = self.queue.enter(source.address);
            Some(place.ok_or(AuthError::Busy(BUSY_RETRY))?)
        };
        let slot = Arc::clone(&self.checks).acquire_owned().await;
        let slot = slot.map_err(|_| AuthError::Busy(BUSY_RETRY))?;
        if !was_proven {
            // Again, since those before in the queue may have used up the patience.
            self.check_throttle(&source)?;
        }
        self.check(&credentials, fingerprint, source, slot).await
    }

    async fn check(
        &self,
        credentials: &Basic,
        fingerprint: Fingerprint,
        source: Source,
        slot: OwnedSemaphorePermit,
    ) -> Result<Arc<Identity>, AuthError> {
        let users = Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner));
        let account = users.get(credentials.username());
        let hash = account.map_or(&self.dummy_hash, |account| &account.password_hash);
        let matches = verify(credentials.password().into(), hash.clone(), slot).await;
        let now = Instant::now();
        match account {
            Some(account) if matches => {
                lock(&self.throttle).succeeded(&source);
                let current = self.users.read().unwrap_or_else(PoisonError::into_inner);
                if Arc::ptr_eq(&current, &users) {
                    let identity = Arc::clone(&account.identity);
                    lock(&self.proven).remember(fingerprint, identity, now);
                }
                Ok(Arc::clone(&account.identity))
            }
            _ => {
                lock(&self.throttle).failed(source, now);
                lock(&self.proven).forget(&fingerprint);
                Err(AuthError::Wrong)
            }
        }
    }

    fn check_throttle(&self, source: &Source) -> Result<(), AuthError> {
        match lock(&self.throttle).blocked(source, Instant::now()) {
            Some(wait) => Err(AuthError::Throttled(wait)),
            None => Ok(()),
        }
    }

    fn fingerprint(&self, bytes: &[u8]) -> Fingerprint {
        *blake3::keyed_hash(&self.key, bytes).as_bytes()
    }

    /// Takes the lead in checking these credentials, or tells whose end to wait for.
    fn lead(&self, fingerprint: Fingerprint) -> Result<Lead<'_>, watch::Receiver<()>> {
        let mut pending = lock(&self.pending);
        if let Some(other) = pending.get(&fingerprint) {
            return Err(other.clone());
        }
        let (end, waiting) = watch::channel(());
        pending.insert(fingerprint, waiting);
        Ok(Lead {
            pending: &self.pending,
            fingerprint,
            _end: end,
        })
    }
}

/// The lead in a check; whoever waits wakes when it is dropped.
struct Lead<'a> {
    pending: &'a Mutex<HashMap<Fingerprint, watch::Receiver<()>>>,
    fingerprint: Fingerprint,
    _end: watch::Sender<()>,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        lock(self.pending).remove(&self.fingerprint);
    }
}

/// At most half of the cores: the answers need the other half.
fn checks_at_a_time() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    (cores / 2).clamp(1, CHECKS_AT_A_TIME_MAX)
}

fn accounts(users: Vec<User>) -> HashMap<String, Account> {
    let account = |user: User| {
        let identity = Identity {
            name: user.name.clone(),
            tenants: user.tenants,
            role: user.role,
        };
        let account = Account {
            identity: Arc::new(identity),
            password_hash: user.password_hash,
        };
        (user.name, account)
    };
    users.into_iter().map(account).collect()
}

fn parse(header: &HeaderValue) -> Option<Basic> {
    let authorization = Authorization::<Basic>::decode(&mut std::iter::once(header));
    authorization.ok().map(|Authorization(basic)| basic)
}

/// Runs one Argon2 check beside the runtime's threads. The slot is held to the check's end, even
/// when the request that asked for it is gone.
async fn verify(password: SecretString, hash: SecretString, slot: OwnedSemaphorePermit) -> bool {
    let check = tokio::task::spawn_blocking(move || {
        let verdict =
            password_auth::verify_password(password.expose_secret(), hash.expose_secret());
        drop(slot);
        verdict.is_ok()
    });
    check.await.unwrap_or(false)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing behind these locks is left half-changed by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
