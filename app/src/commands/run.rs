//! `danxia run`: the platform, until it is told to stop.

use std::io::IsTerminal;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::Exit;
use super::config::sources;
use crate::accounts;
use crate::cli::Run;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::platform::{self, Opened};
use crate::ports::Ports;

/// Runs with the settings of flags, environment and file.
pub async fn run(args: &Run) -> anyhow::Result<Exit> {
    let settings = sources(args)?.settings()?;
    log_to_stderr(&settings.log)?;
    accounts::may_listen_on(&settings.data, &settings.http)?;
    let ports = Ports::open(&settings)?;
    greet(&settings);
    platform::run(&settings, ports, false, Arc::new(SystemClock), welcome, interrupted()?).await?;
    Ok(Exit::Ok)
}

fn greet(settings: &Settings) {
    let anonymous = if settings.mqtt.anonymous { " (anybody on this computer may publish)" } else { "" };
    match settings.mqtt.listen {
        Some(listen) => eprintln!("MQTT {listen}{anonymous}"),
        None => eprintln!("MQTT without TLS is not served (mqtt.listen is empty)"),
    }
    if let Some(tls) = &settings.mqtt.tls {
        eprintln!("MQTT over TLS {}", tls.listen);
    }
}

/// Says where the page is and, where nobody administers it yet, how somebody comes to.
pub fn welcome(opened: Opened) {
    let page = opened.page;
    let plain = opened.plain.map(|a| format!(", without TLS http://{a}/")).unwrap_or_default();
    match opened.setup {
        None => eprintln!("page {page}{plain}"),
        Some(link) => {
            eprintln!(
                "page {page}{plain} (this computer only, open to whoever sits at it, until there is an administrator)"
            );
            eprintln!("make the first administrator here, once: {link}");
        }
    }
}

/// Words for people on a terminal, JSON elsewhere.
pub fn log_to_stderr(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| anyhow::anyhow!("log is {filter:?}: {e}; expected a level such as info, or broker=debug,info"))?;
    let terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if terminal {
        log.with_target(false).with_ansi(std::env::var_os("NO_COLOR").is_none()).init();
    } else {
        log.json().flatten_event(true).init();
    }
    Ok(())
}

/// Resolves on SIGTERM or SIGINT. A second one is for those who cannot wait: the process then ends at once.
pub fn interrupted() -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            eprintln!("ended at once; what was acknowledged is on disk");
            std::process::exit(130);
        });
    })
}
