//! Tables for people and their spreadsheets: the journal of alarms, work orders, the audit log.

use bytes::Bytes;
use files::tables::{Cell, Format, TableError, TableWriter};
use historian::{AuditEntry, AuditFilter, JournalEntry, Register, Seq, WorkFilter};
use jiff::tz::TimeZone;
use plant::{MachineId, Plant, Timestamp, Trigger, WorkOrder};

use super::export::{Steps, Written, attached, no_room, stream};
use super::{audit, work};
use crate::access::Who;
use crate::dto;
use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};

/// Rows that are read at once.
const PAGE: usize = 1_000;
/// How far sources' clocks may run ahead of ours: so much earlier in the journal it is begun to look for steps of a time.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);

/// What fills a table.
trait Rows: Send + 'static {
    /// Writes the next page of it; whether there is more.
    fn page(&mut self, out: &mut TableWriter<Written>) -> Result<bool, Problem>;
}

/// A table under way.
struct Table<R> {
    rows: R,
    /// `None`: it has ended.
    out: Option<TableWriter<Written>>,
    written: Written,
}

impl<R: Rows> Steps for Table<R> {
    fn step(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(out) = &mut self.out else { return Ok(None) };
        if !self.rows.page(out)? {
            let ended = self.out.take().map(TableWriter::finish).transpose();
            ended.map_err(unwritten)?;
        }
        Ok(Some(self.written.take()))
    }
}

fn unwritten(error: TableError) -> Problem {
    match error {
        TableError::TooLong => Problem::new(Kind::TooCostly, error.to_string(), "give `from` and `to`, or format=csv"),
        error => {
            tracing::error!(%error, "a table could not be written");
            Problem::new(Kind::Unreadable, "the table could not be written", "report this with the server's log")
        }
    }
}

/// Answers with a table as a file. CSV is sent while it is read; a workbook is made before, so that one that would be too
/// long can be refused.
async fn send(ask: &Ask, name: &'static str, titles: &[&str], rows: impl Rows) -> Answer {
    let format = ask.query.choice("format", &[("csv", Format::Csv), ("xlsx", Format::Xlsx)])?.unwrap_or(Format::Csv);
    let room = ask.state.exports.clone().try_acquire_owned().map_err(|_| no_room())?;
    let zone = TimeZone::get(&ask.state.about.time_zone).unwrap_or(TimeZone::UTC);
    let written = Written::default();
    let out = TableWriter::new(format, name, &zone, titles, written.clone()).map_err(unwritten)?;
    let mut table = Table { rows, out: Some(out), written };
    let (media, file) = (format.media_type(), format!("{name}.{}", format.extension()));
    if format == Format::Csv {
        return Ok(stream(table, ask.state.reads.clone(), room, media, &file));
    }
    let mut book = Vec::new();
    loop {
        // A page at a time: others have their turns among the reads.
        let step = move || {
            let bytes = table.step()?;
            Ok((table, bytes))
        };
        let (next, bytes) = ask.state.reads.with(step).await?;
        table = next;
        match bytes {
            Some(bytes) => book.extend_from_slice(&bytes),
            None => return Ok(attached(book, media, &file)),
        }
    }
}

