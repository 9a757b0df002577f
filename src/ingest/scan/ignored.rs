//! What is never opened: secrets, which are listed by name, and what programs make for themselves, which is not.
//!
//! A secret must reach neither the index nor an answer; hidden files (`.ssh`, `.gnupg`, `.env`, `.aws`, …) never get as far as
//! this list.

use std::ffi::OsStr;
use std::path::Path;

use ignore::DirEntry;

/// Folders of programs: dependencies, caches, browser profiles.
const FOLDERS: &[&str] =
    &["node_modules", "__pycache__", "bower_components", "site-packages", "user data", "keychains", "keyrings"];

/// Exact names of files that hold keys, passwords or cookies.
const FILES: &[&str] = &[
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "authorized_keys",
    "known_hosts",
    "credentials",
    "credentials.json",
    "client_secret.json",
    "service-account.json",
    "secrets.yaml",
    "secrets.yml",
    "secrets.json",
    "secrets.toml",
    "htpasswd",
    "login data",
    "login data for account",
    "web data",
    "cookies",
    "cookies.sqlite",
    "cookies.txt",
    "key3.db",
    "key4.db",
    "logins.json",
    "signons.sqlite",
    "wallet.dat",
    "shadow",
    "gshadow",
    "terraform.tfstate",
    "terraform.tfvars",
    "kubeconfig",
];

/// Extensions of keys and password stores.
const EXTENSIONS: &[&str] = &[
    "pem", "key", "p8", "p12", "pfx", "pkcs12", "jks", "keystore", "kdb", "kdbx", "ppk", "asc", "gpg", "pgp", "ovpn",
    "agekey", "keytab",
];

/// Files that say which others are left out, and whose coming and going therefore changes more than themselves.
const RULES: &[&str] = &[".gitignore", ".ignore", ".tanyaignore", ".git", "CACHEDIR.TAG", "pyvenv.cfg"];

/// Whether an entry is a folder that is left out with everything below it, or a passing copy of another file.
pub(super) fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        is_program_folder(&name.to_lowercase()) || is_cache(entry)
    } else {
        is_backup(&name)
    }
}

/// Whether a change at this relative path may change what is listed elsewhere.
pub(crate) fn is_rule(path: &Path) -> bool {
    path.file_name().is_some_and(|name| RULES.iter().any(|rule| name == *rule)) && !is_out_of_sight(path)
}

/// Whether nothing at this relative path is ever listed, as its name or that of a folder above it shows.
pub(crate) fn is_passing(path: &Path) -> bool {
    path.file_name().is_some_and(is_hidden) || is_out_of_sight(path)
}

/// Whether a folder above this path is never entered.
fn is_out_of_sight(path: &Path) -> bool {
    let left_out = |name: &OsStr| is_hidden(name) || is_program_folder(&name.to_string_lossy().to_lowercase());
    path.parent().is_some_and(|above| above.iter().any(left_out))
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// What editors keep beside a file while or after they save it (Emacs, Vim, Nano, Kate): a copy of what is listed anyway.
fn is_backup(name: &str) -> bool {
    let swap = |extension: &str| ["swp", "swo", "swx"].contains(&extension);
    name.ends_with('~')
        || (name.len() > 2 && name.starts_with('#') && name.ends_with('#'))
        || name.rsplit_once('.').is_some_and(|(_, extension)| swap(extension))
}

/// Whether an entry is a file that may hold a secret.
pub(super) fn is_secret(entry: &DirEntry) -> bool {
    is_secret_name(&entry.file_name().to_string_lossy().to_lowercase())
}

fn is_program_folder(name: &str) -> bool {
    // Firefox and Thunderbird name profiles `<random>.default-release`.
    FOLDERS.contains(&name) || name.ends_with(".default") || name.ends_with(".default-release")
}

/// A folder tagged as a cache (<https://bford.info/cachedir/>) or a Python environment.
fn is_cache(entry: &DirEntry) -> bool {
    ["CACHEDIR.TAG", "pyvenv.cfg"]
        .iter()
        .any(|tag| entry.path().join(tag).symlink_metadata().is_ok_and(|metadata| metadata.is_file()))
}

fn is_secret_name(name: &str) -> bool {
    let is_key = FILES.contains(&name) || name.starts_with("id_rsa") || name.starts_with("id_ed25519");
    // Public halves and `.env` files under other names (`prod.env`).
    is_key || name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension) || extension == "env")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_and_notes_about_them_are_not() {
        for name in [
            "id_rsa",
            "id_rsa.bak",
            "server.pem",
            "private.key",
            "prod.env",
            "vault.kdbx",
            "login data",
            "cookies.sqlite",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["keys.md", "environment.txt", "cookies.md", "shadowing.rs", "pem.txt"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_name_shows_what_never_matters_and_what_matters_elsewhere() {
        let rule = |path: &str| is_rule(Path::new(path));
        let passing = |path: &str| is_passing(Path::new(path));
        for path in [".gitignore", "a/.tanyaignore", "a/CACHEDIR.TAG", ".git"] {
            assert!(rule(path), "{path}");
        }
        for path in [".git/.gitignore", "gitignore", ".gitignore/a.md", ""] {
            assert!(!rule(path), "{path}");
        }
        for path in [".git/HEAD", "a/.note.md.swp", "node_modules/a/b.md", ".hidden"] {
            assert!(passing(path), "{path}");
        }
        // A file may have the name of such a folder; backups are left to the scan: a folder may end in `~`.
        for path in ["", "a.md", "a/node_modules", "a/note.md~"] {
            assert!(!passing(path), "{path}");
        }
    }

    #[test]
    fn folders_of_programs_are_left_out() {
        assert!(is_program_folder("node_modules"));
        assert!(is_program_folder("x1y2.default-release"));
        assert!(!is_program_folder("notes"));
    }
}
