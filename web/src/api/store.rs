//! How full the store's disk is, what is kept, and when it was backed up.

use historian::backup;

use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// The store: its disk, its files, what is kept of waveforms and what was dropped, and its backups.
#[utoipa::path(get, path = "/api/v1/store", tag = "platform", responses(
    (status = 200, description = "The store.", body = dto::StoreReport),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn report(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let archive = ask.state.sources.archive.clone();
    let keeping = ask.state.keeping.clone();
    let read = move || {
        let stats = archive.stats();
        let backups = keeping.backups.as_deref().map(|dir| view::store::backups(dir, backup::list(dir)));
        Ok(dto::StoreReport {
            disk: view::store::disk(&archive.disk(), &keeping.disk),
            files: archive.files().iter().map(view::store::file).collect(),
            series: stats.series,
            log_bytes: stats.log_bytes,
            failed_commits: stats.failed_commits,
            waveforms: view::store::waves(&archive.wave_stats()?, &keeping.waves),
            oldest: view::store::oldest(&archive.oldest()?),
            retention_days: view::store::retention(&keeping.retention),
            removed: view::store::removed(stats.removed),
            backups,
        })
    };
    Ok(respond::json(&ask.headers, &ask.state.reads.run(read).await?))
}
