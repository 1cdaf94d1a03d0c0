//! Chapter 3: packet by packet.

use crate::statements::{Row, by_refusal, checked, kept};

pub const CONNECT: &[Row] = &[
    checked(
        &["3.1.0-1"],
        "The first packet is a CONNECT.",
        &["door/malformed::what_is_no_connect_at_first_is_closed_without_an_answer"],
    ),
    kept(
        &["3.1.0-2"],
        "A second CONNECT is a protocol error.",
        &["door/malformed::a_second_connect_ends_the_connection"],
    ),
    kept(
        &["3.1.2-1", "3.1.2-2"],
        "Another protocol name or version is closed; one of MQTT gets a CONNACK first.",
        &[
            "door/letting_in::other_versions_are_told_so",
            "door/malformed::what_is_no_connect_at_first_is_closed_without_an_answer",
        ],
    ),
    kept(
        &["3.1.2-3"],
        "The reserved connect flag is checked.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-4", "3.1.2-5", "3.1.2-6"],
        "Clean start discards; otherwise a session is resumed, or made.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.1.2-7", "3.1.2-8"],
        "A will is kept and published after its delay or with the end of its session, unless it was deleted or its client is back.",
        &[
            "door/hazards::a_takeover_publishes_the_old_will_and_keeps_the_new_one",
            "door/delivery::a_will_waits_for_its_delay_and_is_not_published_when_the_client_is_back",
            "conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it",
        ],
    ),
    kept(
        &["3.1.2-9"],
        "With the will flag, properties, topic and payload of the will are there.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-10"],
        "A will goes when it is published, or with a DISCONNECT of 0x00.",
        &[
            "door/hazards::a_takeover_publishes_the_old_will_and_keeps_the_new_one",
            "conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it",
        ],
    ),
    kept(
        &["3.1.2-11", "3.1.2-12", "3.1.2-13"],
        "Will QoS is 0 to 2; without a will, will QoS and will retain are 0.",
        &["conformance/connect::flags_that_contradict_each_other_are_refused"],
    ),
    kept(
        &["3.1.2-14", "3.1.2-15"],
        "A will is retained as it asks.",
        &["door/retained::wills_are_retained_like_everything_else"],
    ),
    kept(
        &["3.1.2-16", "3.1.2-17", "3.1.2-18", "3.1.2-19"],
        "User name and password are there when their flags say so, and only then.",
        &[
            "conformance/connect::flags_that_contradict_each_other_are_refused",
            "door/malformed::connects_that_promise_what_they_do_not_keep_are_closed",
        ],
    ),
    kept(
        &["3.1.2-22"],
        "Nothing for one and a half times the keep alive closes the connection.",
        &[
            "door/hazards::a_silent_client_is_let_go_after_one_and_a_half_times_its_keep_alive",
            "door/hazards::a_keep_alive_of_zero_never_ends",
        ],
    ),
    kept(
        &["3.1.2-23"],
        "The session is kept when its expiry is not 0.",
        &[
            "conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told",
            "conformance/sessions::a_message_published_while_a_client_is_away_waits_for_it_at_qos_1_and_2",
        ],
    ),
    kept(
        &["3.1.2-24", "3.1.2-25"],
        "Nothing larger than the client's maximum packet size is sent; such a message is dropped as if sent.",
        &["conformance/connect::no_packet_is_larger_than_the_client_takes"],
    ),
    kept(
        &["3.1.2-26", "3.1.2-27"],
        "No alias beyond the client's maximum, and none where it gave none.",
        &["conformance/publish::no_alias_is_used_towards_a_client"],
    ),
    kept(
        &["3.1.2-28"],
        "Without request response information there is no response information.",
        &["conformance/connect::the_connack_says_what_is_there"],
    ),
    kept(
        &["3.1.2-29"],
        "Without request problem information, reason strings and user properties are in PUBLISH, CONNACK and DISCONNECT only.",
        &["conformance/connect::a_client_that_wants_no_problem_information_gets_codes_only"],
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
        &["3.1.3-4", "3.1.3-11", "3.1.3-12"],
        "Client identifier, will topic and user name are UTF-8 strings.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["3.1.3-5"],
        "Identifiers of 1 to 23 letters and digits are taken.",
        &["conformance/connect::every_client_identifier_of_1_to_23_letters_and_digits_is_taken"],
    ),
    kept(
        &["3.1.3-6", "3.1.3-7"],
        "An empty identifier is given one, and the client is told.",
        &["conformance/connect::an_mqtt_5_client_without_an_identifier_is_told_the_one_it_gets"],
    ),
    kept(
        &["3.1.3-8"],
        "A refused identifier: 0x85 and the end.",
        &["conformance/connect::a_refused_client_identifier_is_told_and_the_connection_ends"],
    ),
    kept(
        &["3.1.3-9"],
        "No will when the client is back before the delay is over.",
        &["door/delivery::a_will_waits_for_its_delay_and_is_not_published_when_the_client_is_back"],
    ),
    kept(
        &["3.1.3-10"],
        "User properties of a will keep their order.",
        &["conformance/publish::properties_of_a_will_reach_subscribers_in_order"],
    ),
    kept(
        &["3.1.4-1"],
        "A CONNECT that does not conform closes the connection.",
        &[
            "conformance/connect::flags_that_contradict_each_other_are_refused",
            "door/malformed::connects_that_promise_what_they_do_not_keep_are_closed",
            "conformance/connect::properties_that_may_not_be_there_are_a_protocol_error",
        ],
    ),
    kept(
        &["3.1.4-2"],
        "Who is not known or not allowed is closed.",
        &["door/letting_in::a_user_is_let_in_with_its_password_and_nobody_else"],
    ),
    kept(
        &["3.1.4-3"],
        "A connected client with the same identifier is told 0x8E and closed.",
        &["conformance/connect::a_second_connection_of_a_client_ends_the_first"],
    ),
    kept(
        &["3.1.4-4", "3.1.4-5"],
        "Clean start is done, and a CONNACK of 0x00 sent.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.1.4-6"],
        "What follows a refused CONNECT is not processed.",
        &["conformance/connect::what_follows_a_refused_connect_is_not_looked_at"],
    ),
];

