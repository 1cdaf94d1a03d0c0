//! Work orders, notes and photos: as they were written, however a run ends.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use historian::{Batch, Likeness, WorkFilter, verify};
use plant::{
    AlarmCondition, AlarmKey, BearingFault, Fault, MachineId, Note, PhotoId, PointId, Work, WorkOrder, WorkOrigin,
    WorkState, WorkStep,
};
use support::{Embedded, End, START, Store, restless};

fn order(number: u64, machine: &str, origin: WorkOrigin) -> WorkOrder {
    WorkOrder {
        number,
        machine: machine.parse().unwrap(),
        origin,
        title: "replace the bearing".into(),
        state: WorkState::Open,
        planned_for: None,
        assignee: None,
        finding: None,
        faults: Vec::new(),
        parts: Vec::new(),
        labour_min: None,
        photos: Vec::new(),
        steps: vec![WorkStep { t: START, by: "lin".into(), state: WorkState::Open }],
    }
}

fn of_alarm(point: &str, condition: AlarmCondition) -> WorkOrigin {
    let point: PointId = point.parse().unwrap();
    WorkOrigin::Alarm { key: AlarmKey { machine: point.machine(), point: Some(point), condition }, raised: START }
}

fn note(number: u64, machine: &str) -> Note {
    let (machine, by, text) = (machine.parse().unwrap(), "lin".into(), format!("note {number}").into());
    Note { number, machine, alarm: None, t: START, by, text, withdrawn: None }
}

fn put(store: &Embedded, work: Vec<Work>) {
    store.put(Batch { work, ..Batch::default() }).unwrap();
}

fn orders(store: &Embedded, which: &WorkFilter) -> Vec<u64> {
    store.historian().register().work_orders(which, 100).unwrap().iter().map(|o| o.number).collect()
}

#[test]
fn the_last_word_on_each_stays_over_kills_and_closes() {
    let mut store = Embedded::new(restless);
    put(
        &store,
        vec![
            Work::Order(Box::new(order(1, "s/m", WorkOrigin::Person))),
            Work::Note(Box::new(note(1, "s/m"))),
            Work::Note(Box::new(note(2, "s/other"))),
        ],
    );
    put(&store, vec![Work::Order(Box::new(order(2, "s/other", WorkOrigin::Diagnosis(Fault::Rub))))]);
    let done = WorkOrder {
        state: WorkState::Done,
        finding: Some("外圈剥落".into()),
        steps: vec![order(1, "s/m", WorkOrigin::Person).steps[0].clone(); 2],
        ..order(1, "s/m", WorkOrigin::Person)
    };
    let back = Note { withdrawn: Some((START, "wang".into())), ..note(1, "s/m") };
    put(&store, vec![Work::Order(Box::new(done.clone())), Work::Note(Box::new(back.clone()))]);
    // What a commit changes outlives the log, which is cut behind it.
    store.pass(Duration::from_secs(3_600));
    for how in [End::Killed, End::Closed, End::Killed] {
        store.restart(how);
        let register = store.historian().register();
        assert_eq!(register.work_order(1).unwrap().as_ref(), Some(&done));
        assert_eq!(register.work_order(3).unwrap(), None);
        assert_eq!(register.last_work().unwrap(), (2, 2));
        let m: MachineId = "s/m".parse().unwrap();
        assert_eq!(register.notes(&m, None, 9).unwrap(), std::slice::from_ref(&back));
        assert_eq!(register.notes(&m, Some(1), 9).unwrap(), []);
        assert_eq!(orders(&store, &WorkFilter::default()), [2, 1]);
    }
    store.close();
    assert!(verify(store.dir()).unwrap().is_clean());
    store.reopen();
}

