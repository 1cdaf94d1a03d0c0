//! One client that was let in: a single task that reads, hands on, acknowledges and writes.
//!
//! It is one future that looks at everything it may have to do and does what is ready, so a connection at rest costs no
//! more than this struct, and one under load handles a whole read with a single hand-over and a single write.

mod access;
mod pipeline;
mod read;
mod topics;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Duration, Instant, Sleep, sleep_until, timeout};

use crate::broker::Broker;
use crate::clients::Record;
use crate::codec::answers::{self, Reasons};
use crate::codec::{kind, publish};
use crate::intake::{ClientInfo, Protocol, Publish};
use crate::refusal::Refusal;
use crate::rights::Rights;
use crate::router::link::Link;
use crate::router::session::Session;
use access::Pace;
use pipeline::{Failed, Outcome, Pipeline};
use topics::Topics;

/// How much is read at once. The buffer belongs to the thread, so an idle connection holds none.
const READ: usize = 256 * 1024;

/// How much is encoded for a client before it has taken what was there.
const WRITE: usize = 64 * 1024;

/// Rounds before other connections of this thread get their turn.
const ROUNDS: usize = 16;

/// How long we go on reading from a client that was told to go, so that it gets to read why.
const LINGER: Duration = Duration::from_millis(500);

/// How long a client that is told of a stop may take or acknowledge nothing of what waits for it, before it is closed
/// without more.
const UNREAD: Duration = Duration::from_secs(1);

/// The most topic aliases of a client.
pub(crate) const ALIASES: u16 = 64;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a DISCONNECT: whether the will is to be published all the same, and a changed expiry of the session.
    Left { will: bool, expiry: Option<u32> },
    /// The socket closed or broke.
    Lost(String),
    /// By us.
    Refused(Refusal),
}

/// What a connection is made of.
pub(crate) struct Admitted {
    pub broker: Arc<Broker>,
    pub info: Arc<ClientInfo>,
    pub session: Arc<Session>,
    pub link: Arc<Link>,
    pub record: Arc<Record>,
    pub rights: Arc<Rights>,
    /// What came behind the CONNECT.
    pub unread: BytesMut,
    /// What goes out first.
    pub out: BytesMut,
    /// In seconds; 0 is never.
    pub keep_alive: u16,
    /// Whether it is told more than a code, and the largest packet it takes.
    pub reasons: Reasons,
    /// It asked for a session that ends with its connection.
    pub ends: bool,
}

/// A connection.
pub(crate) struct Connection<S> {
    io: S,
    at: Admitted,
    topics: Topics,
    aliases: Vec<Option<Arc<str>>>,
    pipeline: Pipeline,
    batch: Vec<Publish>,
    outcome: Outcome,
    ending: Option<Ending>,
    /// The socket is of no use any more.
    dead: bool,
    unflushed: bool,
    heard: Instant,
    keep_alive: Option<Duration>,
    /// Since when the client takes nothing of what waits for it.
    stuck: Option<Instant>,
    /// Until when what waits for the client is written, once it has been told of a stop.
    last_words: Option<Instant>,
    /// Since when it has acknowledged nothing, while what waits for it is written: what is queued beyond its window can
    /// only follow its acknowledgements.
    unanswered: Option<Instant>,
    pace: Box<Pace>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(io: S, at: Admitted) -> Connection<S> {
        let now = Instant::now();
        let keep_alive = (at.keep_alive > 0).then(|| Duration::from_millis(1_500 * u64::from(at.keep_alive)));
        let mut connection = Connection {
            io,
            topics: Topics::new(at.broker.limits(), at.rights.clone()),
            pace: Box::new(Pace::new(&at.broker, now)),
            at,
            aliases: Vec::new(),
            pipeline: Pipeline::default(),
            batch: Vec::new(),
            outcome: Outcome::default(),
            ending: None,
            dead: false,
            unflushed: false,
            heard: now,
            keep_alive,
            stuck: None,
            last_words: None,
            unanswered: None,
            timer: None,
        };
        if let Some(keep_alive) = keep_alive {
            connection.arm(now + keep_alive);
        }
        connection
    }

