//! WAV, and the description beside it.
#![no_main]

use collector::wire::wav::{self, Sidecar};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(wav) = wav::decode(bytes) {
        for channel in 0..wav.channels {
            assert_eq!(wav.samples(channel).count(), wav.frames(), "every channel is as long as the header says");
        }
    }
    if let Ok(sidecar) = Sidecar::decode(bytes) {
        for i in 0..=sidecar.channels.len() {
            let channel = sidecar.channel(i as u16);
            assert!(channel.scale.is_finite() && channel.offset.is_finite());
        }
    }
});
