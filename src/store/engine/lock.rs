//! Who holds the engine's lock, from the system's list of file locks.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The process that holds a lock on `file`, where the system tells.
pub(super) fn holder(file: &Path) -> Option<u32> {
    let inode = fs::metadata(file).ok()?.ino();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    holder_in(&locks, inode)
}

/// Lines read `1: FLOCK  ADVISORY  WRITE 4711 08:01:131072 0 EOF`. Only the inode is compared: some
/// file systems show another device number here than to `stat`.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let inode = inode.to_string();
    locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        // Waiting processes are listed behind an arrow.
        if fields.next()? != "FLOCK" {
            return None;
        }
        let pid = fields.nth(2)?.parse().ok()?;
        let found = fields.next()?.rsplit(':').next()?;
        (found == inode).then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_read_from_the_list_of_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 17 08:01:99 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4711 08:01:131072 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 4712 08:01:131072 0 EOF\n";
        assert_eq!(holder_in(locks, 131_072), Some(4711));
        assert_eq!(holder_in(locks, 99), None);
    }
}
