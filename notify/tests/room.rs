//! The whole room on a real store, against servers that check what they are sent; ended in the middle and taken up again.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod stand_in;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Historian};
use jiff::tz::TimeZone;
use notify::channel::Setup;
use notify::settings::{Level, Recipient, Route, Way};
use notify::words::Language;
use notify::{Config, Outcome, Room, Settings, Target, ViewCell, Wish};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, Clock, Condition, Evidence, Finding, PointId, Priority,
    Trigger, Unit,
};
use stand_in::{Fault, Going, Kind, StandIn, means};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// Between levels: long enough for what a test does in between.
const LEVEL: Duration = Duration::from_millis(1_500);

struct House {
    store: Arc<Historian>,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    view: ViewCell,
    wishes: mpsc::Sender<Wish>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

fn open(dir: &Path, clock: &Arc<dyn Clock>) -> Arc<Historian> {
    Arc::new(Historian::open(historian::Config::new(dir), clock.clone()).unwrap())
}

fn config(servers: &[(&str, Kind, &StandIn)], levels: Vec<Level>, clock: &Arc<dyn Clock>) -> Arc<Config> {
    let mut settings = Settings::new(TimeZone::get("Asia/Shanghai").unwrap());
    let mut setups = BTreeMap::new();
    for (name, kind, server) in servers {
        let hook = server.hook("secret");
        let setup = match kind {
            Kind::Webhook => Setup::Webhook(hook),
            Kind::WeCom => Setup::WeCom(hook),
            Kind::DingTalk => Setup::DingTalk(hook),
            Kind::Feishu => Setup::Feishu(hook),
        };
        setups.insert((*name).to_owned(), setup);
        settings.ways.insert((*name).into(), Way { personal: false, per_minute: 20, language: Language::En });
    }
    settings.first_pause = Duration::from_millis(100);
    settings.longest_pause = Duration::from_millis(400);
    let route = Route {
        sites: BTreeSet::new(),
        areas: BTreeSet::new(),
        priorities: BTreeSet::new(),
        groups: BTreeSet::new(),
        hours: Vec::new(),
        levels,
        returned: false,
    };
    settings.routes.insert("all".into(), route);
    let public_url = "https://danxia.example".into();
    Arc::new(Config { settings, setups, means: means(clock.clone()), public_url })
}

fn level(after: Duration, channel: &str) -> Level {
    Level { after, to: vec![Recipient::Channel(channel.into())] }
}

impl House {
    async fn start(store: Arc<Historian>, clock: &Arc<dyn Clock>, config: &Arc<Config>) -> Self {
        let view = ViewCell::default();
        let room = Room::open(config.clone(), store.clone(), view.clone()).await.unwrap();
        let (wishes, mut heard) = mpsc::channel(4);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            room.run(&mut heard, shutdown).await.unwrap();
        });
        Self { store, clock: clock.clone(), config: config.clone(), view, wishes, stop: Some(stop), task }
    }

    /// As kill -9 does: nothing is said, nothing is stored. The store stays, as its files would.
    async fn killed(self) -> Self {
        self.task.abort();
        let _ = self.task.await;
        Self::start(self.store, &self.clock, &self.config).await
    }

    async fn stopped(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    async fn alarm(&self, n: u32, trigger: Trigger) {
        raise(&self.store, &self.clock, n, trigger).await;
    }
    /// The last word on dead channels that was committed.
    async fn until_said(&self, active: bool) {
        let mut tail = self.store.tail(0);
        timeout(PATIENCE, async {
            loop {
                let batch = tail.next().await.unwrap().batch;
                let said = batch.conditions.iter().find(|c| c.name.as_str() == Condition::NOTIFICATION_CHANNEL);
                if said.is_some_and(|c| c.active == active) {
                    return;
                }
            }
        })
        .await
        .expect("it is said");
    }
}

