//! From the acceleration of a housing to what the converter writes.

use analytics::rotating::testing::Noise;

use super::Run;

/// Full scale, m/s².
const FULL: f64 = 490.0;
/// Noise of the sensor and its amplifier, m/s² RMS.
const HISS: f64 = 0.01;

/// Adds noise and rounds to 16 bits.
pub fn convert(run: &mut Run, noise: &mut Noise) {
    let step = FULL / 32_768.0;
    for c in &mut run.channels {
        for v in &mut c.x {
            *v = ((*v + HISS * noise.normal()) / step).round().clamp(-32_768.0, 32_767.0) * step;
        }
    }
    // Probes: 8 mV/µm, a micrometre-hundredth of noise, the same converter over half a millimetre.
    let step = 5e-4 / 32_768.0;
    for v in run.probe.0.iter_mut().chain(&mut run.probe.1) {
        *v = ((*v + 2e-8 * noise.normal()) / step).round() * step;
    }
}
