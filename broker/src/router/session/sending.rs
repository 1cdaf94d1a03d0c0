//! What was sent to a client and is not settled: acknowledgements, sending again, and what other members of a group may
//! have of it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use super::{Answer, Phase, Sent, Session, State, Terms};
use crate::codec::{kind, publish};
use crate::lock;
use crate::refusal::Refusal;
use crate::router::group::{self, Group};
use crate::router::message::{Delivery, Message};

impl Session {
    /// Takes an acknowledgement of something we sent.
    pub fn acknowledged(&self, packet: u8, pkid: u16, success: bool) -> Answer {
        let mut state = lock(&self.state);
        let Some(at) = state.sent.iter().position(|sent| sent.pkid == pkid) else {
            return if packet == kind::PUBREC { Answer::Release(0x92) } else { Answer::Nothing };
        };
        let qos = match &state.sent[at].phase {
            Phase::Published(delivery) => Some(delivery.qos),
            Phase::Released => None,
        };
        match (packet, qos) {
            (kind::PUBREC, Some(2)) if success => {
                take_sent(&mut state, at);
                let (at, sent) = (state.released, Sent { pkid, phase: Phase::Released, due: false });
                state.sent.insert(at, sent);
                state.released += 1;
                Answer::Release(0)
            }
            (kind::PUBREC, None) if success => Answer::Release(0),
            (kind::PUBACK, Some(1)) | (kind::PUBREC, Some(2)) | (kind::PUBCOMP | kind::PUBREC, None) => {
                take_sent(&mut state, at);
                state.pkids.free(pkid);
                Answer::Nothing
            }
            _ => Answer::Wrong,
        }
    }

    /// The groups of whose messages it holds some.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        let state = lock(&self.state);
        if !state.subscriptions.keys().any(|filter| filter.starts_with("$share/")) {
            return Vec::new();
        }
        let sent = state.sent.iter().filter_map(|sent| match &sent.phase {
            Phase::Published(delivery) => group::of(delivery),
            Phase::Released => None,
        });
        let mut groups: Vec<_> = sent.chain(state.queue.iter().filter_map(group::of)).collect();
        groups.sort_by_key(Arc::as_ptr);
        groups.dedup_by(|a, b| Arc::ptr_eq(a, b));
        groups
    }

    /// What it holds of this group and another member may have, in order.
    pub fn shared(&self, group: &Arc<Group>) -> Vec<Delivery> {
        let state = lock(&self.state);
        let sent = state.sent.iter().filter_map(|sent| match &sent.phase {
            Phase::Published(delivery) if delivery.qos == 1 => Some(delivery),
            _ => None,
        });
        sent.chain(&state.queue).filter(|delivery| is_of(delivery, group)).cloned().collect()
    }

    /// Takes out what another member of this group was given.
    pub fn let_go(&self, group: &Arc<Group>, given: &HashSet<*const Message>) {
        let mut state = lock(&self.state);
        let wanted = |delivery: &Delivery| given.contains(&Arc::as_ptr(&delivery.message)) && is_of(delivery, group);
        take_out(&mut state, wanted);
    }
}

fn is_of(delivery: &Delivery, group: &Arc<Group>) -> bool {
    group::of(delivery).is_some_and(|of| Arc::ptr_eq(&of, group))
}

/// Takes one out of what was sent; its identifier stays in use.
fn take_sent(state: &mut State, at: usize) -> Option<Sent> {
    let sent = state.sent.remove(at)?;
    state.due -= usize::from(sent.due);
    state.released -= usize::from(matches!(sent.phase, Phase::Released));
    Some(sent)
}

/// Takes out what another member of a group may have: what waits, and what is on its way at QoS 1. A QoS 2 message that
/// was sent is its client's alone ([MQTT-4.8.2-4], [MQTT-4.8.2-5]).
pub(super) fn take_out(state: &mut State, wanted: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
    let mut taken = Vec::new();
    let mut at = 0;
    while let Some(sent) = state.sent.get(at) {
        if !matches!(&sent.phase, Phase::Published(delivery) if delivery.qos == 1 && wanted(delivery)) {
            at += 1;
            continue;
        }
        if let Some(Sent { pkid, phase: Phase::Published(delivery), .. }) = take_sent(state, at) {
            state.pkids.free(pkid);
            taken.push(delivery);
        }
    }
    let (of_group, kept): (VecDeque<_>, VecDeque<_>) = state.queue.drain(..).partition(|delivery| wanted(delivery));
    state.queue = kept;
    state.bytes = state.queue.iter().map(|delivery| delivery.message.size()).sum();
    taken.extend(of_group);
    taken
}

/// Sends again what was not acknowledged on the connection before, within the window of this one; how many were too
/// large for it and are given up ([MQTT-3.1.2-25]).
pub(super) fn resend(state: &mut State, out: &mut BytesMut, budget: usize, now: Instant) -> u64 {
    let Terms { protocol, window, max_packet } = state.terms;
    let mut too_large = 0;
    let mut at = 0;
    while out.len() < budget && state.due > 0 {
        let on_their_way = state.sent.len() - state.due;
        let Some(sent) = state.sent.get_mut(at) else { break };
        at += 1;
        match &sent.phase {
            _ if !sent.due => continue,
            Phase::Published(_) if on_their_way >= window => break,
            Phase::Published(delivery) => {
                let expiry = delivery.message.left(now).unwrap_or(Some(0));
                let packet = packet(delivery, sent.pkid, true, expiry);
                if packet.len(protocol) > max_packet {
                    let pkid = sent.pkid;
                    at -= 1;
                    take_sent(state, at);
                    state.pkids.free(pkid);
                    too_large += 1;
                    continue;
                }
                packet.encode(protocol, out);
            }
            Phase::Released => publish::put_ack(out, kind::PUBREL, sent.pkid, 0),
        }
        sent.due = false;
        state.due -= 1;
    }
    too_large
}

pub(super) fn send(state: &mut State, delivery: Delivery, out: &mut BytesMut, now: Instant) -> Result<(), Refusal> {
    let Some(expiry) = delivery.message.left(now) else { return Err(Refusal::Expired) };
    let mut outgoing = packet(&delivery, 0, false, expiry);
    if outgoing.len(state.terms.protocol) > state.terms.max_packet {
        return Err(Refusal::SubscriberPacket);
    }
    if delivery.qos > 0 {
        outgoing.pkid = state.pkids.next();
    }
    outgoing.encode(state.terms.protocol, out);
    if outgoing.qos > 0 {
        let pkid = outgoing.pkid;
        state.sent.push_back(Sent { pkid, phase: Phase::Published(delivery), due: false });
    }
    Ok(())
}

fn packet(delivery: &Delivery, pkid: u16, dup: bool, expiry: Option<u32>) -> publish::Outgoing<'_> {
    let Message { topic, payload, properties, .. } = &*delivery.message;
    let Delivery { qos, retain, .. } = *delivery;
    let ids = delivery.via.as_ref().map_or(&[][..], |via| &via.ids);
    publish::Outgoing { topic, payload, pkid, qos, retain, dup, expiry, ids, properties }
}
