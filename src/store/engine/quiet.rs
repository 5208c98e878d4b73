//! Catches the engine's panics and keeps their default text off standard error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Panics of the engine's own threads since start.
static BACKGROUND_PANICS: AtomicU64 = AtomicU64::new(0);

/// Runs `work`; a panic becomes its message.
pub(in crate::store) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    install();
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    result.map_err(|payload| message(&*payload))
}

/// How often one of the engine's own threads has panicked. It may have been the one that cleans up,
/// which the engine does not replace.
pub(in crate::store) fn background_panics() -> u64 {
    BACKGROUND_PANICS.load(Ordering::Relaxed)
}

/// Wraps the process's panic hook once. Other threads' panics are reported as before.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if QUIET.get() {
                return;
            }
            let current = thread::current();
            let name = current.name().unwrap_or_default();
            if name == "log flusher" || name.starts_with("sled-io-") {
                BACKGROUND_PANICS.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    target: "peekd::store",
                    thread = name,
                    message = message(info.payload()),
                    "a thread of the storage engine ended",
                );
                return;
            }
            before(info);
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    // The engine's assertions span several lines; the first says what happened.
    let line = text.and_then(|text| text.lines().next());
    line.unwrap_or("a panic without a message").to_owned()
}
