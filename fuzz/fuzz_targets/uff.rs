//! Universal file format, data set 58, as text and binary.
#![no_main]

use collector::wire::uff::{self, Form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = uff::decode(bytes) else { return };
    for signal in &file.signals {
        assert!(signal.step.is_finite() && signal.step > 0.0);
        assert!(!signal.values.is_empty() && signal.values.iter().all(|v| v.is_finite()));
    }
    if file.signals.is_empty() {
        return;
    }
    // Written with all digits, the values are found again.
    let again = uff::decode(&uff::encode(&file.signals, Form::Binary { big_endian: true, double: true }))
        .expect("what was understood is written so that it is understood");
    assert_eq!(again.signals.len(), file.signals.len());
    for (a, b) in again.signals.iter().zip(&file.signals) {
        assert_eq!(a.values, b.values);
    }
});
