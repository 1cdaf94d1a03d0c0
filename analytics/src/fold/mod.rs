//! From the journal to findings: a pure fold.
//!
//! [`Fold::step`] takes one commit and gives what follows from it. It reads no clock (time is that of the data, and of
//! the commits) and no other room: the asset tree is folded from the changes in the journal itself. Same journal, same
//! settings, same findings; what it concludes comes back to it in later commits and is not looked at.
//!
//! Its state can be written to bytes and read back ([`Fold::snapshot`], [`Fold::restore`]); a fold that was restored
//! goes on as if it had never stopped.

mod ahead;
mod assess;
mod book;
mod change;
mod job;
mod record;
mod rhythm;
mod seen;
mod silence;
mod snapshot;
mod speed;
mod state;
mod system;
mod tacho;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use historian::{Committed, Seq};
use plant::{Action, Finding, MachineId, Plant, Timestamp, Waveform};

pub use snapshot::RestoreError;

use crate::rotating::{Analyser, Plans};
use ahead::Ahead;
pub(crate) use job::heard;
use job::{Job, Judged};
pub(crate) use record::fault_lines;
pub(crate) use speed::own_turns;
use state::State;
use tacho::Tacho;

/// Probability that a record without damage is significant, where nothing else is set.
pub const ALPHA: f64 = 1e-4;

/// What the fold goes by. Part of "same settings, same findings".
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Probability that a record without damage is significant, over all its hypotheses together. Three of five records
    /// must be (or one that weighs as much), see [`crate::alarm::persist`].
    pub alpha: f64,
    /// Part of the sensor's span (or of the limit) by which a value must come back before its alarm clears.
    pub deadband: f64,
    /// Data that is older than this when it is committed is late: it changes history and pages no one.
    pub late_after: Duration,
    /// A point is silent after this many of its periods.
    pub silent_periods: u32,
    /// Two commits further apart than this mean that the platform itself was away (its heartbeat is one a second).
    pub gap: Duration,
    /// After such a gap sources have this long to come back before their silence counts.
    pub grace: Duration,
    /// A speed that was measured further than this from a record does not count for it.
    pub speed_age: Duration,
    /// How often the features of a point's records are held against what is usual.
    pub watch_every: Duration,
    /// How they are.
    pub watching: Arc<crate::watch::watcher::Settings>,
    /// Threads that analyse records, those of a commit or of several that lie behind one another; findings do not depend on it.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alpha: ALPHA,
            deadband: 0.02,
            late_after: Duration::from_secs(300),
            silent_periods: 3,
            gap: Duration::from_secs(10),
            grace: Duration::from_secs(60),
            speed_age: Duration::from_secs(120),
            watch_every: Duration::from_secs(3_600),
            watching: change::watching(),
            threads: 1,
        }
    }
}

/// The fold and the buffers it works with.
pub struct Fold {
    settings: Settings,
    state: State,
    /// One per thread; no part of the state.
    analysers: Vec<Analyser>,
    /// No part of the state.
    ahead: Ahead,
}

