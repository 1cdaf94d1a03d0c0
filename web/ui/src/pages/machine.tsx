import { useEffect } from "preact/hooks";
import { get, segments } from "../api/client";
import { liveAlarms, liveMachines, liveValues, overlay, seriesKey } from "../api/live";
import { useResource } from "../api/resource";
import type { Alarm, BearingOrders, LiveValue, MachineDetail, PointDetail, Sample } from "../api/types";
import { code, t } from "../i18n";
import {
  beyond,
  byUrgency,
  isOpen,
  machineTitle,
  message,
  pointTitle,
  qualityText,
  remark,
  usable,
  valueAgainstLimit,
  valueText,
} from "../lib/condition";
import { tagKey } from "../lib/compare";
import { clock, num, quantity, span, when } from "../lib/format";
import { registerKeys } from "../lib/keys";
import { now, serverNow } from "../lib/now";
import { href, setQuery, useRoute } from "../lib/router";
import { useStore } from "../lib/store";
import { AssessmentPanel } from "../parts/assessment";
import { DiagnosisCard, verdict } from "../parts/diagnosis";
import { MachineWork } from "../parts/machine-work";
import { PriorityMark, StatusWord, ZoneMark } from "../parts/marks";
import { Empty, Guarded } from "../parts/states";
import { Tones } from "../parts/drive-train";
import { Train, sensorFailed, zoneOf } from "../parts/train";
import { Trend } from "../parts/trend";
import { useWindow, WindowNote, WindowPicker } from "../parts/window";
import { foreign, Unjudged, Unread } from "../parts/unjudged";

const EVERY = 10_000;

export function Machine({ site, machine }: { site: string; machine: string }) {
  const id = `${site}/${machine}`;
  const answer = useResource<MachineDetail>(`machine ${id}`, (s) => get(`machines/${segments(site, machine)}`, s), EVERY);
  return (
    <Guarded of={answer} every={EVERY}>
      {(m) => <Detail fetched={m} at={answer.at ?? 0} />}
    </Guarded>
  );
}

const newer = (live: LiveValue | undefined, last: Sample | null | undefined): Sample | null | undefined =>
  live && (!last || Date.parse(live.t) >= Date.parse(last.t)) ? live : last;

/** The machine with what the stream has said since it was fetched. */
function useCurrent(m: MachineDetail, at: number): MachineDetail {
  const id = `${m.site}/${m.machine}`;
  const values = useStore(liveValues);
  const heardAlarms = useStore(liveAlarms);
  const heard = useStore(liveMachines).get(id);
  const own = new Map([...heardAlarms].filter(([, h]) => `${h.what.machine.site}/${h.what.machine.machine}` === id));
  const points = m.points.map((p) => ({
    ...p,
    last: newer(values.get(seriesKey(p.id)), p.last) ?? null,
    indicators: p.indicators.map((i) => ({ ...i, last: newer(values.get(seriesKey(p.id, i.name)), i.last) ?? null })),
  }));
  const alarms = overlay(m.alarms, at, own, (a: Alarm) => a.id).filter(isOpen);
  return { ...m, ...(heard && heard.at > at ? heard.what : {}), points, alarms: alarms.sort(byUrgency) };
}

function Detail({ fetched, at }: { fetched: MachineDetail; at: number }) {
  const m = useCurrent(fetched, at);
  const { query } = useRoute();
  const point = m.points.find((p) => p.name === query["point"]) ?? defaultPoint(m);
  const step = (by: number) => {
    const i = m.points.findIndex((p) => p.name === point?.name);
    const next = m.points[Math.max(0, Math.min(m.points.length - 1, i + by))];
    if (next) select(next.name);
  };
  useEffect(() => registerKeys({ j: () => step(1), k: () => step(-1) }));
  return (
    <div class="machine">
      <Heading m={m} />
      <div class="columns">
        <div class="main-column">
          {m.points.length === 0 ? (
            <Empty text={t("machine.no_points")} />
          ) : (
            <>
              <section class="panel the-train" aria-label={t("machine.train")}>
                <Train m={m} selected={point?.name} select={select} />
              </section>
              {point && <PointTrend m={m} p={point} />}
              <Points m={m} selected={point?.name} />
            </>
          )}
        </div>
        <div class="side-column">
          <ActiveAlarms m={m} />
          {m.points.some((p) => p.kind === "waveform") && <AssessmentPanel m={m} />}
          <MachineWork m={m} />
          <Unread site={m.site} machine={m.machine} />
          {m.points
            .filter((p, _, all) => p.kind === "waveform" && !(p.diagnosis && foreign(p.diagnosis) && all.some((o) => o.diagnosis && !foreign(o.diagnosis))))
            .sort((a, b) => weight(b) - weight(a))
            .map((p) => (
              <DiagnosisCard key={p.name} m={m} p={p} />
            ))}
          <Facts m={m} />
        </div>
      </div>
    </div>
  );
}

