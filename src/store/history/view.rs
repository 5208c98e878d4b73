//! What readers see: one consistent state of history, replaced as a whole when it changes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::shelf::Kept;
use super::tail::Tail;
use crate::store::error::Error;

/// One state of history.
#[derive(Default)]
pub(super) struct View {
    pub(super) kept: Vec<Kept>,
    pub(super) tail: Tail,
    /// What was found damaged when it was opened.
    pub(super) damaged: Vec<String>,
}

/// Where the newest view is found.
#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Opening,
    Open(Arc<View>),
    Closed,
}

/// How long a reader waits for history to be opened.
const OPENING_WAIT_MAX: Duration = Duration::from_secs(10);

impl Board {
    /// Shows a new view to whoever asks from now on.
    pub(super) fn show(&self, view: View) {
        let before = std::mem::replace(&mut *self.lock(), State::Open(Arc::new(view)));
        self.changed.notify_all();
        // Freeing a big tail takes a moment, which nobody should wait for.
        drop(before);
    }

    /// There will be no more views, and nothing is kept open for readers.
    pub(super) fn close(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Closed);
        self.changed.notify_all();
        drop(before);
    }

    /// The newest view. Waits a while for the first.
    pub(super) fn view(&self) -> Result<Arc<View>, Error> {
        let opening = |state: &mut State| matches!(state, State::Opening);
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), OPENING_WAIT_MAX, opening);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Open(view) => Ok(Arc::clone(view)),
            State::Opening => Err(Error::Engine("history is still being opened".to_owned())),
            State::Closed => Err(Error::Closed),
        }
    }

    /// The newest view, if there is one yet.
    pub(super) fn now(&self) -> Option<Arc<View>> {
        match &*self.lock() {
            State::Open(view) => Some(Arc::clone(view)),
            State::Opening | State::Closed => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
