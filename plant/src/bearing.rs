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
    /// Nothing but the boundary dimensions of a deep groove ball bearing: what is inside is estimated, see
    /// [`Geometry::orders`] and [`Geometry::tolerance`].
    Estimated {
        /// Bore d, mm.
        bore_mm: f64,
        /// Outside diameter D, mm.
        outside_mm: f64,
    },
}

/// Ball diameter of a deep groove ball bearing over the height of its section, (D − d): 0.294, 0.293 and 0.277 for the
/// bearings of the catalogue of which both are published (6205, 6203, 6201).
const BALL: f64 = 0.29;
/// The angle that the balls fill when they are put between the rings before the cage parts them, degrees: φ of
/// φ = 2(n−1)·asin(ball/pitch) (Harris, *Rolling Bearing Analysis*, the Conrad assembly).
const FILLED_DEG: f64 = 186.0;
/// By how much of itself an estimated ball/pitch may be wrong: twice the worst of the three.
const SHAPE: f64 = 0.1;

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
    ///
    /// Where only boundary dimensions are known, the pitch diameter is taken as the mean of bore and outside diameter, the
    /// ball as 0.29 of their difference, and as many balls as a Conrad assembly takes: the nearest whole number to
    /// 1 + 186°/(2·asin(ball/pitch)). ISO 15 fixes none of the three, so that [`Geometry::tolerance`] belongs to them.
    pub fn orders(&self) -> Result<BearingOrders, GeometryError> {
        match self.inside()? {
            Self::Estimated { .. } => {
                Err(GeometryError { what: "geometry", found: 0.0, expected: "expected dimensions" })
            }
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

impl Geometry {
    /// Whether what is inside was estimated.
    #[must_use]
    pub const fn is_estimated(&self) -> bool {
        matches!(self, Self::Estimated { .. })
    }

    /// By how much of itself the frequency of `fault` may be wrong, on either side; 0 where the geometry is stated.
    ///
    /// Of an estimate: one ball more or less, and ball/pitch 10 % larger or smaller, carried through the formulas of
    /// [`Geometry::orders`].
    #[must_use]
    pub fn tolerance(&self, fault: BearingFault) -> f64 {
        match self.inside() {
            Ok(Self::Dimensions { elements, ball_mm, pitch_mm, .. }) if self.is_estimated() => {
                let (count, x) = (1.0 / f64::from(elements), ball_mm / pitch_mm);
                match fault {
                    BearingFault::OuterRace => count + SHAPE * x / (1.0 - x),
                    BearingFault::InnerRace => count + SHAPE * x / (1.0 + x),
                    BearingFault::Ball => SHAPE * (1.0 + x * x) / (1.0 - x * x),
                    BearingFault::Cage => SHAPE * x / (1.0 - x),
                }
            }
            _ => 0.0,
        }
    }

    /// Itself, or the dimensions that an estimate comes to.
    fn inside(&self) -> Result<Self, GeometryError> {
        let Self::Estimated { bore_mm, outside_mm } = *self else { return Ok(*self) };
        for (what, found, least) in [("bore_mm", bore_mm, 0.0), ("outside_mm", outside_mm, bore_mm)] {
            if !(found.is_finite() && found > least) {
                let expected = "expected a bore above 0 mm and an outside diameter above it";
                return Err(GeometryError { what, found, expected });
            }
        }
        let (ball_mm, pitch_mm) = (BALL * (outside_mm - bore_mm), 0.5 * (bore_mm + outside_mm));
        let elements = (1.0 + 0.5 * FILLED_DEG.to_radians() / (ball_mm / pitch_mm).asin()).round();
        // A number above 100 is that of a ring without height; what follows refuses fewer than 3.
        let elements = elements.min(1000.0) as u16;
        Ok(Self::Dimensions { elements, ball_mm, pitch_mm, contact_rad: 0.0 })
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
    fn an_estimate_meets_published_bearings_within_its_tolerance() {
        // Boundary dimensions, and n, BPFO, BPFI, 2·BSF, FTF as published: 6205 and 6203 (Case Western Reserve
        // University), 6201 (Atmaja et al. 2023).
        for (bore_mm, outside_mm, n, published) in [
            (25.0, 52.0, 9.0, [3.5848, 5.4152, 4.714, 0.39828]),
            (17.0, 40.0, 8.0, [3.053, 4.9469, 3.988, 0.3817]),
            (12.0, 32.0, 7.0, [2.62, 4.38, 3.726, 0.374]),
        ] {
            let g = Geometry::Estimated { bore_mm, outside_mm };
            let o = g.orders().unwrap();
            assert!((o.bpfo + o.bpfi - n).abs() < 1e-9, "{n} balls: {o:?}");
            for (fault, want) in BearingFault::ALL.into_iter().zip(published) {
                let (off, tolerance) = ((o.strikes(fault) / want - 1.0).abs(), g.tolerance(fault));
                assert!(off < 0.6 * tolerance, "{outside_mm}: {fault} is off by {off}, {tolerance} was allowed");
                assert!((0.01..0.2).contains(&tolerance));
            }
        }
        let stated = Geometry::Dimensions { elements: 9, ball_mm: 7.94, pitch_mm: 39.04, contact_rad: 0.0 };
        assert_eq!(BearingFault::ALL.map(|f| stated.tolerance(f)), [0.0; 4]);
    }

    #[test]
    fn impossible_bearings_are_named() {
        let dim = |elements, ball_mm, pitch_mm| Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad: 0.0 };
        for (g, word) in [(dim(2, 1.0, 9.0), "elements"), (dim(9, 0.0, 9.0), "ball_mm"), (dim(9, 9.0, 9.0), "pitch_mm")]
        {
            let e = g.orders().unwrap_err().to_string();
            assert!(e.starts_with(word), "{e}");
        }
        for (bore_mm, outside_mm, word) in
            [(0.0, 9.0, "bore_mm"), (9.0, 9.0, "outside_mm"), (9.0, f64::NAN, "outside_mm")]
        {
            let e = Geometry::Estimated { bore_mm, outside_mm }.orders().unwrap_err().to_string();
            assert!(e.starts_with(word), "{e}");
        }
        let o = BearingOrders { bpfo: 3.0, bpfi: f64::NAN, bsf: 2.0, ftf: 0.4 };
        assert!(Geometry::Orders(o).orders().is_err());
    }
}