    /// Serves the client until it or we end it, and everything it published has been committed and fanned out.
    /// Yields how it ended, and what is left to say goodbye.
    pub async fn run(mut self) -> (Ending, Goodbye<S>) {
        self.decode();
        let ending = poll_fn(|context| self.poll(context)).await;
        let Admitted { mut out, info, broker, reasons, .. } = self.at;
        if let Ending::Refused(refusal) = ending {
            answers::put_disconnect(&mut out, info.protocol, refusal, reasons.most);
        }
        let stopping = ending == Ending::Refused(Refusal::Stopping);
        let patience = broker.config().write_timeout.min(if stopping { UNREAD } else { Duration::MAX });
        let linger = matches!(ending, Ending::Refused(_));
        (ending, Goodbye { io: (!self.dead).then_some(self.io), out, patience, linger })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        if let Some(why) = self.at.link.register(context.waker()) {
            self.end(Ending::Refused(why));
        }
        for _ in 0..ROUNDS {
            let mut moved = self.poll_pipeline(context);
            if self.is_over()
                && let Some(ending) = self.ending.take()
            {
                return Poll::Ready(ending);
            }
            moved |= self.fill();
            moved |= self.poll_write(context);
            moved |= self.poll_read(context);
            if !moved && !self.poll_timer(context) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&mut self, ending: Ending) {
        self.dead |= matches!(ending, Ending::Lost(_));
        if self.ending.is_none() && ending == Ending::Refused(Refusal::Stopping) {
            self.say_last_words(Instant::now());
        }
        self.ending.get_or_insert(ending);
    }

    /// A stop takes nothing away from a client that was queued for it before: that is still written, for at most half
    /// the patience of the stop, and as long as the client takes it and acknowledges what it has. Sessions do not outlive
    /// the service, so this is the last chance, whatever expiry the client asked for.
    fn say_last_words(&mut self, now: Instant) {
        let until = now + self.at.broker.config().stop_patience / 2;
        self.last_words = Some(until);
        self.unanswered = Some(now);
        let until = until.min(now + UNREAD);
        let stuck = self.stuck.map(|since| since + self.write_patience());
        self.arm(stuck.map_or(until, |stuck| stuck.min(until)));
    }

    /// How long the client may leave what we wrote unread.
    fn write_patience(&self) -> Duration {
        let patience = self.at.broker.config().write_timeout;
        if self.last_words.is_some() { patience.min(UNREAD) } else { patience }
    }

    /// Whether nothing is left to do before the connection ends.
    fn is_over(&self) -> bool {
        let (session, link) = (&self.at.session, &self.at.link);
        let more = || if self.unanswered.is_some() { session.waits(link) } else { session.has_more(link) };
        let said = || self.at.out.is_empty() && !more();
        self.pipeline.is_empty() && (self.dead || self.last_words.is_none() || said())
    }

    fn poll_pipeline(&mut self, context: &mut Context<'_>) -> bool {
        let had_room = self.pipeline.room.is_none();
        let moved = self.pipeline.poll(context, self.at.broker.router(), &mut self.topics, &mut self.at.out);
        if let (true, Some(room)) = (had_room, &self.pipeline.room) {
            let until = room.since + self.at.broker.config().subscriber_patience;
            self.arm(until);
        }
        match moved {
            Ok(moved) => moved,
            Err(Failed(acks)) => {
                for pkid in publish::acked(&acks, kind::PUBREC) {
                    self.at.session.release(pkid);
                }
                self.end(Ending::Refused(Refusal::IntakeClosed));
                true
            }
        }
    }

    /// Takes what waits for the client.
    fn fill(&mut self) -> bool {
        let ending = self.ending.is_some() && self.last_words.is_none();
        if ending || self.dead || self.at.out.len() >= WRITE {
            return false;
        }
        self.at.session.fill(&self.at.link, &mut self.at.out, WRITE, Instant::now())
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while !self.dead && !self.at.out.is_empty() {
            match Pin::new(&mut self.io).poll_write(context, &self.at.out) {
                Poll::Pending => {
                    if self.stuck.is_none() {
                        let now = Instant::now();
                        self.stuck = Some(now);
                        self.arm(now + self.write_patience());
                    }
                    return moved;
                }
                Poll::Ready(Ok(0)) => self.end(Ending::Lost("the client closed the connection".to_owned())),
                Poll::Ready(Ok(written)) => self.at.out.advance(written),
                Poll::Ready(Err(error)) => self.end(lost(&error)),
            }
            self.stuck = None;
            self.unflushed = true;
            moved = true;
        }
        if moved {
            self.at.out = BytesMut::new();
        }
        if self.unflushed && !self.dead {
            match Pin::new(&mut self.io).poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => self.end(lost(&error)),
            }
        }
        moved
    }