/// The steps of all alarms as a table, the oldest first.
#[utoipa::path(get, path = "/api/v1/journal/export", tag = "alarms",
    params(
        ("machine" = Option<String>, Query, description = "Of this machine only, `site/machine`."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970."),
        ("to" = Option<String>, Query, description = "End (not included)."),
        ("format" = Option<String>, Query, description = "`csv` (also where it is left out) or `xlsx`, which holds 50000 rows at most."),
    ),
    responses(
        (status = 200, description = "The steps. A body that breaks off is not whole: chunked transfer says so.",
            content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = 422, description = "More rows than a workbook is made of.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "As many exports as are allowed are under way.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn journal(ask: Ask) -> Answer {
    ask.query.only(&["machine", "from", "to", "format"])?;
    let from = ask.query.instant("from")?.unwrap_or(Timestamp::MIN);
    let to = ask.query.instant("to")?.unwrap_or(Timestamp::MAX);
    let machine: Option<MachineId> = ask.query.get("machine", "a machine's id, SITE/MACHINE")?;
    let register = ask.state.sources.register.clone();
    let begin = ask.state.reads.run(move || register.alarm_journal_before(from - AHEAD)).await?;
    let rows = Journal { of: Seen::by(&ask), after: begin, from, to, machine };
    send(&ask, "alarm-journal", &JOURNAL, rows).await
}

const JOURNAL: [&str; 19] = [
    "time",
    "site",
    "machine",
    "point",
    "condition",
    "step",
    "from",
    "to",
    "priority",
    "value",
    "limit",
    "unit",
    "by",
    "reason",
    "until",
    "inhibited",
    "first_out",
    "alarm",
    "position",
];

/// What who asks may see of the register.
struct Seen {
    register: Register,
    plant: std::sync::Arc<Plant>,
    who: Who,
}

impl Seen {
    fn by(ask: &Ask) -> Self {
        let register = ask.state.sources.register.clone();
        Self { plant: register.plant(), register, who: ask.who.clone() }
    }

    fn shows(&self, machine: &MachineId) -> bool {
        self.who.sees(&self.plant, machine)
    }
}

struct Journal {
    of: Seen,
    after: (Seq, u32),
    from: Timestamp,
    to: Timestamp,
    machine: Option<MachineId>,
}

impl Rows for Journal {
    fn page(&mut self, out: &mut TableWriter<Written>) -> Result<bool, Problem> {
        let read = self.of.register.alarm_journal_after(self.after, PAGE);
        let page = read.map_err(|e| Problem::unreadable(&e))?;
        for e in &page {
            let (t, machine) = (e.transition.t, &e.transition.key.machine);
            let wanted = self.machine.as_ref().is_none_or(|m| m == machine) && self.from <= t && t < self.to;
            if wanted && self.of.shows(machine) {
                out.row(&step(e)).map_err(unwritten)?;
            }
            self.after = (e.seq, e.n);
        }
        Ok(page.len() == PAGE)
    }
}

fn step(e: &JournalEntry) -> [Cell; 19] {
    let t = &e.transition;
    let until = if let Trigger::Shelved { until, .. } = &t.trigger { Some(*until) } else { None };
    [
        t.t.into(),
        t.key.machine.site().into(),
        t.key.machine.name().into(),
        t.key.point.as_ref().map(|p| p.name()).into(),
        t.key.condition.code().into(),
        t.trigger.as_str().into(),
        t.from.as_str().into(),
        t.to.as_str().into(),
        f64::from(t.priority.number()).into(),
        t.value.into(),
        t.limit.into(),
        t.unit.map(|u| u.symbol()).into(),
        t.trigger.by().map(|by| &**by).into(),
        t.trigger.reason().map(|why| &**why).into(),
        until.into(),
        t.inhibited.map(|i| i.as_str()).into(),
        t.first_out.then_some("yes").into(),
        t.key.id().to_string().into(),
        format!("{}.{}", e.seq, e.n).into(),
    ]
}

/// Work orders as a table, the newest first: for a maintenance system, or whoever counts hours.
#[utoipa::path(get, path = "/api/v1/work-orders/export", tag = "work",
    params(
        ("machine" = Option<String>, Query, description = "Of this machine only, `site/machine`."),
        ("alarm" = Option<String>, Query, description = "That this alarm called for, by its id."),
        ("state" = Option<String>, Query, description = "`open`, `planned`, `done`, `cancelled`, `unfinished` or `all`; `all` where it is left out."),
        ("format" = Option<String>, Query, description = "`csv` (also where it is left out) or `xlsx`, which holds 50000 rows at most."),
    ),
    responses(
        (status = 200, description = "The work orders. A body that breaks off is not whole: chunked transfer says so.",
            content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = 422, description = "More rows than a workbook is made of.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "As many exports as are allowed are under way.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn work_orders(ask: Ask) -> Answer {
    ask.query.only(&["machine", "alarm", "state", "format"])?;
    let rows = Orders { of: Seen::by(&ask), which: work::filter(&ask)? };
    send(&ask, "work-orders", &ORDERS, rows).await
}

const ORDERS: [&str; 22] = [
    "number",
    "state",
    "site",
    "machine",
    "title",
    "origin",
    "alarm",
    "point",
    "condition",
    "raised",
    "fault",
    "opened",
    "opened_by",
    "planned_for",
    "assignee",
    "ended",
    "ended_by",
    "finding",
    "faults_found",
    "parts",
    "labour_h",
    "photos",
];

struct Orders {
    of: Seen,
    which: WorkFilter,
}

impl Rows for Orders {
    fn page(&mut self, out: &mut TableWriter<Written>) -> Result<bool, Problem> {
        let read = self.of.register.work_orders(&self.which, PAGE);
        let page = read.map_err(|e| Problem::unreadable(&e))?;
        for o in page.iter().filter(|o| self.of.shows(&o.machine)) {
            out.row(&order(o)).map_err(unwritten)?;
        }
        self.which.before = page.last().map(|o| o.number);
        Ok(page.len() == PAGE)
    }
}

fn order(o: &WorkOrder) -> [Cell; 22] {
    let alarm = o.origin.alarm();
    let origin = match o.origin {
        plant::WorkOrigin::Person => "person",
        plant::WorkOrigin::Alarm { .. } => "alarm",
        plant::WorkOrigin::Diagnosis(_) => "diagnosis",
    };
    let parts: Vec<String> = o.parts.iter().map(|p| format!("{} × {}", p.quantity, p.name)).collect();
    let faults: Vec<&str> = o.faults.iter().map(|f| f.code()).collect();
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    [
        (o.number as f64).into(),
        o.state.as_str().into(),
        o.machine.site().into(),
        o.machine.name().into(),
        (&*o.title).into(),
        origin.into(),
        alarm.map(|key| key.id().to_string()).into(),
        alarm.and_then(|key| key.point.as_ref()).map(|p| p.name()).into(),
        alarm.map(|key| key.condition.code()).into(),
        o.origin.raised().into(),
        o.origin.fault().map(|f| f.code()).into(),
        o.opened().map(|s| s.t).into(),
        o.opened().map(|s| &*s.by).into(),
        o.planned_for.into(),
        o.assignee.as_deref().into(),
        o.ended().map(|s| s.t).into(),
        o.ended().map(|s| &*s.by).into(),
        o.finding.as_deref().into(),
        some(faults.join(", ")).into(),
        some(parts.join(", ")).into(),
        o.labour_min.map(|m| f64::from(m) / 60.0).into(),
        (o.photos.len() as f64).into(),
    ]
}

/// The audit log as a table, the newest first.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "access",
    params(
        ("who" = Option<String>, Query, description = "By this account."),
        ("action" = Option<String>, Query, description = "This action, or all that begin with it and a dot: `user`."),
        ("subject" = Option<String>, Query, description = "On something whose name holds this text."),
        ("outcome" = Option<String>, Query, description = "`ok`: what was done; `failed`: what was not."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970."),
        ("to" = Option<String>, Query, description = "End (not included)."),
        ("format" = Option<String>, Query, description = "`csv` (also where it is left out) or `xlsx`, which holds 50000 rows at most."),
    ),
    responses(
        (status = 200, description = "The entries, the newest first. A body that breaks off is not whole: chunked transfer says so.",
            content((String = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = 422, description = "More rows than a workbook is made of.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn audit_log(ask: Ask) -> Answer {
    ask.query.only(&["who", "action", "subject", "outcome", "from", "to", "format"])?;
    let rows = AuditLog { register: ask.state.sources.register.clone(), which: audit::filter(&ask)? };
    send(&ask, "audit", &AUDIT, rows).await
}

const AUDIT: [&str; 9] = ["id", "time", "who", "origin", "action", "subject", "was", "now", "outcome"];

struct AuditLog {
    register: Register,
    which: AuditFilter,
}

impl Rows for AuditLog {
    fn page(&mut self, out: &mut TableWriter<Written>) -> Result<bool, Problem> {
        let page = self.register.audit(&self.which, PAGE).map_err(|e| Problem::unreadable(&e))?;
        for AuditEntry { id, record: r } in &page {
            let text = |s: &String| Cell::from(s.as_str());
            let [who, origin, action, subject] = [&r.who, &r.origin, &r.action, &r.subject].map(text);
            let [was, now, outcome] = [&r.was, &r.now, &r.outcome].map(text);
            let cells = [(*id as f64).into(), r.t.into(), who, origin, action, subject, was, now, outcome];
            out.row(&cells).map_err(unwritten)?;
        }
        self.which.before = page.last().map(|e| e.id);
        Ok(page.len() == PAGE)
    }
}
