import { useMemo } from "preact/hooks";
import type { RunUpResponse } from "../../api/types";
import { t } from "../../i18n";
import { num, quantity } from "../../lib/format";
import { FORMS, quantityOf } from "../../lib/quantity";
import { largest, nearest, responses, type Shown } from "../../lib/response";
import { setQuery, useRoute } from "../../lib/router";
import { PathChart } from "../../parts/path-chart";
import { PolarChart } from "../../parts/polar-chart";
import { Answered, useAnalysis } from "./asking";
import { ChartPanel } from "./chart-panel";
import type { Subject } from "./record";
import { TachoChoice } from "./reference";
import { otherPoints, useTogether } from "./together";

/** Rows of the table beside the pictures. */
const ROWS = 40;

/** A run-up or coast-down: amplitude and phase at once per turn over the speed (Bode), and around the shaft (polar). */
export function RunUpView({ subject }: { subject: Subject }) {
  const { query } = useRoute();
  const others = otherPoints(subject);
  // What is no vibration is a tacho, as far as one can tell without being told.
  const chosen = query["tacho"] ?? others.find((p) => p.unit && !quantityOf(p.unit))?.name;
  const tacho = useTogether(subject, chosen);
  const answer = useAnalysis(subject.w.id, tacho.id ? "run_up" : null, { tacho: tacho.id, pulses: query["pulses"] });
  return (
    <>
      <div class="toolbar controls" role="group" aria-label={t("bench.reference")}>
        <TachoChoice subject={subject} chosen={chosen} without={t("bench.choose")} />
      </div>
      {!chosen ? (
        <p class="state empty">{t(others.length === 0 ? "bench.no_tacho_point" : "bench.choose_tacho")}</p>
      ) : tacho.known && !tacho.id ? (
        <p class="state empty">{t("bench.no_record_together")}</p>
      ) : (
        <Answered of={answer}>{(a) => <Drawn subject={subject} of={a.responses ?? []} />}</Answered>
      )}
    </>
  );
}

function Drawn({ subject, of }: { subject: Subject; of: RunUpResponse[] }) {
  const { b, file } = subject;
  const { query } = useRoute();
  const shown = useMemo(() => responses(of, b.quantity, b.detector), [of, b.quantity, b.detector]);
  const at = nearest(shown, Number(query["rpm"]) || undefined) ?? largest(shown);
  const unit = `${FORMS[b.quantity].unit} ${b.detector === "rms" ? "RMS" : t(b.detector === "peak" ? "bench.peak" : "bench.peak_peak")}`;
  const amplitude = useMemo(() => shown.map((r): [number, number] => [r.rpm, r.amplitude]), [shown]);
  const lag = useMemo(() => shown.map((r): [number, number] => [r.rpm, r.lag]), [shown]);
  const polar = useMemo(() => shown.map((r) => ({ r: r.amplitude, deg: r.lag, name: num(r.rpm, 4) })), [shown]);
  const to = (r: Shown | undefined) => r && setQuery({ rpm: Number(r.rpm.toFixed(1)) });
  const pick = (rpm: number) => to(nearest(shown, rpm));
  const seen = { head: ["speed (r/min)", unit, "phase lag (deg)"], columns: () => [shown.map((r) => r.rpm), shown.map((r) => r.amplitude), shown.map((r) => r.lag)] };
  if (shown.length === 0) return <p class="state empty">{t("bench.too_slow")}</p>;
  return (
    <div class="two">
      <ChartPanel id="bode" title={t("bench.bode")} about={t("bench.once_per_turn")} file={file} seen={seen}>
        <PathChart points={amplitude} mark={at && [at.rpm, at.amplitude]} xLabel="r/min" yLabel={unit} fromZero label={t("bench.bode_label")} height={200} testid="bode-amplitude" onPick={pick} />
        <PathChart points={lag} mark={at && [at.rpm, at.lag]} xLabel="r/min" yLabel={t("bench.lag")} every={90} label={t("bench.bode_label")} height={190} testid="bode-lag" onPick={pick} />
        {at && (
          <p class="readout" data-testid="run-up-at">
            {t("bench.run_up_at", { rpm: quantity(at.rpm, "r/min", 5), amplitude: quantity(at.amplitude, unit, 4), lag: num(((at.lag % 360) + 360) % 360, 4) })}
          </p>
        )}
        <Table shown={shown} unit={unit} />
      </ChartPanel>
      <ChartPanel id="polar" title={t("bench.polar")} about={t("bench.polar_about")} file={file}>
        <PolarChart points={polar} mark={at && { r: at.amplitude, deg: at.lag }} unit={unit} label={t("bench.bode_label")} testid="polar" onPick={(i) => to(shown[i])} />
      </ChartPanel>
    </div>
  );
}

function Table({ shown, unit }: { shown: Shown[]; unit: string }) {
  const every = Math.max(1, Math.ceil(shown.length / ROWS));
  return (
    <details class="as-table">
      <summary>{t("bench.as_table")}</summary>
      <table class="terms">
        <thead>
          <tr>
            <th scope="col" class="n">r/min</th>
            <th scope="col" class="n">{unit}</th>
            <th scope="col" class="n">{t("bench.lag")}</th>
          </tr>
        </thead>
        <tbody>
          {shown
            .filter((_, i) => i % every === 0)
            .map((r, i) => (
              <tr key={i}>
                <td class="n">{num(r.rpm, 5)}</td>
                <td class="n">{num(r.amplitude, 4)}</td>
                <td class="n">{num(((r.lag % 360) + 360) % 360, 4)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  );
}
