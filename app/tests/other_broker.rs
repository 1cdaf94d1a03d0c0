//! A broker that is a script on a socket, and a collector that is killed.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Instance, eventually, export, fresh_port};

const T0: u64 = 1_735_689_600_000;

/// The next connection of a collector with one filter, let in: the session was there.
fn welcome(listener: &TcpListener) -> TcpStream {
    let mut there = None;
    let came = eventually(Duration::from_secs(30), || {
        there = match listener.accept() {
            Ok((stream, _)) => Some(stream),
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            Err(e) => panic!("{e}"),
        };
        there.is_some()
    });
    assert!(came, "the collector connects");
    let mut there = there.expect("it came");
    there.set_nonblocking(false).expect("blocking");
    there.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    assert_eq!(packet(&mut there).0, 0x10, "CONNECT");
    there.write_all(&[0x20, 2, 1, 0]).expect("CONNACK, session present");
    let (first, body) = packet(&mut there);
    assert_eq!(first, 0x82, "SUBSCRIBE");
    there.write_all(&[0x90, 3, body[0], body[1], 2]).expect("SUBACK");
    there
}

/// First byte and body of the next packet, of up to 127 bytes.
fn packet(from: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    from.read_exact(&mut head).expect("a packet");
    assert!(head[1] < 128, "a short packet");
    let mut body = vec![0; usize::from(head[1])];
    from.read_exact(&mut body).expect("the rest of it");
    (head[0], body)
}

/// PUBLISH with QoS 2, and its PUBREC.
fn publish(there: &mut TcpStream, dup: bool, pkid: u8, payload: &str) {
    let topic = "danxia/v1/s/m/telemetry";
    let mut body = vec![0, topic.len() as u8];
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&[0, pkid]);
    body.extend_from_slice(payload.as_bytes());
    let mut publish = vec![0x34 | if dup { 8 } else { 0 }, body.len() as u8];
    publish.extend(body);
    there.write_all(&publish).expect("PUBLISH");
    assert_eq!(packet(there), (0x50, vec![0, pkid]), "PUBREC");
}

/// Another broker, which is a listener, and settings with a session at it behind `more`.
fn other_broker(dir: &Path, more: &str) -> (TcpListener, PathBuf) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("so that it can be waited for");
    let port = listener.local_addr().expect("its address").port();
    let remote = format!("url = \"mqtt://127.0.0.1:{port}\"\nprotocol = \"3.1.1\"\nfilters = [\"danxia/v1/#\"]\n");
    let config = dir.join("danxia.toml");
    std::fs::write(&config, format!("{more}[remote.plant]\nclient_id = \"c\"\n{remote}")).expect("a file");
    (listener, config)
}

/// Packet ids of QoS 2 are not stored: a broker that did not hear the PUBREC before the collector was killed sends the
/// message again. One that says when it was measured is known again by that, and there once; one that does not is a
/// measurement of the time at which it came, both times. `docs/remote.md` says so.
#[test]
fn a_qos_2_message_that_comes_again_after_a_kill_is_known_by_its_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("data");
    let (listener, config) = other_broker(dir.path(), "");
    let (mqtt, http) = (fresh_port(), fresh_port());
    let with = ["--anonymous", "--config", config.to_str().expect("UTF-8")];
    let dated = format!("{{\"ts\":{T0},\"values\":{{\"dated\":1}}}}");
    let undated = "{\"values\":{\"undated\":1}}";

    let mut dup = false;
    for _ in 0..2 {
        let instance = Instance::start_closed(&store, mqtt, http, &with);
        let mut there = welcome(&listener);
        publish(&mut there, dup, 1, &dated);
        publish(&mut there, dup, 2, undated);
        // Within one connection, or one life of the collector, the id alone is enough.
        publish(&mut there, true, 2, undated);
        let total: serde_json::Value = serde_json::from_str(&instance.get("/api/v1/ledger/total")).expect("JSON");
        // After the kill the dated one is a duplicate, or is stored once more at the instant where it stands.
        let taken = total["committed"].as_u64().zip(total["duplicates"].as_u64()).map(|(c, d)| c + d);
        assert_eq!(taken, Some(if dup { 4 } else { 2 }));
        instance.kill();
        dup = true;
    }
    let rows = export(&store);
    let of = |point: &str| rows.iter().filter(|row| row.point == point).count();
    assert_eq!((of("dated"), of("undated")), (1, 2));
}

/// A plant that keeps its broker: no port of MQTT is opened, and everything else is as ever.
#[test]
fn without_a_door_of_our_own_machines_are_heard_at_the_other_broker() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = dir.path().join("data");
    let (listener, config) = other_broker(dir.path(), "adopt = true\n[mqtt]\nlisten = \"127.0.0.1:1883\"\n");
    let config = config.to_str().expect("UTF-8");
    let http = fresh_port();
    let instance = Instance::start_at(&store, "", http, &["--config", config]);
    let mut there = welcome(&listener);
    publish(&mut there, false, 1, &format!("{{\"ts\":{T0},\"values\":{{\"x\":1}}}}"));
    let status: serde_json::Value = serde_json::from_str(&instance.get("/api/v1/status")).expect("JSON");
    assert_eq!(status["mqtt"], serde_json::json!({"address": "", "tls_address": null}));
    let clients: serde_json::Value = serde_json::from_str(&instance.get("/api/v1/connections")).expect("JSON");
    assert_eq!(clients["clients"][0]["client_id"], "remote/plant");
    drop(there);
    instance.stop();
    assert_eq!(export(&store).len(), 1);

    let doctor = |config: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_danxia"));
        let at = format!("127.0.0.1:{http}");
        command.args(["doctor", "--mqtt", "", "--http", &at, "--data"]).arg(dir.path().join("new")).args(config);
        String::from_utf8(command.output().expect("it runs").stdout).expect("UTF-8")
    };
    let said = doctor(&["--config", config]);
    assert!(
        said.contains("not served without TLS: mqtt.listen is empty") && said.contains("a message was published"),
        "{said}"
    );
    let said = doctor(&[]);
    assert!(said.contains("machines have no other way in") && said.contains("a message was published"), "{said}");
}