const select = (point: string) => setQuery({ point, series: null });

/** The point to show first: the worst zone, else the first that says anything. */
function defaultPoint(m: MachineDetail): PointDetail | undefined {
  const alarmed = m.alarms.find((a) => a.point)?.point;
  const byZone = [...m.points].sort((a, b) => (zoneOf(b) ?? "").localeCompare(zoneOf(a) ?? ""));
  return m.points.find((p) => p.name === alarmed) ?? byZone.find((p) => p.last || p.indicators.length > 0) ?? m.points[0];
}

/** What says something is wrong stands before what could not be judged, and that before what is quiet. */
function weight(p: PointDetail): number {
  if (!p.diagnosis) return 0;
  const v = verdict(p.diagnosis);
  return v.abnormal ? 2 : v.unknown ? 1 : 0;
}

function Heading({ m }: { m: MachineDetail }) {
  useStore(now);
  return (
    <header class="machine-head">
      <nav class="crumbs" aria-label={t("machine.crumbs")}>
        <a href={href(["overview"])}>{t("nav.overview")}</a>
        <span>{m.area ?? t("overview.no_area")}</span>
        {m.line && <span>{m.line}</span>}
      </nav>
      <h1>
        {m.priority && <PriorityMark priority={m.priority} state={m.unacknowledged > 0 ? "unacknowledged" : "acknowledged"} />}
        {machineTitle(m)}
      </h1>
      <p class="summary">
        <StatusWord status={m.status} partly={m.partly} />
        <span>
          <span class="muted">{t("machine.worst_zone")}</span> <ZoneMark zone={m.zone} />{" "}
          {m.velocity_rms != null && quantity(m.velocity_rms, "mm/s")}
        </span>
        <span class="muted">
          {m.last_seen
            ? t("machine.last_seen", {
                time: when(m.last_seen, serverNow()),
                span: span(serverNow() - Date.parse(m.last_seen)),
              })
            : t("overview.never")}
        </span>
      </p>
      <Unjudged m={m} />
    </header>
  );
}

