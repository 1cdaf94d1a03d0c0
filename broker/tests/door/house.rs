//! A broker on a port of its own, with an intake that can be held.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{
    Authenticator, BoxFuture, Broker, ClientInfo, Config, Credentials, Denied, Identity, Intake, IntakeClosed, Login,
    Publish, Receipt, Rights, ServeError, Stopped, Tls, TlsAcceptor,
};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The topic of a retained message and its payload.
type Kept = (Arc<str>, String);

/// An intake that remembers what it was given. `room` and `durable` hold its two stages.
pub struct TestIntake {
    pub taken: Mutex<Vec<(Arc<ClientInfo>, Publish)>>,
    pub refused: Mutex<Vec<(String, u64, &'static str)>>,
    pub batches: watch::Sender<usize>,
    pub room: watch::Sender<bool>,
    pub durable: watch::Sender<bool>,
    /// What the next batch waits for before it is queued; those behind it do not.
    pub late: Mutex<Option<oneshot::Receiver<()>>>,
    /// Payloads of retained messages in the order in which they were queued: of two of one topic, a store keeps the last.
    pub retained: Arc<Mutex<Vec<Kept>>>,
    /// What the next receipts say instead of success.
    pub failures: Mutex<VecDeque<IntakeClosed>>,
}

impl Default for TestIntake {
    fn default() -> TestIntake {
        TestIntake {
            taken: Mutex::default(),
            refused: Mutex::default(),
            batches: watch::Sender::new(0),
            room: watch::Sender::new(true),
            durable: watch::Sender::new(true),
            late: Mutex::default(),
            retained: Arc::default(),
            failures: Mutex::default(),
        }
    }
}

impl Intake for TestIntake {
    fn accept(&self, from: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
        let kept = batch.iter().filter(|p| p.retain || p.forget);
        let kept: Vec<_> = kept.map(|p| (p.topic.clone(), String::from_utf8_lossy(&p.payload).into_owned())).collect();
        let (late, retained) = (self.late.lock().unwrap().take(), self.retained.clone());
        self.taken.lock().unwrap().extend(batch.into_iter().map(|publish| (from.clone(), publish)));
        self.batches.send_modify(|n| *n += 1);
        let (mut room, mut durable) = (self.room.subscribe(), self.durable.subscribe());
        let failure = self.failures.lock().unwrap().pop_front();
        Box::pin(async move {
            room.wait_for(|open| *open).await.unwrap();
            if let Some(late) = late {
                late.await.unwrap();
            }
            retained.lock().unwrap().extend(kept);
            let receipt: Receipt = Box::pin(async move {
                durable.wait_for(|open| *open).await.unwrap();
                failure.map_or(Ok(()), Err)
            });
            Ok(receipt)
        })
    }

    fn refused(&self, from: Arc<ClientInfo>, messages: u64, why: &'static str) {
        self.refused.lock().unwrap().push((from.client_id.to_string(), messages, why));
    }
}

impl TestIntake {
    /// The payloads taken so far, as text.
    pub fn payloads(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(_, publish)| String::from_utf8_lossy(&publish.payload).into_owned()).collect()
    }

    /// Waits until this many messages were taken.
    pub async fn until(&self, messages: usize) {
        let mut batches = self.batches.subscribe();
        let taken = batches.wait_for(|_| self.taken.lock().unwrap().len() >= messages);
        tokio::time::timeout(PATIENCE, taken).await.expect("the intake gets the messages").unwrap();
    }
}

/// Knows `user` with the password `secret`, `other` likewise, and `monitor`, who may read `$SYS/#` as well.
pub struct TestUsers;

impl Authenticator for TestUsers {
    fn verify(&self, login: Login) -> BoxFuture<'static, Result<Identity, Denied>> {
        Box::pin(async move {
            let Credentials::Password { user, password } = login.credentials else { return Err(Denied::Credentials) };
            match (user.as_str(), password.as_str()) {
                ("user" | "other" | "monitor", "secret") => {
                    let monitor = user == "monitor";
                    let rights = Arc::new(Rights { monitor, ..Rights::everything() });
                    Ok(Identity { name: user.into(), rights })
                }
                ("banned", _) => Err(Denied::NotAuthorized),
                ("slow", _) => std::future::pending().await,
                _ => Err(Denied::Credentials),
            }
        })
    }
}

/// A broker that is being served.
pub struct House {
    pub broker: Arc<Broker>,
    pub intake: Arc<TestIntake>,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<Stopped, ServeError>>,
}

/// Settings of most tests: anyone may come.
pub fn open() -> Config {
    Config { anonymous: true, ..Config::default() }
}

impl House {
    pub async fn new(config: Config) -> House {
        House::with_tls(config, None).await
    }

    pub async fn with_tls(config: Config, tls: Option<TlsAcceptor>) -> House {
        House::with_users(config, tls.map(Tls::from), Arc::new(TestUsers)).await
    }

    pub async fn with_users(config: Config, tls: Option<Tls>, users: Arc<dyn Authenticator>) -> House {
        let intake = Arc::new(TestIntake::default());
        let broker = Broker::new(config, intake.clone(), users).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let serving = tokio::spawn(broker.clone().serve(listener, tls, shutdown));
        House { broker, intake, address, stop: Some(stop), serving }
    }

    /// Its clients come over WebSocket.
    pub async fn over_websocket(config: Config) -> House {
        let intake = Arc::new(TestIntake::default());
        let broker = Broker::new(config, intake.clone(), Arc::new(TestUsers)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { drop(stopped.await) };
        let serving = tokio::spawn(broker.clone().serve_websocket(listener, None, shutdown));
        House { broker, intake, address, stop: Some(stop), serving }
    }

    /// Asks it to stop.
    pub fn ask_to_stop(&mut self) {
        self.stop.take();
    }

    /// Stops it, if that was not yet done, and waits for its end.
    pub async fn stopped(mut self) -> Stopped {
        self.ask_to_stop();
        self.serving.await.expect("serving does not panic").unwrap()
    }

    /// How often this was refused.
    pub fn refused(&self, name: &str) -> u64 {
        self.broker.refused().into_iter().find(|(known, _)| *known == name).expect("a known refusal").1
    }

    /// Waits until `condition` holds, looking again whenever the runtime has had a turn.
    pub async fn until(&self, what: &str, condition: impl Fn(&House) -> bool) {
        let waiting = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
    }
}
