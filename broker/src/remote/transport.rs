//! The bytes of one connection, and how it begins.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::dial::{PATIENCE, Stream};
use super::fault::{self, Fault};
use super::options::{Options, Presence};
use crate::codec::client::{self, Connect, Welcome};
use crate::codec::{frame, kind};
use crate::intake::Protocol;
use crate::refusal::Refusal;

/// A socket and what has been read and not yet understood, encoded and not yet written.
pub(super) struct Transport {
    pub reader: ReadHalf<Box<dyn Stream>>,
    pub writer: WriteHalf<Box<dyn Stream>>,
    pub unread: BytesMut,
    pub out: BytesMut,
    pub unflushed: bool,
}

impl Transport {
    pub fn new(stream: Box<dyn Stream>) -> Transport {
        let (reader, writer) = tokio::io::split(stream);
        Transport { reader, writer, unread: BytesMut::new(), out: BytesMut::new(), unflushed: false }
    }

    /// CONNECT and its answer.
    pub async fn handshake(&mut self, options: &Options, presence: Option<&Presence>) -> Result<Welcome, Fault> {
        let login = options.login.as_ref();
        let connect = Connect {
            protocol: options.protocol,
            client_id: &options.client_id,
            keep_alive: options.keep_alive.as_secs() as u16,
            user: login.map(|(user, _)| &**user),
            password: login.map(|(_, password)| &**password),
            will: presence.map(|p| &p.will),
            session_expiry: u32::try_from(options.session_expiry.as_secs()).unwrap_or(u32::MAX),
            receive_maximum: u16::try_from(options.in_flight_messages).unwrap_or(u16::MAX),
            max_packet: options.max_packet as u32,
        };
        connect.encode(&mut self.out);
        let answered = async {
            self.writer.write_all(&self.out).await?;
            self.writer.flush().await?;
            self.out.clear();
            loop {
                match frame::first(&self.unread, options.max_packet) {
                    Ok(Some(frame)) => return Ok::<_, io::Error>(Ok((self.unread.split_to(frame.len), frame))),
                    Ok(None) => {}
                    Err(what) => return Ok(Err(what)),
                }
                if self.reader.read_buf(&mut self.unread).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        };
        let address = options.address();
        let (packet, frame) = match timeout(PATIENCE, answered).await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(what))) => return Err(Fault::Malformed { address, what }),
            // The broker's verdict on our certificate comes after ours on its own.
            Ok(Err(source)) if options.tls.is_some() && source.kind() == io::ErrorKind::InvalidData => {
                return Err(Fault::Tls { address, source });
            }
            Ok(Err(source)) => return Err(hung_up(address, source)),
            Err(_) => return Err(Fault::Silent { address, seconds: PATIENCE.as_secs() }),
        };
        if frame.kind != kind::CONNACK {
            return Err(Fault::Malformed { address, what: Refusal::Protocol });
        }
        let welcome = client::connack(options.protocol, &packet[frame.body..frame.len])
            .map_err(|what| Fault::Malformed { address: address.clone(), what })?;
        if welcome.code != 0 {
            let five = options.protocol == Protocol::V5;
            let (why, permanent) = fault::refused(five, welcome.code, welcome.reason);
            return Err(Fault::Refused { address, why, permanent });
        }
        Ok(welcome)
    }

    pub fn is_idle(&self) -> bool {
        self.out.is_empty() && !self.unflushed
    }

    /// Writes what there is, then flushes. May be dropped while it waits.
    pub async fn write(
        writer: &mut WriteHalf<Box<dyn Stream>>,
        out: &mut BytesMut,
        unflushed: &mut bool,
    ) -> io::Result<()> {
        if out.is_empty() {
            writer.flush().await?;
            *unflushed = false;
        } else if writer.write_buf(out).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        } else {
            *unflushed = true;
        }
        Ok(())
    }
}

/// Some brokers answer a version they do not speak, or a client that they do not know, by closing the socket.
fn hung_up(address: String, source: io::Error) -> Fault {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => {
            let why = "it closed the connection without an answer; check `protocol`, and whether this is its MQTT port \
                       and speaks TLS";
            Fault::Refused { address, why: why.to_owned(), permanent: true }
        }
        _ => Fault::Lost { address, source },
    }
}
