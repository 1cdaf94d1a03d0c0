//! What the page sees of notification.

use futures_util::future::BoxFuture;
use notify::state::{Health, Logged};
use notify::{ChannelView, Outcome, Tested, Wish};
use plant::{AlarmId, Timestamp};
use tokio::sync::oneshot;
use web::{Declined, Notifier, dto};

use crate::notify_stage::Notifying;

impl Notifier for Notifying {
    fn notifications(&self, before: Option<u64>, limit: usize) -> dto::Notifications {
        let view = self.view().get();
        let older = |l: &&Logged| before.is_none_or(|b| l.id < b);
        let mut log: Vec<_> = view.log.iter().rev().filter(older).take(limit + 1).map(attempt).collect();
        let more = log.len() > limit;
        log.truncate(limit);
        dto::Notifications {
            configured: self.config().is_some(),
            channels: view.channels.into_iter().map(channel).collect(),
            escalating: view.escalating,
            next: log.last().map(|a| a.id).filter(|_| more),
            log,
        }
    }

    fn test(&self, what: dto::NotificationTest) -> BoxFuture<'_, Result<dto::NotificationTested, Declined>> {
        Box::pin(async move {
            let none = || Declined::Asked("no channel is set up: see [notify.channel] in the settings".into());
            let config = self.config().ok_or_else(none)?;
            let targets = notify::people::tested(&config.settings, what.channel.as_deref(), what.person.as_deref());
            let targets = targets.map_err(Declined::Asked)?;
            let (answer, answered) = oneshot::channel();
            let full = |_| Declined::Now("other tests are under way".into());
            self.wishes().try_send(Wish { targets, answer }).map_err(full)?;
            let tested = answered.await.map_err(|_| Declined::Now("notification is stopping".into()))?;
            Ok(dto::NotificationTested { results: tested.into_iter().map(result).collect() })
        })
    }
}

fn time(nanos: i64) -> dto::Time {
    dto::Time::from(Timestamp::from_nanos(nanos))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn state(h: &Health) -> &'static str {
    match (h.dead, h.failures, h.last_accepted) {
        (Some(_), ..) => "dead",
        (None, 1.., _) => "failing",
        (None, 0, Some(_)) => "working",
        (None, 0, None) => "unused",
    }
}

fn channel(c: ChannelView) -> dto::NotificationChannel {
    let (code, why, at) = c.health.error.clone().map_or((None, None, None), |(c, w, t)| (Some(c), Some(w), Some(t)));
    dto::NotificationChannel {
        state: state(&c.health).into(),
        name: c.name,
        kind: c.kind.into(),
        dead_since: c.health.dead.map(time),
        waiting: c.waiting,
        accepted: c.health.accepted,
        failed: c.health.failed,
        given_up: c.health.given_up,
        last_accepted: c.health.last_accepted.map(time),
        error_code: code,
        error: why,
        error_at: at.map(time),
    }
}

fn attempt(l: &Logged) -> dto::NotificationAttempt {
    dto::NotificationAttempt {
        id: l.id,
        t: time(l.t),
        outcome: l.outcome.clone(),
        channel: some(&l.channel),
        person: some(&l.person),
        key: some(&l.key),
        attempt: l.attempt,
        alarms: l.alarms,
        alarm: (l.alarms > 0).then(|| AlarmId(l.alarm).to_string()),
        level: l.level,
        code: some(&l.code),
        why: some(&l.why),
    }
}

fn result(t: Tested) -> dto::NotificationResult {
    let failure = t.outcome.failure().map(|(code, why)| (code.to_owned(), why.to_owned()));
    let (code, why) = failure.map_or((None, None), |(c, w)| (Some(c), Some(w)));
    dto::NotificationResult {
        channel: t.target.channel,
        person: some(&t.target.person),
        accepted: t.outcome == Outcome::Accepted,
        code,
        why,
    }
}
