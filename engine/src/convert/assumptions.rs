//! What the forward pass takes for granted and `config.json` can say otherwise.
//!
//! GGUF files have no keys for most of this, and llama.cpp's converter says nothing: a model that differs would be converted
//! and then compute something else than it was trained to.

use serde_json::Value;

use super::json::Object;
use crate::error::{Error, shown};
use crate::hyperparameters::Architecture;

/// Fails on the first thing that this engine would not do as the model wants it.
pub(super) fn check(config: &Object<'_>, architecture: Architecture) -> Result<(), Error> {
    if let Some(quantization) = config.object("quantization_config")? {
        let method = quantization.text("quant_method")?.unwrap_or("something unknown");
        let reason = format!("weights of {} are not supported, only F32, F16 and BF16", shown(method));
        return Err(config.invalid("quantization_config", reason));
    }
    for key in ["mlp_bias", "use_sliding_window", "use_bidirectional_attention"] {
        if config.bool(key)? == Some(true) {
            return Err(config.invalid(key, "is not supported"));
        }
    }
    if config.number("attn_logit_softcapping")?.is_some() {
        return Err(config.invalid("attn_logit_softcapping", "is not supported"));
    }
    if config.number("partial_rotary_factor")?.is_some_and(|share| share < 1.0) {
        return Err(config.invalid("partial_rotary_factor", "heads that are rotated in part are not supported"));
    }
    activation(config, architecture)?;
    layer_types(config, architecture)?;
    if architecture == Architecture::SmolLm3 { unrotated(config) } else { Ok(()) }
}

/// Fails unless products of queries and keys are scaled as [`crate::hyperparameters`] infers.
pub(super) fn check_scale(config: &Object<'_>, layers: usize, inferred: usize) -> Result<(), Error> {
    match config.count("query_pre_attn_scalar", 1..=1 << 20)? {
        Some(scalar) if scalar != inferred => {
            let reason = format!("{scalar} differs from {inferred}, which is not supported for {layers} layers");
            Err(config.invalid("query_pre_attn_scalar", reason))
        }
        _ => Ok(()),
    }
}

fn activation(config: &Object<'_>, architecture: Architecture) -> Result<(), Error> {
    let (key, wanted): (&str, &[&str]) = match architecture {
        Architecture::Gemma3 => ("hidden_activation", &["gelu_pytorch_tanh"]),
        _ => ("hidden_act", &["silu", "swish"]),
    };
    match config.text(key)? {
        Some(found) if !wanted.contains(&found) => {
            Err(config.invalid(key, format!("{} is not supported (supported: {})", shown(found), wanted[0])))
        }
        _ => Ok(()),
    }
}

/// Gemma 3's layers look at a window but for every sixth; all others' see everything.
fn layer_types(config: &Object<'_>, architecture: Architecture) -> Result<(), Error> {
    let windows = architecture == Architecture::Gemma3 && pattern(config)? != 1;
    for (index, kind) in config.list("layer_types")?.unwrap_or_default().iter().enumerate() {
        let wanted = if windows && index % 6 < 5 { "sliding_attention" } else { "full_attention" };
        if kind != wanted {
            let reason = format!("layer {index} should be {wanted}, is {}", shown(&kind.to_string()));
            return Err(config.invalid("layer_types", reason));
        }
    }
    Ok(())
}

/// Of how many layers of Gemma 3 one sees everything: 6, or 1.
pub(super) fn pattern(config: &Object<'_>) -> Result<usize, Error> {
    for key in ["sliding_window_pattern", "_sliding_window_pattern"] {
        match config.count(key, 0..=1 << 20)? {
            None => {}
            Some(pattern @ (1 | 6)) => return Ok(pattern),
            Some(pattern) => return Err(config.invalid(key, format!("{pattern} is not supported (supported: 1, 6)"))),
        }
    }
    Ok(6)
}

/// `SmolLM3` leaves every fourth layer unrotated. The list says 1 for a layer that is rotated.
fn unrotated(config: &Object<'_>) -> Result<(), Error> {
    let list = config.list("no_rope_layers")?;
    for (index, rotated) in list.unwrap_or_default().iter().enumerate() {
        if rotated.as_u64() != Some(u64::from(index % 4 != 3)) {
            let reason = "other than every fourth layer without rotation is not supported";
            return Err(config.invalid("no_rope_layers", reason));
        }
    }
    match config.get("no_rope_layer_interval").map(Value::as_u64) {
        Some(interval) if list.is_none() && interval != Some(4) => {
            Err(config.invalid("no_rope_layer_interval", "only 4 is supported"))
        }
        _ => Ok(()),
    }
}
