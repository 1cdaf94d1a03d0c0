//! The normative statements of MQTT 3.1.1 (OASIS standard, 29 October 2014), by section.

use super::{Part, Row, Standard, checked, kept};

pub const V3: Standard = Standard {
    title: "MQTT 3.1.1",
    parts: PARTS,
    client_only: &[
        "2.3.1-2", "2.3.1-3", "3.1.2-23", "3.14.4-1", "3.14.4-2", "4.5.0-2", "4.6.0-1", "4.6.0-2", "4.6.0-3",
        "4.6.0-4", "7.1.2-1",
    ],
    appendix_b: APPENDIX_B,
    compared: COMPARED,
};

const PARTS: &[Part] = &[
    Part { title: "1 and 2 Data representation, packet format", rows: FORMAT },
    Part { title: "3.1 CONNECT", rows: CONNECT },
    Part { title: "3.2 CONNACK", rows: CONNACK },
    Part { title: "3.3 PUBLISH", rows: PUBLISH },
    Part { title: "3.6 to 3.14 PUBREL, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT", rows: OTHERS },
    Part { title: "4 Operational behaviour", rows: BEHAVIOUR },
    Part { title: "6 WebSocket", rows: WEBSOCKET },
    Part { title: "7 Conformance", rows: CONFORMANCE },
];

/// What the table was compared with.
const COMPARED: &str = "\
All 141 numbers are confirmed, number and sense: compared with pages 70 to 79 of the standard, read in a text copy of its \
PDF, and with their translation in `mqtt/08-AppendixB.md` of the public repository mcxiaoke/mqtt. The standard misprints \
`MQTT-3.1.2.7` and `MQTT-3-8.3-4`, which are `MQTT-3.1.2-7` and `MQTT-3.8.3-4` here. Its section 4.2 has no number; what it \
says is `MQTT-7.1.1-1`. `MQTT-2.3.1-3`, `MQTT-4.6.0-1` and `MQTT-4.6.0-4` speak of a client and hold for a server by \
`MQTT-2.3.1-4` and `MQTT-4.6.0-6`. The errata of 10 December 2015 were not at hand and are not compared.";

/// The sections with numbered statements, and the first and the last number of each.
const APPENDIX_B: &[(&str, u8, u8)] = &[
    ("1.5.3", 1, 3),
    ("2.2.2", 1, 2),
    ("2.3.1", 1, 7),
    ("3.1.0", 1, 2),
    ("3.1.2", 1, 24),
    ("3.1.3", 1, 11),
    ("3.1.4", 1, 5),
    ("3.2.0", 1, 1),
    ("3.2.2", 1, 6),
    ("3.3.1", 1, 12),
    ("3.3.2", 1, 3),
    ("3.3.4", 1, 1),
    ("3.3.5", 1, 2),
    ("3.6.1", 1, 1),
    ("3.8.1", 1, 1),
    ("3.8.3", 1, 4),
    ("3.8.4", 1, 6),
    ("3.9.3", 1, 2),
    ("3.10.1", 1, 1),
    ("3.10.3", 1, 2),
    ("3.10.4", 1, 6),
    ("3.12.4", 1, 1),
    ("3.14.1", 1, 1),
    ("3.14.4", 1, 3),
    ("4.1.0", 1, 2),
    ("4.3.1", 1, 1),
    ("4.3.2", 1, 2),
    ("4.3.3", 1, 2),
    ("4.4.0", 1, 1),
    ("4.5.0", 1, 2),
    ("4.6.0", 1, 6),
    ("4.7.1", 1, 3),
    ("4.7.2", 1, 1),
    ("4.7.3", 1, 4),
    ("4.8.0", 1, 2),
    ("6.0.0", 1, 4),
    ("7.0.0", 1, 2),
    ("7.1.1", 1, 1),
    ("7.1.2", 1, 1),
];

