//! What a session has handed to the intake and not yet acknowledged. Batches go through in the order in which they came.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::codec::kind;
use crate::intake::{BoxFuture, IntakeClosed, Receipt};

/// An acknowledgement: PUBACK or PUBREC, and the packet id.
pub(super) type Ack = (u8, u16);

/// What belongs to one batch.
#[derive(Default)]
pub(super) struct Load {
    pub acks: Vec<Ack>,
    pub messages: usize,
    pub bytes: usize,
}

type Accepting = BoxFuture<'static, Result<Receipt, IntakeClosed>>;

/// The batches on their way. Outlives a connection: what was handed over is awaited, not forgotten.
#[derive(Default)]
pub(super) struct Flow {
    accepting: Option<(Accepting, Load)>,
    receipts: VecDeque<(Receipt, Load)>,
    pub messages: usize,
    pub bytes: usize,
    /// Packet ids of QoS 2 messages that were taken and not yet released (MQTT 4.3.3); lives as long as the session.
    pub received: HashSet<u16>,
}

impl Flow {
    pub fn is_empty(&self) -> bool {
        self.accepting.is_none() && self.receipts.is_empty()
    }

    /// Whether the last batch is not even queued: then nothing more may be read.
    pub fn is_blocked(&self) -> bool {
        self.accepting.is_some()
    }

    /// Takes a batch that was just offered to the intake. Not while blocked.
    pub fn push(&mut self, accepting: Accepting, load: Load) {
        self.messages += load.messages;
        self.bytes += load.bytes;
        self.accepting = Some((accepting, load));
    }

    /// Acknowledgements that wait for nothing of their own: they go out behind those before them. Gives them back where
    /// there are none before them.
    pub fn push_acks(&mut self, acks: Vec<Ack>) -> Vec<Ack> {
        let last = self.accepting.as_mut().map(|(_, load)| load).or(self.receipts.back_mut().map(|(_, load)| load));
        match last {
            Some(load) => {
                load.acks.extend(acks);
                Vec::new()
            }
            None => acks,
        }
    }

    /// The acknowledgements that are due, in order; waits for some, or for the intake to have room. An error is the end
    /// of the connection: what has not been acknowledged by then must not be.
    pub async fn next(&mut self) -> Result<Vec<Ack>, IntakeClosed> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<Ack>, IntakeClosed>> {
        let mut due = Vec::new();
        let mut moved = false;
        if let Some((accepting, _)) = &mut self.accepting
            && let Poll::Ready(accepted) = accepting.as_mut().poll(context)
            && let Some((_, load)) = self.accepting.take()
        {
            moved = true;
            match accepted {
                Ok(receipt) => self.receipts.push_back((receipt, load)),
                Err(closed) => {
                    self.forget(&load);
                    return Poll::Ready(Err(closed));
                }
            }
        }
        while let Some((receipt, _)) = self.receipts.front_mut()
            && let Poll::Ready(durable) = receipt.as_mut().poll(context)
            && let Some((_, load)) = self.receipts.pop_front()
        {
            moved = true;
            if let Err(closed) = durable {
                self.forget(&load);
                return Poll::Ready(Err(closed));
            }
            self.messages -= load.messages;
            self.bytes -= load.bytes;
            due.extend(load.acks);
        }
        if moved { Poll::Ready(Ok(due)) } else { Poll::Pending }
    }

    /// It is not durable: when it comes again it is new.
    fn forget(&mut self, load: &Load) {
        self.messages -= load.messages;
        self.bytes -= load.bytes;
        for (_, pkid) in load.acks.iter().filter(|(kind, _)| *kind == kind::PUBREC) {
            self.received.remove(pkid);
        }
    }

    /// Waits for everything that was handed over on a connection that is gone. Nobody is left to acknowledge it to.
    pub async fn drain(&mut self) {
        while !self.is_empty() {
            // What failed comes again.
            let _ = self.next().await;
        }
    }
}
