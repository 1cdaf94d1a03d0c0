//! What is known of a machine, in the words of the plant.

use std::sync::Arc;

use plant::{
    Assessment, FaultVerdict, HealthReason, Machine, ModelCard, Name, RemainingLife, ShaftVerdict, Term, Timestamp,
    Zone,
};

use super::together::together;
use super::{Spoken, Watch, Window, given};
use crate::diagnosis::{
    Assessment as Weighed, Excitations, Gear, Given, Heard, Known, Outcome, RunUp, Term as Weight, Verdict, assess,
    gather,
};
use crate::fold::state::MachineState;
use crate::life::{Evidence, Health};
use crate::rotating::{Basis, choose};

/// Shafts whose turns agree to this part are one.
const SAME: f64 = 1e-9;
/// Without zones, vibration is worth an explanation from a quarter above what is usual (ISO 20816-1, criterion II, takes a
/// quarter of boundary B/C; here there is none).
const NOTABLE: f64 = 1.25;

pub fn assessment(machine: &Machine, past: &MachineState, watch: &Watch) -> Assessment {
    let none = Window::default();
    let window = watch.window.as_ref().unwrap_or(&none);
    let t = watch.window.as_ref().map(|w| w.newest()).or(watch.reset.as_ref().map(|r| r.0)).unwrap_or(0);
    Assessment {
        machine: machine.id.clone(),
        t: Timestamp::from_nanos(t),
        shafts: shafts(machine, past, watch, window),
        health: health(window),
        remaining: remaining(window),
        card: card(watch, Timestamp::from_nanos(t)),
    }
}

fn name(text: &str) -> Option<Name> {
    text.parse().ok()
}

fn shafts(machine: &Machine, past: &MachineState, watch: &Watch, window: &Window) -> Vec<ShaftVerdict> {
    let mut turns: Vec<f64> = Vec::new();
    for p in window.points.values() {
        if turns.iter().all(|t| (t / p.turns - 1.0).abs() > SAME) {
            turns.push(p.turns);
        }
    }
    let of = |t: f64| window.points.iter().filter(move |(_, p)| (t / p.turns - 1.0).abs() <= SAME);
    turns.into_iter().map(|t| shaft(machine, past, watch, &of(t).collect::<Vec<_>>())).collect()
}

fn shaft(machine: &Machine, past: &MachineState, watch: &Watch, points: &[(&String, &Spoken)]) -> ShaftVerdict {
    let speeds: Vec<f64> = points.iter().filter_map(|(_, p)| p.hz.ok()).collect();
    let hz = if speeds.is_empty() { 0.0 } else { speeds.iter().sum::<f64>() / speeds.len() as f64 };
    let weighed = weigh(machine, past, watch, points, &speeds, hz);
    let names: Vec<Name> = points.iter().filter_map(|(n, _)| name(n)).collect();
    let (verdicts, unknown) = match weighed {
        Ok((weighed, heard)) => {
            let unknown = match weighed.outcome {
                Outcome::Named => None,
                Outcome::Unknown(code) => Some(code.into()),
            };
            (Ok(weighed.verdicts.iter().map(|v| verdict(machine, &heard, v)).collect()), unknown)
        }
        Err(code) => (Err(code.into()), None),
    };
    let shaft = points.iter().find_map(|(_, p)| name(p.shaft.as_deref()?));
    ShaftVerdict { shaft, hz, points: names, verdicts, unknown }
}

