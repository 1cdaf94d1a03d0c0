//! What is usual at a sensor, and when it is not so any more: ISO 20816-1's criterion II, learnt.
//!
//! Every record tells in which state the machine is; once in [`Settings::watch_every`] its features are also held against
//! what was learnt in that state. A record that is late, or of a sensor that failed, is not looked at.

use std::sync::{Arc, LazyLock};

use plant::{AlarmCondition, Finding, IndicatorValue, Name, Priority, Quality, Timestamp};

use super::Settings;
use super::book::Detail;
use super::record::Look;
use super::state::{RecordState, State};
use super::values::key;
use crate::alarm::Event;
use crate::rotating::Analysis;
use crate::watch::arl::{Budget, Design};
use crate::watch::baseline::Learning;
use crate::watch::chart::Chart;
use crate::watch::operating::Running;
use crate::watch::watcher::{Basis, Sample, Settings as Watching, Verdict, Watcher};

/// Below this part of its nominal speed a machine is off, …
const OFF: f64 = 0.05;
/// … or below this speed, r/min, where that is not stated.
const OFF_RPM: f64 = 60.0;
/// Looks come as often as they are meant to when they are this close.
const ABOUT: f64 = 0.9;

/// One feature of a record: its name, and the number, above 0 where there is one.
type Feature = (&'static str, fn(&Analysis) -> f64);

/// What is watched. The peak says little that the crest does not, and the band above 1 kHz hears bearings and gears first.
const FEATURES: [Feature; 7] = [
    ("velocity_rms", |a| a.velocity.map_or(f64::NAN, |v| v.rms_mm_s)),
    ("acceleration_rms", |a| a.features.rms),
    ("crest", |a| a.features.crest),
    ("kurtosis", |a| a.features.kurtosis),
    ("amplitude_1x", |a| a.amplitude_1x.unwrap_or(f64::NAN)),
    ("low_rms", |a| a.shape.low_rms),
    ("high_rms", |a| a.shape.high_rms),
];

/// An EWMA with the limits that one false alarm a machine-year over twelve points with these features, hourly, asks for.
/// Computing them takes a moment, so they are computed once.
pub(super) fn watching() -> Arc<Watching> {
    static WATCHING: LazyLock<Arc<Watching>> = LazyLock::new(|| {
        let budget = Budget { charts: 12.0 * FEATURES.len() as f64, ..Budget::default() };
        let design = Design::new(Chart::Ewma { lambda: 0.1 }, budget.run_length());
        Arc::new(Watching { design, learning: Learning::default(), off_below_rpm: OFF_RPM, least_s: 0.0 })
    });
    WATCHING.clone()
}

/// What is remembered of what is usual at one sensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usual {
    pub watcher: Watcher,
    /// The record whose features were looked at last.
    pub looked: Option<Timestamp>,
}

/// Takes a record in and moves the alarm that says that the vibration has changed.
pub(super) fn judge(
    look: &Look<'_>,
    state: &mut State,
    settings: &Settings,
    records: &mut RecordState,
    late: bool,
    out: &mut Vec<Finding>,
) {
    if late {
        return;
    }
    let t = look.t();
    let usual = records.usual.get_or_insert_default();
    // A look by a clock that ran ahead puts the next one off no longer than another.
    let since = |at: Timestamp| t.since(at).max(at.since(t)).as_secs_f64();
    let due = usual.looked.is_none_or(|at| since(at) >= ABOUT * settings.watch_every.as_secs_f64());
    let features = FEATURES.map(|(_, of)| if due { of(look.analysis) } else { f64::NAN });
    if due {
        usual.looked = Some(t);
    }
    let mut watching = (*settings.watching).clone();
    if let Some(nominal) = look.job.nominal_rpm {
        watching.off_below_rpm = OFF * nominal;
    }
    let speed = look.job.speed.ok();
    let running = Running {
        t: t.nanos() as f64 / 1e9,
        rpm: speed.map(|s| s.mean_rpm),
        range_rpm: speed.and_then(|s| s.range_rpm),
        load: look.job.waveform.meta.load.map(|percent| percent / 100.0),
    };
    let sample = Sample { running, temperature: None, features: &features };
    let (_, verdicts) = usual.watcher.step(&sample, &watching);
    if !due {
        return;
    }
    // The feature that is furthest from what is usual, among those whose own alarm stands if any does.
    let ratio = |v: &Verdict| v.judged.map_or(f64::NAN, |(_, s, limit)| (s / limit).abs());
    let judged = || verdicts.iter().enumerate().filter(|(_, v)| v.judged.is_ok());
    let Some((at, worst)) =
        judged().max_by(|(_, a), (_, b)| a.stands.cmp(&b.stands).then(ratio(a).total_cmp(&ratio(b))))
    else {
        return;
    };
    let most = judged().map(|(_, v)| ratio(v)).fold(0.0, f64::max);
    records.deviation = Some(most);
    deviation(look, most, out);
    let stands = verdicts.iter().any(|v| v.stands);
    let detail = detail(look, worst, FEATURES[at], features[at], verdicts);
    let key = key(&look.job.waveform.point, AlarmCondition::Change);
    // One cause is one alarm: what is called for by its name already is not called for once more.
    let named = !state.book.active(&key) && look.is_named(state, records);
    let event = if stands && !named { Event::Holds } else { Event::Gone };
    match event {
        Event::Holds => state.book.hold(&key, Priority::Medium, t, detail, out),
        _ => state.book.apply(&key, Priority::Medium, event, t, detail, out),
    }
}

/// How far the record is from what is usual, as a part of the limit.
fn deviation(look: &Look<'_>, ratio: f64, out: &mut Vec<Finding>) {
    let (w, Ok(name)) = (&look.job.waveform, Name::new("deviation")) else { return };
    if ratio.is_finite() {
        let (point, t) = (w.point.clone(), w.t0);
        out.push(Finding::Indicator(IndicatorValue {
            point,
            name,
            t,
            value: ratio,
            quality: Quality::Good,
            unit: None,
        }));
    }
}

fn detail(look: &Look<'_>, worst: &Verdict, (name, _): Feature, now: f64, verdicts: &[Verdict]) -> Detail {
    let mut detail = Detail { evidence: look.evidence(), ..Detail::default() };
    let terms = &mut detail.evidence.terms;
    if let Ok((basis, statistic, limit)) = worst.judged {
        (detail.value, detail.limit) = (Some(statistic.abs()), Some(limit));
        terms.insert("deviation".into(), statistic);
        terms.insert("threshold".into(), limit);
        if basis == Basis::Across {
            detail.evidence.codes.push("across_states".into());
        }
    }
    terms.insert("now".into(), now);
    // The one that changed most comes first.
    let others = FEATURES.iter().zip(verdicts).filter(|((n, _), v)| v.stands && *n != name).map(|((n, _), _)| *n);
    detail.evidence.codes.extend([name].into_iter().chain(others).map(Arc::from));
    detail
}
