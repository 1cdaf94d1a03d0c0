//! Servers that take messages as the real ones do: they check signatures, throttle, and answer with the documented codes.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fetch::{Policy, Url};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use notify::channel::{Hook, Means, Secret};
use plant::{Clock, Timestamp};
use ring::hmac;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A clock that goes on by itself, from a fixed instant.
pub struct Going {
    from: Timestamp,
    began: tokio::time::Instant,
}

impl Going {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { from: Timestamp::from_secs(1_796_004_000), began: tokio::time::Instant::now() })
    }
}

impl Clock for Going {
    fn now(&self) -> Timestamp {
        self.from + self.began.elapsed()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Webhook,
    WeCom,
    DingTalk,
    Feishu,
}

/// What the server does instead of what it should.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and body.
    Say(u16, &'static str),
    /// Nothing, and the connection stays.
    Hang,
    /// It takes the message and does not say so.
    Mute,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub body: Value,
    pub key: String,
}

#[derive(Default)]
pub struct World {
    pub taken: Vec<Taken>,
    /// Requests, also those that were refused.
    pub requests: u64,
    pub faults: VecDeque<Fault>,
    times: Vec<Timestamp>,
}

#[derive(Clone)]
pub struct StandIn {
    pub address: SocketAddr,
    kind: Kind,
    secret: String,
    clock: Arc<dyn Clock>,
    world: Arc<Mutex<World>>,
}

impl StandIn {
    pub async fn start(kind: Kind, secret: &str, clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stand_in = Self { address, kind, secret: secret.into(), clock, world: Arc::default() };
        let serving = stand_in.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let one = serving.clone();
                let service = service_fn(move |r| {
                    let one = one.clone();
                    async move { Ok::<_, Infallible>(one.answer(r).await) }
                });
                tokio::spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        stand_in
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.world().faults.extend(faults);
    }

    /// The keys of the messages that were taken, each once, in order.
    pub fn keys(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.world().taken.iter().filter(|t| seen.insert(t.key.clone())).map(|t| t.key.clone()).collect()
    }

    /// What a channel needs to reach it.
    pub fn hook(&self, secret: &str) -> Hook {
        let path = match self.kind {
            Kind::Webhook => "/hook",
            Kind::WeCom => "/cgi-bin/webhook/send?key=0123",
            Kind::DingTalk => "/robot/send?access_token=0123",
            Kind::Feishu => "/open-apis/bot/v2/hook/0123",
        };
        let url: Url = format!("http://{}{path}", self.address).parse().unwrap();
        let secret = (self.kind != Kind::WeCom).then(|| Secret::new(secret));
        Hook { url, tls: None, secret }
    }

    async fn answer(&self, r: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = r.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let fault = {
            let mut world = self.world();
            world.requests += 1;
            world.faults.pop_front()
        };
        match fault {
            Some(Fault::Say(status, text)) => return say(status, text.to_owned()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Mute) => {
                self.judge(&head.headers, head.uri.path_and_query().unwrap().as_str(), &body);
                std::future::pending().await
            }
            None => {}
        }
        let (status, text) = self.judge(&head.headers, head.uri.path_and_query().unwrap().as_str(), &body);
        say(status, text)
    }

    fn judge(&self, headers: &hyper::HeaderMap, path: &str, body: &[u8]) -> (u16, String) {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let now = self.clock.now();
        let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let answer = match self.kind {
            Kind::Webhook => self.webhook(headers, body),
            Kind::WeCom => self.wecom(path, &json, now),
            Kind::DingTalk => self.dingtalk(path, &json, now),
            Kind::Feishu => self.feishu(&json, now),
        };
        match answer {
            Ok(text) => {
                let mut world = self.world();
                let key = if key.is_empty() { format!("{:016x}", fnv(body)) } else { key };
                world.taken.push(Taken { body: json, key });
                (200, text)
            }
            Err((status, text)) => (status, text),
        }
    }

    /// Whether one more fits into the minute.
    fn fits(&self, most: usize, now: Timestamp) -> bool {
        let mut world = self.world();
        world.times.retain(|t| now.since(*t) < Duration::from_secs(60));
        world.times.push(now);
        world.times.len() <= most
    }

