//! The house, put together: who is handed what, and who leaves first.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use analytics::follow::FollowError;
use analytics::{fold, follow};
use anyhow::{Context, bail};
use broker::{Broker, Intake, Refusal, Stopped};
use collector::{Collector, Command};
use historian::{Historian, Level, Seq};
use plant::Clock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::auth::Gate;
use crate::config::{Publish, Settings, Store};
use crate::devices::{Devices, rules};
use crate::disk::FileSystem;
use crate::heartbeat::{self, Pulse};
use crate::hj212;
use crate::influx_stage::Shipping;
use crate::instance::Instance;
use crate::intake::{self, Passage};
use crate::notify_stage::Notifying;
use crate::ports::Ports;
use crate::publish_back::{PublishBack, Target};
use crate::remotes::Remotes;
use crate::seams::devices::{Desk, Live};
use crate::stage::{Switch, Watch};
use crate::{accounts, descriptors, seams, sparkplug, tls};

/// Where the disk has no room, so long is waited for some at the end.
const NO_ROOM: Duration = Duration::from_secs(5);
/// Threads that analyse records at most; each has buffers of its own, some MB for long records.
const ANALYSTS: usize = 8;

/// Where the page is served, and how the first administrator is made, if there is none: addresses of the page.
pub struct Opened {
    /// Where people find it.
    pub page: String,
    /// Where it is without TLS, where that is another place.
    pub plain: Option<SocketAddr>,
    /// The link by which the first administrator is made.
    pub setup: Option<String>,
}

