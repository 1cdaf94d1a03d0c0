//! What one connection has under way: how many publishes, since when, and how long their acknowledgements took.
//!
//! What it holds does not grow with the time it runs: times of publishes by packet id, and a histogram.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Ids};

/// Steps of the histogram a factor of e: each is 5 % wide.
const STEPS: f64 = 20.0;
const WIDTH: usize = 400;

/// What one connection has under way.
pub struct Flight {
    /// Times are counted from here.
    pub begun: Instant,
    /// When the message of each packet id was sent, nanoseconds since `begun`.
    sent: Vec<AtomicU64>,
    open: Mutex<usize>,
    room: Condvar,
    cut: AtomicBool,
    window: usize,
}

/// What came of one connection.
pub struct Outcome<T> {
    /// What its publisher made of it.
    pub published: T,
    pub acked: u64,
    pub cut: bool,
    /// Acknowledgements by the logarithm of their time in microseconds.
    pub times: Vec<u64>,
    pub worst: Duration,
}

impl Flight {
    /// Runs `publish` on `client`, with what reads the acknowledgements beside it, until all are there or the connection
    /// is cut.
    pub fn fly<T>(
        mut client: Client,
        window: usize,
        publish: impl FnOnce(&mut Client, &Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<Outcome<T>> {
        let reader = Client { socket: client.socket.try_clone()?, out: Vec::new(), input: Vec::new() };
        let flight = Self {
            begun: Instant::now(),
            sent: (0..=u16::MAX).map(|_| AtomicU64::new(0)).collect(),
            open: Mutex::new(0),
            room: Condvar::new(),
            cut: AtomicBool::new(false),
            window,
        };
        thread::scope(|scope| {
            let acks = scope.spawn(|| flight.acknowledged(reader));
            let published = publish(&mut client, &flight);
            // Everything is acknowledged, or the connection is gone; then nothing more comes.
            let open = flight.open.lock().unwrap_or_else(PoisonError::into_inner);
            let done = |open: &mut usize| *open > 0 && !flight.is_cut();
            drop(flight.room.wait_while(open, done).unwrap_or_else(PoisonError::into_inner));
            let cut = flight.is_cut();
            client.socket.shutdown(std::net::Shutdown::Both).ok();
            let (times, worst) = acks.join().map_err(|_| anyhow::anyhow!("a reader's thread panicked"))?;
            Ok(Outcome { published: published?, acked: times.iter().sum(), cut, times, worst })
        })
    }

    /// Whether the connection is gone.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Publishes when there is room for one more under way. Gives when it went out.
    pub fn publish(&self, client: &mut Client, ids: &mut Ids, topic: &str, payload: &[u8]) -> Duration {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |open: &mut usize| *open >= self.window && !self.is_cut();
        *self.room.wait_while(open, full).unwrap_or_else(PoisonError::into_inner) += 1;
        let now = self.begun.elapsed();
        let id = ids.next();
        self.sent[id as usize].store(now.as_nanos() as u64, Ordering::Release);
        client.push(topic, id, payload);
        if client.flush().is_err() {
            self.cut.store(true, Ordering::Release);
        }
        now
    }

    fn acknowledged(&self, mut reader: Client) -> (Vec<u64>, Duration) {
        let (mut times, mut worst) = (vec![0; WIDTH], Duration::ZERO);
        loop {
            let now = |id: u16| {
                let sent = Duration::from_nanos(self.sent[id as usize].load(Ordering::Acquire));
                self.begun.elapsed().saturating_sub(sent)
            };
            let step: io::Result<usize> = reader.acks(|id| {
                let took = now(id);
                worst = worst.max(took);
                let at = (took.as_secs_f64() * 1e6).max(1.0).ln() * STEPS;
                times[(at as usize).min(WIDTH - 1)] += 1;
            });
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            match step {
                Ok(n) => *open -= n.min(*open),
                Err(_) => {
                    self.cut.store(true, Ordering::Release);
                    self.room.notify_all();
                    return (times, worst);
                }
            }
            self.room.notify_all();
        }
    }
}

/// Acknowledgement times of several connections as one.
pub fn together<T>(outcomes: &[Outcome<T>]) -> Vec<u64> {
    (0..WIDTH).map(|i| outcomes.iter().map(|o| o.times[i]).sum()).collect()
}

/// In milliseconds, from above.
pub fn quantile(times: &[u64], share: f64) -> f64 {
    let wanted = (times.iter().sum::<u64>() as f64 * share).ceil();
    let mut seen = 0;
    let at = times.iter().position(|n| {
        seen += n;
        seen as f64 >= wanted
    });
    ((at.unwrap_or(0) + 1) as f64 / STEPS).exp() / 1e3
}

/// Runs `each` for every connection on a thread of its own.
pub fn side_by_side<T: Send>(
    clients: usize,
    each: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let each = &each;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|c| scope.spawn(move || each(c))).collect();
        let joined =
            threads.into_iter().map(|t| t.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))?);
        joined.collect()
    })
}
