//! From the bytes of one read to one batch for the intake.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::pipeline::Fan;
use super::{ALIASES, Connection, Ending};
use crate::codec::frame::{self, Frame};
use crate::codec::publish::{self, Incoming};
use crate::codec::{answers, control, kind};
use crate::intake::Publish;
use crate::refusal::Refusal;
use crate::router::Retention;
use crate::router::message::{Message, expires, keep};
use crate::router::session::Answer;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Decodes every packet that has come to its end, and hands what was published to the intake.
    pub(super) fn decode(&mut self) {
        let max = self.at.broker.config().max_packet;
        let decoded = match frame::first(&self.at.unread, max) {
            Ok(None) => return,
            Ok(Some(_)) => self.decode_all(max),
            Err(refusal) => self.refuse_unread(refusal),
        };
        self.submit();
        if let Err(refusal) = decoded {
            self.end(Ending::Refused(refusal));
        }
    }

    fn decode_all(&mut self, max: usize) -> Result<(), Refusal> {
        let data = std::mem::take(&mut self.at.unread).freeze();
        let mut at = 0;
        while self.ending.is_none() {
            match frame::first(&data[at..], max) {
                Ok(Some(frame)) => {
                    self.packet(&data, at, frame)?;
                    at += frame.len;
                }
                Ok(None) => break,
                Err(refusal) => {
                    self.at.unread = BytesMut::from(&data[at..]);
                    return self.refuse_unread(refusal);
                }
            }
        }
        if at < data.len() {
            self.at.unread = BytesMut::from(&data[at..]);
        }
        Ok(())
    }

    /// After a stop was asked for: takes the client's acknowledgements and leaves everything else alone. It has no
    /// acknowledgement for that, and sends it again to whoever comes after us.
    pub(super) fn decode_last(&mut self, now: Instant) {
        let (protocol, max) = (self.at.info.protocol, self.at.broker.config().max_packet);
        let data = std::mem::take(&mut self.at.unread).freeze();
        let mut at = 0;
        while let Ok(Some(frame)) = frame::first(&data[at..], max) {
            if matches!(frame.kind, kind::PUBACK | kind::PUBREC | kind::PUBCOMP) {
                let body = &data[at + frame.body..at + frame.len];
                let taken = publish::decode_ack(frame, body, protocol)
                    .and_then(|(pkid, reason)| self.acknowledged(frame.kind, pkid, reason < 0x80));
                self.unanswered = self.unanswered.and(taken.ok()).map(|()| now);
            }
            at += frame.len;
        }
        if frame::first(&data[at..], max).is_err() {
            // Nothing of use can follow.
            self.unanswered = None;
        }
        self.at.unread = BytesMut::from(&data[at..]);
    }

    /// What cannot even be read to its end counts as a message, if it is one.
    fn refuse_unread(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        if self.at.unread.first().is_some_and(|byte| byte >> 4 == kind::PUBLISH) {
            self.refuse_message(refusal);
        }
        Err(refusal)
    }

    fn refuse_message(&self, refusal: Refusal) {
        self.at.broker.intake().refused(self.at.info.clone(), 1, refusal.name());
    }

    fn packet(&mut self, data: &Bytes, offset: usize, frame: Frame) -> Result<(), Refusal> {
        let protocol = self.at.info.protocol;
        let packet = &data[offset..offset + frame.len];
        match frame.kind {
            kind::PUBLISH => {
                self.pace.seen += 1;
                self.publish(data, offset, frame).inspect_err(|refusal| self.refuse_message(*refusal))
            }
            kind::PUBACK | kind::PUBREC | kind::PUBREL | kind::PUBCOMP => {
                let (pkid, reason) = publish::decode_ack(frame, &packet[frame.body..], protocol)?;
                self.acknowledged(frame.kind, pkid, reason < 0x80)
            }
            kind::SUBSCRIBE => self.subscribe(packet, frame),
            kind::UNSUBSCRIBE => {
                let (pkid, filters) = control::unsubscribe(protocol, packet, frame)?;
                let router = self.at.broker.router();
                let existed: Vec<_> = filters.iter().map(|f| router.unsubscribe(&self.at.session, f)).collect();
                let before = self.at.out.len();
                answers::put_unsuback(&mut self.at.out, protocol, pkid, &existed);
                self.check_size(before)
            }
            kind::PINGREQ if frame.flags == 0 && frame.len == 2 => {
                answers::put_pong(&mut self.at.out);
                Ok(())
            }
            kind::DISCONNECT => {
                let (will, expiry) = control::disconnect(protocol, packet, frame)?;
                if self.at.ends && expiry.is_some_and(|seconds| seconds > 0) {
                    return Err(Refusal::Protocol);
                }
                self.end(Ending::Left { will, expiry });
                Ok(())
            }
            kind::PINGREQ => Err(Refusal::Malformed),
            _ => Err(Refusal::Protocol),
        }
    }

    fn acknowledged(&mut self, packet: u8, pkid: u16, success: bool) -> Result<(), Refusal> {
        let v5 = self.is_v5();
        let out = &mut self.at.out;
        if packet == kind::PUBREL {
            let known = self.at.session.release(pkid);
            publish::put_ack(out, kind::PUBCOMP, pkid, if known || !v5 { 0 } else { 0x92 });
            self.pipeline.unacknowledged = self.pipeline.unacknowledged.saturating_sub(1);
            return Ok(());
        }
        match self.at.session.acknowledged(packet, pkid, success) {
            Answer::Nothing => {}
            Answer::Release(reason) => publish::put_ack(out, kind::PUBREL, pkid, if v5 { reason } else { 0 }),
            Answer::Wrong => return Err(Refusal::Protocol),
        }
        Ok(())
    }

    /// A packet that must be answered and whose answer the client does not take ends the connection.
    fn check_size(&mut self, before: usize) -> Result<(), Refusal> {
        if self.at.out.len() - before > self.at.reasons.most {
            self.at.out.truncate(before);
            return Err(Refusal::SubscriberPacket);
        }
        Ok(())
    }

    fn subscribe(&mut self, packet: &[u8], frame: Frame) -> Result<(), Refusal> {
        let protocol = self.at.info.protocol;
        let (pkid, filters) = control::subscribe(protocol, packet, frame)?;
        let broker = &self.at.broker;
        let mut subscribe = |wanted: &control::Wanted| self.grant(wanted).inspect_err(|refusal| broker.count(*refusal));
        let granted: Vec<_> = filters.iter().map(&mut subscribe).collect();
        let before = self.at.out.len();
        answers::put_suback(&mut self.at.out, protocol, pkid, &granted, self.at.reasons);
        self.check_size(before)
    }

    fn publish(&mut self, data: &Bytes, offset: usize, frame: Frame) -> Result<(), Refusal> {
        let incoming = publish::decode(data, offset, frame, self.at.info.protocol)?;
        let ack = if incoming.qos == 2 { kind::PUBREC } else { kind::PUBACK };
        if incoming.qos > 0 {
            self.pipeline.unacknowledged += 1;
            let most = usize::from(self.at.broker.config().receive_maximum());
            if self.is_v5() && self.pipeline.unacknowledged > most {
                return Err(Refusal::ReceiveMaximum);
            }
        }
        let (topic, wanted) = match self.topic(data, &incoming) {
            Ok(topic) => topic,
            Err(refusal) if self.is_v5() && incoming.qos > 0 && is_policy(refusal) => {
                self.at.broker.count(refusal);
                self.refuse_message(refusal);
                if refusal != Refusal::PublishDenied {
                    self.at.record.failed(refusal.name());
                }
                publish::put_refused_ack(&mut self.outcome.acks, ack, incoming.pkid, refusal, self.at.reasons);
                self.outcome.quota += 1;
                return Ok(());
            }
            Err(Refusal::PublishDenied) if self.ignores_denied() => {
                self.at.broker.count(Refusal::PublishDenied);
                self.refuse_message(Refusal::PublishDenied);
                if incoming.qos > 0 {
                    publish::put_ack(&mut self.outcome.acks, ack, incoming.pkid, 0);
                }
                return Ok(());
            }
            Err(refusal) => return Err(refusal),
        };
        if incoming.qos > 0 {
            publish::put_ack(&mut self.outcome.acks, ack, incoming.pkid, 0);
            self.outcome.quota += usize::from(incoming.qos == 1);
        }
        if incoming.qos == 2 && !self.at.session.receive(incoming.pkid) {
            // It counts once, however often it comes.
            self.pipeline.unacknowledged -= 1;
            return Ok(());
        }
        let payload = data.slice(incoming.payload.clone());
        self.outcome.messages += 1;
        self.outcome.bytes += frame.len;
        let router = self.at.broker.router();
        let retention = if incoming.retain {
            router.admit_retained(&topic, &payload, &incoming.properties)
        } else {
            Retention::default()
        };
        let Retention { retain, forget, claim } = retention;
        if wanted || claim.is_some() {
            let message = self.message(&topic, &payload, &incoming);
            self.outcome.fan.push_back(Fan { message, retaining: claim });
        }
        let Incoming { qos, dup, properties, expiry, .. } = incoming;
        self.batch.push(Publish { topic, payload, qos, retain, forget, dup, properties, expiry });
        Ok(())
    }

    fn message(&self, topic: &Arc<str>, payload: &Bytes, incoming: &Incoming) -> Arc<Message> {
        Arc::new(Message {
            topic: topic.clone(),
            payload: keep(payload),
            qos: incoming.qos,
            retain: incoming.retain,
            properties: keep(&incoming.properties),
            expires: expires(incoming.expiry),
            from: self.at.session.id,
        })
    }

    /// The topic of a PUBLISH, by its alias if it has one, and whether anybody wants it.
    fn topic(&mut self, data: &Bytes, incoming: &Incoming) -> Result<(Arc<str>, bool), Refusal> {
        let name = &data[incoming.topic.clone()];
        let aliased = match incoming.alias {
            Some(alias) if alias == 0 || alias > ALIASES => return Err(Refusal::TopicAlias),
            Some(alias) if name.is_empty() => {
                let known = self.aliases.get(usize::from(alias - 1)).cloned().flatten();
                Some(known.ok_or(Refusal::TopicAlias)?)
            }
            None if name.is_empty() && self.is_v5() => return Err(Refusal::Protocol),
            _ => None,
        };
        let name = aliased.as_deref().map_or(name, str::as_bytes);
        let known = self.topics.get(name, self.at.broker.router())?;
        let (found, allowed) = ((known.topic.clone(), !known.targets.is_empty()), known.allowed);
        if let (Some(alias), None) = (incoming.alias, aliased) {
            let at = usize::from(alias - 1);
            if self.aliases.len() <= at {
                self.aliases.resize(at + 1, None);
            }
            self.aliases[at] = Some(found.0.clone());
        }
        if !allowed {
            self.denied(&found.0, Refusal::PublishDenied);
            return Err(Refusal::PublishDenied);
        }
        Ok(found)
    }

    /// Hands the batch to the intake.
    fn submit(&mut self) {
        let outcome = std::mem::take(&mut self.outcome);
        if self.batch.is_empty() {
            self.pipeline.push_acks(&outcome.acks, outcome.quota, &mut self.at.out);
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.at.record.received(&batch, outcome.bytes);
        let claims = outcome.fan.iter().filter(|fan| fan.retaining.is_some()).count() as u64;
        let offer = self.at.broker.offer(self.at.info.clone(), batch, claims);
        self.pipeline.push(offer, outcome);
    }
}

/// Refused by our limits or for want of rights, not by the standard: the client may go on.
fn is_policy(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::TopicReserved | Refusal::TopicTooLong | Refusal::TopicTooDeep | Refusal::PublishDenied)
}