    fn webhook(&self, headers: &hyper::HeaderMap, body: &[u8]) -> Result<String, (u16, String)> {
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let signed = [header("danxia-timestamp").as_bytes(), b".", body].concat();
        let expect: String = mac(self.secret.as_bytes(), &signed).iter().map(|b| format!("{b:02x}")).collect();
        if header("danxia-signature") == format!("v1={expect}") {
            Ok(String::new())
        } else {
            Err((401, "signature".into()))
        }
    }

    fn wecom(&self, path: &str, json: &Value, now: Timestamp) -> Result<String, (u16, String)> {
        let say = |code: i64, text: &str| json!({ "errcode": code, "errmsg": text }).to_string();
        if path != "/cgi-bin/webhook/send?key=0123" {
            return Err((200, say(93_000, "invalid webhook url")));
        }
        if !self.fits(20, now) {
            return Err((200, say(45_009, "api freq out of limit")));
        }
        let markdown = json["markdown"]["content"].as_str();
        let card = &json["template_card"];
        let fits = match json["msgtype"].as_str() {
            Some("markdown") => markdown.is_some_and(|m| m.len() <= 4_096),
            Some("template_card") => {
                card["card_action"]["url"].is_string()
                    && card["horizontal_content_list"].as_array().is_some_and(|l| l.len() <= 6)
            }
            _ => false,
        };
        if fits { Ok(say(0, "ok")) } else { Err((200, say(40_058, "invalid Request Parameter"))) }
    }

    fn dingtalk(&self, path: &str, json: &Value, now: Timestamp) -> Result<String, (u16, String)> {
        let say = |code: i64, text: &str| json!({ "errcode": code, "errmsg": text }).to_string();
        let query = path.strip_prefix("/robot/send?").unwrap_or_default();
        let field =
            |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
        if field("access_token") != "0123" {
            return Err((200, say(300_005, "token is not exist")));
        }
        let sent = field("timestamp");
        let off = (sent.parse::<i64>().unwrap_or(0) - now.nanos() / 1_000_000).abs();
        let text = format!("{sent}\n{}", self.secret);
        let expect = STANDARD.encode(mac(self.secret.as_bytes(), text.as_bytes()));
        let found = percent_encoding::percent_decode_str(field("sign")).decode_utf8().unwrap().into_owned();
        if found != expect || off > 3_600_000 {
            return Err((200, say(310_000, "sign not match")));
        }
        if !self.fits(20, now) {
            return Err((200, say(130_101, "send too fast, exceed 20 times per minute")));
        }
        let card = &json["actionCard"];
        let whole = json["msgtype"] == "actionCard"
            && ["title", "text", "singleTitle", "singleURL"].iter().all(|f| card[f].is_string());
        if whole { Ok(say(0, "ok")) } else { Err((200, say(400_105, "unsupported message type"))) }
    }

    fn feishu(&self, json: &Value, now: Timestamp) -> Result<String, (u16, String)> {
        let say = |code: i64, text: &str| json!({ "code": code, "msg": text, "data": {} }).to_string();
        let sent = json["timestamp"].as_str().unwrap_or_default();
        let off = (sent.parse::<i64>().unwrap_or(0) - now.nanos() / 1_000_000_000).abs();
        let expect = STANDARD.encode(mac(format!("{sent}\n{}", self.secret).as_bytes(), b""));
        if json["sign"].as_str() != Some(&expect) || off > 3_600 {
            return Err((200, say(19_021, "sign match fail or timestamp is not within one hour from current time")));
        }
        if !self.fits(100, now) {
            return Err((200, say(11_232, "create message service trigger rate limit")));
        }
        let whole = json["msg_type"] == "interactive" && json["card"]["elements"].is_array();
        if whole { Ok(say(0, "success")) } else { Err((200, say(9_499, "Bad Request"))) }
    }
}

fn say(status: u16, text: String) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("location", "http://169.254.169.254/")
        .body(Full::new(text.into()))
        .unwrap()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// What channels need to reach this computer.
pub fn means(clock: Arc<dyn Clock>) -> Means {
    let here = Policy::public_and(Vec::new(), vec!["127.0.0.0/8".parse().unwrap()]);
    Means { policy: here, patience: Duration::from_millis(700), clock }
}
