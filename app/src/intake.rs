//! The passage from the door to the collector.

use std::sync::Arc;

use broker::{BoxFuture, ClientInfo, Intake, IntakeClosed, Publish, Receipt};