/// The points that were heard, in the order of the symptoms, and the judgement on them.
fn weigh<'a>(
    machine: &Machine,
    past: &MachineState,
    watch: &Watch,
    points: &[(&'a String, &Spoken)],
    speeds: &[f64],
    hz: f64,
) -> Known<(Weighed, Vec<&'a String>)> {
    let heard: Vec<(&String, &Heard, &Spoken)> =
        points.iter().filter_map(|(n, p)| Some((*n, p.heard.as_ref().ok()?, *p))).collect();
    let Some(first) = heard.first() else {
        return Err(points.iter().find_map(|(_, p)| p.heard.as_ref().err().copied()).unwrap_or("sensor"));
    };
    let spread = speeds.iter().copied().fold(0.0, f64::max) - speeds.iter().copied().fold(f64::INFINITY, f64::min);
    let within = heard.iter().map(|(.., p)| p.varied).fold(0.0, f64::max);
    let e = Excitations { varied: within.max(spread / hz), ..given::excitations(machine, hz, first.2.turns) };
    let given = Given {
        reference: reference(machine, past, &heard),
        gear: gear(past, &heard),
        run_up: run_up(watch, &heard),
        ..Given::NOTHING
    };
    let together = |a: usize, b: usize| together(heard[a].2, heard[b].2);
    let symptoms = gather(heard.iter().map(|(_, h, _)| (*h).clone()).collect(), &e, &given, &together)?;
    Ok((assess(&symptoms), heard.iter().map(|(n, ..)| *n).collect()))
}

/// How 1× grows with speed at the radial point where there is most of it.
fn run_up(watch: &Watch, heard: &[(&String, &Heard, &Spoken)]) -> Known<RunUp> {
    let radial = heard.iter().filter(|(_, h, _)| h.symptoms.place.radial());
    let lines = radial.filter_map(|(name, h, p)| Some((name, p, h.symptoms.orders[0].ok()?.mm_s)));
    let (name, spoken, _) = lines.max_by(|a, b| a.2.total_cmp(&b.2)).ok_or("run_up")?;
    let exponent = watch.growth.get(name.as_str()).ok_or("run_up")?.exponent(spoken.t_ns);
    Ok(RunUp { exponent, critical_hz: Err("run_up") })
}

/// What the gear on a shaft says at the point where it says most.
fn gear(past: &MachineState, heard: &[(&String, &Heard, &Spoken)]) -> Known<Gear> {
    let mut why = None;
    let mut found: Option<Gear> = None;
    for (name, h, p) in heard {
        let meshing = match h.gear {
            Ok(m) => m,
            Err(code) => {
                why = if why.is_none_or(|w| w == "gear") { Some(code) } else { why };
                continue;
            }
        };
        let records = past.points.get(name.as_str()).and_then(|p| p.records.as_deref());
        let usual = records.zip(p.hz.ok()).and_then(|(r, hz)| r.sound.usual(60.0 * hz));
        let (variance, rahmonic) = usual.map_or((f64::NAN, f64::NAN), |u| (u.mesh_variance, u.mesh_rahmonic));
        let now = meshing.against(variance, rahmonic);
        let more =
            |a: Known, b: Known| if b.unwrap_or(f64::NEG_INFINITY) > a.unwrap_or(f64::NEG_INFINITY) { b } else { a };
        found = Some(found.map_or(now, |f| Gear {
            fm4: more(f.fm4, now.fm4),
            na4: more(f.na4, now.na4),
            cepstrum: more(f.cepstrum, now.cepstrum),
        }));
    }
    found.ok_or(why.unwrap_or("gear"))
}

/// The velocity above which vibration is worth an explanation: boundary A/B, else a quarter above the loudest point's own
/// past.
fn reference(machine: &Machine, past: &MachineState, heard: &[(&String, &Heard, &Spoken)]) -> Known<f64> {
    let basis = Basis { class: machine.class, severity: machine.severity, nominal_rpm: machine.nominal_rpm };
    if let Ok(row) = choose(&basis) {
        return Ok(row.boundaries[0]);
    }
    let usual = heard.iter().filter_map(|(name, _, p)| {
        let records = past.points.get(name.as_str())?.records.as_deref()?;
        Some(records.sound.usual(60.0 * p.hz.ok()?)?.velocity).filter(|v| v.is_finite())
    });
    usual.reduce(f64::max).map(|v| NOTABLE * v).ok_or("reference")
}

fn verdict(machine: &Machine, heard: &[&String], v: &Verdict) -> FaultVerdict {
    let at = v.bearing;
    let terms = v.evidence.iter().map(|t| term(t, false)).chain(v.contra.iter().map(|t| term(t, true)));
    FaultVerdict {
        fault: v.fault,
        bearing: at.and_then(|a| machine.bearings.get(usize::from(a.bearing))).map(|b| b.name.clone()),
        point: at.and_then(|a| name(heard.get(a.point)?)),
        score: v.score,
        attainable: v.attainable,
        standing: v.standing,
        terms: terms.collect(),
    }
}

fn term(t: &Weight, against: bool) -> Term {
    // What is not finite has no stored form that every reader takes: a ratio over nothing.
    let value = t.value.and_then(|v| if v.is_finite() { Ok(v) } else { Err("not_finite") });
    Term {
        quantity: t.quantity.code().into(),
        value: value.map_err(Arc::from),
        weight: t.weight,
        lo: t.lo,
        hi: t.hi,
        contribution: t.contribution,
        against,
    }
}

/// The worst of what the points say, or why none says anything.
fn worst<T: Copy>(
    window: &Window,
    of: impl Fn(&Spoken) -> Known<T>,
    size: impl Fn(T) -> f64,
) -> (Known<T>, Option<Name>) {
    let mut found: Option<(T, &String)> = None;
    let mut why = None;
    for (n, p) in &window.points {
        match of(p) {
            Ok(v) if found.is_none_or(|(w, _)| size(v) > size(w)) => found = Some((v, n)),
            Ok(_) => {}
            Err(code) => why = why.or(Some(code)),
        }
    }
    match found {
        Some((v, n)) => (Ok(v), name(n)),
        None => (Err(why.unwrap_or("baseline")), None),
    }
}

fn health(window: &Window) -> plant::Health {
    let (worst_zone, zone_at) =
        worst(window, |p| p.zone.and_then(|c| Zone::from_letter(c).ok_or("state")), |z: Zone| f64::from(z as u8));
    let (trend, trend_at) = worst(window, |p| p.trend, |s| s.level + s.rise.max(0.0));
    let (bearing, bearing_at) = worst(window, |p| p.bearing, |ratio| ratio);
    let believed = window.points.values().filter(|p| p.believed).count();
    let sensors = if window.points.is_empty() { 0.0 } else { believed as f64 / window.points.len() as f64 };
    let failed = window.points.iter().find(|(_, p)| !p.believed).and_then(|(n, _)| name(n));
    let health = Health::of(&Evidence { zone: worst_zone, trend, bearing, sensors });
    let at = |term: &str| match term {
        "zone" => zone_at.clone(),
        "trend" => trend_at.clone(),
        "bearing" => bearing_at.clone(),
        _ => failed.clone(),
    };
    let reasons = health.reasons.iter().map(|r| HealthReason {
        term: r.term.into(),
        lowers: r.lowers,
        point: at(r.term),
        unjudged: r.unjudged.map(Arc::from),
    });
    plant::Health { score: health.score, reasons: reasons.collect() }
}

/// Of the point that ends first; else of those that are followed why it is not said; else that nothing has begun.
fn remaining(window: &Window) -> Result<RemainingLife, Arc<str>> {
    let told = window.points.iter().filter_map(|(n, p)| Some((name(n)?, p.left.as_ref().ok()?)));
    let first = told.min_by(|(_, a), (_, b)| a.p50_s.total_cmp(&b.p50_s));
    let Some((point, left)) = first else {
        let codes = window.points.values().filter_map(|p| p.left.as_ref().err().copied());
        let begun = codes.filter(|c| *c != "no_onset").min_by_key(|c| *c == "sensor");
        return Err(begun.unwrap_or("no_onset").into());
    };
    Ok(RemainingLife {
        point,
        since: Timestamp::from_nanos(left.since_ns),
        p10_s: left.p10_s,
        p50_s: left.p50_s,
        p90_s: left.p90_s,
        looks: left.looks,
        codes: left.codes.iter().map(|c| c.as_str().into()).collect(),
    })
}

pub fn card(watch: &Watch, t: Timestamp) -> ModelCard {
    let c = &watch.card;
    ModelCard {
        baseline_days: c.baseline_days,
        reported_a_month: c.alarms_a_month(t),
        confirmed: c.confirmed,
        dismissed: c.dismissed,
        missed: c.missed,
        open: c.open().to_vec(),
        reset: watch.reset.as_ref().map(|(t, by)| (Timestamp::from_nanos(*t), by.as_str().into())),
        judged: watch.said.iter().map(Into::into).collect(),
    }
}
