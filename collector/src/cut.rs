//! A batch that the store does not take, cut between its messages, so that only the message that it does not take is set
//! aside and its neighbours are committed as they were read.
//!
//! Nothing is read a second time: a birth or a sequence number that was taken note of once would be another thing the
//! second time. While messages are read, the draft notes where its batch stood after each of them ([`Seam`]).

use std::ops::Range;

use historian::{Batch, CommitError, LedgerDelta, Pending, Recorder};
use plant::AssetChange;

use crate::Message;
use crate::draft::Draft;
use crate::fault::{Code, Fault};
use crate::parts::Part;

/// Where a draft stood when a message had been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seam {
    observations: usize,
    waveforms: usize,
    events: usize,
    quarantine: usize,
    lines: usize,
    retained: usize,
    staged: usize,
    parts: usize,
    message_keys: usize,
    waveform_keys: usize,
    ledger: LedgerDelta,
}

/// What one message brought, or (without one) what was settled beside the messages.
struct Piece {
    message: Option<usize>,
    batch: Batch,
    /// How the message itself is counted.
    own: LedgerDelta,
    /// Parts that were settled with it.
    parts: Vec<Part>,
    message_keys: Range<usize>,
    waveform_keys: Range<usize>,
}

impl Seam {
    /// Of the draft as it is now.
    pub(crate) fn of(draft: &Draft) -> Self {
        Self {
            observations: draft.batch.observations.len(),
            waveforms: draft.batch.waveforms.len(),
            events: draft.batch.events.len(),
            quarantine: draft.batch.quarantine.len(),
            lines: draft.batch.ledger.len(),
            retained: draft.batch.retained.len(),
            staged: draft.batch.staged.len(),
            parts: draft.settled_parts.len(),
            message_keys: draft.messages.len(),
            waveform_keys: draft.waveforms.len(),
            ledger: draft.ledger().clone(),
        }
    }
}

/// Queues what a draft holds; its ledger is entered with that. Where the store does not take it whole, it is queued
/// message by message, in order, and the messages that are not taken go to quarantine, cut to their heads. Everything is
/// on disk when all that is given has resolved.
pub(crate) async fn submit(
    recorder: &Recorder,
    draft: &mut Draft,
    messages: &[Message],
) -> Result<Vec<Pending>, CommitError> {
    let end = Seam::of(draft);
    draft.close_ledger();
    let refused = match recorder.offer(std::mem::take(&mut draft.batch)).await {
        Ok(pending) => return Ok(vec![pending]),
        Err(refused) => refused,
    };
    let Some(mut whole) = refused.batch else { return Err(refused.why) };
    // What it brings of the plant is what the values of every message may rely on.
    let mut pendings = Vec::new();
    let mut changes = vec![std::mem::take(&mut whole.changes)];
    while let Some(mut some) = changes.pop() {
        match recorder.offer(Batch { changes: some.clone(), ..Batch::default() }).await {
            Ok(pending) => pendings.push(pending),
            Err(_) if some.len() > 1 => {
                let rest: Vec<AssetChange> = some.split_off(some.len() / 2);
                changes.extend([rest, some]);
            }
            Err(refused) => return Err(refused.why),
        }
    }
    let (mut gone_messages, mut gone_waveforms) = (Vec::new(), Vec::new());
    // Halves, so that one message among hundreds does not make hundreds of commits; the first is the last of the stack.
    let mut stack = vec![cut(whole, draft, end)];
    while let Some(mut pieces) = stack.pop() {
        if pieces.is_empty() {
            continue;
        }
        let refused = match recorder.offer(together(&pieces)).await {
            Ok(pending) => {
                pendings.push(pending);
                continue;
            }
            Err(refused) if refused.batch.is_none() => return Err(refused.why),
            Err(refused) => refused,
        };
        if pieces.len() > 1 {
            let rest = pieces.split_off(pieces.len() / 2);
            stack.extend([rest, pieces]);
            continue;
        }
        for piece in pieces {
            gone_messages.push(piece.message_keys.clone());
            gone_waveforms.push(piece.waveform_keys.clone());
            let message = piece.message.and_then(|i| messages.get(i));
            pendings.push(set_aside(recorder, draft, piece, message, &refused.why).await?);
        }
    }
    // What was not taken is not known when it comes again, or when it is replayed.
    without(&mut draft.messages, &gone_messages);
    without(&mut draft.waveforms, &gone_waveforms);
    Ok(pendings)
}

fn without<T>(list: &mut Vec<T>, gone: &[Range<usize>]) {
    let mut i = 0;
    list.retain(|_| {
        let kept = !gone.iter().any(|range| range.contains(&i));
        i += 1;
        kept
    });
}

