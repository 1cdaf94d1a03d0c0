//! The last message of each topic that asked to be retained, for those who subscribe later.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::message::Message;
use crate::refusal::Refusal;
use crate::topic;

/// Retained messages, bounded by count and bytes.
pub(crate) struct Retained {
    messages: BTreeMap<Arc<str>, Arc<Message>>,
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
}

impl Retained {
    pub fn new(max_messages: usize, max_bytes: usize) -> Retained {
        Retained { messages: BTreeMap::new(), bytes: 0, max_messages, max_bytes }
    }

    /// Keeps `message` as the last of its topic; an empty payload takes the topic's message away. When there is no
    /// room, what was retained for the topic goes too: an old value must not pass for the last one.
    pub fn set(&mut self, message: &Arc<Message>) -> Result<(), Refusal> {
        if let Some(old) = self.messages.remove(&message.topic) {
            self.bytes -= old.size();
        }
        if message.payload.is_empty() {
            return Ok(());
        }
        if self.messages.len() >= self.max_messages || self.bytes + message.size() > self.max_bytes {
            return Err(Refusal::RetainedFull);
        }
        self.bytes += message.size();
        self.messages.insert(message.topic.clone(), message.clone());
        Ok(())
    }

    /// Every retained message that `filter` matches, in the order of their topics.
    pub fn matching(&self, filter: &str) -> Vec<Arc<Message>> {
        if !filter.contains(['+', '#']) {
            return self.messages.get(filter).cloned().into_iter().collect();
        }
        let literal = filter.split(['+', '#']).next().unwrap_or_default().trim_end_matches('/');
        let from = self.messages.range::<str, _>((std::ops::Bound::Included(literal), std::ops::Bound::Unbounded));
        from.take_while(|(name, _)| name.starts_with(literal))
            .filter(|(name, _)| topic::matches(filter, name))
            .map(|(_, message)| message.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(topic: &str, payload: &'static [u8]) -> Arc<Message> {
        Arc::new(Message {
            topic: topic.into(),
            payload: Bytes::from_static(payload),
            qos: 1,
            retain: true,
            properties: Bytes::new(),
            expires: None,
            from: 0,
        })
    }

    #[test]
    fn the_last_message_of_each_topic_is_kept_until_an_empty_one() {
        let mut retained = Retained::new(10, 10_000);
        for (topic, payload) in [("a/1", &b"x"[..]), ("a/2", b"y"), ("a/1", b"z"), ("a/2", b""), ("b", b"w")] {
            retained.set(&message(topic, payload)).unwrap();
        }
        let found = |filter: &str| -> Vec<_> {
            let found = retained.matching(filter);
            found.iter().map(|m| (m.topic.to_string(), m.payload.to_vec())).collect()
        };
        assert_eq!(found("a/#"), [("a/1".to_owned(), b"z".to_vec())]);
        assert_eq!(found("#").len(), 2);
        assert_eq!(found("b").len(), 1);
        assert_eq!(found("a").len(), 0);
    }

    #[test]
    fn what_finds_no_room_is_refused_and_leaves_no_old_value() {
        let mut retained = Retained::new(2, 1_000);
        retained.set(&message("a", b"1")).unwrap();
        retained.set(&message("b", b"1")).unwrap();
        assert_eq!(retained.set(&message("c", b"1")), Err(Refusal::RetainedFull));
        retained.set(&message("a", b"2")).unwrap();
        assert_eq!(retained.set(&message("b", &[0; 2_000])), Err(Refusal::RetainedFull));
        assert_eq!(retained.matching("#").len(), 1);
        retained.set(&message("a", b"")).unwrap();
        assert_eq!(retained.bytes, 0);
    }
}
