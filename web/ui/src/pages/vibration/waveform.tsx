import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { aligned, type Even } from "../../lib/aligned";
import { num, quantity } from "../../lib/format";
import { FORMS, quantityOf } from "../../lib/quantity";
import { useRoute } from "../../lib/router";
import { figures, parseWindow } from "../../lib/spectrum";
import { LineChart } from "../../parts/line-chart";
import { Guarded } from "../../parts/states";
import { Answered, useAnalysis } from "./asking";
import { useBaseCurve, useBaseSamples } from "./baseline";
import { ChartPanel, places } from "./chart-panel";
import { timeCursors } from "./moving";
import type { Subject } from "./record";
import { pickCursor, unzoom, zoom } from "./state";

/** Values over time as they are drawn. */
interface Wave {
  v: ArrayLike<number>;
  /** s. */
  x0: number;
  step: number;
  unit: string;
  /** Whether a value stands for several: then only their extremes are true. */
  joined: boolean;
  /** The baseline at the same places. */
  beneath?: (number | null)[] | undefined;
}

/** The waveform: as it was measured, in g or m/s², or integrated by the server to mm/s or µm. */
export function WaveformPanel({ subject, height }: { subject: Subject; height: number }) {
  const { w, b, samples } = subject;
  const own = quantityOf(w.unit);
  const acceleration = own !== undefined && FORMS[own].order === 2;
  const same = acceleration && FORMS[b.quantity].order === 2;
  const kind = acceleration && !same ? (FORMS[b.quantity].order === 1 ? "velocity" : "displacement") : null;
  const answer = useAnalysis(w.id, kind);
  const curve = kind ? answer.data?.curves[0] : undefined;
  const base = useBaseSamples(subject, !kind);
  const baseCurve = useBaseCurve(subject, kind ?? "velocity", curve);
  const wave = useMemo((): Wave | undefined => {
    if (kind) {
      return curve && { v: curve.values, x0: curve.x0, step: curve.dx, unit: curve.unit, joined: curve.dx * w.fs > 1.5, beneath: baseCurve };
    }
    if (!samples.data) return undefined;
    const scale = same ? FORMS[own!].si / FORMS[b.quantity].si : 1;
    const v = scale === 1 ? samples.data : samples.data.map((x) => x * scale);
    const unit = same ? FORMS[b.quantity].unit : w.unit;
    return { v, x0: 0, step: 1 / w.fs, unit, joined: false, beneath: beneathOf(base, v.length, 1 / w.fs, unit) };
  }, [kind, curve, baseCurve, base, samples.data, same, own, b.quantity, w]);
  return (
    <ChartPanel
      id="waveform"
      title={t("vibration.waveform")}
      zoomKey="time"
      file={subject.file}
      {...(wave ? { seen: { head: ["time (s)", wave.unit], columns: () => [places(wave.v.length, wave.step, wave.x0), wave.v] } } : {})}
    >
      {kind ? (
        <Answered of={answer}>{() => wave && <Drawn wave={wave} end={w.duration_s} height={height} />}</Answered>
      ) : (
        <Guarded of={samples} every={Infinity}>
          {() => wave && <Drawn wave={wave} end={w.duration_s} height={height} />}
        </Guarded>
      )}
    </ChartPanel>
  );
}

/** The baseline's samples at the places of the own ones, in `unit`; nothing where it measured something else. */
function beneathOf(base: (Even & { unit: string }) | undefined, n: number, step: number, unit: string): (number | null)[] | undefined {
  if (!base) return undefined;
  const [from, to] = [quantityOf(base.unit), quantityOf(unit)];
  if (base.unit !== unit && !(from && to && FORMS[from].order === FORMS[to].order)) return undefined;
  const scale = from && to ? FORMS[from].si / FORMS[to].si : 1;
  const found = aligned(base, { x0: 0, step, n });
  return scale === 1 ? found : found.map((v) => v && v * scale);
}

function Drawn({ wave, end, height }: { wave: Wave; end: number; height: number }) {
  const { v, x0, step, unit } = wave;
  const { query } = useRoute();
  const [hover, setHover] = useState<number | null>(null);
  const text = query["time"];
  const window = useMemo(() => parseWindow(text) ?? ([0, end] as [number, number]), [text, end]);
  const f = useMemo(() => figures(v, (window[0] - x0) / step, (window[1] - x0) / step), [v, window, x0, step]);
  const moving = useMemo(() => timeCursors(window), [window]);
  const told = {
    span: quantity(Math.min(window[1], end) - window[0], "s", 4),
    rms: quantity(f.rms, unit, 4),
    peak: quantity(f.peak, unit, 4),
    crest: num(f.crest),
    kurtosis: num(f.kurtosis),
    mean: quantity(f.mean, unit, 3),
    min: num(f.min, 4),
    max: num(f.max, 4),
  };
  return (
    <>
      <LineChart
        y={v}
        x0={x0}
        step={step}
        beneath={wave.beneath}
        window={window}
        xLabel="s"
        yLabel={unit}
        lines={NO_LINES}
        moving={moving}
        label={`${t("vibration.waveform")}, ${unit}`}
        height={height}
        testid="waveform-chart"
        onPick={(x) => pickCursor("time", { t: x })}
        onZoom={(a, b) => zoom("time", Math.max(0, a), b)}
        onReset={() => unzoom("time")}
        onHover={setHover}
      />
      <p class="readout" data-testid="figures">
        {wave.joined
          ? t("bench.extremes", { span: told.span, min: told.min, max: quantity(f.max, unit, 4) })
          : t("bench.figures", told)}
        {hover !== null && v[hover] !== undefined && ` · ${num(x0 + hover * step, 6)} s ${quantity(v[hover], unit, 4)}`}
      </p>
    </>
  );
}

const NO_LINES: never[] = [];
