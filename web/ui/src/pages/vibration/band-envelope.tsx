import { useMemo } from "preact/hooks";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import { powerLevels } from "../../lib/quantity";
import { setQuery, useRoute } from "../../lib/router";
import { firstView } from "../../lib/spectrum";
import { LineChart } from "../../parts/line-chart";
import { Answered, useAnalysis } from "./asking";
import { ChartPanel, places } from "./chart-panel";
import { faultLines } from "./lines";
import { frequencyCursors } from "./moving";
import { axisLabel } from "./names";
import { PeakTable } from "./peak-table";
import type { Subject } from "./record";
import { windowOf } from "./spectra";
import { frequencyAxis, pickCursor, unzoom, zoom } from "./state";

/** The spectrum of the squared envelope of the band that was drawn in a map. */
export function BandEnvelope({ subject }: { subject: Subject }) {
  const { w, s, b } = subject;
  const { query } = useRoute();
  const nyquist = w.fs / 2;
  const band = b.band && ([Math.max(0, b.band[0]), Math.min(nyquist, b.band[1])] as const);
  const good = band && band[0] < band[1];
  const answer = useAnalysis(w.id, good ? "envelope" : null, good ? { low_hz: band[0], high_hz: band[1] } : {});
  const { axis, hz } = frequencyAxis(b, s.shaft_hz);
  const shown = useMemo(() => subject.groups.filter((g) => subject.drawn.has(g.key)), [subject.groups, subject.drawn]);
  const lines = useMemo(() => faultLines(s, shown, b.slip, hz), [s, shown, b.slip, hz]);
  const moving = useMemo(() => frequencyCursors(b, hz), [b, hz]);
  const curve = answer.data?.curves[0];
  const y = useMemo(() => (curve ? (b.y === "db" ? powerLevels(curve.values) : curve.values) : []), [curve, b.y]);
  if (!good) return <p class="muted">{t("bench.no_band")}</p>;
  return (
    <ChartPanel
      id="band-envelope"
      title={t("bench.band_envelope", { low: num(band[0], 5), high: num(band[1], 5) })}
      zoomKey="envelope"
      file={subject.file}
      tools={
        <button type="button" class="quiet" onClick={() => setQuery({ band: null })}>
          {t("bench.clear_band")}
        </button>
      }
      {...(curve ? { seen: { head: [`frequency (${axisLabel(axis)})`, curve.unit], columns: () => [places(y.length, curve.dx / hz, curve.x0 / hz), y] } } : {})}
    >
      <Answered of={answer}>
        {() => {
          if (!curve) return null;
          const end = curve.x0 + (curve.values.length - 1) * curve.dx;
          const window = windowOf(query["envelope"], firstView((s.hypotheses.length > 0 ? shown : subject.groups).flatMap((g) => g.lines), s.shaft_hz, end), hz);
          return (
            <>
              <LineChart
                y={y}
                x0={curve.x0 / hz}
                step={curve.dx / hz}
                window={window}
                xLabel={axisLabel(axis)}
                yLabel={b.y === "db" ? "dB" : curve.unit}
                scale={b.y}
                lines={lines}
                moving={moving}
                label={t("bench.band_envelope", { low: num(band[0], 5), high: num(band[1], 5) })}
                height={250}
                testid="band-envelope-chart"
                sync="hz"
                onPick={(x) => pickCursor("envelope", { hz: x * hz })}
                onZoom={(from, to) => zoom("envelope", Math.max(0, from * hz), to * hz)}
                onReset={() => unzoom("envelope")}
              />
              <PeakTable y={y} df={curve.dx} x0={curve.x0} window={[window[0] * hz, window[1] * hz]} shaft={s.shaft_hz} groups={subject.groups} unit={curve.unit} />
            </>
          );
        }}
      </Answered>
    </ChartPanel>
  );
}
