//! The normative statements of MQTT 5.0 (OASIS standard, 7 March 2019), by its chapters.

mod behaviour;
mod format;
mod packets;

use super::{Part, Standard};

pub const V5: Standard = Standard {
    title: "MQTT 5.0",
    parts: PARTS,
    client_only: &[
        "3.1.2-20", "3.1.2-21", "3.1.2-30", "3.2.2-4", "3.2.2-5", "3.2.2-11", "3.2.2-14", "3.3.2-10", "3.3.4-8",
        "4.5.0-2", "4.6.0-1", "4.6.0-2", "4.6.0-3", "4.6.0-4",
    ],
    appendix_b: APPENDIX_B,
    compared: COMPARED,
};

const PARTS: &[Part] = &[
    Part { title: "1 Data representation", rows: format::DATA },
    Part { title: "2 Packet format", rows: format::FORMAT },
    Part { title: "3.1 CONNECT", rows: packets::CONNECT },
    Part { title: "3.2 CONNACK", rows: packets::CONNACK },
    Part { title: "3.3 PUBLISH", rows: packets::PUBLISH },
    Part { title: "3.4 to 3.7 PUBACK, PUBREC, PUBREL, PUBCOMP", rows: packets::ACKNOWLEDGEMENTS },
    Part { title: "3.8 to 3.11 SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK", rows: packets::SUBSCRIBE },
    Part { title: "3.12 to 3.15 PINGREQ, DISCONNECT, AUTH", rows: packets::DISCONNECT },
    Part { title: "4 Operational behaviour", rows: behaviour::BEHAVIOUR },
    Part { title: "6 WebSocket", rows: behaviour::WEBSOCKET },
];

/// What the table was compared with.
const COMPARED: &str = "\
All 251 numbers are confirmed, number and sense: compared with the appendix as `doc/mqtt.md` of the public repository \
juur/fail-mqttd has it, with a list that others drew from the standard's sections, and by the counts of each chapter (5, 7, \
175, 60 and, of chapter 6, 4) with `docs/reports/R01-conformance.md` of openqtt/openqtt; where these differ, with a copy of \
the section. Section 4.2 prints `MQTT-4.2-1`, which is `MQTT-4.2.0-1` in the appendix and here. That copy of the appendix \
has the two cases of `MQTT-3.3.1-10` the other way round than section 3.3.1.3, which counts.";

/// The sections with numbered statements, and the first and the last number of each.
const APPENDIX_B: &[(&str, u8, u8)] = &[
    ("1.5.4", 1, 3),
    ("1.5.5", 1, 1),
    ("1.5.7", 1, 1),
    ("2.1.3", 1, 1),
    ("2.2.1", 2, 6),
    ("2.2.2", 1, 1),
    ("3.1.0", 1, 2),
    ("3.1.2", 1, 30),
    ("3.1.3", 1, 12),
    ("3.1.4", 1, 6),
    ("3.2.0", 1, 2),
    ("3.2.2", 1, 22),
    ("3.3.1", 1, 13),
    ("3.3.2", 1, 20),
    ("3.3.4", 1, 10),
    ("3.4.2", 1, 3),
    ("3.5.2", 1, 3),
    ("3.6.1", 1, 1),
    ("3.6.2", 1, 3),
    ("3.7.2", 1, 3),
    ("3.8.1", 1, 1),
    ("3.8.3", 1, 5),
    ("3.8.4", 1, 8),
    ("3.9.2", 1, 2),
    ("3.9.3", 1, 2),
    ("3.10.1", 1, 1),
    ("3.10.3", 1, 2),
    ("3.10.4", 1, 6),
    ("3.11.2", 1, 2),
    ("3.11.3", 1, 2),
    ("3.12.4", 1, 1),
    ("3.14.0", 1, 1),
    ("3.14.1", 1, 1),
    ("3.14.2", 1, 4),
    ("3.14.4", 1, 3),
    ("3.15.1", 1, 1),
    ("3.15.2", 1, 3),
    ("4.1.0", 1, 2),
    ("4.2.0", 1, 1),
    ("4.3.1", 1, 1),
    ("4.3.2", 1, 5),
    ("4.3.3", 1, 13),
    ("4.4.0", 1, 2),
    ("4.5.0", 1, 2),
    ("4.6.0", 1, 6),
    ("4.7.0", 1, 1),
    ("4.7.1", 1, 2),
    ("4.7.2", 1, 1),
    ("4.7.3", 1, 4),
    ("4.8.2", 1, 6),
    ("4.9.0", 1, 3),
    ("4.12.0", 1, 7),
    ("4.12.1", 1, 2),
    ("4.13.1", 1, 1),
    ("4.13.2", 1, 1),
    ("6.0.0", 1, 4),
];
