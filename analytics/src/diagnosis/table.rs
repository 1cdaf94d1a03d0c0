//! The table: which evidence speaks for which fault, with what weight, between which bounds, and what speaks against it.
//!
//! A term contributes `weight · clamp((x − lo)/(hi − lo), 0, 1)`; where lo > hi, small values speak. Of evidence the
//! weights of a fault add up to 1. Where a rule of the trade gives one number ("2× above half of 1×"), that number is
//! where the full weight is reached and half of it is where it begins, unless a comment says otherwise. Rules:
//! ISO 13373-1 and -3 (annexes on symptoms), Bently & Hatch, *Fundamentals of Rotating Machinery Diagnostics* (2002),
//! Randall, *Vibration-based Condition Monitoring* (2011).

use plant::{BearingFault, Fault};

use super::quantity::{Own, Quantity};

/// One entry of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// What is weighed.
    pub quantity: Quantity,
    /// Its weight.
    pub weight: f64,
    /// Where it begins to count.
    pub lo: f64,
    /// Where it counts in full.
    pub hi: f64,
    /// Of contra-evidence: what is charged where it is missing, because it cannot be excluded.
    pub absent: f64,
}

/// The evidence of one fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub fault: Fault,
    /// What speaks for it.
    pub evidence: &'static [Entry],
    /// What speaks against it.
    pub contra: &'static [Entry],
}

const fn e(quantity: Quantity, weight: f64, lo: f64, hi: f64) -> Entry {
    Entry { quantity, weight, lo, hi, absent: 0.0 }
}

/// What a fault's own lines must amount to, as a part of the reference: sound machines have all of these lines, only
/// small, and a loud machine may owe its loudness to something else. Without a reference nothing is confirmed.
const fn quiet(own: Own, lo: f64, hi: f64) -> Entry {
    Entry { quantity: Quantity::Level(own), weight: 1.0, lo, hi, absent: 0.25 }
}

/// Of the four parts of a bearing one comb of lines is another's harmonics by chance; the one that explains more is
/// believed.
const OTHER_PART: Entry = e(Quantity::EnvelopeOther, 0.5, 0.9, 1.1);
/// Lines that the shaft or the mesh would leave too prove nothing.
const COINCIDENT: Entry = e(Quantity::EnvelopeCoincident, 0.4, 0.2, 0.5);
/// T is measured in thresholds that noise passes once in 10,000 records: the weight is whole a quarter above.
const ENVELOPE: Entry = e(Quantity::Envelope, 0.5, 1.0, 1.25);
/// ln(1+ρ) averages 0.9 ± 0.25 over four lines of noise; a line ten times the floor has 2.4.
const SIDEBANDS: Entry = e(Quantity::EnvelopeSidebands, 0.2, 1.4, 2.4);
/// +2 to +6 dB over the baseline.
const TREND: Entry = e(Quantity::HighFrequency, 0.2, 1.26, 2.0);
/// Gaussian noise has 3 ± 0.05 in records of this length.
const KURTOSIS: Entry = e(Quantity::Kurtosis, 0.1, 3.2, 4.5);

const BEARING: &[Entry] = &[ENVELOPE, SIDEBANDS, TREND, KURTOSIS];

