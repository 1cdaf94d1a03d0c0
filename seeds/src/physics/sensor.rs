//! An IEPE accelerometer and the converter behind it.
//!
//! The well sensor adds white noise and reports a bias voltage near its nominal one. The converter has 16 bits over
//! ± full scale: a count is full scale / 32,768, what lies beyond stays at the end and is counted as clipped.
//!
//! **A loose connector** interrupts the constant current that feeds the sensor, at random, [`BREAKS_PER_S`] times a
//! second on average. Each break lets the input jump towards the supply by several times full scale; the amplifier's
//! coupling capacitor then discharges with [`COUPLING_S`]. The sum of such steps falls with 1/f in amplitude (what
//! vibration engineers call a ski slope), reaches the ends of the range, and buries the vibration, of which only
//! [`LOOSE_GAIN`] still arrives. The mean voltage at the input rises towards that of the supply.

use super::noise::Noise;

/// Interruptions per second of a loose connector.
pub const BREAKS_PER_S: f64 = 4.0;
/// Time constant of the amplifier's coupling, s.
pub const COUPLING_S: f64 = 0.4;
/// Share of the vibration that a loose connector still carries.
pub const LOOSE_GAIN: f64 = 0.2;
/// Voltage of the supply, V: what the bias reads when the sensor is not there.
pub const SUPPLY_V: f64 = 24.0;

/// Counts from the converter's middle to its end.
const COUNTS: f64 = 32_768.0;

/// One sensor with its converter.
#[derive(Clone, Debug)]
pub struct Sensor {
    range: f64,
    fs: f64,
    noise_m_s2: f64,
    bias_v: f64,
    noise: Noise,
}

/// What the converter delivers.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Counts.
    pub counts: Vec<i16>,
    /// m/s² per count.
    pub scale: f64,
    /// Samples that lay beyond the range.
    pub clipped: u64,
    /// Bias voltage, V.
    pub bias_v: f64,
}

impl Sensor {
    /// A sensor with ± `range` m/s² and `noise_m_s2` RMS of its own noise, sampled at `fs` Hz.
    #[must_use]
    pub fn new(range: f64, fs: f64, noise_m_s2: f64, bias_v: f64, noise: Noise) -> Self {
        Self { range, fs, noise_m_s2, bias_v, noise }
    }

    /// Measures `acceleration` (m/s²), which is overwritten, through a connector that is `loose` or sits well.
    pub fn measure(&mut self, acceleration: &mut [f64], loose: bool) -> Record {
        for a in acceleration.iter_mut() {
            *a += self.noise_m_s2 * self.noise.gauss();
        }
        let mut bias_v = self.bias_v + 0.03 * self.noise.gauss();
        if loose {
            self.interrupt(acceleration);
            // Open about four fifths of the time.
            bias_v += (0.8 + 0.05 * self.noise.gauss()).clamp(0.6, 1.0) * (SUPPLY_V - bias_v);
        }
        self.convert(acceleration, (bias_v * 100.0).round() / 100.0)
    }

    fn interrupt(&mut self, acceleration: &mut [f64]) {
        let keep = (-1.0 / (COUPLING_S * self.fs)).exp();
        let chance = BREAKS_PER_S / self.fs;
        let mut charge = 0.0;
        for (n, a) in acceleration.iter_mut().enumerate() {
            // The first break is certain: a record of a loose connector that shows nothing would be a well one.
            if n == 0 || self.noise.uniform() < chance {
                charge += self.range * (0.5 + 1.5 * self.noise.uniform());
            }
            *a = LOOSE_GAIN * *a + charge;
            charge *= keep;
        }
    }

    fn convert(&self, acceleration: &[f64], bias_v: f64) -> Record {
        let scale = self.range / COUNTS;
        let mut clipped = 0;
        let counts = acceleration
            .iter()
            .map(|a| {
                let count = (a / scale).round();
                if !(-COUNTS..COUNTS).contains(&count) {
                    clipped += 1;
                }
                // `as` saturates at the ends of the type, as the converter does at the ends of its range.
                count as i16
            })
            .collect();
        Record { counts, scale, clipped, bias_v }
    }
}
