//! What `config.json` says of the rotation of heads.
//!
//! Keys: `rope_theta` and `rope_scaling`, since transformers 5 both in `rope_parameters`, there for Gemma one object for layers
//! that see everything and one for those with a window. Llama 3's factors: `_compute_llama3_parameters` of transformers
//! (`modeling_rope_utils.py`), stored as `generate_extra_tensors` of llama.cpp's `conversion/llama.py` does.

use std::f64::consts::TAU;

use super::json::Object;
use crate::error::{Error, shown};
use crate::gguf::Pairs;
use crate::hyperparameters::Architecture;

/// The rotation of layers that see everything.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rope {
    base: f64,
    scaling: Scaling,
}

#[derive(Clone, Debug, PartialEq)]
enum Scaling {
    None,
    /// Positions are divided by it.
    Linear(f64),
    /// Low frequencies are divided by `factor`, high ones stay, those between are mixed.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        /// Positions that the model was first trained for.
        original: f64,
    },
}

/// Base of the rotation in layers with a window; the forward pass knows no other.
const LOCAL_BASE: f64 = 10_000.0;

impl Rope {
    pub(super) fn read(config: &Object<'_>, architecture: Architecture) -> Result<Self, Error> {
        let parameters = match config.object("rope_parameters")? {
            Some(parameters) => Some(parameters),
            None => config.object("rope_scaling")?,
        };
        let part = |key| parameters.map(|parameters| parameters.object(key)).transpose().map(Option::flatten);
        let global = part("full_attention")?.or(parameters);
        let local = match part("sliding_attention")? {
            Some(local) => local.number("rope_theta")?,
            None => config.number("rope_local_base_freq")?,
        };
        if architecture == Architecture::Gemma3 && local.is_some_and(|base| base.to_bits() != LOCAL_BASE.to_bits()) {
            return Err(config.invalid("rope_local_base_freq", format!("only {LOCAL_BASE} is supported")));
        }
        let stated = match global.map(|global| global.number("rope_theta")).transpose()?.flatten() {
            Some(base) => Some(base),
            None => config.number("rope_theta")?,
        };
        // What the configuration classes take where the file says nothing.
        let usual = match architecture {
            Architecture::Gemma3 => 1_000_000.0,
            Architecture::SmolLm3 => 2_000_000.0,
            Architecture::Llama | Architecture::Qwen2 | Architecture::Qwen3 => 10_000.0,
        };
        let scaling = global.map(|global| scaling(&global, architecture)).transpose()?.unwrap_or(Scaling::None);
        Ok(Self { base: stated.unwrap_or(usual), scaling })
    }

    /// Adds the keys of `architecture`.
    pub(super) fn describe(&self, architecture: Architecture, pairs: &mut Pairs) {
        let key = |name: &str| format!("{}.rope.{name}", architecture.name());
        pairs.f32(&key("freq_base"), self.base as f32);
        if architecture == Architecture::Gemma3 {
            pairs.f32(&key("freq_base_swa"), LOCAL_BASE as f32);
        }
        if let Scaling::Linear(factor) = self.scaling {
            pairs.string(&key("scaling.type"), "linear").f32(&key("scaling.factor"), factor as f32);
        }
    }

    /// What the frequency of each pair of a head's dimensions is divided by, if files state it.
    pub(super) fn factors(&self, head_dim: usize) -> Option<Vec<f32>> {
        let Scaling::Llama3 { factor, low, high, original } = self.scaling else {
            return None;
        };
        let divisor = |pair: usize| {
            let wavelength = TAU * self.base.powf(2.0 * pair as f64 / head_dim as f64);
            if wavelength < original / high {
                1.0
            } else if wavelength > original / low {
                factor
            } else {
                let smooth = (original / wavelength - low) / (high - low);
                1.0 / ((1.0 - smooth) / factor + smooth)
            }
        };
        Some((0..head_dim / 2).map(|pair| divisor(pair) as f32).collect())
    }
}

