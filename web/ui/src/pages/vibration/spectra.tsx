import { useMemo } from "preact/hooks";
import { t } from "../../i18n";
import { firstView, onGrid, parseWindow } from "../../lib/spectrum";
import { converted, FORMS, levels, powerLevels, quantityOf, type Quantity } from "../../lib/quantity";
import { useRoute } from "../../lib/router";
import { LineChart } from "../../parts/line-chart";
import { Empty } from "../../parts/states";
import { whyText } from "../../parts/diagnosis";
import { useAnalysis, Refused } from "./asking";
import { ChartPanel, places } from "./chart-panel";
import { FaultTable } from "./fault-table";
import { faultLines, shaftLines } from "./lines";
import { frequencyCursors } from "./moving";
import { axisLabel } from "./names";
import { PeakTable } from "./peak-table";
import type { Subject } from "./record";
import { frequencyAxis, pickCursor, unzoom, zoom, type ZoomKey } from "./state";
import { WaveformPanel } from "./waveform";

/** The bench's first view: waveform, spectra and envelope of one record under one cursor. */
export function SpectraView({ subject }: { subject: Subject }) {
  return (
    <>
      <EnvelopeChart subject={subject} />
      <div class="two">
        <SpectrumChart subject={subject} zoomKey="spectrum" />
        <SpectrumChart subject={subject} zoomKey="velocity" />
      </div>
      <WaveformPanel subject={subject} height={190} />
    </>
  );
}

/** The window of a chart in its own axis: as the link says (in Hz), else up to `first`. */
export function windowOf(text: string | undefined, first: number, unitHz: number): [number, number] {
  const [a, b] = parseWindow(text) ?? [0, first];
  return [a / unitHz, b / unitHz];
}

const picked = (key: ZoomKey, unitHz: number) => (x: number) => pickCursor(key, { hz: x * unitHz });

function EnvelopeChart({ subject }: { subject: Subject }) {
  const { s, b, groups, drawn } = subject;
  const { query } = useRoute();
  const { ratio, df_hz, by_turn } = s.envelope;
  // What was judged by the angle of the shaft has orders and no frequencies.
  const { axis, hz } = frequencyAxis(by_turn ? { ...b, x: "order" } : b, s.shaft_hz);
  const shown = useMemo(() => groups.filter((g) => drawn.has(g.key)), [groups, drawn]);
  const lines = useMemo(() => faultLines(s, shown, b.slip, hz), [s, shown, b.slip, hz]);
  const moving = useMemo(() => frequencyCursors(b, hz), [b, hz]);
  const db = b.y === "db";
  const y = useMemo(() => (db ? powerLevels(ratio) : ratio), [ratio, db]);
  const beneath = useBeneath(subject, "envelope", ratio.length, df_hz / hz);
  if (ratio.length === 0) {
    return (
      <section class="panel" aria-label={t("vibration.envelope")}>
        <h2>{t("vibration.envelope")}</h2>
        <Refused codes={s.refused} />
      </section>
    );
  }
  // Without a verdict nothing is drawn by itself: then all that could be is in view.
  const first = firstView((s.hypotheses.length > 0 ? shown : groups).flatMap((g) => g.lines), s.shaft_hz, ratio.length * df_hz);
  const window = windowOf(query["envelope"], first, hz);
  return (
    <ChartPanel
      id="envelope"
      title={t("vibration.envelope")}
      about={t("vibration.envelope_about")}
      zoomKey="envelope"
      file={subject.file}
      seen={{ head: [`frequency (${axisLabel(axis)})`, db ? "power over floor (dB)" : "power over floor"], columns: () => [places(y.length, df_hz / hz), y] }}
    >
      <div class="with-lines">
        <LineChart
          y={y}
          step={df_hz / hz}
          beneath={beneath}
          window={window}
          xLabel={axisLabel(axis)}
          yLabel={db ? "dB" : t("vibration.ratio")}
          scale={b.y}
          floor={db ? 0 : 1}
          lines={lines}
          moving={moving}
          label={t("vibration.envelope_label")}
          height={250}
          testid="envelope-chart"
          sync="hz"
          onPick={picked("envelope", hz)}
          onZoom={(from, to) => zoom("envelope", Math.max(0, from * hz), to * hz)}
          onReset={() => unzoom("envelope")}
        />
        <FaultTable subject={subject} shown={shown} />
      </div>
      <PeakTable y={ratio} df={df_hz} window={[window[0] * hz, window[1] * hz]} shaft={s.shaft_hz} groups={groups} unit={t("vibration.ratio")} />
      {s.refused.length > 0 && <p class="muted">{t("bench.without_verdict", { codes: whyText(s.refused) })}</p>}
    </ChartPanel>
  );
}

/** The baseline's curve on the grid of the own one. In orders, each by its own speed. */
function useBeneath(subject: Subject, which: "envelope" | "spectrum" | "velocity", n: number, step: number, to?: Quantity): Float64Array | undefined {
  const { b, s, baseline } = subject;
  return useMemo(() => {
    if (!baseline) return undefined;
    const own = which === "envelope" ? { y: baseline.envelope.ratio, df: baseline.envelope.df_hz } : { y: baseline[which].amplitude, df: baseline[which].df_hz };
    if (own.y.length === 0 || !(own.df > 0)) return undefined;
    const { axis } = frequencyAxis(b, s.shaft_hz);
    const unit = frequencyAxis(b, axis === "order" ? (baseline.shaft_hz ?? s.shaft_hz) : s.shaft_hz).hz;
    const from = which === "envelope" ? undefined : quantityOf(baseline[which].unit);
    const y = from && to ? converted(own.y, own.df, from, to, b.detector) : own.y;
    const grid = onGrid(y, own.df / unit, n, step);
    if (b.y !== "db") return grid;
    return to ? levels(grid, to) : powerLevels(grid);
  }, [baseline, which, n, step, to, b, s]);
}

