//! Chapters 4 and 6: operational behaviour, WebSocket.

use crate::statements::{Row, by_refusal, checked, kept};

pub const BEHAVIOUR: &[Row] = &[
    kept(
        &["4.1.0-1", "4.1.0-2"],
        "Session state is kept while its connection is open, and ends when its expiry has passed.",
        &[
            "conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told",
            "door/delivery::a_session_ends_when_its_time_is_up",
        ],
    ),
    kept(
        &["4.2.0-1"],
        "The transport is ordered and lossless: TCP, TLS, WebSocket.",
        &[
            "door/interop::an_mqtt_5_client_gets_back_what_it_published_with_its_properties",
            "door/tls::messages_go_both_ways_over_tls",
            "door/websocket::packets_pass_whatever_frames_they_come_in",
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
        &["4.3.2-1", "4.3.2-2", "4.3.2-3"],
        "QoS 1, sending: an unused identifier, DUP 0, unacknowledged until the PUBACK.",
        &[
            "conformance/sessions::identifiers_in_use_are_not_used_for_another_message",
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
        ],
    ),
    kept(
        &["4.3.2-4", "4.3.2-5"],
        "QoS 1, receiving: PUBACK with the identifier, which is free from then on.",
        &[
            "door/intake::a_puback_comes_only_when_the_intake_says_it_is_durable",
            "conformance/publish::an_identifier_is_free_again_after_its_acknowledgement",
        ],
    ),
    kept(
        &["4.3.3-1", "4.3.3-2", "4.3.3-3", "4.3.3-4", "4.3.3-5", "4.3.3-6"],
        "QoS 2, sending: unacknowledged until PUBREC, then PUBREL until PUBCOMP, and no PUBLISH again.",
        &[
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
            "conformance/sessions::releases_are_sent_in_the_order_of_their_receipts",
        ],
    ),
    kept(
        &["4.3.3-7"],
        "What was sent does not expire.",
        &["conformance/publish::what_is_left_of_a_messages_life_is_told"],
    ),
    kept(
        &["4.3.3-8", "4.3.3-10", "4.3.3-11", "4.3.3-12"],
        "QoS 2, receiving: PUBREC, taken once until the PUBREL, PUBCOMP, free from then on.",
        &[
            "door/intake::a_qos_2_message_that_comes_again_is_taken_once",
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "conformance/publish::an_identifier_is_free_again_after_its_acknowledgement",
        ],
    ),
    kept(
        &["4.3.3-9"],
        "A PUBREC of 0x80 or more frees the identifier.",
        &["conformance/publish::an_identifier_is_free_again_after_its_acknowledgement"],
    ),
    kept(
        &["4.3.3-13"],
        "The sequence goes on for a message that has expired.",
        &[
            "conformance/publish::what_is_left_of_a_messages_life_is_told",
            "conformance/publish::each_quality_is_answered_as_the_table_says",
        ],
    ),
    kept(
        &["4.4.0-1"],
        "Sent again on reconnection, with the same identifiers, and at no other time.",
        &["conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then"],
    ),
    kept(
        &["4.4.0-2"],
        "An error in PUBACK or PUBREC acknowledges.",
        &["conformance/sessions::an_error_in_a_puback_or_pubrec_is_an_acknowledgement"],
    ),
    kept(
        &["4.5.0-1"],
        "A message is added to the session of everybody who matches.",
        &[
            "conformance/sessions::a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2",
            "door/hazards::an_absent_subscriber_finds_everything_when_it_is_back",
        ],
    ),
    kept(
        &["4.6.0-5", "4.6.0-6"],
        "Order of one publisher's messages of a topic and QoS.",
        &[
            "conformance/publish::messages_come_in_the_order_they_were_published_at_each_quality",
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
        ],
    ),
    kept(
        &["4.7.0-1", "4.7.1-1", "4.7.1-2"],
        "Where wildcards may be.",
        &[
            "conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar",
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "door/malformed::topics_that_are_none_end_the_connection",
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
            "door/malformed::a_topic_beyond_our_limits_is_refused_by_its_acknowledgement_where_there_is_one",
        ],
    ),
    kept(&["4.7.3-4"], "No normalization.", &["conformance/subscribe::filters_are_compared_character_by_character"]),
    kept(
        &["4.8.2-1", "4.8.2-2"],
        "A share name has a character at least, no wildcard, and a filter behind it.",
        &[
            "door/shared::no_local_on_a_shared_subscription_ends_the_connection",
            "door/shared::members_take_turns_and_others_get_everything",
        ],
    ),
    kept(
        &["4.8.2-3"],
        "The QoS granted to the member holds.",
        &["door/shared::members_take_turns_and_others_get_everything"],
    ),
    kept(
        &["4.8.2-4", "4.8.2-5"],
        "QoS 2 on its way to a member is completed with it, and goes to nobody else.",
        &[
            "door/shared::what_was_not_sent_to_a_member_with_a_full_window_goes_to_another_when_it_leaves",
            "door/shared::what_a_member_did_not_acknowledge_goes_to_another_that_is_connected",
        ],
    ),
    kept(
        &["4.8.2-6"],
        "What a member refused goes to nobody else.",
        &["door/shared::a_refused_message_is_not_given_to_another_member"],
    ),
    kept(
        &["4.9.0-1", "4.9.0-2", "4.9.0-3"],
        "Flow control: the quota, and what is not subject to it.",
        &["conformance/sessions::a_receive_maximum_bounds_what_is_on_its_way_and_nothing_else"],
    ),
    kept(
        &["4.12.0-1"],
        "An authentication method that is not supported: 0x8C and the end.",
        &["conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place"],
    ),
    by_refusal(
        &["4.12.0-2", "4.12.0-3", "4.12.0-4", "4.12.0-5", "4.12.1-1", "4.12.1-2"],
        "The exchange of AUTH packets, and authentication anew.",
        "a CONNECT with an authentication method gets 0x8C",
        &["conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place"],
    ),
    kept(
        &["4.12.0-6"],
        "Without a method in CONNECT no AUTH is sent, and no method in CONNACK.",
        &[
            "conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place",
            "conformance/connect::the_connack_says_what_is_there",
        ],
    ),
    checked(
        &["4.12.0-7"],
        "An AUTH from a client whose CONNECT had no method is a protocol error.",
        &["conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place"],
    ),
    kept(
        &["4.13.1-1", "4.13.2-1"],
        "Malformed packets and protocol errors close the connection, and so do codes of 0x80 and more.",
        &[
            "door/malformed::malformed_packets_end_their_connection_only",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
            "conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection",
        ],
    ),
];

pub const WEBSOCKET: &[Row] = &[
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
