//! What comes from edge nodes and what is sent to them.

use super::Answer::{Not, Shown};
use super::Row;

const NO_WRITES: &str = "the platform writes to no machine: the only command it sends is the rebirth request";

pub(super) const DEATHS: &[Row] = &[
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline",
        "NDEATH: the node is offline as of the host's own time.",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
        "NDEATH: its metrics are no longer current: bad(offline).",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline",
        "NDEATH: its devices are offline.",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale",
        "NDEATH: so are their metrics.",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
        "DDEATH: the device is offline as of the payload's time.",
        Shown(&[
            "collector/src/tests/sparkplug.rs::deaths_take_node_and_devices_offline_and_must_be_of_this_session",
            "analytics/src/fold/tests.rs::an_offline_alarm_bears_the_time_of_the_death_and_that_of_silence_when_it_is_noticed",
        ]),
    ),
    Row(
        "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale",
        "DDEATH: its metrics are no longer current: bad(offline).",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
    Row(
        "tck-id-payloads-ndeath-bdseq",
        "An NDEATH is about the session whose birth had its bdSeq, and no other.",
        session!(deaths_take_node_and_devices_offline_and_must_be_of_this_session),
    ),
];

pub(super) const REORDER: &[Row] = &[
    Row(
        "tck-id-operational-behavior-host-reordering-param",
        "The reorder timeout is a setting.",
        order!(the_window_is_a_setting_and_may_be_nothing),
    ),
    Row(
        "tck-id-operational-behavior-host-reordering-start",
        "It begins with the first number that is out of order.",
        order!(what_does_not_come_within_the_window_is_lost_and_a_birth_is_asked_for),
    ),
    Row(
        "tck-id-operational-behavior-host-reordering-rebirth",
        "When it is over, a rebirth is requested.",
        order!(what_does_not_come_within_the_window_is_lost_and_a_birth_is_asked_for),
    ),
    Row(
        "tck-id-operational-behavior-host-reordering-success",
        "If everything has come by then, nothing happens.",
        order!(values_of_a_message_that_overtook_another_are_taken_at_once_and_nothing_is_asked_for),
    ),
    Row(
        "tck-id-payloads-sequence-num-incrementing",
        "Numbers count from 0 to 255 and begin again.",
        order!(a_sequence_that_goes_round_for_long_has_no_gap_and_a_repeated_number_is_one),
    ),
    Row(
        "tck-id-payloads-sequence-num-req-nbirth",
        "A birth's number is one of 0 to 255; the count goes on from it.",
        in_file!("collector/src/sparkplug/order.rs", the_sequence_goes_round_and_a_birth_begins_it_anew),
    ),
    Row(
        "tck-id-payloads-ddeath-seq-number",
        "A DDEATH has its place among the other messages.",
        order!(a_death_that_overtook_data_does_not_make_it_unknown_and_one_that_comes_late_kills_no_one),
    ),
];

pub(super) const COMMANDS: &[Row] = &[
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-verb",
        "A command to a node is an NCMD.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-rebirth-verb",
        "A rebirth request is an NCMD.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-rebirth-name",
        "Its metric is Node Control/Rebirth.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-rebirth-value",
        "Its value is true.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-metric-name",
        "It names a metric that every NBIRTH has.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-ncmd-metric-value",
        "Its value is of that metric's type.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-topics-ncmd-topic",
        "Its topic is spBv1.0/{group}/NCMD/{edge}.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-topics-ncmd-mqtt",
        "QoS 0, not retained.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-topics-ncmd-timestamp",
        "It has a timestamp.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-topics-ncmd-payload",
        "It has the metrics to be written.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-payloads-ncmd-timestamp",
        "It has a timestamp.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-payloads-ncmd-seq",
        "It has no sequence number.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row("tck-id-payloads-ncmd-qos", "QoS 0.", session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds)),
    Row(
        "tck-id-payloads-ncmd-retain",
        "Not retained.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row(
        "tck-id-payloads-name-cmd-requirement",
        "Its metrics may have a timestamp.",
        session!(data_before_the_birth_asks_for_it_at_most_every_five_seconds),
    ),
    Row("tck-id-operational-behavior-data-commands-dcmd-verb", "A command to a device is a DCMD.", Not(NO_WRITES)),
    Row(
        "tck-id-operational-behavior-data-commands-dcmd-metric-name",
        "It names a metric of the DBIRTH.",
        Not(NO_WRITES),
    ),
    Row(
        "tck-id-operational-behavior-data-commands-dcmd-metric-value",
        "Its value is of that metric's type.",
        Not(NO_WRITES),
    ),
    Row("tck-id-topics-dcmd-mqtt", "QoS 0, not retained.", Not(NO_WRITES)),
    Row("tck-id-topics-dcmd-timestamp", "It has a timestamp.", Not(NO_WRITES)),
    Row("tck-id-topics-dcmd-payload", "It has the metrics to be written.", Not(NO_WRITES)),
    Row("tck-id-payloads-dcmd-timestamp", "It has a timestamp.", Not(NO_WRITES)),
    Row("tck-id-payloads-dcmd-seq", "It has no sequence number.", Not(NO_WRITES)),
    Row("tck-id-payloads-dcmd-qos", "QoS 0.", Not(NO_WRITES)),
    Row("tck-id-payloads-dcmd-retain", "Not retained.", Not(NO_WRITES)),
];

