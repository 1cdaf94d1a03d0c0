//! Is every channel's server reached? Nothing is sent: that is what a test is for.

use std::time::Duration;

use notify::channel::Setup;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::Notify;

/// How long each server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One line for all channels: those that are reached, or what is wrong with one.
pub async fn check(settings: &Notify) -> Result<String, String> {
    let mut reached = Vec::new();
    for (name, setup) in &settings.setups {
        let (host, port) = match setup {
            Setup::Email(email) => (&*email.host, email.port),
            Setup::Webhook(h) | Setup::WeCom(h) | Setup::DingTalk(h) | Setup::Feishu(h) => (&*h.url.host, h.url.port),
        };
        let addresses = settings.policy.resolve(host, port).await.map_err(|e| {
            let fix = if e.code.starts_with("address_") { "name it in notify.allow" } else { "check its name" };
            format!("notify.channel.{name}: {e}; {fix}")
        })?;
        match timeout(PATIENCE, TcpStream::connect(&addresses[..])).await {
            Ok(Ok(_)) => reached.push(format!("{name} ({host}:{port})")),
            Ok(Err(e)) => return Err(format!("notify.channel.{name}: {host}:{port} is not reached: {e}")),
            Err(_) => return Err(format!("notify.channel.{name}: {host}:{port} does not answer")),
        }
    }
    Ok(format!("{}; POST /api/v1/notifications/test sends a test", reached.join(", ")))
}
