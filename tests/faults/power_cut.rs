//! The power goes at any instant: what was reported flushed is there, all of it readable.

use std::io::Write as _;
use std::time::Duration;

use tempfile::TempDir;

use crate::disk::Disk;
use crate::load::{Acknowledged, Loader, check, seed, times};
use crate::mount::Mounted;

/// Longer than a cut may reasonably keep anybody waiting.
const PATIENCE: Duration = Duration::from_mins(1);
/// After so many cuts a store begins anew: making one is cut short, too.
const CUTS_A_STORE: u32 = 8;

/// A mounted disk, unless this machine does not let a test mount one, which is said aloud.
pub(crate) fn mounted(disk: Disk, left: u64, seed: u64) -> Option<Mounted> {
    match Mounted::new(disk, left, seed) {
        Ok(mounted) => Some(mounted),
        Err(error) => {
            assert!(
                std::env::var_os("PEEKD_REQUIRE_FUSE").is_none(),
                "this machine cannot mount a FUSE file system, and PEEKD_REQUIRE_FUSE demands it: {error}"
            );
            // Past the capture of the output: nobody may take this for a test that ran.
            let text = format!("LEFT OUT: no FUSE file system can be mounted here ({error})\n");
            std::io::stderr().write_all(text.as_bytes()).unwrap();
            None
        }
    }
}

#[test]
fn what_was_flushed_survives_a_power_cut() {
    let cuts = times("PEEKD_POWER_CUTS", 20);
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut disk = Disk::empty();
    let mut known = Acknowledged::default();
    let (mut rounds, mut unopened) = (0, 0);
    for cut in 0..cuts {
        if cut % CUTS_A_STORE == 0 {
            rounds += known.rounds.len();
            (disk, known) = (Disk::empty(), Acknowledged::default());
        }
        // As often soon as late: in the middle of opening, and in the middle of a merge.
        let left = 1_u64 << random.u32(3..12);
        let left = random.u64(left / 2..left);
        let what = format!("seed {seed}, cut {cut} after {left} changes");
        let Some(mounted) = mounted(disk, left, random.u64(..)) else {
            return;
        };
        let before = known.generation;
        run_until_cut(&mounted, &mut known, &what);
        unopened += u32::from(known.generation == before);
        let left = mounted.survivor().unwrap();
        drop(mounted);
        let folder = TempDir::new().unwrap();
        left.copy_to(crate::disk::ROOT, folder.path());
        check(&folder.path().join("store"), &mut known, &what);
        // What the store was before it was looked at: repairing it is cut short, too.
        disk = left;
    }
    rounds += known.rounds.len();
    println!("{cuts} cuts, {unopened} of them while opening, {rounds} rounds acknowledged");
}

fn run_until_cut(mounted: &Mounted, known: &mut Acknowledged, what: &str) {
    let mut loader = Loader::start(&mounted.path().join("store"));
    let was_cut = mounted.wait_for_cut(PATIENCE);
    loader.kill();
    mounted.release();
    loader.end(known, what);
    assert!(was_cut, "{what}: it did not come so far");
}
