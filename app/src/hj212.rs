//! The door for monitors that speak HJ 212 over TCP.
//!
//! A connection brings segments, one after another; each is handed to the collector, and the next is read when it is on
//! disk. An upload that asks for it is answered (CN 9014) then and not before, also where it waits in quarantine: it is
//! kept. A segment that arrived damaged is kept as well and not answered, so that the monitor sends it again.
//!
//! Bounded: connections, bytes held for a segment (one segment), bytes that belong to none, and silence.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use collector::wire::hj212::{self as wire, Framer, Piece, Segment};
use collector::{Collector, Message};
use historian::CommitError;
use plant::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::Hj212;

/// Connections at once; more are closed as soon as they open.
const CONNECTIONS: usize = 1_024;
/// How long a monitor may say nothing. They report once a day at least, most once a minute.
const SILENCE: Duration = Duration::from_secs(26 * 3600);
/// How long a segment may take from its first byte to its last.
const SEGMENT: Duration = Duration::from_secs(60);
/// How long an answer may take to leave.
const ANSWER: Duration = Duration::from_secs(30);
/// So many bytes that belong to no segment end a connection.
const GARBAGE: usize = 16 << 10;
/// How long open connections may take to finish what they have read when the door closes.
const FAREWELL: Duration = Duration::from_secs(5);

/// Lets monitors in.
pub struct Monitors {
    collector: Collector,
    clock: Arc<dyn Clock>,
    topic: Arc<str>,
    /// Who may speak; empty is everybody.
    allowed: HashSet<String>,
    room: Arc<Semaphore>,
}

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The monitor closed it.
    Left,
    /// Nothing came for too long, or an answer did not leave.
    Silent,
    /// The door closes.
    Dismissed,
    /// It is not on the list.
    Stranger,
    /// It speaks something else.
    Garbage,
    /// The store does not take anything.
    Closed,
}

