//! How long a point's vibration may go on to grow.
//!
//! It is followed while an alarm of it stands: then its onset is confirmed. The end is whichever comes first: the velocity
//! reaches the boundary C/D of its zones, or the peak of the acceleration is ten times what was usual (20 dB).

use plant::Timestamp;
use serde::{Deserialize, Serialize};

use super::sound::Levels;
use crate::diagnosis::Known;
use crate::fold::Settings;
use crate::life::Trend;
use crate::rotating::ZoneRow;

/// ln of the multiple of the usual peak at which a machine is taken to be at its end.
const END: f64 = std::f64::consts::LN_10;

/// A trend that is being followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::fold) struct Life {
    since_ns: i64,
    looks: u32,
    trend: Trend,
}

/// What is left, seconds from the last look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    pub since_ns: i64,
    pub looks: u32,
    pub p10_s: f64,
    pub p50_s: f64,
    pub p90_s: f64,
    pub codes: Vec<String>,
}

/// Takes a look in and says what is left.
pub fn follow(
    life: &mut Option<Box<Life>>,
    t: Timestamp,
    levels: &Levels,
    usual: Option<&Levels>,
    row: Option<&ZoneRow>,
    stands: bool,
    settings: &Settings,
) -> Known<Left> {
    if !stands {
        *life = None;
        return Err("no_onset");
    }
    let usual = usual.ok_or("baseline")?;
    let unit_s = settings.watch_every.as_secs_f64();
    let life = life.get_or_insert_with(|| Box::new(Life { since_ns: t.nanos(), looks: 0, trend: Trend::new(unit_s) }));
    // Both on the scale of the peak: how far each is from its own end.
    let of_peak = (levels.peak / usual.peak).ln();
    let of_velocity = row.map_or(f64::NAN, |r| (levels.velocity / r.boundaries[2]).ln() + END);
    let y = of_peak.max(of_velocity);
    if y.is_finite() {
        life.trend.step(t.nanos() as f64 / 1e9, y);
        life.looks = life.looks.saturating_add(1);
    }
    let left = life.trend.remaining(END)?;
    Ok(Left {
        since_ns: life.since_ns,
        looks: life.looks,
        p10_s: left.p10_s,
        p50_s: left.p50_s,
        p90_s: left.p90_s,
        codes: left.confidence.codes.into_iter().map(str::to_owned).collect(),
    })
}
