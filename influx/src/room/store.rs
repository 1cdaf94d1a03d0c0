//! How far shipping has come, on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, CommitError, Historian, LedgerDelta, Progress, Quarantined, Seq};
use plant::{Condition, IdError, Name, Priority, Timestamp, Value};
use tokio::time::{Instant, sleep};

use super::{FOLLOWER, Room, RoomError};
use crate::owed::Owed;
use crate::shipper::Refusal;
use crate::{REFUSED, Trouble};

/// After a commit that the disk refused, the next attempt.
const RETRY: Duration = Duration::from_secs(1);
/// What was committed at one instant may bear a time this much earlier or later: owed when shipping was off meanwhile.
const MARGIN: Duration = Duration::from_secs(3_600);

/// What is stored.
pub(super) struct Known {
    pub through: Seq,
    pub t: Timestamp,
    pub alarms: (Seq, u32),
    pub owed: Owed,
}

/// Which conditions have been committed as holding; `None` before the first word.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    lag: Option<bool>,
    refused: Option<bool>,
}

/// What the store says; where it says nothing, shipping begins after `head`.
pub(super) fn recall(store: &Historian, head: Seq, now: Timestamp) -> Result<Known, RoomError> {
    let begin = Known { through: head, t: now, alarms: (head, u32::MAX), owed: Owed::default() };
    let Some((through, bytes)) = store.progress(FOLLOWER)?.and_then(|p| p.state) else { return Ok(begin) };
    let (alarms, t, owed) = decode(&bytes).ok_or(RoomError::State)?;
    if through != Historian::UNBOUND {
        return Ok(Known { through, t, alarms, owed });
    }
    // It was switched off at `t`: whatever was said since is owed.
    let mut owed = owed;
    for key in store.archive().series() {
        owed.note_all(&key, t - MARGIN, now + MARGIN, head);
    }
    Ok(Known { through: head, t: now, alarms, owed })
}

/// For a platform that ships nothing: a follower of an earlier time must not hold the log. What was not shipped, and what
/// is said from now on, is shipped when shipping is switched on again, as far as the store still has it.
pub async fn release(store: &Historian, now: Timestamp) -> Result<(), RoomError> {
    let Some((through, bytes)) = store.progress(FOLLOWER)?.and_then(|p| p.state) else { return Ok(()) };
    if through == Historian::UNBOUND {
        return Ok(());
    }
    let (alarms, t, owed) = decode(&bytes).ok_or(RoomError::State)?;
    tracing::info!("[influx] is not set any more: nothing is shipped, and the log does not wait for it");
    let state = Some(encode(alarms, t.min(now), &owed));
    let progress = Some(Progress::new(Name::new(FOLLOWER)?, Historian::UNBOUND, state));
    // Nothing is behind any more, and nobody is refused.
    let over = |name, priority| condition(name, priority, false, BTreeMap::new());
    let conditions =
        vec![over(Condition::INFLUX_LAG, Priority::Medium)?, over(Condition::INFLUX_REFUSED, Priority::High)?];
    store.recorder().commit(Batch { progress, conditions, ..Batch::default() }).await?;
    Ok(())
}

fn encode(alarms: (Seq, u32), t: Timestamp, owed: &Owed) -> Arc<[u8]> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&alarms.0.to_le_bytes());
    out.extend_from_slice(&alarms.1.to_le_bytes());
    out.extend_from_slice(&t.nanos().to_le_bytes());
    out.extend_from_slice(&owed.encode());
    out.into()
}

fn decode(bytes: &[u8]) -> Option<((Seq, u32), Timestamp, Owed)> {
    let (seq, rest) = bytes.split_first_chunk()?;
    let (n, rest) = rest.split_first_chunk()?;
    let (t, rest) = rest.split_first_chunk()?;
    let alarms = (Seq::from_le_bytes(*seq), u32::from_le_bytes(*n));
    Some((alarms, Timestamp::from_nanos(i64::from_le_bytes(*t)), Owed::decode(rest)?))
}

