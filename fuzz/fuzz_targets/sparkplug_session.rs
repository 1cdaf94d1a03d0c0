//! The Sparkplug host: births, data, deaths, STATE and the passing of time in any order, for two edge nodes with two
//! devices each, with commits that fail now and then. A small model beside it says what must never happen.
#![no_main]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use collector::dry::Dry;
use collector::wire::sparkplug::{self, Algorithm, DataType, Metric, MetricValue, Payload};
use collector::{Command, Config};
use historian::Batch;
use libfuzzer_sys::fuzz_target;
use plant::{Name, Quality, Reason, Timestamp};

const REBIRTH: Duration = Duration::from_secs(5);
const MACHINES: usize = 5;
const POINTS: usize = 6;

/// Names that an alias had in any birth of the session, by alias.
type Aliases = HashMap<u64, HashSet<String>>;

#[derive(Default)]
struct Node {
    /// What the births of this session introduced; `None` outside a session.
    own: Option<Aliases>,
    devices: HashMap<u8, Aliases>,
    /// Devices whose birth came before the node's and waits in quarantine: it may be read again at any tick.
    early: HashSet<u8>,
    bd_seq: Option<u64>,
    died: Option<u64>,
    seq: u8,
    asked: Option<Timestamp>,
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn metric(&mut self, t: u64, birth: bool) -> Option<Metric> {
        let what = self.next()?;
        let (name, alias) = (format!("m{}", what & 3), u64::from(what >> 2 & 3));
        let (datatype, value) = match self.next()? {
            0 => (DataType::Boolean, MetricValue::Boolean(true)),
            1 => (DataType::UInt8, MetricValue::Int(300)),
            2 => (DataType::Double, MetricValue::Double(f64::NAN)),
            v => (DataType::Double, MetricValue::Double(f64::from(v))),
        };
        let metric = match (birth, what >> 4 & 3) {
            (true, 0) => Metric::new(&name, datatype, value),
            (true, _) => Metric::new(&name, datatype, value).with_alias(alias),
            (false, 0) => Metric::new(&name, datatype, value),
            (false, _) => Metric::aliased(alias, value),
        };
        Some(if what & 0x80 == 0 { metric.at(t) } else { metric })
    }
}

fn introduce(aliases: &mut Aliases, metrics: &[Metric]) {
    for m in metrics {
        if let (Some(name), Some(alias)) = (&m.name, m.alias) {
            aliases.entry(alias).or_default().insert(name.clone());
        }
    }
}

/// What holds of every batch.
fn check(batch: &Batch) -> (u64, u64) {
    let sum = |f: fn(&historian::LedgerDelta) -> u64| batch.ledger.iter().map(f).sum::<u64>();
    let (received, released) = (sum(|l| l.received), sum(|l| l.released));
    let (committed, duplicates, quarantined) = (sum(|l| l.committed), sum(|l| l.duplicates), sum(|l| l.quarantined));
    assert_eq!(received + released, committed + duplicates + quarantined, "the ledger adds up");
    assert_eq!(quarantined, batch.quarantine.len() as u64);
    (received, sum(|l| l.gaps))
}