const TITLES = { spectrum: "vibration.spectrum", velocity: "vibration.velocity" } as const;
/** Up to where velocity is shown first, Hz: what severity is judged by. */
const VELOCITY_HZ = 1000;

function SpectrumChart({ subject, zoomKey }: { subject: Subject; zoomKey: "spectrum" | "velocity" }) {
  const { s, b, w } = subject;
  const { query } = useRoute();
  const whole = s[zoomKey];
  const from = quantityOf(whole.unit);
  const to: Quantity = zoomKey === "velocity" ? "mms" : from ? b.quantity : "ms2";
  const { axis, hz } = frequencyAxis(b, s.shaft_hz);
  const end = Math.max(0, whole.amplitude.length - 1) * whole.df_hz;
  const window = windowOf(query[zoomKey], zoomKey === "velocity" ? Math.min(end, VELOCITY_HZ) : end, hz);
  const close: [number, number] | null = zoomKey === "spectrum" && query["spectrum"] ? [window[0] * hz, window[1] * hz] : null;
  const fine = useFine(subject, w.id, close);
  const fineBase = useFine(subject, subject.baseline && b.baseline, close);
  const shown = fine ?? { y: whole.amplitude, df: whole.df_hz, x0: 0 };
  const y = useMemo(() => {
    if (!from) return shown.y;
    const amplitude = converted(shown.y, shown.df, from, to, b.detector, shown.x0);
    return b.y === "db" ? levels(amplitude, to) : amplitude;
  }, [shown.y, shown.df, shown.x0, from, to, b.detector, b.y]);
  const moving = useMemo(() => frequencyCursors(b, hz), [b, hz]);
  const lines = useMemo(() => shaftLines(subject, hz), [subject.groups, subject.drawn, s, hz]);
  const joined = useBeneath(subject, zoomKey, whole.amplitude.length, whole.df_hz / hz, to);
  const closeUp = useMemo(() => {
    if (!fine || !fineBase || !from) return undefined;
    const amplitude = converted(fineBase.y, fineBase.df, from, to, b.detector, fineBase.x0);
    // Both begin at the same frequency, but for less than a line.
    const grid = onGrid(amplitude, fineBase.df, fine.y.length, fine.df);
    return b.y === "db" ? levels(grid, to) : grid;
  }, [fine, fineBase, from, to, b.detector, b.y]);
  const beneath = fine ? closeUp : joined;
  const title = t(TITLES[zoomKey]);
  if (whole.amplitude.length === 0) {
    return (
      <section class="panel" aria-label={title}>
        <h2>{title}</h2>
        {s.refused.length > 0 ? <Refused codes={s.refused} /> : <Empty text={t("vibration.not_for_unit")} />}
      </section>
    );
  }
  const unit = b.y === "db" ? `dB re ${FORMS[to].re}` : FORMS[to].unit;
  const yLabel = `${unit} ${detectorName(b.detector)}`;
  return (
    <ChartPanel
      id={zoomKey}
      title={title}
      zoomKey={zoomKey}
      file={subject.file}
      about={fine ? t("bench.fine", { df: `${fine.df.toPrecision(3)} Hz` }) : undefined}
      seen={{ head: [`frequency (${axisLabel(axis)})`, yLabel], columns: () => [places(y.length, shown.df / hz, shown.x0 / hz), y] }}
    >
      <LineChart
        y={y}
        x0={shown.x0 / hz}
        step={shown.df / hz}
        beneath={beneath}
        window={window}
        xLabel={axisLabel(axis)}
        yLabel={yLabel}
        scale={b.y}
        lines={lines}
        moving={moving}
        label={`${title}, ${yLabel}`}
        height={210}
        testid={`${zoomKey}-chart`}
        sync="hz"
        onPick={picked(zoomKey, hz)}
        onZoom={(a, c) => zoom(zoomKey, Math.max(0, a * hz), Math.min(c * hz, w.fs / 2))}
        onReset={() => unzoom(zoomKey)}
      />
      <PeakTable y={y} df={shown.df} x0={shown.x0} window={[window[0] * hz, window[1] * hz]} shaft={s.shaft_hz} groups={subject.groups} unit={yLabel} />
    </ChartPanel>
  );
}

const detectorName = (d: "rms" | "peak" | "pp"): string => (d === "rms" ? "RMS" : d === "peak" ? t("bench.peak") : t("bench.peak_peak"));

/**
 * The spectrum of the window as fine as the record allows, where the whole one had to join lines to be short. Until it
 * has come, and where it is refused, the whole one is looked at more closely.
 */
function useFine(subject: Subject, id: string | undefined, window: [number, number] | null): { y: number[]; df: number; x0: number } | undefined {
  const { w, s } = subject;
  const joined = s.spectrum.df_hz * w.n > 1.5 * w.fs;
  const ask = id !== undefined && window && joined && window[1] - window[0] < 0.9 * (w.fs / 2) ? window : null;
  const to = (v: number) => Number(Math.min(v, w.fs / 2).toFixed(3));
  const answer = useAnalysis(id ?? w.id, ask && "zoom", ask ? { low_hz: to(ask[0]), high_hz: to(ask[1]) } : {});
  const curve = ask ? answer.data?.curves[0] : undefined;
  return useMemo(() => (curve && curve.values.length > 1 ? { y: curve.values, df: curve.dx, x0: curve.x0 } : undefined), [curve]);
}