pub const CONNACK: &[Row] = &[
    kept(
        &["3.2.0-1", "3.2.0-2"],
        "CONNACK comes before everything else, and once.",
        &["conformance/connect::the_connack_is_the_first_packet_and_the_only_one_of_its_kind"],
    ),
    kept(
        &["3.2.2-1"],
        "The reserved bits of its flags are 0.",
        &[
            "conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told",
            "conformance/connect::the_connack_says_what_is_there",
        ],
    ),
    kept(
        &["3.2.2-2", "3.2.2-3"],
        "Session present: 0 after a clean start, else whether there was one.",
        &["conformance/sessions::a_session_is_resumed_or_discarded_as_the_client_asks_and_it_is_told"],
    ),
    kept(
        &["3.2.2-6", "3.2.2-7", "3.2.2-8"],
        "A refusal has session present 0, one of the listed codes, and closes.",
        &[
            "conformance/connect::what_follows_a_refused_connect_is_not_looked_at",
            "conformance/connect::flags_that_contradict_each_other_are_refused",
            "door/letting_in::a_user_is_let_in_with_its_password_and_nobody_else",
        ],
    ),
    kept(
        &["3.2.2-9", "3.2.2-10", "3.2.2-12"],
        "Limits of QoS: there are none.",
        &[
            "conformance/connect::the_connack_says_what_is_there",
            "door/delivery::a_message_comes_at_the_lower_of_both_qualities",
        ],
    ),
    kept(
        &["3.2.2-13"],
        "Limits of retained messages: they are offered, wills included.",
        &["door/retained::wills_are_retained_like_everything_else"],
    ),
    checked(
        &["3.2.2-15"],
        "A packet larger than the maximum packet size announced ends the connection with 0x95.",
        &["door/malformed::a_packet_of_ten_mebibytes_is_refused_with_its_reason_and_the_next_good_message_is_served"],
    ),
    kept(
        &["3.2.2-16"],
        "The assigned identifier is nobody else's.",
        &["conformance/connect::an_mqtt_5_client_without_an_identifier_is_told_the_one_it_gets"],
    ),
    checked(
        &["3.2.2-17", "3.2.2-18"],
        "An alias beyond the announced maximum (64, and always announced) ends the connection with 0x94.",
        &[
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
            "conformance/publish::an_alias_stands_for_its_topic_on_its_connection_only",
        ],
    ),
    kept(
        &["3.2.2-19", "3.2.2-20"],
        "Reason string and user properties do not make a CONNACK too large.",
        &["conformance/connect::no_packet_is_larger_than_the_client_takes"],
    ),
    checked(
        &["3.2.2-21"],
        "A keep alive of the server's own is the one the client is measured by.",
        &["conformance/connect::a_keep_alive_that_is_too_long_is_replaced_and_the_client_is_told"],
    ),
    kept(
        &["3.2.2-22"],
        "Without one, the client's own holds.",
        &["door/hazards::a_silent_client_is_let_go_after_one_and_a_half_times_its_keep_alive"],
    ),
];

