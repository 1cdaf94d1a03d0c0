//! Sparkplug: disorder, loss, and messages that wait for their birth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plant::{Quality, Reason, Timestamp, Value};

use super::sparkplug::{DBIRTH, DDATA, DDEATH, NBIRTH, NDATA, aliased, double, node_birth};
use super::{T0, World, codes, counts, values};
use crate::interpreter::Config;
use crate::wire::sparkplug::{self, Metric, Payload};

const MS: u64 = T0 as u64 * 1000;

/// A payload sent `after` ms after the birth.
fn sent(after: u64, seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    sparkplug::encode(&Payload { timestamp: Some(MS + after), metrics, seq: Some(seq), ..Payload::default() })
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Messages lost, messages disordered, births asked for.
fn tally(world: &World) -> (u64, u64, u64) {
    let tally = &world.interpreter.tally;
    (count(&tally.gaps), count(&tally.disordered), count(&tally.rebirths))
}

fn born() -> World {
    let mut world = World::new(true);
    world.send(NBIRTH, node_birth(1, vec![double("a", 1, 0.0)]));
    world
}

#[test]
fn values_of_a_message_that_overtook_another_are_taken_at_once_and_nothing_is_asked_for() {
    let mut world = born();
    for (after, seq) in [(1, 1), (4, 4), (2, 2), (3, 3), (5, 5)] {
        let batch = world.send(NDATA, sent(after, seq, vec![aliased(1, seq as f64)]));
        assert_eq!(batch.observations[0].t, Timestamp::from_millis((MS + after) as i64));
        assert_eq!(counts(&batch), (1, 1, 0, 0), "acknowledged as soon as it is committed");
        world.later(500);
    }
    world.later(60_000);
    world.tick();
    assert_eq!(tally(&world), (0, 2, 0));
}

#[test]
fn what_does_not_come_within_the_window_is_lost_and_a_birth_is_asked_for() {
    let mut world = born();
    world.send(NDATA, sent(1, 3, vec![aliased(1, 1.0)]));
    world.later(2999);
    world.tick();
    assert_eq!(tally(&world), (0, 0, 0));
    world.later(1);
    world.tick();
    assert_eq!(tally(&world), (2, 0, 1), "numbers 1 and 2");
    assert_eq!(world.commands[0].topic, "spBv1.0/s/NCMD/e");
    // The next message tells the time as well as a tick does.
    world.send(NDATA, sent(2, 9, vec![aliased(1, 2.0)]));
    world.later(3000);
    world.send(NDATA, sent(3, 10, vec![aliased(1, 2.0)]));
    assert_eq!(tally(&world), (7, 0, 1), "asked 3 s ago: not yet again");
    world.later(2000);
    world.tick();
    assert_eq!(tally(&world), (7, 0, 2), "but not forgotten");
    world.later(60_000);
    world.tick();
    assert_eq!(tally(&world), (7, 0, 2));
}

#[test]
fn the_window_is_a_setting_and_may_be_nothing() {
    for (ms, lost) in [(0, 1), (10_000, 0)] {
        let reorder_window = Duration::from_millis(ms);
        let mut world = World::with(Config { adopt: true, reorder_window, ..Config::default() });
        world.send(NBIRTH, node_birth(1, vec![double("a", 1, 0.0)]));
        world.send(NDATA, sent(1, 2, vec![aliased(1, 1.0)]));
        world.later(5000);
        world.tick();
        assert_eq!(tally(&world).0, lost, "{ms} ms");
    }
}

#[test]
fn a_sequence_that_goes_round_for_long_has_no_gap_and_a_repeated_number_is_one() {
    let mut world = born();
    for i in 1..600_u64 {
        assert_eq!(world.send(NDATA, sent(i, i % 256, vec![aliased(1, 1.0)])).observations.len(), 1);
    }
    world.send(DBIRTH, sent(600, 600 % 256, vec![double("a", 9, 0.0)]));
    assert_eq!(
        world.send(NDATA, sent(601, 600 % 256, vec![aliased(1, 2.0)])).observations.len(),
        1,
        "no value is lost"
    );
    world.later(3000);
    world.tick();
    assert_eq!(tally(&world), (1, 0, 1));
}

#[test]
fn a_birth_within_the_window_answers_before_it_is_asked_for() {
    let mut world = born();
    world.send(NDATA, sent(1, 7, vec![aliased(1, 1.0)]));
    world.send(NBIRTH, node_birth(1, vec![double("a", 1, 0.0)]));
    world.later(60_000);
    world.tick();
    assert_eq!(tally(&world), (0, 0, 0));
}

#[test]
fn what_waited_for_a_birth_is_to_be_replayed_once_after_it() {
    let mut world = World::new(true);
    assert_eq!(codes(&world.send(NDATA, sent(7, 1, vec![aliased(1, 5.0)]))), ["sparkplug_no_birth"]);
    assert!(world.tick().is_empty(), "nobody has explained it");
    let birth = || node_birth(1, vec![double("a", 1, 4.0)]);
    world.send(NBIRTH, birth());
    assert_eq!(world.tick(), ["spBv1.0/s/NDATA/e", "spBv1.0/s/DBIRTH/e/#", "spBv1.0/s/DDATA/e/#"]);
    assert!(world.tick().is_empty());
    // One that the birth overtakes on its way into the quarantine.
    world.restart();
    let draft = world.read(&[(NDATA, sent(8, 1, vec![aliased(1, 5.0)]))]);
    world.send(NBIRTH, birth());
    assert_eq!(world.tick().len(), 3);
    world.commit(draft);
    assert_eq!(world.tick().len(), 3);
    // One whose commit failed comes again from its sender.
    world.restart();
    let draft = world.read(&[(NDATA, sent(9, 1, vec![aliased(1, 6.0)]))]);
    world.send(NBIRTH, birth());
    world.tick();
    drop(draft);
    assert!(world.tick().is_empty());
    // One that this birth does not explain waits for the next.
    assert_eq!(codes(&world.send(NDATA, sent(10, 1, vec![aliased(2, 5.0)]))), ["sparkplug_alias"]);
    assert!(world.tick().is_empty());
    world.send(DBIRTH, sent(11, 2, vec![double("b", 2, 0.0)]));
    assert_eq!(world.tick().len(), 3);
}

#[test]
fn what_overtook_its_birth_has_had_its_place() {
    for (seq, lost) in [(3, 0), (4, 1)] {
        let mut world = World::new(true);
        world.send(NDATA, sent(7, 1, vec![aliased(1, 5.0)]));
        world.send(NDATA, sent(8, 2, vec![aliased(1, 6.0)]));
        world.send(NBIRTH, node_birth(1, vec![double("a", 1, 4.0)]));
        world.send(NDATA, sent(9, seq, vec![aliased(1, 6.0)]));
        world.later(60_000);
        world.tick();
        assert_eq!(tally(&world).0, lost, "{seq}");
    }
    // What was sent before the birth is of another session, and none of its numbers are of this one.
    let mut world = World::new(true);
    world.send(NDATA, sent(7, 1, vec![aliased(1, 5.0)]));
    let later = Payload { timestamp: Some(MS + 20), seq: Some(0), ..Payload::default() };
    world.send(NBIRTH, sparkplug::encode(&later));
    world.send(NDATA, sent(21, 2, vec![]));
    world.later(60_000);
    world.tick();
    assert_eq!(tally(&world).0, 1);
}

#[test]
fn a_death_that_overtook_data_does_not_make_it_unknown_and_one_that_comes_late_kills_no_one() {
    let mut world = born();
    world.send(DBIRTH, sent(1, 1, vec![double("b", 2, 1.0)]));
    let dead = world.send(DDEATH, sent(30, 3, vec![]));
    assert_eq!(values(&dead), [("s/e.d/b", Value::Float(1.0), Quality::Bad(Reason::Offline))]);
    assert_eq!(dead.observations[0].t, Timestamp::from_millis((MS + 30) as i64));
    let late = world.send(DDATA, sent(20, 2, vec![aliased(2, 7.0)]));
    assert_eq!(values(&late), [("s/e.d/b", Value::Float(7.0), Quality::Good)]);
    assert_eq!(late.observations[0].t, Timestamp::from_millis((MS + 20) as i64));
    assert_eq!(codes(&world.send(DDATA, sent(40, 4, vec![aliased(2, 8.0)]))), ["sparkplug_no_birth"]);
    // Born again with number 6, while the death with number 5 is on its way.
    world.send(DBIRTH, sent(60, 6, vec![double("b", 2, 1.0)]));
    let stale = world.send(DDEATH, sent(50, 5, vec![]));
    assert!(stale.observations.is_empty() && stale.events.is_empty());
    assert_eq!(world.send(DDATA, sent(70, 7, vec![aliased(2, 9.0)])).observations.len(), 1);
}

#[test]
fn a_node_that_never_answers_is_asked_every_five_seconds() {
    let mut world = World::new(true);
    for i in 0..1000 {
        world.send(NDATA, sent(i, i % 256, vec![aliased(1, i as f64)]));
        world.later(100);
    }
    assert_eq!(tally(&world), (0, 0, 20));
}
