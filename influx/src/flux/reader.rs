//! One archive out of two: the store's, and for what the store no longer has, InfluxDB's.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use historian::{Archive, Bucket, ReadError, Sample};
use plant::{Clock, SeriesKey, Timestamp};
use tokio::sync::Mutex;

use super::{FluxError, merge_buckets, merge_samples, put_together};
use crate::http::Client;

const MINUTE: u128 = 60_000_000_000;
const HOUR: u128 = 60 * MINUTE;

/// Reads both. One query at a time is under way at the server. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    archive: Archive,
    client: Arc<Mutex<Client>>,
    after: Duration,
    clock: Arc<dyn Clock>,
}

/// Resolves to everything that both have, in order of time. May be dropped at any time.
pub type Whole<T> = Pin<Box<dyn Future<Output = Result<Vec<T>, FluxError>> + Send>>;

/// What the store had, before anybody else is asked.
pub struct Begun<T> {
    /// In order of time.
    pub held: Vec<T>,
    /// What the server has as well; `None` where it has nothing to add.
    pub whole: Option<Whole<T>>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// In order of time.
    pub values: Vec<T>,
    /// Why the server's part is missing, where it is: then the store's part is here, and must not be taken for the whole.
    pub missing: Option<FluxError>,
}

impl<T> Begun<T> {
    /// Asks the server, if it has to be, for as long as the client's patience lasts.
    pub async fn finish(self) -> Found<T> {
        let Some(whole) = self.whole else { return Found { values: self.held, missing: None } };
        match whole.await {
            Ok(values) => Found { values, missing: None },
            Err(why) => Found { values: self.held, missing: Some(why) },
        }
    }
}

/// For what a series is read.
enum Wanted {
    Values,
    Buckets(Duration),
}

impl Reader {
    /// What the store has of its own is asked of the store alone. The server is asked for what was removed from it, and for
    /// what is older than `after` and than everything that the store has. `after` must not be more than the store keeps.
    #[must_use]
    pub fn new(archive: Archive, client: Client, after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { archive, client: Arc::new(Mutex::new(client)), after, clock }
    }

    /// As [`Archive::range`]: blocks while it reads the store.
    pub fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Begun<Sample>, ReadError> {
        let held = self.archive.range(key, from, to, limit)?;
        let Some(border) = self.border(key, from, to, &Wanted::Values)? else {
            return Ok(Begun { held, whole: None });
        };
        let (client, key, local) = (self.client.clone(), key.clone(), held.clone());
        let whole = async move {
            let remote = super::range(&mut *client.lock().await, &key, from, border, limit).await?;
            Ok(merge_samples(local, remote, limit))
        };
        Ok(Begun { held, whole: Some(Box::pin(whole)) })
    }

    /// As [`Archive::buckets`]: blocks while it reads the store.
    pub fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Begun<Bucket>, ReadError> {
        let Some(border) = self.border(key, from, to, &Wanted::Buckets(width))? else {
            return Ok(Begun { held: self.archive.buckets(key, from, to, width)?, whole: None });
        };
        let before = self.archive.buckets(key, from, border, width)?;
        let after = self.archive.buckets(key, border, to, width)?;
        let held = put_together(before.clone(), after.clone());
        let (client, key) = (self.client.clone(), key.clone());
        let whole = async move {
            let remote = super::buckets(&mut *client.lock().await, &key, from, border, width).await?;
            Ok(put_together(merge_buckets(before, remote, width, (from, border)), after))
        };
        Ok(Begun { held, whole: Some(Box::pin(whole)) })
    }

    /// Up to when the server is asked, of a question from `from` to `to`: from there on the store has everything. `None`
    /// where it has all that is asked for.
    fn border(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        wanted: &Wanted,
    ) -> Result<Option<Timestamp>, ReadError> {
        let border = match self.archive.removed_before(key)? {
            Some(_) if self.summed_up(wanted) => return Ok(None),
            Some(border) => border,
            None => {
                // What is younger is in the store, or nowhere.
                let old = self.clock.now() - self.after;
                let first = self.archive.range(key, Timestamp::MIN, old, 1)?;
                first.first().map_or(old, |s| s.t)
            }
        };
        Ok(Some(border.min(to)).filter(|border| from < *border))
    }

    /// Whether the minutes or hours that stay when values go are as fine as what is asked, and none of them are gone.
    fn summed_up(&self, wanted: &Wanted) -> bool {
        let Wanted::Buckets(width) = wanted else { return false };
        let removed = self.archive.stats().removed;
        let whole = |unit: u128| width.as_nanos().is_multiple_of(unit);
        (whole(HOUR) && removed.hours == 0) || (whole(MINUTE) && removed.minutes == 0)
    }
}
