//! What is never opened: secrets, which are listed by name, and folders that programs fill by themselves, which are not.
//!
//! A secret must reach neither the index nor an answer; hidden files (`.ssh`, `.gnupg`, `.env`, `.aws`, …) never get as far as
//! this list.

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

/// Whether an entry is a folder that is left out with everything below it.
pub(super) fn is_ignored_folder(entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    is_folder && (is_program_folder(&entry.file_name().to_string_lossy().to_lowercase()) || is_cache(entry))
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
    fn folders_of_programs_are_left_out() {
        assert!(is_program_folder("node_modules"));
        assert!(is_program_folder("x1y2.default-release"));
        assert!(!is_program_folder("notes"));
    }
}
