//! TLS of a listener, be it MQTT's or the page's: which certificate it shows, and whose it takes from devices.
//!
//! Where no certificate is configured the built-in authority issues one, for memory only: it is made anew at every
//! start, and again a month before it expires, so that there is nothing on disk to expire or to be stolen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use broker::{ClientCertificates, Tls, acceptor};
use plant::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use crate::config;
use crate::devices::Devices;

/// How often the files and the certificate's end are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// It is renewed when it has less than this left.
const LEFT: Duration = Duration::from_secs(30 * 86_400);

/// The TLS of a listener, and until when its certificate is valid, where that is ours to renew.
pub fn open(settings: &config::Tls, devices: &Devices) -> anyhow::Result<(Tls, Option<Timestamp>)> {
    let (acceptor, expires) = build(settings, devices).context(settings.what)?;
    Ok((Tls::from(acceptor), expires))
}

fn build(settings: &config::Tls, devices: &Devices) -> anyhow::Result<(broker::TlsAcceptor, Option<Timestamp>)> {
    let authority = devices.authority()?;
    let (certificate, key, expires) = match &settings.own {
        Some((certificate, key)) => (read(certificate)?, read(key)?, None),
        None => {
            let issued = authority.issue_server(&names(settings), devices.now())?;
            let expires = issued.record.expires;
            (issued.certificate.into_bytes(), issued.key.into_bytes(), Some(expires))
        }
    };
    let Some(clients) = &settings.clients else { return Ok((acceptor(&certificate, &key, None)?, expires)) };
    let mut authorities = authority.certificate().as_bytes().to_vec();
    let mut revoked = None;
    if let Some(ca) = &clients.ca {
        authorities.push(b'\n');
        authorities.extend(read(ca)?);
    }
    if let Some(crl) = &clients.crl {
        // Where lists are looked at, every authority needs one. Ours is empty: the register decides about ours.
        let mut lists = authority.empty_revocation_list(devices.now())?.into_bytes();
        lists.push(b'\n');
        lists.extend(read(crl)?);
        revoked = Some(lists);
    }
    let clients =
        ClientCertificates { authorities: &authorities, revoked: revoked.as_deref(), required: clients.required };
    Ok((acceptor(&certificate, &key, Some(clients))?, expires))
}

fn read(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Under which names this listener may be reached: those that were given, the address it listens on, and this
/// computer's own.
fn names(settings: &config::Tls) -> Vec<String> {
    let mut names = settings.names.clone();
    let listens = settings.listen.ip();
    let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let address = (!listens.is_unspecified()).then(|| listens.to_string());
    for name in address.into_iter().chain(own) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether anybody but this computer could reach the listener under a name that its certificate does not carry.
pub fn nameless(settings: &config::Tls) -> bool {
    let reach = |a: SocketAddr| a.ip().is_unspecified();
    settings.own.is_none() && reach(settings.listen) && settings.names.is_empty()
}

/// Has new connections get what the files hold, from half a minute after they changed at the latest, and renews the
/// certificate that is ours in time; until `shutdown` resolves. What cannot be used is named in the log once, and what was
/// there before stays.
pub async fn keep(
    tls: Tls,
    settings: config::Tls,
    devices: Arc<Devices>,
    mut expires: Option<Timestamp>,
    shutdown: impl Future<Output = ()>,
) {
    let paths = paths(&settings);
    let mut known = look(&paths).await;
    let mut tick = interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {}
        }
        let now = look(&paths).await;
        if now == known && !expires.is_some_and(|e| due(e, devices.now())) {
            continue;
        }
        known = now;
        let what = settings.what;
        let (settings, devices) = (settings.clone(), devices.clone());
        match tokio::task::spawn_blocking(move || build(&settings, &devices)).await {
            Ok(Ok((acceptor, until))) => {
                tls.replace(acceptor);
                expires = until;
                tracing::info!("certificates of {what} were renewed, or read again");
            }
            Ok(Err(e)) => tracing::error!("certificates of {what} cannot be used, the old ones stay: {e:#}"),
            Err(e) => tracing::error!("certificates of {what} could not be read again: {e}"),
        }
    }
}