pub(super) const READING: &[Row] = &[
    Row(
        "tck-id-topics-nbirth-topic",
        "NBIRTH topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-ndata-topic",
        "NDATA topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-ndeath-topic",
        "NDEATH topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-dbirth-topic",
        "DBIRTH topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-ddata-topic",
        "DDATA topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-ddeath-topic",
        "DDEATH topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topics-dcmd-topic",
        "DCMD topics are read.",
        in_file!("collector/src/topic.rs", topics_parse_and_display_alike),
    ),
    Row(
        "tck-id-topic-structure-namespace-device-id-associated-message-types",
        "A message of a device without one is quarantined.",
        in_file!("collector/src/topic.rs", other_topics_are_told_apart),
    ),
    Row(
        "tck-id-topic-structure-namespace-device-id-non-associated-message-types",
        "A message of a node with a device is quarantined.",
        in_file!("collector/src/topic.rs", other_topics_are_told_apart),
    ),
    Row(
        "tck-id-message-flow-device-birth-publish-nbirth-wait",
        "A DBIRTH before the NBIRTH waits for it.",
        store!(what_came_before_its_birth_follows_it_with_its_own_times),
    ),
    Row(
        "tck-id-payloads-ndata-order",
        "Data before the births waits for them.",
        store!(what_came_before_its_birth_follows_it_with_its_own_times),
    ),
    Row(
        "tck-id-payloads-ddata-order",
        "Likewise of devices.",
        store!(what_came_before_its_birth_follows_it_with_its_own_times),
    ),
    Row(
        "tck-id-payloads-alias-data-cmd-requirement",
        "Data by alias is what the latest birth says.",
        session!(sparkplug_resolves_aliases_of_the_latest_birth_only),
    ),
    Row(
        "tck-id-payloads-metric-datatype-not-req",
        "Data without a type has that of its birth.",
        values!(arrays_become_a_point_for_each_element),
    ),
    Row(
        "tck-id-payloads-metric-datatype-value",
        "An unknown type is quarantined.",
        in_file!(
            "collector/src/tests/mod.rs",
            whatever_is_wrong_has_a_code_and_a_sentence_and_the_next_message_is_served
        ),
    ),
    Row(
        "tck-id-operational-behavior-data-publish-nbirth-values",
        "Values and nulls of births are kept.",
        session!(sparkplug_qualities_nulls_and_types_are_kept),
    ),
    Row(
        "tck-id-payloads-propertyset-keys-array-size",
        "Properties without a value each are quarantined.",
        values!(properties_describe_a_point_that_speaks_for_the_first_time),
    ),
    Row(
        "tck-id-payloads-propertyset-values-array-size",
        "Likewise.",
        values!(properties_describe_a_point_that_speaks_for_the_first_time),
    ),
    Row(
        "tck-id-payloads-propertyset-quality-value-value",
        "Qualities 0, 192 and 500 are bad, good and bad(stale).",
        session!(sparkplug_qualities_nulls_and_types_are_kept),
    ),
    Row(
        "tck-id-payloads-dataset-column-num-headers",
        "A DataSet with more names than types is quarantined.",
        in_file!("collector/src/wire/sparkplug/structure.rs", a_table_that_is_none_is_a_fault),
    ),
    Row(
        "tck-id-payloads-dataset-types-num",
        "Likewise with fewer.",
        in_file!("collector/src/wire/sparkplug/structure.rs", a_table_that_is_none_is_a_fault),
    ),
    Row(
        "tck-id-payloads-dataset-column-size",
        "A wrong number of columns is quarantined.",
        in_file!("collector/src/wire/sparkplug/structure.rs", a_table_that_is_none_is_a_fault),
    ),
    Row(
        "tck-id-payloads-template-definition-is-definition",
        "A definition has no values.",
        values!(templates_become_a_point_for_each_member_and_definitions_none),
    ),
    Row(
        "tck-id-payloads-template-instance-ref",
        "A member's type may be its definition's.",
        values!(templates_become_a_point_for_each_member_and_definitions_none),
    ),
    Row(
        "tck-id-payloads-template-instance-members",
        "A member that the birth did not have is quarantined.",
        values!(templates_become_a_point_for_each_member_and_definitions_none),
    ),
    Row(
        "tck-id-payloads-template-instance-members-data",
        "Data may have some of the members.",
        values!(templates_become_a_point_for_each_member_and_definitions_none),
    ),
    Row(
        "tck-id-payloads-template-instance-parameters",
        "Parameters are values.",
        values!(parameters_are_values_and_nesting_has_an_end),
    ),
];
