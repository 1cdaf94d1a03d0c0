//! From an open socket to a client: CONNECT, who it is, its session, CONNACK.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::addresses::Logins;
use crate::broker::Broker;
use crate::clients::Record;
use crate::codec::answers::{self, Reasons, Welcome};
use crate::codec::control::{self, ConnectPacket};
use crate::codec::{frame, kind};
use crate::connection::{ALIASES, Admitted};
use crate::intake::{Certificate, ClientInfo, Credentials, Denied, Identity, Login, Protocol};
use crate::refusal::Refusal;
use crate::router::link::Link;
use crate::router::session::{Session, Terms};
use crate::router::{Attached, Claim};
use crate::will::Will;

/// The largest CONNECT, in bytes; who sends it is not known yet.
const MAX_CONNECT: usize = 256 * 1024;

/// The longest client identifier, in bytes.
const MAX_CLIENT_ID: usize = 256;

/// Where a connection comes from.
pub(crate) struct Peer {
    pub address: SocketAddr,
    pub listener: u64,
    /// The certificate it proved to hold.
    pub certificate: Option<Box<Certificate>>,
    /// The account of its address.
    pub logins: Arc<Logins>,
}

/// A client that may be served, and what is to be done when it is gone.
pub(crate) struct Guest {
    pub admitted: Admitted,
    pub will: Option<Will>,
    /// How long its session is kept for it.
    pub expiry: Duration,
    /// How many identities had been revoked before it was looked up.
    pub revocations: u64,
}

/// Why not, and in which version to say so.
pub(crate) struct TurnedAway {
    pub refusal: Refusal,
    pub protocol: Option<Protocol>,
    /// Whether it gets a CONNACK: not what never spoke MQTT.
    pub answer: bool,
    /// The largest packet it takes.
    pub most: usize,
}

fn away(refusal: Refusal, protocol: Protocol, most: usize) -> TurnedAway {
    TurnedAway { refusal, protocol: Some(protocol), answer: true, most }
}

/// Lets a client in, or not.
pub(crate) async fn admit<S: AsyncRead + AsyncWrite + Unpin>(
    broker: &Arc<Broker>,
    io: &mut S,
    peer: Peer,
) -> Result<Guest, TurnedAway> {
    let until = Instant::now() + broker.config().handshake_timeout;
    let silent = |refusal| TurnedAway { refusal, protocol: None, answer: false, most: usize::MAX };
    let max = MAX_CONNECT.min(broker.config().max_packet);
    let read = timeout_at(until, read_connect(io, max)).await;
    let (packet, frame, unread) = read.unwrap_or(Err(Refusal::ConnectTimeout)).map_err(silent)?;
    let version = control::version(&packet, frame);
    let protocol = version.map_err(|refusal| TurnedAway { answer: refusal == Refusal::Version, ..silent(refusal) })?;
    let connect = control::connect(&packet, frame, protocol).map_err(|refusal| TurnedAway {
        // What MQTT 3.1.1 has no code for is closed without one.
        answer: protocol == Protocol::V5 || refusal == Refusal::Credentials,
        ..away(refusal, protocol, usize::MAX)
    })?;
    let most = connect.properties.max_packet.map_or(usize::MAX, |max| max as usize);
    let welcomed = welcome(broker, connect, peer, unread, until).await;
    welcomed.map_err(|refusal| away(refusal, protocol, most))
}

async fn read_connect<S: AsyncRead + Unpin>(
    io: &mut S,
    max: usize,
) -> Result<(BytesMut, frame::Frame, BytesMut), Refusal> {
    let mut buffer = BytesMut::with_capacity(512);
    loop {
        if buffer.first().is_some_and(|byte| byte >> 4 != kind::CONNECT) {
            return Err(Refusal::ConnectExpected);
        }
        if let Some(frame) = frame::first(&buffer, max)? {
            let packet = buffer.split_to(frame.len);
            return Ok((packet, frame, BytesMut::from(buffer.chunk())));
        }
        match io.read_buf(&mut buffer).await {
            Ok(n) if n > 0 => {}
            _ => return Err(Refusal::ConnectExpected),
        }
    }
}

