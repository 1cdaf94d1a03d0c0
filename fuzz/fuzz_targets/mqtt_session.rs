//! The MQTT door from CONNECT to goodbye, behind two connections one after the other, without sockets.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| broker::fuzzing::mqtt_session(bytes));
