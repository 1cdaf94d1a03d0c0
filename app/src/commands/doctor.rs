//! `danxia doctor`: is this computer, and the instance on it, fit? Every failure prints its fix.

mod https;
mod influx;
mod notify;
mod oidc;

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use historian::{DiskPolicy, Level, Probe};
use plant::{Clock, PointId, SeriesKey, Timestamp};
use seeds::publisher::{Options, Publisher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::Exit;
use crate::cli::Doctor;
use crate::clock::SystemClock;
use crate::config::{Settings, Sources, Tls};
use crate::devices::authority::Authority;
use crate::disk::FileSystem;
use crate::instance::Instance;
use crate::ports::Ports;
use crate::stage::Switch;
use crate::{descriptors, platform, tls};

/// Below this much free space the store is in danger, whatever its budget.
const LEAST_FREE: u64 = 2 << 30;
/// A flush slower than this shows in every acknowledgement.
const SLOW_SYNC: Duration = Duration::from_millis(50);
/// At the present rate the disk lasts for fewer days than this.
const SOON_FULL: f64 = 30.0;
/// How long the message from end to end may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The clock is wrong before this: the program is younger (2026-01-01T00:00:00Z).
const YOUNGEST: i64 = 1_767_225_600;

/// A certificate with less than this left is to be renewed.
const DAYS_LEFT: i64 = 30;
/// How many devices are named.
const NAMED: usize = 5;

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    /// What was seen, or what is wrong and how to mend it.
    seen: Result<String, String>,
    /// Whether what is wrong can wait: it is said, and the instance is fit.
    can_wait: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.seen {
            Ok(s) => write!(f, "ok    {:9} {s}", self.what),
            Err(s) if self.can_wait => write!(f, "warn  {:9} {s}", self.what),
            Err(s) => write!(f, "FAIL  {:9} {s}", self.what),
        }
    }
}

/// Looks at everything and prints it; fails where anything does.
pub async fn run(args: &Doctor) -> anyhow::Result<Exit> {
    let settings = Sources::new(args.common.config.as_deref(), args.common.flags())?.settings()?;
    let mut out = io::stdout().lock();
    let mut well = true;
    let mut say = |what, seen: Result<String, String>| {
        let can_wait = matches!(what, "budget" | "expiry" | "files" | "flush" | "growth" | "oidc" | "trust");
        well &= seen.is_ok() || can_wait;
        writeln!(out, "{}", Finding { what, seen, can_wait })
    };
    say("clock", clock(SystemClock.now(), &settings.time_zone))?;
    say("disk", disk(&FileSystem, &settings.data, &settings.store.disk))?;
    say("budget", budget(&settings.data, &settings.store.disk))?;
    say("files", descriptors::enough(settings.mqtt.max_connections, descriptors::raise()))?;
    let flushed = flush(&settings.data);
    say("writing", flushed.as_ref().map(|_| "the directory can be written".into()).map_err(Clone::clone))?;
    if let Ok(median) = flushed {
        say("flush", slow(median))?;
    }
    say("secrets", secrets(&settings.data))?;
    say("expiry", expiry(&settings.data, SystemClock.now()))?;
    if let Some(settings) = &settings.influx {
        for (what, seen) in influx::checks(settings).await {
            say(what, seen)?;
        }
    }
    if let Some(settings) = &settings.notify {
        say("notify", notify::check(settings).await)?;
    }
    if let Some(settings) = &settings.http.oidc {
        say("oidc", oidc::check(settings).await)?;
    }
    if let Some(ready) = get(&settings, "/readyz").await {
        say("instance", instance(settings.http.listen, &ready))?;
        if let Some(tls) = &settings.http.tls {
            say("trust", https::check(tls, &settings.data).await)?;
        }
        if let Some((200, report)) = get(&settings, "/api/v1/store").await {
            say("growth", growth(&report))?;
        }
    } else {
        match settings.mqtt.listen {
            Some(listen) => say("mqtt", port("MQTT", listen, "--mqtt").await)?,
            None => say("mqtt", shut(&settings))?,
        }
        if let Some(tls) = &settings.mqtt.tls {
            say("tls", port("MQTT over TLS", tls.listen, "mqtt.tls_listen").await)?;
        }
        say("page", port("the page", settings.http.listen, "--http").await)?;
        if let Some(tls) = &settings.http.tls {
            say("https", port("the page over TLS", tls.listen, "http.tls_listen").await)?;
        }
        for (section, tls) in [("mqtt", &settings.mqtt.tls), ("http", &settings.http.tls)] {
            for (what, seen) in tls.iter().flat_map(|tls| certificate(section, tls)) {
                say(what, seen)?;
            }
        }
        say("canary", canary(&settings).await.map_err(|e| format!("{e:#}")))?;
    }
    Ok(if well { Exit::Ok } else { Exit::Failure })
}

