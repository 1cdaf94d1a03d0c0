//! `danxia replay`: recordings become messages.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use plant::Name;
use seeds::replay::{Progress, ReplayError, ReplayOptions, Times, replay};

use super::{Exit, credentials};
use crate::cli::Replay;
use crate::clock::SystemClock;

/// Publishes the recordings of a directory to a running instance.
pub async fn run(args: &Replay) -> anyhow::Result<Exit> {
    let Some(credentials) = credentials(args.user.as_deref()) else { return Ok(Exit::Usage) };
    let site = match args.site.as_deref().map(Name::new).transpose() {
        Ok(site) => site,
        Err(e) => {
            eprintln!("--site: {e}");
            return Ok(Exit::Usage);
        }
    };
    let options = ReplayOptions {
        address: args.mqtt.to_string(),
        credentials,
        site,
        times: Times::default(),
        speed: (args.speed > 0.0).then_some(args.speed),
        clock: Arc::new(SystemClock),
    };
    let mut bar = Bar::new();
    let result = replay(&args.dir, options, |p| bar.show(p)).await;
    bar.end();
    match result {
        Ok(r) => {
            eprintln!(
                "{}: {} machines, {} waveforms, {} samples published, every one acknowledged",
                r.site, r.machines, r.waveforms, r.samples
            );
            if let Some(first) = r.short.first() {
                eprintln!(
                    "{} of them ({first}, …) have recordings too short to be judged in full: velocity takes 2 s, below 600 r/min \
                     10 s, and a bearing 16 turns of its shaft",
                    r.short.len()
                );
            }
            Ok(Exit::Ok)
        }
        Err(e @ (ReplayError::Publish(_) | ReplayError::Stalled { .. })) => {
            eprintln!("{e}");
            Ok(Exit::Unavailable)
        }
        Err(e @ (ReplayError::Cell { .. } | ReplayError::Site { .. } | ReplayError::Speed(_))) => {
            eprintln!("{e}");
            Ok(Exit::Usage)
        }
        Err(e) => Err(e.into()),
    }
}

/// A bar on a terminal; nothing elsewhere.
struct Bar {
    terminal: bool,
}

impl Bar {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal() }
    }

    fn show(&mut self, p: &Progress) {
        if !self.terminal || p.of == 0 {
            return;
        }
        let done = usize::try_from(p.waveforms * 30 / p.of).unwrap_or(30).min(30);
        let mut err = io::stderr().lock();
        // A bar that cannot be drawn is no reason to stop.
        let _ = write!(err, "\r\x1b[K[{:30}] {}/{} {}", "=".repeat(done), p.waveforms, p.of, p.machine);
        let _ = err.flush();
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