const FORMAT: &[Row] = &[
    kept(
        &["1.5.3-1", "1.5.3-2"],
        "Strings are UTF-8 without surrogates and without U+0000; others close the connection.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["1.5.3-3"],
        "U+FEFF is a character like any other.",
        &["conformance/subscribe::filters_are_compared_character_by_character"],
    ),
    kept(
        &["2.2.2-1", "2.2.2-2"],
        "Reserved flags have the value listed; others close the connection.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
    kept(
        &["2.3.1-1"],
        "Packet identifiers are not zero.",
        &[
            "conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
        ],
    ),
    kept(
        &["2.3.1-4"],
        "A PUBLISH from the server has an identifier that is not in use, and keeps it when it is sent again.",
        &[
            "conformance/sessions::identifiers_in_use_are_not_used_for_another_message",
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
        ],
    ),
    kept(
        &["2.3.1-5"],
        "A PUBLISH of QoS 0 has none.",
        &[
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "door/delivery::a_message_comes_at_the_lower_of_both_qualities",
        ],
    ),
    kept(
        &["2.3.1-6", "2.3.1-7"],
        "Answers carry the identifier of what they answer.",
        &[
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
        ],
    ),
];

const CONNECT: &[Row] = &[
    checked(
        &["3.1.0-1"],
        "The first packet is a CONNECT.",
        &["door/malformed::what_is_no_connect_at_first_is_closed_without_an_answer"],
    ),
    kept(
        &["3.1.0-2"],
        "A second CONNECT closes the connection.",
        &["door/malformed::a_second_connect_ends_the_connection"],
    ),
    kept(
        &["3.1.2-1", "3.1.2-2"],
        "Another protocol name is closed, another level gets 0x01 and is closed.",
        &[
            "door/malformed::what_is_no_connect_at_first_is_closed_without_an_answer",
            "door/letting_in::other_versions_are_told_so",
        ],
    ),
    kept(
        &["3.1.2-3"],
        "The reserved connect flag is checked.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-4", "3.1.2-5", "3.1.2-6"],
        "Without clean session it is resumed and messages of QoS 1 and 2 wait; with it, discarded.",
        &[
            "conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told",
            "conformance/sessions::a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2",
        ],
    ),
    kept(
        &["3.1.2-7"],
        "Retained messages do not go with a session.",
        &["conformance/sessions::retained_messages_do_not_go_with_a_session"],
    ),
    kept(
        &["3.1.2-8"],
        "A will is kept and published when the connection is closed, unless a DISCONNECT took it away.",
        &[
            "door/hazards::a_takeover_publishes_the_old_will_and_keeps_the_new_one",
            "conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it",
        ],
    ),
    kept(
        &["3.1.2-9"],
        "With the will flag, topic and message of the will are there.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-10"],
        "A will goes when it is published, or with a DISCONNECT.",
        &[
            "door/hazards::a_takeover_publishes_the_old_will_and_keeps_the_new_one",
            "conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it",
        ],
    ),
    kept(
        &["3.1.2-11", "3.1.2-13", "3.1.2-14", "3.1.2-15"],
        "Will QoS is 0 to 2; without a will, will QoS and will retain are 0, and its fields are not there.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-12"],
        "Without the will flag nothing is published.",
        &["conformance/sessions::a_client_without_a_will_leaves_none"],
    ),
    kept(
        &["3.1.2-16", "3.1.2-17"],
        "A will is retained as it asks.",
        &["door/retained::wills_are_retained_like_everything_else"],
    ),
    kept(
        &["3.1.2-18", "3.1.2-19", "3.1.2-20", "3.1.2-21", "3.1.2-22"],
        "User name and password are there when their flags say so; no password without a user name.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-24"],
        "Nothing for one and a half times the keep alive closes the connection.",
        &[
            "door/hazards::a_silent_client_is_let_go_after_one_and_a_half_times_its_keep_alive",
            "door/hazards::a_keep_alive_of_zero_never_ends",
        ],
    ),
    kept(
        &["3.1.3-1", "3.1.3-3"],
        "The fields of the payload come in their order, the client identifier first and always.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.3-2"],
        "State belongs to the client identifier.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.1.3-4", "3.1.3-10", "3.1.3-11"],
        "Client identifier, will topic and user name are UTF-8 strings.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["3.1.3-5"],
        "Identifiers of 1 to 23 letters and digits are taken.",
        &["conformance/connect::every_client_identifier_of_1_to_23_letters_and_digits_is_taken"],
    ),
    kept(&["3.1.3-6"], "An empty identifier is given one.", &["door/letting_in::an_empty_client_id_is_given_one"]),
    checked(
        &["3.1.3-7"],
        "An empty identifier comes with a clean session.",
        &["conformance/connect::a_refused_client_identifier_is_told_and_the_connection_ends"],
    ),
    kept(
        &["3.1.3-8", "3.1.3-9"],
        "An empty identifier without a clean session, or any other that is refused: 0x02 and the end.",
        &["conformance/connect::a_refused_client_identifier_is_told_and_the_connection_ends"],
    ),
    kept(
        &["3.1.4-1"],
        "A CONNECT that does not conform is closed without a CONNACK.",
        &[
            "conformance/connect::flags_that_contradict_each_other_are_refused",
            "conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection",
        ],
    ),
    kept(
        &["3.1.4-2"],
        "A connected client with the same identifier is closed.",
        &["conformance/connect::a_second_connection_of_a_client_ends_the_first"],
    ),
    kept(
        &["3.1.4-3", "3.1.4-4"],
        "Clean session is done, and a CONNACK of 0x00 sent.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.1.4-5"],
        "What follows a refused CONNECT is not processed.",
        &["conformance/connect::what_follows_a_refused_connect_is_not_looked_at"],
    ),
];