fn clock(now: Timestamp, zone: &str) -> Result<String, String> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(now.nanos())).map_err(|e| e.to_string())?;
    let local = time.in_tz(zone).map_err(|e| e.to_string())?;
    if now < Timestamp::from_secs(YOUNGEST) {
        return Err(format!(
            "it is {local:.0} by this computer: set the clock, or switch on time synchronisation (NTP)"
        ));
    }
    Ok(format!("{local:.0}"))
}

/// The directory itself, or the nearest above it that exists.
fn existing(dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    absolute.ancestors().find(|a| a.is_dir()).map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// The room that is left, against the budget of the store.
fn disk(probe: &impl Probe, dir: &Path, policy: &DiskPolicy) -> Result<String, String> {
    let at = existing(dir);
    let space = probe.space(&at).map_err(|e| format!("{} cannot be looked at: {e}", at.display()))?;
    let held = historian::store_bytes(dir);
    let found = policy.judge(space, held);
    let mut text = format!("{:.1} of {:.1} GiB free at {}", gib(space.free), gib(space.total), at.display());
    if let Some(max) = policy.max_bytes {
        text = format!("{text}; the store holds {:.1} of its {:.1} GiB (store.max_bytes)", gib(held), gib(max));
        if max > held.saturating_add(space.free) {
            let fix = "make room, or lower store.max_bytes";
            return Err(format!("{text}, which is more than the disk can give it: {fix}"));
        }
    }
    if space.free < LEAST_FREE {
        return Err(format!("{text}; at least 2 GiB are needed: make room, or choose another place with --data"));
    }
    if found.level == Level::Stopped {
        return Err(format!(
            "{text}; the floor is {:.1} GiB: nothing is taken from machines until there is more room",
            gib(found.floor)
        ));
    }
    Ok(text)
}

/// How much of the budget is used.
fn budget(dir: &Path, policy: &DiskPolicy) -> Result<String, String> {
    let space = FileSystem.space(&existing(dir)).map_err(|e| e.to_string())?;
    let found = policy.judge(space, historian::store_bytes(dir));
    let text = format!("{:.0} % of {:.1} GiB are used", found.percent(), gib(found.budget));
    match found.level {
        Level::Normal => Ok(text),
        Level::Near => Err(format!("{text}: make room before data has to go")),
        Level::Shedding | Level::Stopped => {
            Err(format!("{text}: waveforms go to make room; free space, or see docs/store.md"))
        }
    }
}

/// How long the room lasts, as the instance has measured it.
fn growth(report: &str) -> Result<String, String> {
    let report: serde_json::Value = serde_json::from_str(report).map_err(|e| format!("/api/v1/store: {e}"))?;
    let disk = &report["disk"];
    let Some(rate) = disk["growth_bytes_per_day"].as_i64() else {
        return Ok("not known yet: the instance has to watch its disk for an hour".into());
    };
    let rate = rate as f64 / f64::from(1 << 30);
    match disk["days_left"].as_f64() {
        None => Ok(format!("the used space does not grow ({rate:+.2} GiB a day)")),
        Some(days) if days < SOON_FULL => Err(format!(
            "{rate:+.2} GiB a day: full in about {days:.0} days at the present rate; keep less, or enlarge the disk"
        )),
        Some(days) => Ok(format!("{rate:+.2} GiB a day: full in about {days:.0} days at the present rate")),
    }
}

/// How long a small write takes to be safe, the median of a few; an error where nothing can be written.
fn flush(dir: &Path) -> Result<Duration, String> {
    let at = existing(dir);
    let fix = |e: io::Error| {
        format!(
            "{} cannot be written: {e}; give this user the right to, or choose another place with --data",
            at.display()
        )
    };
    let path = at.join(format!(".danxia-doctor-{}", std::process::id()));
    let mut file = std::fs::File::create(&path).map_err(fix)?;
    let mut times = Vec::new();
    let mut result = Ok(());
    for _ in 0..20 {
        let start = Instant::now();
        result = file.write_all(&[0; 4096]).and_then(|()| file.sync_data());
        times.push(start.elapsed());
        if result.is_err() {
            break;
        }
    }
    drop(file);
    let removed = std::fs::remove_file(&path);
    result.and(removed).map_err(fix)?;
    times.sort();
    Ok(times[times.len() / 2])
}

/// The floor under every acknowledgement.
fn slow(median: Duration) -> Result<String, String> {
    let text = format!("{:.2} ms until a small write is safe", median.as_secs_f64() * 1e3);
    if median > SLOW_SYNC {
        return Err(format!(
            "{text}: every PUBACK waits that long; use a disk with power-loss protection, not a network one"
        ));
    }
    Ok(text)
}

/// The authority's key is for its owner only.
fn secrets(dir: &Path) -> Result<String, String> {
    let key = Authority::key_path(dir);
    let Ok(meta) = std::fs::metadata(&key) else { return Ok("no authority has been made yet".into()) };
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "{} can be read by others (mode {mode:03o}): `chmod 600` it; if it may have been read, remove it and ca.crt \
             and issue every certificate anew",
            key.display()
        ));
    }
    Ok(format!("{} is for its owner only", key.display()))
}

