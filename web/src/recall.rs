//! Series from the store, and from whoever knows what it no longer has.

use std::sync::Arc;
use std::time::Duration;

use historian::{Archive, Bucket, ReadError, Sample};
use plant::{SeriesKey, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::dto::Missing;
use crate::seams::{Past, Recalled};

/// Reads series. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Recall {
    archive: Archive,
    past: Option<Arc<dyn Past>>,
    patience: Duration,
}

/// What was found, and why a part of it is missing.
pub(crate) type Found<T> = (Vec<T>, Option<Missing>);

impl Recall {
    /// Nobody but the store is waited for longer than `patience`.
    pub(crate) fn new(archive: Archive, past: Option<Arc<dyn Past>>, patience: Duration) -> Self {
        Self { archive, past, patience }
    }

    /// As [`Archive::range`]: reads the store.
    pub(crate) fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Recalled<Sample>, ReadError> {
        match &self.past {
            Some(past) => past.range(key, from, to, limit),
            None => Ok(Recalled { held: self.archive.range(key, from, to, limit)?, whole: None }),
        }
    }

    /// As [`Archive::buckets`]: reads the store.
    pub(crate) fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Recalled<Bucket>, ReadError> {
        match &self.past {
            Some(past) => past.buckets(key, from, to, width),
            None => Ok(Recalled { held: self.archive.buckets(key, from, to, width)?, whole: None }),
        }
    }

    /// When the answer to a question that comes now must be there: for all its series together.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }
}

/// Everything, or the store's part and why it is not everything.
pub(crate) async fn whole<T>(recalled: Recalled<T>, deadline: Instant) -> Found<T> {
    let Some(whole) = recalled.whole else { return (recalled.held, None) };
    match timeout_at(deadline, whole).await {
        Ok(Ok(values)) => (values, None),
        Ok(Err(why)) => (recalled.held, Some(why)),
        Err(_) => (recalled.held, Some(Missing::Late)),
    }
}
