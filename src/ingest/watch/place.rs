//! What is known of the place where the folder lies.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Tells a folder from another one at the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Which folder lies at `root`; `None` when there is none.
pub(super) fn identity(root: &Path) -> Option<Identity> {
    let metadata = std::fs::symlink_metadata(root).ok().filter(std::fs::Metadata::is_dir)?;
    Some(Identity { device: metadata.dev(), inode: metadata.ino() })
}

/// File systems that other machines change without the kernel hearing of it, by their numbers in `statfs(2)`: NFS, SMB, CIFS,
/// SMB 2, FUSE (sshfs, rclone and many more), 9P, AFS, Coda, Ceph, `VirtualBox` and `VMware` shares.
#[cfg(target_os = "linux")]
const REMOTE: &[u32] = &[
    0x6969,
    0x517B,
    0xFF53_4D42,
    0xFE53_4D42,
    0x6573_5546,
    0x0102_1997,
    0x5346_414F,
    0x7375_7245,
    0x00C3_6400,
    0x786F_4256,
    0xBACB_ACBC,
];

/// Whether others may change the folder without an event here.
#[cfg(target_os = "linux")]
pub(super) fn is_remote(root: &Path) -> bool {
    // The number has 32 bits in a field whose type depends on the processor.
    rustix::fs::statfs(root).is_ok_and(|found| REMOTE.contains(&(found.f_type as u32)))
}

/// Whether others may change the folder without an event here.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_remote(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_took_the_place_of_another_is_another() {
        let outer = tempfile::tempdir().unwrap();
        let (root, aside) = (outer.path().join("notes"), outer.path().join("aside"));
        std::fs::create_dir(&root).unwrap();
        let first = identity(&root).unwrap();
        assert_eq!(identity(&root), Some(first));
        std::fs::rename(&root, &aside).unwrap();
        assert_eq!(identity(&root), None);
        std::fs::create_dir(&root).unwrap();
        assert_ne!(identity(&root), Some(first));
        std::fs::remove_dir(&root).unwrap();
        std::os::unix::fs::symlink(&aside, &root).unwrap();
        assert_eq!(identity(&root), None, "a link is not followed");
    }
}
