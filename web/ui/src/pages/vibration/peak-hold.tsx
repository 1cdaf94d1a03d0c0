import { useMemo } from "preact/hooks";
import type { AnalysisCurve } from "../../api/types";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import { FORMS, levels, quantityOf } from "../../lib/quantity";
import { setQuery, useRoute } from "../../lib/router";
import { firstView } from "../../lib/spectrum";
import { LineChart } from "../../parts/line-chart";
import { Answered, useAnalysis } from "./asking";
import { useBaseCurve } from "./baseline";
import { ChartPanel, places } from "./chart-panel";
import { CurvePanel } from "./curves";
import { faultLines } from "./lines";
import { frequencyCursors } from "./moving";
import { axisLabel } from "./names";
import { PeakTable } from "./peak-table";
import type { Subject } from "./record";
import { windowOf } from "./spectra";
import { frequencyAxis, pickCursor, unzoom, zoom } from "./state";

const CORNERS_HZ = [500, 1000, 2000, 5000, 10_000];
/** A corner has to lie below this part of the sampling rate. */
const CORNER_PART = 0.4;

/** The true peak-hold: the largest value of each short stretch above a corner, over time and as a spectrum. */
export function PeakHoldView({ subject }: { subject: Subject }) {
  const { query } = useRoute();
  const { w } = subject;
  const corners = CORNERS_HZ.filter((hz) => hz < CORNER_PART * w.fs);
  const corner = corners.find((hz) => String(hz) === query["corner"]) ?? null;
  const answer = useAnalysis(w.id, "peak_hold", { corner_hz: corner });
  const used = answer.data?.facts["corner_hz"];
  return (
    <>
      <div class="toolbar controls">
        <label>
          {t("bench.corner")}{" "}
          <select value={corner ?? ""} onChange={(e) => setQuery({ corner: e.currentTarget.value })}>
            <option value="">{used === undefined ? t("bench.corner_usual") : `${t("bench.corner_usual")} (${num(used, 5)})`}</option>
            {corners.map((hz) => (
              <option key={hz} value={hz}>
                {num(hz, 5)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Answered of={answer}>
        {(a) => {
          const [wave, spectrum] = [a.curves.find((c) => c.name === "wave"), a.curves.find((c) => c.name === "spectrum")];
          return (
            <>
              {spectrum && <Held subject={subject} curve={spectrum} corner={corner} />}
              {wave && <HeldWave subject={subject} curve={wave} corner={corner} />}
            </>
          );
        }}
      </Answered>
    </>
  );
}

type Of = { subject: Subject; curve: AnalysisCurve; corner: number | null };

/** m/s² or g: a held peak has no one frequency to integrate at. */
function useUnit({ subject: { b }, curve }: Of) {
  const q = quantityOf(curve.unit) ?? "ms2";
  const to = FORMS[b.quantity].order === FORMS[q].order ? b.quantity : q;
  return { to, scale: FORMS[q].si / FORMS[to].si, unit: `${FORMS[to].unit} ${t("bench.peak")}` };
}

function HeldWave(props: Of) {
  const { subject, curve, corner } = props;
  const { scale, unit } = useUnit(props);
  const y = useMemo(() => curve.values.map((v) => v * scale), [curve, scale]);
  const base = useBaseCurve(subject, "peak_hold", curve, { corner_hz: corner });
  const beneath = useMemo(() => base?.map((v) => v && v * scale), [base, scale]);
  return <CurvePanel subject={subject} id="held-wave" title={t("bench.peak_hold")} curve={curve} y={y} beneath={beneath} xName="s" yLabel={unit} height={190} zoomKey="held_time" />;
}

function Held(props: Of) {
  const { subject, curve, corner } = props;
  const { s, b, groups, drawn } = subject;
  const { query } = useRoute();
  const { axis, hz } = frequencyAxis(b, s.shaft_hz);
  const { to, scale, unit } = useUnit(props);
  const drawnAs = (v: ArrayLike<number>) => (b.y === "db" ? levels(v, to) : v);
  const y = useMemo(() => drawnAs(curve.values.map((v) => v * scale)), [curve, scale, b.y, to]);
  const base = useBaseCurve(subject, "peak_hold", curve, { corner_hz: corner });
  const beneath = useMemo(() => base && drawnAs(base.map((v) => (v ?? 0) * scale)), [base, scale, b.y, to]);
  const shown = useMemo(() => groups.filter((g) => drawn.has(g.key)), [groups, drawn]);
  const lines = useMemo(() => faultLines(s, shown, b.slip, hz), [s, shown, b.slip, hz]);
  const moving = useMemo(() => frequencyCursors(b, hz), [b, hz]);
  const end = curve.x0 + (curve.values.length - 1) * curve.dx;
  const first = firstView((s.hypotheses.length > 0 ? shown : groups).flatMap((g) => g.lines), s.shaft_hz, end);
  const window = windowOf(query["held"], first, hz);
  const yLabel = b.y === "db" ? `dB re ${FORMS[to].re}` : unit;
  return (
    <ChartPanel
      id="held"
      title={t("bench.peak_hold_spectrum")}
      about={t("bench.peak_hold_about")}
      zoomKey="held"
      file={subject.file}
      seen={{ head: [`frequency (${axisLabel(axis)})`, yLabel], columns: () => [places(y.length, curve.dx / hz, curve.x0 / hz), y] }}
    >
      <LineChart
        y={y}
        x0={curve.x0 / hz}
        step={curve.dx / hz}
        beneath={beneath}
        window={window}
        xLabel={axisLabel(axis)}
        yLabel={yLabel}
        scale={b.y}
        lines={lines}
        moving={moving}
        label={`${t("bench.peak_hold_spectrum")}, ${yLabel}`}
        height={280}
        testid="held-chart"
        sync="hz"
        onPick={(x) => pickCursor("held", { hz: x * hz })}
        onZoom={(from, till) => zoom("held", Math.max(0, from * hz), till * hz)}
        onReset={() => unzoom("held")}
      />
      <PeakTable y={y} df={curve.dx} x0={curve.x0} window={[window[0] * hz, window[1] * hz]} shaft={s.shaft_hz} groups={groups} unit={yLabel} />
    </ChartPanel>
  );
}
