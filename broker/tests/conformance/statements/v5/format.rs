//! Chapters 1 and 2: how data and packets look.

use crate::statements::{Row, checked, kept};

pub const DATA: &[Row] = &[
    kept(
        &["1.5.4-1", "1.5.4-2"],
        "Strings are UTF-8 without surrogates and without U+0000.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
    kept(
        &["1.5.4-3"],
        "U+FEFF is a character like any other.",
        &["conformance/subscribe::filters_are_compared_character_by_character"],
    ),
    kept(
        &["1.5.5-1"],
        "Variable byte integers that are sent are as short as they can be.",
        &["conformance/subscribe::a_message_that_several_subscriptions_match_comes_once_with_all_their_identifiers"],
    ),
    kept(
        &["1.5.7-1"],
        "Both parts of a string pair are strings.",
        &["conformance/connect::strings_that_are_no_utf_8_or_hold_a_null_end_the_connection"],
    ),
];

pub const FORMAT: &[Row] = &[
    kept(
        &["2.1.3-1"],
        "Reserved flags have the value listed.",
        &["conformance/connect::reserved_bits_of_the_fixed_header_end_the_connection"],
    ),
    kept(
        &["2.2.1-2"],
        "A PUBLISH of QoS 0 has no packet identifier.",
        &[
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "door/delivery::a_message_comes_at_the_lower_of_both_qualities",
        ],
    ),
    checked(
        &["2.2.1-3"],
        "A packet identifier from a client is not zero.",
        &[
            "conformance/subscribe::a_subscribe_against_the_rules_ends_the_connection",
            "conformance/publish::a_publish_against_the_rules_ends_the_connection",
        ],
    ),
    kept(
        &["2.2.1-4"],
        "A PUBLISH from the server has an identifier that is not zero and not in use.",
        &["conformance/sessions::identifiers_in_use_are_not_used_for_another_message"],
    ),
    kept(
        &["2.2.1-5"],
        "Acknowledgements carry the identifier of their PUBLISH.",
        &[
            "conformance/publish::each_quality_is_answered_as_the_table_says",
            "conformance/sessions::what_was_not_acknowledged_is_sent_again_with_its_identifier_in_order_and_only_then",
        ],
    ),
    kept(
        &["2.2.1-6"],
        "SUBACK and UNSUBACK carry the identifier of what they answer.",
        &["conformance/subscribe::each_filter_has_its_code_in_its_place"],
    ),
    kept(
        &["2.2.2-1"],
        "No properties are told by a length of zero.",
        &[
            "conformance/publish::no_alias_is_used_towards_a_client",
            "conformance/subscribe::each_filter_has_its_code_in_its_place",
        ],
    ),
];
