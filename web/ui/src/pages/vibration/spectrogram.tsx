import { useMemo } from "preact/hooks";
import type { AnalysisMap } from "../../api/types";
import { t } from "../../i18n";
import { num } from "../../lib/format";
import { reach, summits, type Field } from "../../lib/heat";
import { setQuery } from "../../lib/router";
import { useStore } from "../../lib/store";
import { HeatMap } from "../../parts/heat-map";
import { Answered, useAnalysis } from "./asking";
import { ChartPanel } from "./chart-panel";
import { BandEnvelope } from "./band-envelope";
import type { Subject } from "./record";
import { cursor, moveCursor } from "./state";

/** Decibels that are told apart below the highest. */
const DEPTH_DB = 70;
const SUMMITS = 12;

/** Level over time and frequency; a region that is drawn is the band whose envelope is looked at. */
export function Spectrogram({ subject }: { subject: Subject }) {
  const answer = useAnalysis(subject.w.id, "spectrogram");
  return (
    <>
      <Answered of={answer}>{(a) => a.map && <SpectrogramMap subject={subject} map={a.map} />}</Answered>
      <BandEnvelope subject={subject} />
    </>
  );
}

function SpectrogramMap({ subject, map }: { subject: Subject; map: AnalysisMap }) {
  const { hz, t: at } = useStore(cursor);
  const { b, file } = subject;
  const range = useMemo((): [number, number] => {
    const [low, high] = reach(map.values);
    return [Math.max(low, high - DEPTH_DB), high];
  }, [map]);
  const end = map.y0 + map.rows * map.dy;
  return (
    <ChartPanel id="spectrogram" title={t("bench.spectrogram")} about={t("bench.drag_band")} file={file} seen={mapSeen(map)}>
      <HeatMap
        field={map}
        xLabel="s"
        yLabel="Hz"
        valueLabel={map.unit}
        label={t("bench.map_label", { name: t("bench.spectrogram") })}
        height={380}
        testid="spectrogram-map"
        range={range}
        marks={[...(hz !== undefined ? [{ y: hz }] : []), ...(at !== undefined ? [{ x: at }] : [])]}
        region={b.band && [[map.x0, b.band[0]], [map.x0 + (map.columns - 1) * map.dx, b.band[1]]]}
        onPick={(x, y) => moveCursor({ t: Math.max(x, 1e-9), hz: Math.max(y, map.dy) })}
        onRegion={(_, y) => setQuery({ band: bandText(Math.max(0, y[0]), Math.min(end, y[1])) })}
      />
      <SummitTable map={map} head={["s", "Hz", map.unit]} row={(c) => [num(map.x0 + c.column * map.dx, 4), num(map.y0 + c.row * map.dy, 5)]} />
    </ChartPanel>
  );
}

export const bandText = (low: number, high: number): string => `${Number(low.toFixed(1))}~${Number(high.toFixed(1))}`;

/** The highest cells of a map in numbers. */
export function SummitTable(props: { map: Field; head: string[]; row: (c: { column: number; row: number }) => string[] }) {
  const found = useMemo(() => summits(props.map, SUMMITS), [props.map]);
  return (
    <details class="as-table">
      <summary>{t("bench.highest_cells")}</summary>
      <table class="terms">
        <thead>
          <tr>
            {props.head.map((h) => (
              <th key={h} scope="col" class="n">
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.map((c) => (
            <tr key={`${c.column}.${c.row}`}>
              {[...props.row(c), num(c.value, 4)].map((text, i) => (
                <td key={i} class="n">
                  {text}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** A map as a table of three columns, cell by cell. */
export function mapSeen(map: AnalysisMap): { head: string[]; columns: () => ArrayLike<number>[] } {
  const n = map.rows * map.columns;
  return {
    head: [map.x_unit, map.y_unit || "row", map.unit],
    columns: () => [
      Float64Array.from({ length: n }, (_, i) => map.x0 + (i % map.columns) * map.dx),
      Float64Array.from({ length: n }, (_, i) => map.y0 + Math.floor(i / map.columns) * map.dy),
      map.values,
    ],
  };
}
