//! What the store no longer has, from InfluxDB.

use std::sync::Arc;
use std::time::Duration;

use historian::{Bucket, Historian, ReadError, Sample};
use influx::flux::{Begun, FluxError, Reader};
use influx::http::Client;
use plant::{Clock, SeriesKey, Timestamp};
use web::{Recalled, dto};

use crate::config::Settings;

/// After which a query has failed. The page does not wait that long; what it leaves is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

struct Past(Reader);

/// `None` where nothing is read from InfluxDB.
pub fn open(settings: &Settings, store: &Historian, clock: Arc<dyn Clock>) -> Option<Arc<dyn web::Past>> {
    let influx = settings.influx.as_ref()?;
    let client = Client::new(influx.shipper.target.clone(), PATIENCE, clock.clone());
    Some(Arc::new(Past(Reader::new(store.archive(), client, influx.read_after?, clock))))
}

impl web::Past for Past {
    fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Recalled<Sample>, ReadError> {
        self.0.range(key, from, to, limit).map(recalled)
    }

    fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Recalled<Bucket>, ReadError> {
        self.0.buckets(key, from, to, width).map(recalled)
    }
}

fn recalled<T: Send + 'static>(begun: Begun<T>) -> Recalled<T> {
    let Begun { held, whole } = begun;
    let whole = whole.map(|whole| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move { whole.await.map_err(|why| missing(&why)) })
    });
    Recalled { held, whole }
}

/// The page says what to do; the cause is in the log.
fn missing(why: &FluxError) -> dto::Missing {
    tracing::warn!(%why, "what is older than the store reaches could not be read");
    match why {
        FluxError::Away(_) => dto::Missing::Away,
        FluxError::Answer(_) => dto::Missing::Refused,
        FluxError::Csv(_) => dto::Missing::Unreadable,
    }
}