function Facts({ m }: { m: MachineDetail }) {
  const rows: [string, string | null | undefined][] = [
    [t("machine.id"), `${m.site}/${m.machine}`],
    [t("machine.class"), code("class", m.class)],
    [t("machine.gateway"), m.gateway],
    [t("machine.nominal"), m.nominal_rpm != null ? quantity(m.nominal_rpm, "r/min", 4) : null],
    [t("machine.rated"), m.severity.rated_kw != null ? quantity(m.severity.rated_kw, "kW", 4) : null],
    [t("machine.shaft_height"), m.severity.shaft_height_mm != null ? quantity(m.severity.shaft_height_mm, "mm", 4) : null],
    [t("machine.foundation"), m.severity.foundation && code("foundation", m.severity.foundation)],
  ];
  return (
    <section class="panel facts-panel" aria-labelledby="facts-title">
      <h2 id="facts-title">{t("machine.facts")}</h2>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value || <span class="muted">{t("machine.not_stated")}</span>}</dd>
          </div>
        ))}
      </dl>
      {m.train && !m.train.error && <Tones train={m.train} />}
      {m.bearings.length > 0 && (
        <table class="terms">
          <thead>
            <tr>
              <th scope="col">{t("machine.bearing")}</th>
              <th scope="col" class="n">BPFO</th>
              <th scope="col" class="n">BPFI</th>
              <th scope="col" class="n">BSF</th>
              <th scope="col" class="n">FTF</th>
            </tr>
          </thead>
          <tbody>
            {m.bearings.map((b) => (
              <tr key={b.name}>
                <th scope="row">
                  {b.name} <small class="muted">{b.designation}</small>
                  {b.tolerance && (
                    <small class="doubt">{t("train.estimated", { percent: percentOf(b.tolerance) })}</small>
                  )}
                  {b.source && <small class="muted source">{t("train.source", { source: b.source })}</small>}
                </th>
                {b.orders ? (
                  (["bpfo", "bpfi", "bsf", "ftf"] as const).map((k) => (
                    <td key={k} class="n">
                      {num(b.orders?.[k], 4)}
                    </td>
                  ))
                ) : (
                  <td colSpan={4}>{b.geometry_error ?? code("refusal", "geometry")}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** The largest of a bearing's tolerances, in whole percent. */
const percentOf = (o: BearingOrders): number => Math.ceil(100 * Math.max(o.bpfo, o.bpfi, o.bsf, o.ftf));

function ActiveAlarms({ m }: { m: MachineDetail }) {
  return (
    <section class="panel active-alarms" aria-labelledby="machine-alarms">
      <h2 id="machine-alarms">
        <a href={href(["alarms"], { machine: `${m.site}/${m.machine}` })}>{t("machine.alarms")}</a>
      </h2>
      {m.alarms.length === 0 ? (
        <p class="muted">{m.status === "normal" ? t("machine.no_alarms") : t("machine.no_alarms_but")}</p>
      ) : (
        <ol class="alarm-brief">
          {m.alarms.map((a) => (
            <li key={a.id}>
              <PriorityMark priority={a.priority} state={a.state} />
              <span>
                <a href={href(["alarms", a.id])}>{message(a)}</a>
                <small class="muted">
                  {[remark(a), a.point, valueAgainstLimit(a), code("state", a.state), when(a.raised, serverNow())]
                    .filter(Boolean)
                    .join(" · ")}
                </small>
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Points({ m, selected }: { m: MachineDetail; selected: string | undefined }) {
  return (
    <section class="panel points" aria-labelledby="points-title">
      <h2 id="points-title">{t("machine.points")}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="points-title">
        <table class="rows cards">
          <thead>
            <tr>
              <th scope="col">{t("machine.point")}</th>
              <th scope="col">{t("machine.place")}</th>
              <th scope="col" class="n">{t("machine.value")}</th>
              <th scope="col">{t("machine.zone")}</th>
              <th scope="col">{t("machine.limits")}</th>
              <th scope="col">{t("machine.time")}</th>
            </tr>
          </thead>
          <tbody>
            {m.points.map((p) => (
              <PointRow key={p.name} m={m} p={p} selected={p.name === selected} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function PointRow({ m, p, selected }: { m: MachineDetail; p: PointDetail; selected: boolean }) {
  const newest = p.last ?? p.indicators.find((i) => i.last)?.last;
  const place = [p.location.bearing, p.location.axis && code("axis", p.location.axis)].filter(Boolean).join(" · ");
  return (
    <tr
      class="pick"
      aria-selected={selected}
      data-testid="point-row"
      data-point={p.name}
      onClick={(e) => !(e.target as Element).closest("a, button") && select(p.name)}
    >
      <th scope="row">
        <button type="button" class="link" onClick={() => select(p.name)}>
          {pointTitle(p)}
        </button>
        {p.kind === "waveform" && (
          <a class="to-spectrum" href={href(["vibration", m.site, m.machine, ...p.name.split("/")])}>
            {t("nav.vibration")}
          </a>
        )}
      </th>
      <td class="c-place">{place || <span class="muted">–</span>}</td>
      <td class="c-value n">{p.kind === "waveform" ? <Indicators p={p} /> : <Value s={p.last} p={p} />}</td>
      <td class="c-zone">{p.kind === "waveform" && <ZoneMark zone={sensorFailed(p) ? null : zoneOf(p)} testid="zone" />}</td>
      <td class="limits">{limitText(p)}</td>
      <td class="c-time muted">{newest || p.diagnosis ? clock((newest ?? p.diagnosis)!.t) : t("value.never")}</td>
    </tr>
  );
}

const limitText = (p: PointDetail): string =>
  (["ll", "l", "h", "hh"] as const)
    .filter((k) => p.limits[k] != null)
    .map((k) => `${code("limit", k)} ${num(p.limits[k])}`)
    .join(" · ");

function Value({ s, p, unit, plain }: { s: Sample | null | undefined; p?: PointDetail; unit?: string | null; plain?: boolean }) {
  if (!s) return <span class="bad-value">{t("value.none")}</span>;
  const doubt = plain ? "" : qualityText(s.quality);
  const over = p && typeof s.value === "number" && usable(s) ? beyond(s.value, p.limits) : null;
  const u = p ? p.unit : unit;
  return (
    <span class={usable(s) ? (over ? `over over-${over}` : "value") : "bad-value"}>
      {over && <span class="over-tag">{code("limit", over)}</span>}
      <b>{valueText(s.value)}</b> {typeof s.value === "number" && <span class="unit">{u}</span>}
      {doubt && <small class="doubt">{doubt}</small>}
    </span>
  );
}

/** The numbers computed from a record; a click shows their trend. */
function Indicators({ p }: { p: PointDetail }) {
  const { query } = useRoute();
  // A record of pulses has none of them, and is not missing for it.
  if (p.indicators.length === 0 && p.diagnosis) return <span class="muted">–</span>;
  if (p.indicators.length === 0) return <span class="bad-value">{t("value.none")}</span>;
  // What is said of all of them is said once.
  const [first, ...others] = new Set(p.indicators.map((i) => i.last?.quality ?? ""));
  const shared = others.length === 0 && first ? qualityText(first) : "";
  return (
    <span class="indicators">
      {p.indicators.map((i) => (
        <button
          key={i.name}
          type="button"
          class="link"
          aria-pressed={query["point"] === p.name && query["series"] === i.name}
          onClick={() => setQuery({ point: p.name, series: i.name })}
        >
          <span class="muted">{code("indicator", i.name)}</span> <Value s={i.last} unit={i.unit ?? null} plain={shared !== ""} />
        </button>
      ))}
      {shared && <small class="doubt">{shared}</small>}
    </span>
  );
}

function PointTrend({ m, p }: { m: MachineDetail; p: PointDetail }) {
  const { query } = useRoute();
  const indicator =
    p.kind === "waveform"
      ? (p.indicators.find((i) => i.name === query["series"]) ?? p.indicators.find((i) => i.name === "velocity_rms") ?? p.indicators[0])
      : undefined;
  const { range, fixed } = useWindow();
  const boundaries =
    indicator?.name === "velocity_rms" && p.zone && "boundaries" in p.zone ? p.zone.boundaries : undefined;
  const name = `${pointTitle(p)}${indicator ? ` · ${code("indicator", indicator.name)}` : ""}`;
  return (
    <section class="panel" aria-labelledby="trend-title">
      <div class="toolbar">
        <h2 id="trend-title">{name}</h2>
        {p.kind === "waveform" && p.indicators.length > 1 && (
          <label>
            <span class="sr">{t("machine.series")}</span>
            <select value={indicator?.name} onChange={(e) => setQuery({ point: p.name, series: e.currentTarget.value })}>
              {p.indicators.map((i) => (
                <option key={i.name} value={i.name}>
                  {code("indicator", i.name)}
                </option>
              ))}
            </select>
          </label>
        )}
        <a class="button" href={href(["trend"], { tags: tagKey({ point: p.id, ...(indicator && { indicator: indicator.name }) }), range: query["range"] })} data-testid="to-compare">
          {t("compare.title")}
        </a>
        <WindowPicker />
      </div>
      <WindowNote />
      {p.kind === "waveform" && !indicator ? (
        <Empty text={t("trend.empty")} />
      ) : (
        <Trend
          key={`${m.machine} ${p.name} ${indicator?.name ?? ""}`}
          point={p.id}
          indicator={indicator?.name ?? null}
          unit={indicator ? (indicator.unit ?? null) : (p.unit ?? null)}
          {...(fixed ?? {})}
          range={range}
          periodMs={p.period_s != null ? p.period_s * 1000 : null}
          {...(indicator ? {} : { limits: p.limits })}
          {...(boundaries ? { boundaries } : {})}
          label={name}
          onZoom={(x, y) => setQuery({ from: x, to: y })}
        />
      )}
    </section>
  );
}