/// Devices that will soon be shut out because their certificates expire.
fn expiry(dir: &Path, now: Timestamp) -> Result<String, String> {
    let Ok((_, register)) = historian::open_read_only(dir) else { return Ok("there is no store yet".into()) };
    let devices = register.devices().map_err(|e| e.to_string())?;
    let soon = expiring(&devices, now);
    if soon.is_empty() {
        return Ok(format!("no certificate of {} devices expires within {DAYS_LEFT} days", devices.len()));
    }
    let more = if soon.len() > NAMED { format!(" and {} more", soon.len() - NAMED) } else { String::new() };
    let named = soon.iter().take(NAMED).map(|(name, days)| format!("{name} ({days} days)")).collect::<Vec<_>>();
    Err(format!("certificates expire: {}{more}; issue new ones with `danxia device cert NAME`", named.join(", ")))
}

/// Who has certificates and none that lasts, with the days that the best of them has left.
fn expiring(devices: &[historian::Device], now: Timestamp) -> Vec<(&str, i64)> {
    let left = |d: &historian::Device| {
        let usable = d.certificates.iter().filter(|c| c.revoked.is_none());
        usable.map(|c| (c.expires.nanos() - now.nanos()).div_euclid(86_400_000_000_000)).max()
    };
    let active = devices.iter().filter(|d| d.revoked.is_none());
    active.filter_map(|d| Some((d.name.as_str(), left(d)?))).filter(|(_, days)| *days < DAYS_LEFT).collect()
}

/// Without MQTT over plain TCP, machines have to have another way in.
fn shut(settings: &Settings) -> Result<String, String> {
    let mqtt = &settings.mqtt;
    let doors = [mqtt.tls.is_some(), mqtt.websocket.is_some(), settings.hj212.is_some(), !settings.remotes.is_empty()];
    if doors.contains(&true) {
        return Ok("not served without TLS: mqtt.listen is empty".into());
    }
    Err("mqtt.listen is empty and machines have no other way in: set it, or a [remote.NAME] with the url of a broker"
        .into())
}

/// What can be said of a listener's certificate before it listens.
fn certificate(section: &str, tls: &Tls) -> Vec<(&'static str, Result<String, String>)> {
    let mut seen = Vec::new();
    if let Some((certificate, key)) = &tls.own {
        let pair = broker::acceptor_from_files(certificate, key);
        let fits = pair.map(|_| format!("certificate and key of {} fit", tls.what));
        seen.push(("key", fits.map_err(|e| format!("{}: {e}", tls.what))));
    }
    if tls::nameless(tls) {
        let fix = format!(
            "{} listens on every address and its certificate names this computer only: set {section}.tls_names",
            tls.what
        );
        seen.push(("names", Err(fix)));
    }
    seen
}

async fn port(what: &str, address: SocketAddr, flag: &str) -> Result<String, String> {
    match TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(e) => Err(format!("{what} could not listen on {address}: {e}; choose another with {flag}")),
    }
}

