//! The file system under the store, asked.

use std::io;
use std::path::Path;

use historian::{Probe, Space};

/// Asks the operating system.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem;

impl Probe for FileSystem {
    fn space(&self, dir: &Path) -> io::Result<Space> {
        let s = rustix::fs::statvfs(dir)?;
        // What is kept for root is neither ours nor free to us.
        let kept = s.f_bfree.saturating_sub(s.f_bavail);
        let bytes = |blocks: u64| blocks.saturating_mul(s.f_frsize);
        Ok(Space { total: bytes(s.f_blocks.saturating_sub(kept)), free: bytes(s.f_bavail) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lies_on_a_file_system_with_some_room() {
        let dir = tempfile::tempdir().unwrap();
        let space = FileSystem.space(dir.path()).unwrap();
        assert!(space.free > 0 && space.free <= space.total, "{space:?}");
        assert!(FileSystem.space(&dir.path().join("none")).is_err());
    }
}
