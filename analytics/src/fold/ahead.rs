//! Records that were analysed before their commit's turn.

use std::collections::HashMap;

use plant::{Waveform, WaveformId};

use super::Shared;
use super::job::{Job, Judged};
use super::tacho::Tacho;

/// What was analysed ahead, and for which question; no part of the state, and findings do not depend on it.
#[derive(Default)]
pub(super) struct Ahead {
    records: HashMap<WaveformId, (Job, Judged)>,
    tachos: HashMap<WaveformId, (Shared, Tacho)>,
    /// Answers that were of use.
    used: u64,
}

impl Ahead {
    /// Forgets what was not asked for.
    pub fn clear(&mut self) {
        self.records.clear();
        self.tachos.clear();
    }

    /// Keeps what the tacho's record `w` tells.
    pub fn tacho(&mut self, w: &Shared, tacho: Tacho) {
        self.tachos.insert(w.id, (w.clone(), tacho));
    }

    /// Keeps what became of `job`.
    pub fn record(&mut self, job: Job, judged: Judged) {
        self.records.insert(job.waveform.id, (job, judged));
    }

    /// What became of `job`, unless something else was asked then.
    pub fn answer(&mut self, job: &Job) -> Option<Judged> {
        let (_, judged) = self.records.remove(&job.waveform.id).filter(|(asked, _)| job.is_answered_by(asked))?;
        self.used += 1;
        Some(judged)
    }

    /// What the tacho's record `w` tells where its shaft turns `own` times while the measured one turns once.
    pub fn tacho_of(&mut self, w: &Waveform, own: f64) -> Option<Tacho> {
        let (of, tacho) = self.tachos.remove(&w.id)?;
        (std::ptr::eq(&*of, w) && tacho.is_on(own)).then_some(tacho)
    }

    /// Answers that were of use since the beginning.
    pub const fn used(&self) -> u64 {
        self.used
    }
}
