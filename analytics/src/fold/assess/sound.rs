//! What a point is like while its machine is sound, by speed: what diagnosis and remaining life compare with.
//!
//! Alarms rest on [`crate::watch`], which learns much longer; this is ready after six windows and stays as it was learnt,
//! so that what grows slowly is measured from where it began.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnosis::{Baseline, Heard};
use crate::rotating::{Analysis, median};

/// Windows that make a baseline at a speed, at least and at most.
const FEWEST: usize = 6;
const MOST: usize = 24;
/// A class of speeds reaches from one to this times it: amplitudes of forces go with its square, so by 10 % within it.
const CLASS: f64 = 1.05;
/// Most classes; a machine that runs at more speeds than that is not learnt at the others.
pub const CLASSES: usize = 32;

/// What one record amounts to; what is not known is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// [`crate::diagnosis::PointSymptoms::broadband`], m/s² RMS.
    pub broadband: f64,
    /// [`crate::diagnosis::PointSymptoms::floor`], mm/s RMS.
    pub floor: f64,
    /// Broad-band velocity, mm/s RMS.
    pub velocity: f64,
    /// Peak of the acceleration, m/s².
    pub peak: f64,
    /// [`crate::diagnosis::Meshing::variance`], m²/s⁴. Earlier versions did not learn it, nor the next.
    #[serde(default = "unknown")]
    pub mesh_variance: f64,
    /// [`crate::diagnosis::Meshing::rahmonic`], nepers.
    #[serde(default = "unknown")]
    pub mesh_rahmonic: f64,
}

fn unknown() -> f64 {
    f64::NAN
}

impl Levels {
    pub fn of(said: &Analysis, heard: Option<&Heard>) -> Self {
        let of = |known: Option<f64>| known.unwrap_or(f64::NAN);
        Self {
            broadband: of(heard.and_then(|h| h.symptoms.broadband.ok())),
            floor: of(heard.and_then(|h| h.symptoms.floor.ok())),
            velocity: of(said.velocity.ok().map(|v| v.rms_mm_s)),
            peak: said.features.peak,
            mesh_variance: of(heard.and_then(|h| h.gear.ok()).map(|g| g.variance)),
            mesh_rahmonic: of(heard.and_then(|h| h.gear.ok()).map(|g| g.rahmonic)),
        }
    }

    /// ln of how far velocity or peak, whichever rose more, is above what is usual; 0 where neither is known.
    pub fn rise(&self, usual: &Self) -> f64 {
        let over = |a: f64, b: f64| Some((a / b).ln()).filter(|v| v.is_finite());
        let all = [over(self.velocity, usual.velocity), over(self.peak, usual.peak)];
        all.into_iter().flatten().reduce(f64::max).unwrap_or(0.0)
    }

    const fn all(&self) -> [f64; 6] {
        [self.broadband, self.floor, self.velocity, self.peak, self.mesh_variance, self.mesh_rahmonic]
    }
}

/// What was learnt, by class of speed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::fold) struct Sound(BTreeMap<i16, Vec<Levels>>);

impl Sound {
    /// Learns from a record of a sound machine at `rpm`.
    pub fn learn(&mut self, rpm: f64, levels: Levels) {
        let Some(class) = class(rpm) else { return };
        if self.0.len() >= CLASSES && !self.0.contains_key(&class) {
            return;
        }
        let learnt = self.0.entry(class).or_default();
        if learnt.len() < MOST {
            learnt.push(levels);
        }
    }

    /// The medians of what was learnt at `rpm`; `None` where that is too little.
    pub fn usual(&self, rpm: f64) -> Option<Levels> {
        let learnt = self.0.get(&class(rpm)?).filter(|l| l.len() >= FEWEST)?;
        let of = |k: usize| {
            let mut values: Vec<f64> = learnt.iter().map(|l| l.all()[k]).filter(|v| v.is_finite()).collect();
            if values.len() >= FEWEST { median(&mut values) } else { f64::NAN }
        };
        Some(Levels {
            broadband: of(0),
            floor: of(1),
            velocity: of(2),
            peak: of(3),
            mesh_variance: of(4),
            mesh_rahmonic: of(5),
        })
    }

    /// As diagnosis compares with it.
    pub fn baseline(&self, rpm: f64) -> Option<Baseline> {
        self.usual(rpm).map(|l| Baseline { broadband: l.broadband, floor: l.floor })
    }
}

pub fn class(rpm: f64) -> Option<i16> {
    (rpm.is_finite() && rpm > 0.0).then(|| (rpm.ln() / CLASS.ln()).floor() as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(v: f64) -> Levels {
        Levels {
            broadband: v,
            floor: f64::NAN,
            velocity: 2.0 * v,
            peak: 10.0 * v,
            mesh_variance: f64::NAN,
            mesh_rahmonic: 0.1 * v,
        }
    }

    #[test]
    fn six_windows_make_a_baseline_at_their_speed_and_24_close_it() {
        let mut s = Sound::default();
        for i in 0..40 {
            assert_eq!(s.usual(1480.0).is_some(), i >= 6, "after {i}");
            s.learn(1480.0 + f64::from(i % 3), levels(if i < 24 { 1.0 } else { 50.0 }));
        }
        let usual = s.usual(1485.0).unwrap();
        assert_eq!((usual.broadband, usual.velocity, usual.peak), (1.0, 2.0, 10.0));
        assert!(usual.floor.is_nan() && usual.mesh_variance.is_nan() && usual.mesh_rahmonic == 0.1);
        assert_eq!(s.usual(1200.0), None, "another speed");
        assert!((levels(3.0).rise(&usual) - 3f64.ln()).abs() < 1e-12);
        assert_eq!(Levels { velocity: f64::NAN, peak: 0.0, ..levels(1.0) }.rise(&usual), 0.0);
    }

    #[test]
    fn speeds_that_are_none_and_too_many_of_them_are_not_learnt() {
        let mut s = Sound::default();
        for rpm in [0.0, -5.0, f64::NAN, f64::INFINITY] {
            s.learn(rpm, levels(1.0));
        }
        assert_eq!(s, Sound::default());
        (0..200).for_each(|i| s.learn(100.0 * 1.06f64.powi(i), levels(1.0)));
        assert_eq!(s.0.len(), CLASSES);
    }
}