async fn raise(store: &Historian, clock: &Arc<dyn Clock>, n: u32, trigger: Trigger) {
    let (from, to) = match trigger {
        Trigger::Raised => (AlarmState::Normal, AlarmState::Unacknowledged),
        Trigger::Acknowledged { .. } => (AlarmState::Unacknowledged, AlarmState::Acknowledged),
        _ => (AlarmState::Unacknowledged, AlarmState::ReturnedUnacknowledged),
    };
    let point: PointId = format!("mill/fan {n}/temp").parse().unwrap();
    let step = Finding::Alarm(AlarmTransition {
        key: AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High },
        t: clock.now(),
        from,
        to,
        trigger,
        priority: Priority::High,
        value: Some(92.5),
        limit: Some(90.0),
        unit: Unit::parse("°C"),
        evidence: Evidence::default(),
        inhibited: None,
        first_out: false,
    });
    store.recorder().commit(Batch { findings: vec![step], ..Batch::default() }).await.unwrap();
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited for {what}"));
}

fn whats(server: &StandIn) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let world = server.world();
    let fresh = world.taken.iter().filter(|t| seen.insert(t.key.clone()));
    let alarms = fresh.flat_map(|t| t.body["alarms"].as_array().cloned().unwrap_or_default());
    alarms.map(|a| format!("{} {}", a["what"].as_str().unwrap(), a["machine"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_follow_one_another_in_order_over_kills_and_an_acknowledgement_ends_them() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let ding = StandIn::start(Kind::DingTalk, "secret", clock.clone()).await;
    let hook = StandIn::start(Kind::Webhook, "secret", clock.clone()).await;
    let feishu = StandIn::start(Kind::Feishu, "secret", clock.clone()).await;
    let servers = [("ding", Kind::DingTalk, &ding), ("hook", Kind::Webhook, &hook), ("feishu", Kind::Feishu, &feishu)];
    let levels = vec![level(Duration::ZERO, "ding"), level(LEVEL, "hook"), level(LEVEL, "feishu")];
    let config = config(&servers, levels, &clock);
    let store = open(dir.path(), &clock);
    let house = House::start(store, &clock, &config).await;

    house.alarm(1, Trigger::Raised).await;
    house.alarm(2, Trigger::Raised).await;
    until("the first level", || ding.world().taken.len() == 2).await;
    let house = house.killed().await;
    house.alarm(2, Trigger::Acknowledged { by: "lin".into() }).await;
    until("the second level", || whats(&hook).len() == 1).await;
    let house = house.killed().await;
    until("the third level", || feishu.world().taken.len() == 1).await;
    let house = house.killed().await;
    // Whoever comes last has seen that nothing else is under way.
    house.alarm(3, Trigger::Raised).await;
    until("the next alarm", || ding.world().taken.len() >= 3).await;
    assert_eq!(whats(&hook), ["escalated mill/fan 1"], "and not the one that was acknowledged");
    assert_eq!(feishu.world().taken.len(), 1);
    assert_eq!(house.view.get().escalating, 1, "of the third");
    house.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_taken_and_not_noted_comes_again_under_its_key_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let hook = StandIn::start(Kind::Webhook, "secret", clock.clone()).await;
    let config = config(&[("hook", Kind::Webhook, &hook)], vec![level(Duration::ZERO, "hook")], &clock);
    let house = House::start(open(dir.path(), &clock), &clock, &config).await;
    house.alarm(1, Trigger::Raised).await;
    until("the first", || hook.world().taken.len() == 1).await;
    hook.fail([Fault::Mute]);
    house.alarm(2, Trigger::Raised).await;
    until("the second", || hook.world().taken.len() == 2).await;
    let house = house.killed().await;
    until("the second once more", || hook.world().taken.len() == 3).await;
    house.alarm(3, Trigger::Raised).await;
    until("the third", || hook.world().taken.len() == 4).await;
    assert_eq!(whats(&hook), ["raised mill/fan 1", "raised mill/fan 2", "raised mill/fan 3"]);
    let keys: Vec<_> = hook.world().taken.iter().map(|t| t.key.clone()).collect();
    assert_eq!(keys[1], keys[2]);
    assert_eq!(hook.keys().len(), 3);
    house.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_in_order_a_dead_channel_is_an_alarm_and_its_recovery_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let hook = StandIn::start(Kind::Webhook, "secret", clock.clone()).await;
    let config = config(&[("hook", Kind::Webhook, &hook)], vec![level(Duration::ZERO, "hook")], &clock);
    let house = House::start(open(dir.path(), &clock), &clock, &config).await;
    hook.fail([Fault::Say(500, ""), Fault::Hang, Fault::Say(503, ""), Fault::Say(502, "")]);
    house.alarm(1, Trigger::Raised).await;
    house.alarm(2, Trigger::Raised).await;
    house.until_said(true).await;
    until("both", || whats(&hook).len() == 2).await;
    assert_eq!(whats(&hook), ["raised mill/fan 1", "raised mill/fan 2"], "in their order");
    until("its recovery", || house.view.get().channels[0].health.dead.is_none()).await;
    let view = house.view.get();
    assert_eq!(view.channels[0].health.failed, 4);
    let outcomes: Vec<_> = view.log.iter().map(|l| (&*l.outcome, &*l.code, l.attempt)).collect();
    assert_eq!(outcomes[..3], [("retry", "server_error", 1), ("retry", "late", 2), ("retry", "server_error", 3)]);
    house.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_becomes_few_messages_that_name_or_count_every_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let wecom = StandIn::start(Kind::WeCom, "secret", clock.clone()).await;
    let config = config(&[("wecom", Kind::WeCom, &wecom)], vec![level(Duration::ZERO, "wecom")], &clock);
    let house = House::start(open(dir.path(), &clock), &clock, &config).await;
    for n in 0..200 {
        house.alarm(n, Trigger::Raised).await;
    }
    let told = || house.view.get().log.iter().filter(|l| l.outcome == "accepted").map(|l| l.alarms).sum::<u32>();
    until("every alarm to be told or to wait", || {
        let waiting = house.view.get().channels[0].waiting;
        u64::from(told()) + waiting == 200 && (waiting == 0 || wecom.world().taken.len() == 20)
    })
    .await;
    {
        let world = wecom.world();
        assert!(world.taken.len() <= 20 && world.requests as usize == world.taken.len(), "never told to wait");
        assert!(world.taken.iter().any(|t| t.body["msgtype"] == "markdown"), "a digest");
    }
    house.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_it_was_set_up_or_while_it_was_off_is_history() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let hook = StandIn::start(Kind::Webhook, "secret", clock.clone()).await;
    let config = config(&[("hook", Kind::Webhook, &hook)], vec![level(Duration::ZERO, "hook")], &clock);
    let store = open(dir.path(), &clock);
    let house = House::start(store.clone(), &clock, &config).await;
    house.alarm(1, Trigger::Raised).await;
    until("the first", || hook.world().taken.len() == 1).await;
    house.stopped().await;
    notify::release(&store).await.unwrap();
    raise(&store, &clock, 2, Trigger::Raised).await;
    let house = House::start(store, &clock, &config).await;
    house.alarm(3, Trigger::Raised).await;
    until("the third", || whats(&hook).len() == 2).await;
    assert_eq!(whats(&hook), ["raised mill/fan 1", "raised mill/fan 3"]);
    house.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_says_what_each_receiver_said() {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Going::new();
    let hook = StandIn::start(Kind::Webhook, "secret", clock.clone()).await;
    let config = config(&[("hook", Kind::Webhook, &hook)], vec![level(Duration::ZERO, "hook")], &clock);
    let house = House::start(open(dir.path(), &clock), &clock, &config).await;
    let target = Target { channel: "hook".into(), person: String::new() };
    let ask = async |fault: Option<Fault>| {
        hook.fail(fault);
        let (answer, answered) = oneshot::channel();
        house.wishes.send(Wish { targets: vec![target.clone()], answer }).await.unwrap();
        timeout(PATIENCE, answered).await.unwrap().unwrap().remove(0).outcome
    };
    assert!(matches!(ask(Some(Fault::Say(404, "gone"))).await, Outcome::Barred { code: "forbidden", .. }));
    house.until_said(true).await;
    assert_eq!(ask(None).await, Outcome::Accepted);
    until("its recovery", || house.view.get().channels[0].health.dead.is_none()).await;
    for _ in 2..20 {
        assert_eq!(ask(None).await, Outcome::Accepted);
    }
    assert!(matches!(ask(None).await, Outcome::Later { code: "throttled_here", .. }), "the minute is full");
    assert_eq!(hook.world().requests, 20);
    house.stopped().await;
}
