//! Sparkplug B payloads, compressed ones included.
#![no_main]

use collector::wire::sparkplug;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(payload) = sparkplug::decode(bytes) {
        for metric in &payload.metrics {
            let _ = metric.scalar(metric.datatype);
            let _ = metric.unit();
        }
        // What was understood can be said again, and is then understood alike.
        let again = sparkplug::decode(&sparkplug::encode(&payload)).expect("an encoded payload is one");
        assert_eq!(sparkplug::encode(&again), sparkplug::encode(&payload));
    }
});
