//! An IEPE accelerometer and the converter behind it.
//!
//! The well sensor adds white noise and reports a bias voltage near its nominal one. The converter has 16 bits over
//! ± full scale: a count is full scale / 32,768, what lies beyond stays at the end and is counted as clipped.
//!
//! **A loose connector** interrupts the constant current that feeds the sensor: open for [`OPEN_S`] on average, closed
//! for [`CLOSED_S`]. Where it opens, the input jumps to the supply's voltage, by about full scale; where it closes, back;
//! the amplifier's coupling capacitor discharges with [`COUPLING_S`] in between. Such steps fall with 1/f in amplitude
//! (what vibration engineers call a ski slope) and reach the ends of the range; the vibration arrives only while the
//! connector is closed, and the mean voltage at the input rises towards that of the supply.

use super::noise::Noise;

/// Mean time for which a loose connector is open, s.
pub const OPEN_S: f64 = 0.3;
/// Mean time for which it is closed, s.
pub const CLOSED_S: f64 = 0.1;
/// Time constant of the amplifier's coupling, s.
pub const COUPLING_S: f64 = 0.4;
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
            bias_v += self.interrupt(acceleration) * (SUPPLY_V - bias_v);
        }
        self.convert(acceleration, (bias_v * 100.0).round() / 100.0)
    }

    /// Puts the interruptions in and returns for which part of the record the connector was open.
    fn interrupt(&mut self, acceleration: &mut [f64]) -> f64 {
        let keep = (-1.0 / (COUPLING_S * self.fs)).exp();
        // It has just opened: a record in which it does not open at all would be a well one.
        let (mut open, mut charge) = (true, self.jump());
        let mut opened = 0u32;
        for a in acceleration.iter_mut() {
            let dwell = if open { OPEN_S } else { CLOSED_S };
            if self.noise.uniform() * dwell * self.fs < 1.0 {
                open = !open;
                charge += if open { self.jump() } else { -self.jump() };
            }
            *a = charge + if open { 0.0 } else { *a };
            opened += u32::from(open);
            charge *= keep;
        }
        f64::from(opened) / acceleration.len().max(1) as f64
    }

    /// 0.6 to 1.4 times full scale, m/s².
    fn jump(&mut self) -> f64 {
        self.range * (0.6 + 0.8 * self.noise.uniform())
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
