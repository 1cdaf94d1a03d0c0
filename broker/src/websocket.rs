//! MQTT over WebSocket (MQTT 5, section 6): one WebSocket connection as a stream of bytes.
//!
//! Packets and frames need not begin together. A frame that is not binary ends the connection. Pings are answered by
//! the library, and a close frame is answered and is the end of the stream. Text of the opening handshake is bounded by
//! the library, its time by `handshake_timeout`, a message by `max_packet`.
//!
//! A browser tells which page a connection comes from. Unless the page came from the same host, or its origin is listed
//! in `websocket_origins`, it is turned away: a page of a stranger must not speak to the plant through an engineer's
//! browser. What is no browser sends no origin and is known by its credentials like everybody else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};

use crate::config::Config;

/// Where MQTT is on a WebSocket listener.
const PATH: &str = "/mqtt";

/// The WebSocket subprotocol of MQTT 3.1.1 and 5.
const PROTOCOL: &str = "mqtt";

/// A WebSocket connection as a stream of bytes.
pub(crate) struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// What is left of the last message.
    unread: Bytes,
}

/// Answers the opening handshake.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(io: S, config: &Config) -> Result<WebSocket<S>, Error> {
    let most = Some(config.max_packet);
    let limits = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(most)
        .max_frame_size(most);
    #[expect(clippy::result_large_err, reason = "the library's callback asks for it")]
    let check = |request: &Request, response: Response| match refusal(request, &config.websocket_origins) {
        None => Ok(chosen(response)),
        Some((status, why)) => Err(declined(status, why)),
    };
    let inner = tokio_tungstenite::accept_hdr_async_with_config(io, check, Some(limits)).await?;
    Ok(WebSocket { inner, unread: Bytes::new() })
}

fn chosen(mut response: Response) -> Response {
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    response
}

fn declined(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(format!("{why}\n")));
    *response.status_mut() = status;
    response
}

/// Why a request is turned away, if it is.
fn refusal(request: &Request, origins: &[String]) -> Option<(StatusCode, &'static str)> {
    if request.uri().path() != PATH {
        return Some((StatusCode::NOT_FOUND, "MQTT is at /mqtt"));
    }
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if !offered.any(|name| name.trim() == PROTOCOL) {
        return Some((StatusCode::BAD_REQUEST, "the WebSocket subprotocol must be mqtt"));
    }
    // Nothing but a browser sends one.
    let origin = request.headers().get(header::ORIGIN)?.to_str().unwrap_or_default();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let same = origin.split_once("://").is_some_and(|(_, from)| !host.is_empty() && from.eq_ignore_ascii_case(host));
    let listed = origins.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(origin));
    (!same && !listed).then_some((StatusCode::FORBIDDEN, "pages of this origin may not connect"))
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Says why, as far as the socket takes it now, and fails.
    fn refuse(&mut self, context: &mut Context<'_>, code: CloseCode, why: &'static str) -> io::Error {
        let close = Message::Close(Some(CloseFrame { code, reason: why.into() }));
        if Pin::new(&mut self.inner).start_send(close).is_ok() {
            let _ = Pin::new(&mut self.inner).poll_flush(context);
        }
        io::Error::new(io::ErrorKind::InvalidData, why)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Frame(_))) => {
                    let why = "MQTT comes in binary frames";
                    return Poll::Ready(Err(self.refuse(context, CloseCode::Unsupported, why)));
                }
                Some(Ok(Message::Close(_))) => {
                    // The answer waits inside; what the socket does not take now is not waited for.
                    let _ = Pin::new(&mut self.inner).poll_flush(context);
                    return Poll::Ready(Ok(()));
                }
                None => return Poll::Ready(Ok(())),
                Some(Err(Error::Capacity(_))) => {
                    let why = "larger than the broker takes";
                    return Poll::Ready(Err(self.refuse(context, CloseCode::Size, why)));
                }
                Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
                    let why = "against the WebSocket protocol";
                    return Poll::Ready(Err(self.refuse(context, CloseCode::Protocol, why)));
                }
                Some(Err(error)) => return Poll::Ready(ended(error)),
            }
        }
        let n = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread[..n]);
        self.unread.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Err(error) = ready!(Pin::new(&mut self.inner).poll_ready(context)) {
            return Poll::Ready(ended(error).map(|()| 0));
        }
        let sent = Pin::new(&mut self.inner).start_send(Message::Binary(Bytes::copy_from_slice(bytes)));
        Poll::Ready(sent.map_or_else(|error| ended(error).map(|()| 0), |()| Ok(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context).map(|flushed| flushed.or_else(ended))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context).map(|closed| closed.or_else(ended))
    }
}

/// A connection that was closed as it should be is no failure.
fn ended(error: Error) -> io::Result<()> {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(()),
        Error::Io(error) => Err(error),
        error => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_let_in_by_path_subprotocol_and_origin() {
        let check = |uri: &str, headers: &[(&str, &str)], expect: Option<u16>| {
            let mut request = Request::builder().uri(uri).header("host", "plant:8083");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let origins = ["https://scada:8443".to_owned()];
            let found = refusal(&request.body(()).unwrap(), &origins).map(|(status, _)| status.as_u16());
            assert_eq!(found, expect, "{uri} {headers:?}");
        };
        let mqtt = ("sec-websocket-protocol", "mqtt");
        check("/mqtt", &[mqtt], None);
        check("/mqtt?x=1", &[("sec-websocket-protocol", "chat, mqtt")], None);
        check("/mqtt", &[("sec-websocket-protocol", "chat"), mqtt], None);
        check("/", &[mqtt], Some(404));
        check("/mqtt/x", &[mqtt], Some(404));
        check("/mqtt", &[], Some(400));
        check("/mqtt", &[("sec-websocket-protocol", "mqttv3.1")], Some(400));
        check("/mqtt", &[mqtt, ("origin", "http://plant:8083")], None);
        check("/mqtt", &[mqtt, ("origin", "https://SCADA:8443")], None);
        check("/mqtt", &[mqtt, ("origin", "http://plant:80")], Some(403));
        check("/mqtt", &[mqtt, ("origin", "http://evil.example")], Some(403));
        check("/mqtt", &[mqtt, ("origin", "null")], Some(403));
        check("/mqtt", &[mqtt, ("origin", "http://plant:8083.evil.example")], Some(403));
    }
}