/// GET: status and body, or `None` where nobody speaks HTTP.
async fn get(settings: &Settings, path: &str) -> Option<(u16, String)> {
    let address = settings.http.listen;
    let secret = Instance::secret(&settings.data).map(|s| format!("Authorization: Bearer {s}\r\n")).unwrap_or_default();
    let asked = async {
        let mut s = TcpStream::connect(address).await.ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n{secret}\r\n");
        s.write_all(request.as_bytes()).await.ok()?;
        let mut text = String::new();
        s.read_to_string(&mut text).await.ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    };
    timeout(Duration::from_secs(5), asked).await.ok().flatten()
}

fn instance(address: SocketAddr, (status, body): &(u16, String)) -> Result<String, String> {
    match status {
        200 => {
            Ok(format!("one runs at http://{address}/ and is ready: its store commits, its broker's canary came back"))
        }
        503 => Err(format!("one runs at http://{address}/ and is not ready: {body}; its log says why")),
        _ => Err(format!("another program answers at http://{address}/ ({status}); choose another port with --http")),
    }
}

/// A message from end to end, on a throw-away store beside the real one: published over a real socket, acknowledged
/// after the flush, found again in the store, and the store ended in order.
async fn canary(settings: &Settings) -> anyhow::Result<String> {
    let dir = existing(&settings.data).join(format!(".danxia-doctor-store-{}", std::process::id()));
    let result = timeout(PATIENCE, flight(settings, &dir)).await;
    let removed = std::fs::remove_dir_all(&dir);
    let took = result
        .map_err(|_| anyhow::anyhow!("the message did not arrive within {PATIENCE:?}; run with DANXIA__LOG=debug"))??;
    removed?;
    Ok(format!("a message was published, acknowledged and found in a store in {:.1} ms", took.as_secs_f64() * 1e3))
}

/// The settings of an instance that meets nobody: ports of its own, a store of its own, and no session elsewhere, which
/// would take messages away from the instance whose client id it is.
fn apart(settings: &Settings, dir: &Path) -> Settings {
    let mut settings = settings.clone();
    settings.data = dir.to_owned();
    // Nobody is there to adopt the canary's machine.
    (settings.mqtt.anonymous, settings.adopt) = (true, true);
    settings.mqtt.tls = None;
    settings.remotes.clear();
    settings.influx = None;
    settings.mqtt.listen = Some(([127, 0, 0, 1], 0).into());
    (settings.http.listen, settings.http.tls) = (([127, 0, 0, 1], 0).into(), None);
    settings.http.oidc = None;
    settings
}