/// Runs until `shutdown` resolves or a stage ends on its own, then ends in order: publishing, the doors, the page, the
/// heartbeat, analytics, the store. Each is logged by name, so that a log that stops tells who was still pending.
pub async fn run(
    settings: &Settings,
    ports: Ports,
    demo: bool,
    clock: Arc<dyn Clock>,
    opened: impl FnOnce(Opened),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    descriptors::prepare(settings.mqtt.max_connections);
    let started = clock.now();
    let now = clock.clone();
    let about = seams::about(settings, demo, started);
    let store = Arc::new(open_store(settings, clock.clone()).await?);
    let address = ports.http.local_addr()?;
    let secret = web::Accounts::draw_secret()?;
    let accounts = Arc::new(accounts::open(store.register(), clock.clone(), Some(&secret))?);
    accounts::may_listen(&accounts, &settings.http)?;
    let devices = Arc::new(Devices::new(store.register(), &settings.data, clock.clone())?);
    let (collector, commands, broker, remotes) = door(settings, &store, &devices, clock.clone())?;
    collector.recall_discovery(store.register()).await?;
    let desk = Arc::new(Desk::new(devices.clone(), Some(Live { broker: broker.clone(), archive: store.archive() })));
    let pulse = Pulse::default();
    let shipping = Shipping::new(settings.influx.as_ref());
    let notifying = Notifying::new(settings.notify.as_ref(), clock.clone());
    let doors_known = (&broker, &remotes, &collector, &shipping, &notifying);
    let people = (desk as Arc<dyn web::Registrar>, accounts.clone());
    let services = seams::services(settings, about, &store, doors_known, people, pulse.clone(), clock.clone());

    intake::restore(&broker, &store.register(), started)?;
    // After what was retained, which may still say that the host is here or gone, and before anybody can connect, so that no
    // edge node is told of a host that is gone.
    sparkplug::publish(&broker, collector.host_birth(started));
    let mut watch = Watch::new();
    let [mouth, doors, page, beat, mind] = std::array::from_fn(|_| Switch::new());
    let mut open = Vec::new();
    if let Some(listener) = ports.mqtt {
        open.push(watch.spawn("MQTT", broker.clone().serve(listener, None, doors.thrown())));
    }
    let monitors = ports.hj212.zip(settings.hj212.clone()).map(|(listener, settings)| {
        let door = hj212::Monitors::new(collector.clone(), clock.clone(), &settings);
        watch.spawn("HJ 212", door.serve(listener, doors.thrown()))
    });
    let mut shared = None;
    if let (Some(listener), Some(settings)) = (ports.tls, &settings.mqtt.tls) {
        let (tls, expires) = tls::open(settings, &devices)?;
        tokio::spawn(tls::keep(tls.clone(), settings.clone(), devices.clone(), expires, doors.thrown()));
        shared = Some(tls.clone());
        let serve = broker.clone().serve(listener, Some(tls), doors.thrown());
        open.push(watch.spawn("MQTT over TLS", serve));
    }
    for (listener, secure) in ports.websocket {
        let tls = if secure { shared.clone() } else { None };
        let serve = broker.clone().serve_websocket(listener, tls, doors.thrown());
        open.push(watch.spawn("MQTT over WebSocket", serve));
    }
    let abroad = watch.spawn("MQTT at other brokers", remotes.run(&doors));
    let mut publishing = Vec::new();
    for (target, publish) in targets(settings, &broker, &remotes) {
        let back = PublishBack::open(target, publish, &store, clock.clone()).await?;
        publishing.push(watch.spawn("publishing", back.run(mouth.thrown())));
    }
    let shipped = watch.spawn("InfluxDB", shipping.run(store.clone(), clock.clone(), mouth.thrown()));
    let notified = watch.spawn("notification", notifying.run(store.clone(), mouth.thrown()));
    let keeping = tokio::spawn(keep(devices.clone(), broker.clone()));
    let announced = Instance::announce(&settings.data, address, &secret)?;
    let mut doorways = vec![web::Doorway::from(ports.http)];
    let mut secure = None;
    if let (Some(listener), Some(settings)) = (ports.https, &settings.http.tls) {
        secure = Some(listener.local_addr()?);
        let (tls, expires) = tls::open(settings, &devices)?;
        tokio::spawn(tls::keep(tls.clone(), settings.clone(), devices.clone(), expires, page.thrown()));
        doorways.push(web::Doorway { listener, tls: Some(Arc::new(move || tls.current())) });
    }
    let place = accounts::page(&settings.http, address, secure);
    let setup = accounts::setup_link(&accounts, &place)?;
    opened(Opened { page: place, plain: secure.map(|_| address), setup });
    let config = web::Config { hsts: settings.http.hsts, ..web::Config::new(address) };
    let web = watch.spawn("page", web::serve(doorways, config, services, page.thrown()));
    let flush = watch.spawn("ledger of refusals", intake::flush(collector.clone(), clock.clone(), beat.thrown()));
    let heart = watch.spawn("heartbeat", heartbeat::run(store.recorder(), pulse, clock, beat.thrown()));
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(ANALYSTS);
    let follower = follow::Follower::open(&store, &fold::Settings { threads, ..fold::Settings::default() }).await?;
    let thinking = watch.spawn("analytics", follower.run(mind.thrown()));
    let outgoing = tokio::spawn(intake::commands(commands, broker.clone(), remotes.clone()));

    let early = tokio::select! {
        () = shutdown => None,
        name = watch.ended() => Some(name),
    };
    if let Some(name) = early {
        tracing::error!(stage = name, "ended on its own; the rest is stopped");
    }
    tracing::info!("stopping: publishing");
    mouth.throw();
    for task in publishing {
        task.await.context("publishing")??;
    }
    shipped.await.context("InfluxDB")?;
    notified.await.context("notification")?;
    tracing::info!("stopping: the doors");
    sparkplug::publish(&broker, collector.host_death(now.now()));
    doors.throw();
    abroad.await.context("MQTT at other brokers")?;
    for task in open {
        farewell(&task.await.context("the MQTT door")??);
    }
    if let Some(monitors) = monitors {
        monitors.await.context("the door of HJ 212")?;
    }
    outgoing.abort();
    keeping.abort();
    drop(announced);
    tracing::info!("stopping: the page");
    page.throw();
    web.await.context("the page")??;
    tracing::info!("stopping: the heartbeat");
    beat.throw();
    flush.await.context("the ledger of refusals")?;
    heart.await.context("the heartbeat")?;
    tracing::info!("stopping: analytics");
    mind.throw();
    conclude(thinking, &store).await?;
    tracing::info!("stopping: the store");
    drop((collector, broker, remotes, devices, accounts));
    close_store(store).await?;
    tracing::info!("stopped; nothing is pending");
    match early {
        None => Ok(()),
        Some(name) => bail!("{name} ended on its own; see the log above"),
    }
}

