import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { num, quantity } from "../../lib/format";
import { FORMS, quantityOf } from "../../lib/quantity";
import { useRoute } from "../../lib/router";
import { figures, parseWindow } from "../../lib/spectrum";
import { LineChart } from "../../parts/line-chart";
import { Guarded } from "../../parts/states";
import { ChartPanel, places } from "./chart-panel";
import { timeCursors } from "./moving";
import type { Subject } from "./record";
import { active, moveCursor, unzoom, zoom } from "./state";

export function WaveformPanel({ subject, height }: { subject: Subject; height: number }) {
  const { w, b, samples } = subject;
  // Acceleration is shown in g or m/s²; other units, and what would have to be integrated, as they were measured.
  const own = quantityOf(w.unit);
  const shown = own && FORMS[own].order === 2 && FORMS[b.quantity].order === 2 ? b.quantity : undefined;
  const unit = shown ? FORMS[shown].unit : w.unit;
  const scale = shown && own ? FORMS[own].si / FORMS[shown].si : 1;
  const v = useMemo(() => (samples.data && scale !== 1 ? samples.data.map((x) => x * scale) : samples.data), [samples.data, scale]);
  return (
    <ChartPanel
      id="waveform"
      title={t("vibration.waveform")}
      zoomKey="time"
      file={subject.file}
      {...(v ? { seen: { head: ["time (s)", unit], columns: () => [places(v.length, 1 / w.fs), v] } } : {})}
    >
      <Guarded of={samples} every={Infinity}>
        {() => <Samples subject={subject} v={v!} unit={unit} height={height} />}
      </Guarded>
    </ChartPanel>
  );
}

function Samples({ subject: { w }, v, unit, height }: { subject: Subject; v: Float32Array; unit: string; height: number }) {
  const { query } = useRoute();
  const [hover, setHover] = useState<number | null>(null);
  const text = query["time"];
  const window = useMemo(() => parseWindow(text) ?? ([0, v.length / w.fs] as [number, number]), [text, v, w.fs]);
  const f = useMemo(() => figures(v, window[0] * w.fs, window[1] * w.fs), [v, window, w.fs]);
  const moving = useMemo(() => timeCursors(window), [window]);
  return (
    <>
      <LineChart
        y={v}
        step={1 / w.fs}
        window={window}
        xLabel="s"
        yLabel={unit}
        lines={NO_LINES}
        moving={moving}
        label={`${t("vibration.waveform")}, ${unit}`}
        height={height}
        testid="waveform-chart"
        onPick={(x) => (active.set("time"), moveCursor({ t: x }))}
        onZoom={(a, b) => zoom("time", Math.max(0, a), b)}
        onReset={() => unzoom("time")}
        onHover={setHover}
      />
      <p class="readout" data-testid="figures">
        {t("bench.figures", {
          span: quantity(Math.min(window[1], w.duration_s) - window[0], "s", 4),
          rms: quantity(f.rms, unit, 4),
          peak: quantity(f.peak, unit, 4),
          crest: num(f.crest),
          kurtosis: num(f.kurtosis),
          mean: quantity(f.mean, unit, 3),
          min: num(f.min, 4),
          max: num(f.max, 4),
        })}
        {hover !== null && v[hover] !== undefined && ` · ${num(hover / w.fs, 6)} s ${quantity(v[hover], unit, 4)}`}
      </p>
    </>
  );
}

const NO_LINES: never[] = [];
