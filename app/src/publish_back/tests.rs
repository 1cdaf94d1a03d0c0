//! Publishing at a remote whose connection is played by the test: it takes from the outbox and acknowledges.

use broker::remote::Options;
use broker::{BoxFuture, ClientInfo, Intake, IntakeClosed, Publish as Incoming, Receipt};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, Evidence, ManualClock, PointId, Priority, Quality,
    Timestamp, Trigger,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::stage::Switch;

const PATIENCE: Duration = Duration::from_secs(20);
const BOTH: Publish = Publish { indicators: true, alarms: true };

struct Nobody;

impl Intake for Nobody {
    fn accept(&self, _: Arc<ClientInfo>, _: Vec<Incoming>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
        Box::pin(async { Err(IntakeClosed) })
    }
    fn refused(&self, _: Arc<ClientInfo>, _: u64, _: &'static str) {}
}

fn open(dir: &std::path::Path) -> (Historian, Arc<dyn Clock>) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_secs(1_735_689_600)));
    (Historian::open(historian::Config::new(dir), clock.clone()).unwrap(), clock)
}

fn remote(outbox_messages: usize) -> Arc<Remote> {
    Remote::new(Options { outbox_messages, ..Options::new("plant", "h", 1, "c") }, Arc::new(Nobody)).unwrap()
}

fn alarm(machine: &str, value: f64) -> Finding {
    let point: PointId = format!("{machine}/temp").parse().unwrap();
    Finding::Alarm(AlarmTransition {
        key: AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High },
        t: Timestamp::from_secs(1_735_689_600),
        from: AlarmState::Normal,
        to: AlarmState::Unacknowledged,
        trigger: Trigger::Raised,
        priority: Priority::High,
        value: Some(value),
        limit: Some(1.0),
        unit: None,
        evidence: Evidence::default(),
        inhibited: None,
        first_out: false,
    })
}

fn indicator(point: &str, value: f64) -> Finding {
    Finding::Indicator(IndicatorValue {
        point: point.parse().unwrap(),
        name: Name::new("rms").unwrap(),
        t: Timestamp::from_secs(1_735_689_600),
        value,
        quality: Quality::Good,
        unit: None,
    })
}

async fn commit(store: &Historian, findings: Vec<Finding>) {
    store.recorder().commit(Batch { findings, ..Batch::default() }).await.unwrap();
}

/// Publishing under way, and how to end it.
async fn start(
    store: &Historian,
    clock: &Arc<dyn Clock>,
    to: &Arc<Remote>,
) -> (Switch, JoinHandle<anyhow::Result<()>>) {
    let back = PublishBack::open(Target::Remote(to.clone()), BOTH, store, clock.clone()).await.unwrap();
    let switch = Switch::new();
    let task = tokio::spawn(back.run(switch.thrown()));
    (switch, task)
}

/// The next message as a connection takes it: topic and payload, and its packet id.
async fn take(from: &Remote) -> (String, serde_json::Value, u16) {
    let (message, _) = timeout(PATIENCE, from.outbox().next()).await.expect("a message comes");
    let id = from.outbox().free_id();
    from.outbox().sent(id);
    (message.topic.to_string(), serde_json::from_slice(&message.payload).unwrap(), id)
}

async fn take_acknowledged(from: &Remote) -> (String, serde_json::Value) {
    let (topic, payload, id) = take(from).await;
    from.outbox().acknowledged(id);
    (topic, payload)
}

