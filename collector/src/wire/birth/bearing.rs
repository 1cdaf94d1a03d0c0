//! A bearing as a birth states it.

use plant::{Bearing, BearingOrders, Catalogue, Geometry, Name};
use serde::{Deserialize, Serialize};

use super::{bad, bad_name};
use crate::fault::{Fault, shown};

/// A bearing: `orders`, or all of `elements`, `ball_mm`, `pitch_mm` (and `contact_deg`, 0 if absent), or `bore_mm` and
/// `outside_mm` of a deep groove ball bearing, or nothing but a `designation` that the catalogue knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireBearing {
    /// Its place: `DE`, `NDE`, `2`.
    pub name: String,
    /// The maker's designation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub designation: Option<String>,
    /// On which shaft of the train it sits; on the measured one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaft: Option<String>,
    /// Fault frequencies as multiples of the speed of its shaft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<WireOrders>,
    /// Number of rolling elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<u16>,
    /// Ball diameter, mm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ball_mm: Option<f64>,
    /// Pitch diameter, mm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch_mm: Option<f64>,
    /// Contact angle, degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_deg: Option<f64>,
    /// Bore, mm: with the outside diameter alone, what is inside is estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bore_mm: Option<f64>,
    /// Outside diameter, mm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside_mm: Option<f64>,
}

/// Multiples of shaft speed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireOrders {
    /// Outer race.
    pub bpfo: f64,
    /// Inner race.
    pub bpfi: f64,
    /// Ball spin.
    pub bsf: f64,
    /// Cage.
    pub ftf: f64,
}

impl WireBearing {
    pub(super) fn of(b: &Bearing) -> Self {
        let base = Self { name: b.name.to_string(), designation: b.designation.clone(), ..Self::default() };
        match b.geometry {
            Geometry::Orders(o) => {
                Self { orders: Some(WireOrders { bpfo: o.bpfo, bpfi: o.bpfi, bsf: o.bsf, ftf: o.ftf }), ..base }
            }
            Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad } => Self {
                elements: Some(elements),
                ball_mm: Some(ball_mm),
                pitch_mm: Some(pitch_mm),
                contact_deg: Some(contact_rad.to_degrees()),
                ..base
            },
            Geometry::Estimated { bore_mm, outside_mm } => {
                Self { bore_mm: Some(bore_mm), outside_mm: Some(outside_mm), ..base }
            }
        }
    }

    pub(super) fn bearing(&self, catalogue: &Catalogue) -> Result<Bearing, Fault> {
        let geometry = match (self.orders, self.elements, self.ball_mm, self.pitch_mm, self.bore_mm, self.outside_mm) {
            (Some(o), None, None, None, None, None) => {
                Geometry::Orders(BearingOrders { bpfo: o.bpfo, bpfi: o.bpfi, bsf: o.bsf, ftf: o.ftf })
            }
            (None, Some(elements), Some(ball_mm), Some(pitch_mm), None, None) => {
                let contact_rad = self.contact_deg.unwrap_or(0.0).to_radians();
                Geometry::Dimensions { elements, ball_mm, pitch_mm, contact_rad }
            }
            (None, None, None, None, Some(bore_mm), Some(outside_mm)) => Geometry::Estimated { bore_mm, outside_mm },
            (None, None, None, None, None, None) if self.designation.is_some() => self.listed(catalogue)?,
            _ => {
                let expected = "orders alone, or elements, ball_mm and pitch_mm, or bore_mm and outside_mm, or a \
                                designation of the catalogue";
                return Err(bad(&format!("bearing {}", self.name), expected, "another combination"));
            }
        };
        geometry.orders().map_err(|e| bad(&format!("bearing {}", self.name), "a possible geometry", e.to_string()))?;
        Ok(Bearing {
            name: Name::new(&self.name).map_err(|e| bad_name(&e))?,
            designation: self.designation.clone(),
            geometry,
        })
    }
}

impl WireBearing {
    /// The geometry that the catalogue has for its designation.
    fn listed(&self, catalogue: &Catalogue) -> Result<Geometry, Fault> {
        let designation = self.designation.as_deref().unwrap_or_default();
        let expected = "a designation of the catalogue, or the geometry beside it";
        let unknown = || bad(&format!("bearing {}", self.name), expected, shown(designation));
        catalogue.find(designation).map(|e| e.geometry).ok_or_else(unknown)
    }
}
