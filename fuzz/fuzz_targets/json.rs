//! Telemetry, events and births in JSON.
#![no_main]

use collector::wire::{birth, event, telemetry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frames) = telemetry::decode(bytes) {
        let again = telemetry::encode(&frames);
        assert_eq!(telemetry::decode(&again).expect("encoded telemetry is telemetry"), frames);
    }
    let _ = event::decode(bytes);
    let _ = birth::decode(bytes);
    let _ = birth::decode_death(bytes);
});
