//! The vectors of the lines of a text.
//!
//! ```text
//! cargo run --release -p tanya-engine --example embed -- MODEL_FOLDER < LINES > VECTORS
//! ```
//!
//! Standard output gets one row of f32 (little-endian, of unit length) for each line: what `TANYA_BENCH_VECTORS` of the library's benches
//! takes.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

use tanya_engine::{Cancel, EmbedKind, Embedder, Options};

/// Lines embedded together.
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: embed MODEL_FOLDER < LINES > VECTORS")?;
    let embedder = Embedder::open(Path::new(&folder), &Options::default())?;
    let lines: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for batch in lines.chunks(BATCH) {
        let texts: Vec<&str> = batch.iter().map(String::as_str).collect();
        for vector in embedder.embed(EmbedKind::Passage, &texts, &Cancel::default())? {
            for value in vector {
                out.write_all(&value.to_le_bytes())?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
