//! The host application's own birth and death, and its session.

use super::Answer::{Not, Shown};
use super::Row;

const INSIDE: &str =
    "no connection of its own: the host application lives inside the embedded broker, and both end together";
const ALL: &str = "no subscription of its own: the embedded broker hands every message to the host application";
const ONE: &str = "one server: the broker that it is built into";

pub(super) const STATE: &[Row] = &[
    Row("tck-id-intro-sparkplug-host-state", "A host application publishes STATE, online and offline.", app!()),
    Row("tck-id-components-ph-state", "STATE says at any time whether it is online.", app!()),
    Row("tck-id-conformance-primary-host", "STATE is its birth and death certificate.", app!()),
    Row("tck-id-host-topic-phid-birth-message", "The birth is the first message it publishes.", app!()),
    Row(
        "tck-id-host-topic-phid-birth-qos",
        "The birth has QoS 1.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row("tck-id-host-topic-phid-birth-retain", "The birth is retained.", app!()),
    Row(
        "tck-id-host-topic-phid-birth-topic",
        "Its topic is spBv1.0/STATE/{host}.",
        host!(the_payloads_are_those_of_the_specification),
    ),
    Row("tck-id-host-topic-phid-birth-sub-required", "It subscribes to its STATE and the namespace first.", Not(ALL)),
    Row("tck-id-host-topic-phid-birth-required", "Then it publishes the birth.", app!()),
    Row(
        "tck-id-host-topic-phid-birth-payload",
        "The payload is JSON with online = true and a timestamp.",
        host!(the_payloads_are_those_of_the_specification),
    ),
    Row(
        "tck-id-host-topic-phid-birth-payload-timestamp",
        "The timestamp is that of the connection's will.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row(
        "tck-id-host-topic-phid-death-qos",
        "The death has QoS 1.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row(
        "tck-id-host-topic-phid-death-retain",
        "The death is retained.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row(
        "tck-id-host-topic-phid-death-topic",
        "Its topic is spBv1.0/STATE/{host}.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row("tck-id-host-topic-phid-death-required", "The CONNECT carries the death as its will.", Not(INSIDE)),
    Row(
        "tck-id-host-topic-phid-death-payload",
        "The payload is JSON with online = false and a timestamp.",
        host!(the_payloads_are_those_of_the_specification),
    ),
    Row(
        "tck-id-host-topic-phid-death-payload-timestamp-connect",
        "The will's timestamp is the time of the CONNECT.",
        Not(INSIDE),
    ),
    Row(
        "tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean",
        "Before a DISCONNECT the death is published.",
        app!(),
    ),
    Row(
        "tck-id-host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
        "Before it leaves without one likewise.",
        app!(),
    ),
    Row(
        "tck-id-operational-behavior-host-application-host-id",
        "The host id is unique.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row("tck-id-operational-behavior-host-application-connect-will", "The CONNECT carries a will.", Not(INSIDE)),
    Row("tck-id-operational-behavior-host-application-connect-will-topic", "On the STATE topic.", Not(INSIDE)),
    Row("tck-id-operational-behavior-host-application-connect-will-payload", "With online = false.", Not(INSIDE)),
    Row("tck-id-operational-behavior-host-application-connect-will-qos", "With QoS 1.", Not(INSIDE)),
    Row("tck-id-operational-behavior-host-application-connect-will-retained", "Retained.", Not(INSIDE)),
    Row("tck-id-operational-behavior-host-application-connect-birth", "The birth follows at once.", app!()),
    Row("tck-id-operational-behavior-host-application-connect-birth-topic", "On the STATE topic.", app!()),
    Row("tck-id-operational-behavior-host-application-connect-birth-payload", "With online = true.", app!()),
    Row("tck-id-operational-behavior-host-application-connect-birth-qos", "With QoS 1.", app!()),
    Row("tck-id-operational-behavior-host-application-connect-birth-retained", "Retained.", app!()),
    Row(
        "tck-id-operational-behavior-host-application-multi-server-timestamp",
        "A timestamp for each server.",
        Not(ONE),
    ),
    Row("tck-id-operational-behavior-host-application-termination", "It publishes its death before it leaves.", app!()),
    Row("tck-id-operational-behavior-host-application-death-topic", "On the STATE topic.", app!()),
    Row("tck-id-operational-behavior-host-application-death-payload", "With online = false.", app!()),
    Row("tck-id-operational-behavior-host-application-death-qos", "With QoS 1.", app!()),
    Row(
        "tck-id-operational-behavior-host-application-death-retained",
        "Retained.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row("tck-id-operational-behavior-host-application-disconnect-intentional", "A DISCONNECT may follow.", Not(INSIDE)),
    Row("tck-id-payloads-state-will-message", "The CONNECT carries the will.", Not(INSIDE)),
    Row("tck-id-payloads-state-will-message-qos", "With QoS 1.", Not(INSIDE)),
    Row("tck-id-payloads-state-will-message-retain", "Retained.", Not(INSIDE)),
    Row("tck-id-payloads-state-will-message-payload", "With online = false.", Not(INSIDE)),
    Row("tck-id-payloads-state-subscribe", "It subscribes to its own STATE.", Not(ALL)),
    Row("tck-id-payloads-state-birth", "It publishes its birth.", app!()),
    Row(
        "tck-id-payloads-state-birth-payload",
        "JSON, online = true, timestamp.",
        host!(the_payloads_are_those_of_the_specification),
    ),
];

pub(super) const SESSION: &[Row] = &[
    Row("tck-id-message-flow-phid-sparkplug-clean-session-311", "MQTT 3.1.1: clean session.", Not(INSIDE)),
    Row("tck-id-message-flow-phid-sparkplug-clean-session-50", "MQTT 5: clean start, session expiry 0.", Not(INSIDE)),
    Row("tck-id-message-flow-phid-sparkplug-subscription", "It subscribes before it publishes STATE.", Not(ALL)),
    Row("tck-id-message-flow-phid-sparkplug-state-publish", "It publishes STATE once it can receive.", app!()),
    Row("tck-id-message-flow-phid-sparkplug-state-publish-payload", "JSON, online = true, timestamp.", app!()),
    Row(
        "tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp",
        "The timestamp of the session's will.",
        values!(a_host_that_is_said_to_be_offline_says_that_it_is_not),
    ),
    Row(
        "tck-id-message-flow-hid-sparkplug-state-message-delivered",
        "Said to be offline while it is online, it publishes its birth again.",
        Shown(&[
            "collector/src/tests/sparkplug_values.rs::a_host_that_is_said_to_be_offline_says_that_it_is_not",
            "app/tests/sparkplug.rs::an_edge_node_is_told_that_the_host_is_there_and_that_it_goes",
        ]),
    ),
    Row(
        "tck-id-operational-behavior-primary-application-state-with-multiple-servers-state-subs",
        "STATE on each of several servers.",
        Not(ONE),
    ),
    Row(
        "tck-id-operational-behavior-primary-application-state-with-multiple-servers-state",
        "STATE anew with each session.",
        app!(),
    ),
];
