//! Messages of other forms into the draft: by a mapping rule, or as segments of HJ 212.

use plant::mapping::{Captures, PayloadFormat, RuleSet};
use plant::{MachineId, Plant, Quality};

use crate::Message;
use crate::draft::{Draft, Outcome};
use crate::fault::{Code, Fault};
use crate::interpreter::{Faults, Interpreter, Route};
use crate::mapping::{self, Mapped, Sink};
use crate::parts::{Part, Place};
use crate::values::Incoming;
use crate::wire::hj212::{self, Segment};

/// Takes what a rule reads into the draft.
struct Into<'a> {
    interpreter: &'a Interpreter,
    draft: &'a mut Draft,
    plant: &'a Plant,
    faults: Faults,
    timed: bool,
}

impl Sink for Into<'_> {
    fn take(&mut self, reading: Result<Mapped<'_>, Fault>) {
        let taken = reading.and_then(|Mapped { machine, point, value, unit, t }| {
            self.timed &= t.is_some();
            let unit = unit.map(|u| u.symbol());
            let incoming = Incoming { value, unit, t, quality: Quality::Good, seq: None, typed: false };
            self.interpreter.one(self.draft, self.plant, machine, &point, incoming)
        });
        if let Err(fault) = taken {
            self.faults.note(fault);
        }
    }
}

impl Interpreter {
    /// One value of one machine into the draft.
    fn one(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        machine: MachineId,
        point: &str,
        mut incoming: Incoming<'_>,
    ) -> Result<(), Fault> {
        let machine = self.machine(machine, plant)?;
        incoming.t = incoming.t.map(|t| self.plausible(t, draft.t_received)).transpose().map_err(|f| f.at(point))?;
        self.with(draft, plant, &machine, |draft, state| self.value(draft, state, point, incoming))
            .map_err(|f| f.at(point))
    }

    /// A message by the first rule that is for it; with it, whether its times are its own.
    pub(crate) fn mapped(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        rules: &RuleSet,
        candidates: &[(usize, Captures)],
        message: &Message,
    ) -> Result<(Outcome, bool), Fault> {
        for (i, captures) in candidates {
            let Some(rule) = rules.rules().get(*i) else { continue };
            if rule.format == PayloadFormat::Hj212 {
                let (site, machine) = mapping::names(rule, captures)?;
                return self.segments(draft, plant, &site, Some(&machine), message);
            }
            let mut into = Into { interpreter: self, draft, plant, faults: Faults::default(), timed: true };
            if mapping::apply(rule, captures, &message.payload, &mut into)? {
                let timed = into.timed;
                return Ok((into.faults.finish()?, timed));
            }
        }
        Err(mapping::conditions(candidates.len()))
    }

    /// The segments of a message; `machine` is the monitor's number unless a rule says otherwise.
    pub(crate) fn segments(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        site: &str,
        machine: Option<&str>,
        message: &Message,
    ) -> Result<(Outcome, bool), Fault> {
        let segments = hj212::decode_all(&message.payload)?;
        if let Some(segment) = segments.iter().find(|s| s.is_upload() && !s.stands_alone()) {
            let (Some((number, of)), [_]) = (segment.packet, &segments[..]) else {
                let expected = "one packet of a split upload in a message";
                return Err(Fault::new(Code::Hj212Packets, expected, format!("{} segments", segments.len())));
            };
            let set = format!("hj212/{site}/{}/{}/{}", segment.mn, segment.cn, segment.qn);
            let place = Place { set: &set, number, of, header: 0, code: Code::Hj212Packets };
            return self.part(draft, plant, &place, message);
        }
        let mut faults = Faults::default();
        for segment in &segments {
            self.segment(draft, plant, site, machine, segment, &mut faults)?;
        }
        Ok((faults.finish()?, true))
    }

    fn segment(
        &self,
        draft: &mut Draft,
        plant: &Plant,
        site: &str,
        machine: Option<&str>,
        segment: &Segment<'_>,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        let machine = mapping::named(site, machine.unwrap_or(segment.mn))?;
        for reading in segment.readings()? {
            let unit = reading.unit.map(|u| u.symbol());
            let (value, quality, t) = (reading.value, reading.quality, Some(reading.t));
            let incoming = Incoming { value, unit, t, quality, seq: None, typed: false };
            if let Err(fault) = self.one(draft, plant, machine.clone(), &reading.point, incoming) {
                faults.note(fault);
            }
        }
        Ok(())
    }

    /// An upload of HJ 212 whose packets are all there: their parameters one after another.
    pub(crate) fn packets(&self, draft: &mut Draft, plant: &Plant, route: &Route, parts: &[Part]) -> Result<(), Fault> {
        let mut segments = Vec::with_capacity(parts.len());
        for part in parts {
            segments.extend(hj212::decode_all(&part.message.payload)?);
        }
        let parameters: Vec<&str> = segments.iter().map(|s| s.cp.trim_end_matches(';')).collect();
        let parameters = parameters.join(";");
        let nothing = || Fault::new(Code::Hj212Packets, "packets of an upload", "none");
        let whole = Segment { cp: &parameters, packet: None, ..segments.first().ok_or_else(nothing)?.clone() };
        let mut faults = Faults::default();
        match route {
            Route::Hj212(site) => self.segment(draft, plant, site.as_str(), None, &whole, &mut faults)?,
            Route::Mapped(rules, candidates) => {
                let found = candidates.iter().find_map(|(i, captures)| Some((rules.rules().get(*i)?, captures)));
                let (rule, captures) = found.ok_or_else(nothing)?;
                let (site, machine) = mapping::names(rule, captures)?;
                self.segment(draft, plant, &site, Some(&machine), &whole, &mut faults)?;
            }
            _ => return Err(nothing()),
        }
        faults.finish().map(drop)
    }
}