/// Waits for analytics. Where the disk has no room its last findings may wait for that for ever: they follow from what is
/// stored, and are made again after the next start.
async fn conclude(thinking: JoinHandle<Result<Seq, FollowError>>, store: &Historian) -> anyhow::Result<()> {
    let stopped = store.archive().disk().level == Level::Stopped;
    let patience = if stopped { NO_ROOM } else { Duration::MAX };
    let abort = thinking.abort_handle();
    match tokio::time::timeout(patience, thinking).await {
        Ok(ended) => drop(ended.context("analytics")??),
        Err(_) => {
            abort.abort();
            tracing::warn!("analytics ends without its last findings, for which the disk has no room");
        }
    }
    Ok(())
}

async fn open_store(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Historian> {
    let Store { disk, waves, keep: retention, .. } = settings.store.clone();
    let config = historian::Config { disk, waves, retention, ..historian::Config::new(&settings.data) };
    let probe = Some(Arc::new(FileSystem) as Arc<dyn historian::Probe>);
    Ok(tokio::task::spawn_blocking(move || Historian::open_on(config, clock, probe)).await??)
}

async fn close_store(store: Arc<Historian>) -> anyhow::Result<()> {
    let Some(store) = Arc::into_inner(store) else {
        // Everything acknowledged is on disk all the same; the next start reads the log once more.
        tracing::warn!("the store is still in use and was not checkpointed");
        return Ok(());
    };
    Ok(tokio::task::spawn_blocking(move || store.close()).await??)
}

fn door(
    settings: &Settings,
    store: &Historian,
    devices: &Arc<Devices>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(Collector, mpsc::Receiver<Command>, Arc<Broker>, Remotes)> {
    let config = collector::Config {
        adopt: settings.adopt,
        host_id: settings.sparkplug.host_id.clone(),
        reorder_window: settings.sparkplug.reorder,
        catalogue: crate::catalogue::load(&settings.data)?,
        ..collector::Config::default()
    };
    let (collector, commands) = Collector::new(config, store.recorder(), store.archive(), store.register());
    let config = broker::Config {
        anonymous: settings.mqtt.anonymous,
        anonymous_rights: Arc::new(rules::everything()),
        websocket_origins: settings.mqtt.websocket_origins.clone(),
        max_packet: settings.mqtt.max_packet,
        max_connections: settings.mqtt.max_connections,
        ..settings.mqtt.limits.apply(broker::Config::default())
    };
    let passage: Arc<dyn Intake> = Arc::new(Passage { collector: collector.clone(), clock: clock.clone() });
    let foreign = settings.mqtt.tls.as_ref().and_then(|t| t.clients.as_ref()).is_some_and(|c| c.ca.is_some());
    let broker = Broker::new(config, passage.clone(), Arc::new(Gate::new(devices.clone(), foreign)?))?;
    let door = Arc::downgrade(&broker);
    devices.attach(move |name, rights| {
        let Some(door) = door.upgrade() else { return 0 };
        match rights {
            Some(rights) => door.renew(name, rights, Refusal::NotAuthorized),
            None => door.disconnect(name, Refusal::NotAuthorized),
        }
    });
    let remotes = Remotes::new(&settings.remotes, settings.sparkplug.host_id.as_ref(), &passage, &collector, &clock)?;
    Ok((collector, commands, broker, remotes))
}

/// Where something is to be published, and what.
fn targets(settings: &Settings, broker: &Arc<Broker>, remotes: &Remotes) -> Vec<(Target, Publish)> {
    let own = (Target::Broker(broker.clone()), settings.publish);
    let abroad = remotes.iter().map(|(remote, publish)| (Target::Remote(remote.clone()), *publish));
    [own].into_iter().chain(abroad).filter(|(_, publish)| publish.indicators || publish.alarms).collect()
}

/// Once a minute: who is connected need not be verified in full when it comes back.
async fn keep(devices: Arc<Devices>, broker: Arc<Broker>) {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let clients = broker.clients();
        devices.verified().connected(clients.iter().filter(|c| c.connected).map(|c| &*c.identity));
    }
}

fn farewell(stopped: &Stopped) {
    if !stopped.pending.is_empty() {
        tracing::warn!(
            clients = ?stopped.pending,
            "these left before what they published was on disk; they got no acknowledgement and will send it again"
        );
    }
}
