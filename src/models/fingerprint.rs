//! What tells one file from another without reading all of a large one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Files up to this size are hashed wholly.
const WHOLE: u64 = 64 << 20;
/// Of larger ones so many stretches, evenly spread, the first and the last bytes among them.
const SAMPLES: u64 = 64;
const SAMPLE: usize = 256 << 10;

/// `blake3:` and the hash of the file, or `blake3-sampled:` and that of its length and of 16 MiB spread over it where it is larger than 64 MiB.
/// A model that was trained on, or quantized otherwise, differs everywhere; a few bytes changed on purpose may escape the samples.
///
/// # Errors
/// As reading the file.
pub fn fingerprint(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    if length <= WHOLE {
        hasher.update_reader(file)?;
        return Ok(format!("blake3:{}", hasher.finalize()));
    }
    hasher.update(&length.to_le_bytes());
    let mut stretch = vec![0; SAMPLE];
    let last = length - SAMPLE as u64;
    for sample in 0..SAMPLES {
        let at = if sample == SAMPLES - 1 { last } else { last / (SAMPLES - 1) * sample };
        file.read_exact_at(&mut stretch, at)?;
        hasher.update(&stretch);
    }
    Ok(format!("blake3-sampled:{}", hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_hashed_wholly_and_a_large_one_by_its_length_and_its_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(fingerprint(&path).unwrap(), format!("blake3:{}", blake3::hash(b"abc")));

        // Holes take no room.
        let file = File::options().write(true).open(&path).unwrap();
        let of = |length: u64, at: u64, byte: u8| {
            file.set_len(0).unwrap();
            file.set_len(length).unwrap();
            file.write_all_at(&[byte], at).unwrap();
            fingerprint(&path).unwrap()
        };
        let length = WHOLE + 12_345;
        let prints = [of(length, 0, 0), of(length + 1, 0, 0), of(length, 0, 1), of(length, length - 1, 1)];
        assert!(prints.iter().all(|print| print.starts_with("blake3-sampled:")));
        let mut unlike = prints.to_vec();
        unlike.sort();
        unlike.dedup();
        assert_eq!(unlike.len(), prints.len());
        assert!(fingerprint(&dir.path().join("none")).is_err());
    }
}
