//! `danxia import`: recordings of analysers become waveforms, histories of other systems values.

use seeds::import::{ImportError, Said, import};

use super::{Exit, credentials};
use crate::cli::{ImportPoints, ImportWaveform};

/// Publishes the recordings of some files to a running instance.
pub async fn waveform(args: &ImportWaveform) -> anyhow::Result<Exit> {
    let Some(credentials) = credentials(args.user.as_deref()) else { return Ok(Exit::Usage) };
    let said = Said {
        machine: args.machine.clone(),
        point: args.point.clone(),
        t0: args.time,
        unit: args.unit,
        rpm: args.rpm,
    };
    match import(&args.files, &said, &args.mqtt.to_string(), credentials).await {
        Ok(r) => {
            let passed = match r.skipped {
                0 => String::new(),
                n => format!("; {n} data sets are no time signals and were passed over"),
            };
            eprintln!("{} files, {} waveforms published, every one acknowledged{passed}", r.files, r.waveforms);
            Ok(Exit::Ok)
        }
        Err(e @ (ImportError::Publish(_) | ImportError::Stalled { .. })) => {
            eprintln!("{e}");
            Ok(Exit::Unavailable)
        }
        Err(e) => {
            eprintln!("{e}");
            Ok(Exit::Usage)
        }
    }
}

/// Checks histories and publishes their values to a running instance.
pub async fn points(args: &ImportPoints) -> anyhow::Result<Exit> {
    match credentials(args.user.as_deref()) {
        Some(credentials) => super::history::run(args, credentials).await,
        None => Ok(Exit::Usage),
    }
}