/// Waits until publishing has stored that everything up to the journal's end has arrived.
async fn until_stored(store: &Historian, seq: Seq) {
    let mut tail = store.tail(seq);
    loop {
        let committed = timeout(PATIENCE, tail.next()).await.expect("progress is stored").unwrap();
        let stored = committed.batch.progress.as_ref().and_then(|p| decode(p.state.as_deref()?));
        if stored.is_some_and(|(at, _)| at >= seq) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_published_until_it_was_acknowledged_and_then_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, clock) = open(dir.path());
    commit(&store, vec![alarm("s/before", 0.0)]).await;

    let there = remote(100);
    let (switch, task) = start(&store, &clock, &there).await;
    let (topic, state) = take_acknowledged(&there).await;
    assert_eq!((&*topic, &state["active"]), ("danxia/v1/s/before/alarm/state", &1.into()), "what stands is told");
    commit(&store, vec![alarm("s/m", 2.0), alarm("s/m", 3.0)]).await;
    for value in [2.0, 3.0] {
        let (topic, payload, _) = take(&there).await;
        assert_eq!((&*topic, &payload["value"]), ("danxia/v1/s/m/alarm", &value.into()), "none of the time before");
    }
    switch.throw();
    task.await.unwrap().unwrap();
    drop(store);

    // Neither was acknowledged, and the process is gone: both are published again, and what came meanwhile.
    let (store, clock) = open(dir.path());
    commit(&store, vec![alarm("s/m", 4.0)]).await;
    let head = store.head();
    let there = remote(100);
    let (switch, task) = start(&store, &clock, &there).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        let (topic, payload) = take_acknowledged(&there).await;
        seen.push((topic, payload["value"].as_f64()));
    }
    let of = |machine: &str, end: &str, value| (format!("danxia/v1/s/{machine}/{end}"), value);
    assert_eq!(
        seen,
        [
            of("before", "alarm/state", None),
            of("m", "alarm/state", None),
            of("m", "alarm", Some(2.0)),
            of("m", "alarm", Some(3.0)),
            of("m", "alarm", Some(4.0)),
            of("m", "alarm/state", None),
        ]
    );
    until_stored(&store, head).await;
    switch.throw();
    task.await.unwrap().unwrap();
    drop(store);

    let (store, clock) = open(dir.path());
    let there = remote(100);
    let (switch, task) = start(&store, &clock, &there).await;
    take_acknowledged(&there).await;
    take_acknowledged(&there).await;
    commit(&store, vec![alarm("s/m", 5.0)]).await;
    assert_eq!(take_acknowledged(&there).await.1["value"], 5.0, "the two states, and nothing twice");
    switch.throw();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_values_give_way_and_alarms_wait() {
    let dir = tempfile::tempdir().unwrap();
    let (store, clock) = open(dir.path());
    let there = remote(4);
    let (switch, task) = start(&store, &clock, &there).await;
    let values = |n: f64| vec![indicator("s/a/p", n), indicator("s/b/p", n), indicator("s/a/q", n)];
    commit(&store, values(1.0)).await;
    let (topic, payload, _) = take(&there).await;
    assert_eq!((&*topic, payload.as_array().unwrap().len()), ("danxia/v1/s/a/indicator", 2), "one message a machine");
    assert_eq!(take(&there).await.0, "danxia/v1/s/b/indicator");
    // Two are under way, and two more have room.
    for n in 2..=9 {
        commit(&store, values(f64::from(n))).await;
    }
    let dropped = async {
        while there.outbox().dropped() < 14 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, dropped).await.expect("the oldest go");
    assert_eq!(there.outbox().outstanding(), 4);
    commit(&store, (0..10).map(|n| alarm("s/a", f64::from(n))).collect()).await;
    for id in [1, 2] {
        assert!(there.outbox().acknowledged(id));
    }
    let mut alarms = Vec::new();
    while alarms.len() < 10 {
        let (topic, payload) = take_acknowledged(&there).await;
        if topic.ends_with("/alarm") {
            alarms.push(payload["value"].as_f64().unwrap());
        }
    }
    assert_eq!(alarms, (0..10).map(f64::from).collect::<Vec<_>>(), "all of them, in order");
    assert_eq!(there.outbox().dropped(), 14, "no alarm among them");
    switch.throw();
    task.await.unwrap().unwrap();
}

struct Anybody;

impl broker::Authenticator for Anybody {
    fn verify(&self, _: broker::Login) -> BoxFuture<'static, Result<broker::Identity, broker::Denied>> {
        Box::pin(async { Err(broker::Denied::Credentials) })
    }
}

