//! One connection to another broker, from CONNECT to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use outbox::{Message, Refused, Then};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Remote;
use super::dial::PATIENCE;
use super::fault::{self, Fault};
use super::flow::{Ack, Flow};
use super::options::{Options, Presence};
use super::pause::Pauses;
use super::status::State;
use super::transport::Transport;
use crate::codec::client::{self, Wanted, Welcome};
use crate::codec::publish;
use crate::intake::{ClientInfo, Protocol};
use crate::refusal::Refusal;

/// How much is read at once.
const READ: usize = 64 * 1024;
/// How much is encoded before the broker has taken what was there.
const WRITE: usize = 64 * 1024;
/// How long the broker may leave what we wrote unread.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// Messages of ours without a PUBACK, where the broker does not want fewer.
const WINDOW: usize = 256;
/// Subscriptions that were refused are asked for again this often.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How the subscriptions stand.
enum Asked {
    /// SUBSCRIBE was written at this time, for these filters.
    Pending(Instant, Vec<usize>),
    /// Answered; these were refused, and are asked for again at that time.
    Answered(Option<(Instant, Vec<usize>)>),
}

/// The connection and its bookkeeping.
pub(super) struct Session<'a> {
    pub(super) remote: &'a Remote,
    pub(super) flow: &'a mut Flow,
    pub(super) transport: Transport,
    welcome: Welcome,
    presence: Option<Presence>,
    pub(super) info: Arc<ClientInfo>,
    filters: Vec<String>,
    asked: Asked,
    keep_alive: Duration,
    /// When the broker was heard last.
    heard: Instant,
    /// Since when the broker takes nothing of what is to be written.
    stuck: Option<Instant>,
    ping: Instant,
    /// Messages of ours that wait for a PUBACK.
    under_way: usize,
    /// The broker refused one for the moment: until then nothing is published.
    held: Option<Instant>,
    pauses: Pauses,
    /// Since when it is being ended in order.
    pub(super) ending: Option<Instant>,
}

