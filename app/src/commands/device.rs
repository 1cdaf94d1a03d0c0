//! `danxia device …`: who may connect. Credentials go to standard output, once; words to standard error.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use historian::{Historian, OpenError};
use plant::Clock;
use serde::Serialize;
use web::{Registrar, RegistrarError, dto};

use super::Exit;
use super::remote::Remote;
use crate::cli::{Device, DeviceAdd, DeviceAllow, DeviceCert, DeviceName, DevicePassword, DeviceTarget};
use crate::clock::SystemClock;
use crate::devices::authority::write;
use crate::devices::{Devices, password};
use crate::instance::Instance;
use crate::seams::devices::{Desk, device};

/// Adds, lists, revokes, rotates, issues.
pub fn run(what: &Device) -> anyhow::Result<Exit> {
    let done = match what {
        Device::Add(a) => add(a),
        Device::List(t) => list(t),
        Device::Allow(a) => allow(a),
        Device::Revoke(n) => revoke(n),
        Device::Enable(p) => new_password(p, true),
        Device::Rotate(p) => new_password(p, false),
        Device::Cert(c) => certificate(c),
    };
    done.or_else(|e| match e.downcast_ref::<Refused>() {
        Some(Refused(RegistrarError::Invalid(said) | RegistrarError::Field(_, said))) => {
            eprintln!("{said}");
            Ok(Exit::Usage)
        }
        Some(Refused(
            RegistrarError::Unknown(said) | RegistrarError::Conflict(said) | RegistrarError::Failed(said),
        )) => {
            eprintln!("{said}");
            Ok(Exit::Failure)
        }
        None => Err(e),
    })
}

/// What the registrar did not do.
#[derive(Debug)]
struct Refused(RegistrarError);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Refused {}

fn invalid(said: impl Into<String>) -> anyhow::Error {
    Refused(RegistrarError::Invalid(said.into())).into()
}

/// Asks whoever holds the register: the instance that runs, or the store, which is opened for this and closed again.
fn ask<T>(target: &DeviceTarget, what: impl FnOnce(&dyn Registrar) -> Result<T, RegistrarError>) -> anyhow::Result<T> {
    if let Some(url) = &target.url {
        return what(&Remote::new(url, target.ca.as_deref()).map_err(invalid)?).map_err(|e| Refused(e).into());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match Historian::open(historian::Config::new(&target.data), clock.clone()) {
        Ok(store) => {
            let devices = Devices::new(store.register(), &target.data, clock)?;
            let done = what(&Desk::new(Arc::new(devices), None));
            store.close()?;
            done.map_err(|e| Refused(e).into())
        }
        Err(OpenError::Locked { dir }) => {
            let Some(address) = Instance::find(&dir) else {
                bail!(
                    "the store in {} is in use by another process, which does not say where its page is: give that with \
                     --url http://ADDRESS:PORT, or stop it",
                    dir.display()
                );
            };
            eprintln!("an instance runs on {}: asking it at http://{address}/", dir.display());
            what(&Remote::of(&dir, address)).map_err(|e| Refused(e).into())
        }
        Err(e) => Err(e).with_context(|| format!("the devices of {} cannot be changed", target.data.display())),
    }
}

fn add(a: &DeviceAdd) -> anyhow::Result<Exit> {
    let new = dto::NewDevice {
        name: a.name.clone(),
        role: a.role.clone(),
        site: a.site.clone(),
        group: a.group.clone(),
        note: a.note.clone(),
        password: given(a.password_stdin)?,
        certificate_only: a.no_password,
        own: dto::OwnPatterns { publish: a.publish.clone(), subscribe: a.subscribe.clone() },
    };
    let made = ask(&a.target, |r| r.add(new))?;
    let d = &made.device;
    eprintln!("device {:?} may now connect as a {} of {:?}", d.name, d.role, d.site);
    all(d);
    if a.no_password {
        eprintln!("it has no password; `danxia device cert {}` issues its certificate", d.name);
    }
    credentials(&made, a.target.json)
}

/// Everything that a device may do.
fn all(d: &dto::Device) {
    may("publish", &d.publish);
    may("publish, of these, all but", &d.except);
    may("subscribe", &d.subscribe);
}

/// What a device may do beside its role: a kind that is named takes the place of what it was.
fn allow(a: &DeviceAllow) -> anyhow::Result<Exit> {
    let named = |patterns: &[String], none: bool| (none || !patterns.is_empty()).then(|| patterns.to_vec());
    let own = dto::NewOwnPatterns {
        publish: named(&a.publish, a.no_publish),
        subscribe: named(&a.subscribe, a.no_subscribe),
    };
    let device = ask(&a.target, |r| r.allow(&a.name, own))?;
    let n = device.own.publish.len() + device.own.subscribe.len();
    eprintln!(
        "device {:?} has {n} pattern{} of its own beside its role {}; where an instance runs and that is a change, it has to connect again",
        a.name,
        if n == 1 { "" } else { "s" },
        device.role
    );
    all(&device);
    if a.target.json {
        json(&device)?;
    }
    Ok(Exit::Ok)
}

fn may(what: &str, patterns: &[String]) {
    if !patterns.is_empty() {
        eprintln!("  may {what}: {}", patterns.join("  "));
    }
}

/// The password on standard output: for people with its name, for programs as JSON.
fn credentials(made: &dto::DeviceCredentials, as_json: bool) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    if as_json {
        json(made)?;
    } else if let Some(p) = &made.password {
        eprintln!("this password is shown once:");
        writeln!(out, "username {}\npassword {p}", made.device.name)?;
    }
    Ok(Exit::Ok)
}

pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{}", serde_json::to_string_pretty(value)?)?;
    Ok(())
}

fn new_password(p: &DevicePassword, enable: bool) -> anyhow::Result<Exit> {
    let chosen = given(p.password_stdin)?;
    let made = ask(&p.target, |r| match enable {
        true => r.enable(&p.name, chosen.as_deref()),
        false => r.rotate(&p.name, chosen.as_deref()),
    })?;
    eprintln!("device {:?} has a new password; with the old one it is not let in any more", p.name);
    credentials(&made, p.target.json)
}

fn revoke(n: &DeviceName) -> anyhow::Result<Exit> {
    let device = ask(&n.target, |r| r.revoke(&n.name))?;
    eprintln!("device {:?} is revoked, and every certificate of it; its connections have ended", n.name);
    if n.target.json {
        json(&device)?;
    }
    Ok(Exit::Ok)
}

/// A store that is read needs no lock, so that this works beside a running instance; with `--url` it says more.
fn list(t: &DeviceTarget) -> anyhow::Result<Exit> {
    let devices = match &t.url {
        Some(url) => Remote::new(url, t.ca.as_deref()).map_err(invalid)?.list().map_err(Refused)?.devices,
        None => {
            let (_, register) = historian::open_read_only(&t.data)?;
            let now = SystemClock.now();
            register.devices()?.iter().map(|d| device(d, now)).collect()
        }
    };
    if t.json {
        json(&devices)?;
        return Ok(Exit::Ok);
    }
    let mut out = io::stdout().lock();
    for d in &devices {
        let state = if d.revoked.is_some() { "revoked" } else { "active" };
        writeln!(out, "{}\t{}\t{}\t{}\t{}", d.name, d.role, d.site, state, days_left(d))?;
        for (what, patterns) in [("publish", &d.own.publish), ("subscribe", &d.own.subscribe)] {
            if !patterns.is_empty() {
                writeln!(out, "\tmay {what} of its own:\t{}", patterns.join("  "))?;
            }
        }
    }
    Ok(Exit::Ok)
}

/// How long the certificate that lasts longest is still good.
fn days_left(d: &dto::Device) -> String {
    let usable = d.certificates.iter().filter(|c| c.revoked.is_none());
    match usable.map(|c| c.days_left).max() {
        None => "no certificate".into(),
        Some(n) if n < 0 => "certificate expired".into(),
        Some(n) => format!("certificate {n} days"),
    }
}

fn certificate(c: &DeviceCert) -> anyhow::Result<Exit> {
    if let Some(serial) = &c.revoke {
        let device = ask(&c.target, |r| r.revoke_certificate(&c.name, serial))?;
        eprintln!("certificate {serial} of device {:?} is revoked", c.name);
        if c.target.json {
            json(&device)?;
        }
        return Ok(Exit::Ok);
    }
    let dir = c.out.clone().unwrap_or_else(|| PathBuf::from("."));
    // Before it is issued: a certificate whose key could not be written is of no use to anybody.
    let files = if c.target.json && c.out.is_none() { None } else { Some(Files::in_dir(&dir, &c.name)?) };
    let issued = ask(&c.target, |r| r.issue(&c.name, c.days))?;
    if let Some(files) = files {
        write(&files.key, issued.key.as_bytes(), 0o600)?;
        write(&files.certificate, issued.certificate.as_bytes(), 0o644)?;
        write(&files.authority, issued.authority.as_bytes(), 0o644)?;
        eprintln!("certificate {} of device {:?}, valid until {}:", issued.serial, c.name, issued.expires);
        if !c.target.json {
            let mut out = io::stdout().lock();
            for path in [&files.certificate, &files.key, &files.authority] {
                writeln!(out, "{}", path.display())?;
            }
            return Ok(Exit::Ok);
        }
    }
    json(&issued)?;
    Ok(Exit::Ok)
}

/// Where a certificate is written to.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

impl Files {
    /// Makes the directory and checks that nothing is overwritten but the authority's certificate.
    fn in_dir(dir: &Path, name: &str) -> anyhow::Result<Self> {
        // The name of a device that exists has no slash; what somebody typed may.
        if name.contains('/') || name.starts_with('.') {
            return Err(invalid(format!("{name:?} cannot be the name of a file: use --json")));
        }
        std::fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        let file = |suffix: &str| dir.join(format!("{name}.{suffix}"));
        let files = Self { certificate: file("crt"), key: file("key"), authority: dir.join("ca.crt") };
        for path in [&files.certificate, &files.key] {
            if path.exists() {
                return Err(invalid(format!("{} is there already: move it away, or use --out", path.display())));
            }
        }
        Ok(files)
    }
}

/// The password from standard input, where it is to come from there; never from the command line, where others see it.
pub(super) fn given(from_stdin: bool) -> anyhow::Result<Option<String>> {
    if !from_stdin {
        return Ok(None);
    }
    if io::stdin().is_terminal() {
        eprint!("password (it will be shown as you type; pipe it in to avoid that): ");
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("no password on standard input")?;
    let line = line.trim_end_matches(['\r', '\n']).to_owned();
    password::check(&line).map_err(|e| invalid(e.to_string()))?;
    Ok(Some(line))
}
