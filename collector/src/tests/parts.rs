//! Waveforms in parts: put together, given up, found again after a restart.

use std::time::Duration;

use super::*;

const TOPIC: &str = "danxia/v1/s/m/vib/waveform";

fn record(id: u128, raw: &[i16]) -> Waveform {
    let samples = Samples::I16 { raw: raw.into(), scale: 0.5, offset: 0.0 };
    let (point, t0) = ("s/m/vib".parse().unwrap(), Timestamp::from_secs(T0));
    let unit = Unit::parse("m/s²").unwrap();
    Waveform::new(WaveformId(id), point, t0, t0, 100.0, unit, samples, WaveformMeta::default()).unwrap()
}

/// The record `1, 2, …, 2·of` in parts of two samples.
fn part(id: u128, number: u32, of: u32) -> Vec<u8> {
    let n = number as i16;
    waveform::encode_part(&record(id, &[n * 2 - 1, n * 2]), number, of)
}

fn raw(batch: &Batch) -> Vec<i16> {
    let [w] = &batch.waveforms[..] else { panic!("one waveform, not {}", batch.waveforms.len()) };
    let Samples::I16 { raw, .. } = &w.samples else { panic!("integers") };
    raw.to_vec()
}

/// received, committed, duplicates, quarantined over all lines, which must add up.
fn ledger(batches: &[&Batch]) -> (u64, u64, u64, u64) {
    let lines = batches.iter().flat_map(|b| &b.ledger);
    let sum =
        lines.fold((0, 0, 0, 0), |s, l| (s.0 + l.received, s.1 + l.committed, s.2 + l.duplicates, s.3 + l.quarantined));
    assert_eq!(sum.0, sum.1 + sum.2 + sum.3);
    sum
}

impl World {
    fn expire(&mut self, after: Duration) -> Batch {
        self.now = self.now + after;
        self.drafts += 1;
        let mut draft = Draft::new(self.drafts, "tick".into(), self.now);
        self.interpreter.expire(&mut draft, &self.maps.plant(), self.now);
        self.commit(draft)
    }

    fn staged(&self) -> usize {
        self.maps.stage.lock().unwrap().len()
    }
}

