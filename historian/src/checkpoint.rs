//! Moves what is in the write-ahead logs into the files, beside the commits.
//!
//! A checkpoint within a commit would make that commit wait for tens of megabytes. So a thread of its own copies most
//! of the log while commits go on; the writer then copies the little that came in between, after which the log starts
//! over from its beginning and does not grow.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::OpenError;
use crate::db::{File, Sync, open_writer};

/// A checkpoint begins when about this many bytes have been written since the last one.
///
/// Its fsyncs stand in the way of those of the commits: with many small commits, 16 MiB came every 0.4 s, and the slowest
/// hundredth of the acknowledgements waited twice as long. Below `WAL_BYTES`, or the log would be cut and grow each time.
const EVERY: usize = 48 << 20;
/// What a commit writes besides its own bytes, about: pages are 16 KiB.
const PER_COMMIT: usize = 48 << 10;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    poke: Option<SyncSender<()>>,
    /// The thread has copied what there was when it looked.
    nearly: Arc<AtomicBool>,
    written: usize,
    waves: bool,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn start(dir: &Path) -> Result<Self, OpenError> {
        let conns = [open_writer(dir, File::Ts, Sync::Full)?, open_writer(dir, File::Wave, Sync::Full)?];
        for conn in &conns {
            // Who closes last moves the write-ahead log into its file, and that is the writer's to do, or to leave.
            let said = |source| OpenError::Read { dir: dir.to_owned(), source: File::Ts.said()(source) };
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(said)?;
        }
        let (poke, pokes) = sync_channel::<()>(1);
        let nearly = Arc::new(AtomicBool::new(false));
        let flag = nearly.clone();
        let run = move || {
            for () in pokes {
                conns.iter().for_each(passive);
                flag.store(true, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(run).map_err(OpenError::Thread)?;
        Ok(Self { poke: Some(poke), nearly, written: 0, waves: false, thread: Some(thread) })
    }

    /// A commit wrote `bytes` to ts.db and `waveforms` to wave.db.
    pub fn written(&mut self, bytes: usize, waveforms: usize) {
        self.written += bytes + PER_COMMIT + waveforms * PER_COMMIT;
        self.waves |= waveforms > 0;
        if self.written >= EVERY
            && let Some(poke) = &self.poke
            && poke.try_send(()).is_ok()
        {
            self.written = 0;
        }
    }

    /// Between two commits: copies the rest, if the thread has copied the bulk.
    pub fn finish(&mut self, ts: &Connection, wave: &Connection) {
        if self.nearly.swap(false, Ordering::Acquire) {
            passive(ts);
            if std::mem::take(&mut self.waves) {
                passive(wave);
            }
        }
    }
}

impl Checkpointer {
    /// Closes its connections.
    pub fn stop(&mut self) {
        self.poke = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            thread.join().ok();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Copies what no reader and no writer is in the way of.
fn passive(conn: &Connection) {
    if let Err(why) = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::warn!(%why, "a checkpoint failed; the write-ahead log grows until one succeeds");
    }
}
