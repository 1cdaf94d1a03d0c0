import { useEffect } from "preact/hooks";
import { get } from "../api/client";
import { liveMachines, overlay } from "../api/live";
import { useResource } from "../api/resource";
import type { MachineSummary, Overview as Answer } from "../api/types";
import { code, t } from "../i18n";
import { machineTitle } from "../lib/condition";
import { int, num, span } from "../lib/format";
import { registerKeys } from "../lib/keys";
import { now, serverNow } from "../lib/now";
import { byNeed, joinSummary, matches, needsAttention } from "../lib/overview";
import { href, setQuery, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { PriorityMark, Spark, StatusWord, ZoneMark } from "../parts/marks";
import { Empty, Guarded } from "../parts/states";

const EVERY = 10_000;
const id = (m: MachineSummary) => `${m.site}/${m.machine}`;

export function Overview() {
  const answer = useResource<Answer>("overview", (s) => get("overview", s), EVERY);
  return (
    <Guarded of={answer} every={EVERY}>
      {(data) => <Plant data={data} at={answer.at ?? 0} />}
    </Guarded>
  );
}

interface AreaView {
  area: string | null;
  machines: MachineSummary[];
}

/** The areas with what was heard since they were fetched; a machine heard of for the first time joins its area. */
function current(data: Answer, at: number, heard: ReturnType<typeof liveMachines.get>): AreaView[] {
  const areas = new Map<string | null, MachineSummary[]>(data.areas.map((a) => [a.area, []]));
  const fetched = data.areas.flatMap((a) => a.machines.map((m) => ({ ...m, area: m.area ?? a.area })));
  for (const m of overlay(fetched, at, heard, id, joinSummary)) {
    const area = m.area ?? null;
    areas.set(area, [...(areas.get(area) ?? []), m]);
  }
  return [...areas].map(([area, machines]) => ({ area, machines }));
}

function Plant({ data, at }: { data: Answer; at: number }) {
  const heard = useStore(liveMachines);
  const { query } = useRoute();
  const q = query["q"] ?? "";
  const only = query["show"] === "attention";

  const areas = current(data, at, heard);
  const all = areas.flatMap((a) => a.machines);
  const attention = all.filter(needsAttention).sort(byNeed);
  const shown = areas
    .map(({ area, machines }) => ({
      area,
      machines: machines.filter((m) => matches(m, area, q) && (!only || needsAttention(m))),
    }))
    .filter((a) => a.machines.length > 0);

  useEffect(() => registerKeys({ j: () => stepTile(1), k: () => stepTile(-1) }), []);

  if (all.length === 0) {
    return (
      <Empty text={t("overview.empty")}>
        <a class="button primary" href={href(["start"])} data-testid="to-start">
          {t("overview.connect")}
        </a>
      </Empty>
    );
  }
  return (
    <div class="overview">
      <Attention machines={attention} total={all.length} />
      <div class="areas">
        <div class="toolbar">
          <h1>{t("nav.overview")}</h1>
          <div class="segmented" role="group" aria-label={t("overview.show")}>
            <button type="button" aria-pressed={!only} onClick={() => setQuery({ show: null })}>
              {t("overview.all")} <b>{int(all.length)}</b>
            </button>
            <button type="button" aria-pressed={only} onClick={() => setQuery({ show: "attention" })}>
              {t("overview.attention")} <b>{int(attention.length)}</b>
            </button>
          </div>
        </div>
        {shown.length === 0 && (
          <Empty text={q ? t("overview.nothing_found", { q }) : t("overview.all_quiet")}>
            <button type="button" onClick={() => setQuery({ q: null, show: null })}>
              {t("overview.show_all")}
            </button>
          </Empty>
        )}
        {shown.map((a) => (
          <Area key={a.area ?? ""} {...a} />
        ))}
      </div>
    </div>
  );
}

function stepTile(by: number): void {
  const tiles = [...document.querySelectorAll<HTMLElement>("[data-testid=tile]")];
  const at = tiles.indexOf(document.activeElement as HTMLElement);
  tiles[Math.max(0, Math.min(tiles.length - 1, at + by))]?.focus();
}

function Area({ area, machines }: AreaView) {
  const name = area ?? t("overview.no_area");
  const bad = machines.filter(needsAttention).length;
  return (
    <section class="area" aria-label={name}>
      <h2>
        {name}{" "}
        <span class="muted">
          {bad > 0 ? t("overview.area_some", { bad: int(bad), all: int(machines.length) }) : t("overview.area_none", { all: int(machines.length) })}
        </span>
      </h2>
      <ul class="tiles">
        {machines.map((m) => (
          <li key={id(m)}>
            <Tile m={m} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tile({ m }: { m: MachineSummary }) {
  return (
    <a
      class={`tile s-${m.status} ${m.priority ? `has-p${m.priority}` : ""}`}
      href={href(["machine", m.site, m.machine])}
      data-testid="tile"
      data-machine={id(m)}
      data-status={m.status}
    >
      <span class="name">
        <span class="title" title={machineTitle(m)}>
          {machineTitle(m)}
        </span>
        {m.priority && (
          <PriorityMark priority={m.priority} state={m.unacknowledged > 0 ? "unacknowledged" : "acknowledged"} />
        )}
      </span>
      <span class="sub muted">
        {[code("class", m.class), m.machine].join(" · ")}
      </span>
      {m.velocity_rms == null && !m.zone ? (
        <span class="figures muted">{t("overview.no_vibration")}</span>
      ) : (
        <Figures m={m} />
      )}
      <span class="foot">
        <StatusWord status={m.status} partly={m.partly} />
        <Age m={m} />
      </span>
    </a>
  );
}

function Figures({ m }: { m: MachineSummary }) {
  return (
    <span class="figures">
      <span class="v">
        <b>{num(m.velocity_rms)}</b> {m.velocity_rms != null && <span class="unit">mm/s</span>}
      </span>
      <ZoneMark zone={m.zone} />
      {m.spark ? <Spark {...m.spark} /> : <Spark t_ms={[]} v={[]} />}
    </span>
  );
}

function Age({ m }: { m: MachineSummary }) {
  useStore(now);
  if (!m.last_seen) return <span class="muted">{t("overview.never")}</span>;
  return <span class="muted age">{t("time.ago", { span: span(serverNow() - Date.parse(m.last_seen)) })}</span>;
}

/** What needs me, the most urgent first. */
function Attention({ machines, total }: { machines: MachineSummary[]; total: number }) {
  return (
    <section class="attention panel" aria-labelledby="attention-title">
      <h2 id="attention-title">
        {t("overview.needs_you")} <span class="muted">{t("overview.of", { n: int(machines.length), all: int(total) })}</span>
      </h2>
      {machines.length === 0 ? (
        <p class="muted">{t("overview.all_quiet")}</p>
      ) : (
        <ol>
          {machines.map((m) => (
            <li key={id(m)}>
              <a href={href(["machine", m.site, m.machine])}>
                {m.priority ? (
                  <PriorityMark priority={m.priority} state={m.unacknowledged > 0 ? "unacknowledged" : "acknowledged"} />
                ) : (
                  <span class="no-mark" aria-hidden="true" />
                )}
                <span class="who">
                  <span class="title">{machineTitle(m)}</span>
                  <span class="muted">
                    <StatusWord status={m.status} />
                    {m.unacknowledged > 0 && ` · ${t("overview.waiting", { n: int(m.unacknowledged) })}`}
                  </span>
                </span>
                <ZoneMark zone={m.zone} />
              </a>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