impl Monitors {
    /// A door to `collector`, as the settings say.
    pub fn new(collector: Collector, clock: Arc<dyn Clock>, settings: &Hj212) -> Arc<Self> {
        Arc::new(Self {
            collector,
            clock,
            topic: format!("hj212/{}", settings.site).into(),
            allowed: settings.monitors.iter().cloned().collect(),
            room: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    /// Serves until `shutdown`; then what was read is finished and the connections are closed.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut open = JoinSet::new();
        let (close, closing) = watch::channel(false);
        loop {
            let (socket, address) = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = open.join_next() => continue,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(e) => {
                        tracing::warn!("a monitor could not be let in: {e}");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Ok(permit) = self.room.clone().try_acquire_owned() else {
                tracing::warn!(%address, "{CONNECTIONS} monitors are connected; this one is turned away");
                continue;
            };
            let (door, closing) = (self.clone(), closing.clone());
            open.spawn(async move {
                let end = door.connection(socket, address, closing).await;
                tracing::debug!(%address, ?end, "a monitor left");
                drop(permit);
            });
        }
        // What waits for the disk gets its answer; what waits for the monitor ends here.
        close.send_replace(true);
        let finished = async { while open.join_next().await.is_some() {} };
        if timeout(FAREWELL, finished).await.is_err() {
            open.shutdown().await;
        }
    }

    async fn connection(&self, mut socket: TcpStream, address: SocketAddr, mut closing: watch::Receiver<bool>) -> End {
        let mut framer = Framer::default();
        let mut source: Arc<str> = format!("hj212:{address}").into();
        let mut garbage = 0;
        let mut buffer = [0; 4096];
        loop {
            let patience = if framer.held() == 0 { SILENCE } else { SEGMENT };
            let read = tokio::select! {
                read = timeout(patience, socket.read(&mut buffer)) => read,
                () = told(&mut closing) => break self.remainder(framer, source, End::Dismissed).await,
            };
            let read = match read {
                Ok(Ok(0) | Err(_)) => break self.remainder(framer, source, End::Left).await,
                Ok(Ok(n)) => n,
                Err(_) => break self.remainder(framer, source, End::Silent).await,
            };
            framer.push(&buffer[..read]);
            while let Some(piece) = framer.next_piece() {
                let bytes = match piece {
                    Piece::Segment(bytes) => bytes,
                    Piece::Garbage(bytes) => {
                        garbage += bytes.len();
                        bytes
                    }
                };
                if let Err(end) = self.piece(&mut socket, &mut source, bytes).await {
                    return end;
                }
                if garbage > GARBAGE {
                    tracing::warn!(%address, "speaks something other than HJ 212; the connection is closed");
                    return End::Garbage;
                }
            }
        }
    }

    /// One piece into the store, and its answer back.
    async fn piece(&self, socket: &mut TcpStream, source: &mut Arc<str>, bytes: Vec<u8>) -> Result<(), End> {
        let answer = match wire::decode_all(&bytes).ok().as_deref() {
            Some([segment, ..]) => {
                if !self.allowed.is_empty() && !self.allowed.contains(segment.mn) {
                    tracing::warn!(monitor = segment.mn, "is not in hj212.monitors; the connection is closed");
                    self.collector.refused(source.clone(), 1);
                    return Err(End::Stranger);
                }
                *source = format!("hj212:{}", segment.mn).into();
                answers(segment).then(|| segment.acknowledgement())
            }
            _ => None,
        };
        self.keep(source.clone(), bytes).await.map_err(|_| End::Closed)?;
        match answer {
            None => Ok(()),
            Some(answer) => match timeout(ANSWER, socket.write_all(&answer)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Left),
                Err(_) => Err(End::Silent),
            },
        }
    }

    async fn keep(&self, source: Arc<str>, bytes: Vec<u8>) -> Result<(), CommitError> {
        let message = Message::new(self.topic.clone(), bytes.into());
        self.collector.accept(source, vec![message], self.clock.now()).await?.await
    }

    /// What was left over when a connection ended is kept, to be seen.
    async fn remainder(&self, framer: Framer, source: Arc<str>, end: End) -> End {
        let rest = framer.rest();
        match rest.is_empty() || self.keep(source, rest).await.is_ok() {
            true => end,
            false => End::Closed,
        }
    }
}

/// Resolves when the door closes, also where it is gone already.
async fn told(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Whether a segment is answered: uploads that ask for it.
const fn answers(segment: &Segment<'_>) -> bool {
    segment.wants_ack() && segment.is_upload()
}

#[cfg(test)]
mod tests {
    use historian::Historian;
    use plant::{ManualClock, SeriesKey, Timestamp, Value};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_735_689_600);

    struct House {
        historian: Historian,
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<()>,
        _dir: tempfile::TempDir,
    }

    async fn house(monitors: &[&str]) -> House {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let historian = Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        let config = collector::Config { adopt: true, ..collector::Config::default() };
        let (collector, _) = Collector::new(config, historian.recorder(), historian.archive(), historian.register());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let monitors = monitors.iter().map(ToString::to_string).collect();
        let settings = Hj212 { listen: address, site: plant::Name::new("water").unwrap(), monitors };
        let (stop, stopped) = oneshot::channel::<()>();
        let door = Monitors::new(collector, clock, &settings);
        let serving = tokio::spawn(door.serve(listener, async {
            let _ = stopped.await;
        }));
        House { historian, address, stop, serving, _dir: dir }
    }

    impl House {
        fn stored(&self, point: &str) -> Vec<Value> {
            let key = SeriesKey::raw(point.parse().unwrap());
            let all = self.historian.archive().range(&key, Timestamp::MIN, Timestamp::MAX, 100).unwrap();
            all.into_iter().map(|s| s.value).collect()
        }

        fn codes(&self) -> Vec<String> {
            let all = self.historian.archive().quarantine(None, 100).unwrap();
            all.into_iter().map(|q| q.entry.code.to_string()).collect()
        }
    }

    fn upload(mn: &str, flag: u8, value: u32) -> Vec<u8> {
        let cp = format!("DataTime=20250101080000;w01018-Rtd={value},w01018-Flag=N");
        wire::encode(&format!("QN=20250101080000000;ST=32;CN=2011;PW=1;MN={mn};Flag={flag};CP=&&{cp}&&"))
    }

    async fn answer(socket: &mut TcpStream) -> Vec<u8> {
        let mut framer = Framer::default();
        let mut buffer = [0; 256];
        loop {
            let n = timeout(Duration::from_secs(20), socket.read(&mut buffer)).await.unwrap().unwrap();
            assert!(n > 0, "the connection ended before the answer");
            framer.push(&buffer[..n]);
            if let Some(Piece::Segment(bytes)) = framer.next_piece() {
                return bytes;
            }
        }
    }

    /// Reads until the other side has closed.
    async fn closed(mut socket: TcpStream) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(Duration::from_secs(20), socket.read_to_end(&mut rest)).await.unwrap().unwrap_or_default();
        rest
    }

    #[tokio::test]
    async fn an_upload_is_answered_when_it_is_on_disk() {
        let house = house(&[]).await;
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        let bytes = upload("M1", 5, 63);
        socket.write_all(&bytes[..20]).await.unwrap();
        socket.write_all(&bytes[20..]).await.unwrap();
        let bytes = answer(&mut socket).await;
        assert_eq!(house.stored("water/M1/w01018-Rtd"), [Value::Float(63.0)]);
        let answered = wire::decode_all(&bytes).unwrap();
        assert_eq!((answered[0].cn, answered[0].mn, answered[0].qn), (9014, "M1", "20250101080000000"));
        // Again, because the answer was lost on the way: answered, and stored once.
        socket.write_all(&upload("M1", 5, 63)).await.unwrap();
        answer(&mut socket).await;
        let sources = house.historian.archive().ledger_by_source().unwrap();
        let line = sources.iter().find(|l| &*l.source == "hj212:M1").unwrap();
        assert_eq!((line.received, line.committed, line.duplicates), (2, 1, 1));
        // The door waits for nobody who says nothing: the monitor is still connected.
        house.stop.send(()).unwrap();
        timeout(FAREWELL, house.serving).await.unwrap().unwrap();
        assert!(closed(socket).await.is_empty());
    }

    #[tokio::test]
    async fn what_arrives_damaged_is_kept_and_not_answered() {
        let house = house(&[]).await;
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        let mut damaged = upload("M1", 5, 63);
        damaged[80] ^= 1;
        socket.write_all(&damaged).await.unwrap();
        // One that asks for no answer, then one that does: the first answer is the last one's.
        socket.write_all(&upload("M2", 4, 1)).await.unwrap();
        socket.write_all(&upload("M3", 5, 2)).await.unwrap();
        let bytes = answer(&mut socket).await;
        assert_eq!(wire::decode_all(&bytes).unwrap()[0].mn, "M3");
        assert_eq!(house.codes(), ["hj212_crc"]);
        assert_eq!(house.stored("water/M2/w01018-Rtd"), [Value::Float(1.0)]);
        // Cut off in the middle of a segment.
        socket.write_all(&upload("M1", 5, 9)[..50]).await.unwrap();
        socket.shutdown().await.unwrap();
        assert!(closed(socket).await.is_empty());
        assert_eq!(house.codes().len(), 2);
    }

    #[tokio::test]
    async fn strangers_and_those_who_speak_something_else_are_sent_away() {
        let house = house(&["M1"]).await;
        let mut stranger = TcpStream::connect(house.address).await.unwrap();
        stranger.write_all(&upload("M2", 5, 63)).await.unwrap();
        assert!(closed(stranger).await.is_empty());
        assert!(house.stored("water/M2/w01018-Rtd").is_empty());
        let mut other = TcpStream::connect(house.address).await.unwrap();
        // The other side may close while this is still being written.
        let _ = other.write_all(&[b'x'; 32 << 10]).await;
        closed(other).await;
        assert!(house.codes().iter().all(|c| c == "hj212_frame") && !house.codes().is_empty());
        let mut known = TcpStream::connect(house.address).await.unwrap();
        known.write_all(&upload("M1", 5, 7)).await.unwrap();
        answer(&mut known).await;
        assert_eq!(house.stored("water/M1/w01018-Rtd"), [Value::Float(7.0)]);
    }
}
