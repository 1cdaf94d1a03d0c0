//! What stands beside the samples, as JSON: what `danxia import waveform` reads beside a WAV.

use plant::{Samples, Waveform};
use serde_json::json;

/// Full scale of integers of 16 bits: a WAV's values are fractions of it.
const FULL_SCALE: f64 = 32_768.0;

/// The sidecar of `w`. `counts` says whether the file beside it holds the converter's counts (WAV) or physical values.
#[must_use]
pub fn sidecar(w: &Waveform, counts: bool) -> Vec<u8> {
    let machine = w.point.machine();
    let mut channel = json!({"point": w.point.name(), "unit": w.unit.symbol()});
    if let (true, Samples::I16 { scale, offset, .. }) = (counts, &w.samples) {
        // Powers of two change no digit: count / 32768 · (scale · 32768) is count · scale to the last bit.
        channel["scale"] = json!(scale * FULL_SCALE);
        channel["offset"] = json!(offset);
    }
    if let Some(speed) = w.meta.speed {
        channel["rpm"] = json!(speed.mean_rpm);
    }
    if let Some(sync) = &w.meta.sync {
        channel["sync"] = json!(&**sync);
    }
    if let Some(pulses) = w.meta.pulses {
        channel["pulses"] = json!(pulses);
    }
    let all = json!({
        "t0": crate::history::instant(w.t0).to_string(),
        "machine": machine.as_str(),
        "fs": w.fs,
        "whole": true,
        "channels": [channel],
    });
    // Texts and finite numbers always serialise.
    let mut out = serde_json::to_vec_pretty(&all).unwrap_or_default();
    out.push(b'\n');
    out
}