impl Fold {
    /// A fold at the beginning of the journal.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let plans = Plans::default();
        let analysers = (0..settings.threads.max(1)).map(|_| Analyser::new(plans.clone())).collect();
        Self { settings, state: State::default(), analysers, ahead: Ahead::default() }
    }

    /// A fold in the state that `bytes` hold.
    pub fn restore(settings: Settings, bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut fold = Self::new(settings);
        fold.state = snapshot::decode(bytes)?;
        Ok(fold)
    }

    /// The state in bytes (CBOR, compressed).
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        snapshot::encode(&self.state)
    }

    /// The last commit that was taken in; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.state.seq
    }

    /// Starts after commit `seq` on an asset tree that is known from elsewhere: for a journal whose beginning is gone.
    pub fn begin_at(&mut self, seq: Seq, plant: &Plant) {
        self.state = State { seq, plant: plant.clone(), ..State::default() };
        self.state.book.follow(plant);
    }

    /// The time of that commit.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.state.now
    }

    /// The asset tree as of that commit.
    #[must_use]
    pub fn plant(&self) -> &Plant {
        &self.state.plant
    }

    /// Analyses the records of commits that are about to be taken in, all of them at once on all threads, where one commit
    /// alone has too few. What is asked of them is guessed from what is known now; where a commit before changes it, by
    /// another speed say, [`Fold::step`] asks anew, so that findings do not depend on this. It counts until the next call.
    pub fn foresee(&mut self, coming: &[Committed]) {
        self.ahead.clear();
        if self.analysers.len() < 2 || coming.len() < 2 {
            return;
        }
        let (state, settings) = (&self.state, &self.settings);
        let mut tachos: BTreeMap<MachineId, Tacho> = BTreeMap::new();
        let mut jobs = Vec::new();
        for c in coming.iter().filter(|c| c.seq > state.seq) {
            for w in &c.batch.waveforms {
                if let Some(tacho) = tacho::of(state, w) {
                    self.ahead.tacho(w, tacho.clone());
                    tachos.insert(w.point.machine(), tacho);
                }
            }
            let with = |w: &Shared| job::job(state, settings, w, c.t, tachos.get(w.point.machine_str()));
            jobs.extend(c.batch.waveforms.iter().map(with));
        }
        let judged = analyse(&mut self.analysers, &jobs);
        jobs.into_iter().zip(judged).for_each(|(job, judged)| self.ahead.record(job, judged));
    }

    /// Records for which [`Fold::foresee`] had asked what [`Fold::step`] then did, since the fold was made.
    #[must_use]
    pub fn foreseen(&self) -> u64 {
        self.ahead.used()
    }

    /// Takes one commit in and gives what follows from it, in a fixed order: limits in the order of the values, then
    /// deaths, records in theirs, the platform's own conditions, what machines' points say together, then what people did,
    /// then silence and what else time has brought, then what is suppressed by design. A commit that was taken in before
    /// gives nothing.
    pub fn step(&mut self, committed: &Committed) -> Vec<Finding> {
        let mut out = Vec::new();
        if committed.seq <= self.state.seq {
            return out;
        }
        let (state, settings) = (&mut self.state, &self.settings);
        state.seq = committed.seq;
        let batch = &*committed.batch;
        let before = state.now;
        silence::advance(state, settings, committed.t);
        state.book.advance(before, state.now, state.up);
        for change in &batch.changes {
            state.plant.apply(change);
        }
        if !batch.changes.is_empty() {
            state.book.follow(&state.plant);
        }
        for o in &batch.observations {
            values::observe(state, settings, o, &mut out);
        }
        for e in &batch.events {
            silence::heard_of_death(state, e);
        }
        let jobs = job::jobs(state, settings, &batch.waveforms, &mut self.ahead);
        let known: Vec<Option<Judged>> = jobs.iter().map(|job| self.ahead.answer(job)).collect();
        let asked: Vec<&Job> =
            jobs.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(job, _)| job).collect();
        let mut judged = analyse(&mut self.analysers, &asked).into_iter();
        let judged: Vec<Judged> = known.into_iter().filter_map(|known| known.or_else(|| judged.next())).collect();
        for (job, judged) in jobs.into_iter().zip(judged) {
            record::conclude(state, settings, job, judged, &mut out);
        }
        for c in &batch.conditions {
            system::observe(&mut state.book, c, committed.t, &mut out);
            let deaf = system::takes_nothing(c).unwrap_or(state.deaf);
            if std::mem::replace(&mut state.deaf, deaf) && !deaf {
                silence::excuse(state, settings);
            }
        }
        assess::ask(state, &out);
        let of = batch.waveforms.iter().map(|w| w.point.machine()).collect::<BTreeSet<_>>();
        assess::close(state, settings, of.into_iter(), &mut out);
        for action in &batch.actions {
            act(state, action, committed.t, &mut out);
        }
        silence::judge(state, settings, &mut out);
        state.book.tick(&mut out);
        state.book.suppress(state.now, &mut out);
        out
    }
}

/// Does what a person asks for.
fn act(state: &mut State, action: &Action, t: Timestamp, out: &mut Vec<Finding>) {
    match action {
        Action::Judge { machine, fault, judgement, by } => {
            assess::judge(state, machine, *fault, *judgement, by, t, out);
        }
        Action::Maintained { machine, by } => assess::maintained(state, machine, by, t, out),
        alarm => state.book.act(alarm, t, out),
    }
}

/// Analyses the jobs on as many threads as there are analysers; the results stand in the order of the jobs.
fn analyse<J: Borrow<Job> + Sync>(analysers: &mut [Analyser], jobs: &[J]) -> Vec<Judged> {
    let threads = analysers.len().min(jobs.len());
    if threads <= 1 {
        return analysers.first_mut().map_or_else(Vec::new, |a| jobs.iter().map(|j| j.borrow().run(a)).collect());
    }
    let each = jobs.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = jobs
            .chunks(each)
            .zip(analysers.iter_mut())
            .map(|(part, analyser)| {
                scope.spawn(move || part.iter().map(|j| j.borrow().run(analyser)).collect::<Vec<_>>())
            })
            .collect();
        let join = |h: std::thread::ScopedJoinHandle<'_, Vec<Judged>>| h.join();
        running.into_iter().flat_map(|h| join(h).unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// A waveform as the journal holds it.
type Shared = Arc<Waveform>;
