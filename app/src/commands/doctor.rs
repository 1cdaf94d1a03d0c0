//! `danxia doctor`.
use super::Exit;
use crate::cli::Common;
pub async fn run(_args: &Common) -> anyhow::Result<Exit> {
    Ok(Exit::Ok)
}