/// Subscribes to the states of alarms: the retained ones, by topic.
async fn retained_states(at: std::net::SocketAddr, how_many: usize) -> BTreeMap<String, serde_json::Value> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut io = tokio::net::TcpStream::connect(at).await.unwrap();
    io.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01r").await.unwrap();
    let filter = b"danxia/v1/+/+/alarm/state";
    io.write_all(&[&[0x82, filter.len() as u8 + 5, 0, 1, 0, filter.len() as u8], &filter[..], &[0]].concat())
        .await
        .unwrap();
    let mut found = BTreeMap::new();
    while found.len() < how_many {
        let first = io.read_u8().await.unwrap();
        let (mut len, mut shift, mut more) = (0, 0, true);
        while more {
            let byte = io.read_u8().await.unwrap();
            len |= usize::from(byte & 0x7f) << shift;
            (shift, more) = (shift + 7, byte >= 0x80);
        }
        let mut body = vec![0; len];
        io.read_exact(&mut body).await.unwrap();
        if first == 0x31 {
            let topic = 2 + usize::from(body[1]);
            let name = String::from_utf8(body[2..topic].to_vec()).unwrap();
            found.insert(name, serde_json::from_slice(&body[topic..]).unwrap());
        }
    }
    found
}

/// Our own broker has forgotten what the platform had it retain: after a restart it is told anew, also of what changed
/// meanwhile and of alarms that are over.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_whoever_subscribes_gets_the_state_of_every_alarm() {
    let dir = tempfile::tempdir().unwrap();
    for life in 0..3 {
        let (store, clock) = open(dir.path());
        match life {
            0 => commit(&store, vec![alarm("s/a", 2.0), alarm("s/b", 2.0)]).await,
            1 => {
                let Finding::Alarm(raised) = alarm("s/a", 0.5) else { unreachable!() };
                let over = AlarmTransition {
                    from: AlarmState::Unacknowledged,
                    to: AlarmState::Normal,
                    trigger: Trigger::Cleared,
                    ..raised
                };
                commit(&store, vec![Finding::Alarm(over), alarm("s/c", 2.0)]).await;
            }
            _ => {}
        }
        let config = broker::Config { anonymous: true, ..broker::Config::default() };
        let own = Broker::new(config, Arc::new(Nobody), Arc::new(Anybody)).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (switch, shut) = (Switch::new(), Switch::new());
        let door = tokio::spawn(own.clone().serve(listener, None, shut.thrown()));
        let back = PublishBack::open(Target::Broker(own), BOTH, &store, clock.clone()).await.unwrap();
        let task = tokio::spawn(back.run(switch.thrown()));
        let expect: &[_] = if life == 0 { &[("a", 1), ("b", 1)] } else { &[("a", 0), ("b", 1), ("c", 1)] };
        let asked = async {
            // Who subscribes before it is said hears it as it is said; here it is asked for until it is retained.
            loop {
                let states = timeout(Duration::from_millis(200), retained_states(at, expect.len())).await;
                if let Ok(states) = states {
                    return states;
                }
            }
        };
        let states = timeout(PATIENCE, asked).await.expect("the states are retained");
        let found: Vec<_> = states.iter().map(|(topic, state)| (&**topic, state["active"].as_u64().unwrap())).collect();
        let expect: Vec<_> = expect.iter().map(|(m, n)| (format!("danxia/v1/s/{m}/alarm/state"), *n)).collect();
        assert_eq!(found, expect.iter().map(|(topic, n)| (&**topic, *n)).collect::<Vec<_>>(), "life {life}");
        switch.throw();
        task.await.unwrap().unwrap();
        shut.throw();
        door.await.unwrap().unwrap();
    }
}

#[test]
fn a_cursor_comes_back_as_it_was_stored() {
    for cursor in [(0, 0), (7, u32::MAX), (Historian::UNBOUND, 3)] {
        assert_eq!(decode(&encode(cursor)), Some(cursor));
    }
    assert_eq!((decode(b""), decode(b"12345678"), decode(&[0; 13])), (None, None, None));
}
