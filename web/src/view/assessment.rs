//! Assessments of machines.

use plant::{Assessment, FaultVerdict, ModelCard, Name, RemainingLife, ShaftVerdict, Term};

use super::texts;
use crate::dto;

fn name(n: &Name) -> String {
    n.to_string()
}

pub(crate) fn assessment(a: &Assessment) -> dto::Assessment {
    let reason = |r: &plant::HealthReason| dto::HealthReason {
        term: r.term.as_ref().into(),
        lowers: r.lowers,
        point: r.point.as_ref().map(name),
        unjudged: r.unjudged.as_deref().map(Into::into),
    };
    dto::Assessment {
        t: a.t.into(),
        shafts: a.shafts.iter().map(shaft).collect(),
        health: a.health.score,
        reasons: a.health.reasons.iter().map(reason).collect(),
        remaining: a.remaining.as_ref().ok().map(remaining),
        remaining_refused: a.remaining.as_ref().err().map(|c| c.as_ref().into()),
        card: card(&a.card),
    }
}

pub(crate) fn health_point(a: &Assessment) -> dto::HealthPoint {
    let named = a.named().map(|v| v.fault.code().into()).collect();
    dto::HealthPoint { t: a.t.into(), health: a.health.score, named }
}

fn shaft(s: &ShaftVerdict) -> dto::ShaftVerdict {
    dto::ShaftVerdict {
        shaft: s.shaft.as_ref().map(name),
        hz: s.hz,
        points: s.points.iter().map(name).collect(),
        verdicts: s.verdicts.iter().flatten().map(verdict).collect(),
        refused: s.verdicts.as_ref().err().map(|c| c.as_ref().into()),
        unknown: s.unknown.as_deref().map(Into::into),
    }
}

fn verdict(v: &FaultVerdict) -> dto::FaultVerdict {
    dto::FaultVerdict {
        fault: v.fault.code().into(),
        bearing: v.bearing.as_ref().map(name),
        point: v.point.as_ref().map(name),
        score: v.score,
        attainable: v.attainable,
        standing: v.standing.as_str().into(),
        rival: v.standing.rival().map(|f| f.code().into()),
        terms: v.terms.iter().map(term).collect(),
    }
}

fn term(t: &Term) -> dto::Term {
    dto::Term {
        quantity: t.quantity.as_ref().into(),
        value: t.value.as_ref().ok().copied(),
        missing: t.value.as_ref().err().map(|c| c.as_ref().into()),
        weight: t.weight,
        lo: t.lo,
        hi: t.hi,
        contribution: t.contribution,
        against: t.against,
    }
}

fn remaining(r: &RemainingLife) -> dto::RemainingLife {
    dto::RemainingLife {
        point: name(&r.point),
        since: r.since.into(),
        p10_s: r.p10_s,
        p50_s: r.p50_s,
        p90_s: r.p90_s,
        looks: r.looks,
        codes: texts(&r.codes),
    }
}

fn card(c: &ModelCard) -> dto::ModelCard {
    let judged = |j: &plant::Judged| dto::Judged {
        t: j.t.into(),
        fault: j.fault.code().into(),
        judgement: j.judgement.as_str().into(),
        by: j.by.as_ref().into(),
    };
    dto::ModelCard {
        baseline_days: c.baseline_days,
        reported_a_month: c.reported_a_month,
        confirmed: c.confirmed,
        dismissed: c.dismissed,
        missed: c.missed,
        open: c.open.iter().map(|f| f.code().into()).collect(),
        reset: c.reset.as_ref().map(|(t, _)| (*t).into()),
        reset_by: c.reset.as_ref().map(|(_, by)| by.as_ref().into()),
        judged: c.judged.iter().map(judged).collect(),
    }
}