    /// Whether there is room for more of the client's messages.
    fn may_read(&self) -> bool {
        let config = self.at.broker.config();
        if self.ending.is_some() {
            // Its acknowledgements only, see `decode_last`.
            return self.unanswered.is_some() && !self.dead && self.at.session.waits(&self.at.link);
        }
        self.pace.until.is_none()
            && !self.pipeline.is_blocked()
            && self.pipeline.messages < config.in_flight_messages
            && self.pipeline.bytes < config.in_flight_bytes
            && self.at.out.len() < WRITE
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> bool {
        if !self.may_read() {
            return false;
        }
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            let read = Pin::new(&mut self.io).poll_read(context, &mut buffer);
            read.map_ok(|()| {
                self.at.unread.extend_from_slice(buffer.filled());
                buffer.filled().len()
            })
        });
        match read {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => self.end(Ending::Lost("the client closed the connection".to_owned())),
            Poll::Ready(Err(error)) => self.end(lost(&error)),
            Poll::Ready(Ok(read)) => {
                self.heard = Instant::now();
                if self.ending.is_some() {
                    self.decode_last(self.heard);
                } else {
                    self.decode();
                    self.pay(read, self.heard);
                }
            }
        }
        true
    }

    /// Has the timer run at `at` or before.
    fn arm(&mut self, at: Instant) {
        match &mut self.timer {
            Some(timer) if timer.deadline() <= at && !timer.is_elapsed() => {}
            Some(timer) => timer.as_mut().reset(at),
            None => self.timer = Some(Box::pin(sleep_until(at))),
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let Some(timer) = &mut self.timer else { return false };
        if timer.as_mut().poll(context).is_pending() {
            return false;
        }
        let now = Instant::now();
        let next = [
            self.check_keep_alive(now),
            self.check_stuck(now),
            self.check_room(now),
            self.check_pace(now),
            self.check_last_words(now),
            self.check_unanswered(now),
        ];
        match next.into_iter().flatten().min() {
            Some(next) => self.arm(next),
            None => self.timer = None,
        }
        true
    }

    fn check_keep_alive(&mut self, now: Instant) -> Option<Instant> {
        let keep_alive = self.keep_alive?;
        if !self.may_read() {
            // It may have spoken; we did not listen.
            self.heard = now;
        }
        if self.heard + keep_alive <= now {
            self.end(Ending::Refused(Refusal::KeepAlive));
        }
        Some(self.heard + keep_alive).filter(|_| self.ending.is_none())
    }

    fn check_stuck(&mut self, now: Instant) -> Option<Instant> {
        let until = self.stuck? + self.write_patience();
        if until <= now {
            self.end(Ending::Refused(Refusal::WriteTimeout));
            self.dead = true;
            self.stuck = None;
        }
        self.stuck.map(|_| until)
    }

    fn check_last_words(&mut self, now: Instant) -> Option<Instant> {
        let until = self.last_words?;
        self.dead |= until <= now;
        (until > now).then_some(until)
    }

    fn check_unanswered(&mut self, now: Instant) -> Option<Instant> {
        self.unanswered = self.unanswered.filter(|since| *since + UNREAD > now);
        self.unanswered.map(|since| since + UNREAD)
    }

    fn check_room(&mut self, now: Instant) -> Option<Instant> {
        let patience = self.at.broker.config().subscriber_patience;
        let room = self.pipeline.room.as_mut()?;
        if room.since + patience <= now {
            let taken = room.session.taken();
            if taken == room.taken {
                room.session.stall();
                return None;
            }
            (room.taken, room.since) = (taken, now);
        }
        Some(room.since + patience)
    }

    fn is_v5(&self) -> bool {
        self.at.info.protocol == Protocol::V5
    }
}

fn lost(error: &io::Error) -> Ending {
    Ending::Lost(error.to_string())
}

/// The last words to a client.
pub(crate) struct Goodbye<S> {
    io: Option<S>,
    out: BytesMut,
    patience: Duration,
    linger: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Goodbye<S> {
    /// For a client that was not let in. Who is told nothing is not waited for.
    pub fn refused(io: S, out: BytesMut, patience: Duration) -> Goodbye<S> {
        let linger = !out.is_empty();
        Goodbye { io: Some(io), out, patience, linger }
    }

    /// Writes what is left to write and closes. What the client still sends is read and thrown away for a moment:
    /// otherwise the system would answer it with a reset, which takes the reason away from under the client.
    pub async fn say(self) {
        let Goodbye { io, out, patience, linger } = self;
        let Some(mut io) = io else { return };
        let written = timeout(patience, async {
            io.write_all(&out).await?;
            io.shutdown().await
        });
        if linger && matches!(written.await, Ok(Ok(()))) {
            let mut waste = vec![0; 16 * 1024];
            let reading = async { while matches!(io.read(&mut waste).await, Ok(n) if n > 0) {} };
            // Whether it ends by itself or by the clock is the same to us.
            let _ = timeout(LINGER, reading).await;
        }
    }
}
