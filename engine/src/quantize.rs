//! A model in smaller numbers.
//!
//! Place in the flow: a checked GGUF file, or a model folder (`convert`) → [`quantize`] → a GGUF file with the same metadata.
//! Matrices are expanded to f32 one after the other and rounded by candle's quantizers; vectors (norms, biases) stay as they are.
//! Which type a matrix gets in a mixed scheme, and what stands in where its rows are not made of whole blocks, is llama.cpp's
//! choice (`llama-quant.cpp`), so that files have the size that people know by these names. candle rounds blocks of 256 by an older
//! method than llama.cpp's.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::str::FromStr;

use candle_core::quantized::QTensor;
use candle_core::quantized::ggml_file::qtensor_from_ggml;
use candle_core::{Device, Tensor as Dense};

use crate::cancel::Cancel;
use crate::convert::{Folder, is_model_folder};
use crate::error::{Error, shown};
use crate::gguf::{Description, Opened, Pairs, Source, Tensor, TensorType, header};

/// How the matrices of a file are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
    /// 8 bits.
    Q8_0,
    /// 4 bits with a scale.
    Q4_0,
    /// 4 bits with a scale and an offset.
    Q4_1,
    /// 5 bits with a scale.
    Q5_0,
    /// 5 bits with a scale and an offset.
    Q5_1,
    /// Mostly 4 bits in blocks of 256, 6 where it matters most.
    Q4KM,
    /// Mostly 5 bits in blocks of 256, 6 where it matters most.
    Q5KM,
    /// 6 bits in blocks of 256.
    Q6K,
}

impl Scheme {
    /// All of them: name, ggml's type of most matrices, and `general.file_type`.
    const TABLE: [(Self, &'static str, &'static str, u32); 11] = [
        (Self::F32, "f32", "F32", 0),
        (Self::F16, "f16", "F16", 1),
        (Self::Bf16, "bf16", "BF16", 32),
        (Self::Q8_0, "q8_0", "Q8_0", 7),
        (Self::Q4_0, "q4_0", "Q4_0", 2),
        (Self::Q4_1, "q4_1", "Q4_1", 3),
        (Self::Q5_0, "q5_0", "Q5_0", 8),
        (Self::Q5_1, "q5_1", "Q5_1", 9),
        (Self::Q4KM, "q4_k_m", "Q4_K", 15),
        (Self::Q5KM, "q5_k_m", "Q5_K", 17),
        (Self::Q6K, "q6_k", "Q6_K", 18),
    ];

    /// The names, for a person.
    pub fn names() -> String {
        Self::TABLE.map(|(_, name, ..)| name).join(", ")
    }

    fn row(self) -> (&'static str, &'static str, u32) {
        let (_, name, kind, file_type) =
            Self::TABLE.into_iter().find(|(scheme, ..)| *scheme == self).expect("every scheme stands in the table");
        (name, kind, file_type)
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The type of a matrix.
    fn kind_of(self, name: &str, columns: usize, layers: usize, head: &str) -> TensorType {
        let mixed = matches!(self, Self::Q4KM | Self::Q5KM);
        let wanted = if matches!(self, Self::F32 | Self::F16 | Self::Bf16 | Self::Q8_0) {
            self.row().1
        } else if name == head
            || mixed && name.contains("attn_v") && more_bits(name, layers)
            || mixed && name.contains("ffn_down") && more_bits(name, layers)
        {
            "Q6_K"
        } else {
            self.row().1
        };
        let fits = |kind: &str| columns.is_multiple_of(named(kind).block_elements() as usize);
        let instead = match wanted {
            "Q4_K" => "Q5_0",
            "Q5_K" => "Q5_1",
            "Q6_K" => "Q8_0",
            other => other,
        };
        named([wanted, instead, "F16"].into_iter().find(|kind| fits(kind)).unwrap_or("F32"))
    }
}

impl FromStr for Scheme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::TABLE.into_iter().find(|(_, known, ..)| known.eq_ignore_ascii_case(name));
        found.map(|(scheme, ..)| scheme).ok_or_else(|| format!("{name} is not one of {}", Self::names()))
    }
}

/// The first and last eighth of the layers, and every third between (`use_more_bits`).
fn more_bits(name: &str, layers: usize) -> bool {
    let index = name.strip_prefix("blk.").and_then(|rest| rest.split('.').next()).and_then(|index| index.parse().ok());
    let index: usize = index.unwrap_or(0);
    index < layers / 8 || index >= layers.saturating_mul(7) / 8 || (index - layers / 8) % 3 == 2
}

fn named(name: &str) -> TensorType {
    TensorType::named(name).expect("the names of this file are ggml's")
}

