//! Open statistics that take turns.

/// Ids in the order in which they take turns. Those of closed statistics are dropped when the round
/// begins again.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    ids: Vec<i32>,
    next: usize,
}

impl Rotation {
    pub(super) fn add(&mut self, id: i32) {
        self.ids.push(id);
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The next `turn` ids, fewer at the end of a round. `still_turns` says of an id whether it
    /// stays in the round.
    pub(super) fn next(&mut self, turn: usize, still_turns: impl Fn(i32) -> bool) -> Vec<i32> {
        if self.next >= self.ids.len() {
            self.next = 0;
            self.ids.retain(|id| still_turns(*id));
            // An id that was closed and opened again would otherwise have two turns.
            self.ids.sort_unstable();
            self.ids.dedup();
        }
        let taken = self.ids.iter().skip(self.next).take(turn);
        let taken: Vec<i32> = taken.copied().collect();
        self.next += taken.len();
        taken
    }
}
