//! The house, put together: who is handed what, and who leaves first.

use std::future::Future;
use std::sync::Arc;

use analytics::{fold, follow};
use anyhow::{Context, bail};
use broker::{Broker, Intake, Stopped, Tls};
use collector::{Collector, Command};
use historian::Historian;
use plant::Clock;
use tokio::sync::mpsc;

use crate::auth::Users;
use crate::config::{Publish, Settings};
use crate::heartbeat::{self, Pulse};
use crate::hj212;
use crate::intake::{self, Passage};
use crate::ports::Ports;
use crate::publish_back::{PublishBack, Target};
use crate::reload;
use crate::remotes::Remotes;
use crate::seams;
use crate::sparkplug;
use crate::stage::{Switch, Watch};

/// Runs until `shutdown` resolves or a stage ends on its own, then ends in order: publishing, the doors, the page, the
/// heartbeat, analytics, the store. Each is logged by name, so that a log that stops tells who was still pending.
pub async fn run(
    settings: &Settings,
    ports: Ports,
    demo: bool,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let started = clock.now();
    let now = clock.clone();
    let store = Arc::new(open_store(settings, clock.clone()).await?);
    let (collector, commands, broker, remotes) = door(settings, &store, clock.clone())?;
    collector.recall_discovery(store.register()).await?;
    let pulse = Pulse::default();
    let doors_known = (&broker, &remotes, &collector);
    let services = seams::services(settings, demo, started, &store, doors_known, pulse.clone(), clock.clone());

    // Before anybody can connect, so that no edge node is told of a host that is gone.
    sparkplug::publish(&broker, collector.host_birth(started));
    let mut watch = Watch::new();
    let [mouth, doors, page, beat, mind] = std::array::from_fn(|_| Switch::new());
    let mut open = vec![watch.spawn("MQTT", broker.clone().serve(ports.mqtt, None, doors.thrown()))];
    if let (Some((listener, acceptor)), Some(settings)) = (ports.tls, &settings.mqtt.tls) {
        let tls = Tls::from(acceptor);
        tokio::spawn(reload::run(tls.clone(), settings.files(), doors.thrown()));
        if let Some(listener) = ports.websocket_tls {
            let serve = broker.clone().serve_websocket(listener, Some(tls.clone()), doors.thrown());
            open.push(watch.spawn("MQTT over WebSocket and TLS", serve));
        }
        let serve = broker.clone().serve(listener, Some(tls), doors.thrown());
        open.push(watch.spawn("MQTT over TLS", serve));
    }
    let monitors = ports.hj212.zip(settings.hj212.clone()).map(|(listener, settings)| {
        let door = hj212::Monitors::new(collector.clone(), clock.clone(), &settings);
        watch.spawn("HJ 212", door.serve(listener, doors.thrown()))
    });
    if let Some(listener) = ports.websocket {
        let serve = broker.clone().serve_websocket(listener, None, doors.thrown());
        open.push(watch.spawn("MQTT over WebSocket", serve));
    }
    let abroad = watch.spawn("MQTT at other brokers", remotes.run(&doors));
    let mut publishing = Vec::new();
    for (target, publish) in targets(settings, &broker, &remotes) {
        let back = PublishBack::open(target, publish, &store, clock.clone()).await?;
        publishing.push(watch.spawn("publishing", back.run(mouth.thrown())));
    }
    let address = ports.http.local_addr()?;
    let web = watch.spawn("page", web::serve(ports.http, web::Config::new(address), services, page.thrown()));
    let flush = watch.spawn("ledger of refusals", intake::flush(collector.clone(), clock.clone(), beat.thrown()));
    let heart = watch.spawn("heartbeat", heartbeat::run(store.recorder(), pulse, clock, beat.thrown()));
    let follower = follow::Follower::open(&store, &fold::Settings::default()).await?;
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
    tracing::info!("stopping: the page");
    page.throw();
    web.await.context("the page")??;
    tracing::info!("stopping: the heartbeat");
    beat.throw();
    flush.await.context("the ledger of refusals")?;
    heart.await.context("the heartbeat")?;
    tracing::info!("stopping: analytics");
    mind.throw();
    thinking.await.context("analytics")??;
    tracing::info!("stopping: the store");
    drop((collector, broker, remotes));
    close_store(store).await?;
    tracing::info!("stopped; nothing is pending");
    match early {
        None => Ok(()),
        Some(name) => bail!("{name} ended on its own; see the log above"),
    }
}

async fn open_store(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Historian> {
    let config = historian::Config::new(&settings.data);
    Ok(tokio::task::spawn_blocking(move || Historian::open(config, clock)).await??)
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
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(Collector, mpsc::Receiver<Command>, Arc<Broker>, Remotes)> {
    let config = collector::Config {
        adopt: settings.adopt,
        host_id: settings.sparkplug.host_id.clone(),
        reorder_window: settings.sparkplug.reorder,
        ..collector::Config::default()
    };
    let (collector, commands) = Collector::new(config, store.recorder(), store.archive(), store.register());
    let config = broker::Config {
        anonymous: settings.mqtt.anonymous,
        max_packet: settings.mqtt.max_packet,
        max_connections: settings.mqtt.max_connections,
        ..settings.mqtt.limits.apply(broker::Config::default())
    };
    let passage: Arc<dyn Intake> = Arc::new(Passage { collector: collector.clone(), clock: clock.clone() });
    let broker = Broker::new(config, passage.clone(), Arc::new(Users::new(store.register())?))?;
    let remotes = Remotes::new(&settings.remotes, settings.sparkplug.host_id.as_ref(), &passage, &collector, &clock)?;
    Ok((collector, commands, broker, remotes))
}

/// Where something is to be published, and what.
fn targets(settings: &Settings, broker: &Arc<Broker>, remotes: &Remotes) -> Vec<(Target, Publish)> {
    let own = (Target::Broker(broker.clone()), settings.publish);
    let abroad = remotes.iter().map(|(remote, publish)| (Target::Remote(remote.clone()), *publish));
    [own].into_iter().chain(abroad).filter(|(_, publish)| publish.indicators || publish.alarms).collect()
}

fn farewell(stopped: &Stopped) {
    if !stopped.pending.is_empty() {
        tracing::warn!(
            clients = ?stopped.pending,
            "these left before what they published was on disk; they got no acknowledgement and will send it again"
        );
    }
}