/// The pieces of a batch, in their order.
fn cut(mut whole: Batch, draft: &mut Draft, end: Seam) -> Vec<Piece> {
    whole.ledger.truncate(end.lines);
    let mut parts = std::mem::take(&mut draft.settled_parts);
    let seams = std::mem::take(&mut draft.seams);
    let messages = seams.len();
    let mut from = Seam::default();
    let mut pieces = Vec::with_capacity(messages + 1);
    for (i, to) in seams.into_iter().chain([end]).enumerate() {
        let batch = Batch {
            observations: whole.observations.drain(..to.observations - from.observations).collect(),
            waveforms: whole.waveforms.drain(..to.waveforms - from.waveforms).collect(),
            events: whole.events.drain(..to.events - from.events).collect(),
            quarantine: whole.quarantine.drain(..to.quarantine - from.quarantine).collect(),
            ledger: whole.ledger.drain(..to.lines - from.lines).collect(),
            retained: whole.retained.drain(..to.retained - from.retained).collect(),
            staged: whole.staged.drain(..to.staged - from.staged).collect(),
            ..Batch::default()
        };
        let own = LedgerDelta {
            source: to.ledger.source.clone(),
            received: to.ledger.received - from.ledger.received,
            committed: to.ledger.committed - from.ledger.committed,
            duplicates: to.ledger.duplicates - from.ledger.duplicates,
            quarantined: to.ledger.quarantined - from.ledger.quarantined,
            gaps: to.ledger.gaps - from.ledger.gaps,
            ..LedgerDelta::default()
        };
        pieces.push(Piece {
            message: (i < messages).then_some(i),
            batch,
            own,
            parts: parts.drain(..to.parts - from.parts).collect(),
            message_keys: from.message_keys..to.message_keys,
            waveform_keys: from.waveform_keys..to.waveform_keys,
        });
        from = to;
    }
    pieces.retain(|p| p.batch != Batch::default() || counts(&p.own));
    pieces
}

fn counts(line: &LedgerDelta) -> bool {
    *line != LedgerDelta { source: line.source.clone(), ..LedgerDelta::default() }
}

fn together(pieces: &[Piece]) -> Batch {
    let mut all = Batch::default();
    for Piece { batch, own, .. } in pieces {
        all.observations.extend_from_slice(&batch.observations);
        all.waveforms.extend_from_slice(&batch.waveforms);
        all.events.extend_from_slice(&batch.events);
        all.quarantine.extend_from_slice(&batch.quarantine);
        all.ledger.extend(batch.ledger.iter().cloned().chain(counts(own).then(|| own.clone())));
        all.retained.extend_from_slice(&batch.retained);
        all.staged.extend_from_slice(&batch.staged);
    }
    all
}

/// Queues, instead of what the store did not take, the message that brought it and the parts that were settled with it,
/// as messages in quarantine.
async fn set_aside(
    recorder: &Recorder,
    draft: &mut Draft,
    piece: Piece,
    message: Option<&Message>,
    why: &CommitError,
) -> Result<Pending, CommitError> {
    let Piece { batch: was, mut own, parts, .. } = piece;
    let fault = Fault::new(Code::StoreRefused, "what the store takes", why.to_string());
    let (source, t) = (draft.source().clone(), draft.t_received);
    // A part that waits for others is in no ledger yet; one that completed a set is among its parts.
    let waits = was.staged.iter().any(|s| !s.body.is_empty());
    own.received += u64::from(waits);
    own.quarantined = own.received - own.duplicates;
    own.committed = 0;
    let message = message.filter(|_| own.quarantined > 0);
    let mut ledger = was.ledger;
    for line in &mut ledger {
        line.quarantined += std::mem::take(&mut line.committed);
    }
    ledger.extend(counts(&own).then_some(own));
    for part in &parts {
        draft.quarantine(part.source.clone(), part.t_received, &part.message, &fault);
    }
    if let Some(message) = message {
        draft.quarantine(source, t, message, &fault);
    }
    let mut quarantine = std::mem::take(&mut draft.batch.quarantine);
    // Whole, they might be what the store does not take.
    quarantine.iter_mut().for_each(|q| q.rest = [].into());
    let staged = was.staged.into_iter().filter(|s| s.body.is_empty()).collect();
    let batch = Batch { quarantine, ledger, staged, retained: was.retained, ..Batch::default() };
    match recorder.offer(batch).await {
        Ok(pending) => Ok(pending),
        Err(refused) => {
            let Some(mut batch) = refused.batch else { return Err(refused.why) };
            // An old value must not pass for the last one.
            batch.retained.iter_mut().for_each(|r| r.payload = [].into());
            recorder.submit(batch).await
        }
    }
}
