//! Every diagnosis of the table on machines that obey mechanics and know nothing of the table.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(clippy::print_stdout, reason = "the confusion matrix, for a person who looks")]
#![allow(missing_docs, reason = "a test")]

mod gear;
mod matrix;
mod misleading;
#[path = "../physics/mod.rs"]
mod physics;
mod window;