const CONNACK: &[Row] = &[
    kept(
        &["3.2.0-1"],
        "CONNACK comes before everything else.",
        &["conformance/connect::the_connack_is_the_first_packet_and_the_only_one_of_its_kind"],
    ),
    kept(
        &["3.2.2-1", "3.2.2-2", "3.2.2-3"],
        "Session present: 0 with a clean session, else whether there was one.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.2.2-4", "3.2.2-5"],
        "A refusal has session present 0 and closes.",
        &["conformance/connect::what_follows_a_refused_connect_is_not_looked_at"],
    ),
    kept(
        &["3.2.2-6"],
        "Where no code fits, the connection is closed without one.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
];

const PUBLISH: &[Row] = &[
    kept(
        &["3.3.1-1", "3.3.1-2", "3.3.1-3"],
        "DUP is set when a message is sent again, never at QoS 0, and owes nothing to the publisher's.",
        &[
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
            "conformance/publish::the_retain_flag_tells_old_from_new_and_dup_is_the_brokers_own",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
        ],
    ),
    kept(
        &["3.3.1-4"],
        "QoS 3 ends the connection.",
        &["conformance/publish::a_publish_against_the_rules_ends_the_connection"],
    ),
    kept(
        &["3.3.1-5", "3.3.1-7", "3.3.1-10", "3.3.1-11", "3.3.1-12"],
        "Retained: the last one replaces, at QoS 0 too; an empty one takes away and is not kept; one without the flag changes nothing.",
        &["conformance/publish::the_last_retained_message_of_a_topic_is_the_one_that_is_kept"],
    ),
    kept(
        &["3.3.1-6", "3.3.1-8"],
        "A new subscription gets the retained message of each topic, with the flag set.",
        &["door/hazards::every_one_of_300_retained_messages_reaches_a_new_subscriber"],
    ),
    kept(
        &["3.3.1-9"],
        "A subscription that is there gets it without the flag.",
        &["conformance/publish::the_retain_flag_tells_old_from_new_and_dup_is_the_brokers_own"],
    ),
    kept(
        &["3.3.2-1", "3.3.2-2"],
        "The topic is a UTF-8 string without wildcards.",
        &[
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
            "conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection",
        ],
    ),
    kept(
        &["3.3.2-3"],
        "What is sent matches a filter of its subscriber.",
        &["conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar"],
    ),
    kept(
        &["3.3.4-1"],
        "Each QoS has its answer.",
        &[
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "door/intake::a_puback_comes_only_when_the_intake_says_it_is_durable",
        ],
    ),
    kept(
        &["3.3.5-1"],
        "Subscriptions that overlap: the highest QoS.",
        &["conformance/subscribe::an_overlap_of_filters_is_one_message_at_the_highest_quality_in_3_1_1_too"],
    ),
    kept(
        &["3.3.5-2"],
        "A PUBLISH without the right to it: acknowledged, or the end of the connection.",
        &["door/rights::every_identity_may_do_what_the_table_says_and_nothing_else"],
    ),
];