impl Room {
    /// Commits how far shipping has come, and with it what was refused.
    pub(super) async fn put(&mut self, quarantine: Vec<Quarantined>) -> Result<(), RoomError> {
        let (through, t) = self.shipped;
        let n = quarantine.len() as u64;
        let ledger = if n == 0 {
            Vec::new()
        } else {
            vec![LedgerDelta { source: FOLLOWER.into(), received: n, quarantined: n, ..LedgerDelta::default() }]
        };
        let state = Some(encode(self.alarms, t, &self.owed));
        // What is owed stays, however old: it is read from the archive.
        let (delivered, ahead) = (self.owed.first().map_or(through, |first| first - 1), Some(through));
        let progress = Some(Progress { follower: self.name.clone(), through: delivered, state, ahead });
        self.commit(Batch { quarantine, ledger, progress, ..Batch::default() }).await?;
        (self.stored, self.stored_at, self.moved) = (through, Instant::now(), false);
        Ok(())
    }

    /// Commits; a disk that refuses is asked again until it takes it.
    async fn commit(&self, batch: Batch) -> Result<Seq, CommitError> {
        loop {
            match self.recorder.commit(batch.clone()).await {
                Err(CommitError::Disk { why }) => {
                    tracing::error!(%why, "how far InfluxDB has come waits for the disk");
                    sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    /// Says which conditions hold, when that has changed.
    pub(super) async fn raise(&mut self, lag: Duration) -> Result<(), RoomError> {
        // Once it is an alarm it is one until half of it has been made up for: it must not flutter.
        let bound = if self.conditions.lag == Some(true) { self.config.lag_alarm / 2 } else { self.config.lag_alarm };
        let late = Some(lag > bound);
        // Before the first answer nothing is known: what was said before this start may still hold.
        let refused = self.status.get().requests > 0;
        let refused = refused.then(|| matches!(self.shipper.trouble(), Some(Trouble::Refused(_))));
        let mut conditions = Vec::new();
        if late != self.conditions.lag {
            let numbers = [
                ("value", lag.as_secs_f64().round()),
                ("limit", self.config.lag_alarm.as_secs_f64()),
                ("owed_points", self.owed.points() as f64),
            ];
            let mut detail: BTreeMap<Arc<str>, _> = numbers.map(|(k, v)| (k.into(), Value::Float(v))).into();
            detail.insert("unit".into(), Value::Text("s".into()));
            conditions.push(condition(Condition::INFLUX_LAG, Priority::Medium, late == Some(true), detail)?);
        }
        if refused != self.conditions.refused {
            let active = refused == Some(true);
            conditions.push(condition(Condition::INFLUX_REFUSED, Priority::High, active, BTreeMap::new())?);
        }
        if !conditions.is_empty() {
            self.commit(Batch { conditions, ..Batch::default() }).await?;
            self.conditions = Conditions { lag: late, refused };
        }
        Ok(())
    }
}

fn condition(
    name: &str,
    priority: Priority,
    active: bool,
    detail: BTreeMap<Arc<str>, Value>,
) -> Result<Condition, IdError> {
    Ok(Condition { name: Name::new(name)?, priority, active, detail })
}

/// A refused line, for the quarantine.
pub(super) fn quarantined(r: &Refusal, t: Timestamp) -> Quarantined {
    let series = r.line.split_once([' ', '\n']).map_or(&*r.line, |(first, _)| first);
    let head = &r.line.as_bytes()[..r.line.len().min(4096)];
    Quarantined {
        t,
        source: FOLLOWER.into(),
        topic: series.into(),
        // With its newline, which is not kept: it is no message of a machine and cannot be read again as one.
        size: r.line.len() as u64 + 1,
        head: head.into(),
        rest: r.line.as_bytes()[head.len()..].into(),
        code: REFUSED.into(),
        reason: format!(
            "InfluxDB does not take this line ({}); the value is in the store all the same: mend the bucket, then ship it \
             again with `danxia backfill --influx`",
            r.why
        )
        .into(),
    }
}
