//! Whatever comes, on whatever topic: no panic, everything counted, only finite numbers.

use plant::Value;
use proptest::prelude::*;

use super::sparkplug::{double, node_birth, sparkplug_payload};
use super::{World, a_waveform, birth_json, counts};
use plant::Samples;

const TOPICS: [&str; 12] = [
    "danxia/v1/s/m/telemetry",
    "danxia/v1/s/m/event",
    "danxia/v1/s/m/birth",
    "danxia/v1/s/m/death",
    "danxia/v1/s/m/vib/waveform",
    "spBv1.0/s/NBIRTH/e",
    "spBv1.0/s/NDATA/e",
    "spBv1.0/s/NDEATH/e",
    "spBv1.0/s/DBIRTH/e/d",
    "spBv1.0/s/DDATA/e/d",
    "spBv1.0/s/DDEATH/e/d",
    "plc/7",
];

/// Good messages of every format, to be damaged.
fn seeds() -> Vec<Vec<u8>> {
    let f32s = Samples::F32([1.0f32, -3.4e38].into());
    vec![
        br#"{"ts":1735689600123,"values":{"a":61.2,"t":{"v":7e307,"u":"K","q":"bad"},"s":"run"}}"#.to_vec(),
        br#"{"ts":1735689600123,"kind":"state","n":3,"s":"run"}"#.to_vec(),
        birth_json(r#"{"name":"t","unit":"kPa","range":[0,9]},{"name":"vib","kind":"waveform","unit":"m/s²"}"#)
            .into_bytes(),
        a_waveform(1, "g", f32s),
        a_waveform(2, "g", Samples::I16 { raw: [i16::MAX, i16::MIN].into(), scale: 5e303, offset: 0.0 }),
        node_birth(1, vec![double("a", 1, 1.0).with_unit("bar"), double("b", 2, 2.0)]),
        sparkplug_payload(1, vec![double("a", 1, 1e308).with_unit("MPa")]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_comes_is_lost_or_stops_the_intake(
        steps in prop::collection::vec((0..TOPICS.len(), 0..7usize, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), any::<prop::sample::Index>(), any::<bool>()), 1..30),
        adopt: bool,
    ) {
        let mut world = World::new(adopt);
        let seeds = seeds();
        for (topic, seed, flips, cut, whole) in steps {
            let mut payload = seeds[seed].clone();
            for (at, bits) in flips {
                let at = at.index(payload.len());
                payload[at] ^= bits;
            }
            if !whole {
                payload.truncate(cut.index(payload.len() + 1));
            }
            let batch = world.send(TOPICS[topic], payload);
            prop_assert_eq!(counts(&batch).0, 1);
            prop_assert_eq!(counts(&batch).3 as usize, batch.quarantine.len());
            for o in &batch.observations {
                prop_assert!(!matches!(o.value, Value::Float(f) if !f.is_finite()));
            }
            for w in &batch.waveforms {
                prop_assert!(w.physical().iter().all(|v| v.is_finite()));
            }
        }
    }
}
