//! How fast the door is, beside mosquitto in the same run.
//!
//! ```text
//! cargo run --release -p broker --example loopback
//! ```
//! The broker, the load and mosquitto are each a process of their own on the loopback interface. The intake here says
//! at once that everything is durable: this measures the door, not the store. mosquitto is left out when it is not
//! installed. Processor time is what the system accounts to the broker's process.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(clippy::print_stdout, reason = "its result is its output")]

use std::error::Error;
use std::future::{pending, ready};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use broker::{
    Authenticator, BoxFuture, Broker, ClientInfo, Config, Denied, Identity, Intake, IntakeClosed, Login, Publish, Rate,
    Receipt,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENTS: usize = 8;
const PAYLOAD: usize = 200;

fn main() -> Outcome<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["serve"] => serve(),
        ["load", what, address] => load(what, address.parse()?),
        _ => Err("expected no arguments".into()),
    }
}

// The broker's process.

/// Counts what it is given.
#[derive(Default)]
struct Nowhere {
    messages: AtomicUsize,
    batches: AtomicUsize,
    bytes: AtomicUsize,
}

impl Intake for Nowhere {
    fn accept(&self, _: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
        self.messages.fetch_add(batch.len(), Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(batch.iter().map(|publish| publish.payload.len()).sum(), Ordering::Relaxed);
        Box::pin(ready(Ok(Box::pin(ready(Ok(()))) as Receipt)))
    }

    fn refused(&self, _: Arc<ClientInfo>, _: u64, _: &'static str) {}
}

impl Authenticator for Nowhere {
    fn verify(&self, _: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        Box::pin(ready(Err(Denied::Credentials)))
    }
}

fn serve() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let config = Config {
            anonymous: true,
            // What the door can do is measured, not what it allows.
            publish_rate: Rate::UNLIMITED,
            publish_bytes: Rate::UNLIMITED,
            ..Config::default()
        };
        let intake = Arc::new(Nowhere::default());
        let broker = Broker::new(config, intake.clone(), intake.clone())?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        thread::spawn(move || report(&intake));
        broker.serve(listener, None, pending()).await?;
        Ok(())
    })
}

/// Answers each line on standard input with what the intake was given so far.
fn report(intake: &Nowhere) {
    for _ in std::io::stdin().lines() {
        let of = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!("{} {} {}", of(&intake.messages), of(&intake.batches), of(&intake.bytes));
    }
}

// The process that starts the others.

struct Server {
    process: Child,
    address: SocketAddr,
    /// Our broker's standard output.
    output: Option<BufReader<ChildStdout>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn ours() -> Outcome<Server> {
        let mut process =
            Command::new(env::current_exe()?).arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?);
        output.read_line(&mut line)?;
        Ok(Server { process, address: line.trim().parse()?, output: Some(output) })
    }

    fn mosquitto() -> Outcome<Server> {
        let address = StdListener::bind("127.0.0.1:0")?.local_addr()?;
        let mosquitto = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find_map(|path| {
            let port = address.port().to_string();
            Command::new(path).args(["-p", &port]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        });
        let server = Server { process: mosquitto.ok_or("mosquitto is not installed")?, address, output: None };
        while TcpStream::connect(address).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Seconds of processor time so far; field 14 and 15 of proc(5) stat, in hundredths.
    fn cpu(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = stat.rsplit(')').next().ok_or("stat")?.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>()).sum::<Result<_, _>>()?;
        Ok(ticks as f64 / 100.0)
    }

    fn resident_kib(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("VmRSS")?.parse()?)
    }

    /// What our intake was given so far.
    fn taken(&mut self) -> Outcome<String> {
        let (Some(output), Some(input)) = (&mut self.output, &mut self.process.stdin) else { return Ok(String::new()) };
        input.write_all(b"\n")?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        let [messages, batches, bytes] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(line.into());
        };
        Ok(format!("; the intake got {messages} messages ({bytes} bytes) in {batches} batches"))
    }

    fn run(&mut self, what: &str) -> Outcome<String> {
        let before = self.cpu()?;
        let address = self.address.to_string();
        let output =
            Command::new(env::current_exe()?).args(["load", what, &address]).stderr(Stdio::inherit()).output()?;
        let result = String::from_utf8(output.stdout)?;
        let cpu = self.cpu()? - before;
        Ok(format!("{}  broker CPU {cpu:.2} s{}", result.trim(), self.taken()?))
    }
}

fn compare() -> Outcome<()> {
    for what in ["qos1", "fanout", "latency", "connects"] {
        for (name, server) in [("danxia", Server::ours()), ("mosquitto", Server::mosquitto())] {
            match server {
                Ok(mut server) => println!("{what:8} {name:9} {}", server.run(what)?),
                Err(error) => println!("{what:8} {name:9} left out: {error}"),
            }
        }
    }
    for (name, server) in [("danxia", Server::ours()), ("mosquitto", Server::mosquitto())] {
        if let Ok(server) = server {
            println!("memory   {name:9} {:.1} KiB for each idle connection", idle(&server)?);
        }
    }
    Ok(())
}

/// What an idle connection that has published takes, in KiB.
fn idle(server: &Server) -> Outcome<f64> {
    const OPEN: usize = 900;
    let mut open = Vec::new();
    let mut before = 0.0;
    for n in 0..OPEN + 100 {
        if n == 100 {
            // The first hundred have the threads fetch what they need themselves.
            before = server.resident_kib()?;
        }
        let mut socket = connect(server.address, &format!("idle-{n}"))?;
        socket.write_all(&publish(&format!("site/machine-{n}/telemetry"), 1, 1))?;
        socket.read_exact(&mut [0; 4])?;
        open.push(socket);
    }
    Ok((server.resident_kib()? - before) / OPEN as f64)
}

