//! One archive out of two: the store's, and for what is older than it is relied on for, InfluxDB's.

use std::sync::Arc;
use std::time::Duration;

use historian::{Archive, Bucket, ReadError, Sample};
use plant::{Clock, SeriesKey, Timestamp};
use tokio::sync::Mutex;

use super::{FluxError, merge_buckets, merge_samples};
use crate::http::Client;

/// Reads both. One query at a time is under way at the server.
pub struct Reader {
    archive: Archive,
    client: Mutex<Client>,
    after: Duration,
    clock: Arc<dyn Clock>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// In order of time.
    pub values: Vec<T>,
    /// Why the server's part is missing, where it is: then the store's part is here, and must not be taken for the whole.
    pub missing: Option<FluxError>,
}

/// The store cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// It said so.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// The thread that read it broke off.
    #[error("reading the archive broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Reader {
    /// What is older than `after` is asked of the server as well. It must not be more than the store keeps.
    #[must_use]
    pub fn new(archive: Archive, client: Client, after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { archive, client: Mutex::new(client), after, clock }
    }

    /// As [`Archive::range`].
    pub async fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Found<Sample>, ReaderError> {
        let (archive, k) = (self.archive.clone(), key.clone());
        let local = tokio::task::spawn_blocking(move || archive.range(&k, from, to, limit)).await??;
        let until = to.min(self.edge());
        if from >= until {
            return Ok(Found { values: local, missing: None });
        }
        let remote = super::range(&mut *self.client.lock().await, key, from, until, limit).await;
        Ok(match remote {
            Ok(remote) => Found { values: merge_samples(local, remote, limit), missing: None },
            Err(why) => Found { values: local, missing: Some(why) },
        })
    }

    /// As [`Archive::buckets`].
    pub async fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Found<Bucket>, ReaderError> {
        let (archive, k) = (self.archive.clone(), key.clone());
        let local = tokio::task::spawn_blocking(move || archive.buckets(&k, from, to, width)).await??;
        let edge = self.edge();
        // To the end of the bucket in which the edge lies: a part of it would not compare.
        let until = to.min(edge.align(width) + width);
        if from >= edge.min(until) {
            return Ok(Found { values: local, missing: None });
        }
        let remote = super::buckets(&mut *self.client.lock().await, key, from, until, width).await;
        Ok(match remote {
            Ok(remote) => Found { values: merge_buckets(local, remote), missing: None },
            Err(why) => Found { values: local, missing: Some(why) },
        })
    }

    fn edge(&self) -> Timestamp {
        self.clock.now() - self.after
    }
}
