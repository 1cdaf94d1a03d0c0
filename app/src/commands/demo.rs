//! `danxia demo`: the platform and a plant that plays on it over a real socket.

use std::path::PathBuf;
use std::sync::Arc;

use plant::Clock;
use seeds::simulator::{self, SimOptions};

use super::Exit;
use super::run::{interrupted, log_to_stderr, welcome};
use crate::cli::Demo;
use crate::clock::SystemClock;
use crate::config::{Flags, Sources};
use crate::platform;
use crate::ports::Ports;
use crate::stage::Switch;

/// Runs the demo plant until it is told to stop; its data is thrown away unless a directory is named.
pub async fn run(args: &Demo) -> anyhow::Result<Exit> {
    let scratch = Scratch::new(args.data.clone())?;
    let mut flags = Flags::default();
    flags.set("data", scratch.dir.display().to_string());
    flags.set("mqtt.anonymous", true);
    for (key, value) in [("mqtt.listen", &args.mqtt), ("http.listen", &args.http)] {
        if let Some(v) = value {
            flags.set(key, v.clone());
        }
    }
    let settings = Sources::new(None, flags)?.settings()?;
    log_to_stderr(&settings.log)?;
    let ports = Ports::open(&settings)?;
    let (mqtt, http) = (ports.mqtt.as_ref(), ports.http.local_addr()?);
    let mqtt = mqtt
        .ok_or_else(|| anyhow::anyhow!("the plant of the demo speaks MQTT: give a port with --mqtt"))?
        .local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = SimOptions {
        address: mqtt.to_string(),
        credentials: None,
        seed: args.seed,
        speed: 1.0,
        faults: !args.healthy,
        clock: clock.clone(),
    };
    // The plant leaves before the platform does: what it published last is still taken.
    let (plant, house) = (Switch::new(), Switch::new());
    let simulation = tokio::spawn(simulator::run(seeds::kit::steel(), options, plant.thrown()));
    let stop = interrupted()?;
    let ending = async {
        stop.await;
        plant.throw();
        match simulation.await {
            Ok(Ok(r)) => tracing::info!(messages = r.messages, waveforms = r.waveforms, "the demo plant has stopped"),
            Ok(Err(e)) => tracing::error!("the demo plant stopped: {e}"),
            Err(e) => tracing::error!("the demo plant stopped: {e}"),
        }
        house.throw();
    };
    eprintln!("demo plant: page http://{http}/  MQTT {mqtt}  (Ctrl-C ends it)");
    if !args.healthy {
        eprintln!("four of its machines are failing; the first alarms come within two minutes");
    }
    let (result, ()) = tokio::join!(platform::run(&settings, ports, true, clock, welcome, house.thrown()), ending);
    result?;
    scratch.remove();
    Ok(Exit::Ok)
}

/// A directory that is removed at the end, unless it was named.
struct Scratch {
    dir: PathBuf,
    kept: bool,
}

impl Scratch {
    fn new(named: Option<PathBuf>) -> std::io::Result<Self> {
        let kept = named.is_some();
        let dir = named.unwrap_or_else(|| std::env::temp_dir().join(format!("danxia-demo-{}", std::process::id())));
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, kept })
    }

    fn remove(&self) {
        if !self.kept
            && let Err(e) = std::fs::remove_dir_all(&self.dir)
        {
            tracing::warn!("{} could not be removed: {e}", self.dir.display());
        }
    }
}
