import { get } from "../api/client";
import { useResource } from "../api/resource";
import type { StoreDisk, StoreReport, StoreWavePolicy, StoreWaves } from "../api/types";
import { code, t } from "../i18n";
import { bytes, dateTime, int, num, span, when } from "../lib/format";
import { serverNow } from "../lib/now";
import { Crumbs } from "../parts/crumbs";
import { Guarded } from "../parts/states";

const EVERY = 5_000;
const CLASSES = ["raw", "minutes", "hours", "events", "diagnoses", "waveforms"] as const;
type Class = (typeof CLASSES)[number];

export function Store() {
  const report = useResource<StoreReport>("store", (s) => get("store", s), EVERY);
  return (
    <div class="store-page">
      <Crumbs here={t("store.title")} />
      <p class="muted">{t("store.about")}</p>
      <Guarded of={report} every={EVERY}>
        {(data) => (
          <>
            <Disk disk={data.disk} />
            <Kept report={data} />
            <Waveforms waves={data.waveforms} />
            <Backups report={data} />
          </>
        )}
      </Guarded>
    </div>
  );
}

function Disk({ disk }: { disk: StoreDisk }) {
  return (
    <section class="panel" aria-labelledby="disk-title">
      <div class="toolbar">
        <h2 id="disk-title">{t("store.disk")}</h2>
        <strong class={disk.level === "normal" ? "" : "verdict abnormal"} data-testid="disk-level" data-level={disk.level}>
          {code("disk_level", disk.level)}
        </strong>
      </div>
      <p>{disk.full ? t("store.full") : code("disk_level_means", disk.level)}</p>
      {disk.at ? <Room disk={disk} /> : <p class="muted">{t("store.unknown")}</p>}
    </section>
  );
}

/** Where the marks of the bar stand, in percent of the budget: where it is said, where data goes, where the intake stops. */
export function marks(d: StoreDisk): { near: number; shed: number; floor: number } {
  const floor = d.budget_bytes > 0 ? 100 - (100 * d.floor_bytes) / d.budget_bytes : 100;
  return { near: d.near_percent, shed: d.shed_percent, floor: Math.max(0, Math.min(100, floor)) };
}

export const usedPercent = (d: StoreDisk): number => (d.budget_bytes > 0 ? Math.min(100, (100 * d.used_bytes) / d.budget_bytes) : 0);

/** The measured growth in words, and when the room ends at that rate. */
export function forecast(d: StoreDisk): string {
  if (d.growth_bytes_per_day == null) return t("store.growth_unknown");
  if (d.days_left == null) return t("store.growth_none");
  return t("store.growth", { rate: bytes(d.growth_bytes_per_day), days: num(d.days_left, 2) });
}

function Room({ disk }: { disk: StoreDisk }) {
  const used = usedPercent(disk);
  const at = marks(disk);
  const label = t("store.used_of", { used: bytes(disk.used_bytes), budget: bytes(disk.budget_bytes), percent: num(used) });
  const own = disk.own_budget ? 0 : Math.min(used, (100 * disk.store_bytes) / Math.max(1, disk.budget_bytes));
  return (
    <>
      <svg class={`disk-bar d-${disk.level}`} viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
        <rect class="room" width="100" height="8" />
        <rect class="beyond" x={at.near} width={100 - at.near} height="8" />
        <rect class="used" width={used} height="8" />
        <rect class="ours" width={own} height="8" />
        {[at.near, at.shed, at.floor].map((x, i) => (
          <line key={i} x1={x} x2={x} y1="0" y2="8" />
        ))}
      </svg>
      <p data-testid="disk-used">
        <strong>{label}</strong> {disk.own_budget ? t("store.own_budget") : t("store.of_them", { bytes: bytes(disk.store_bytes) })}
      </p>
      <dl class="facts">
        <Fact name={t("store.free")}>{t("store.free_of", { free: bytes(disk.free_bytes), total: bytes(disk.total_bytes) })}</Fact>
        <Fact name={t("store.near")}>{num(at.near)} %</Fact>
        <Fact name={t("store.shed")}>{num(at.shed)} %</Fact>
        <Fact name={t("store.floor")}>{bytes(disk.floor_bytes)}</Fact>
        <Fact name={t("store.forecast")}>{forecast(disk)}</Fact>
      </dl>
    </>
  );
}

