//! What binds the files of a word index to their names.
//!
//! tantivy ends every file with a checksum of its bytes. A whole file in another's place has one that fits, and would be searched for
//! what it is not. So a list names each file of each committed segment with its length and its last bytes, the checksum
//! among them; these files never change. Segments that were merged since it was written are not in the list yet: they pass.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tantivy::{Index, TantivyError};

/// Begins with a full stop: tantivy leaves such files alone.
const LIST: &str = ".seals.json";
const NEW_LIST: &str = ".seals.new";
/// Enough for tantivy's footer from its checksum on.
const TAIL: u64 = 64;

/// Lists the files of the last commit. Without the list, or with an older one, less is known and nothing is wrong: a failure is noted and
/// passed over.
pub(super) fn write(path: &Path, index: &Index) {
    let written = names(path, index).map_err(|error| error.to_string()).and_then(|names| {
        let seals: BTreeMap<String, String> =
            names.into_iter().filter_map(|name| seal(&path.join(&name)).ok().map(|seal| (name, seal))).collect();
        store(path, &seals).map_err(|error| error.to_string())
    });
    if let Err(error) = written {
        tracing::warn!(error, "the list of the word index's files was not written");
    }
}

/// A file that is not the one that was listed under its name.
pub(super) fn broken(path: &Path, index: &Index) -> Result<Option<String>, TantivyError> {
    let Some(seals) = read(path) else { return Ok(None) };
    // A file that is missing is for tantivy to find.
    let differs =
        |name: &String| seals.get(name).is_some_and(|known| seal(&path.join(name)).is_ok_and(|found| found != *known));
    Ok(names(path, index)?.into_iter().find(differs))
}

fn read(path: &Path) -> Option<BTreeMap<String, String>> {
    serde_json::from_slice(&fs::read(path.join(LIST)).ok()?).ok()
}

fn store(path: &Path, seals: &BTreeMap<String, String>) -> io::Result<()> {
    let mut file = File::create(path.join(NEW_LIST))?;
    file.write_all(&serde_json::to_vec(seals)?)?;
    file.sync_all()?;
    fs::rename(path.join(NEW_LIST), path.join(LIST))
}

/// The files of the segments that the last commit lists, in order.
fn names(path: &Path, index: &Index) -> Result<Vec<String>, TantivyError> {
    let segments: BTreeMap<String, Option<u64>> = index
        .load_metas()?
        .segments
        .iter()
        .map(|segment| (segment.id().uuid_string(), segment.delete_opstamp()))
        .collect();
    // `ID.KIND`, or `ID.NUMBER.del`; of the latter only the last counts, others are being written or go.
    let counts = |name: &String| {
        let mut parts = name.split('.');
        let removals = parts.next().and_then(|id| segments.get(id));
        match (removals, parts.next(), parts.next()) {
            (Some(_), Some(_), None) => true,
            (Some(Some(last)), Some(number), Some("del")) => number == last.to_string(),
            _ => false,
        }
    };
    let entries = fs::read_dir(path)?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = entries.filter(counts).collect();
    names.sort();
    Ok(names)
}

/// A hash of a file's length and last bytes.
fn seal(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    tail.extend(length.to_le_bytes());
    Ok(blake3::hash(&tail).to_hex()[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_tells_length_and_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut seals = std::collections::BTreeSet::new();
        for bytes in [vec![], vec![0; 10], vec![0; 100], vec![0; 101], [vec![0; 99], vec![1]].concat()] {
            fs::write(&path, bytes).unwrap();
            seals.insert(seal(&path).unwrap());
        }
        assert_eq!(seals.len(), 5);
    }
}
