//! What analytics makes of the alarm journal and of recorded values, put into the shapes of the API.

use std::time::Duration;

use analytics::alarm::coach::Coach;
use analytics::alarm::limit;
use analytics::alarm::performance::{Performance, Period, Study};
use analytics::alarm::replay::Definition;
use analytics::alarm::simulate::{Confirmed, Simulation};
use analytics::fold;
use historian::{Archive, JournalEntry, Register, Seq};
use plant::{
    AlarmCondition, AlarmDefinition, AlarmId, AlarmKey, AlarmRecord, AlarmTest, Judgement, Plant, Point, PointId,
    PointKind, SeriesKey, Timestamp, Trigger,
};
use web::{AlarmStudy, Proposal, Unstudied, dto};

mod shapes;

/// Steps that are read from the journal at a time.
const PAGE: usize = 2_000;
/// Steps that are looked at for one answer.
const MOST_STEPS: u64 = 2_000_000;
/// By how much more of the journal is read than the period: what a step says of its time may lie that far from when it was
/// journaled (clocks may run ahead by a day, and what is late is history).
const AROUND: Duration = Duration::from_secs(2 * 86_400);
/// Steps of one alarm that are looked back through for when it was raised.
const LOOKED_BACK: usize = 256;
/// Values that are read at a time.
const CHUNK: usize = 50_000;
/// Values that are played through two definitions for one answer.
const MOST_SIMULATED: u64 = 20_000_000;
/// Values that are played through the coach's grid for one answer: some forty definitions.
const MOST_COACHED: u64 = 5_000_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Minutes that are read at a time: a week.
const MINUTES: u32 = 7 * 24 * 60;
/// Assessments of a machine that are looked through for the latest.
const LATEST: usize = 1;

/// Studies the store's journal and series.
pub(super) struct Alarms {
    pub(super) archive: Archive,
    pub(super) register: Register,
}

impl AlarmStudy for Alarms {
    fn performance(&self, from: Timestamp, to: Timestamp, operators: u32) -> Result<dto::AlarmPerformance, Unstudied> {
        let days = |d: Duration| d.as_secs() / 86_400;
        let (found, most) = (days(to.since(from)), days(analytics::alarm::performance::LONGEST));
        let period = Period::new(from, to).ok_or(Unstudied::TooCostly { what: "days", found, most })?;
        let found = self.study(period)?;
        Ok(shapes::performance(&self.register.plant(), &found, operators))
    }

    fn coach(&self, alarm: AlarmId, from: Timestamp, to: Timestamp) -> Result<dto::AlarmCoach, Unstudied> {
        let record = self.register.alarm(alarm)?.ok_or(Unstudied::NoAlarm)?;
        let plant = self.register.plant();
        let alarm = web::alarm_name(&plant, &record.key, record.priority);
        let answer = |refused: Option<&str>, unit, advice| dto::AlarmCoach {
            alarm: alarm.clone(),
            from: from.into(),
            to: to.into(),
            unit,
            refused: refused.map(Into::into),
            advice,
        };
        let point = record.key.point.as_ref().and_then(|id| Some((id, plant.point(id)?.1)));
        let Some((id, point)) = point.filter(|(_, p)| coached(&record.key, p)) else {
            return Ok(answer(Some("not_a_limit"), None, None));
        };
        let unit = point.unit.map(|u| u.symbol().to_owned());
        let Some(current) = definition(point, &record.key.condition, defined(&plant, &record.key)) else {
            return Ok(answer(Some("no_limit"), unit, None));
        };
        let span = point.range.map(|(low, high)| high - low).filter(|s| s.is_finite() && *s > 0.0);
        let mut coach = Coach::new(current, span.unwrap_or(current.limit));
        let (mut looked, mut passed_over) = (0, 0);
        let key = SeriesKey { point: id.clone(), indicator: None };
        self.values(&key, (from, to), MOST_COACHED, |s| {
            match s.value.as_f64().filter(|v| s.quality.usable() && v.is_finite()) {
                Some(v) => {
                    coach.look(s.t, v);
                    looked += 1;
                }
                None => {
                    coach.lose();
                    passed_over += 1;
                }
            }
        })?;
        if looked == 0u64 {
            return Ok(answer(Some("no_values"), unit, None));
        }
        Ok(answer(None, unit, Some(shapes::advice(&coach.finish(to), passed_over))))
    }