async fn flight(settings: &Settings, dir: &Path) -> anyhow::Result<Duration> {
    let settings = apart(settings, dir);
    let ports = Ports::open(&settings)?;
    let address = ports.mqtt.as_ref().ok_or_else(|| anyhow::anyhow!("the canary comes by MQTT"))?.local_addr()?;
    let end = Switch::new();
    let ended = end.thrown();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let house = tokio::spawn(async move { platform::run(&settings, ports, false, clock, |_| {}, ended).await });
    let publisher = Publisher::connect(Options::new(&address.to_string(), "doctor"), PATIENCE).await?;
    let start = Instant::now();
    publisher.publish("danxia/v1/doctor/canary/telemetry", r#"{"values":{"alive":1}}"#).await?;
    publisher.flush().await?;
    let point: PointId = "doctor/canary/alive".parse()?;
    let found = loop {
        let dir = dir.to_owned();
        let key = SeriesKey::raw(point.clone());
        let (archive, _) = tokio::task::spawn_blocking(move || historian::open_read_only(&dir)).await??;
        if archive.last(&key).is_some() {
            break start.elapsed();
        }
        sleep(Duration::from_millis(5)).await;
    };
    publisher.close(Duration::ZERO).await;
    end.throw();
    house.await??;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_in_the_past_is_said() {
        assert!(clock(Timestamp::from_secs(0), "Asia/Shanghai").unwrap_err().contains("set the clock"));
        assert_eq!(
            clock(Timestamp::from_secs(1_800_000_000), "Asia/Shanghai").unwrap(),
            "2027-01-15T16:00:00+08:00[Asia/Shanghai]"
        );
    }

    #[test]
    fn what_answers_on_the_pages_port_is_told_apart() {
        let at: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        assert!(instance(at, &(200, String::new())).is_ok());
        assert!(instance(at, &(503, "store".into())).unwrap_err().contains("not ready"));
        assert!(instance(at, &(404, String::new())).unwrap_err().contains("another program"));
    }

    #[test]
    fn who_is_about_to_be_shut_out_is_named_once_and_revoked_ones_are_not() {
        let at = |day: i64| Timestamp::from_secs(day * 86_400);
        let certificate = |expires: i64, revoked: bool| historian::DeviceCertificate {
            serial: "1".into(),
            fingerprint: "1".into(),
            issued: at(0),
            expires: at(expires),
            revoked: revoked.then(|| at(1)),
        };
        let device = |name: &str, certificates: Vec<_>| historian::Device {
            name: name.into(),
            role: "device".into(),
            site: "s".into(),
            group: String::new(),
            note: String::new(),
            created: at(0),
            revoked: None,
            hash: None,
            own: historian::OwnPatterns::default(),
            certificates,
        };
        let devices = [
            device("soon", vec![certificate(110, false)]),
            device("renewed", vec![certificate(110, false), certificate(800, false)]),
            device("over", vec![certificate(90, false)]),
            device("withdrawn", vec![certificate(110, false), certificate(800, true)]),
            device("password", vec![]),
            historian::Device { revoked: Some(at(1)), ..device("revoked", vec![certificate(110, false)]) },
        ];
        assert_eq!(expiring(&devices, at(100)), [("soon", 10), ("over", -10), ("withdrawn", 10)]);
    }

    #[test]
    fn a_key_that_others_can_read_fails_with_its_fix() {
        let dir = tempfile::tempdir().unwrap();
        assert!(secrets(dir.path()).is_ok());
        let key = Authority::key_path(dir.path());
        std::fs::write(&key, "x").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(secrets(dir.path()).unwrap_err().contains("chmod 600"));
    }

    /// A disk with as much room as it says.
    struct Room(u64);

    impl Probe for Room {
        fn space(&self, _: &Path) -> io::Result<historian::Space> {
            Ok(historian::Space { total: 100 << 30, free: self.0 })
        }
    }

    #[test]
    fn room_is_judged_where_the_directory_is_yet_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let yet = dir.path().join("a/b");
        let roomy = Room(50 << 30);
        assert!(disk(&roomy, &yet, &DiskPolicy::default()).unwrap().starts_with("50.0 of 100.0 GiB free at "));
        assert!(disk(&Room(1 << 30), &yet, &DiskPolicy::default()).unwrap_err().contains("at least 2 GiB are needed"));
        let more = DiskPolicy { max_bytes: Some(1 << 60), ..DiskPolicy::default() };
        assert!(disk(&roomy, &yet, &more).unwrap_err().contains("lower store.max_bytes"));
        let low = DiskPolicy { floor_bytes: Some(1 << 60), ..DiskPolicy::default() };
        assert!(disk(&roomy, &yet, &low).unwrap_err().contains("nothing is taken"));
        let found = disk(&FileSystem, &yet, &DiskPolicy::default()).unwrap_or_else(|low| low);
        assert!(found.contains(" GiB free at "), "{found}");
        assert!(budget(&yet, &DiskPolicy::default()).unwrap_or_else(|near| near).contains(" are used"));
    }

    #[test]
    fn a_flush_is_timed_where_the_directory_is_yet_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        assert!(flush(&dir.path().join("a/b")).unwrap() > Duration::ZERO);
        assert!(slow(Duration::from_millis(50)).is_ok());
        assert!(slow(Duration::from_millis(51)).unwrap_err().contains("power-loss protection"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_forecast_is_made_only_of_what_was_measured() {
        let said = |rate: &str, days: &str| {
            growth(&format!("{{\"disk\":{{\"growth_bytes_per_day\":{rate},\"days_left\":{days}}}}}"))
        };
        assert!(said("null", "null").unwrap().contains("not known yet"));
        assert!(said("-1073741824", "null").unwrap().contains("does not grow (-1.00 GiB a day)"));
        assert!(said("1073741824", "90.4").unwrap().contains("full in about 90 days"));
        assert!(said("1073741824", "5.2").unwrap_err().contains("full in about 5 days at the present rate; keep less"));
    }

    #[test]
    fn the_canary_holds_no_session_at_another_broker() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("danxia.toml");
        std::fs::write(&file, "[remote.plant]\nurl = \"broker.plant\"\n").unwrap();
        let settings = Sources::new(Some(&file), crate::config::Flags::default()).unwrap().settings().unwrap();
        assert_eq!(settings.remotes.len(), 1);
        let canary = apart(&settings, dir.path());
        assert!(
            canary.remotes.is_empty() && canary.data == dir.path() && canary.mqtt.listen.is_some_and(|a| a.port() == 0)
        );
    }
}
