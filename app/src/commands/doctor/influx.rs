//! Is InfluxDB there, may we write, and does the bucket keep what it should?

use std::sync::Arc;
use std::time::Duration;

use influx::http::{Body, Client};
use influx::line::Lines;
use influx::{Trouble, judge};
use plant::Timestamp;

use crate::clock::SystemClock;
use crate::config::Influx;

/// How long each answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Three checks by name; each failure says how to mend it.
pub async fn checks(settings: &Influx) -> Vec<(&'static str, Result<String, String>)> {
    let target = &settings.shipper.target;
    let mut client = Client::new(target.clone(), PATIENCE, Arc::new(SystemClock));
    let reached = health(&mut client).await;
    if reached.is_err() {
        return vec![("influx", reached)];
    }
    let written = write(&mut client, settings).await;
    if written.is_err() {
        return vec![("influx", reached), ("write", written)];
    }
    let kept = bucket(&mut client, settings.read_after).await;
    vec![("influx", reached), ("write", written), ("bucket", kept)]
}

async fn health(client: &mut Client) -> Result<String, String> {
    let url = client.target().url();
    let fix = "check influx.url, and that InfluxDB runs (deploy/influxdb: `docker compose ps`)";
    let reply = client.get("/health").await.map_err(|e| format!("{e}; {fix}"))?;
    if reply.status != 200 {
        return Err(format!("{url}/health answers {}: {fix}", reply.status));
    }
    let said: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |key: &str| said.get(key).and_then(|v| v.as_str()).unwrap_or_default();
    match text("status") {
        "" | "pass" => Ok(format!("{url} answers {} {}", text("name"), text("version")).trim_end().to_owned()),
        other => Err(format!("{url} says {other}: {}; its own log says more", text("message"))),
    }
}

/// Writes the one point of the measurement `danxia_probe`, always the same.
async fn write(client: &mut Client, settings: &Influx) -> Result<String, String> {
    let mut lines = Lines::default();
    lines.probe(Timestamp::from_secs(1_700_000_000));
    let answer = client.write(Body::lines(lines.text(), settings.shipper.gzip)).await;
    let t = client.target();
    match judge(&answer) {
        Ok(()) => Ok(format!("the token may write into {} of {} (one point of danxia_probe)", t.bucket, t.org)),
        Err(Trouble::Away(why)) => Err(format!("{why}; try again when it is up")),
        Err(Trouble::Refused(why)) => Err(format!("{why}; {}", fix(&why, &t.org, &t.bucket))),
    }
}

fn fix(why: &str, org: &str, bucket: &str) -> String {
    match why.get(..8) {
        Some("HTTP 401" | "HTTP 403") => {
            format!(
                "make a token that may write: `influx auth create --org {org} --write-bucket ID`, and put it into the \
                     file of influx.token_file"
            )
        }
        Some("HTTP 404") => {
            format!(
                "make what is missing (`influx bucket create --org {org} --name {bucket}`), or correct influx.org and \
                     influx.bucket"
            )
        }
        _ => "correct influx.url, influx.org and influx.bucket".into(),
    }
}

async fn bucket(client: &mut Client, read_after: Option<Duration>) -> Result<String, String> {
    let name = client.target().bucket.clone();
    let path = format!("/api/v2/buckets?{}&limit=100", client.org());
    let unknown = |why: &str| Ok(format!("how long {name} keeps what is in it is not known: {why}"));
    let reply = client.get(&path).await?;
    if reply.status != 200 {
        return unknown("the server does not tell");
    }
    let said: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let buckets = said["buckets"].as_array().cloned().unwrap_or_default();
    let Some(found) = buckets.iter().find(|b| b["name"] == *name) else {
        return unknown("the token may not read it");
    };
    let keeps = found["retentionRules"][0]["everySeconds"].as_u64().unwrap_or(0);
    retention(&name, keeps, read_after)
}

/// `keeps` in seconds, 0 for ever.
fn retention(name: &str, keeps: u64, read_after: Option<Duration>) -> Result<String, String> {
    let days = keeps / 86_400;
    match read_after {
        _ if keeps == 0 => Ok(format!("{name} keeps what is in it for ever")),
        Some(after) if keeps <= after.as_secs() => Err(format!(
            "{name} keeps {days} days, and is read only for what is older than {} days: it has nothing of that; `influx \
             bucket update --name {name} --retention 0` keeps it for ever",
            after.as_secs() / 86_400
        )),
        _ => Ok(format!("{name} keeps what is in it for {days} days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_fix() {
        assert!(fix("HTTP 401: unauthorized access", "o", "b").contains("influx auth create --org o"));
        assert!(fix("HTTP 404: bucket \"b\" not found", "o", "b").contains("influx bucket create --org o --name b"));
        assert!(fix("HTTP 405", "o", "b").contains("influx.url"));
    }

    #[test]
    fn a_bucket_that_forgets_before_it_is_read_is_said() {
        let day = Duration::from_secs(86_400);
        assert!(retention("b", 0, Some(day)).unwrap().contains("for ever"));
        assert!(retention("b", 30 * 86_400, Some(7 * day)).unwrap().contains("30 days"));
        assert!(retention("b", 7 * 86_400, Some(30 * day)).unwrap_err().contains("--retention 0"));
    }
}
