import { useEffect, useMemo, useState } from "preact/hooks";
import { get, query as queryString, request, segments } from "../api/client";
import { useResource } from "../api/resource";
import type { MachineDetail, Spectra, Spectrum, SpectrumLine, WaveformDetail, WaveformInfo } from "../api/types";
import { code, t, title } from "../i18n";
import { machineTitle } from "../lib/condition";
import { dateTime, int, num, quantity, when } from "../lib/format";
import { registerKeys } from "../lib/keys";
import { serverNow } from "../lib/now";
import { href, setQuery, useRoute } from "../lib/router";
import { figures, firstView, parseWindow, peaks, valueAt } from "../lib/spectrum";
import { codesText, faultKey, Hypotheses, Verdict, ZoneLine } from "../parts/diagnosis";
import { LineChart, type VLine } from "../parts/line-chart";
import { Empty, Guarded } from "../parts/states";

const EVERY = 10_000;
const LISTED = 60;

export function Vibration(props: { site: string; machine: string; point: string }) {
  const id = `${props.site}/${props.machine}/${props.point}`;
  const list = useResource<WaveformInfo[]>(
    `waveforms ${id}`,
    (s) => get(`waveforms${queryString({ point: id, limit: LISTED })}`, s),
    EVERY,
  );
  const machine = useResource<MachineDetail>(`machine ${props.site}/${props.machine}`, (s) =>
    get(`machines/${segments(props.site, props.machine)}`, s),
  );
  return (
    <div class="vibration">
      <Heading {...props} detail={machine.data} />
      <Guarded of={list} every={EVERY}>
        {(waveforms) => <Records waveforms={waveforms} point={id} />}
      </Guarded>
    </div>
  );
}

type Place = { site: string; machine: string; point: string };

function Heading({ site, machine, point, detail }: Place & { detail: MachineDetail | undefined }) {
  const points = detail?.points.filter((p) => p.kind === "waveform") ?? [];
  return (
    <header class="machine-head">
      <nav class="crumbs" aria-label={t("machine.crumbs")}>
        <a href={href(["overview"])}>{t("nav.overview")}</a>
        <a href={href(["machine", site, machine], { point })}>{detail ? machineTitle(detail) : machine}</a>
      </nav>
      <h1>
        {t("nav.vibration")}{" "}
        <label>
          <span class="sr">{t("machine.point")}</span>
          <select
            value={point}
            onChange={(e) => (location.hash = href(["vibration", site, machine, ...e.currentTarget.value.split("/")]))}
          >
            {points.every((p) => p.name !== point) && <option value={point}>{point}</option>}
            {points.map((p) => (
              <option key={p.name} value={p.name}>
                {title(p.title, p.name)}
              </option>
            ))}
          </select>
        </label>
      </h1>
    </header>
  );
}

/** The list of records and the one in view: the one the link names, else always the newest. */
function Records({ waveforms, point }: { waveforms: WaveformInfo[]; point: string }) {
  const { query } = useRoute();
  const chosen = query["wf"] ?? waveforms[0]?.id;
  const at = waveforms.findIndex((w) => w.id === chosen);
  const step = (by: number) => {
    const next = waveforms[Math.max(0, Math.min(waveforms.length - 1, at + by))];
    if (next) setQuery({ wf: next.id });
  };
  useEffect(() => registerKeys({ j: () => step(1), k: () => step(-1) }));
  if (!chosen) return <Empty text={t("vibration.empty")} />;
  return (
    <div class="records">
      <section class="panel record-list" aria-labelledby="records-title">
        <div class="toolbar">
          <h2 id="records-title">{t("vibration.records")}</h2>
          <button type="button" class="push" aria-pressed={!query["wf"]} onClick={() => setQuery({ wf: null })}>
            {t("vibration.newest")}
          </button>
        </div>
        <ol>
          {waveforms.map((w) => (
            <li key={w.id}>
              <button type="button" aria-pressed={w.id === chosen} onClick={() => setQuery({ wf: w.id })}>
                <time datetime={w.t0}>{when(w.t0, serverNow())}</time>
                <span class="muted">{w.rpm != null ? quantity(w.rpm, "r/min", 4) : t("vibration.no_speed")}</span>
              </button>
            </li>
          ))}
          {at < 0 && query["wf"] && <li class="muted elsewhere">{t("vibration.older")}</li>}
        </ol>
      </section>
      <Record key={`${point} ${chosen}`} id={chosen} />
    </div>
  );
}

