//! A session of MQTT without sockets, for fuzzers: bytes in, and nothing may panic, hang or differ from run to run.
//!
//! Not part of the interface of this room.

use std::cell::RefCell;
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;

use crate::broker::Broker;
use crate::config::Config;
use crate::intake::{
    Authenticator, BoxFuture, ClientInfo, Denied, Identity, Intake, IntakeClosed, Login, Publish, Receipt,
};
use crate::lock;
use crate::rights::Rights;
use crate::serve;

/// What a run did: for tests of the harness itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What was written to each connection.
    pub written: Vec<Vec<u8>>,
    /// Messages that reached the intake.
    pub messages: usize,
}

/// An intake that takes everything at once, and an authenticator that knows everybody.
#[derive(Default)]
struct Open(Mutex<usize>);

impl Intake for Open {
    fn accept(&self, _: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
        *lock(&self.0) += batch.len();
        Box::pin(ready(Ok(Box::pin(ready(Ok(()))) as Receipt)))
    }

    fn refused(&self, _: Arc<ClientInfo>, _: u64, _: &'static str) {}
}

impl Authenticator for Open {
    fn verify(&self, _: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        Box::pin(ready(Ok(Identity { name: "anonymous".into(), rights: Arc::new(Rights::everything()) })))
    }
}

/// A connection whose client said everything it has to say.
struct Spoken<'a> {
    bytes: &'a [u8],
    /// How much comes with one read.
    chunk: usize,
    written: &'a mut Vec<u8>,
}

impl AsyncRead for Spoken<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = self.chunk.min(self.bytes.len()).min(into.remaining());
        into.put_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Spoken<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Feeds `bytes` to a broker of their own. The first byte is how much comes with one read (0: everything), the next two
/// how long the first connection's share is; what is left comes on a second connection, after the first has ended.
pub fn mqtt_session(bytes: &[u8]) {
    drop(run(bytes));
}

/// The same, and what came of it.
#[doc(hidden)]
pub fn run(bytes: &[u8]) -> Seen {
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let [chunk, high, low, bytes @ ..] = bytes else { return Seen::default() };
    let chunk = if *chunk == 0 { usize::MAX } else { usize::from(*chunk) };
    let (first, second) = bytes.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(bytes.len()));
    RUNTIME.with_borrow_mut(|runtime| {
        if runtime.is_none() {
            *runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok();
        }
        runtime.as_ref().map_or_else(Seen::default, |runtime| runtime.block_on(connections(chunk, [first, second])))
    })
}

async fn connections(chunk: usize, all: [&[u8]; 2]) -> Seen {
    let open = Arc::new(Open::default());
    let config = Config { anonymous: true, max_packet: 64 * 1024, queue_messages: 64, ..Config::default() };
    let Ok(broker) = Broker::new(config, open.clone(), open.clone()) else { return Seen::default() };
    let mut seen = Seen::default();
    for bytes in all.into_iter().filter(|bytes| !bytes.is_empty()) {
        let mut written = Vec::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        serve::one(&broker, Spoken { bytes, chunk, written: &mut written }, address).await;
        seen.written.push(written);
    }
    seen.messages = *lock(&open.0);
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `[chunk, length of the first connection]` and what both say.
    fn input(chunk: u8, first: &[u8], second: &[u8]) -> Vec<u8> {
        let [high, low] = (first.len() as u16).to_be_bytes();
        [&[chunk, high, low], first, second].concat()
    }

    const CONNECT: &[u8] = &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 0, 0, 1, b'c'];

    #[test]
    fn a_session_is_driven_to_its_end_and_found_again() {
        // A kept session subscribes to t, publishes a QoS 2 message, and does not acknowledge what comes back.
        let first = [CONNECT, &[0x82, 6, 0, 1, 0, 1, b't', 1], &[0x34, 6, 0, 1, b't', 0, 9, b'x']].concat();
        let second = [CONNECT, &[0x62, 2, 0, 9], &[0xc0, 0]].concat();
        for chunk in [0, 1, 7] {
            let seen = run(&input(chunk, &first, &second));
            assert_eq!(seen.messages, 1);
            assert_eq!(seen.written[0][..9], [0x20, 2, 0, 0, 0x90, 3, 0, 1, 1]);
            let passed_on = [&[0x50, 2, 0, 9, 0x32, 6, 0, 1, b't', 0, 1, b'x'][..]].concat();
            assert_eq!(seen.written[0][9..], passed_on);
            assert_eq!(seen.written[1][..4], [0x20, 2, 1, 0], "present");
            let holds = |part: &[u8]| seen.written[1].windows(part.len()).any(|bytes| bytes == part);
            assert!(holds(&[0x70, 2, 0, 9]) && holds(&[0xd0, 0]) && holds(&[0x3a, 6, 0, 1, b't', 0, 1, b'x']));
        }
    }

    proptest! {
        /// The same bytes do the same, and none bring it down.
        #[test]
        fn no_session_brings_it_down(
            chunk in 0u8..9, five: bool, bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200,
        ) {
            let mut first = CONNECT.to_vec();
            if five {
                first = vec![0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 0, 0, 0, 1, b'c'];
            }
            let cut = cut.min(bytes.len());
            first.extend_from_slice(&bytes[..cut]);
            let input = input(chunk, &first, &[CONNECT, &bytes[cut..]].concat());
            prop_assert_eq!(run(&input), run(&input));
        }
    }
}
