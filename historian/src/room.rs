//! The writer and its disk: looks how full it is, makes room, and stops taking at the floor.

use std::path::Path;

use crate::db::File;
use crate::disk::Level;
use crate::recorder::{Class, Job, merge};
use crate::writer::Writer;
use crate::{Batch, CommitError, Seq, keep};

/// Batches that are committed as one.
#[derive(Debug)]
pub(crate) struct Group {
    pub batch: Batch,
    /// Bytes that it holds in memory, about.
    pub size: usize,
    /// Who waits for it.
    pub jobs: Vec<Job>,
}

/// A group that the disk had no room for. Nothing of it is written, and nobody was answered.
#[derive(Debug)]
pub(crate) struct NoRoom {
    pub group: Group,
    pub why: rusqlite::Error,
}

impl Group {
    pub fn of(mut jobs: Vec<Job>) -> Self {
        let size = jobs.iter().map(|j| j.weight).sum();
        Self { batch: merge(&mut jobs), size, jobs }
    }

    pub fn answer(self, answer: &Result<Seq, CommitError>) {
        self.jobs.into_iter().for_each(|job| job.answer(answer.clone()));
    }
}

impl Writer {
    /// Commits a group. One that brings what machines said and finds no room on the disk waits for it, so that nobody has
    /// to send it again; the platform's own is answered, because it is made anew when there is room.
    pub(crate) fn take(&mut self, group: Group) {
        let Err(no_room) = self.commit(group) else { return };
        let NoRoom { mut group, why } = *no_room;
        let failed = Err(CommitError::Disk { why: why.to_string().into() });
        if self.stuck.is_some() || group.jobs.iter().all(|j| j.class == Class::Ours) {
            return group.answer(&failed);
        }
        tracing::error!(%why, batches = group.jobs.len(), "the disk is full: machines wait, and nothing is dropped");
        group.jobs.extract_if(.., |j| j.beat).for_each(|job| job.answer(failed.clone()));
        self.stuck = Some(group);
        self.watch.set_full(true);
        self.follow_disk();
    }

    /// Tries once more what found no room.
    pub(crate) fn retry(&mut self) {
        let Some(group) = self.stuck.take() else { return };
        match self.commit(group) {
            Err(no_room) => self.stuck = Some(no_room.group),
            // Also where it failed for another reason: it was answered, and waits no more.
            Ok(()) => self.found_room(),
        }
    }

    /// Nothing waits for room any more.
    pub(crate) fn found_room(&mut self) {
        if self.stuck.is_none() && self.watch.now().full {
            tracing::info!("nothing waits for room on the disk any more");
            self.watch.set_full(false);
            self.follow_disk();
        }
    }

    /// Looks at the disk when it is time for that, and does what follows.
    pub(crate) fn look(&mut self) {
        let t = self.clock.now().max(self.t);
        let Some(probe) = self.probe.clone().filter(|_| self.watch.is_due(t)) else { return };
        match probe.space(&self.config.dir) {
            Ok(space) => self.watch.found(t, space, store_bytes(&self.config.dir)),
            Err(why) => {
                self.watch.unanswered(t);
                tracing::warn!(%why, "the file system does not say how much room it has");
            }
        }
        self.follow_disk();
        if self.watch.now().level >= Level::Shedding {
            self.make_room(self.watch.excess());
        }
    }

    /// Opens or shuts the intake by the level, and says so.
    pub(crate) fn follow_disk(&mut self) {
        let now = self.watch.now();
        let before = std::mem::replace(&mut *self.shared.disk(), now);
        self.queue.set_shut(now.level == Level::Stopped);
        if before.level == now.level {
            return;
        }
        let (percent, left, floor) = (now.percent().round(), now.left(), now.floor);
        match now.level {
            Level::Stopped => tracing::error!(
                percent,
                left,
                floor,
                "no room is left: nothing is taken from machines until there is; free space on the disk of {}",
                self.config.dir.display()
            ),
            Level::Near | Level::Shedding => {
                tracing::warn!(level = now.level.as_str(), percent, left, "the store comes near the end of its room");
            }
            Level::Normal => tracing::info!(percent, left, "the store has room"),
        }
    }

    /// Asks for `bytes` back: of waveforms that nothing protects first, then of the oldest raw values. They go between the
    /// next commits.
    fn make_room(&mut self, bytes: u64) {
        let promised = self.wave.shed(bytes).unwrap_or_else(|why| {
            tracing::warn!(%why, "waveforms could not be asked for room");
            0
        });
        match keep::retire_oldest(&mut self.ts, bytes.saturating_sub(promised)) {
            Ok(values) => tracing::debug!(bytes, promised, ?values, "room is asked for"),
            Err(why) => tracing::warn!(%why, "the oldest values could not be asked for room"),
        }
    }
}

/// Bytes of the files of the store in `dir`, with their write-ahead logs.
#[must_use]
pub fn store_bytes(dir: &Path) -> u64 {
    let sizes = File::ALL.into_iter().flat_map(|f| ["", "-wal"].map(|end| dir.join(format!("{}{end}", f.name()))));
    sizes.filter_map(|path| std::fs::metadata(path).ok()).map(|m| m.len()).sum()
}