function Record({ id }: { id: string }) {
  const path = `waveforms/${segments(id)}`;
  const header = useResource<WaveformDetail>(`header ${id}`, (s) => get(path, s));
  const spectra = useResource<Spectra>(`spectra ${id}`, (s) => get(`${path}/spectra`, s));
  return (
    <div class="record">
      <Guarded of={header} every={Infinity}>
        {(w) => (
          <>
            <RecordFacts w={w} />
            <Guarded of={spectra} every={Infinity}>
              {(s) => <SpectraView s={s} w={w} />}
            </Guarded>
            <WaveformChart w={w} />
          </>
        )}
      </Guarded>
    </div>
  );
}

function RecordFacts({ w }: { w: WaveformDetail }) {
  const facts: (string | false | null | undefined)[] = [
    dateTime(w.t0),
    `${int(w.n)} × ${num(1e6 / w.fs, 4)} µs = ${quantity(w.duration_s, "s", 4)}`,
    `fs ${quantity(w.fs, "Hz", 6)}`,
    w.rpm != null ? quantity(w.rpm, "r/min", 5) : t("vibration.no_speed"),
    w.meta.load != null && `${t("vibration.load")} ${quantity(w.meta.load, "%")}`,
    w.meta.state,
    w.meta.bias_v != null && `${t("vibration.bias")} ${quantity(w.meta.bias_v, "V")}`,
    w.meta.serial && `#${w.meta.serial}`,
  ];
  return <p class="record-facts muted">{facts.filter(Boolean).join(" · ")}</p>;
}

interface View {
  /** Hz in one unit of the axis: 1 for Hz, the shaft's speed for orders. */
  unit: number;
  xLabel: string;
  log: boolean;
  cursor: number | undefined;
  harmonics: boolean;
}

function SpectraView({ s, w }: { s: Spectra; w: WaveformDetail }) {
  const { query } = useRoute();
  const orders = query["x"] === "order" && !!s.shaft_hz;
  const cursor = Number(query["hz"]) > 0 ? Number(query["hz"]) : undefined;
  const view: View = {
    unit: orders ? s.shaft_hz! : 1,
    xLabel: orders ? t("vibration.order") : "Hz",
    log: query["y"] === "log",
    cursor,
    harmonics: query["harmonics"] === "1",
  };
  const shown = shownFaults(s, query["faults"]);
  const toggle = (h: { bearing: string; fault: string }) => {
    const next = new Set(shown);
    const key = faultKey(h);
    if (!next.delete(key)) next.add(key);
    setQuery({ faults: next.size > 0 ? [...next].join("~") : "none" });
  };
  return (
    <>
      <div class="verdict-row">
        <section class="panel" aria-label={t("diagnosis.title")}>
          <h2>{t("diagnosis.title")}</h2>
          {w.diagnosis ? (
            <>
              <Verdict d={w.diagnosis} />
              <ZoneLine d={w.diagnosis} />
            </>
          ) : (
            <p class="muted">{t("diagnosis.not_yet")}</p>
          )}
        </section>
        <section class="panel" aria-label={t("diagnosis.weighed")}>
          {s.hypotheses.length > 0 ? (
            <Hypotheses of={s.hypotheses} shown={shown} toggle={toggle} />
          ) : (
            <p class="verdict unknown">{t("verdict.refused", { codes: codesText("refusal", s.refused) })}</p>
          )}
        </section>
      </div>
      <Controls s={s} view={view} />
      <EnvelopeChart s={s} view={view} shown={shown} />
      <div class="two">
        <SpectrumChart of={s.spectrum} view={view} shaft={s.shaft_hz} name="vibration.spectrum" zoomKey="spectrum" top={s.fs / 2} />
        <SpectrumChart of={s.velocity} view={view} shaft={s.shaft_hz} name="vibration.velocity" zoomKey="velocity" top={1000} />
      </div>
    </>
  );
}

/** Which hypotheses are drawn: those the link names, else those over their threshold, else the best. */
function shownFaults(s: Spectra, wanted: string | undefined): Set<string> {
  if (wanted === "none") return new Set();
  if (wanted) return new Set(wanted.split("~"));
  const over = s.hypotheses.filter((h) => h.statistic > h.threshold);
  const best = over.length > 0 ? over.slice(0, 1) : s.hypotheses.slice(0, 1);
  return new Set(best.map(faultKey));
}

