import { useMemo } from "preact/hooks";
import uPlot from "uplot";
import { get, query as params } from "../../api/client";
import { useResource } from "../../api/resource";
import type { AlarmOutcome, AlarmSimulation, Buckets } from "../../api/types";
import { t } from "../../i18n";
import { clockShort, day, num, plantZone } from "../../lib/format";
import { gapLimit, withGaps } from "../../lib/gaps";
import { lang, theme } from "../../lib/prefs";
import { verticalRange } from "../../lib/range";
import { useStore } from "../../lib/store";
import { axis, canvasFont, drawUnits, ink, Plot, plantDate } from "../../parts/plot";
import { Guarded } from "../../parts/states";

/** Height of the strip of one definition below the curve, in the canvas's own pixels. */
const STRIP = 9;

/** The series over the time that was simulated, both limits, and below it when each definition would have stood. */
export function Excursions({ of: s }: { of: AlarmSimulation }) {
  const [from, to] = [Date.parse(s.from), Date.parse(s.to)];
  const key = `excursions ${s.point} ${s.from} ${s.to}`;
  const answer = useResource<Buckets>(key, (signal) =>
    get(`series/buckets${params({ point: s.point, from: new Date(from).toISOString(), to: new Date(to).toISOString(), buckets: 600 })}`, signal),
  );
  return (
    <Guarded of={answer} every={Infinity}>
      {(buckets) => <Chart of={s} buckets={buckets} from={from} to={to} />}
    </Guarded>
  );
}

function Chart({ of: s, buckets, from, to }: { of: AlarmSimulation; buckets: Buckets; from: number; to: number }) {
  const gapped = useMemo(
    () => withGaps(buckets.t_ms, [buckets.max, buckets.min, buckets.mean], gapLimit(buckets.width_ms, undefined, buckets.t_ms), from, to),
    [buckets],
  );
  const data = useMemo(() => [gapped.x, ...gapped.columns] as uPlot.AlignedData, [gapped]);
  const definitions = JSON.stringify([s.proposed.definition, s.current?.definition]);
  const look = [useStore(theme), useStore(lang), useStore(plantZone), s.from, definitions, s.proposed.raised].join("\n");
  return (
    <figure class="trend">
      <Plot look={look} height={230} label={t("performance.excursions")} testid="excursions-chart" data={data} options={() => options(s, from, to)} />
      <figcaption class="readout">{t("performance.strips")}</figcaption>
    </figure>
  );
}

function options(s: AlarmSimulation, from: number, to: number): Omit<uPlot.Options, "width" | "height"> {
  const limits = { proposed: s.proposed.definition.limit, present: s.current?.definition.limit };
  return {
    tzDate: plantDate(),
    legend: { show: false },
    padding: [18, 16, 0, 4],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { time: true, range: () => [from / 1_000, to / 1_000] },
      // Room for the strips below what there is to see.
      y: {
        range: (_, low, high) => {
          const [a, b] = verticalRange(low ?? 0, high ?? 1, { h: limits.proposed, l: limits.present ?? limits.proposed, hh: null, ll: null }, undefined);
          return [a - (b - a) * 0.16, b];
        },
      },
    },
    series: [
      {},
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: "transparent", width: 0, points: { show: false } },
      { stroke: ink("trace"), width: 1.3, points: { show: false } },
    ],
    bands: [{ series: [1, 2], fill: ink("trace-band") }],
    axes: [
      axis({
        space: 90,
        size: 44,
        values: (_, splits, __, ___, step) =>
          splits.map((x, i) => {
            if (step >= 86_400) return day(x * 1_000);
            const newDay = i === 0 || day(x * 1_000) !== day(splits[i - 1]! * 1_000);
            return newDay ? `${clockShort(x * 1_000)}\n${day(x * 1_000)}` : clockShort(x * 1_000);
          }),
      }),
      axis({ size: 52, space: 26 }),
    ],
    hooks: {
      draw: [
        (u) => {
          const under = limits.present !== undefined && limits.present > limits.proposed;
          drawLimit(u, limits.proposed, `${t("performance.proposed")} ${num(limits.proposed, 4)}`, [], under);
          if (limits.present !== undefined && limits.present !== limits.proposed) drawLimit(u, limits.present, `${t("performance.present")} ${num(limits.present, 4)}`, [6, 4], !under);
          drawStrip(u, s.proposed, to, 1, true);
          if (s.current) drawStrip(u, s.current, to, 0, false);
          drawUnits(u, "", s.unit ?? "");
        },
      ],
    },
  };
}

/** A limit with its name above the line, or under it. */
function drawLimit(u: uPlot, v: number, name: string, dash: number[], under: boolean): void {
  const { ctx, bbox } = u;
  const y = u.valToPos(v, "y", true);
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = ink("ink");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((d) => d * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = canvasFont();
  ctx.fillStyle = ink("ink-2");
  ctx.textBaseline = under ? "top" : "bottom";
  ctx.textAlign = dash.length > 0 ? "right" : "left";
  ctx.fillText(name, dash.length > 0 ? bbox.left + bbox.width - 5 * devicePixelRatio : bbox.left + 5 * devicePixelRatio, y + (under ? 2 : -1) * devicePixelRatio);
  ctx.restore();
}

/** When a definition would have stood: filled for the proposed one, outlined for the present one. */
function drawStrip(u: uPlot, o: AlarmOutcome, end: number, row: number, filled: boolean): void {
  const { ctx, bbox } = u;
  const [height, gap] = [STRIP * devicePixelRatio, 4 * devicePixelRatio];
  const top = bbox.top + bbox.height - (row + 1) * (height + gap);
  ctx.save();
  ctx.strokeStyle = ink("ink");
  ctx.fillStyle = filled ? ink("p2") : "transparent";
  ctx.lineWidth = devicePixelRatio;
  for (const f of o.firings) {
    const left = u.valToPos(Date.parse(f.raised) / 1_000, "x", true);
    const right = u.valToPos((f.cleared ? Date.parse(f.cleared) : end) / 1_000, "x", true);
    const width = Math.max(2 * devicePixelRatio, right - left);
    ctx.fillRect(left, top, width, height);
    ctx.strokeRect(left, top, width, height);
  }
  ctx.restore();
}
