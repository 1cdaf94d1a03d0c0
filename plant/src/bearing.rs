//! Rolling-element bearings: geometry and the frequencies at which their faults repeat.

use std::fmt;

use crate::Name;

/// A bearing of a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearing {
    /// Its place on the machine: `DE`, `NDE`, `2`.
    pub name: Name,
    /// The maker's designation (`6205-2RS`), for people.
    pub designation: Option<String>,
    /// What its fault frequencies follow from.
    pub geometry: Geometry,
}

/// What is known of a bearing: its dimensions, or its fault frequencies as the maker states them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Geometry {
    /// Measured or catalogue dimensions.
    Dimensions {
        /// Number of rolling elements n.
        elements: u16,
        /// Ball or roller diameter d, mm.
        ball_mm: f64,
        /// Pitch diameter D, mm.
        pitch_mm: f64,
        /// Contact angle φ, radians.
        contact_rad: f64,
    },
    /// Multiples of shaft speed.
    Orders(BearingOrders),
}

/// Fault frequencies as multiples of the shaft's speed (the inner ring turns, the outer stands still).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BearingOrders {
    /// Ball pass frequency, outer race.
    pub bpfo: f64,
    /// Ball pass frequency, inner race.
    pub bpfi: f64,
    /// Ball **spin** frequency; a defect on a ball strikes a race at twice this.
    pub bsf: f64,
    /// Fundamental train (cage) frequency.
    pub ftf: f64,
}

/// Which part of a bearing is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BearingFault {
    /// Outer race.
    OuterRace,
    /// Inner race.
    InnerRace,
    /// A ball or roller.
    Ball,
    /// The cage.
    Cage,
}

impl BearingFault {
    /// All four.
    pub const ALL: [Self; 4] = [Self::OuterRace, Self::InnerRace, Self::Ball, Self::Cage];

    /// The stable name: `outer_race`, `inner_race`, `ball`, `cage`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OuterRace => "outer_race",
            Self::InnerRace => "inner_race",
            Self::Ball => "ball",
            Self::Cage => "cage",
        }
    }
}

impl fmt::Display for BearingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Dimensions that no bearing has.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what} is {found}; {expected}")]
pub struct GeometryError {
    what: &'static str,
    found: f64,
    expected: &'static str,
}

impl Geometry {
    /// The fault frequencies as multiples of shaft speed, or what makes the geometry impossible.
    ///
    /// With n elements, diameters d and D, contact angle φ and x = (d/D)·cos φ (kinematics without slip, as in
    /// ISO 15243 commentary and Randall & Antoni, MSSP 25 (2011), eq. 1–4): FTF = ½(1−x), BPFO = n·FTF,
    /// BPFI = ½n(1+x), BSF = D/(2d)·(1−x²).
    pub fn orders(&self) -> Result<BearingOrders, GeometryError> {
        match *self {
            Self::Orders(o) => {
                for (what, v) in [("bpfo", o.bpfo), ("bpfi", o.bpfi), ("bsf", o.bsf), ("ftf", o.ftf)] {
                    if !(v.is_finite() && v > 0.0 && v < 1000.0) {
                        return Err(GeometryError {
                            what,
                            found: v,
                            expected: "expected a multiple of shaft speed above 0",
                        });
                    }
                }
                Ok(o)
            }
            Self::Dimensions { elements, ball_mm: d, pitch_mm: p, contact_rad } => {
                if elements < 3 {
                    return Err(GeometryError {
                        what: "elements",
                        found: f64::from(elements),
                        expected: "expected at least 3 rolling elements",
                    });
                }
                if !(d.is_finite() && d > 0.0) {
                    return Err(GeometryError {
                        what: "ball_mm",
                        found: d,
                        expected: "expected a diameter above 0 mm",
                    });
                }
                if !(p.is_finite() && p > d) {
                    return Err(GeometryError {
                        what: "pitch_mm",
                        found: p,
                        expected: "expected a pitch diameter above the ball's",
                    });
                }
                if !(0.0..std::f64::consts::FRAC_PI_2).contains(&contact_rad) {
                    return Err(GeometryError {
                        what: "contact_rad",
                        found: contact_rad,
                        expected: "expected a contact angle from 0 to below π/2 rad",
                    });
                }
                let x = d / p * contact_rad.cos();
                let n = f64::from(elements);
                let ftf = 0.5 * (1.0 - x);
                Ok(BearingOrders { bpfo: n * ftf, bpfi: 0.5 * n * (1.0 + x), bsf: p / (2.0 * d) * (1.0 - x * x), ftf })
            }
        }
    }
}

impl BearingOrders {
    /// How often the fault strikes per revolution: a ball strikes at twice its spin.
    #[must_use]
    pub fn strikes(&self, fault: BearingFault) -> f64 {
        match fault {
            BearingFault::OuterRace => self.bpfo,
            BearingFault::InnerRace => self.bpfi,
            BearingFault::Ball => 2.0 * self.bsf,
            BearingFault::Cage => self.ftf,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_multiples_of_a_6205_follow_from_its_dimensions() {
        // 9 balls, d = 0.3126 in, D = 1.537 in: the bearing tables of Case Western Reserve University's rig.
        let g = Geometry::Dimensions { elements: 9, ball_mm: 7.94, pitch_mm: 39.04, contact_rad: 0.0 };
        let o = g.orders().unwrap();
        for (got, want) in [(o.bpfo, 3.5848), (o.bpfi, 5.4152), (o.ftf, 0.39828), (2.0 * o.bsf, 4.7135)] {
            assert!((got - want).abs() < 2e-3, "{got} is not {want}");
        }
    }

    #[test]
    fn impossible_bearings_are_named() {
        let dim = |elements, ball_mm, pitch_mm| Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad: 0.0 };
        for (g, word) in [(dim(2, 1.0, 9.0), "elements"), (dim(9, 0.0, 9.0), "ball_mm"), (dim(9, 9.0, 9.0), "pitch_mm")]
        {
            let e = g.orders().unwrap_err().to_string();
            assert!(e.starts_with(word), "{e}");
        }
        let o = BearingOrders { bpfo: 3.0, bpfi: f64::NAN, bsf: 2.0, ftf: 0.4 };
        assert!(Geometry::Orders(o).orders().is_err());
    }
}
