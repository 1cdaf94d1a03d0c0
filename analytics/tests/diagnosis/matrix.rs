//! All faults against all diagnoses.

use std::collections::BTreeMap;

use analytics::diagnosis::{Fault, Outcome, Standing, assess};
use plant::BearingFault;

use crate::physics::zoo::{Kind, machine};
use crate::window::{Window, have};

/// What a simulated fault is to be called.
pub fn called(kind: Kind) -> Option<Fault> {
    Some(match kind {
        Kind::Sound => return None,
        Kind::Imbalance => Fault::Imbalance,
        Kind::Misalignment => Fault::Misalignment,
        Kind::BentShaft => Fault::BentShaft,
        Kind::Looseness => Fault::Looseness,
        Kind::OilWhirl | Kind::OilWhip => Fault::OilWhirl,
        Kind::Rub => Fault::Rub,
        Kind::Outer => Fault::Bearing(BearingFault::OuterRace),
        Kind::Inner => Fault::Bearing(BearingFault::InnerRace),
        Kind::Ball => Fault::Bearing(BearingFault::Ball),
        Kind::Cage => Fault::Bearing(BearingFault::Cage),
        Kind::Gear => Fault::Gear,
        Kind::Stator => Fault::Stator,
        Kind::RotorBar => Fault::RotorBar,
        Kind::Cavitation => Fault::Cavitation,
    })
}

/// What was said of one machine: each named fault, and whether it was confirmed.
type Said = Vec<(Fault, bool)>;

fn say(kind: Kind, severity: f64, seed: u64, verbose: bool) -> Said {
    let m = machine(kind, severity, seed);
    let window = Window::of(&m, have(&m, kind == Kind::Cavitation));
    let s = match window.symptoms() {
        Ok(s) => s,
        Err(why) => {
            println!("{kind:?} {severity:.2} {seed}: refused, {why}");
            return Vec::new();
        }
    };
    let a = assess(&s);
    if verbose {
        println!("== {kind:?} {severity:.2} seed {seed} {:.1} Hz {:?}", m.mean_hz(), a.outcome);
        for v in a.verdicts.iter().enumerate().filter(|(i, v)| *i < 3 || called(kind) == Some(v.fault)).map(|(_, v)| v)
        {
            let terms = |t: &[analytics::diagnosis::Term]| {
                t.iter()
                    .map(|t| match t.value {
                        Ok(v) => format!("{} {v:.3}->{:.2}", t.quantity.code(), t.contribution),
                        Err(e) => format!("{} [{e}]", t.quantity.code()),
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            println!(
                "   {:12} {:.2}/{:.2} {:?}: {} | {}",
                v.fault.code(),
                v.score,
                v.attainable,
                v.standing,
                terms(&v.evidence),
                terms(&v.contra)
            );
        }
    }
    assert_eq!(a.outcome == Outcome::Named, a.named().count() > 0);
    a.named().map(|v| (v.fault, v.standing == Standing::Confirmed)).collect()
}

/// What a simulated machine has besides: the unbalance that lifts its feet or bends it into the seal.
fn besides(kind: Kind) -> Option<Fault> {
    matches!(kind, Kind::Looseness | Kind::Rub).then_some(Fault::Imbalance)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// `DIAGNOSIS_RUNS` machines of each kind from `DIAGNOSIS_FROM` on, of the kinds in `DIAGNOSIS_ONLY`; `DIAGNOSIS_SHOW`
/// prints the best verdicts of each.
fn simulate() -> BTreeMap<Kind, Vec<Said>> {
    let (runs, from) = (number("DIAGNOSIS_RUNS", 3), number("DIAGNOSIS_FROM", 0));
    let verbose = std::env::var_os("DIAGNOSIS_SHOW").is_some();
    let only = std::env::var("DIAGNOSIS_ONLY").ok();
    let wanted = |k: &Kind| only.as_deref().is_none_or(|o| o.split(',').any(|o| format!("{k:?}") == o));
    // Severities from mild to severe in eight steps, mixed.
    let severity = |i: u64| ((3 * i) % 8) as f64 / 8.0 + 1.0 / 16.0;
    let one = |kind: Kind| -> Vec<Said> {
        (from..from + runs).map(|i| say(kind, severity(i), 100 + 16 * i + kind as u64, verbose)).collect()
    };
    let (left, right): (Vec<_>, Vec<_>) =
        Kind::ALL.into_iter().filter(wanted).enumerate().partition(|(i, _)| i % 2 == 0);
    let work = |part: Vec<(usize, Kind)>| part.into_iter().map(|(_, k)| (k, one(k))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| work(right));
        let mut all: BTreeMap<Kind, Vec<Said>> = work(left).into_iter().collect();
        all.extend(other.join().unwrap());
        all
    })
}

#[test]
fn every_fault_is_found_and_none_is_taken_for_another() {
    let all = simulate();
    print(&all);
    for (kind, said) in &all {
        let allowed = [called(*kind), besides(*kind)];
        let wrong = said.iter().flatten().find(|(f, sure)| *sure && !allowed.contains(&Some(*f)));
        assert_eq!(wrong, None, "{kind:?} was confirmed as another");
        let found = said.iter().filter(|s| s.iter().any(|(f, _)| Some(*f) == called(*kind))).count();
        if *kind != Kind::Sound {
            assert!(2 * found >= said.len(), "{kind:?}: {found} of {} found", said.len());
        }
    }
}

/// Rows: what the machine has; columns: what was said of how many of them, confirmed / probable.
fn print(all: &BTreeMap<Kind, Vec<Said>>) {
    print!("{:13}", "");
    Fault::ALL.iter().for_each(|f| print!("{:>9}", &f.code()[..f.code().len().min(8)]));
    println!("{:>9}{:>9}", "unknown", "found");
    for (kind, said) in all {
        print!("{:13}", format!("{kind:?}"));
        for f in Fault::ALL {
            let count = |sure: bool| said.iter().flatten().filter(|(g, s)| *g == f && *s == sure).count();
            let (sure, likely) = (count(true), count(false));
            if sure + likely == 0 { print!("{:>9}", ".") } else { print!("{:>9}", format!("{sure}/{likely}")) }
        }
        let found = called(*kind).map(|f| said.iter().filter(|s| s.iter().any(|(g, _)| *g == f)).count());
        let unknown = said.iter().filter(|s| s.is_empty()).count();
        println!("{unknown:>9}{:>9}", found.map_or("-".into(), |n| format!("{n}/{}", said.len())));
    }
}
