//! Findings as the API tells them.

use analytics::alarm::coach::{Advice, Alternative, Excursion};
use analytics::alarm::limit::Side;
use analytics::alarm::performance::{BINS, Flood, Kpi, MOST_LISTED, Performance, Rate, SLOT};
use analytics::alarm::replay::{Definition, Firing};
use analytics::alarm::simulate::{Catch, Outcome, Simulated};
use plant::{AlarmKey, Plant, Priority, Timestamp};
use web::{Proposal, dto};

/// Firings of one definition that are listed.
const MOST_FIRINGS: usize = 500;

pub(super) fn performance(plant: &Plant, p: &Performance, operators: u32) -> dto::AlarmPerformance {
    let name = |key: &AlarmKey, priority: Priority| web::alarm_name(plant, key, priority);
    let coached = |key: &AlarmKey| {
        let point = key.point.as_ref().and_then(|id| plant.point(id));
        point.is_some_and(|(_, point)| super::coached(key, point))
    };
    let share = |n: u64| n as f64 / p.annunciations.max(1) as f64;
    let [high, medium, low] = p.priorities.classes();
    let a = &p.acknowledgement;
    dto::AlarmPerformance {
        from: p.period.from().into(),
        to: p.period.to().into(),
        operators,
        annunciations: p.annunciations,
        alarms: p.alarms as u64,
        unascribed: p.unascribed,
        kpis: p.kpis(operators).iter().map(kpi).collect(),
        rate: rate(&p.rate),
        top: p
            .top
            .iter()
            .map(|a| dto::AlarmActor {
                alarm: name(&a.key, a.priority),
                annunciations: a.annunciations,
                share: share(a.annunciations),
                coached: coached(&a.key),
            })
            .collect(),
        chattering: p
            .chattering
            .iter()
            .map(|c| dto::AlarmChatter {
                alarm: name(&c.key, c.priority),
                episodes: c.episodes,
                annunciations: c.annunciations,
                most_in_minute: c.most_in_minute as u64,
                last: c.last.into(),
                coached: coached(&c.key),
            })
            .collect(),
        chattering_alarms: p.chattering_alarms as u64,
        fleeting: p
            .fleeting
            .iter()
            .map(|f| dto::AlarmFleeting { alarm: name(&f.key, f.priority), times: f.times })
            .collect(),
        fleeting_alarms: p.fleeting_alarms as u64,
        stale: p
            .stale
            .iter()
            .map(|s| dto::AlarmStale {
                alarm: name(&s.key, s.priority),
                since: s.since.into(),
                until: s.until.map(Into::into),
            })
            .collect(),
        stale_alarms: p.stale_alarms as u64,
        priorities: dto::AlarmPriorities { each: p.priorities.each.into(), high, medium, low },
        acknowledgement: dto::AlarmAcknowledgement {
            acknowledged: a.acknowledged,
            median_s: a.median.map(|d| d.as_secs_f64()),
            p90_s: a.p90.map(|d| d.as_secs_f64()),
            raised_anew: a.raised_anew,
            waiting: a.waiting,
        },
    }
}

fn kpi(k: &Kpi) -> dto::AlarmKpi {
    dto::AlarmKpi { code: k.code.as_str().into(), value: k.value, target: k.code.target(), met: k.met() }
}

fn millis(t: Timestamp) -> i64 {
    t.nanos().div_euclid(1_000_000)
}

fn rate(r: &Rate) -> dto::AlarmRate {
    let flood = |f: &Flood| dto::AlarmFlood {
        from: f.from.into(),
        to: f.to.into(),
        annunciations: f.annunciations,
        most_in_slot: f.most_in_slot,
        open: f.open,
    };
    let days =
        r.days.iter().map(|d| dto::AlarmDay { from: d.from.into(), annunciations: d.annunciations, whole: d.whole });
    dto::AlarmRate {
        mean: r.mean,
        most_in_slot: r.most_in_slot,
        most_in_ten_minutes: r.most_in_ten_minutes,
        first_slot_ms: millis(r.first_slot),
        slot_ms: SLOT.as_millis() as i64,
        slots: r.slots.clone(),
        bins: BINS.into(),
        histogram: r.histogram.into(),
        flood_share: r.flood_share,
        floods: r.floods.iter().take(MOST_LISTED).map(flood).collect(),
        floods_in_all: r.floods.len() as u64,
        days: days.collect(),
    }
}

