//! From symptoms to verdicts.

use plant::{Fault, Standing};

use super::quantity::{At, Quantity, Subject};
use super::symptoms::{Known, Symptoms};
use super::table::{Entry, TABLE, row};

/// From this score on a fault is probable,
pub const PROBABLE: f64 = 0.6;
/// and from this one confirmed.
pub const CONFIRMED: f64 = 0.8;
/// Two faults that rest on the same evidence must differ by this much for the better one to be named.
const MARGIN: f64 = 0.1;
/// Evidence is disjoint where two faults share no more than this of their scores.
const SHARED: f64 = 0.15;
/// Sums of weights reach their bounds but for rounding.
const ROUNDING: f64 = 1e-9;

/// One term of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// What was weighed.
    pub quantity: Quantity,
    /// Its value, or the code of what is missing.
    pub value: Known,
    /// Its weight.
    pub weight: f64,
    /// Where it begins to count,
    pub lo: f64,
    /// and where it counts in full.
    pub hi: f64,
    /// What it adds to the score, or, as contra-evidence, takes from it; 0 to `weight`.
    pub contribution: f64,
}

/// The judgement on one fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Which.
    pub fault: Fault,
    /// Of faults of bearings: where they are heard best, and which of the machine's bearings it is.
    pub bearing: Option<At>,
    /// 0 to 1.
    pub score: f64,
    /// What the score could be at most with what is known.
    pub attainable: f64,
    /// What became of it.
    pub standing: Standing,
    /// What speaks for it, in the order of the table.
    pub evidence: Vec<Term>,
    /// What speaks against it.
    pub contra: Vec<Term>,
}

impl Verdict {
    /// What is missing: the term and the code of why.
    pub fn missing(&self) -> impl Iterator<Item = (Quantity, &'static str)> {
        self.evidence.iter().chain(&self.contra).filter_map(|t| Some((t.quantity, t.value.err()?)))
    }

    /// Whether it names its fault.
    #[must_use]
    pub fn named(&self) -> bool {
        self.standing.named()
    }
}

/// What came out of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At least one fault is probable or confirmed.
    Named,
    /// None is: `nothing_explains`, or `ambiguous` where several explain the same evidence equally.
    Unknown(&'static str),
}

/// The judgement on a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Every fault of the table, the best first.
    pub verdicts: Vec<Verdict>,
    /// What came out.
    pub outcome: Outcome,
}

impl Assessment {
    /// The faults that are named, the best first.
    pub fn named(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|v| v.named())
    }
}

/// Weighs the symptoms by the table.
#[must_use]
pub fn assess(s: &Symptoms) -> Assessment {
    let mut verdicts: Vec<Verdict> = TABLE.iter().map(|row| best(s, row.fault)).collect();
    verdicts.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.fault.cmp(&b.fault)));
    settle(&mut verdicts);
    let ambiguous = verdicts.iter().any(|v| matches!(v.standing, Standing::Ambiguous(_)));
    let outcome = if verdicts.iter().any(Verdict::named) {
        Outcome::Named
    } else {
        Outcome::Unknown(if ambiguous { "ambiguous" } else { "nothing_explains" })
    };
    Assessment { verdicts, outcome }
}

/// The verdict on a fault; of a bearing's part, on the bearing and at the point where it scores highest.
fn best(s: &Symptoms, fault: Fault) -> Verdict {
    let Fault::Bearing(part) = fault else { return weigh(s, fault, None) };
    let all = s.points.iter().enumerate().flat_map(|(point, p)| {
        let symptoms = p.bearings.as_deref().unwrap_or(&[]);
        let of_part = symptoms.iter().enumerate().filter(move |(_, b)| b.fault == part);
        of_part.map(move |(symptom, b)| At { point, symptom, bearing: b.bearing })
    });
    let weighed = all.map(|at| weigh(s, fault, Some(at)));
    let loudest = |v: &Verdict| v.evidence.first().and_then(|t| t.value.ok()).unwrap_or(0.0);
    weighed
        .max_by(|a, b| a.score.total_cmp(&b.score).then(loudest(a).total_cmp(&loudest(b))))
        .unwrap_or_else(|| refused_bearing(s, fault))
}

/// No point heard this part: says why the first of them did not.
fn refused_bearing(s: &Symptoms, fault: Fault) -> Verdict {
    let why = s.points.iter().find_map(|p| p.bearings.as_ref().err().copied()).unwrap_or("geometry");
    let mut v = weigh(s, fault, None);
    let of_envelope = |t: &&mut Term| matches!(t.quantity.subject(None), Subject::Envelope(_));
    v.evidence.iter_mut().chain(&mut v.contra).filter(of_envelope).for_each(|t| t.value = Err(why));
    v
}

fn weigh(s: &Symptoms, fault: Fault, at: Option<At>) -> Verdict {
    let row = row(fault);
    let term = |e: &Entry| {
        let value = e.quantity.of(s, at);
        let part = value.map_or(0.0, |x| ((x - e.lo) / (e.hi - e.lo)).clamp(0.0, 1.0));
        let Entry { quantity, weight, lo, hi, .. } = *e;
        Term { quantity, value, weight, lo, hi, contribution: weight * part }
    };
    let evidence: Vec<Term> = row.evidence.iter().map(term).collect();
    let mut contra: Vec<Term> = row.contra.iter().map(term).collect();
    let mut charged = 0.0;
    for (t, e) in contra.iter_mut().zip(row.contra) {
        if t.value.is_err() {
            t.contribution = e.absent;
            charged += e.absent;
        }
    }
    let sum = |terms: &[Term]| terms.iter().map(|t| t.contribution).sum::<f64>();
    let known: f64 = evidence.iter().filter(|t| t.value.is_ok()).map(|t| t.weight).sum();
    Verdict {
        fault,
        bearing: at,
        score: (sum(&evidence) - sum(&contra)).clamp(0.0, 1.0),
        attainable: (known - charged).clamp(0.0, 1.0),
        standing: Standing::Open,
        evidence,
        contra,
    }
}

/// Gives each verdict its standing; they come best first.
fn settle(verdicts: &mut [Verdict]) {
    for i in 0..verdicts.len() {
        let (better, rest) = verdicts.split_at_mut(i);
        let v = &mut rest[0];
        if v.score < PROBABLE - ROUNDING {
            break;
        }
        v.standing = if v.score < CONFIRMED - ROUNDING { Standing::Probable } else { Standing::Confirmed };
        let standing = |b: &&mut Verdict| !matches!(b.standing, Standing::Explained(_));
        if let Some(rival) = better.iter_mut().filter(standing).find(|b| shared(b, v) > SHARED) {
            if rival.score - v.score < MARGIN - ROUNDING {
                v.standing = Standing::Ambiguous(rival.fault);
                rival.standing = Standing::Ambiguous(v.fault);
            } else {
                v.standing = Standing::Explained(rival.fault);
            }
        }
    }
}

/// How much of two scores rests on the same subjects.
fn shared(a: &Verdict, b: &Verdict) -> f64 {
    let of = |v: &Verdict, subject: Subject| {
        let terms = v.evidence.iter().filter(|t| t.quantity.subject(v.bearing) == subject);
        terms.map(|t| t.contribution).sum::<f64>()
    };
    let mut seen: Vec<Subject> = Vec::with_capacity(a.evidence.len());
    let mut sum = 0.0;
    for t in &a.evidence {
        let subject = t.quantity.subject(a.bearing);
        if !seen.contains(&subject) {
            seen.push(subject);
            sum += of(a, subject).min(of(b, subject));
        }
    }
    sum
}