pub const PUBLISH: &[Row] = &[
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
        &["3.3.1-5", "3.3.1-6", "3.3.1-7", "3.3.1-8"],
        "Retained: the last one replaces, an empty one takes away and is not kept, one without the flag changes nothing.",
        &[
            "conformance/publish::the_last_retained_message_of_a_topic_is_the_one_that_is_kept",
            "door/retained::a_retained_message_is_found_when_it_is_durable_and_not_before",
        ],
    ),
    kept(
        &["3.3.1-9", "3.3.1-10", "3.3.1-11"],
        "Retain handling 0, 1 and 2.",
        &[
            "door/delivery::retained_messages_are_sent_as_the_subscription_asks",
            "door/hazards::every_one_of_300_retained_messages_reaches_a_new_subscriber",
        ],
    ),
    kept(
        &["3.3.1-12", "3.3.1-13"],
        "Retain as published.",
        &[
            "door/delivery::retained_messages_are_sent_as_the_subscription_asks",
            "conformance/publish::the_retain_flag_tells_old_from_new_and_dup_is_the_brokers_own",
        ],
    ),
    kept(
        &["3.3.2-1", "3.3.2-2"],
        "The topic is a UTF-8 string without wildcards.",
        &[
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
            "door/malformed::topics_that_are_none_end_the_connection",
            "conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection",
        ],
    ),
    kept(
        &["3.3.2-3"],
        "What is sent matches a filter of its subscriber.",
        &["conformance/subscribe::wildcards_match_as_the_standard_says_and_not_what_begins_with_a_dollar"],
    ),
    kept(
        &["3.3.2-4", "3.3.2-15", "3.3.2-16", "3.3.2-17", "3.3.2-18", "3.3.2-20"],
        "Payload format, response topic, correlation data, user properties (in their order) and content type are passed on unaltered.",
        &[
            "conformance/publish::properties_reach_subscribers_unaltered_and_in_order",
            "door/interop::an_mqtt_5_client_gets_back_what_it_published_with_its_properties",
        ],
    ),
    kept(
        &["3.3.2-5"],
        "An expired message is not delivered.",
        &["door/delivery::a_message_that_expired_while_its_subscriber_was_away_is_not_sent"],
    ),
    kept(
        &["3.3.2-6"],
        "The expiry that is sent is what is left of it.",
        &["conformance/publish::what_is_left_of_a_messages_life_is_told"],
    ),
    kept(
        &["3.3.2-7"],
        "Aliases do not outlive their connection.",
        &["conformance/publish::an_alias_stands_for_its_topic_on_its_connection_only"],
    ),
    kept(
        &["3.3.2-8"],
        "Alias 0 is not sent, and ends the connection it comes on.",
        &[
            "conformance/publish::no_alias_is_used_towards_a_client",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
        ],
    ),
    checked(
        &["3.3.2-9"],
        "An alias beyond the maximum ends the connection.",
        &["conformance/publish::a_publish_against_the_rules_ends_the_connection"],
    ),
    kept(
        &["3.3.2-11"],
        "No alias beyond the client's maximum is sent.",
        &["conformance/publish::no_alias_is_used_towards_a_client"],
    ),
    kept(
        &["3.3.2-12"],
        "Every alias up to the announced maximum is taken.",
        &["conformance/publish::an_alias_stands_for_its_topic_on_its_connection_only"],
    ),
    kept(
        &["3.3.2-13", "3.3.2-14", "3.3.2-19"],
        "Response topic and content type are UTF-8 strings, the former without wildcards.",
        &["conformance/publish::a_publish_against_the_rules_ends_the_connection"],
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
        &["3.3.4-2"],
        "Subscriptions that overlap: the highest QoS.",
        &["conformance/subscribe::a_message_that_several_subscriptions_match_comes_once_with_all_their_identifiers"],
    ),
    kept(
        &["3.3.4-3", "3.3.4-4", "3.3.4-5"],
        "The subscription identifiers of all that match come with the message.",
        &["conformance/subscribe::a_message_that_several_subscriptions_match_comes_once_with_all_their_identifiers"],
    ),
    checked(
        &["3.3.4-6"],
        "A subscription identifier from a client is a protocol error.",
        &["conformance/publish::a_publish_against_the_rules_ends_the_connection"],
    ),
    checked(
        &["3.3.4-7"],
        "More than the announced receive maximum ends the connection with 0x93.",
        &["conformance/publish::more_on_their_way_than_was_announced_ends_the_connection"],
    ),
    kept(
        &["3.3.4-9", "3.3.4-10"],
        "No more than the client's receive maximum is on its way, and nothing else waits for it.",
        &[
            "conformance/sessions::a_receive_maximum_bounds_what_is_on_its_way_and_nothing_else",
            "door/delivery::a_client_sees_no_more_on_their_way_than_it_asked_for",
        ],
    ),
];