/// The files that may change.
fn paths(settings: &config::Tls) -> Vec<PathBuf> {
    let own = settings.own.iter().flat_map(|(certificate, key)| [certificate.clone(), key.clone()]);
    let clients = settings.clients.iter().flat_map(|c| c.ca.clone().into_iter().chain(c.crl.clone()));
    own.chain(clients).collect()
}

/// What tells whether a file is another than before.
async fn look(paths: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    // They are a few kilobytes: their content is the one thing that cannot deceive.
    let paths = paths.to_owned();
    let read = |path: &PathBuf| std::fs::read(path).ok();
    tokio::task::spawn_blocking(move || paths.iter().map(read).collect()).await.unwrap_or_default()
}

fn due(expires: Timestamp, now: Timestamp) -> bool {
    now + LEFT >= expires
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(listen: &str, names: &[&str]) -> config::Tls {
        config::Tls {
            what: "TLS",
            listen: listen.parse().unwrap(),
            own: None,
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            clients: Some(config::Clients::default()),
        }
    }

    #[test]
    fn the_certificate_carries_every_name_once() {
        let all = names(&settings("10.0.0.5:8883", &["mqtt.plant.example", "localhost"]));
        assert_eq!(all, ["mqtt.plant.example", "localhost", "10.0.0.5", "127.0.0.1", "::1"]);
        assert_eq!(names(&settings("0.0.0.0:8883", &[])), ["localhost", "127.0.0.1", "::1"]);
        assert!(nameless(&settings("0.0.0.0:8883", &[])));
        assert!(!nameless(&settings("0.0.0.0:8883", &["a"])));
        assert!(!nameless(&settings("127.0.0.1:8883", &[])));
    }

    #[test]
    fn it_is_renewed_a_month_before_its_end() {
        let day = |d: i64| Timestamp::from_secs(d * 86_400);
        assert!(!due(day(100), day(69)));
        assert!(due(day(100), day(70)));
        assert!(due(day(100), day(200)));
    }

    const CERTIFICATE: &[u8] = include_bytes!("../../broker/tests/tls/localhost.crt");
    const KEY: &[u8] = include_bytes!("../../broker/tests/tls/localhost.key");
    const NOW: Timestamp = Timestamp::from_secs(1_795_392_000);

    /// A listener that is kept, and how to tell which of its acceptors is in use.
    async fn kept(settings: config::Tls, steps: impl AsyncFnOnce(&plant::ManualClock, &dyn Fn() -> usize)) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(plant::ManualClock::new(NOW));
        let store = historian::Historian::open(historian::Config::new(dir.path()), clock.clone()).unwrap();
        let devices = Arc::new(Devices::new(store.register(), dir.path(), clock.clone()).unwrap());
        let (tls, expires) = open(&settings, &devices).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(keep(tls.clone(), settings, devices, expires, async { drop(stopped.await) }));
        steps(&clock, &|| Arc::as_ptr(tls.current().config()) as usize).await;
        drop(stop);
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_used_and_broken_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("crt"), CERTIFICATE).unwrap();
        std::fs::write(path("key"), KEY).unwrap();
        let own = Some((path("crt"), path("key")));
        kept(config::Tls { own, ..settings("127.0.0.1:8883", &[]) }, async |_, config| {
            let first = config();
            tokio::time::sleep(2 * LOOK).await;
            assert_eq!(config(), first, "nothing changed");
            std::fs::write(path("crt"), b"half written").unwrap();
            tokio::time::sleep(2 * LOOK).await;
            assert_eq!(config(), first, "what cannot be used is not used");
            std::fs::write(path("crt"), CERTIFICATE).unwrap();
            tokio::time::sleep(2 * LOOK).await;
            assert_ne!(config(), first);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_issued_here_is_issued_again_in_time() {
        kept(settings("127.0.0.1:8883", &[]), async |clock, config| {
            let first = config();
            clock.set(NOW + Duration::from_secs(366 * 86_400));
            tokio::time::sleep(2 * LOOK).await;
            assert_eq!(config(), first, "it has 31 days left");
            clock.set(NOW + Duration::from_secs(368 * 86_400));
            tokio::time::sleep(2 * LOOK).await;
            let second = config();
            assert_ne!(second, first);
            tokio::time::sleep(2 * LOOK).await;
            assert_eq!(config(), second, "once");
        })
        .await;
    }
}
