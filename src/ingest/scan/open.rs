//! Opening and reading one file of the folder without being led anywhere else.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use tanya_index::{ContentHash, FileStamp};

use super::mtime_ns;

/// An open regular file and its stamp when it was opened (without a hash).
#[derive(Debug)]
pub(crate) struct Opened {
    /// Open for reading.
    pub(crate) file: File,
    /// Size and time.
    pub(crate) stamp: FileStamp,
}

/// Opens a regular file below `root` for reading.
///
/// Never follows a link (below the root, where the kernel can check the whole path: Linux 5.6 and later; elsewhere in the last
/// component), never blocks on a pipe, never leaks into a child process. Anything but a regular file is an error.
pub(crate) fn open_regular(root: &Path, relative: &Path) -> io::Result<Opened> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open_beneath(root, relative, flags)?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let stamp = FileStamp { size: metadata.len(), mtime_ns: mtime_ns(&metadata), hash: None };
    Ok(Opened { file, stamp })
}

#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, relative: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    use rustix::io::Errno;

    let folder = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(&folder, relative, flags, Mode::empty(), resolve) {
        // Older kernels, and sandboxes that know fewer calls.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {
            Ok(rustix::fs::openat(CWD, root.join(relative), flags, Mode::empty())?)
        }
        other => Ok(other?),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(root: &Path, relative: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, root.join(relative), flags, Mode::empty())?)
}

/// The hash of the first `limit` bytes: of all that is ever read of the file. Together with the size it tells whether two
/// files give the same text.
pub(crate) fn hash_file(opened: &Opened, limit: u64) -> io::Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut file = (&opened.file).take(limit);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(ContentHash(hasher.finalize().into())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
    }
}