    fn simulate(&self, what: &Proposal, from: Timestamp, to: Timestamp) -> Result<dto::AlarmSimulation, Unstudied> {
        let plant = self.register.plant();
        let point = plant.point(&what.point).map(|(_, p)| p).filter(|p| p.kind == PointKind::Scalar);
        let point = point.ok_or(Unstudied::NoPoint)?;
        let key = AlarmKey {
            machine: what.point.machine(),
            point: Some(what.point.clone()),
            condition: what.condition.clone(),
        };
        let current = definition(point, &what.condition, defined(&plant, &key));
        let proposed = proposed(point, what).ok_or(Unstudied::NoPoint)?;
        let faults = self.confirmed(&what.point, from, to)?;
        let confirmed = faults.len() as u64;
        let mut simulation = Simulation::new(proposed, current, faults);
        let key = SeriesKey { point: what.point.clone(), indicator: None };
        // Of what was removed from the store, minutes are left, or hours.
        let values_from = self.archive.removed_before(&key)?.filter(|t| *t > from).map(|t| t.min(to));
        if let Some(border) = values_from {
            self.minutes(&key, from, border, |b| simulation.minute(b, MINUTE))?;
        }
        let whole = (values_from.unwrap_or(from), to);
        self.values(&key, whole, MOST_SIMULATED, |s| simulation.value(s))?;
        let unit = point.unit.map(|u| u.symbol().to_owned());
        let found = simulation.finish(to);
        Ok(shapes::simulation(what, unit, (from, to), values_from, confirmed, &found))
    }
}

impl Alarms {
    /// Reads the journal of a period, page by page.
    fn study(&self, period: Period) -> Result<Performance, Unstudied> {
        let mut study = Study::new(period);
        let mut at = self.register.alarm_journal_before(period.from() - AROUND)?;
        // Nothing from here on was looked at.
        let mut end = (Seq::MAX, u32::MAX);
        let mut read = 0;
        'pages: loop {
            let page = self.register.alarm_journal_after(at, PAGE)?;
            let Some(last) = page.last() else { break };
            at = (last.seq, last.n);
            read += page.len() as u64;
            if read > MOST_STEPS {
                return Err(Unstudied::TooCostly { what: "steps of the journal", found: read, most: MOST_STEPS });
            }
            for entry in &page {
                let s = &entry.transition;
                // Nothing that is journaled later tells of the period, unless it is history.
                if s.t >= period.to() + AROUND && !matches!(s.trigger, Trigger::Historical) {
                    end = (entry.seq, entry.n);
                    break 'pages;
                }
                if s.from.active() && !study.knows(&s.key) {
                    self.stood(&mut study, &s.key, Some((entry.seq, entry.n)))?;
                }
                study.step(s);
            }
        }
        for alarm in self.register.alarms()? {
            self.stood_through(&mut study, &alarm, (period, end))?;
        }
        Ok(study.finish())
    }

    /// An alarm of which the journal of a period says nothing may have stood all the time.
    fn stood_through(
        &self,
        study: &mut Study,
        alarm: &AlarmRecord,
        (period, end): (Period, (Seq, u32)),
    ) -> Result<(), Unstudied> {
        if study.knows(&alarm.key) {
            return Ok(());
        }
        if alarm.state.active() && alarm.raised < period.from() {
            study.stood(&alarm.key, alarm.priority, alarm.raised);
        } else if alarm.changed >= period.to() {
            self.stood(study, &alarm.key, Some(end))?;
        }
        Ok(())
    }

    /// Looks back from a place in the journal for whether an alarm stood there, and since when.
    fn stood(&self, study: &mut Study, key: &AlarmKey, before: Option<(Seq, u32)>) -> Result<(), Unstudied> {
        let steps: Vec<JournalEntry> = self.register.alarm_journal(Some(key.id()), before, LOOKED_BACK)?;
        if steps.first().is_none_or(|e| !e.transition.to.active()) {
            return Ok(());
        }
        let raised = steps.iter().map(|e| &e.transition).find(|s| matches!(s.trigger, Trigger::Raised));
        if let Some(s) = raised {
            study.stood(key, s.priority, s.t);
        }
        Ok(())
    }

    /// Shows `look` every value of a series that is kept of a time, chunk by chunk; refuses what would be more than `most`.
    fn values(
        &self,
        key: &SeriesKey,
        (from, to): (Timestamp, Timestamp),
        most: u64,
        mut look: impl FnMut(&historian::Sample),
    ) -> Result<(), Unstudied> {
        if from >= to {
            return Ok(());
        }
        let found = self.archive.weight(key, from, to)?;
        if found > most {
            return Err(Unstudied::TooCostly { what: "values", found, most });
        }
        let mut next = from;
        loop {
            let chunk = self.archive.range(key, next, to, CHUNK)?;
            chunk.iter().for_each(&mut look);
            let Some(last) = chunk.last().filter(|_| chunk.len() == CHUNK) else { return Ok(()) };
            next = last.t + Duration::from_nanos(1);
        }
    }

    /// Shows `look` every minute of a series, week by week.
    fn minutes(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        mut look: impl FnMut(&historian::Bucket),
    ) -> Result<(), Unstudied> {
        let mut next = from;
        while next < to {
            let end = (next.align(MINUTE) + MINUTE * MINUTES).min(to);
            self.archive.buckets(key, next, end, MINUTE)?.iter().for_each(&mut look);
            next = end;
        }
        Ok(())
    }

    /// Faults of the machine that a person confirmed, or found, within a time.
    fn confirmed(&self, point: &PointId, from: Timestamp, to: Timestamp) -> Result<Vec<Confirmed>, Unstudied> {
        let latest = self.archive.assessments(&point.machine(), Timestamp::MIN, Timestamp::MAX, LATEST)?;
        let judged = latest.into_iter().flat_map(|a| a.card.judged);
        let right = judged.filter(|j| j.judgement != Judgement::Dismissed && j.t >= from && j.t < to);
        Ok(right.map(|j| Confirmed { fault: j.fault, t: j.t }).collect())
    }
}

