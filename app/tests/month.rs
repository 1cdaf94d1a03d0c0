//! A month of a plant, an hour at a time: what a healthy one is called for, and when damage is seen.
//!
//! The fold is driven as the follower drives it, with the time of the data and of the commits scaled: every sensor delivers
//! one record an hour, machines change load and speed, stop and start again, the platform is restarted and away, one gateway
//! delivers late. The signals are those of `seeds::physics`, which knows nothing of the analysis.
//!
//! `MONTH_MACHINES` and `MONTH_DAYS` scale it up: `make month` plays 120 machines for 30 days. `MONTH_SEED` gives other
//! chances, and of `MONTH_ONLY` (numbers with commas between them) only these machines are played, as they are among all.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "month/plant.rs"]
mod plant_of;
#[path = "month/play.rs"]
mod play;

use plant::AlarmCondition;
use plant_of::{Damage, Works};
use play::{Raised, play};

fn scale(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |n| n.parse().unwrap())
}

/// The seed of a half of the month: its own, or that and what is asked for.
fn seed(own: u64) -> u64 {
    own + 1_000 * scale("MONTH_SEED", 0) as u64
}

/// The machines that are played: all, where no others are asked for.
fn played(machines: usize) -> Vec<usize> {
    let chosen = |list: String| list.split(',').map(|n| n.trim().parse().unwrap()).collect();
    std::env::var("MONTH_ONLY").map_or_else(|_| (0..machines).collect(), chosen)
}

/// False alarms that `machines` may raise in `days`: one a machine and year.
fn budget(machines: usize, days: usize) -> f64 {
    machines as f64 * days as f64 / 365.25
}

/// The most that chance makes of `mean` once in a thousand times (Poisson).
fn most(mean: f64) -> usize {
    let (mut n, mut term) = (0, (-mean).exp());
    let mut sum = term;
    while sum < 0.999 {
        n += 1;
        term *= mean / n as f64;
        sum += term;
    }
    n
}

#[test]
fn a_healthy_plant_raises_no_more_than_its_budget() {
    let (machines, days) = (scale("MONTH_MACHINES", 4), scale("MONTH_DAYS", 18));
    let works = Works::new(machines, seed(1));
    let found = play(&works, &played(machines), days);
    let allowed = budget(machines, days);
    println!(
        "{machines} healthy machines, {days} days, {} records: {} alarms (budget {allowed:.1})",
        found.records,
        found.raised.len()
    );
    for r in &found.raised {
        println!("  {r}");
    }
    println!("{} assessments, in which were named: {}", found.assessments, found.named.len());
    for n in &found.named {
        println!("  {n}");
    }
    assert!(found.raised.len() <= most(allowed), "{} alarms, budget {allowed:.1}", found.raised.len());
    assert!(found.named.len() <= most(allowed), "{} diagnoses, budget {allowed:.1}", found.named.len());
    assert!(found.assessments >= machines * days, "every machine is assessed, and more than once a day");
}

/// Whether `raised` calls for `damage` by its name.
fn names(raised: &Raised, damage: &Damage) -> bool {
    match (&raised.key.condition, damage) {
        (AlarmCondition::Bearing(name, fault), Damage::Spall { bearing, part, .. }) => {
            name.as_str() == *bearing && fault == part
        }
        (AlarmCondition::Sensor, Damage::Connector) => true,
        (AlarmCondition::Zone(_) | AlarmCondition::Change, Damage::Imbalance | Damage::Misalignment | Damage::Gear) => {
            true
        }
        _ => false,
    }
}

#[test]
fn damage_is_found_in_time_and_on_the_machine_that_has_it() {
    let (machines, days) = (scale("MONTH_MACHINES", 4).max(4), scale("MONTH_DAYS", 18));
    let all = Damage::all();
    // Every damaged machine has neighbours that feel it.
    let (few, apart) = if machines >= 4 * all.len() { (all.len(), machines / all.len()) } else { (machines / 2, 2) };
    let mut works = Works::new(machines, seed(2));
    all.into_iter().take(few).enumerate().for_each(|(i, damage)| works.damage(i * apart, damage));
    let played = played(machines);
    let found = play(&works, &played, days);
    println!("{few} damaged of {machines} machines, {days} days, {} records", found.records);
    let mut missed = Vec::new();
    for m in played.iter().map(|n| &works.machines[*n]).filter(|m| m.damage.is_some()) {
        let damage = m.damage.as_ref().unwrap();
        let own: Vec<&Raised> = found.raised.iter().filter(|r| r.key.machine == m.id()).collect();
        let first = own.iter().find(|r| r.hour >= works.onset(days));
        let named = own.iter().find(|r| names(r, damage));
        let lead = |r: &&Raised| {
            format!("{:.1} days before it is at its full size ({r})", (works.full(days) as f64 - r.hour as f64) / 24.0)
        };
        println!(
            "  {} {damage:?}: first {}; named {}",
            m.id(),
            first.map_or("never".into(), &lead),
            named.map_or("never".into(), lead)
        );
        for n in found.named.iter().filter(|n| n.machine == m.id()) {
            println!("      {n}");
        }
        if named.is_none() {
            missed.push(format!("{} {damage:?}", m.id()));
        }
    }
    let blamed: Vec<String> = found
        .raised
        .iter()
        .filter(|r| works.machine(&r.key.machine).damage.is_none())
        .map(ToString::to_string)
        .collect();
    println!("  alarms of machines without damage: {blamed:?}");
    let wrong: Vec<String> =
        found.named.iter().filter(|n| works.machine(&n.machine).damage.is_none()).map(ToString::to_string).collect();
    println!("  diagnoses of machines without damage: {wrong:?}");
    assert!(wrong.len() <= most(budget(machines, days)), "{wrong:?}");
    assert!(missed.is_empty(), "not found: {missed:?}");
    assert!(blamed.len() <= most(budget(machines, days)), "{blamed:?}");
}