/// The table.
pub static TABLE: [Row; 14] = [
    Row {
        fault: Fault::Imbalance,
        evidence: &[
            e(Quantity::Share1x, 0.4, 0.6, 0.8),
            // Radial: little along the shaft.
            e(Quantity::Axial1x, 0.2, 0.5, 0.3),
            e(Quantity::RpmSquared, 0.2, 1.0, 0.5),
            e(Quantity::Quadrature, 0.2, 50.0, 30.0),
        ],
        contra: &[e(Quantity::Ratio2x, 0.4, 0.3, 0.5), e(Quantity::Axial1x, 0.4, 0.4, 0.6), quiet(Own::Once, 1.0, 0.6)],
    },
    Row {
        fault: Fault::Misalignment,
        evidence: &[
            e(Quantity::Ratio2x, 0.3, 0.25, 0.5),
            e(Quantity::AxialRatio, 0.3, 0.25, 0.5),
            e(Quantity::AcrossCoupling, 0.3, 120.0, 150.0),
            e(Quantity::Ratio3x, 0.1, 0.1, 0.25),
        ],
        // Offset shafts repeat every turn.
        contra: &[e(Quantity::Fraction, 0.4, 0.1, 0.3), quiet(Own::Multiples, 0.8, 0.4)],
    },
    Row {
        fault: Fault::BentShaft,
        evidence: &[
            e(Quantity::Axial1x, 0.4, 0.25, 0.5),
            e(Quantity::EndToEnd, 0.4, 120.0, 150.0),
            // Twice the 6 µm of runout that API 670 allows under a probe, to what no sound shaft has.
            e(Quantity::SlowRoll, 0.2, 12.0, 40.0),
        ],
        contra: &[quiet(Own::Axial, 0.6, 0.3)],
    },
    Row {
        fault: Fault::Looseness,
        evidence: &[
            e(Quantity::Harmonics, 0.4, 2.5, 5.0),
            e(Quantity::Half, 0.3, 0.05, 0.15),
            e(Quantity::FloorRise, 0.2, 1.26, 2.0),
            e(Quantity::PhaseSpread, 0.1, 5.0, 15.0),
        ],
        // What is loose moves housing and shaft together. Where the shaft moves and its housing does not, it touches
        // something; without probes that cannot be excluded.
        contra: &[
            Entry { quantity: Quantity::ShaftOverHousing, weight: 0.3, lo: 2.0, hi: 4.0, absent: 0.1 },
            quiet(Own::Harmonics, 0.8, 0.4),
        ],
    },
    Row {
        fault: Fault::OilWhirl,
        evidence: &[
            e(Quantity::SubSynchronous, 0.5, 0.25, 0.5),
            e(Quantity::SubForward, 0.3, 0.6, 0.8),
            e(Quantity::OffCritical, 0.2, 0.1, 0.05),
        ],
        contra: &[e(Quantity::HalfOverSub, 0.5, 0.5, 1.0), quiet(Own::Sub, 0.5, 0.25)],
    },
    Row {
        fault: Fault::Rub,
        evidence: &[
            e(Quantity::Fraction, 0.4, 0.05, 0.15),
            e(Quantity::OrbitClipped, 0.3, 0.1, 0.25),
            e(Quantity::Reverse, 0.3, 0.15, 0.3),
        ],
        contra: &[e(Quantity::ShaftOverHousing, 0.5, 2.0, 1.0), quiet(Own::Fractions, 0.3, 0.1)],
    },
    Row {
        fault: Fault::Bearing(BearingFault::OuterRace),
        evidence: BEARING,
        // Several times in each turn of the cage an element passes a spot of the outer race: a damaged cage leaves
        // those lines too, and all between them.
        contra: &[OTHER_PART, COINCIDENT, e(Quantity::CageLines, 0.4, 1.8, 2.8)],
    },
    Row { fault: Fault::Bearing(BearingFault::InnerRace), evidence: BEARING, contra: &[OTHER_PART, COINCIDENT] },
    Row {
        fault: Fault::Bearing(BearingFault::Ball),
        evidence: BEARING,
        // The cage's lines alone do not convict the ball,
        contra: &[OTHER_PART, COINCIDENT, e(Quantity::BallLines, 0.3, 2.2, 1.5)],
    },
    Row {
        fault: Fault::Bearing(BearingFault::Cage),
        evidence: BEARING,
        // nor does what a ball leaves at the cage's frequency convict the cage.
        contra: &[OTHER_PART, COINCIDENT, e(Quantity::BallLines, 0.5, 1.8, 2.4)],
    },
    Row {
        fault: Fault::Gear,
        evidence: &[
            e(Quantity::MeshSidebands, 0.4, 0.75, 1.5),
            // 3 for a sound gear; 6 is twice the fourth moment of noise.
            e(Quantity::MeshMetrics, 0.4, 3.5, 6.0),
            e(Quantity::MeshCepstrum, 0.2, 1.5, 3.0),
        ],
        contra: &[],
    },
    Row {
        fault: Fault::Stator,
        evidence: &[e(Quantity::Line2x, 0.7, 0.4, 0.7), e(Quantity::PowerOff, 0.3, 0.5, 0.2)],
        contra: &[quiet(Own::Line2x, 0.8, 0.4)],
    },
    Row {
        fault: Fault::RotorBar,
        evidence: &[
            e(Quantity::PolePass1x, 0.5, 0.1, 0.25),
            e(Quantity::PolePass2x, 0.2, 0.03, 0.08),
            e(Quantity::PowerOff, 0.3, 0.5, 0.2),
        ],
        contra: &[quiet(Own::PolePass, 0.2, 0.1)],
    },
    Row {
        fault: Fault::Cavitation,
        evidence: &[
            e(Quantity::HighFrequency, 0.5, 1.5, 3.0),
            e(Quantity::Suction, 0.3, 1.3, 1.0),
            // Bubbles grow and collapse as each vane passes, so that the noise swells with them. The line of vane pass
            // itself is every sound pump's, and no louder for cavitation. Of noise the largest of three lines has
            // ln(1+ρ) = 1 ± 0.35; a line ten times the floor has 2.4.
            e(Quantity::VanePass, 0.2, 1.4, 2.4),
        ],
        // The strongest of a thousand lines of noise has ln(1+ρ) = 2.1, seldom above 2.8.
        contra: &[e(Quantity::Periodic, 0.5, 3.0, 4.0)],
    },
];

/// The row of a fault.
#[must_use]
pub fn row(fault: Fault) -> &'static Row {
    let at = Fault::ALL.iter().position(|f| *f == fault).unwrap_or(0);
    &TABLE[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_faults_and_their_weights_add_up_to_one() {
        for (fault, row) in Fault::ALL.iter().zip(&TABLE) {
            assert_eq!(row.fault, *fault);
            let sum: f64 = row.evidence.iter().map(|e| e.weight).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{}: {sum}", fault.code());
            for e in row.evidence.iter().chain(row.contra) {
                assert!(e.weight > 0.0 && e.lo != e.hi && e.absent <= e.weight, "{}: {e:?}", fault.code());
            }
        }
    }
}