/// Writes the model in `from` to the file `to`, its matrices rounded by `scheme`, and tells after each tensor how many bytes of how
/// many are read. `from` is a GGUF file, or a model folder as Hugging Face publishes it ([`is_model_folder`]): `config.json`,
/// `tokenizer.json` and safetensors files. Returns the size of the new file. `to` appears when it is complete.
///
/// # Errors
/// As [`crate::Decoder::open`] for a damaged file, or a folder that is none of a model that the engine runs; [`Error::Io`] when one
/// cannot be read, [`Error::Write`] when the new one cannot be written; [`Error::Cancelled`].
pub fn quantize(
    from: &Path,
    to: &Path,
    scheme: Scheme,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, Error> {
    let source: Box<dyn Source> =
        if is_model_folder(from) { Box::new(Folder::open(from)?) } else { Box::new(Opened::open(from)?) };
    let about = source.header();
    let architecture = about.metadata.string("general.architecture")?.unwrap_or_default();
    let layers = about.metadata.unsigned(&format!("{architecture}.block_count"))?.unwrap_or(0) as usize;
    let head = if about.tensors.contains_key("output.weight") { "output.weight" } else { "token_embd.weight" };
    let mut tensors: Vec<(&String, &Tensor)> = about.tensors.iter().collect();
    tensors.sort_by_key(|(_, tensor)| tensor.offset);
    let planned: Vec<(&String, &Tensor, TensorType)> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let kind = match tensor.dimensions[..] {
                [_, columns] => scheme.kind_of(name, columns, layers, head),
                _ => tensor.kind,
            };
            (name, tensor, kind)
        })
        .collect();
    let failed = |error: io::Error| Error::write(to, error);
    let is_read = |to: &Path| source.files().iter().any(|file| fs::canonicalize(file).is_ok_and(|file| file == to));
    if fs::canonicalize(to).is_ok_and(|to| is_read(&to)) {
        return Err(Error::invalid(to, "output", "is the file that is read"));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Removed when it is dropped, whatever goes wrong.
    let mut part = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let size = write(source.as_ref(), to, part.as_file_mut(), scheme, &planned, cancel, progress)?;
    part.persist(to).map_err(|error| failed(error.error))?;
    Ok(size)
}

