//! What the library knows and what the folder holds → what to do. Pure.
//!
//! A file is unchanged while its size and modification time are; a changed time with the same content only moves the
//! stamp; a path that went while the same content came under another name is a rename. Hashes are asked for
//! ([`hashes_wanted`]) only where one of these questions needs them: an unchanged folder is never read.

use std::collections::{BTreeMap, HashMap, HashSet};

use tanya_index::{ContentHash, FileRecord, FileStamp, FileState};

use super::extract::of_name;

/// What the scan says about a file before reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// To be read.
    Read,
    /// To be listed with a state and a reason, unread.
    Unread(FileState, String),
}

/// One entry of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The relative path, encoded by `paths`.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) mtime_ns: i64,
    /// To be read or not.
    pub(crate) verdict: Verdict,
    /// The hash of the content, where the plan needs it.
    pub(crate) hash: Option<ContentHash>,
}

impl Found {
    /// The stamp of the file as found.
    pub(crate) fn stamp(&self) -> FileStamp {
        FileStamp { size: self.size, mtime_ns: self.mtime_ns, hash: self.hash }
    }
}

/// A file that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    /// Its path in the library.
    pub(crate) from: String,
    /// Its path in the folder.
    pub(crate) to: String,
    /// Its stamp now.
    pub(crate) stamp: FileStamp,
}

/// What brings the library to the state of the folder. Every path is in at most one list; `rename` and `remove` come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// New files.
    pub(crate) add: Vec<Found>,
    /// Files whose content or verdict changed.
    pub(crate) change: Vec<Found>,
    /// Same content, other path.
    pub(crate) rename: Vec<Rename>,
    /// Same content, other time.
    pub(crate) touch: Vec<(String, FileStamp)>,
    /// Files that are gone.
    pub(crate) remove: Vec<String>,
    /// How many files need nothing.
    pub(crate) unchanged: u64,
}

/// What the folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Its entries, by path, each path once.
    pub(crate) found: Vec<Found>,
    /// Folders that could not be listed, each with a final `/`: what the library knows under them stays as it is.
    pub(crate) blind: Vec<String>,
}

/// Which entries of `scan.found` must be hashed before [`plan`] can tell what they are.
pub(crate) fn hashes_wanted(known: &[FileRecord], scan: &Scan) -> Vec<usize> {
    let by_path: HashMap<&str, &FileRecord> = known.iter().map(|record| (record.path.as_str(), record)).collect();
    let here: HashSet<&str> = scan.found.iter().map(|found| found.path.as_str()).collect();
    let gone_sizes: HashSet<u64> =
        gone(known, &here, scan).filter(|record| record.stamp.hash.is_some()).map(|record| record.stamp.size).collect();
    let wanted = |found: &Found| {
        found.verdict == Verdict::Read
            && match by_path.get(found.path.as_str()) {
                Some(record) => {
                    record.stamp.hash.is_some()
                        && record.stamp.size == found.size
                        && record.stamp.mtime_ns != found.mtime_ns
                }
                None => gone_sizes.contains(&found.size),
            }
    };
    scan.found.iter().enumerate().filter(|(_, found)| wanted(found)).map(|(at, _)| at).collect()
}

/// What to do. Deterministic: lists are ordered by path, and of several rename candidates the first by path is taken.
pub(crate) fn plan(known: &[FileRecord], scan: &Scan) -> Plan {
    let by_path: HashMap<&str, &FileRecord> = known.iter().map(|record| (record.path.as_str(), record)).collect();
    let here: HashSet<&str> = scan.found.iter().map(|found| found.path.as_str()).collect();
    let mut movable: HashMap<(u64, ContentHash), Vec<&FileRecord>> = HashMap::new();
    let mut remove: BTreeMap<&str, &FileRecord> = BTreeMap::new();
    for record in gone(known, &here, scan) {
        remove.insert(&record.path, record);
    }
    // From the last to the first, so that `pop` gives the first by path.
    for record in remove.values().rev() {
        if let Some(hash) = record.stamp.hash {
            movable.entry((record.stamp.size, hash)).or_default().push(record);
        }
    }
    let mut plan = Plan::default();
    let mut found: Vec<&Found> = scan.found.iter().collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    for found in found {
        match by_path.get(found.path.as_str()) {
            Some(record) => known_file(record, found, &mut plan),
            None => match source_of(found, &mut movable) {
                Some(from) => {
                    remove.remove(from.path.as_str());
                    plan.rename.push(Rename { from: from.path.clone(), to: found.path.clone(), stamp: found.stamp() });
                }
                None => plan.add.push(found.clone()),
            },
        }
    }
    plan.remove = remove.into_keys().map(str::to_owned).collect();
    plan
}

/// What the library knows and the folder no longer holds.
fn gone<'a>(known: &'a [FileRecord], here: &HashSet<&str>, scan: &Scan) -> impl Iterator<Item = &'a FileRecord> {
    known.iter().filter(|record| {
        !here.contains(record.path.as_str())
            && !scan.blind.iter().any(|folder| record.path.starts_with(folder.as_str()))
    })
}

fn known_file(record: &FileRecord, found: &Found, plan: &mut Plan) {
    let same_stamp = record.stamp.size == found.size && record.stamp.mtime_ns == found.mtime_ns;
    match &found.verdict {
        Verdict::Unread(state, reason) => {
            let same =
                record.state == *state && record.reason.as_deref() == Some(reason) && record.stamp.hash.is_none();
            if same && same_stamp {
                plan.unchanged += 1;
            } else {
                plan.change.push(found.clone());
            }
        }
        // Without a hash it was never read: left out then, to be read now, or not to be opened then.
        Verdict::Read if record.stamp.hash.is_none() => plan.change.push(found.clone()),
        Verdict::Read if same_stamp => plan.unchanged += 1,
        Verdict::Read if found.hash.is_some() && found.hash == record.stamp.hash && found.size == record.stamp.size => {
            plan.touch.push((found.path.clone(), found.stamp()));
        }
        Verdict::Read => plan.change.push(found.clone()),
    }
}

/// The missing file that this new one was, if any. The format must be the same: it decides how the bytes are read.
fn source_of<'a>(
    found: &Found,
    movable: &mut HashMap<(u64, ContentHash), Vec<&'a FileRecord>>,
) -> Option<&'a FileRecord> {
    if found.verdict != Verdict::Read {
        return None;
    }
    let candidates = movable.get_mut(&(found.size, found.hash?))?;
    let format = |path: &str| of_name(path.rsplit('/').next().unwrap_or(path));
    let at = candidates.iter().rposition(|record| format(&record.path) == format(&found.path))?;
    Some(candidates.remove(at))
}

#[cfg(test)]
mod tests;
