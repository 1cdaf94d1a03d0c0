//! Values as files: what is in them, and that a client that takes nothing holds nobody up.

use std::sync::Arc;
use std::time::Duration;

use historian::Batch;
use plant::{Observation, PointId, Quality, Timestamp, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answers::encode;
use crate::house::{House, NOW, PATIENCE, Reply, TEMP, VIB, history};

#[tokio::test]
async fn the_values_of_a_point_or_a_machine_as_files() {
    let house = House::open().await;
    house.commit(history()).await;
    let path = format!("/api/v1/export/points?point={}", encode(TEMP));
    let csv = house.get(&path).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"points.csv\""));
    let said = text(&csv);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 301);
    assert_eq!(lines[0], "time_ns,site,machine,point,value,quality");
    let (site, machine, point) =
        (TEMP.split('/').next().unwrap(), TEMP.split('/').nth(1).unwrap(), TEMP.rsplit('/').next().unwrap());
    assert_eq!(lines[1], format!("{}000000000,{site},{machine},{point},60,good", NOW - 300));

    let some = format!("{path}&format=ndjson&from={}&to={}", (NOW - 10) * 1000, (NOW - 5) * 1000);
    let ndjson = house.get(&some).await;
    assert_eq!((text(&ndjson).lines().count(), ndjson.header("content-type")), (5, Some("application/x-ndjson")));
    let parquet = house.get(&format!("{path}&format=parquet")).await;
    let parquet = whole(&parquet);
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));

    let machine = encode(&TEMP[..TEMP.rfind('/').unwrap()]);
    let all = text(&house.get(&format!("/api/v1/export/points?machine={machine}&indicators=yes")).await);
    assert_eq!(all.lines().filter(|l| l.ends_with(",velocity_rms")).count(), 2);
    // A known point may have said nothing; that is an empty file of its form.
    let silent = house.get(&format!("/api/v1/export/points?point={}", encode(VIB))).await;
    assert_eq!((silent.status, text(&silent).lines().count()), (200, 1));
    for (query, status) in [
        ("", 400),
        ("point=a", 400),
        ("point=a%2Fb%2Fc", 404),
        ("machine=a%2Fb", 404),
        ("machine=a%2Fb&point=a%2Fb%2Fc", 400),
        ("point=a%2Fb%2Fc&format=xlsx", 400),
        ("point=a%2Fb%2Fc&limit=1", 400),
    ] {
        assert_eq!(house.get(&format!("/api/v1/export/points?{query}")).await.status, status, "{query}");
    }
}

/// The body of an answer that came in chunks; all of it must be there. A short one may be ready before its head is sent, and
/// comes in one piece then.
pub fn whole(reply: &Reply) -> Vec<u8> {
    if let Some(length) = reply.header("content-length") {
        assert_eq!(length, reply.body.len().to_string());
        return reply.body.clone();
    }
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut body) = (&reply.body[..], Vec::new());
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

pub fn text(reply: &Reply) -> String {
    String::from_utf8(whole(reply)).unwrap()
}

/// More than the system's buffers between two sockets hold.
async fn much(house: &House, point: &PointId) {
    let long: Arc<str> = "x".repeat(4_000).into();
    for n in 0..8 {
        let one = |i: i64| {
            let t = Timestamp::from_nanos(Timestamp::from_secs(NOW - 1_000).nanos() + n * 1_000 + i);
            Observation {
                point: point.clone(),
                t,
                t_received: t,
                value: Value::Text(long.clone()),
                quality: Quality::Good,
                seq: None,
            }
        };
        house.commit(Batch { observations: (0..1_000).map(one).collect(), ..Batch::default() }).await;
    }
}

#[tokio::test]
async fn no_more_exports_at_once_than_there_is_room_for_and_who_goes_makes_room() {
    let house = House::open().await;
    let point: PointId = "s/m/log".parse().unwrap();
    much(&house, &point).await;
    let path = format!("/api/v1/export/points?point={}", encode(point.as_str()));
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(house.address).await.unwrap();
        socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", house.address).as_bytes()).await.unwrap();
        let mut first = [0; 15];
        timeout(PATIENCE, socket.read_exact(&mut first)).await.expect("an answer in time").unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stalled.push(socket);
    }
    let refused = house.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    // Reads of others go on meanwhile.
    house.json(&format!("/api/v1/series/last?point={}", encode(point.as_str()))).await;
    drop(stalled);
    let none = format!("{path}&from={}", (NOW - 500) * 1_000);
    let served = async {
        loop {
            let reply = house.get(&none).await;
            if reply.status == 200 {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let served = timeout(PATIENCE, served).await.expect("room in time");
    assert_eq!(text(&served).lines().count(), 1);
}