fn write(
    source: &dyn Source,
    to: &Path,
    part: &mut File,
    scheme: Scheme,
    planned: &[(&String, &Tensor, TensorType)],
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, Error> {
    let failed = |error: io::Error| Error::write(to, error);
    let mut out = Counted { inner: BufWriter::new(part), count: 0 };
    let alignment = source.header().alignment;
    let descriptions: Vec<Description<'_>> = planned
        .iter()
        .map(|(name, tensor, kind)| Description { name, dimensions: &tensor.dimensions, kind: *kind })
        .collect();
    let (begin, _) = header(&pairs(source, scheme)?, &descriptions, alignment);
    out.write_all(&begin).map_err(failed)?;
    let total = planned.iter().map(|(_, tensor, _)| tensor.size).sum();
    let mut read = 0;
    for (name, tensor, kind) in planned {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        out.pad(alignment).map_err(failed)?;
        let mut bytes = source.data(name, tensor)?;
        if *kind != tensor.kind {
            bytes = rounded(&bytes, tensor, *kind)
                .map_err(|reason| Error::invalid(&source.header().path, format!("tensor {}", shown(name)), reason))?;
        }
        out.write_all(&bytes).map_err(failed)?;
        read += tensor.size;
        progress(read, total);
    }
    out.pad(alignment).and_then(|()| out.flush()).map_err(failed)?;
    Ok(out.count)
}

/// The pairs of the source, with this scheme's `general.file_type`.
fn pairs(source: &dyn Source, scheme: Scheme) -> Result<Pairs, Error> {
    const KEY: &str = "general.file_type";
    let mut pairs = Pairs::default();
    for (key, range) in source.header().metadata.ranges().filter(|(key, _)| *key != KEY) {
        let pair = source.pair(range)?;
        debug_assert!(pair[8..].starts_with(key.as_bytes()), "the range of a pair begins with its key");
        pairs.copy(&pair);
    }
    pairs.u32(KEY, scheme.row().2);
    Ok(pairs)
}

fn rounded(bytes: &[u8], tensor: &Tensor, kind: TensorType) -> Result<Vec<u8>, String> {
    let (Some(from), Some(to)) = (tensor.kind.candle(), kind.candle()) else {
        return Err(format!("the type {} cannot be converted", tensor.kind.name()));
    };
    let convert = || {
        let dense: Dense =
            qtensor_from_ggml(from, bytes, tensor.dimensions.clone(), &Device::Cpu)?.dequantize(&Device::Cpu)?;
        Ok::<_, candle_core::Error>(QTensor::quantize(&dense, to)?.data()?.into_owned())
    };
    convert().map_err(|error| shown(&error.to_string()))
}

/// Counts what is written.
struct Counted<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Counted<W> {
    fn pad(&mut self, alignment: u64) -> io::Result<()> {
        let missing = self.count.next_multiple_of(alignment) - self.count;
        self.write_all(&vec![0; missing as usize])
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::Header;
    use crate::gguf::build::tiny;
    use crate::test_models;
    use crate::{Decoder, Options};

    fn convert(from: &Path, scheme: Scheme) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out.gguf");
        let mut last = (0, 1);
        let size = quantize(from, &to, scheme, &Cancel::new(), &mut |done, total| last = (done, total)).unwrap();
        assert_eq!((last.0, size), (last.1, fs::metadata(&to).unwrap().len()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        (folder, to)
    }

    #[test]
    fn every_scheme_gives_a_sound_file_with_the_same_metadata() {
        let (_source, from) = tiny("qwen2").write();
        let before = Header::read(&from).unwrap();
        for (scheme, name, kind, file_type) in Scheme::TABLE {
            assert_eq!(name.parse(), Ok(scheme));
            let (_folder, to) = convert(&from, scheme);
            let after = Header::read(&to).unwrap();
            assert_eq!(after.metadata.unsigned("general.file_type").unwrap(), Some(u64::from(file_type)));
            for (key, _) in before.metadata.ranges() {
                assert_eq!(after.metadata.get(key), before.metadata.get(key), "{key}");
            }
            let wanted = after.tensor("blk.0.attn_q.weight").unwrap().kind.name();
            // Rows of 32 are no whole blocks of 256.
            let expected = match kind {
                "Q4_K" => "Q5_0",
                "Q5_K" => "Q5_1",
                "Q6_K" => "Q8_0",
                other => other,
            };
            assert_eq!(wanted, expected, "{name}");
            assert_eq!(after.tensor("output_norm.weight").unwrap().kind.name(), "F32");
            Decoder::open(&to, &Options::default()).unwrap();
        }
        assert!("q3".parse::<Scheme>().unwrap_err().contains("q4_k_m"));
    }

    #[test]
    fn a_mixed_scheme_spends_more_bits_where_llama_cpp_does() {
        let kinds = |name: &str| Scheme::Q4KM.kind_of(name, 1024, 30, "token_embd.weight").name();
        let down = |layer: usize| kinds(&format!("blk.{layer}.ffn_down.weight"));
        let more: Vec<usize> = (0..30).filter(|layer| down(*layer) == "Q6_K").collect();
        assert_eq!(more, [0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29]);
        assert_eq!(kinds("blk.0.attn_v.weight"), "Q6_K");
        assert_eq!((kinds("blk.0.attn_q.weight"), kinds("token_embd.weight")), ("Q4_K", "Q6_K"));
    }

    #[test]
    fn eight_bits_of_the_real_model_answer_as_it_does() {
        let (_folder, to) = convert(&test_models::smollm2_path(), Scheme::Q8_0);
        let decoder = Decoder::open(&to, &Options::default()).unwrap();
        assert_eq!(decoder.info().quantization, "Q8_0");
        let ids = decoder.tokenizer().encode_text("The capital of France is Paris. The capital of Italy is");
        let mut context = decoder.context();
        context.append(&ids, &Cancel::new()).unwrap();
        let scores = context.next_token_scores().unwrap();
        let best = (0..scores.len()).fold(0, |best, id| if scores[id] > scores[best] { id } else { best });
        assert_eq!(decoder.tokenizer().decode(&[best as u32]), " Rome");
    }

    #[test]
    fn what_fails_leaves_nothing_behind() {
        let (_source, from) = tiny("llama").write();
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out.gguf");
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(matches!(quantize(&from, &to, Scheme::Q8_0, &cancel, &mut |_, _| ()), Err(Error::Cancelled)));
        assert!(quantize(Path::new("none.gguf"), &to, Scheme::Q8_0, &Cancel::new(), &mut |_, _| ()).is_err());
        let nowhere = folder.path().join("none/out.gguf");
        let failed = quantize(&from, &nowhere, Scheme::Q8_0, &Cancel::new(), &mut |_, _| ());
        assert!(matches!(failed, Err(Error::Write { .. })));
        let same = quantize(&from, &from, Scheme::Q8_0, &Cancel::new(), &mut |_, _| ()).unwrap_err();
        assert!(same.to_string().contains("is the file that is read"), "{same}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
