//! Stages of the house: started together, ended one by one.

use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The switch that ends one stage.
pub struct Switch(watch::Sender<bool>);

impl Switch {
    /// Not yet thrown.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Resolves when the switch is thrown.
    pub fn thrown(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut seen = self.0.subscribe();
        async move {
            // An error means that the switch is gone, and then the stage has to end as well.
            let _ = seen.wait_for(|thrown| *thrown).await;
        }
    }

    /// Throws it.
    pub fn throw(&self) {
        self.0.send_replace(true);
    }
}

/// Notices stages that end before they were told to: a house without one of its rooms must not look healthy.
pub struct Watch {
    ended: mpsc::Sender<&'static str>,
    seen: mpsc::Receiver<&'static str>,
}

impl Watch {
    /// Over no stage yet; it remembers up to 16 endings.
    #[must_use]
    pub fn new() -> Self {
        let (ended, seen) = mpsc::channel(16);
        Self { ended, seen }
    }

    /// Runs a stage in a task of its own.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        stage: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let notice = Notice(name, self.ended.clone());
        tokio::spawn(async move {
            let _notice = notice;
            stage.await
        })
    }

    /// The name of a stage that has ended.
    pub async fn ended(&mut self) -> &'static str {
        // Never closed: `self` holds a sender.
        self.seen.recv().await.unwrap_or("unknown")
    }
}

/// Says on drop that its stage is over, also when the stage panicked.
struct Notice(&'static str, mpsc::Sender<&'static str>);

impl Drop for Notice {
    fn drop(&mut self) {
        // Full means that sixteen others have said so already.
        let _ = self.1.try_send(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stage_that_ends_or_panics_is_noticed_by_name() {
        let mut watch = Watch::new();
        let switch = Switch::new();
        let quiet = watch.spawn("quiet", switch.thrown());
        let loud = watch.spawn("loud", async { panic!("on purpose") });
        assert_eq!(watch.ended().await, "loud");
        assert!(loud.await.is_err());
        switch.throw();
        assert_eq!(watch.ended().await, "quiet");
        quiet.await.expect("it ended well");
    }
}
