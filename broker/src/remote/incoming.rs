//! What a session makes of what the broker sends.

use bytes::Bytes;

use super::fault::{self, Fault};
use super::flow::Load;
use super::session::Session;
use crate::codec::frame::{self, Frame};
use crate::codec::{client, kind, publish};
use crate::intake::Publish;
use crate::refusal::Refusal;
use crate::topic::{self, Limits};

/// Topics as the listener takes them.
const LIMITS: Limits = Limits { bytes: 512, levels: 16 };

impl Session<'_> {
    /// Takes every whole packet out of what was read and hands the messages on as one batch.
    pub(super) fn decode(&mut self) -> Result<(), Fault> {
        let (mut frames, mut len) = (Vec::new(), 0);
        while let Some(frame) = frame::first(&self.transport.unread[len..], self.options().max_packet)
            .map_err(|what| self.malformed(what))?
        {
            frames.push((len, frame));
            len += frame.len;
        }
        let data = self.transport.unread.split_to(len).freeze();
        let (mut batch, mut load) = (Vec::new(), Load::default());
        for (offset, frame) in frames {
            self.packet(&data, offset, frame, &mut batch, &mut load)?;
        }
        self.submit(batch, load);
        Ok(())
    }

    fn packet(
        &mut self,
        data: &Bytes,
        offset: usize,
        frame: Frame,
        batch: &mut Vec<Publish>,
        load: &mut Load,
    ) -> Result<(), Fault> {
        let protocol = self.options().protocol;
        let body = &data[offset + frame.body..offset + frame.len];
        match frame.kind {
            kind::PUBLISH => self.message(data, offset, frame, batch, load),
            kind::PUBACK => self.published(publish::decode_ack(frame, body, protocol)),
            kind::PUBREL => {
                let (pkid, _) = publish::decode_ack(frame, body, protocol).map_err(|what| self.malformed(what))?;
                self.flow.received.remove(&pkid);
                publish::put_ack(&mut self.transport.out, kind::PUBCOMP, pkid, 0);
                Ok(())
            }
            kind::SUBACK => {
                let (_, codes) = client::suback(protocol, body).map_err(|what| self.malformed(what))?;
                self.subscribed(&codes)
            }
            kind::PINGRESP => Ok(()),
            kind::DISCONNECT if self.five() => {
                let (code, reason) = client::disconnect(body).map_err(|what| self.malformed(what))?;
                let (why, permanent) = fault::ended(code, reason);
                Err(Fault::Ended { address: self.options().address(), why, permanent })
            }
            _ => Err(self.malformed(Refusal::Protocol)),
        }
    }

    /// A PUBLISH: into the batch, or aside where its topic cannot be taken.
    fn message(
        &mut self,
        data: &Bytes,
        offset: usize,
        frame: Frame,
        batch: &mut Vec<Publish>,
        load: &mut Load,
    ) -> Result<(), Fault> {
        if self.ending.is_some() {
            // Not acknowledged: the broker keeps it for the next connection.
            return Ok(());
        }
        let read =
            publish::decode(data, offset, frame, self.options().protocol).map_err(|what| self.malformed(what))?;
        if read.alias.is_some() {
            // We allow none.
            return Err(self.malformed(Refusal::TopicAlias));
        }
        match read.qos {
            1 => load.acks.push((kind::PUBACK, read.pkid)),
            2 => load.acks.push((kind::PUBREC, read.pkid)),
            _ => {}
        }
        if read.qos == 2 && !self.flow.received.insert(read.pkid) {
            return Ok(());
        }
        let topic = match topic::parse(&data[read.topic.clone()], LIMITS) {
            Ok(topic) => topic,
            Err(why) => {
                // It would come again for ever; it is counted instead.
                self.remote.intake.refused(self.info.clone(), 1, why.name());
                let shown = String::from_utf8_lossy(&data[read.topic]).chars().take(64).collect::<String>();
                self.remote.status.note(|s| {
                    s.refused += 1;
                    let why = why.name();
                    s.last_error = Some(format!("a message on {shown:?} was not taken: {why}").into());
                });
                return Ok(());
            }
        };
        load.messages += 1;
        load.bytes += frame.len;
        batch.push(Publish {
            topic: topic.into(),
            payload: data.slice(read.payload),
            qos: read.qos,
            // What the other broker retains is its own affair.
            retain: false,
            forget: false,
            dup: read.dup,
            properties: read.properties,
            expiry: read.expiry,
        });
        Ok(())
    }

    fn submit(&mut self, batch: Vec<Publish>, load: Load) {
        let Some(last) = batch.last() else {
            let due = self.flow.push_acks(load.acks);
            self.acknowledge(&due);
            return;
        };
        self.remote.status.received(load.messages as u64, load.bytes as u64, last.topic.clone());
        let in_flight = (self.flow.messages + load.messages) as u64;
        self.remote.status.note(|s| s.in_flight = in_flight);
        self.flow.push(self.remote.intake.accept(self.info.clone(), batch), load);
    }
}
