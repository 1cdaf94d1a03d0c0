//! How a machine is: one number, and what lowers it by how much.

use plant::Zone;

use crate::rotating::Refusal;

/// What is known of a machine. `Err` is the code of why something is not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The worst zone of broad-band severity of its points.
    pub zone: Result<Zone, Refusal>,
    /// How it stands to its own past.
    pub trend: Result<Standing, Refusal>,
    /// The largest T of its bearings over what it must exceed.
    pub bearing: Result<f64, Refusal>,
    /// Share of its sensors that can be believed, 0 to 1.
    pub sensors: f64,
}

/// How a machine stands to its own past.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Standing {
    /// [`super::Change::level`]: 1 confirms.
    pub level: f64,
    /// [`super::Change::rise`], as ln of a ratio.
    pub rise: f64,
}

/// One term of a machine's health.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reason {
    /// `zone`, `trend`, `bearing` or `sensors`.
    pub term: &'static str,
    /// Points that it takes away.
    pub lowers: f64,
    /// Why it could not be judged, where that is what lowers it.
    pub unjudged: Option<Refusal>,
}

/// 0 (stop) to 100 (as good as new), with its reasons.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// The number; none where nothing was judged at all: no data is not health.
    pub score: Option<f64>,
    /// What lowers it, most first; terms that take nothing away are not there.
    pub reasons: Vec<Reason>,
}

/// Points that each term can take, worst case. Severity in zone D alone leaves less than a third; a bearing beyond doubt or
/// a level ten times the baseline leaves half.
const ZONE: [f64; 4] = [0.0, 10.0, 40.0, 70.0];
const TREND: f64 = 50.0;
const BEARING: f64 = 50.0;
/// What a term that could not be judged takes: with nothing but one term judged, and that faultless, a machine stays at 70
/// or below.
const UNJUDGED: f64 = 15.0;
/// What sensors take that cannot be believed.
const SENSORS: f64 = 40.0;

impl Health {
    /// Of what is known. Every term lowers the score or leaves it, and the more the worse it is.
    #[must_use]
    pub fn of(e: &Evidence) -> Self {
        let mut reasons = vec![
            reason("zone", e.zone.map(|z| ZONE[z as usize])),
            reason("trend", e.trend.and_then(of_trend)),
            reason("bearing", e.bearing.and_then(of_bearing)),
        ];
        let judged = reasons.iter().any(|r| r.unjudged.is_none());
        let believed = if e.sensors.is_finite() { e.sensors.clamp(0.0, 1.0) } else { 0.0 };
        reasons.push(Reason { term: "sensors", lowers: SENSORS * (1.0 - believed), unjudged: None });
        let lost: f64 = reasons.iter().map(|r| r.lowers).sum();
        reasons.retain(|r| r.lowers > 0.0);
        reasons.sort_by(|a, b| b.lowers.total_cmp(&a.lowers));
        let score = (judged && believed > 0.0).then(|| (100.0 - lost).max(0.0));
        Self { score, reasons }
    }
}

fn reason(term: &'static str, lowers: Result<f64, Refusal>) -> Reason {
    match lowers {
        Ok(lowers) => Reason { term, lowers, unjudged: None },
        Err(code) => Reason { term, lowers: UNJUDGED, unjudged: Some(code) },
    }
}

/// Up to a fifth while it is building up, the rest by how far it has gone: all of it at ten times the baseline.
fn of_trend(s: Standing) -> Result<f64, Refusal> {
    if !(s.level.is_finite() && s.rise.is_finite()) {
        return Err("sensor");
    }
    let building = 0.2 * s.level.clamp(0.0, 1.0);
    let gone = if s.level >= 1.0 { 0.8 * (s.rise / std::f64::consts::LN_10).clamp(0.0, 1.0) } else { 0.0 };
    Ok(TREND * (building + gone))
}

/// Nothing until T reaches its threshold, half of it there, all of it at twice the threshold.
fn of_bearing(ratio: f64) -> Result<f64, Refusal> {
    if !ratio.is_finite() {
        return Err("sensor");
    }
    Ok(if ratio > 1.0 { BEARING * 0.5 * ratio.min(2.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Evidence {
        let trend = Ok(Standing { level: 0.0, rise: 0.0 });
        Evidence { zone: Ok(Zone::A), trend, bearing: Ok(0.4), sensors: 1.0 }
    }

    fn score(e: &Evidence) -> f64 {
        Health::of(e).score.unwrap()
    }

    #[test]
    fn each_term_lowers_it_the_more_the_worse_it_is() {
        assert_eq!(Health::of(&sound()), Health { score: Some(100.0), reasons: vec![] });
        let zones = Zone::ALL.map(|z| score(&Evidence { zone: Ok(z), ..sound() }));
        assert!(zones.windows(2).all(|w| w[1] < w[0]), "{zones:?}");
        let (mut before, mut bearing) = (100.0, 100.0);
        for i in 0..40 {
            let x = f64::from(i) / 10.0;
            let trend = Ok(Standing { level: x, rise: x });
            let now = score(&Evidence { trend, ..sound() });
            assert!(now <= before, "trend {x}: {now} after {before}");
            before = now;
            let now = score(&Evidence { bearing: Ok(x), ..sound() });
            assert!(now <= bearing, "bearing {x}: {now} after {bearing}");
            bearing = now;
            let sensors = score(&Evidence { sensors: 1.0 - x / 5.0, ..sound() });
            assert!(sensors <= 100.0 - 8.0 * x + 1e-9);
        }
        assert!(before < 51.0 && bearing == 50.0);
    }

    #[test]
    fn what_is_not_judged_is_never_high() {
        let nothing = Evidence { zone: Err("unit"), trend: Err("baseline"), bearing: Err("geometry"), sensors: 1.0 };
        assert_eq!(Health::of(&nothing).score, None);
        assert_eq!(Health::of(&nothing).reasons.len(), 3);
        assert!(score(&Evidence { zone: Ok(Zone::A), ..nothing }) <= 70.0);
        assert_eq!(Health::of(&Evidence { sensors: 0.0, ..sound() }).score, None);
        assert_eq!(Health::of(&Evidence { sensors: f64::NAN, ..sound() }).score, None);
        let said = Health::of(&Evidence { bearing: Ok(f64::NAN), ..sound() });
        assert_eq!(said.reasons, [Reason { term: "bearing", lowers: UNJUDGED, unjudged: Some("sensor") }]);
        let unjudged = score(&Evidence { bearing: Err("geometry"), ..sound() });
        assert!(unjudged < score(&sound()));
    }

    #[test]
    fn reasons_add_up_and_the_worst_comes_first() {
        let trend = Ok(Standing { level: 1.0, rise: 0.5 });
        let said = Health::of(&Evidence { zone: Ok(Zone::C), trend, ..sound() });
        let lost: f64 = said.reasons.iter().map(|r| r.lowers).sum();
        assert!((said.score.unwrap() - (100.0 - lost)).abs() < 1e-9);
        assert_eq!(said.reasons.iter().map(|r| r.term).collect::<Vec<_>>(), ["zone", "trend"]);
        let worst = Evidence { zone: Ok(Zone::D), trend: Ok(Standing { level: 9.0, rise: 9.0 }), ..sound() };
        assert_eq!(score(&worst), 0.0);
    }
}
