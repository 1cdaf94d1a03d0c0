import { useMemo } from "preact/hooks";
import type { AnalysisMap } from "../../api/types";
import { t } from "../../i18n";
import { clock, clockShort, day, num } from "../../lib/format";
import { setQuery, useRoute } from "../../lib/router";
import { useStore } from "../../lib/store";
import { HeatMap } from "../../parts/heat-map";
import { Ridges } from "../../parts/ridges";
import { Answered, useWaterfall } from "./asking";
import { ChartPanel } from "./chart-panel";
import type { Subject } from "./record";
import { mapSeen, SummitTable } from "./spectrogram";
import { cursor, moveCursor } from "./state";

const ROWS = [20, 40, 80, 128];
const SPANS_HZ = [200, 500, 1000, 2000, 5000, 10_000];

/** The spectra of a point's records, a row each, over time or speed. */
export function WaterfallView({ subject }: { subject: Subject }) {
  const { query } = useRoute();
  const nyquist = subject.w.fs / 2;
  const rows = ROWS.find((n) => String(n) === query["rows"]) ?? 40;
  const spans = [...SPANS_HZ.filter((hz) => hz < nyquist), nyquist];
  const to = spans.find((hz) => String(hz) === query["wf_to"]) ?? Math.min(1000, nyquist);
  const speed = query["over"] === "speed";
  const answer = useWaterfall(subject.point, { to_hz: to, limit: rows, by: speed ? "speed" : null });
  return (
    <>
      <div class="toolbar controls" role="group" aria-label={t("bench.waterfall")}>
        <span class="segmented" role="group" aria-label={t("bench.over")}>
          <button type="button" aria-pressed={!speed} onClick={() => setQuery({ over: null })}>
            {t("bench.over_time")}
          </button>
          <button type="button" aria-pressed={speed} onClick={() => setQuery({ over: "speed" })}>
            {t("bench.over_speed")}
          </button>
        </span>
        <label>
          {t("vibration.records")}{" "}
          <select value={rows} onChange={(e) => setQuery({ rows: e.currentTarget.value })}>
            {ROWS.map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("bench.to_hz")}{" "}
          <select value={to} onChange={(e) => setQuery({ wf_to: e.currentTarget.value })}>
            {spans.map((hz) => (
              <option key={hz} value={hz}>
                {num(hz, 6)}
              </option>
            ))}
          </select>
        </label>
        <span class="segmented" role="group" aria-label={t("bench.drawn_as")}>
          <button type="button" aria-pressed={query["as"] !== "lines"} onClick={() => setQuery({ as: null })}>
            {t("bench.as_colours")}
          </button>
          <button type="button" aria-pressed={query["as"] === "lines"} onClick={() => setQuery({ as: "lines" })}>
            {t("bench.as_lines")}
          </button>
        </span>
      </div>
      <Answered of={answer}>
        {(a) => a.map && <Rows subject={subject} map={a.map} lines={query["as"] === "lines"} speed={speed} />}
      </Answered>
    </>
  );
}

function Rows({ subject, map, lines, speed }: { subject: Subject; map: AnalysisMap; lines: boolean; speed: boolean }) {
  const { hz } = useStore(cursor);
  // Rows are records and not steps: they stand at 0, 1, 2 …, with their names beside them.
  const field = useMemo(() => ({ ...map, y0: 0, dy: 1 }), [map]);
  const name = (row: number): string => {
    const r = map.records[row];
    if (!r) return "";
    if (speed) return num(r.rpm, 5);
    return day(r.t0) === day(map.records.at(-1)!.t0) && day(r.t0) === day(map.records[0]!.t0) ? clock(r.t0) : `${day(r.t0)} ${clockShort(r.t0)}`;
  };
  const pick = (x: number, row: number) => {
    moveCursor({ hz: Math.max(map.dx, x) });
    const r = map.records[Math.round(row)];
    if (r) setQuery({ wf: r.id });
  };
  const shared = { field, xLabel: "Hz", valueLabel: map.unit, height: 420, label: t("bench.map_label", { name: t("bench.waterfall") }), rowName: name };
  return (
    <ChartPanel id="waterfall" title={t("bench.waterfall")} about={t("bench.pick_record")} file={subject.file} seen={mapSeen(map)}>
      {lines ? (
        <Ridges {...shared} cursor={hz} testid="waterfall-lines" onPick={pick} />
      ) : (
        <HeatMap {...shared} yLabel={speed ? "r/min" : t("bench.time")} testid="waterfall-map" marks={hz !== undefined ? [{ x: hz }] : []} onPick={pick} />
      )}
      <SummitTable map={field} head={["Hz", speed ? "r/min" : t("bench.time"), map.unit]} row={(c) => [num(map.x0 + c.column * map.dx, 5), name(c.row)]} />
    </ChartPanel>
  );
}
