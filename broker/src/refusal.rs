//! Everything the door can refuse, each with the name it is counted under and the MQTT 5 reason code it is told with.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $code:literal;)*) => {
        /// Why a connection, a packet or a message was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Refusal {
            /// All there are.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$variant),*];

            /// The name it is counted under.
            pub fn name(self) -> &'static str {
                match self { $(Refusal::$variant => $name,)* }
            }

            /// What happened, for people: the reason string of MQTT 5.
            pub fn sentence(self) -> &'static str {
                match self { $(Refusal::$variant => concat!($($doc),*).trim_ascii_start(),)* }
            }

            /// The MQTT 5 reason code.
            pub fn code(self) -> u8 {
                match self { $(Refusal::$variant => $code,)* }
            }
        }
    };
}

refusals! {
    /// The bytes are no MQTT packet.
    Malformed = "malformed_packet", 0x81;
    /// A packet that may not come here: a second CONNECT, a wrong flag, an identifier of zero.
    Protocol = "protocol_error", 0x82;
    /// Larger than `max_packet`.
    PacketTooLarge = "packet_too_large", 0x95;
    /// Empty, not UTF-8, or with a wildcard or NUL.
    TopicInvalid = "topic_invalid", 0x90;
    /// Begins with `$`.
    TopicReserved = "topic_reserved", 0x90;
    /// Longer than `topic_bytes`.
    TopicTooLong = "topic_too_long", 0x90;
    /// More levels than `topic_levels`.
    TopicTooDeep = "topic_too_deep", 0x90;
    /// An alias that was never set, or is out of range.
    TopicAlias = "topic_alias_invalid", 0x94;
    /// More QoS 1 and 2 messages on their way than the receive maximum of the CONNACK.
    ReceiveMaximum = "receive_maximum", 0x93;
    /// Silent for one and a half times its keep alive.
    KeepAlive = "keep_alive_timeout", 0x8D;
    /// Another connection came with the same client id.
    TakenOver = "session_taken_over", 0x8E;
    /// The broker stops.
    Stopping = "server_stopping", 0x8B;
    /// The client did not read what was written to it.
    WriteTimeout = "write_timeout", 0x80;
    /// The intake takes nothing any more.
    IntakeClosed = "intake_closed", 0x83;
    /// No TLS session came about.
    TlsHandshake = "tls_handshake", 0x80;
    /// No WebSocket connection came about: wrong path, subprotocol or origin, or no WebSocket at all.
    WebSocket = "websocket_handshake", 0x80;
    /// No CONNECT in time.
    ConnectTimeout = "connect_timeout", 0x80;
    /// Something else than a CONNECT came first.
    ConnectExpected = "connect_expected", 0x82;
    /// Neither MQTT 3.1.1 nor 5.
    Version = "protocol_version", 0x84;
    /// A client id that cannot be used.
    ClientId = "client_id_invalid", 0x85;
    /// The client id belongs to another identity.
    ClientIdBound = "client_id_bound", 0x87;
    /// User name or password wrong.
    Credentials = "credentials", 0x86;
    /// Known, but may not connect.
    NotAuthorized = "not_authorized", 0x87;
    /// A message to a topic that its publisher has no right to.
    PublishDenied = "publish_denied", 0x87;
    /// A subscription that would reach topics that its client has no right to.
    SubscribeDenied = "subscribe_denied", 0x87;
    /// A will with a topic that its client has no right to publish to.
    WillDenied = "will_denied", 0x87;
    /// What a kept session lost, because its identity came back with fewer rights: subscriptions and messages.
    Withdrawn = "rights_withdrawn", 0x87;
    /// Its identity was revoked, or its rights were changed.
    Revoked = "revoked", 0x98;
    /// Too many wrong passwords from this address lately.
    LoginRate = "login_rate", 0x9F;
    /// Too many connections a second, in all or from this address.
    ConnectionRate = "connection_rate", 0x9F;
    /// `max_connections_per_address` reached.
    AddressConnections = "address_connections_full", 0x97;
    /// Came without a user name, and anonymous is off.
    Anonymous = "anonymous_off", 0x87;
    /// Users cannot be looked up, or the old connection of this client does not end.
    Unavailable = "unavailable", 0x88;
    /// Extended authentication, which is not offered.
    AuthenticationMethod = "authentication_method", 0x8C;
    /// `max_connections` reached.
    Connections = "connections_full", 0x97;
    /// `max_handshakes` reached.
    Handshakes = "handshakes_full", 0x9F;
    /// `max_sessions` reached.
    Sessions = "sessions_full", 0x97;
    /// Not a topic filter, or beyond the limits of topics.
    FilterInvalid = "filter_invalid", 0x8F;
    /// `max_subscriptions` or `max_filters` reached.
    Subscriptions = "subscriptions_full", 0x97;
    /// A subscriber fell behind: its oldest message went.
    QueueFull = "subscriber_queue_full", 0x97;
    /// Larger than the subscriber takes.
    SubscriberPacket = "subscriber_packet_size", 0x95;
    /// Its time was up before the subscriber came for it.
    Expired = "message_expired", 0x80;
    /// `retained_messages` or `retained_bytes` reached: delivered, not retained.
    RetainedFull = "retained_full", 0x97;
}

/// How often each was refused.
pub(crate) struct Counters([AtomicU64; Refusal::ALL.len()]);

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    pub(crate) fn add(&self, refusal: Refusal, n: u64) {
        self.0[refusal as usize].fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Vec<(&'static str, u64)> {
        let count = |refusal: &Refusal| self.0[*refusal as usize].load(Ordering::Relaxed);
        Refusal::ALL.iter().map(|refusal| (refusal.name(), count(refusal))).collect()
    }
}
