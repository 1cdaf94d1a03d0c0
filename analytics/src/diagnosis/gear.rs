//! What a gear's own analysis says of one record, and what that is against the same gear while it was sound.

use serde::{Deserialize, Serialize};

use super::symptoms::{Gear, Known};
use crate::rotating::Analyser;
use crate::rotating::gear::{by_turn, rahmonic};
use crate::rotating::orders::Phase;

/// Numbers of one record of one gear.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meshing {
    /// FM4: kurtosis of the difference signal.
    pub fm4: f64,
    /// Fourth moment of the residual signal, m⁴/s⁸,
    pub fourth: f64,
    /// and its variance, m²/s⁴.
    pub variance: f64,
    /// How much the spectrum around the mesh repeats with the shaft, nepers.
    pub rahmonic: f64,
}

impl Meshing {
    /// Of the record `x` at `fs` Hz, which `analyser` has just analysed, of a gear of `teeth` teeth on a shaft whose angle is
    /// `phase`.
    ///
    /// # Errors
    /// As [`by_turn`] and [`rahmonic`].
    pub fn of(analyser: &Analyser, x: &[f64], fs: f64, phase: &Phase, teeth: u32) -> Known<Self> {
        // With a variance of 1 as that of the sound gear, NA4 is the fourth moment itself.
        let m = by_turn(analyser.plans(), x, fs, phase, teeth, Some(1.0))?;
        let hz = phase.mean_hz();
        let rahmonic = rahmonic(&analyser.spectrum(), f64::from(teeth) * hz, hz)?;
        Ok(Self { fm4: m.fm4, fourth: m.na4.unwrap_or(f64::NAN), variance: m.residual_rms.powi(2), rahmonic })
    }

    /// As evidence, against the variance and rahmonic of the sound gear, not numbers where they are not known.
    #[must_use]
    pub fn against(&self, variance: f64, rahmonic: f64) -> Gear {
        let known = |v: f64| if v.is_finite() { Ok(v) } else { Err("baseline") };
        Gear {
            fm4: known(self.fm4),
            na4: known(self.fourth / variance.powi(2)),
            cepstrum: known(self.rahmonic / rahmonic),
        }
    }
}
