//! What a connection has handed to the intake and not yet finished: queueing, committing, acknowledging, fanning out.
//!
//! Batches go through in the order they were read. Several are on their way at once, bounded by messages and bytes.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::time::Instant;

use super::topics::Topics;
use crate::intake::{IntakeClosed, Receipt};
use crate::offer::Offer;
use crate::router::Router;
use crate::router::message::Message;
use crate::router::retained::Claim;
use crate::router::session::Session;

/// What is to happen when a batch is durable.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Encoded acknowledgements.
    pub acks: Vec<u8>,
    /// Messages that somebody wants.
    pub fan: VecDeque<Fan>,
    pub messages: usize,
    pub bytes: usize,
    /// How much of the receive maximum its acknowledgements give back.
    pub quota: usize,
}

/// A message to be passed on, and what it changes in what is retained.
pub(crate) struct Fan {
    pub message: Arc<Message>,
    pub retaining: Option<Box<Claim>>,
}

/// A subscriber that reads too slowly, and since when we wait for it.
pub(crate) struct Room {
    pub session: Arc<Session>,
    pub taken: u64,
    pub since: Instant,
}

/// All batches of a connection that are on their way.
#[derive(Default)]
pub(crate) struct Pipeline {
    accepting: Option<(Offer, Outcome)>,
    receipts: VecDeque<(Receipt, Outcome)>,
    fan: VecDeque<Fan>,
    pub room: Option<Room>,
    pub messages: usize,
    pub bytes: usize,
    /// QoS 1 and 2 messages of the client that it has not been told the end of.
    pub unacknowledged: usize,
}

/// The intake is closed; these acknowledgements will not be sent.
pub(crate) struct Failed(pub Vec<u8>);

impl Pipeline {
    /// Whether everything has come to its end.
    pub fn is_empty(&self) -> bool {
        self.accepting.is_none() && self.receipts.is_empty() && self.fan.is_empty()
    }

    /// Whether the last batch is not even queued.
    pub fn is_blocked(&self) -> bool {
        self.accepting.is_some()
    }

    /// Takes a batch that was just offered to the intake. Not while blocked.
    pub fn push(&mut self, offer: Offer, outcome: Outcome) {
        self.messages += outcome.messages;
        self.bytes += outcome.bytes;
        self.accepting = Some((offer, outcome));
    }

    /// Acknowledgements that wait for nothing of their own: they go out behind those before them.
    pub fn push_acks(&mut self, acks: &[u8], quota: usize, out: &mut BytesMut) {
        match self.receipts.back_mut() {
            Some((_, outcome)) => {
                outcome.acks.extend_from_slice(acks);
                outcome.quota += quota;
            }
            None => {
                out.extend_from_slice(acks);
                self.unacknowledged = self.unacknowledged.saturating_sub(quota);
            }
        }
    }

    /// Moves everything on as far as it goes now; `out` takes the acknowledgements. Whether anything moved.
    pub fn poll(
        &mut self,
        context: &mut Context<'_>,
        router: &Router,
        topics: &mut Topics,
        out: &mut BytesMut,
    ) -> Result<bool, Failed> {
        let mut moved = self.poll_accepting(context)?;
        loop {
            if let Some(room) = &self.room {
                if room.session.poll_room(context).is_pending() {
                    return Ok(moved);
                }
                self.room = None;
                moved = true;
            }
            if let Some(fan) = self.fan.pop_front() {
                self.room = fan_out(fan, router, topics);
                moved = true;
                continue;
            }
            let Some((receipt, _)) = self.receipts.front_mut() else { return Ok(moved) };
            match receipt.as_mut().poll(context) {
                Poll::Pending => return Ok(moved),
                Poll::Ready(Err(IntakeClosed)) => return Err(self.fail()),
                Poll::Ready(Ok(())) => {}
            }
            if let Some((_, outcome)) = self.receipts.pop_front() {
                self.messages -= outcome.messages;
                self.bytes -= outcome.bytes;
                self.unacknowledged = self.unacknowledged.saturating_sub(outcome.quota);
                out.extend_from_slice(&outcome.acks);
                self.fan = outcome.fan;
            }
            moved = true;
        }
    }

    fn poll_accepting(&mut self, context: &mut Context<'_>) -> Result<bool, Failed> {
        let Some((accepting, _)) = &mut self.accepting else { return Ok(false) };
        let Poll::Ready(answer) = Pin::new(accepting).poll(context) else { return Ok(false) };
        match (answer, self.accepting.take()) {
            (Ok((receipt, first)), Some((_, mut outcome))) => {
                let claims = outcome.fan.iter_mut().filter_map(|fan| fan.retaining.as_mut());
                (first..).zip(claims).for_each(|(number, claim)| claim.number(number));
                self.receipts.push_back((receipt, outcome));
            }
            (_, accepting) => {
                self.accepting = accepting;
                return Err(self.fail());
            }
        }
        Ok(true)
    }

    /// Gives everything up that is not durable.
    fn fail(&mut self) -> Failed {
        let receipts = self.receipts.drain(..).map(|(_, outcome)| outcome);
        let outcomes = receipts.chain(self.accepting.take().map(|(_, outcome)| outcome));
        let acks = outcomes.flat_map(|outcome| outcome.acks).collect();
        (self.messages, self.bytes) = (0, 0);
        Failed(acks)
    }
}

fn fan_out(fan: Fan, router: &Router, topics: &mut Topics) -> Option<Room> {
    let Fan { message, retaining } = fan;
    if let Some(claim) = retaining {
        claim.settle(&message);
    }
    let known = topics.get(message.topic.as_bytes(), router).ok()?;
    let session = router.deliver(&message, &known.targets)?;
    Some(Room { taken: session.taken(), since: Instant::now(), session })
}
