//! The clients of `rumqttc`, MQTT 3.1.1 and 5.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, v5};

use crate::house::{House, open};

async fn next(events: &mut EventLoop) -> Packet {
    loop {
        if let Event::Incoming(packet) = events.poll().await.unwrap() {
            return packet;
        }
    }
}

async fn next_v5(events: &mut v5::EventLoop) -> v5::mqttbytes::v5::Packet {
    loop {
        if let v5::Event::Incoming(packet) = events.poll().await.unwrap() {
            return packet;
        }
    }
}

#[tokio::test]
async fn a_3_1_1_client_gets_back_what_it_published_at_every_quality() {
    let house = House::new(open()).await;
    let mut options = MqttOptions::new("c", "127.0.0.1", house.address.port());
    options.set_keep_alive(Duration::from_secs(30)).set_credentials("user", "secret");
    let (client, mut events) = AsyncClient::new(options, 10);
    assert!(matches!(next(&mut events).await, Packet::ConnAck(_)));
    client.subscribe("echo/#", QoS::ExactlyOnce).await.unwrap();
    assert!(matches!(next(&mut events).await, Packet::SubAck(_)));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish("echo/轧钢", qos, false, vec![qos as u8; 100]).await.unwrap();
        loop {
            if let Packet::Publish(publish) = next(&mut events).await {
                assert_eq!((publish.qos, &publish.payload[..]), (qos, &[qos as u8; 100][..]));
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_mqtt_5_client_gets_back_what_it_published_with_its_properties() {
    use v5::mqttbytes::QoS;
    use v5::mqttbytes::v5::{Packet, PublishProperties};
    let house = House::new(open()).await;
    let mut options = v5::MqttOptions::new("c", "127.0.0.1", house.address.port());
    options.set_credentials("user", "secret");
    let (client, mut events) = v5::AsyncClient::new(options, 10);
    assert!(matches!(next_v5(&mut events).await, Packet::ConnAck(_)));
    client.subscribe("echo/#", QoS::ExactlyOnce).await.unwrap();
    assert!(matches!(next_v5(&mut events).await, Packet::SubAck(_)));
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let properties = PublishProperties { content_type: Some("text/plain".into()), ..PublishProperties::default() };
        client.publish_with_properties("echo/轧钢", qos, false, "hello", properties.clone()).await.unwrap();
        loop {
            if let Packet::Publish(publish) = next_v5(&mut events).await {
                assert_eq!((publish.qos, &publish.payload[..]), (qos, &b"hello"[..]));
                assert_eq!(publish.properties, Some(properties));
                break;
            }
        }
    }
    client.disconnect().await.unwrap();
}