// The load's process: as much MQTT 3.1.1 as it needs, over blocking sockets, so that it costs little itself.

fn load(what: &str, address: SocketAddr) -> Outcome<()> {
    match what {
        "qos1" => qos1(address),
        "fanout" => fanout(address),
        "latency" => latency(address),
        "connects" => connects(address),
        _ => Err(format!("unknown load {what}").into()),
    }
}

fn connect(address: SocketAddr, id: &str) -> Outcome<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut packet = vec![0x10, 12 + id.len() as u8, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, id.len() as u8];
    packet.extend_from_slice(id.as_bytes());
    socket.write_all(&packet)?;
    let mut connack = [0; 4];
    socket.read_exact(&mut connack)?;
    if connack == [0x20, 2, 0, 0] { Ok(socket) } else { Err(format!("CONNACK {connack:?}").into()) }
}

fn publish(topic: &str, qos: u8, pkid: u16) -> Vec<u8> {
    let len = 2 + topic.len() + if qos > 0 { 2 } else { 0 } + PAYLOAD;
    let mut packet = vec![0x30 | qos << 1, len as u8 & 0x7f | 0x80, (len >> 7) as u8, 0, topic.len() as u8];
    packet.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        packet.extend_from_slice(&pkid.to_be_bytes());
    }
    packet.resize(3 + len, b'x');
    packet
}

fn qos1(address: SocketAddr) -> Outcome<()> {
    const EACH: usize = 200_000;
    const WINDOW: usize = 1_000;
    let start = Arc::new(Barrier::new(CLIENTS + 1));
    let publisher = |n: usize| {
        let start = start.clone();
        thread::spawn(move || -> Outcome<()> {
            let mut socket = connect(address, &format!("load-{n}"))?;
            let topic = format!("site/machine-{n}/telemetry");
            let burst: Vec<u8> = (1..=100).flat_map(|pkid| publish(&topic, 1, pkid)).collect();
            let mut acks = vec![0; 4 * 100];
            start.wait();
            for sent in (0..EACH).step_by(100) {
                socket.write_all(&burst)?;
                if sent >= WINDOW {
                    socket.read_exact(&mut acks)?;
                }
            }
            (0..WINDOW / 100).try_for_each(|_| socket.read_exact(&mut acks))?;
            Ok(())
        })
    };
    let publishers: Vec<_> = (0..CLIENTS).map(publisher).collect();
    // Before the barrier opens: this thread may be the last of all to run after it.
    let started = Instant::now();
    start.wait();
    for publisher in publishers {
        publisher.join().map_err(|_| "a publisher panicked")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{:9.0} msg/s QoS 1 acknowledged", (CLIENTS * EACH) as f64 / seconds);
    Ok(())
}

fn fanout(address: SocketAddr) -> Outcome<()> {
    const MESSAGES: usize = 500_000;
    let mut subscriber = connect(address, "subscriber")?;
    subscriber.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0])?;
    subscriber.read_exact(&mut [0; 5])?;
    subscriber.set_read_timeout(Some(Duration::from_secs(2)))?;
    let packet = publish("site/machine/telemetry", 0, 0);
    let size = packet.len();
    let received = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let counting = {
        let received = received.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 18];
            let mut last = Instant::now();
            while received.load(Ordering::Relaxed) < MESSAGES * size {
                match subscriber.read(&mut buffer) {
                    Ok(n) if n > 0 => _ = received.fetch_add(n, Ordering::Relaxed),
                    _ => break,
                }
                last = Instant::now();
            }
            last
        })
    };
    let mut publisher = connect(address, "publisher")?;
    let burst: Vec<u8> = packet.iter().copied().cycle().take(size * 100).collect();
    for _ in 0..MESSAGES / 100 {
        publisher.write_all(&burst)?;
    }
    let seconds = (counting.join().map_err(|_| "the subscriber panicked")? - started).as_secs_f64();
    let got = received.load(Ordering::Relaxed) / size;
    println!("{:9.0} msg/s QoS 0 from one to one, {} of {MESSAGES} lost", got as f64 / seconds, MESSAGES - got);
    Ok(())
}

fn latency(address: SocketAddr) -> Outcome<()> {
    const RATE: f64 = 5_000.0;
    let mut socket = connect(address, "paced")?;
    let packet = publish("site/machine/telemetry", 1, 1);
    let mut times = Vec::new();
    let started = Instant::now();
    for n in 0..20_000 {
        let due = Duration::from_secs_f64(f64::from(n) / RATE);
        while started.elapsed() < due {
            std::hint::spin_loop();
        }
        let sent = Instant::now();
        socket.write_all(&packet)?;
        socket.read_exact(&mut [0; 4])?;
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    let at = |part: f64| times[(times.len() as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("PUBACK p50 {:.3} ms, p99 {:.3} ms, one at a time, at most {RATE} msg/s", at(0.5), at(0.99));
    Ok(())
}

fn connects(address: SocketAddr) -> Outcome<()> {
    let started = Instant::now();
    for n in 0..2_000 {
        connect(address, &format!("c-{n}"))?;
    }
    println!("{:9.2} s for 2000 connects", started.elapsed().as_secs_f64());
    Ok(())
}
