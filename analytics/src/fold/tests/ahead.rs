//! Records that are analysed before their commit's turn.

use historian::Batch;
use plant::WaveformId;

use super::journal::observation;
use super::*;

/// A commit with a record that was taken just now.
fn taken(j: &mut Journal, id: u128) -> Committed {
    let w = Waveform { id: WaveformId(id), t0: j.now, ..quiet_record(id as u64) };
    j.commit(Batch { waveforms: vec![w.into()], ..Batch::default() })
}

#[test]
fn what_was_asked_ahead_is_asked_anew_where_the_question_has_changed() {
    let mut j = Journal::new();
    j.fold = Fold::new(Settings { threads: 2, ..Settings::default() });
    j.described(|_| {});
    let without = taken(&mut j, 1);
    let speed = observation("speed", 1500.0, Quality::Good, j.now);
    let measured = j.commit(Batch { observations: vec![speed], ..Batch::default() });
    let with = taken(&mut j, 2);
    let group = [without, measured, with];
    j.fold.foresee(&group);
    let found: Vec<_> = group.iter().map(|c| j.fold.step(c)).collect();
    assert_eq!(j.fold.foreseen(), 1);
    assert_eq!(diagnosis(&found[0]).bearing, BearingVerdict::Refused(vec!["speed".into()]));
    assert!(matches!(diagnosis(&found[2]).bearing, BearingVerdict::Judged { shaft_hz: 25.0, .. }));
}

#[test]
fn what_was_asked_ahead_of_records_of_one_sensor_is_of_use_for_all_of_them() {
    let mut j = Journal::new();
    j.fold = Fold::new(Settings { threads: 2, ..Settings::default() });
    j.described(|_| {});
    let at_speed = |j: &mut Journal, id: u128| {
        let mut w = Waveform { id: WaveformId(id), t0: j.now, ..bearing_record(id as u64, 8.0) };
        w.meta.speed = Some(plant::Speed { mean_rpm: 1500.0, range_rpm: None });
        j.commit(Batch { waveforms: vec![w.into()], ..Batch::default() })
    };
    let group: Vec<Committed> = (1..5).map(|id| at_speed(&mut j, id)).collect();
    let mut alone = Fold::restore(Settings::default(), &j.fold.snapshot()).unwrap();
    j.fold.foresee(&group);
    for c in &group {
        assert_eq!(j.fold.step(c), alone.step(c));
    }
    // The first raises an alarm, for the sake of which the second is heard, too; ahead, all of them were.
    assert_eq!((j.fold.foreseen(), alone.foreseen()), (4, 0));
}
