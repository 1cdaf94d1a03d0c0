//! Waveforms in CBOR.
#![no_main]

use collector::wire::waveform;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = waveform::decode(bytes);
});
