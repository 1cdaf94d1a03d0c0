//! A bearing as the decision sees it: what repeats how often, on which shaft, and how well that is known.

use plant::{BearingFault, BearingOrders};

use super::SLIP;
use super::foreign::DRIFT;

/// A bearing that a sensor hears.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seated {
    /// Fault frequencies as multiples of the speed of its own shaft.
    pub orders: BearingOrders,
    /// Speed of its shaft over the speed that is handed in; above 0.
    pub ratio: f64,
    /// By how much of itself that ratio may be wrong, on either side: behind a belt it is not exact.
    pub ratio_tolerance: f64,
    /// By how much of itself the frequency of each fault (in the order of [`BearingFault::ALL`]) may be wrong beyond
    /// slip: 0 unless its geometry was estimated.
    pub tolerance: [f64; 4],
}

impl From<BearingOrders> for Seated {
    /// On the shaft whose speed is handed in, with a known geometry.
    fn from(orders: BearingOrders) -> Self {
        Self { orders, ratio: 1.0, ratio_tolerance: 0.0, tolerance: [0.0; 4] }
    }
}

impl Seated {
    /// How often `fault` strikes while the shaft whose speed is handed in turns once.
    #[must_use]
    pub fn strikes(&self, fault: BearingFault) -> f64 {
        self.orders.strikes(fault) * self.ratio
    }

    /// Where its lines are searched, as parts of the kinematic frequency: [`SLIP`], and on either side what is not known
    /// of shaft and geometry.
    #[must_use]
    pub fn slip(&self, fault: BearingFault) -> (f64, f64) {
        let at = BearingFault::ALL.iter().position(|f| *f == fault);
        // Half at most: a comb must not be taken for that of another order.
        let wider = (self.ratio_tolerance + at.map_or(0.0, |i| self.tolerance[i])).clamp(0.0, 0.5);
        (SLIP.0 - wider, SLIP.1 + wider)
    }

    /// Two speeds of the shaft whose ratio is larger than this have no frequency in common at which `fault` is searched, nor
    /// one that moved from the one to the other as much as a foreign one may.
    #[must_use]
    pub fn apart(&self, fault: BearingFault) -> f64 {
        let (from, to) = self.slip(fault);
        (1.0 + to) / (1.0 + from) * (1.0 + DRIFT).powi(2)
    }

    /// Whether its lines are searched further than bearings slip.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        self.ratio_tolerance > 0.0 || self.tolerance.iter().any(|t| *t > 0.0)
    }

    /// The highest frequency of its faults, as a multiple of the speed that is handed in, all tolerances included.
    pub(in crate::rotating) fn highest(&self) -> f64 {
        BearingFault::ALL.into_iter().map(|f| self.strikes(f) * (1.0 + self.slip(f).1)).fold(0.0, f64::max)
    }
}
