//! The real models that tests run on.
//!
//! They lie where the application puts them. A missing one fails the test instead of skipping it: a test that
//! silently does nothing proves nothing.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::{Decoder, Embedder, Options};

/// `$TANYA_TEST_MODELS`, or the application's own folder of models.
fn folder() -> PathBuf {
    if let Some(folder) = env::var_os("TANYA_TEST_MODELS") {
        return folder.into();
    }
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env::var_os("HOME").expect("HOME is set")).join(".local/share"));
    data.join("tanya/models")
}

fn existing(name: &str, file: &str) -> PathBuf {
    let path = folder().join(name).join(file);
    assert!(
        path.is_file(),
        "{} is missing: fetch it with `tanya models pull {name}`, or set TANYA_TEST_MODELS",
        path.display()
    );
    path
}

pub(crate) fn smollm2_path() -> PathBuf {
    existing("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf")
}

pub(crate) fn minilm_folder() -> PathBuf {
    existing("all-minilm-l6-v2", "model.safetensors").parent().expect("a file has a parent").to_owned()
}

/// Loaded once for all tests.
pub(crate) fn smollm2() -> &'static Decoder {
    static DECODER: OnceLock<Decoder> = OnceLock::new();
    DECODER.get_or_init(|| Decoder::open(&smollm2_path(), &Options::default()).unwrap())
}

/// Loaded once for all tests.
pub(crate) fn minilm() -> &'static Embedder {
    static EMBEDDER: OnceLock<Embedder> = OnceLock::new();
    EMBEDDER.get_or_init(|| Embedder::open(&minilm_folder(), &Options::default()).unwrap())
}
