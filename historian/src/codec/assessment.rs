//! The stored form of what a machine's points say together, and of what people say of it.

use plant::{
    Assessment, Fault, FaultVerdict, Health, HealthReason, Judged, Judgement, ModelCard, RemainingLife, ShaftVerdict,
    Standing, Term,
};

use super::{Damage, Reader, Record, Writer};

fields! {
    Term { quantity, value, weight, lo, hi, contribution, against }
    FaultVerdict { fault, bearing, point, score, attainable, standing, terms }
    ShaftVerdict { shaft, hz, points, verdicts, unknown }
    HealthReason { term, lowers, point, unjudged }
    Health { score, reasons }
    RemainingLife { point, since, p10_s, p50_s, p90_s, looks, codes }
    Judged { t, fault, judgement, by }
    ModelCard { baseline_days, reported_a_month, confirmed, dismissed, missed, open, reset, judged }
    Assessment { machine, t, shafts, health, remaining, card }
}

texts! {
    Fault, |v| v.code(), Fault::parse;
    Judgement, |v| v.as_str(), Judgement::parse;
}

/// What there is, or the code of what is missing to have it.
impl<T: Record> Record for Result<T, std::sync::Arc<str>> {
    fn put(&self, w: &mut Writer) {
        match self {
            Ok(v) => {
                w.u8(1);
                v.put(w);
            }
            Err(code) => {
                w.u8(0);
                code.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        match r.u8()? {
            0 => Ok(Err(Record::get(r)?)),
            1 => Ok(Ok(Record::get(r)?)),
            _ => Err(Damage("neither something nor why it is not there")),
        }
    }
}

impl Record for u32 {
    fn put(&self, w: &mut Writer) {
        w.varint(u64::from(*self));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        r.varint()?.try_into().map_err(|_| Damage("a number is too large"))
    }
}

impl Record for Standing {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Open => w.u8(0),
            Self::Probable => w.u8(1),
            Self::Confirmed => w.u8(2),
            Self::Explained(by) => {
                w.u8(3);
                by.put(w);
            }
            Self::Ambiguous(with) => {
                w.u8(4);
                with.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Open,
            1 => Self::Probable,
            2 => Self::Confirmed,
            3 => Self::Explained(Record::get(r)?),
            4 => Self::Ambiguous(Record::get(r)?),
            _ => return Err(Damage("a standing is not known")),
        })
    }
}
