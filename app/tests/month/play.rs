//! Plays the works to the fold.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use historian::{Batch, Committed};
use plant::{AlarmKey, AssetChange, Fault, Finding, MachineId, Standing, Timestamp, Trigger, Waveform};

use crate::plant_of::{HELD_BACK, Works};

const HOUR: Duration = Duration::from_secs(3_600);
/// The platform is restarted every so many hours, and every other time it is away for some.
const RESTARTS: usize = 41;
const AWAY: usize = 3;

/// An alarm, when it was raised.
#[derive(Clone, Debug)]
pub struct Raised {
    pub key: AlarmKey,
    pub hour: usize,
    terms: String,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let point = self.key.point.as_ref().map_or("", |p| p.name());
        write!(f, "hour {} {} {point} {} {}", self.hour, self.key.machine, self.key.condition.code(), self.terms)
    }
}

/// A fault that was named by all of a machine's points together, when that was for the first time.
#[derive(Clone, Debug)]
pub struct Named {
    pub machine: MachineId,
    pub fault: Fault,
    pub hour: usize,
    pub score: f64,
    pub standing: Standing,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, fault, hour, score, standing } = self;
        write!(f, "hour {hour} {machine} {} {} {score:.2}", standing.as_str(), fault.code())
    }
}

#[derive(Default)]
pub struct Found {
    pub raised: Vec<Raised>,
    pub named: Vec<Named>,
    pub assessments: usize,
    pub records: usize,
}

/// Plays the machines of these numbers.
pub fn play(works: &Works, played: &[usize], days: usize) -> Found {
    // An hour is what a second is in service: only a longer pause means that the platform was away.
    let settings =
        Settings { threads: 2, gap: HOUR + HOUR / 2, grace: 3 * HOUR, late_after: HOUR, ..Settings::default() };
    let mut fold = Fold::new(settings.clone());
    let (mut found, mut seq, start) = (Found::default(), 0, Timestamp::from_secs(1_750_000_000));
    let changes = played.iter().map(|n| AssetChange::Machine(works.machines[*n].kit.machine.clone())).collect();
    let mut commit = |fold: &mut Fold, t: Timestamp, batch: Batch| {
        seq += 1;
        fold.step(&Committed { seq, t, batch: Arc::new(batch) })
    };
    commit(&mut fold, start, Batch { changes, ..Batch::default() });
    let mut waiting: Vec<Vec<Arc<Waveform>>> = vec![Vec::new(); works.gateways()];
    for hour in 0..days * 24 {
        let t = start + HOUR * hour as u32;
        for (n, records) in measured(works, played, hour, days, t) {
            waiting[Works::gateway_of(n)].extend(records.into_iter().map(Arc::new));
        }
        if hour % (2 * RESTARTS) >= 2 * RESTARTS - AWAY {
            continue; // the gateways keep what they have
        }
        for (gateway, records) in waiting.iter_mut().enumerate() {
            if gateway > 0 && gateway == works.gateways() - 1 && hour as u64 % HELD_BACK != HELD_BACK - 1 {
                continue;
            }
            let waveforms = std::mem::take(records);
            found.records += waveforms.len();
            let findings = commit(&mut fold, t + Duration::from_secs(60), Batch { waveforms, ..Batch::default() });
            found.raised.extend(findings.iter().filter_map(|f| raised(f, hour)));
            found.assess(&findings, hour);
        }
        if hour % RESTARTS == RESTARTS - 1 {
            fold = Fold::restore(settings.clone(), &fold.snapshot()).unwrap();
        }
    }
    found
}

/// What every machine measures in `hour`; made on two threads.
fn measured(works: &Works, played: &[usize], hour: usize, days: usize, t: Timestamp) -> Vec<(usize, Vec<Waveform>)> {
    let (first, second) = played.split_at(played.len() / 2);
    let of = |part: &[usize]| -> Vec<_> { part.iter().map(|n| (*n, works.records(*n, hour, days, t))).collect() };
    std::thread::scope(|s| {
        let first = s.spawn(|| of(first));
        let mut second = of(second);
        let mut all = first.join().unwrap();
        all.append(&mut second);
        all
    })
}

impl Found {
    fn assess(&mut self, findings: &[Finding], hour: usize) {
        for f in findings {
            let Finding::Assessment(a) = f else { continue };
            self.assessments += 1;
            for v in a.named() {
                if self.named.iter().all(|n| n.machine != a.machine || n.fault != v.fault) {
                    let (machine, fault, score, standing) = (a.machine.clone(), v.fault, v.score, v.standing);
                    self.named.push(Named { machine, fault, hour, score, standing });
                }
            }
        }
    }
}

fn raised(f: &Finding, hour: usize) -> Option<Raised> {
    let Finding::Alarm(a) = f else { return None };
    let terms: Vec<String> = a.evidence.terms.iter().map(|(k, v)| format!("{k} {v:.2}")).collect();
    matches!(a.trigger, Trigger::Raised).then(|| Raised { key: a.key.clone(), hour, terms: terms.join(", ") })
}