pub const ACKNOWLEDGEMENTS: &[Row] = &[
    kept(
        &["3.4.2-1", "3.5.2-1", "3.6.2-1", "3.7.2-1"],
        "Reason codes are those listed; another one from a client is a protocol error.",
        &[
            "conformance/publish::an_acknowledgement_of_another_kind_ends_the_connection",
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "conformance/publish::an_identifier_is_free_again_after_its_acknowledgement",
        ],
    ),
    kept(
        &["3.4.2-2", "3.4.2-3", "3.5.2-2", "3.5.2-3", "3.6.2-2", "3.6.2-3", "3.7.2-2", "3.7.2-3"],
        "Reason string and user properties do not make an acknowledgement too large.",
        &["conformance/connect::no_packet_is_larger_than_the_client_takes"],
    ),
    kept(
        &["3.6.1-1"],
        "The flags of PUBREL are 0010.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
];

pub const SUBSCRIBE: &[Row] = &[
    kept(
        &["3.8.1-1", "3.10.1-1"],
        "Their flags are 0010.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
    kept(
        &["3.8.3-1", "3.10.3-1"],
        "Filters are UTF-8 strings.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["3.8.3-2", "3.10.3-2"],
        "At least one filter.",
        &["conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection"],
    ),
    kept(&["3.8.3-3"], "No local.", &["door/delivery::no_local_keeps_a_clients_own_messages_from_it"]),
    kept(
        &["3.8.3-4"],
        "No local on a shared subscription is a protocol error.",
        &["door/shared::no_local_on_a_shared_subscription_ends_the_connection"],
    ),
    kept(
        &["3.8.3-5"],
        "Reserved option bits make a SUBSCRIBE malformed.",
        &["conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection"],
    ),
    kept(
        &["3.8.4-1", "3.8.4-2"],
        "SUBACK answers with the same identifier.",
        &["conformance/subscribe::each_filter_has_its_code_in_its_place"],
    ),
    kept(
        &["3.8.4-3", "3.8.4-4"],
        "The same filter replaces the subscription, sends retained messages again, and loses nothing.",
        &["conformance/subscribe::a_subscription_is_replaced_by_one_with_the_same_filter_and_nothing_is_lost"],
    ),
    kept(
        &["3.8.4-5", "3.8.4-6", "3.8.4-7", "3.9.3-1", "3.9.3-2"],
        "Each filter is answered by a listed code in its place.",
        &[
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "door/malformed::subscriptions_beyond_the_limit_are_refused_one_by_one",
        ],
    ),
    kept(
        &["3.8.4-8"],
        "A message comes at the lower of both QoS.",
        &["door/delivery::a_message_comes_at_the_lower_of_both_qualities"],
    ),
    kept(
        &["3.9.2-1", "3.9.2-2", "3.11.2-1", "3.11.2-2"],
        "Reason string and user properties do not make the answer too large.",
        &[
            "conformance/connect::no_packet_is_larger_than_the_client_takes",
            "conformance/connect::a_client_that_wants_no_problem_information_gets_codes_only",
        ],
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
        &["3.10.4-4", "3.10.4-5", "3.10.4-6", "3.11.3-1", "3.11.3-2"],
        "One UNSUBACK with the same identifier and a listed code for each filter, even if nothing was deleted.",
        &[
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
            "door/delivery::after_an_unsubscribe_nothing_comes",
        ],
    ),
];

pub const DISCONNECT: &[Row] = &[
    kept(&["3.12.4-1"], "PINGRESP answers PINGREQ.", &["conformance/connect::a_ping_is_answered"]),
    kept(
        &["3.14.0-1"],
        "No DISCONNECT without a CONNACK before it.",
        &["conformance/connect::what_follows_a_refused_connect_is_not_looked_at"],
    ),
    kept(
        &["3.14.1-1"],
        "The flags of DISCONNECT are 0.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
    kept(
        &["3.14.2-1"],
        "Its reason codes are those listed.",
        &[
            "door/malformed::malformed_packets_end_their_connection_only",
            "door/stopping::a_stop_acknowledges_what_was_taken_says_why_and_publishes_no_wills",
        ],
    ),
    kept(
        &["3.14.2-2"],
        "The server sends no session expiry in it; a client cannot raise one of 0 (section 3.14.2.2.2).",
        &[
            "conformance/connect::a_session_that_was_to_end_cannot_be_kept_with_a_disconnect",
            "conformance/connect::no_packet_is_larger_than_the_client_takes",
        ],
    ),
    kept(
        &["3.14.2-3", "3.14.2-4"],
        "Reason string and user properties do not make it too large.",
        &["conformance/connect::no_packet_is_larger_than_the_client_takes"],
    ),
    kept(
        &["3.14.4-1", "3.14.4-2"],
        "After it nothing is sent and the connection is closed.",
        &[
            "door/malformed::malformed_packets_end_their_connection_only",
            "door/stopping::a_stop_acknowledges_what_was_taken_says_why_and_publishes_no_wills",
        ],
    ),
    kept(
        &["3.14.4-3"],
        "On 0x00 the will is discarded.",
        &["conformance/connect::a_disconnect_discards_the_will_unless_it_asks_for_it"],
    ),
    kept(
        &["3.15.1-1"],
        "The flags of AUTH are 0.",
        &["conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place"],
    ),
    by_refusal(
        &["3.15.2-1", "3.15.2-2", "3.15.2-3"],
        "AUTH packets that are sent: none are.",
        "a CONNECT with an authentication method gets 0x8C",
        &["conformance/connect::extended_authentication_is_refused_and_auth_packets_are_out_of_place"],
    ),
];
