//! Certificates and revocation lists that change while the platform runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::{Tls, TlsFiles};
use tokio::time::{MissedTickBehavior, interval};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// Has new connections get what `files` hold, from half a minute after they changed at the latest. Files that cannot be
/// used are named in the log once, and what was there before stays.
pub async fn run(tls: Tls, files: TlsFiles, shutdown: impl Future<Output = ()>) {
    let paths = paths(&files);
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
        if now == known {
            continue;
        }
        known = now;
        let files = files.clone();
        match tokio::task::spawn_blocking(move || files.acceptor()).await {
            Ok(Ok(acceptor)) => {
                tls.replace(acceptor);
                tracing::info!("certificates of MQTT over TLS were read again");
            }
            Ok(Err(e)) => tracing::error!("certificates changed and cannot be used, the old ones stay: {e}"),
            Err(e) => tracing::error!("certificates could not be read again: {e}"),
        }
    }
}

fn paths(files: &TlsFiles) -> Vec<PathBuf> {
    let clients = files.clients.iter().flat_map(|c| [Some(c.authorities.clone()), c.revoked.clone()]);
    [Some(files.certificates.clone()), Some(files.key.clone())].into_iter().chain(clients).flatten().collect()
}

/// What tells whether a file is another than before.
async fn look(paths: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    // They are a few kilobytes: their content is the one thing that cannot deceive.
    let paths = paths.to_owned();
    let read = |path: &PathBuf| std::fs::read(Path::new(path)).ok();
    tokio::task::spawn_blocking(move || paths.iter().map(read).collect()).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../broker/tests/tls/localhost.crt");
    const KEY: &[u8] = include_bytes!("../../broker/tests/tls/localhost.key");

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_used_and_broken_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("crt"), CERTIFICATE).unwrap();
        std::fs::write(path("key"), KEY).unwrap();
        let files = TlsFiles { certificates: path("crt"), key: path("key"), clients: None };
        let tls = Tls::from(files.acceptor().unwrap());
        let config = |tls: &Tls| std::sync::Arc::as_ptr(tls.current().config()) as usize;
        let first = config(&tls);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(run(tls.clone(), files, async { drop(stopped.await) }));
        tokio::time::sleep(2 * LOOK).await;
        assert_eq!(config(&tls), first, "nothing changed");
        std::fs::write(path("crt"), b"half written").unwrap();
        tokio::time::sleep(2 * LOOK).await;
        assert_eq!(config(&tls), first, "what cannot be used is not used");
        std::fs::write(path("crt"), CERTIFICATE).unwrap();
        tokio::time::sleep(2 * LOOK).await;
        assert_ne!(config(&tls), first);
        drop(stop);
        task.await.unwrap();
    }
}