function Fact(props: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** How long a class of data stays, in words; waveforms have a policy of their own. */
export function keptFor(report: Pick<StoreReport, "retention_days">, of: Class): string {
  if (of === "waveforms") return t("store.kept_by_policy");
  const days = report.retention_days[of];
  return days == null ? t("store.kept_for_ever") : t("store.kept_days", { n: int(days) });
}

/** How far a class goes back; of what is summed up it is not asked. */
const oldest = (report: StoreReport, of: Class) => {
  if (of === "minutes" || of === "hours") return "";
  const at = report.oldest[of];
  return at ? <time title={dateTime(at)}>{span(serverNow() - Date.parse(at))}</time> : t("store.none");
};

/** How many of a class are gone, over age or for want of room. */
const removed = (report: StoreReport, of: Class): number =>
  of === "waveforms" ? report.waveforms.dropped.reduce((sum, d) => sum + d.records, 0) : report.removed[of];

function Kept({ report }: { report: StoreReport }) {
  return (
    <section class="panel" aria-labelledby="kept-title">
      <h2 id="kept-title">{t("store.kept")}</h2>
      <div class="columns">
        <table class="rows" data-testid="store-oldest">
          <thead>
            <tr>
              <th scope="col">{t("store.class")}</th>
              <th scope="col">{t("store.kept_for")}</th>
              <th scope="col">{t("store.oldest")}</th>
              <th scope="col" class="n">{t("store.removed")}</th>
            </tr>
          </thead>
          <tbody>
            {CLASSES.map((k) => (
              <tr key={k}>
                <th scope="row">{code("stored", k)}</th>
                <td>{keptFor(report, k)}</td>
                <td>{oldest(report, k)}</td>
                <td class="n">{int(removed(report, k))}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <table class="rows" data-testid="store-files">
          <thead>
            <tr>
              <th scope="col">{t("store.file")}</th>
              <th scope="col" class="n">{t("store.size")}</th>
              <th scope="col" class="n">{t("store.wal")}</th>
            </tr>
          </thead>
          <tbody>
            {report.files.map((f) => (
              <tr key={f.name}>
                <th scope="row">{f.name}</th>
                <td class="n">{bytes(f.bytes)}</td>
                <td class="n">{bytes(f.wal_bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">
        {t("store.counts", { series: int(report.series), log: bytes(report.log_bytes) })}
        {report.failed_commits > 0 && ` ${t("store.failed", { n: int(report.failed_commits) })}`}
      </p>
    </section>
  );
}

const policy = (p: StoreWavePolicy): string =>
  t("store.policy", { hours: int(p.all_hours), days: int(p.hourly_days), minutes: int(p.around_alarm_minutes) });

function Waveforms({ waves }: { waves: StoreWaves }) {
  return (
    <section class="panel" aria-labelledby="waves-title">
      <h2 id="waves-title">{t("store.waveforms")}</h2>
      <p>{policy(waves.policy)}</p>
      {Object.entries(waves.classes).map(([name, p]) => (
        <p key={name}>
          <strong>{code("quantity", name)}:</strong> {policy(p)}
        </p>
      ))}
      <dl class="facts">
        <Fact name={t("store.records")}>{int(waves.records)}</Fact>
        <Fact name={t("store.quota")}>{t("store.quota_of", { used: bytes(waves.used_bytes), quota: bytes(waves.quota_bytes) })}</Fact>
        <Fact name={t("store.near_alarms")}>{int(waves.near_alarms)}</Fact>
        <Fact name={t("store.evidence")}>{int(waves.evidence)}</Fact>
      </dl>
      {waves.dropped.length === 0 ? (
        <p class="muted">{t("store.nothing_dropped")}</p>
      ) : (
        <table class="rows" data-testid="store-dropped">
          <thead>
            <tr>
              <th scope="col">{t("store.dropped")}</th>
              <th scope="col" class="n">{t("store.records")}</th>
              <th scope="col" class="n">{t("store.size")}</th>
            </tr>
          </thead>
          <tbody>
            {waves.dropped.map((d) => (
              <tr key={d.reason}>
                <th scope="row">{code("dropped", d.reason)}</th>
                <td class="n">{int(d.records)}</td>
                <td class="n">{bytes(d.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Backups({ report }: { report: StoreReport }) {
  const b = report.backups;
  return (
    <section class="panel" aria-labelledby="backups-title" data-testid="store-backups">
      <h2 id="backups-title">{t("store.backups")}</h2>
      {!b && <p>{t("store.backups_unset")}</p>}
      {b?.fault && (
        <p class="verdict abnormal">
          {t("store.backups_fault")} {b.fault}
        </p>
      )}
      {b && !b.fault && !b.last && <p class="verdict abnormal">{t("store.backups_none", { directory: b.directory })}</p>}
      {b?.last && (
        <p>
          {t("store.backups_last", { at: when(b.last, serverNow()), n: int(b.count), directory: b.directory })}{" "}
          {b.bytes != null && t("store.backups_holds", { bytes: bytes(b.bytes) })}
        </p>
      )}
    </section>
  );
}
