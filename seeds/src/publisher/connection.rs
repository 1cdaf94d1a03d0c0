//! The task behind a publisher: one `rumqttc` event loop per connection, with pauses between them.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use outbox::{Message, Outbox};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Outgoing, Packet,
    QoS,
};
use tokio::sync::watch;

use super::{PATIENCE_S, PublishError};

/// The first pause after a failure, doubled with each further one up to [`BACK_OFF_MAX`].
const BACK_OFF: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// No attempt has ended yet.
    Connecting,
    /// The broker has said yes.
    Connected,
    /// The last attempt failed, or the connection broke; the next attempt comes.
    Retrying(PublishError),
}

/// What the task owns.
pub struct Connection {
    pub mqtt: MqttOptions,
    pub address: String,
    pub greeting: Vec<Message>,
    pub outbox: Arc<Outbox>,
    pub status: watch::Sender<Status>,
}

impl Connection {
    /// Connects again and again until `stopped`, or until the publisher is gone.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut pause = BACK_OFF;
        while let Some(error) = self.session(&mut stopped).await {
            // A connection that had been accepted starts the back-off anew.
            if *self.status.borrow() == Status::Connected {
                pause = BACK_OFF;
            }
            let error = self.explain(&error);
            tracing::warn!(outstanding = self.outbox.outstanding(), "{error}");
            self.status.send_replace(Status::Retrying(error));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|s| *s) => return,
            }
            pause = (pause * 2).min(BACK_OFF_MAX);
        }
    }

    /// One connection, from its beginning to what ended it; `None` after our own goodbye.
    async fn session(&self, stopped: &mut watch::Receiver<bool>) -> Option<ConnectionError> {
        // A new event loop has no packet ids under way and nothing pending: the outbox alone knows what to send.
        let (client, mut events) = AsyncClient::new(self.mqtt.clone(), 1);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(PATIENCE_S);
        events.set_network_options(network);
        self.outbox.begin(&self.greeting, false);
        let end = tokio::select! {
            end = self.pump(&mut events) => end,
            never = self.feed(&client) => match never {},
            () = self.leave(&client, stopped) => None,
        };
        // What arrived together with the end of the connection has arrived.
        for event in std::mem::take(&mut events.state.events) {
            self.note(&event);
        }
        end
    }

    /// Lets the protocol run. Never cancelled while the connection lives: `poll` keeps half-written packets.
    async fn pump(&self, events: &mut EventLoop) -> Option<ConnectionError> {
        loop {
            match events.poll().await {
                Ok(Event::Outgoing(Outgoing::Disconnect)) => return None,
                Ok(event) => self.note(&event),
                Err(error) => return Some(error),
            }
        }
    }

    /// Hands over what stands in the outbox, in order.
    async fn feed(&self, client: &AsyncClient) -> Infallible {
        loop {
            // The channel holds one message, so `next` runs at most that far ahead of the protocol.
            let (message, _) = self.outbox.next().await;
            if client.publish_bytes(&*message.topic, QoS::AtLeastOnce, false, message.payload).await.is_err() {
                pending::<()>().await;
            }
        }
    }

    /// Waits for the stop and says goodbye where there is somebody to hear it; then [`Connection::pump`] ends.
    async fn leave(&self, client: &AsyncClient, stopped: &mut watch::Receiver<bool>) {
        let asked = stopped.wait_for(|s| *s).await.is_ok();
        if asked && *self.status.borrow() == Status::Connected && client.disconnect().await.is_ok() {
            pending::<()>().await;
        }
    }

    /// Which message a packet id stands for follows from the order: `rumqttc` numbers messages in the order in which it
    /// is handed them, and says so before anything can be acknowledged.
    fn note(&self, event: &Event) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.status.send_replace(Status::Connected);
            }
            Event::Outgoing(Outgoing::Publish(id)) => self.outbox.sent(*id),
            Event::Incoming(Packet::PubAck(ack)) => _ = self.outbox.acknowledged(ack.pkid),
            _ => {}
        }
    }

    fn explain(&self, error: &ConnectionError) -> PublishError {
        let address = self.address.clone();
        match error {
            ConnectionError::ConnectionRefused(code) => PublishError::Refused {
                address,
                why: match code {
                    ConnectReturnCode::BadUserNamePassword => "wrong user or password; check both",
                    ConnectReturnCode::NotAuthorized => "not authorised; give a user and a password that may publish",
                    ConnectReturnCode::BadClientId => "it does not accept the client's name; choose another",
                    ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
                    ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::Success => "it is not ready; try later",
                },
            },
            other => PublishError::Unreachable { address, why: other.to_string() },
        }
    }
}