impl<'a> Session<'a> {
    pub fn new(
        remote: &'a Remote,
        transport: Transport,
        welcome: Welcome,
        presence: Option<Presence>,
        peer: SocketAddr,
        flow: &'a mut Flow,
    ) -> Session<'a> {
        let options = &remote.options;
        let now = Instant::now();
        let keep_alive = match welcome.keep_alive {
            Some(0) | None => options.keep_alive,
            Some(seconds) => Duration::from_secs(seconds.into()),
        };
        let info = Arc::new(ClientInfo {
            client_id: format!("remote/{}", options.name).into(),
            address: peer,
            identity: options.login.as_ref().map_or("anonymous", |(user, _)| user).into(),
            protocol: options.protocol,
            connection: remote.connections.fetch_add(1, Ordering::Relaxed) + 1,
        });
        if !welcome.session_present {
            flow.received.clear();
        }
        let filters = options.filters();
        let asked = Asked::Answered(None);
        let (heard, stuck, ping) = (now, None, now + keep_alive);
        let (under_way, held, ending) = (0, None, None);
        let pauses = Pauses::new(options.seed);
        Session {
            remote,
            flow,
            transport,
            welcome,
            presence,
            info,
            filters,
            asked,
            keep_alive,
            heard,
            stuck,
            ping,
            under_way,
            held,
            pauses,
            ending,
        }
    }

    pub(super) fn options(&self) -> &'a Options {
        &self.remote.options
    }

    pub(super) fn five(&self) -> bool {
        self.options().protocol == Protocol::V5
    }

    /// Holds the session until it breaks, or until `shutdown` and everything under way has come to its end.
    pub async fn run(mut self, mut shutdown: impl Future<Output = ()> + Unpin) -> Result<(), Fault> {
        let resumed = self.welcome.session_present;
        let connections = self.info.connection;
        self.remote.status.note(|s| (s.resumed, s.connections) = (resumed, connections));
        let birth: Vec<Message> = self.presence.iter().map(|p| p.birth.clone()).collect();
        self.remote.outbox.begin(&birth, resumed);
        // Also where the broker has kept the session: it costs nothing, and what it keeps may be older than our settings.
        self.subscribe((0..self.filters.len()).collect());
        if self.filters.is_empty() {
            self.stands();
        }
        self.decode()?;
        let remote = self.remote;
        while !self.is_over() {
            let (may_read, may_send) = (self.may_read(), self.may_send());
            let writing = !self.transport.is_idle();
            if writing {
                self.stuck.get_or_insert_with(Instant::now);
            }
            let deadline = self.deadline();
            let Transport { reader, writer, unread, out, unflushed } = &mut self.transport;
            if unread.capacity() - unread.len() < READ / 4 {
                unread.reserve(READ);
            }
            tokio::select! {
                due = self.flow.next() => {
                    let due = due.map_err(|_| Fault::IntakeClosed)?;
                    self.acknowledge(&due);
                }
                read = reader.read_buf(unread), if may_read => self.has_read(read)?,
                wrote = Transport::write(writer, out, unflushed), if writing => {
                    wrote.map_err(|source| self.lost(source))?;
                    self.stuck = None;
                }
                (message, id) = remote.outbox.next(), if may_send => self.publish(message, id),
                () = sleep_until(deadline) => self.tick()?,
                () = &mut shutdown, if self.ending.is_none() => self.end(),
            }
        }
        self.goodbye().await;
        Ok(())
    }

    pub(super) fn lost(&self, source: io::Error) -> Fault {
        Fault::Lost { address: self.options().address(), source }
    }

    pub(super) fn malformed(&self, what: Refusal) -> Fault {
        let address = self.options().address();
        match what {
            Refusal::PacketTooLarge => Fault::TooLarge { address, max: self.options().max_packet },
            what => Fault::Malformed { address, what },
        }
    }

    /// Whether there is room for more of the broker's messages.
    fn may_read(&self) -> bool {
        !self.flow.is_blocked()
            && self.flow.messages < self.options().in_flight_messages
            && self.flow.bytes < self.options().in_flight_bytes
            && self.transport.out.len() < WRITE
    }

    fn may_send(&self) -> bool {
        matches!(self.asked, Asked::Answered(_))
            && self.held.is_none()
            && self.under_way < WINDOW.min(usize::from(self.welcome.receive_maximum))
            && self.transport.out.len() < WRITE
    }

    fn has_read(&mut self, read: io::Result<usize>) -> Result<(), Fault> {
        match read {
            Ok(0) => Err(self.lost(io::Error::new(io::ErrorKind::UnexpectedEof, "the broker closed it"))),
            Err(source) => Err(self.lost(source)),
            Ok(_) => {
                self.heard = Instant::now();
                self.decode()
            }
        }
    }

    pub(super) fn acknowledge(&mut self, due: &[Ack]) {
        for (kind, pkid) in due {
            publish::put_ack(&mut self.transport.out, *kind, *pkid, 0);
        }
        let in_flight = self.flow.messages as u64;
        self.remote.status.note(|s| s.in_flight = in_flight);
    }

    fn subscribe(&mut self, which: Vec<usize>) {
        if which.is_empty() {
            return;
        }
        let options = self.options();
        // No local together with a shared subscription is against the standard (MQTT 5, 3.8.3.1).
        let wanted = |i: &usize| Wanted {
            filter: &self.filters[*i],
            qos: options.subscriptions[*i].qos,
            no_local: options.share.is_none(),
        };
        let wanted: Vec<_> = which.iter().map(wanted).collect();
        let id = self.remote.outbox.free_id();
        client::put_subscribe(&mut self.transport.out, options.protocol, id, &wanted);
        self.asked = Asked::Pending(Instant::now(), which);
    }

    pub(super) fn subscribed(&mut self, codes: &[u8]) -> Result<(), Fault> {
        let Asked::Pending(_, which) = std::mem::replace(&mut self.asked, Asked::Answered(None)) else {
            return Err(self.malformed(Refusal::Protocol));
        };
        if which.len() != codes.len() {
            return Err(self.malformed(Refusal::Protocol));
        }
        let mut refused = Vec::new();
        for (i, code) in which.into_iter().zip(codes) {
            let filter = &self.filters[i];
            if *code < 0x80 {
                self.remote.status.note(|s| s.subscriptions.push(filter.clone()));
                continue;
            }
            let why = fault::not_subscribed(filter, *code);
            tracing::warn!(remote = self.options().name, "{why}");
            self.remote.status.failed(&why);
            refused.push(i);
        }
        self.asked = Asked::Answered((!refused.is_empty()).then(|| (Instant::now() + ASK_AGAIN, refused)));
        self.stands();
        Ok(())
    }

    fn stands(&self) {
        let resumed = self.welcome.session_present;
        tracing::info!(remote = self.options().name, resumed, "connected");
        self.remote.status.turn(State::Connected);
    }

    /// One of our own messages on its way out.
    fn publish(&mut self, message: Message, id: Option<u16>) {
        let protocol = self.options().protocol;
        let qos = message.qos.min(self.welcome.max_qos).min(1);
        let pkid = if message.qos > 0 { id.unwrap_or_else(|| self.remote.outbox.free_id()) } else { 0 };
        let outgoing = publish::Outgoing {
            topic: &message.topic,
            payload: &message.payload,
            pkid,
            qos,
            retain: message.retain && self.welcome.retain,
            dup: qos > 0 && id.is_some(),
            expiry: None,
            ids: &[],
            properties: &[],
        };
        if outgoing.len(protocol) > self.welcome.max_packet {
            let why = format!("a message on {:?} is too large for the broker and was given up", message.topic);
            tracing::warn!(remote = self.options().name, "{why}");
            self.remote.status.failed(&why);
            if message.qos > 0 {
                self.remote.outbox.unsendable();
            }
            return;
        }
        outgoing.encode(protocol, &mut self.transport.out);
        if message.qos > 0 {
            self.remote.outbox.sent(pkid);
            if qos > 0 {
                self.under_way += 1;
                return;
            }
            // The broker takes nothing better than 0: then there is nothing to wait for.
            self.remote.outbox.acknowledged(pkid);
        }
        self.remote.status.note(|s| s.published += 1);
    }

    pub(super) fn published(&mut self, ack: Result<(u16, u8), Refusal>) -> Result<(), Fault> {
        let (pkid, code) = ack.map_err(|what| self.malformed(what))?;
        let outbox = &self.remote.outbox;
        if let Some(patience) = fault::patience(code) {
            let now = Instant::now();
            let Some(Refused { topic, then }) = outbox.refused(pkid, now.into_std(), patience) else { return Ok(()) };
            self.under_way -= 1;
            self.remote.status.refused(&fault::not_published(&topic, code, then), then != Then::GivenUp);
            if then == Then::Again && self.held.is_none() {
                self.held = Some(Instant::now() + self.pauses.after(Duration::ZERO, false));
            }
        } else if outbox.acknowledged(pkid) {
            self.under_way -= 1;
            self.pauses.reset();
            self.remote.status.note(|s| s.published += 1);
        }
        Ok(())
    }

    /// When [`Session::tick`] has something to look at.
    fn deadline(&self) -> Instant {
        let mut all = vec![self.ping, self.heard + self.mute_after()];
        all.extend(self.stuck.map(|since| since + WRITE_PATIENCE));
        all.extend(self.held);
        match &self.asked {
            Asked::Pending(since, _) => all.push(*since + PATIENCE),
            Asked::Answered(again) => all.extend(again.iter().map(|(at, _)| *at)),
        }
        all.extend(self.ending.map(|since| since + self.options().stop_patience));
        all.into_iter().min().unwrap_or(self.ping)
    }

    fn mute_after(&self) -> Duration {
        self.keep_alive + self.keep_alive / 2
    }

    fn tick(&mut self) -> Result<(), Fault> {
        let now = Instant::now();
        let options = self.options();
        let address = || options.address();
        if self.stuck.is_some_and(|since| since + WRITE_PATIENCE <= now) {
            return Err(Fault::Stuck { address: address(), seconds: WRITE_PATIENCE.as_secs() });
        }
        if !self.may_read() {
            // It may have spoken; we did not listen.
            self.heard = now;
        }
        if self.heard + self.mute_after() <= now {
            return Err(Fault::Mute { address: address(), seconds: self.mute_after().as_secs() });
        }
        match &mut self.asked {
            Asked::Pending(since, _) if *since + PATIENCE <= now => {
                return Err(Fault::Unsubscribed { address: address(), seconds: PATIENCE.as_secs() });
            }
            Asked::Answered(again) if again.as_ref().is_some_and(|(at, _)| *at <= now) => {
                let which = again.take().map(|(_, which)| which).unwrap_or_default();
                self.subscribe(which);
            }
            _ => {}
        }
        self.held = self.held.filter(|until| *until > now);
        if self.ping <= now {
            client::put_ping(&mut self.transport.out);
            self.ping = now + self.keep_alive;
        }
        Ok(())
    }

    /// Begins the orderly end.
    fn end(&mut self) {
        self.ending = Some(Instant::now());
        // What is to be said last does not wait for what was refused before.
        self.held = None;
        if let Some(presence) = &self.presence {
            self.remote.outbox.last_words(presence.will.clone());
        }
    }

    fn is_over(&self) -> bool {
        let Some(since) = self.ending else { return false };
        let done = self.flow.is_empty() && self.transport.is_idle() && self.remote.outbox.outstanding() == 0;
        done || since.elapsed() >= self.options().stop_patience
    }

    /// Where what the will says has been said, the will is not needed. Where not, the connection is closed without a
    /// farewell, and the will speaks.
    async fn goodbye(mut self) {
        if self.presence.is_none() || self.remote.outbox.last_words_heard() {
            client::put_goodbye(&mut self.transport.out);
        }
        let last = async {
            self.transport.writer.write_all(&self.transport.out).await?;
            self.transport.writer.shutdown().await
        };
        // Whoever does not take it any more need not be told.
        let _ = timeout(Duration::from_secs(1), last).await;
    }
}
