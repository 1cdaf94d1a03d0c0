//! The stored form of work orders and notes.

use plant::{Note, Part, PhotoId, Work, WorkOrder, WorkOrigin, WorkState, WorkStep};

use super::{Damage, Reader, Record, Writer};

texts! {
    WorkState, |v| v.as_str(), WorkState::parse;
}

fields! {
    Part { name, quantity }
    WorkStep { t, by, state }
    WorkOrder {
        number, machine, origin, title, state, planned_for, assignee, finding, faults, parts, labour_min, photos, steps
    }
    Note { number, machine, alarm, t, by, text, withdrawn }
}

impl Record for PhotoId {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.0);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self(r.array()?))
    }
}

impl Record for WorkOrigin {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Person => w.u8(0),
            Self::Alarm { key, raised } => {
                w.u8(1);
                key.put(w);
                raised.put(w);
            }
            Self::Diagnosis(fault) => {
                w.u8(2);
                fault.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Person,
            1 => Self::Alarm { key: Record::get(r)?, raised: Record::get(r)? },
            2 => Self::Diagnosis(Record::get(r)?),
            _ => return Err(Damage("what called for a work order is not known")),
        })
    }
}

impl Record for Work {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Order(order) => {
                w.u8(0);
                order.put(w);
            }
            Self::Note(note) => {
                w.u8(1);
                note.put(w);
            }
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Order(Box::new(Record::get(r)?)),
            1 => Self::Note(Box::new(Record::get(r)?)),
            _ => return Err(Damage("it is neither a work order nor a note")),
        })
    }
}