/// No value of a device, or of a node, that is not introduced by a birth of the session that lives.
fn only_of_those_who_are_born(nodes: &[Node; 2], batch: &Batch) {
    for o in &batch.observations {
        if o.quality == Quality::Bad(Reason::Offline) {
            continue;
        }
        let machine = o.point.machine_str().strip_prefix("g/e").expect("a machine of the two nodes");
        let (node, device) = machine.split_once(".d").map_or((machine, None), |(n, d)| (n, Some(d)));
        let node = &nodes[usize::from(node == "1")];
        assert!(node.own.is_some(), "a value of {} outside a session", o.point);
        if let Some(device) = device {
            let device: u8 = device.parse().expect("a number");
            assert!(
                node.devices.contains_key(&device) || node.early.contains(&device),
                "a value of {} before its birth",
                o.point
            );
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let Some(settings) = bytes.next() else { return };
    let config = Config {
        adopt: settings & 3 != 0,
        machines: MACHINES,
        points: POINTS,
        host_id: Name::new("danxia").ok(),
        rebirth_interval: REBIRTH,
        reorder_window: Duration::from_secs(u64::from(settings >> 2 & 3)),
        ..Config::default()
    };
    let mut dry = Dry::new(config);
    let mut nodes = [Node::default(), Node::default()];
    let mut now = Timestamp::from_secs(1_735_689_600);
    let (mut sent, mut received, mut gaps) = (0_u64, 0_u64, 0_u64);
    let asked = |nodes: &mut [Node; 2], commands: &[Command], now: Timestamp| {
        for command in commands {
            let Some(edge) = command.topic.strip_prefix("spBv1.0/g/NCMD/e") else {
                assert_eq!(command.topic, "spBv1.0/STATE/danxia");
                continue;
            };
            let node = &mut nodes[usize::from(edge == "1")];
            assert!(node.asked.is_none_or(|t| now.since(t) >= REBIRTH), "asked for a birth too often");
            node.asked = Some(now);
        }
    };
    while let Some(op) = bytes.next() {
        let stored = op & 0x70 != 0;
        let (which, device) = (usize::from(op >> 3 & 1), op >> 7);
        if op & 7 >= 6 {
            let Some(step) = bytes.next() else { break };
            if op & 7 == 7 && step & 1 == 1 {
                // STATE: ours, somebody else's, or none at all.
                let payload = match step >> 1 & 3 {
                    0 => sparkplug_state(true, now),
                    1 => sparkplug_state(false, now),
                    2 => Vec::new(),
                    _ => bytes.0.to_vec(),
                };
                if step & 0x80 != 0 {
                    dry.host_birth(now);
                }
                let (batch, commands) = dry.send("spBv1.0/STATE/danxia", payload, now, stored);
                sent += u64::from(stored);
                received += check(&batch).0;
                asked(&mut nodes, &commands, now);
                continue;
            }
            now = now + Duration::from_millis(u64::from(step) * 40);
            let (batches, commands) = dry.tick(now, stored);
            for batch in &batches {
                let (r, g) = check(batch);
                (received, gaps) = (received + r, gaps + g);
                only_of_those_who_are_born(&nodes, batch);
            }
            asked(&mut nodes, &commands, now);
            continue;
        }
        let (Some(how), Some(count)) = (bytes.next(), bytes.next()) else { break };
        let node = &mut nodes[which];
        let seq = match how & 7 {
            0..=3 => node.seq.wrapping_add(1),
            4 => node.seq.wrapping_add(2),
            5 => node.seq,
            6 => node.seq.wrapping_sub(1),
            _ => count,
        };
        let t = (now.nanos() / 1_000_000) as u64 - u64::from(how >> 3 & 3) * 1_000;
        let birth = matches!(op & 7, 0 | 3);
        let mut metrics: Vec<Metric> = Vec::new();
        for _ in 0..count & 3 {
            metrics.extend(bytes.metric(t, birth));
        }
        let introduced = metrics.clone();
        let bd_seq = match how >> 5 & 3 {
            0 => None,
            n => Some(u64::from(n)),
        };
        if let (0 | 2, Some(n)) = (op & 7, bd_seq) {
            metrics.push(Metric::new(sparkplug::BD_SEQ, DataType::Int64, MetricValue::Long(n)));
        }
        let timestamp = (how & 0x80 == 0).then_some(t);
        let mut payload = Payload { timestamp, metrics, seq: Some(u64::from(seq)), ..Payload::default() };
        match count >> 4 {
            0 => payload.seq = Some(256),
            1 => payload = sparkplug::compress(&payload, Algorithm::Gzip),
            2 => payload = sparkplug::compress(&payload, Algorithm::Deflate),
            _ => {}
        }
        let counts = payload.seq.is_some_and(|seq| seq < 256);
        let mut encoded = sparkplug::encode(&payload);
        let garbage = count >> 4 == 3;
        if garbage {
            encoded.insert(0, 0xff);
        }
        let topic = match op & 7 {
            0 => format!("spBv1.0/g/NBIRTH/e{which}"),
            1 => format!("spBv1.0/g/NDATA/e{which}"),
            2 => format!("spBv1.0/g/NDEATH/e{which}"),
            3 => format!("spBv1.0/g/DBIRTH/e{which}/d{device}"),
            4 => format!("spBv1.0/g/DDATA/e{which}/d{device}"),
            _ => format!("spBv1.0/g/DDEATH/e{which}/d{device}"),
        };
        let (batch, commands) = dry.send(&topic, encoded, now, stored);
        // The model, where the message is one.
        if !garbage {
            match op & 7 {
                0 if counts => {
                    let mut aliases = Aliases::new();
                    introduce(&mut aliases, &introduced);
                    (node.own, node.bd_seq, node.died) = (Some(aliases), bd_seq, None);
                    node.devices.clear();
                }
                2 => {
                    let another = node.own.is_some()
                        && matches!((node.bd_seq, bd_seq), (Some(lives), Some(dies)) if lives != dies);
                    let again = node.own.is_none() && bd_seq.is_some() && node.died == bd_seq;
                    if !another && !again {
                        (node.own, node.bd_seq, node.died) = (None, None, bd_seq);
                        node.devices.clear();
                    }
                }
                3 if counts && node.own.is_none() => drop(node.early.insert(device)),
                3 if counts => introduce(node.devices.entry(device).or_default(), &introduced),
                _ => {}
            }
            if op & 7 != 2 && counts {
                node.seq = seq;
            }
        }
        let (r, g) = check(&batch);
        sent += u64::from(stored);
        (received, gaps) = (received + r, gaps + g);
        only_of_those_who_are_born(&nodes, &batch);
        // What comes by alias goes to a point that a birth of the session gave this alias.
        let read_again = op & 7 == 4 && nodes[which].early.contains(&device);
        if matches!(op & 7, 1 | 4) && !read_again && !batch.observations.is_empty() {
            let node = &nodes[which];
            let aliases = if op & 7 == 1 { node.own.as_ref() } else { node.devices.get(&device) };
            let aliases = aliases.expect("born, as was checked");
            let mut allowed: HashSet<&str> = introduced.iter().filter_map(|m| m.name.as_deref()).collect();
            let meant = introduced.iter().filter_map(|m| m.alias.filter(|_| m.name.is_none()));
            allowed.extend(meant.filter_map(|a| aliases.get(&a)).flatten().map(String::as_str));
            for o in &batch.observations {
                assert!(allowed.contains(o.point.name()), "{} was not meant", o.point);
            }
        }
        asked(&mut nodes, &commands, now);
        let held = dry.held();
        assert!(held.nodes <= 2 && held.devices <= 2 && held.missing <= 256 && held.early <= 256, "{held:?}");
    }
    assert_eq!(sent, received, "every message that was stored is counted once");
    assert!(gaps <= dry.counters().gaps, "a gap is counted once");
});

fn sparkplug_state(online: bool, t: Timestamp) -> Vec<u8> {
    format!("{{\"online\":{online},\"timestamp\":{}}}", t.nanos() / 1_000_000).into_bytes()
}