#[test]
fn parts_make_the_record_in_whatever_order_they_come() {
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let mut world = World::new(true);
        let batches: Vec<Batch> = order.iter().map(|n| world.send(TOPIC, part(7, *n, 3))).collect();
        assert!(batches[..2].iter().all(|b| b.waveforms.is_empty() && b.ledger.is_empty() && b.staged.len() == 1));
        assert_eq!(raw(&batches[2]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(ledger(&batches.iter().collect::<Vec<_>>()), (3, 3, 0, 0));
        assert_eq!(world.staged(), 0);
        // Later repetitions of a part are known by the record.
        assert_eq!(counts(&world.send(TOPIC, part(7, 2, 3))), (1, 0, 1, 0));
    }
}

#[test]
fn all_parts_may_come_in_one_batch_and_a_part_twice() {
    let mut world = World::new(true);
    let messages: Vec<(&str, Vec<u8>)> = [1, 1, 2].iter().map(|n| (TOPIC, part(7, *n, 2))).collect();
    let draft = world.read(&messages);
    let batch = world.commit(draft);
    assert_eq!(raw(&batch), [1, 2, 3, 4]);
    assert_eq!(ledger(&[&batch]), (3, 2, 1, 0));
    assert_eq!(world.staged(), 0);
}

#[test]
fn parts_are_found_again_after_a_restart() {
    let mut world = World::new(true);
    world.send(TOPIC, part(7, 1, 3));
    world.send(TOPIC, part(7, 3, 3));
    world.restart();
    // The publisher did not hear of the acknowledgement: the part comes again, and is not counted twice as a part.
    let again = world.send(TOPIC, part(7, 3, 3));
    let last = world.send(TOPIC, part(7, 2, 3));
    assert_eq!(raw(&last), [1, 2, 3, 4, 5, 6]);
    assert_eq!(ledger(&[&again, &last]), (3, 3, 0, 0));
    assert_eq!(world.staged(), 0);
}

#[test]
fn a_part_that_is_not_committed_is_taken_again() {
    let mut world = World::new(true);
    world.send(TOPIC, part(7, 1, 2));
    // The draft that completes the record is thrown away, as when the disk is full.
    drop(world.read(&[(TOPIC, part(7, 2, 2))]));
    let batch = world.send(TOPIC, part(7, 2, 2));
    assert_eq!(raw(&batch), [1, 2, 3, 4]);
    assert_eq!(ledger(&[&batch]), (2, 2, 0, 0));
}

#[test]
fn a_part_that_comes_again_while_its_set_is_settled_is_acknowledged_only_with_that() {
    for committed in [true, false] {
        let mut world = World::new(true);
        // The first coming never gets as far as the disk, and nobody has heard of it.
        drop(world.read(&[(TOPIC, part(7, 1, 2))]));
        let whole = world.read(&[(TOPIC, part(7, 2, 2))]);
        assert_eq!(whole.batch.waveforms.len(), 1);
        let mut again = world.read(&[(TOPIC, part(7, 1, 2))]);
        assert!(again.batch.staged.is_empty(), "it would stay on the stage after the settlement");
        let [mut settled] = std::mem::take(&mut again.after).try_into().expect("one commit to wait for");
        let batch = world.commit(again);
        assert_eq!(counts(&batch), (1, 0, 1, 0));
        assert!(settled.borrow_and_update().is_none(), "not acknowledged yet");
        if committed {
            world.commit(whole);
            assert_eq!(*settled.borrow(), Some(Ok(())));
            assert_eq!(world.staged(), 0);
        } else {
            drop(whole);
            assert!(settled.has_changed().is_err(), "nobody says that it is on disk");
            // So it comes again, and is read.
            assert_eq!(raw(&world.send(TOPIC, part(7, 1, 2))), [1, 2, 3, 4]);
        }
    }
}

#[test]
fn a_part_left_on_the_stage_beside_its_record_is_collected_after_the_next_start() {
    let mut world = World::new(true);
    // Read before its set is settled, and committed after it.
    let late = world.read(&[(TOPIC, part(7, 1, 2))]);
    assert_eq!(raw(&world.send(TOPIC, part(7, 2, 2))), [1, 2, 3, 4]);
    world.commit(late);
    assert_eq!(world.staged(), 1, "nobody knows of it any more");
    world.restart();
    assert_eq!(world.interpreter.parts.waiting(), 1);
    let none = world.expire(Duration::from_secs(3600));
    assert!(none.staged.is_empty(), "the wait begins with the start");
    let batch = world.expire(Duration::from_secs(61));
    assert_eq!((codes(&batch), ledger(&[&batch])), (vec![], (1, 0, 1, 0)));
    assert_eq!((world.staged(), world.interpreter.parts.waiting()), (0, 0));
}

#[test]
fn a_set_that_stays_incomplete_ends_in_quarantine_with_what_is_missing_and_may_come_again() {
    let mut world = World::new(true);
    world.send(TOPIC, part(7, 1, 4));
    world.send(TOPIC, part(7, 3, 4));
    assert!(world.expire(Duration::from_secs(60)).quarantine.is_empty());
    let batch = world.expire(Duration::from_secs(1));
    assert_eq!(codes(&batch), ["waveform_parts"; 2]);
    assert!(batch.quarantine[0].reason.contains("part 2, 4 of 4 missing"), "{}", batch.quarantine[0].reason);
    assert_eq!(batch.quarantine[0].t, Timestamp::from_secs(T0 + 10));
    assert_eq!(&*batch.quarantine[0].source, "client");
    assert_eq!((ledger(&[&batch]), world.staged()), ((2, 0, 0, 2), 0));
    for n in 1..=3 {
        assert!(world.send(TOPIC, part(7, n, 4)).waveforms.is_empty());
    }
    assert_eq!(raw(&world.send(TOPIC, part(7, 4, 4))).len(), 8);
}

#[test]
fn after_a_restart_the_wait_begins_anew() {
    let mut world = World::new(true);
    world.send(TOPIC, part(7, 1, 2));
    world.restart();
    assert!(world.expire(Duration::from_secs(3600)).quarantine.is_empty());
    assert_eq!(codes(&world.expire(Duration::from_secs(61))), ["waveform_parts"]);
}

#[test]
fn parts_that_do_not_fit_together_say_so() {
    let mut world = World::new(true);
    world.send(TOPIC, part(7, 1, 3));
    let other_rate = Waveform { fs: 200.0, ..record(7, &[9, 9]) };
    for (payload, why) in [
        (waveform::encode_part(&other_rate, 2, 3), "another in part 2"),
        (waveform::encode_part(&record(7, &[9, 9]), 2, 4), "another in part 2"),
        (waveform::encode_part(&record(7, &[9, 9]), 1, 3), "another part 1"),
        (waveform::encode_part(&record(8, &[9]), 3, 2), "part 3 of 2"),
        (waveform::encode_part(&record(8, &[9]), 1, 5_000), "part 1 of 5000"),
    ] {
        let batch = world.send(TOPIC, payload);
        assert_eq!(codes(&batch), ["waveform_parts"]);
        assert!(batch.quarantine[0].reason.contains(why), "{}", batch.quarantine[0].reason);
    }
    // None of it spoilt the record.
    world.send(TOPIC, part(7, 2, 3));
    assert_eq!(raw(&world.send(TOPIC, part(7, 3, 3))), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_record_whose_machine_nobody_knows_waits_in_quarantine_whole() {
    let mut world = World::new(false);
    world.send(TOPIC, part(7, 1, 2));
    let batch = world.send(TOPIC, part(7, 2, 2));
    assert_eq!(codes(&batch), ["unknown_point"; 2]);
    assert_eq!((ledger(&[&batch]), world.staged()), ((2, 0, 0, 2), 0));
}

#[test]
fn where_there_is_no_room_the_set_that_waited_longest_gives_way() {
    let mut world = World::new(true);
    let parts = crate::PartLimits { sets: 2, ..crate::PartLimits::default() };
    let config = Config { parts, ..world.interpreter.config.clone() };
    world.interpreter = Interpreter::new(config, world.maps.clone());
    for id in [1, 2] {
        world.send(TOPIC, part(id, 1, 2));
        world.now = world.now + Duration::from_secs(1);
    }
    let batch = world.send(TOPIC, part(3, 1, 2));
    assert_eq!(codes(&batch), ["waveform_parts"]);
    assert!(batch.quarantine[0].reason.contains("room for 2 sets"), "{}", batch.quarantine[0].reason);
    assert_eq!(world.interpreter.parts.waiting(), 2);
    assert_eq!(raw(&world.send(TOPIC, part(2, 2, 2))), [1, 2, 3, 4]);

    let parts = crate::PartLimits { bytes: 4_000, ..crate::PartLimits::default() };
    let config = Config { parts, ..world.interpreter.config.clone() };
    world.interpreter = Interpreter::new(config, world.maps.clone());
    let big = waveform::encode_part(&record(9, &[1; 4_000]), 1, 2);
    assert_eq!(codes(&world.send(TOPIC, big)), ["waveform_parts"]);
}

#[test]
fn records_in_json_are_kept_and_known_again() {
    let mut world = World::new(true);
    let payload = format!(r#"{{"ts":{T0},"fs":100,"unit":"g","samples":[1,2]}}"#);
    let batch = world.send(TOPIC, payload.clone());
    let [w] = &batch.waveforms[..] else { panic!("one waveform") };
    assert_eq!((w.unit.symbol(), w.samples.len()), ("m/s²", 2));
    assert_eq!(counts(&world.send(TOPIC, payload)), (1, 0, 1, 0));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_cut_anywhere_and_sent_in_any_order_with_restarts_is_the_record(
        lengths in proptest::collection::vec(1_usize..6, 2..9),
        order in proptest::collection::vec(proptest::prelude::any::<u32>(), 9),
        restart in 0_usize..9,
    ) {
        let whole: Vec<i16> = (0..lengths.iter().sum::<usize>() as i16).collect();
        let (mut from, mut parts) = (0, Vec::new());
        for (i, length) in lengths.iter().enumerate() {
            let payload = waveform::encode_part(&record(7, &whole[from..from + length]), i as u32 + 1, lengths.len() as u32);
            parts.push((order[i], payload));
            from += length;
        }
        parts.sort_by_key(|(place, _)| *place);
        let mut world = World::new(true);
        let mut batches = Vec::new();
        for (i, (_, payload)) in parts.into_iter().enumerate() {
            if i == restart {
                world.restart();
            }
            batches.push(world.send(TOPIC, payload));
        }
        let (last, before) = batches.split_last().unwrap();
        proptest::prop_assert!(before.iter().all(|b| b.waveforms.is_empty()));
        proptest::prop_assert_eq!(raw(last), whole);
        proptest::prop_assert_eq!(world.staged(), 0);
        ledger(&batches.iter().collect::<Vec<_>>());
    }
}