async fn welcome(
    broker: &Arc<Broker>,
    packet: ConnectPacket,
    peer: Peer,
    unread: BytesMut,
    until: Instant,
) -> Result<Guest, Refusal> {
    let ConnectPacket { protocol, client_id, clean, keep_alive, properties, will, login } = packet;
    if properties.authentication {
        return Err(Refusal::AuthenticationMethod);
    }
    let (client_id, assigned) = assign(&client_id, protocol, clean)?;
    let will = will.map(|will| Will::new(will, broker.limits())).transpose()?;
    let revocations = broker.access.revocations();
    let Peer { address, listener, certificate, logins } = peer;
    let credentials = credentials(broker, certificate, login)?;
    let Identity { name: identity, rights } =
        identify(broker, credentials, &logins, &client_id, address, until).await?;
    if let Err(error) = rights.check() {
        tracing::error!(%identity, "not let in, its rights are wrong: {error}");
        return Err(Refusal::NotAuthorized);
    }
    if let Some(will) = will.as_ref().filter(|will| !rights.may_publish(will.topic())) {
        broker.denied(&client_id, &identity, will.topic(), Refusal::WillDenied);
        return Err(Refusal::WillDenied);
    }

    let wanted = match protocol {
        Protocol::V311 if clean => Duration::ZERO,
        Protocol::V311 => Duration::MAX,
        Protocol::V5 => Duration::from_secs(u64::from(properties.session_expiry)),
    };
    let expiry = wanted.min(broker.config().max_session_expiry);
    let terms = Terms {
        protocol,
        window: usize::from(properties.receive_maximum.min(broker.config().send_window)),
        max_packet: properties.max_packet.map_or(usize::MAX, |max| max as usize),
    };
    let claim = Claim { client_id: client_id.clone(), identity: identity.clone(), clean, terms };
    let shorter = least_keep_alive(keep_alive, protocol, broker.config().max_keep_alive);
    let welcome =
        welcome_of(broker, assigned.then(|| client_id.to_string()), (expiry != wanted).then_some(expiry), shorter);
    let mut out = BytesMut::new();
    answers::put_connack(&mut out, protocol, false, &welcome);
    if out.len() > terms.max_packet {
        return Err(Refusal::SubscriberPacket);
    }
    let link = Arc::new(Link::default());
    let (session, present) = attach(broker, &claim, &link).await?;
    if present {
        broker.router().withdraw(&session, &rights);
    }
    let info = Arc::new(ClientInfo { client_id, address, identity, protocol, connection: broker.next_connection() });
    let record = Arc::new(Record::new(info.clone(), session.clone(), link.clone(), listener));

    out.clear();
    let reasons = Reasons { allowed: properties.problems, most: terms.max_packet };
    answers::put_connack(&mut out, protocol, present, &welcome);
    let (broker, keep_alive) = (broker.clone(), shorter.unwrap_or(keep_alive));
    let ends = wanted.is_zero();
    let admitted = Admitted { broker, info, session, link, record, rights, unread, out, keep_alive, reasons, ends };
    Ok(Guest { admitted, will, expiry, revocations })
}

/// The client identifier, and whether it is ours.
fn assign(wanted: &str, protocol: Protocol, clean: bool) -> Result<(Arc<str>, bool), Refusal> {
    // One secret for the life of the process: identifiers we assign cannot be guessed from each other.
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    if !wanted.is_empty() {
        let usable = wanted.len() <= MAX_CLIENT_ID && !wanted.chars().any(char::is_control);
        return if usable { Ok((wanted.into(), false)) } else { Err(Refusal::ClientId) };
    }
    if protocol == Protocol::V311 && !clean {
        return Err(Refusal::ClientId);
    }
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut hasher = SECRET.build_hasher();
    hasher.write_u64(n);
    Ok((format!("auto-{n}-{:016x}", hasher.finish()).into(), true))
}