fn scaling(parameters: &Object<'_>, architecture: Architecture) -> Result<Scaling, Error> {
    let kind = match parameters.text("rope_type")? {
        Some(kind) => Some(kind),
        None => parameters.text("type")?,
    };
    let factor = |key, usual: f64| {
        let factor = parameters.number(key)?.unwrap_or(usual);
        if (1.0..=1e6).contains(&factor) {
            return Ok(factor);
        }
        Err(parameters.invalid(key, format!("{factor} is out of range")))
    };
    match (kind.unwrap_or("default"), architecture) {
        ("default", _) => Ok(Scaling::None),
        ("linear", _) => {
            parameters.required("factor", parameters.get("factor"))?;
            Ok(Scaling::Linear(factor("factor", 1.0)?))
        }
        // llama.cpp's converter has no such factors for the others.
        ("llama3", Architecture::Llama | Architecture::SmolLm3) => {
            let (low, high) = (factor("low_freq_factor", 1.0)?, factor("high_freq_factor", 4.0)?);
            if low >= high {
                return Err(parameters.invalid("high_freq_factor", format!("{high} is not above {low}")));
            }
            let original = parameters.count("original_max_position_embeddings", 1..=1 << 24)?.unwrap_or(8192);
            Ok(Scaling::Llama3 { factor: factor("factor", 8.0)?, low, high, original: original as f64 })
        }
        (other, _) => Err(parameters
            .invalid("rope_type", format!("{} scaling is not supported for {}", shown(other), architecture.name()))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Document;
    use super::*;

    fn read(text: &str, architecture: Architecture) -> Result<Rope, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        Rope::read(&Document::required(&path)?.root(), architecture)
    }

    #[test]
    fn both_places_where_files_keep_it_are_read() {
        let old = r#"{"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4.0}}"#;
        let new = r#"{"rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 4}}"#;
        let expected = Rope { base: 5e5, scaling: Scaling::Linear(4.0) };
        assert_eq!(read(old, Architecture::Qwen2).unwrap(), expected);
        assert_eq!(read(new, Architecture::Qwen2).unwrap(), expected);
        let gemma = r#"{"rope_parameters": {"sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
            "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0}}}"#;
        assert_eq!(read(gemma, Architecture::Gemma3).unwrap(), Rope { base: 1e6, scaling: Scaling::Linear(8.0) });
        let nothing = Rope { base: 1e4, scaling: Scaling::None };
        assert_eq!(read(r#"{"rope_scaling": null}"#, Architecture::Llama).unwrap(), nothing);
    }

    /// Of Llama 3.2 1B; the expected values are those of the formula in f32, computed by `numpy`.
    #[test]
    fn llama_3_divides_low_frequencies() {
        let text = r#"{"rope_theta": 500000.0, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0,
            "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}}"#;
        let factors = read(text, Architecture::Llama).unwrap().factors(64).unwrap();
        assert_eq!(factors.len(), 32);
        for (index, (factor, expected)) in factors.iter().zip(FACTORS).enumerate() {
            assert!((factor - expected).abs() < 1e-4 * expected, "{index}: {factor} {expected}");
        }
    }

    const FACTORS: [f32; 32] = [
        1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.65133, 3.29226, 9.66673, 32.0,
        32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0, 32.0,
    ];

    #[test]
    fn scaling_that_the_forward_pass_does_not_know_is_named() {
        for (text, part) in [
            (r#"{"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}"#, "yarn scaling is not supported"),
            (r#"{"rope_scaling": {"rope_type": "linear"}}"#, "rope_scaling.factor"),
            (r#"{"rope_scaling": {"rope_type": "linear", "factor": 0}}"#, "0 is out of range"),
            (r#"{"rope_scaling": {"rope_type": "llama3", "high_freq_factor": 1.0}}"#, "1 is not above 1"),
            (r#"{"rope_scaling": [1]}"#, "rope_scaling: should be an object, is an array"),
            (r#"{"rope_theta": "much"}"#, "rope_theta: should be a finite number, is a string"),
        ] {
            let error = read(text, Architecture::Llama).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let llama3 = r#"{"rope_scaling": {"rope_type": "llama3"}}"#;
        assert!(read(llama3, Architecture::Qwen3).unwrap_err().to_string().contains("llama3 scaling"));
        let local = r#"{"rope_local_base_freq": 20000.0}"#;
        assert!(read(local, Architecture::Gemma3).unwrap_err().to_string().contains("rope_local_base_freq"));
    }
}