fn definition(d: &Definition) -> dto::TriedDefinition {
    let side = match d.side {
        Side::Above => "above",
        Side::Below => "below",
    };
    dto::TriedDefinition {
        side: side.into(),
        limit: d.limit,
        deadband: d.deadband,
        on_delay_s: d.on_delay.as_secs_f64(),
        off_delay_s: d.off_delay.as_secs_f64(),
    }
}

pub(super) fn advice(a: &Advice, passed_over: u64) -> dto::AlarmAdvice {
    dto::AlarmAdvice {
        verdict: a.verdict.as_str().into(),
        current: definition(&a.current),
        raised: a.raised,
        most_in_minute: a.most_in_minute as u64,
        standing_s: a.standing.as_secs_f64(),
        excursions: a.excursions,
        cut: a.cut,
        values: a.values,
        passed_over,
        alternatives: a.alternatives.iter().map(alternative).collect(),
        best: a.best,
    }
}

fn alternative(a: &Alternative) -> dto::AlarmAlternative {
    let excursion = |e: &Excursion| dto::AlarmExcursion {
        from: e.from.into(),
        to: e.to.map(Into::into),
        raised: e.raised,
        extreme: e.extreme,
    };
    dto::AlarmAlternative {
        means: a.means.as_str().into(),
        definition: definition(&a.definition),
        solves: a.solves,
        raised: a.raised,
        most_in_minute: a.most_in_minute as u64,
        announced: a.announced,
        later_median_s: a.later_median.as_secs_f64(),
        later_most_s: a.later_most.as_secs_f64(),
        merged: a.merged,
        swallowed: a.swallowed,
        swallowed_examples: a.swallowed_examples.iter().map(excursion).collect(),
        standing_s: a.standing.as_secs_f64(),
    }
}

pub(super) fn simulation(
    what: &Proposal,
    unit: Option<String>,
    (from, to): (Timestamp, Timestamp),
    values_from: Option<Timestamp>,
    confirmed_faults: u64,
    s: &Simulated,
) -> dto::AlarmSimulation {
    dto::AlarmSimulation {
        point: what.point.to_string(),
        condition: what.condition.code(),
        unit,
        from: from.into(),
        to: to.into(),
        values: s.values,
        minutes: s.minutes,
        values_from: values_from.map(Into::into),
        passed_over: s.passed_over,
        confirmed_faults,
        proposed: outcome(&s.proposed),
        current: s.current.as_ref().map(outcome),
    }
}

fn outcome(o: &Outcome) -> dto::AlarmOutcome {
    let firing = |f: &Firing| dto::AlarmFiring {
        raised: f.raised.into(),
        cleared: f.cleared.map(Into::into),
        extreme: f.extreme,
    };
    let caught = |c: &Catch| dto::AlarmCatch {
        fault: c.of.fault.code().into(),
        confirmed: c.of.t.into(),
        raised: c.raised.map(Into::into),
        early_s: c.early().map(|d| d.as_secs_f64()),
    };
    dto::AlarmOutcome {
        definition: definition(&o.definition),
        raised: o.run.raised,
        most_in_minute: o.run.most_in_minute as u64,
        standing_s: o.run.standing.as_secs_f64(),
        doubtful_minutes: o.doubtful_minutes,
        firings: o.run.firings.iter().take(MOST_FIRINGS).map(firing).collect(),
        faults: o.faults.iter().map(caught).collect(),
    }
}