/// What it says it is; `None` for an anonymous client. One that offers both is known by its certificate.
fn credentials(
    broker: &Broker,
    certificate: Option<Box<Certificate>>,
    login: Option<control::Login>,
) -> Result<Option<Credentials>, Refusal> {
    match (certificate, login) {
        (Some(certificate), _) => Ok(Some(Credentials::Certificate(*certificate))),
        (None, Some(login)) => Ok(Some(Credentials::Password { user: login.username, password: login.password })),
        (None, None) if broker.config().anonymous => Ok(None),
        (None, None) => Err(Refusal::Anonymous),
    }
}

async fn identify(
    broker: &Broker,
    credentials: Option<Credentials>,
    logins: &Logins,
    client_id: &Arc<str>,
    address: SocketAddr,
    until: Instant,
) -> Result<Identity, Refusal> {
    let Some(credentials) = credentials else {
        return Ok(Identity { name: "anonymous".into(), rights: broker.config().anonymous_rights.clone() });
    };
    let by_password = matches!(credentials, Credentials::Password { .. });
    let mut turn = None;
    if by_password {
        // A few at a time, and each looks again whether it may when its turn has come: of a thousand wrong passwords at
        // once, a handful is verified.
        turn = timeout_at(until, logins.turns.acquire()).await.ok();
        if turn.is_none() {
            return Err(Refusal::Unavailable);
        }
        if !logins.may_try(Instant::now()) {
            return Err(Refusal::LoginRate);
        }
    }
    let login = Login { credentials, client_id: client_id.clone(), address };
    let verified = timeout_at(until, broker.authenticator().verify(login)).await;
    if by_password && matches!(verified, Ok(Err(Denied::Credentials))) {
        logins.failed(Instant::now());
    }
    drop(turn);
    match verified {
        Ok(Ok(identity)) => Ok(identity),
        Ok(Err(Denied::Credentials)) => Err(Refusal::Credentials),
        Ok(Err(Denied::NotAuthorized)) => Err(Refusal::NotAuthorized),
        Ok(Err(Denied::Unavailable)) | Err(_) => Err(Refusal::Unavailable),
    }
}

/// The client's session. Another connection of this client is asked to go first; it has until then finished with
/// everything it took in, so the order of what this client publishes holds across its connections.
async fn attach(broker: &Broker, claim: &Claim, link: &Arc<Link>) -> Result<(Arc<Session>, bool), Refusal> {
    let patience = broker.config().handshake_timeout;
    let taking = async {
        loop {
            // Before its session is touched: one turned away must find it as it was. A client that is connected comes
            // in place of itself.
            let full = broker.connected() >= broker.config().max_connections;
            if full && !broker.router().is_connected(&claim.client_id) {
                return Err(Refusal::Connections);
            }
            let busy = match broker.router().attach(claim, link, Instant::now()) {
                Attached::Here { session, present } => return Ok((session, present)),
                Attached::Refused(refusal) => return Err(refusal),
                Attached::Busy(session) => session,
            };
            let mut gone = pin!(busy.detached.notified());
            gone.as_mut().enable();
            if busy.link().is_some() {
                gone.await;
            }
        }
    };
    timeout(patience, taking).await.unwrap_or(Err(Refusal::Unavailable))
}

/// The keep alive that an MQTT 5 client is given in place of the one it asked for.
fn least_keep_alive(asked: u16, protocol: Protocol, most: u16) -> Option<u16> {
    let too_long = most > 0 && (asked == 0 || asked > most);
    (protocol == Protocol::V5 && too_long).then_some(most)
}

/// What an MQTT 5 client is told of us: no more than we do.
fn welcome_of(
    broker: &Broker,
    assigned_client_id: Option<String>,
    expiry: Option<Duration>,
    keep_alive: Option<u16>,
) -> Welcome {
    Welcome {
        session_expiry: expiry.map(|expiry| u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX)),
        receive_maximum: broker.config().receive_maximum(),
        max_packet: broker.config().max_packet as u32,
        assigned_client_id,
        alias_maximum: ALIASES,
        keep_alive,
    }
}