function Controls({ s, view }: { s: Spectra; view: View }) {
  return (
    <div class="toolbar controls" role="group" aria-label={t("vibration.controls")}>
      <label>
        {t("vibration.cursor")}{" "}
        <input
          type="number"
          min="0"
          step="any"
          inputMode="decimal"
          value={view.cursor ?? ""}
          onChange={(e) => setQuery({ hz: e.currentTarget.value })}
        />{" "}
        Hz
      </label>
      {view.cursor !== undefined && (
        <output class="readout" data-testid="cursor-readout">
          {cursorText(s, view.cursor)}
        </output>
      )}
      {view.cursor !== undefined && (
        <button type="button" onClick={() => setQuery({ hz: null, harmonics: null })}>
          {t("vibration.clear_cursor")}
        </button>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={view.harmonics}
          onChange={(e) => setQuery({ harmonics: e.currentTarget.checked ? 1 : null })}
        />
        {t("vibration.harmonics")}
      </label>
      <span class="segmented push" role="group" aria-label={t("vibration.x_axis")}>
        <button type="button" aria-pressed={view.unit === 1} onClick={() => setQuery({ x: null })}>
          Hz
        </button>
        <button
          type="button"
          aria-pressed={view.unit !== 1}
          disabled={!s.shaft_hz}
          onClick={() => setQuery({ x: "order" })}
        >
          {t("vibration.order")}
        </button>
      </span>
      <span class="segmented" role="group" aria-label={t("vibration.y_axis")}>
        <button type="button" aria-pressed={!view.log} onClick={() => setQuery({ y: null })}>
          {t("vibration.linear")}
        </button>
        <button type="button" aria-pressed={view.log} onClick={() => setQuery({ y: "log" })}>
          {t("vibration.log")}
        </button>
      </span>
    </div>
  );
}

/** What every spectrum reads at the cursor. */
function cursorText(s: Spectra, hz: number): string {
  const parts = [`${num(hz, 5)} Hz`];
  if (s.shaft_hz) parts.push(t("vibration.orders", { n: num(hz / s.shaft_hz, 4) }));
  const envelope = valueAt(s.envelope.ratio, s.envelope.df_hz, hz);
  if (envelope !== undefined) parts.push(`${t("vibration.envelope")} ${num(envelope)}×`);
  for (const [name, sp] of [["vibration.spectrum", s.spectrum], ["vibration.velocity", s.velocity]] as const) {
    const v = valueAt(sp.amplitude, sp.df_hz, hz);
    if (v !== undefined) parts.push(`${t(name)} ${quantity(v, sp.unit)}`);
  }
  return parts.join(" · ");
}

/** The cursor and, when asked for, its multiples as far as the window goes. */
function cursorLines(view: View, top: number): VLine[] {
  if (view.cursor === undefined) return [];
  const lines: VLine[] = [{ x: view.cursor / view.unit, kind: "cursor" }];
  if (view.harmonics) {
    for (let k = 2; k <= 12 && (k * view.cursor) / view.unit <= top; k++) {
      lines.push({ x: (k * view.cursor) / view.unit, kind: "harmonic", text: `${k}` });
    }
  }
  return lines;
}

const pick = (view: View) => (x: number) => setQuery({ hz: Number((x * view.unit).toPrecision(7)) });

/** The window of a chart in its own axis: as the link says (in Hz), else `first`. */
function windowOf(text: string | undefined, first: number, view: View): [number, number] {
  const [a, b] = parseWindow(text) ?? [0, first];
  return [a / view.unit, b / view.unit];
}

const zoom = (key: string, view: View) => (a: number, b: number) =>
  setQuery({ [key]: `${Math.max(0, a * view.unit).toFixed(2)}-${(b * view.unit).toFixed(2)}` });

function lineName(l: SpectrumLine): string {
  const name = `${l.bearing ? `${l.bearing} ` : ""}${code("fault", l.label)}`;
  return `${name} ${l.harmonic}×`;
}

function EnvelopeChart({ s, view, shown }: { s: Spectra; view: View; shown: Set<string> }) {
  const { query } = useRoute();
  const { ratio, df_hz, lines } = s.envelope;
  const drawn = lines.filter((l) => l.label === "shaft" || shown.has(faultKey(l)));
  if (ratio.length === 0) {
    return (
      <section class="panel" aria-label={t("vibration.envelope")}>
        <h2>{t("vibration.envelope")}</h2>
        <Empty text={t("verdict.refused", { codes: codesText("refusal", s.refused) })} />
      </section>
    );
  }
  const over = new Set(s.hypotheses.filter((h) => h.statistic > h.threshold).map(faultKey));
  const window = windowOf(query["envelope"], firstView(drawn, s.shaft_hz, ratio.length * df_hz), view);
  const vlines: VLine[] = drawn.map((l) => ({
    x: l.hz / view.unit,
    text: l.label === "shaft" ? (l.harmonic === 1 ? code("fault", "shaft") : "") : l.harmonic === 1 ? lineName(l) : `${l.harmonic}×`,
    kind: l.label === "shaft" ? "shaft" : over.has(faultKey(l)) ? "fault-over" : "fault",
  }));
  return (
    <section class="panel" aria-labelledby="envelope-title">
      <ChartTitle id="envelope-title" name="vibration.envelope" about="vibration.envelope_about" zoomKey="envelope" />
      <div class="with-lines">
        <LineChart
          y={ratio}
          step={df_hz / view.unit}
          window={window}
          xLabel={view.xLabel}
          yLabel={t("vibration.ratio")}
          log={view.log}
          floor={1}
          lines={[...vlines, ...cursorLines(view, window[1])]}
          label={t("vibration.envelope_label")}
          height={250}
          testid="envelope-chart"
          sync="hz"
          onPick={pick(view)}
          onZoom={zoom("envelope", view)}
          onReset={() => setQuery({ envelope: null })}
        />
        <FaultTable lines={drawn} shaft={s.shaft_hz} />
      </div>
      <PeakTable y={ratio} df={df_hz} window={window} view={view} shaft={s.shaft_hz} unit={t("vibration.ratio")} />
    </section>
  );
}

/** The drawn lines in words and numbers. */
function FaultTable({ lines, shaft }: { lines: SpectrumLine[]; shaft: number | null | undefined }) {
  if (lines.length === 0) return <p class="muted">{t("vibration.no_lines")}</p>;
  return (
    <div class="fault-lines" tabIndex={0} role="region" aria-label={t("vibration.lines")}>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col">{t("vibration.line")}</th>
            <th scope="col" class="n">Hz</th>
            <th scope="col" class="n">{t("vibration.order")}</th>
            <th scope="col" class="n">{t("vibration.ratio")}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((l) => (
            <tr
              key={`${faultKey(l)}${l.harmonic}`}
              data-testid={l.label === "shaft" ? "shaft-line" : "fault-line"}
              data-label={l.label}
              data-bearing={l.bearing ?? ""}
              data-harmonic={l.harmonic}
            >
              <th scope="row">
                <button type="button" class="link" onClick={() => setQuery({ hz: l.hz.toPrecision(7) })}>
                  {lineName(l)}
                </button>
              </th>
              <td class="n">{num(l.hz, 5)}</td>
              <td class="n">{shaft ? num(l.hz / shaft, 4) : "–"}</td>
              <td class="n">{num(l.ratio)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ChartTitle(props: { id: string; name: string; about?: string; zoomKey: string }) {
  const { query } = useRoute();
  return (
    <div class="toolbar">
      <h2 id={props.id}>{t(props.name)}</h2>
      {props.about && <span class="muted about">{t(props.about)}</span>}
      {query[props.zoomKey] && (
        <button type="button" class="push" onClick={() => setQuery({ [props.zoomKey]: null })}>
          {t("vibration.reset_zoom")}
        </button>
      )}
    </div>
  );
}

function SpectrumChart(props: {
  of: Spectrum;
  view: View;
  shaft: number | null | undefined;
  name: "vibration.spectrum" | "vibration.velocity";
  zoomKey: string;
  /** Up to where it is shown first, Hz. */
  top: number;
}) {
  const { of, view } = props;
  const { query } = useRoute();
  if (of.amplitude.length === 0) {
    return (
      <section class="panel" aria-label={t(props.name)}>
        <h2>{t(props.name)}</h2>
        <Empty text={t("vibration.not_for_unit")} />
      </section>
    );
  }
  const end = (of.amplitude.length - 1) * of.df_hz;
  const window = windowOf(query[props.zoomKey], Math.min(end, props.top), view);
  const shaftLines: VLine[] = props.shaft
    ? [1, 2, 3].map((k) => ({ x: (k * props.shaft!) / view.unit, kind: "shaft" as const, text: k === 1 ? "1×" : "" }))
    : [];
  return (
    <section class="panel" aria-labelledby={`${props.zoomKey}-title`}>
      <ChartTitle id={`${props.zoomKey}-title`} name={props.name} zoomKey={props.zoomKey} />
      <LineChart
        y={of.amplitude}
        step={of.df_hz / view.unit}
        window={window}
        xLabel={view.xLabel}
        yLabel={`${of.unit} RMS`}
        log={view.log}
        lines={[...shaftLines, ...cursorLines(view, window[1])]}
        label={`${t(props.name)}, ${of.unit} RMS`}
        height={200}
        testid={`${props.zoomKey}-chart`}
        sync="hz"
        onPick={pick(view)}
        onZoom={zoom(props.zoomKey, view)}
        onReset={() => setQuery({ [props.zoomKey]: null })}
      />
      <PeakTable y={of.amplitude} df={of.df_hz} window={window} view={view} shaft={props.shaft} unit={`${of.unit} RMS`} />
    </section>
  );
}

/** The highest peaks of the window, for those who do not see the canvas or want the numbers. */
function PeakTable(props: {
  y: number[];
  df: number;
  window: [number, number];
  view: View;
  shaft: number | null | undefined;
  unit: string;
}) {
  const [from, to] = [props.window[0] * props.view.unit, props.window[1] * props.view.unit];
  const found = useMemo(() => peaks(props.y, props.df, from, to, 12), [props.y, props.df, from, to]);
  return (
    <details class="as-table">
      <summary>{t("vibration.peaks")}</summary>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col" class="n">Hz</th>
            <th scope="col" class="n">{t("vibration.order")}</th>
            <th scope="col" class="n">{props.unit}</th>
          </tr>
        </thead>
        <tbody>
          {found.map((p) => (
            <tr key={p.index}>
              <td class="n">
                <button type="button" class="link" onClick={() => setQuery({ hz: p.hz.toPrecision(7) })}>
                  {num(p.hz, 5)}
                </button>
              </td>
              <td class="n">{props.shaft ? num(p.hz / props.shaft, 4) : "–"}</td>
              <td class="n">{num(p.value, 4)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function WaveformChart({ w }: { w: WaveformDetail }) {
  const samples = useResource<Float32Array>(`samples ${w.id}`, async (signal) => {
    const answer = await request(`waveforms/${segments(w.id)}/samples`, { signal });
    return new Float32Array(await answer.arrayBuffer());
  });
  return (
    <section class="panel" aria-labelledby="waveform-title">
      <ChartTitle id="waveform-title" name="vibration.waveform" zoomKey="time" />
      <Guarded of={samples} every={Infinity}>
        {(v) => <Samples w={w} v={v} />}
      </Guarded>
    </section>
  );
}

function Samples({ w, v }: { w: WaveformDetail; v: Float32Array }) {
  const { query } = useRoute();
  const [hover, setHover] = useState<number | null>(null);
  const f = useMemo(() => figures(v), [v]);
  const window = parseWindow(query["time"]) ?? ([0, v.length / w.fs] as [number, number]);
  return (
    <>
      <LineChart
        y={v}
        step={1 / w.fs}
        window={window}
        xLabel="s"
        yLabel={w.unit}
        lines={[]}
        label={`${t("vibration.waveform")}, ${w.unit}`}
        height={170}
        testid="waveform-chart"
        onZoom={(a, b) => setQuery({ time: `${Math.max(0, a).toFixed(5)}-${b.toFixed(5)}` })}
        onReset={() => setQuery({ time: null })}
        onHover={setHover}
      />
      <p class="readout">
        {hover !== null && v[hover] !== undefined
          ? `${num(hover / w.fs, 6)} s · ${quantity(v[hover], w.unit, 4)}`
          : t("vibration.figures", {
              rms: quantity(f.rms, w.unit, 4),
              peak: quantity(f.peak, w.unit, 4),
              crest: num(f.crest),
              mean: quantity(f.mean, w.unit, 3),
              min: num(f.min, 4),
              max: num(f.max, 4),
            })}
      </p>
    </>
  );
}