const OTHERS: &[Row] = &[
    kept(
        &["3.6.1-1", "3.8.1-1", "3.10.1-1", "3.14.1-1"],
        "Their reserved flags.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
    kept(
        &["3.8.3-1", "3.10.3-1"],
        "Filters are UTF-8 strings.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["3.8.3-2"],
        "Wildcards are supported.",
        &["conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar"],
    ),
    kept(
        &["3.8.3-3", "3.10.3-2"],
        "At least one filter.",
        &["conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection"],
    ),
    kept(
        &["3.8.3-4"],
        "The reserved bits of the requested QoS are 0, and it is not 3.",
        &["conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection"],
    ),
    kept(
        &["3.8.4-1", "3.8.4-2"],
        "SUBACK answers with the same identifier.",
        &["conformance/subscribe::each_filter_has_its_code_in_its_place"],
    ),
    kept(
        &["3.8.4-3"],
        "The same filter replaces the subscription, sends retained messages again, and loses nothing.",
        &["conformance/subscribe::a_subscription_is_replaced_by_one_with_the_same_filter_and_nothing_is_lost"],
    ),
    kept(
        &["3.8.4-4", "3.8.4-5", "3.9.3-1", "3.9.3-2"],
        "Each filter is answered by 0, 1, 2 or 0x80 in its place.",
        &["conformance/subscribe::each_filter_has_its_code_in_its_place"],
    ),
    kept(
        &["3.8.4-6"],
        "A message comes at the lower of both QoS.",
        &["door/delivery::a_message_comes_at_the_lower_of_both_qualities"],
    ),
    kept(
        &["3.10.4-1"],
        "Filters are compared character by character.",
        &["conformance/subscribe::filters_are_compared_character_by_character"],
    ),
    kept(
        &["3.10.4-2", "3.10.4-3"],
        "No new messages; what was begun is finished.",
        &[
            "conformance/subscribe::what_was_begun_is_finished_after_an_unsubscribe",
            "door/delivery::after_an_unsubscribe_nothing_comes",
        ],
    ),
    kept(
        &["3.10.4-4", "3.10.4-5", "3.10.4-6"],
        "One UNSUBACK with the same identifier, even if nothing was deleted.",
        &[
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "door/delivery::after_an_unsubscribe_nothing_comes",
        ],
    ),
    kept(&["3.12.4-1"], "PINGRESP answers PINGREQ.", &["conformance/connect::a_ping_is_answered"]),
    kept(
        &["3.14.4-3"],
        "On DISCONNECT the will is discarded.",
        &["conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it"],
    ),
];

const BEHAVIOUR: &[Row] = &[
    kept(
        &["4.1.0-1", "4.1.0-2"],
        "Session state lives as long as its connection, and is kept as long as it was promised.",
        &[
            "conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told",
            "conformance/sessions::a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2",
        ],
    ),
    kept(
        &["4.3.1-1"],
        "QoS 0 is sent with QoS 0 and DUP 0.",
        &[
            "door/delivery::a_message_comes_at_the_lower_of_both_qualities",
            "conformance/publish::the_retain_flag_tells_old_from_new_and_dup_is_the_brokers_own",
        ],
    ),
    kept(
        &["4.3.2-1", "4.3.2-2"],
        "QoS 1, sending and receiving.",
        &[
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
            "door/intake::a_puback_comes_only_when_the_intake_says_it_is_durable",
            "conformance/publish::an_identifier_is_free_again_after_its_acknowledgement",
        ],
    ),
    kept(
        &["4.3.3-1", "4.3.3-2"],
        "QoS 2, sending and receiving.",
        &[
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
            "door/intake::a_qos_2_message_that_comes_again_is_taken_once",
            "conformance/publish::an_identifier_is_free_again_after_its_acknowledgement",
        ],
    ),
    kept(
        &["4.4.0-1"],
        "Sent again on reconnection, with the same identifiers.",
        &["conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then"],
    ),
    kept(
        &["4.5.0-1"],
        "A message is added to the session of everybody who matches.",
        &["conformance/sessions::a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2"],
    ),
    kept(
        &["4.6.0-5", "4.6.0-6"],
        "Every topic is ordered: one publisher's messages of a topic and QoS, what is sent again, and PUBREL.",
        &[
            "conformance/publish::messages_come_in_the_order_they_were_published_at_each_quality",
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
            "conformance/sessions::releases_are_sent_in_the_order_of_their_receipts",
        ],
    ),
    kept(
        &["4.7.1-1", "4.7.1-2", "4.7.1-3"],
        "Where wildcards may be.",
        &[
            "conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar",
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
        ],
    ),
    kept(
        &["4.7.2-1"],
        "A wildcard at the front does not match $.",
        &["conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar"],
    ),
    kept(
        &["4.7.3-1", "4.7.3-2", "4.7.3-3"],
        "Topics and filters have a character at least, no U+0000, and 65,535 bytes at most (512 by default).",
        &[
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection",
        ],
    ),
    kept(&["4.7.3-4"], "No normalization.", &["conformance/subscribe::filters_are_compared_character_by_character"]),
    kept(
        &["4.8.0-1"],
        "A violation of the protocol closes the connection.",
        &[
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
            "conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection",
            "door/malformed::a_second_connect_ends_the_connection",
        ],
    ),
    kept(
        &["4.8.0-2"],
        "A transient failure while handling a packet closes the connection it came on.",
        &["door/intake::what_is_not_durable_is_not_acknowledged_and_may_be_sent_again"],
    ),
];

const WEBSOCKET: &[Row] = &[
    kept(
        &["6.0.0-1"],
        "Binary frames; any other data frame closes the connection.",
        &["door/websocket::a_text_frame_ends_the_connection"],
    ),
    kept(
        &["6.0.0-2"],
        "Packets are not aligned with frames.",
        &["door/websocket::packets_pass_whatever_frames_they_come_in"],
    ),
    checked(
        &["6.0.0-3"],
        "A client that does not offer the subprotocol mqtt is turned away.",
        &["door/websocket::strangers_are_turned_away_before_they_speak_mqtt"],
    ),
    kept(
        &["6.0.0-4"],
        "The subprotocol chosen is mqtt.",
        &["door/websocket::packets_pass_whatever_frames_they_come_in"],
    ),
];

const CONFORMANCE: &[Row] = &[
    kept(
        &["7.0.0-1"],
        "A server that connects to other servers is a client that conforms as well: the session at another broker.",
        &[
            "door/remote/intake::a_message_is_acknowledged_when_it_is_durable_in_the_order_of_its_coming",
            "door/remote/faults::a_topic_that_cannot_be_taken_is_acknowledged_and_counted",
            "door/remote/faults::a_broker_that_says_nothing_for_half_as_long_again_as_the_keep_alive_is_given_up",
            "door/remote/publishing::what_was_not_acknowledged_is_sent_again_in_order_and_keeps_its_id_where_the_session_was_kept",
            "door/remote/publishing::presence_is_a_will_a_birth_after_the_subscriptions_and_a_farewell",
        ],
    ),
    kept(
        &["7.0.0-2"],
        "No extension is needed to speak with others: a client of somebody else's making.",
        &["door/interop::a_3_1_1_client_gets_back_what_it_published_at_every_quality"],
    ),
    kept(
        &["7.1.1-1"],
        "Transports are ordered and lossless: TCP, TLS, WebSocket.",
        &[
            "door/interop::a_3_1_1_client_gets_back_what_it_published_at_every_quality",
            "door/tls::messages_go_both_ways_over_tls",
            "door/websocket::packets_pass_whatever_frames_they_come_in",
        ],
    ),
];