#[test]
fn they_are_found_by_machine_state_alarm_and_likeness() {
    let store = Embedded::new(restless);
    let bearing = |name: &str| AlarmCondition::Bearing(name.parse().unwrap(), BearingFault::OuterRace);
    let all = [
        order(1, "s/a", of_alarm("s/a/temp", AlarmCondition::High)),
        order(2, "s/b", of_alarm("s/b/temp", AlarmCondition::High)),
        order(3, "s/b", of_alarm("s/b/temp", AlarmCondition::HighHigh)),
        order(4, "s/b", of_alarm("s/b/flow", AlarmCondition::High)),
        WorkOrder { state: WorkState::Done, ..order(5, "s/a", of_alarm("s/a/vib", bearing("DE"))) },
        order(6, "s/c", WorkOrigin::Diagnosis(Fault::Bearing(BearingFault::OuterRace))),
        order(7, "s/c", WorkOrigin::Person),
    ];
    put(&store, all.iter().map(|o| Work::Order(Box::new(o.clone()))).collect());
    let check = |which: WorkFilter, wanted: &[u64]| assert_eq!(orders(&store, &which), wanted, "{which:?}");
    let any = WorkFilter::default;
    check(any(), &[7, 6, 5, 4, 3, 2, 1]);
    check(WorkFilter { before: Some(3), ..any() }, &[2, 1]);
    check(WorkFilter { machine: Some("s/b".parse().unwrap()), ..any() }, &[4, 3, 2]);
    check(WorkFilter { machine: Some("s/' OR 1".parse().unwrap()), ..any() }, &[]);
    check(WorkFilter { states: Some([WorkState::Done, WorkState::Cancelled].into()), ..any() }, &[5]);
    let key = |o: &WorkOrder| o.origin.alarm().unwrap().clone();
    check(WorkFilter { alarm: Some(key(&all[0]).id()), ..any() }, &[1]);
    let like = |o: &WorkOrder| WorkFilter { like: Some(Likeness::of(&key(o), o.origin.fault())), ..any() };
    // The same condition of a point of the same name, on whichever machine.
    check(like(&all[0]), &[2, 1]);
    check(like(&all[3]), &[4]);
    // The same fault, whichever bearing, alarm or diagnosis.
    check(like(&order(0, "s/d", of_alarm("s/d/x", bearing("NDE")))), &[6, 5]);
}

#[test]
fn photos_stay_while_an_order_shows_them() {
    let mut store = Embedded::new(restless);
    let register = store.historian().register();
    let (kept, orphan) = (register.add_photo(b"one", START).unwrap(), register.add_photo(b"two", START).unwrap());
    assert!(register.has_photos(&[kept, orphan]).unwrap() && !register.has_photos(&[kept, PhotoId([0; 32])]).unwrap());
    let m: MachineId = "s/m".parse().unwrap();
    assert_eq!(register.photo(&m, kept).unwrap(), None, "nothing shows it yet");
    put(&store, vec![Work::Order(Box::new(WorkOrder { photos: vec![kept], ..order(1, "s/m", WorkOrigin::Person) }))]);
    assert_eq!(register.photo(&m, kept).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(register.photo(&"s/other".parse().unwrap(), kept).unwrap(), None, "another machine's");
    // A day later what nothing refers to is gone, and what was sent again since is not.
    register.add_photo(b"three", START + Duration::from_secs(86_000)).unwrap();
    register.add_photo(b"four", START + Duration::from_secs(86_500)).unwrap();
    assert!(!register.has_photos(&[orphan]).unwrap() && register.has_photos(&[kept]).unwrap());
    store.restart(End::Killed);
    assert_eq!(store.historian().register().photo(&m, kept).unwrap().as_deref(), Some(&b"one"[..]));
    // Taken off the order, it goes with the next one that comes.
    put(&store, vec![Work::Order(Box::new(order(1, "s/m", WorkOrigin::Person)))]);
    let register = store.historian().register();
    register.add_photo(b"five", START + Duration::from_secs(200_000)).unwrap();
    assert!(!register.has_photos(&[kept]).unwrap());
    put(&store, vec![Work::Order(Box::new(WorkOrder { photos: vec![kept], ..order(1, "s/m", WorkOrigin::Person) }))]);
    store.close();
    let found = verify(store.dir()).unwrap();
    assert!(found.faults.iter().any(|f| f.contains("photo of work order 1 is missing")), "{found:?}");
    store.reopen();
}
