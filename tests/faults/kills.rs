//! SIGKILL at any instant, history on: what was reported flushed is there, in history once.

use std::time::Duration;

use tempfile::TempDir;

use crate::load::{Acknowledged, Loader, check, copy_directory, seed, times};

/// After so many kills a store begins anew: its rounds are compared after each.
const KILLS_A_STORE: u32 = 20;

#[test]
fn what_was_flushed_survives_a_kill() {
    let kills = times("PEEKD_KILLS", 20);
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut folder = TempDir::new().unwrap();
    let mut known = Acknowledged::default();
    let mut rounds = 0;
    for kill in 0..kills {
        if kill % KILLS_A_STORE == 0 {
            rounds += known.rounds.len();
            (folder, known) = (TempDir::new().unwrap(), Acknowledged::default());
        }
        let store = folder.path().join("store");
        let mut loader = Loader::start(&store);
        // Any number of acknowledgements, none included, and any instant after.
        for _ in 0..random.u32(0..60) {
            loader.next(&mut known).unwrap();
        }
        let instant = Duration::from_micros(random.u64(0..20_000));
        std::thread::park_timeout(instant);
        loader.kill();
        let what = format!("seed {seed}, kill {kill}");
        loader.end(&mut known, &what);
        // The next process finds what this one left, and not what a look at it made of it.
        let copy = TempDir::new().unwrap();
        if store.exists() {
            copy_directory(&store, &copy.path().join("store"));
        }
        check(&copy.path().join("store"), &mut known, &what);
    }
    rounds += known.rounds.len();
    println!("{kills} kills, {rounds} rounds acknowledged");
}