/// Whether an alarm is a limit on single values.
pub(super) fn coached(key: &AlarmKey, point: &Point) -> bool {
    use AlarmCondition::{High, HighHigh, Low, LowLow};
    point.kind == PointKind::Scalar && matches!(key.condition, HighHigh | High | Low | LowLow)
}

/// What somebody has said of how an alarm is meant.
fn defined<'p>(plant: &'p Plant, key: &AlarmKey) -> Option<&'p AlarmDefinition> {
    plant.alarms.get(key).map(|d| &**d)
}

/// How a limit of a point is held at present; `None` where it is not set.
fn definition(point: &Point, condition: &AlarmCondition, defined: Option<&AlarmDefinition>) -> Option<Definition> {
    let (_, side, at, _) = limit::of(&point.limits).into_iter().find(|(c, ..)| c == condition)?;
    let limit = match defined.map(|d| &d.test) {
        Some(AlarmTest::Limit(l)) => *l,
        _ => at?,
    };
    let usual = || limit::deadband(limit, point.range, fold::Settings::default().deadband);
    let deadband = defined.and_then(|d| d.deadband).unwrap_or_else(usual);
    let (on_delay, off_delay) = defined.map_or_else(Default::default, |d| (d.on_delay, d.off_delay));
    Some(Definition { side, limit, deadband, on_delay, off_delay })
}

/// The definition that somebody thinks of; `None` where the condition is no limit.
fn proposed(point: &Point, what: &Proposal) -> Option<Definition> {
    let (_, side, ..) = limit::of(&point.limits).into_iter().find(|(c, ..)| *c == what.condition)?;
    let usual = || limit::deadband(what.limit, point.range, fold::Settings::default().deadband);
    let [on_delay, off_delay] = [what.on_delay_s, what.off_delay_s].map(Duration::from_secs_f64);
    Some(Definition { side, limit: what.limit, deadband: what.deadband.unwrap_or_else(usual), on_delay, off_delay })
}

#[cfg(test)]
mod tests;
